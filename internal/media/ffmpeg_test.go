package media

import (
	"bytes"
	"fmt"
	"image"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

// scenes draws a film: every two seconds a new set of coloured discs and bars, large and small, which drift. rate is in frames a
// second.
func scenes(w, h, rate int, seed uint64) func(i int) *image.NRGBA {
	type shape struct {
		x, y, across, down float64 // of the middle and of half the size, in parts of the width and height
		dx, dy             float64 // a second
		round              bool
		colour             [4]byte
	}
	var shapes []shape
	drawn := -1
	return func(i int) *image.NRGBA {
		if scene := i / (2 * rate); scene != drawn {
			drawn, shapes = scene, shapes[:0]
			r := rand.New(rand.NewPCG(seed, uint64(scene)))
			for k := range 60 {
				size := 0.5 / (1 + float64(k)/4)
				shapes = append(shapes, shape{r.Float64(), r.Float64(), size * (0.3 + r.Float64()), size * (0.3 + r.Float64()), (r.Float64() - 0.5) * 0.02, (r.Float64() - 0.5) * 0.02,
					r.IntN(2) == 0, [4]byte{byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256)), 255}})
			}
		}
		at := float64(i%(2*rate)) / float64(rate)
		m := image.NewNRGBA(image.Rect(0, 0, w, h))
		fill(m, m.Rect)
		for _, s := range shapes {
			x, y, across, down := (s.x+s.dx*at)*float64(w), (s.y+s.dy*at)*float64(h), s.across*float64(w), s.down*float64(h)
			for py := max(0, int(y-down)); py < min(h, int(y+down)+1); py++ {
				for px := max(0, int(x-across)); px < min(w, int(x+across)+1); px++ {
					u, v := (float64(px)-x)/across, (float64(py)-y)/down
					if !s.round || u*u+v*v <= 1 {
						copy(m.Pix[m.PixOffset(px, py):], s.colour[:])
					}
				}
			}
		}
		return m
	}
}

// filmPool is newPool with a log that the test shows.
func filmPool(t *testing.T) *Pool {
	p := newPool(t, 1)
	p.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	return p
}

// small are arguments for a small H.264 film.
func small(more ...string) []string {
	return append([]string{"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "20"}, more...)
}

// TestFilmFrames codes pictures without loss, one each second, and expects their own hashes and times.
func TestFilmFrames(t *testing.T) {
	var drawn []*image.NRGBA
	for i := range 5 {
		drawn = append(drawn, scenes(160, 120, 1, uint64(40+i))(0))
	}
	b := clip(t, 160, 120, 10, 50, func(i int) *image.NRGBA { return drawn[i/10] }, "-c:v", "ffv1", "-pix_fmt", "bgr0", "mkv")
	p := filmPool(t)
	r, err := p.Hash(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if r.Kind != Video || r.Format != "webm or matroska" || r.Width != 160 || r.Height != 120 || r.Profile != string(pdq.Full) || r.Cut || r.Damaged ||
		r.Bytes != int64(len(b)) || len(r.SHA256) != 64 || len(r.Frames) != 5 {
		t.Fatalf("%+v", r)
	}
	for i, f := range r.Frames {
		want := pdq.Full.FromImage(drawn[i])
		if f.Hash != want.Hash || f.Quality != want.Quality || f.At != time.Duration(i)*time.Second || f.Index != 10*i {
			t.Errorf("frame %d: %v, want %v", i, f, want)
		}
	}
	p = filmPool(t)
	p.Limits.Every = 250 * time.Millisecond
	if r, err = p.Hash(t.Context(), b); err != nil || len(r.Frames) != 20 || r.Frames[7].At != 1750*time.Millisecond {
		t.Errorf("four a second: %d frames, %v", len(r.Frames), err)
	}
	small, err := p.Preview(t.Context(), b, 80)
	if err != nil {
		t.Fatal(err)
	}
	still, err := p.Preview(t.Context(), encodePNG(t, drawn[0]), 80)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(small, still) {
		t.Error("the preview of a film is not that of its first frame")
	}
}

// TestFilmFormats makes one film in every container that is known, and sees that all are the same film.
func TestFilmFormats(t *testing.T) {
	const w, h, rate, seconds = 176, 144, 10, 4
	original := clip(t, w, h, rate, rate*seconds, scenes(w, h, rate, 5), "-c:v", "ffv1", "mkv")
	p := filmPool(t)
	whole, err := p.Hash(t.Context(), original)
	if err != nil {
		t.Fatal(err)
	}
	for format, outputs := range map[string][][]string{
		"mp4":              {small("mp4"), small("-movflags", "+faststart", "mp4"), {"-c:v", "libx265", "-x265-params", "log-level=none", "mp4"}, {"-r", "15", "-c:v", "h263", "3gp"}},
		"quicktime":        {small("mov"), {"-c:v", "mjpeg", "-q:v", "3", "mov"}},
		"webm or matroska": {{"-c:v", "libvpx", "-b:v", "1M", "webm"}, {"-c:v", "libvpx-vp9", "-b:v", "1M", "-cpu-used", "8", "webm"}, {"-c:v", "libsvtav1", "-preset", "12", "mkv"}},
		"avi":              {{"-c:v", "mpeg4", "-q:v", "3", "avi"}},
		"flash video":      {{"-c:v", "flv1", "-q:v", "3", "flv"}},
		"mpeg stream":      {small("ts")},
		"mpeg":             {{"-r", "25", "-c:v", "mpeg1video", "-b:v", "1M", "mpg"}},
		"mpeg video":       {{"-r", "25", "-c:v", "mpeg2video", "-b:v", "1M", "-f", "mpeg2video", "m2v"}},
		"windows media":    {{"-c:v", "wmv2", "-q:v", "3", "wmv"}},
		"ogg":              {{"-c:v", "libtheora", "-q:v", "7", "ogv"}},
	} {
		for _, output := range outputs {
			t.Run(fmt.Sprint(format, " ", output[:2]), func(t *testing.T) {
				r, err := p.Hash(t.Context(), again(t, original, output...))
				if err != nil || r.Format != format || r.Width != w || r.Height != h || r.Damaged || r.Cut || len(r.Frames) < seconds || len(r.Frames) > seconds+1 {
					t.Fatalf("%s, %dx%d, %d frames, damaged %v: %v", r.Format, r.Width, r.Height, len(r.Frames), r.Damaged, err)
				}
				if q, a := vpdq.Match(r.Frames, whole.Frames, vpdq.MaxDistance, vpdq.MinQuality); q < 0.8 || a < 0.8 {
					t.Errorf("shares %.2f and %.2f", q, a)
				}
			})
		}
	}
}

// TestFilmSound has no picture in it, or only that of a cover.
func TestFilmSound(t *testing.T) {
	p := filmPool(t)
	tone := []string{"-f", "lavfi", "-i", "sine=duration=1"}
	cover := t.TempDir() + "/cover.png"
	writeFile(t, cover, encodePNG(t, pattern(64, 64, 1)))
	for name, b := range map[string][]byte{
		"mp4":      convert(t, nil, tone, "-c:a", "aac", "mp4"),
		"ogg":      convert(t, nil, tone, "-c:a", "libvorbis", "ogg"),
		"matroska": convert(t, nil, tone, "-c:a", "libopus", "mka"),
		"cover":    convert(t, nil, append(tone, "-i", cover), "-c:a", "aac", "-c:v", "png", "-disposition:v:0", "attached_pic", "m4a"),
	} {
		r, err := p.Hash(t.Context(), b)
		if fault.Of(err) != fault.NotSupported || fault.Code(err) != "no_picture" || len(r.SHA256) != 64 || r.Kind != "" {
			t.Errorf("%s: %+v, %v (%s); want no_picture", name, r, err, fault.Code(err))
		}
	}
}

// TestFilmLong plays ten hours of black.
func TestFilmLong(t *testing.T) {
	b := convert(t, nil, []string{"-f", "lavfi", "-i", "color=black:s=64x48:r=1:d=36000"}, small("mp4")...)
	r, err := filmPool(t).Hash(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	last := r.Frames[len(r.Frames)-1]
	t.Logf("%d bytes, %d frames, the last at %v, cut %v", len(b), len(r.Frames), last.At, r.Cut)
	if last.Quality != 0 || !r.Cut && (len(r.Frames) != 36000 || last.At != 36000*time.Second-time.Second) {
		t.Errorf("%d frames, last %v", len(r.Frames), last)
	}
	if q, _ := vpdq.Match(r.Frames, r.Frames, vpdq.MaxDistance, vpdq.MinQuality); q != 0 {
		t.Error("black matches black")
	}
}

// TestFilmHidden hides what happens in frames that no other refers to: they are seen all the same.
func TestFilmHidden(t *testing.T) {
	const w, h, rate = 160, 120, 5
	b := clip(t, w, h, rate, 8*rate, scenes(w, h, rate, 6), "-pix_fmt", "yuv420p", "-c:v", "libx264", "-x264-params", "keyint=999:scenecut=0:bframes=16:b-adapt=0:b-pyramid=none", "mp4")
	quick, every := filmPool(t), filmPool(t)
	every.Limits.EveryFrame = true
	r, err := quick.Hash(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	want, err := every.Hash(t.Context(), b)
	if err != nil || len(want.Frames) != 8 || fmt.Sprint(r.Frames) != fmt.Sprint(want.Frames) {
		t.Errorf("%v, want %v, %v", r.Frames, want.Frames, err)
	}
}

// TestFilmCut cuts films at every twentieth part, and breaks them in the middle: each ends in an answer or in a fault with a code.
func TestFilmCut(t *testing.T) {
	const w, h, rate = 96, 64, 5
	p := filmPool(t)
	for _, output := range [][]string{small("mp4"), small("mkv"), {"-c:v", "mpeg4", "avi"}} {
		b := clip(t, w, h, rate, 6*rate, scenes(w, h, rate, 7), output...)
		parts := 0
		for i := 1; i < 20; i++ {
			cut := b[:len(b)*i/20]
			broken := bytes.Clone(b)
			for k := range 20 {
				broken[len(b)*i/20+k-min(k, len(b)-len(b)*i/20-1)] ^= 0xff
			}
			for _, film := range [][]byte{cut, broken} {
				r, err := p.Hash(t.Context(), film)
				switch {
				case err == nil && r.Kind == Video && len(r.Frames) > 0:
					parts++
				case err == nil, fault.Of(err) != fault.Invalid && fault.Of(err) != fault.NotSupported && fault.Of(err) != fault.TooLarge, len(r.SHA256) != 64:
					t.Errorf("%v, part %d of 20: %+v, %v", output, i, r, err)
				}
			}
		}
		t.Logf("%v: %d of 38 gave frames", output, parts)
	}
}

func TestFilmLimits(t *testing.T) {
	const w, h, rate = 640, 400, 5
	b := clip(t, w, h, rate, 10*rate, scenes(w, h, rate, 8), small("mp4")...)
	expect := func(name string, p *Pool, kind fault.Kind, code string) {
		t.Helper()
		r, err := p.Hash(t.Context(), b)
		if fault.Of(err) != kind || fault.Code(err) != code || len(r.Frames) > 0 || len(r.SHA256) != 64 {
			t.Errorf("%s: %d frames, %v (%s); want %s %s", name, len(r.Frames), err, fault.Code(err), kind, code)
		}
	}
	p := filmPool(t)
	p.Limits.Pixels = w*h - 1
	expect("pixels", p, fault.TooLarge, failPixels)
	p = filmPool(t)
	p.Limits.Play = time.Nanosecond
	expect("time", p, fault.TooLarge, "time")
	p = filmPool(t)
	p.Close()
	expect("closed", p, fault.Unavailable, "closed")
	p = NewPool("/nowhere/raksha", 1)
	defer p.Close()
	expect("no child", p, fault.Internal, "internal")
	p = NewPool("/bin/true", 1)
	defer p.Close()
	expect("another program", p, fault.Internal, "internal")
	t.Setenv("PATH", t.TempDir())
	expect("no ffmpeg", filmPool(t), fault.NotSupported, "no_ffmpeg")
}
