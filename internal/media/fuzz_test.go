package media

import (
	"bytes"
	"encoding/json"
	"errors"
	"image/gif"
	"io"
	"testing"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/pdq"
)

// fuzzPixels keeps a fuzzed decoder from spending its time on size.
const fuzzPixels = 1 << 16

func addFiles(f *testing.F, add func([]byte)) {
	m := pattern(24, 16, 1)
	g := &gif.GIF{}
	for i := range 3 {
		g.Image, g.Delay = append(g.Image, paletted(pattern(12, 8, uint64(i)))), append(g.Delay, 100)
	}
	for _, b := range [][]byte{encodePNG(f, m), encodeJPEG(f, m), withOrientation(encodeJPEG(f, m), 6), encodeGIF(f, m), encodeFilm(f, g),
		lyingPNG(f, 1<<30, 1), lyingJPEG(f, 300, 200), lyingGIF(f, 300, 200), endlessGIF(5, 3)} {
		add(b)
	}
}

// FuzzHash decodes anything: it ends in a failure with a known code or in an answer that the parent accepts.
func FuzzHash(f *testing.F) {
	addFiles(f, func(b []byte) { f.Add(b) })
	addFixtures(f, ".webp", ".bmp", ".tif")
	f.Fuzz(func(t *testing.T, b []byte) {
		if decoderOf(Sniff(b)) != commonDecoder {
			return // FuzzHEIF reads their structure; their decoders are too slow for this
		}
		r, err := hash(b, fuzzPixels)
		if err == nil {
			err = r.check(Sniff(b), fuzzPixels, pdq.Meta512)
			if err != nil {
				t.Fatalf("%+v: %v", r, err)
			}
		}
		var fail *failure
		if err != nil && !errors.As(err, &fail) {
			t.Fatal(err)
		}
		if m, err := preview(b, fuzzPixels, 32); err == nil {
			if _, err := parseRaster(raster(m), 32); err != nil {
				t.Fatal(err)
			}
		} else if !errors.As(err, &fail) {
			t.Fatal(err)
		}
	})
}

// FuzzChild feeds a child anything: it ends properly, and all that it wrote are messages.
func FuzzChild(f *testing.F) {
	addFiles(f, func(b []byte) {
		var in bytes.Buffer
		q := request{fuzzPixels, 32, b}
		for _, kind := range []byte{msgHash, msgPreview, msgSurvey, msgProbe} {
			if err := writeMessage(&in, kind, q.header(), q.file); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(in.Bytes())
	})
	f.Add([]byte{msgHash, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{msgHash, 0x20, 0, 0, 0, 1})
	limited := func(kind func([]byte) (byte, []byte, error)) handler {
		return func(body []byte) (byte, []byte, error) {
			if q, err := parseRequest(body); err == nil && (q.pixels > fuzzPixels || decoderOf(Sniff(q.file)) != commonDecoder) {
				return 0, nil, errWire // only to keep the fuzzing fast
			}
			return kind(body)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		err := serve(bytes.NewReader(b), &out, Protections{}, map[byte]handler{
			msgHash: limited(answerHash), msgPreview: limited(answerPreview), msgSurvey: limited(answerSurvey), msgProbe: limited(answerProbe)})
		if err != nil && !errors.Is(err, errWire) {
			t.Fatal(err)
		}
		for {
			kind, answer, err := readMessage(&out, func(byte) int { return maxRaster })
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if kind == msgFailure {
				var fail failure
				if err := decodeStrict(answer, &fail); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// FuzzAnswer reads anything as what a child wrote: it is refused, or it is within the limits and its words are ours.
func FuzzAnswer(f *testing.F) {
	r, err := hash(encodePNG(f, pattern(8, 8, 1)), fuzzPixels)
	if err != nil {
		f.Fatal(err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		f.Fatal(err)
	}
	for kind, body := range map[byte][]byte{msgResult: b, msgFailure: []byte(`{"code":"truncated"}`), msgPixels: {0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3},
		msgHello: []byte(`[{"name":"calls","obtained":true,"detail":"x"}]`)} {
		var m bytes.Buffer
		if err := writeMessage(&m, kind, body); err != nil {
			f.Fatal(err)
		}
		f.Add(m.Bytes())
	}
	f.Add([]byte{msgResult, 0x7f, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, body, err := readMessage(bytes.NewReader(b), func(byte) int { return maxText })
		if err != nil {
			if err != io.EOF && !errors.Is(err, errWire) {
				t.Fatal(err)
			}
			return
		}
		switch kind {
		case msgResult:
			var r Result
			if decodeStrict(body, &r) == nil && r.check("png", fuzzPixels, pdq.Meta512) == nil && (r.Width*r.Height > fuzzPixels || len(r.Frames) > 0) {
				t.Fatalf("accepted: %+v", r)
			}
		case msgFailure:
			var fail failure
			if decodeStrict(body, &fail) == nil {
				err := fail.fault("png", Limits{}.withDefaults())
				if fault.Of(err) == fault.Internal || len(err.Error()) > 200 {
					t.Fatal(err)
				}
			}
		case msgPixels:
			if m, err := parseRaster(body, 32); err == nil && (m.Bounds().Dx() > 32 || m.Bounds().Dy() > 32) {
				t.Fatal(m.Bounds())
			}
		}
	})
}
