package story

import (
	"bytes"
	"image"
	"image/gif"
	"image/jpeg"
	"strings"
	"testing"

	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

func decoded(t *testing.T, b []byte) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// clip hashes every frame of a motion file.
func clip(t *testing.T, b []byte) []vpdq.Frame {
	t.Helper()
	m, err := gif.DecodeAll(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var out []vpdq.Frame
	for i, img := range m.Image {
		r := pdq.FromImage(img)
		out = append(out, vpdq.Frame{Index: i, Hash: r.Hash, Quality: r.Quality})
	}
	return out
}

// TestPictures holds the pictures to what the story needs, by real encoding and decoding.
func TestPictures(t *testing.T) {
	originals, err := makeOriginals(7)
	if err != nil {
		t.Fatal(err)
	}
	w := &World{originals: originals, media: map[string]mediaSpec{}}
	var listed []pdq.Hash
	for i, o := range originals[:listedPictures] {
		img := decoded(t, o.bytes)
		r := pdq.FromImage(img)
		if r.Quality < 80 {
			t.Errorf("original %d has quality %d", i, r.Quality)
		}
		if e := Eye(img); e != EyeListed {
			t.Errorf("original %d: an eye says %s", i, e)
		}
		if o.list[2].Value != r.Hash.String() {
			t.Errorf("original %d is listed as %s, hashes to %s", i, o.list[2].Value, r.Hash)
		}
		listed = append(listed, r.Hash)
	}
	for i := range listedPictures {
		for n := range 6 {
			w.media["x"] = mediaSpec{alteredCopy, i, uint64(n)}
			kind, b, err := w.Media("x")
			if err != nil || kind != typeJPEG {
				t.Fatal(kind, err)
			}
			img := decoded(t, b)
			if d := pdq.FromImage(img).Hash.Distance(listed[i]); d > 31 {
				t.Errorf("copy %d of %d (%v) is %d bits away", n, i, img.Bounds(), d)
			}
			if bytes.Equal(b, originals[i].bytes) {
				t.Errorf("copy %d of %d is not altered", n, i)
			}
			if e := Eye(img); e != EyeListed {
				t.Errorf("copy %d of %d: an eye says %s", n, i, e)
			}
		}
		for n := range 3 {
			w.media["x"] = mediaSpec{lookAlike, i, uint64(n)}
			_, b, _ := w.Media("x")
			img := decoded(t, b)
			r := pdq.FromImage(img)
			if d := r.Hash.Distance(listed[i]); d > 31 || r.Quality < 50 {
				t.Errorf("look-alike %d of %d is %d bits away, quality %d", n, i, d, r.Quality)
			}
			if e := Eye(img); e != EyeOther {
				t.Errorf("look-alike %d of %d: an eye says %s", n, i, e)
			}
		}
	}
	for n := range 60 {
		w.media["x"] = mediaSpec{ordinaryPicture, 0, uint64(n)}
		_, b, _ := w.Media("x")
		img := decoded(t, b)
		h := pdq.FromImage(img).Hash
		for i, l := range listed {
			if d := h.Distance(l); d <= 60 {
				t.Errorf("ordinary picture %d is %d bits from original %d", n, d, i)
			}
		}
		if e := Eye(img); e != EyeUnsure {
			t.Errorf("ordinary picture %d: an eye says %s", n, e)
		}
	}
}

// TestMotion holds motion media to the same, frame by frame.
func TestMotion(t *testing.T) {
	originals, err := makeOriginals(7)
	if err != nil {
		t.Fatal(err)
	}
	w := &World{originals: originals, media: map[string]mediaSpec{}}
	for i := listedPictures; i < len(originals); i++ {
		list, err := vpdq.Parse(strings.NewReader(originals[i].list[2].Value))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			if f.Quality < 60 {
				t.Errorf("clip %d frame %d has quality %d", i, f.Index, f.Quality)
			}
		}
		for n := range 3 {
			w.media["x"] = mediaSpec{alteredCopy, i, uint64(n)}
			kind, b, err := w.Media("x")
			if err != nil || kind != typeGIF {
				t.Fatal(kind, err)
			}
			q, c := vpdq.Match(clip(t, b), list, 31, 50)
			if q < 0.8 || c < 0.8 {
				t.Errorf("copy %d of clip %d: %.2f of its frames are listed, %.2f of the list found", n, i, q, c)
			}
		}
		w.media["x"] = mediaSpec{ordinaryClip, 0, uint64(i)}
		_, b, _ := w.Media("x")
		if q, c := vpdq.Match(clip(t, b), list, 31, 50); q+c > 0 {
			t.Errorf("an ordinary clip matches clip %d: %.2f %.2f", i, q, c)
		}
	}
}

func BenchmarkPicture(b *testing.B) {
	originals, err := makeOriginals(7)
	if err != nil {
		b.Fatal(err)
	}
	w := &World{originals: originals, media: map[string]mediaSpec{
		"copy": {alteredCopy, 3, 5}, "lookalike": {lookAlike, 3, 5}, "ordinary": {ordinaryPicture, 0, 5}, "clip": {alteredCopy, listedPictures, 5}}}
	for id := range w.media {
		b.Run(id, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := w.Media(id); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOriginals(b *testing.B) {
	for b.Loop() {
		if _, err := makeOriginals(7); err != nil {
			b.Fatal(err)
		}
	}
}
