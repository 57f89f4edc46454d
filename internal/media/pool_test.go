package media

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/pdq"
)

// working checks that the pool still does its work.
func working(t *testing.T, p *Pool) {
	t.Helper()
	r, err := p.Hash(t.Context(), encodePNG(t, pattern(64, 64, 1)))
	if err != nil || r.Kind != Image || len(r.PDQ) != 64 {
		t.Fatalf("the pool no longer works: %+v, %v", r, err)
	}
}

// TestChildFails lets children fail in every way; the parent names the reason and lives.
func TestChildFails(t *testing.T) {
	p := newPool(t, 1)
	p.Limits.Time = 20 * time.Second
	for _, c := range []struct {
		name string
		kind fault.Kind
		code string
	}{
		{"memory", fault.TooLarge, "memory"},
		{"panic", fault.Invalid, "decoder_failed"},
		{"exit", fault.Invalid, "decoder_failed"},
		{"babble", fault.Invalid, "decoder_failed"},
		{"flood", fault.Invalid, "decoder_failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
			said, err := try(t, p, c.name)
			if fault.Of(err) != c.kind || fault.Code(err) != c.code {
				t.Errorf("%q, %v; want %s %s", said, err, c.kind, c.code)
			}
			working(t, p)
		})
	}
}

func TestTimeLimit(t *testing.T) {
	p := newPool(t, 1)
	working(t, p)
	p.Limits.Time = 50 * time.Millisecond
	_, err := try(t, p, "sleep")
	if fault.Of(err) != fault.TooLarge || fault.Code(err) != "time" {
		t.Errorf("%v; want the time limit", err)
	}
	p.Limits.Time = 0
	working(t, p)
}

func TestCancel(t *testing.T) {
	p := newPool(t, 1)
	working(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	err := p.exchange(ctx, commonDecoder, msgTry, 0, []byte("sleep"), msgResult, func([]byte) error { return nil })
	if fault.Of(err) != fault.Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want cancelled", err)
	}
	if _, err := p.Hash(ctx, encodePNG(t, pattern(64, 64, 1))); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
	working(t, p)
}

func TestClose(t *testing.T) {
	p := newPool(t, 2)
	working(t, p)
	under := make(chan error)
	go func() {
		_, err := try(t, p, "sleep")
		under <- err
	}()
	for len(p.slots) == 2 { // until the child has its request
		time.Sleep(time.Millisecond)
	}
	p.Close()
	if err := <-under; fault.Code(err) != "closed" {
		t.Errorf("under way: %v; want closed", err)
	}
	if _, err := p.Hash(t.Context(), encodePNG(t, pattern(64, 64, 1))); fault.Code(err) != "closed" {
		t.Errorf("later: %v; want closed", err)
	}
	p.Close()
}

func TestNoChild(t *testing.T) {
	for _, exe := range []string{"/nowhere/raksha", "/bin/true", "/bin/cat"} {
		p := NewPool(exe, 1)
		defer p.Close()
		if _, err := p.Hash(t.Context(), encodePNG(t, pattern(64, 64, 1))); fault.Of(err) != fault.Internal {
			t.Errorf("%s: %v; want internal", exe, err)
		}
	}
}

// TestRecycle sees that a child is replaced after its number of files and after an error, and not before.
func TestRecycle(t *testing.T) {
	p := newPool(t, 1)
	p.Limits.Items = 3
	child := func() *process { s := <-p.slots; p.slots <- s; return s[commonDecoder] }
	working(t, p)
	first := child()
	working(t, p)
	if child() != first {
		t.Error("replaced too early")
	}
	working(t, p)
	if child() != nil {
		t.Error("not retired after three files")
	}
	working(t, p)
	second := child()
	if second == nil || second == first {
		t.Error("not replaced")
	}
	if _, err := p.Hash(t.Context(), []byte("GIF89a")); fault.Code(err) != failTruncated {
		t.Errorf("%v; want truncated", err)
	}
	if child() != nil {
		t.Error("not retired after an error")
	}
	if err := second.cmd.Process.Signal(os.Kill); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("the retired child was left behind: %v", err)
	}
}

// TestConcurrent lets many callers share few children, half of them with files that fail.
func TestConcurrent(t *testing.T) {
	p := newPool(t, 2)
	good, bad := encodePNG(t, pattern(200, 100, 2)), encodePNG(t, pattern(200, 100, 2))[:500]
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			if i%2 == 0 {
				if _, err := p.Hash(t.Context(), good); err != nil {
					t.Error(err)
				}
			} else if _, err := p.Hash(t.Context(), bad); fault.Of(err) != fault.Invalid {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestHashOfPicture(t *testing.T) {
	p := newPool(t, 1)
	m := pattern(300, 200, 3)
	for format, b := range map[string][]byte{"png": encodePNG(t, m), "jpeg": encodeJPEG(t, m), "gif": encodeGIF(t, m)} {
		r, err := p.Hash(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		if r.Kind != Image || r.Format != format || r.Width != 300 || r.Height != 200 || r.Bytes != int64(len(b)) ||
			r.SHA256 != hex.EncodeToString(sum[:]) || len(r.MD5) != 32 || r.Profile != string(pdq.Meta512) || r.Upright != "" || r.Damaged {
			t.Errorf("%s: %+v", format, r)
		}
		decoded, _, err := image.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if want := pdq.FromImage(decoded); r.PDQ != want.Hash.String() || r.Quality != want.Quality || r.Quality < 50 {
			t.Errorf("%s: %s with quality %d, want %s with %d", format, r.PDQ, r.Quality, want.Hash, want.Quality)
		}
	}
}

// TestRefused sees what is refused, by whom, and that exact hashes come with it.
func TestRefused(t *testing.T) {
	p := newPool(t, 1)
	p.Limits = Limits{Bytes: 1 << 20, Pixels: 1_000_000}
	for name, c := range map[string]struct {
		b     []byte
		kind  fault.Kind
		code  string
		exact bool
	}{
		"nothing":            {nil, fault.Invalid, "empty", false},
		"too many bytes":     {append([]byte("GIF89a"), make([]byte, 1<<20)...), fault.TooLarge, "too_many_bytes", false},
		"a web picture":      {[]byte("RIFF\x00\x00\x00\x00WEBPVP8 "), fault.Invalid, failMalformed, true},
		"a film":             {[]byte("FWS\x05 a film of drawings"), fault.NotSupported, failFormat, true},
		"text":               {[]byte("the kite is by the river"), fault.NotSupported, failFormat, true},
		"zero bytes":         {make([]byte, 1000), fault.NotSupported, failFormat, true},
		"a wide PNG":         {lyingPNG(t, 100_000, 100_000), fault.TooLarge, failPixels, true},
		"a PNG of overflow":  {lyingPNG(t, 1<<31-1, 1<<31-1), fault.NotSupported, failFormat, true},
		"a PNG without size": {lyingPNG(t, 0, 10), fault.Invalid, failMalformed, true},
		"a PNG too short":    {lyingPNG(t, 1000, 999), fault.Invalid, failMalformed, true},
		"a large JPEG":       {lyingJPEG(t, 65535, 65535), fault.TooLarge, failPixels, true},
		"a JPEG too short":   {lyingJPEG(t, 1000, 999), fault.Invalid, failMalformed, true},
		"a large GIF":        {lyingGIF(t, 65535, 65535), fault.TooLarge, failPixels, true},
		"only a beginning":   {[]byte("\xff\xd8\xff"), fault.Invalid, failTruncated, true},
		"a GIF of frames":    {endlessGIF(maxGIFFrames+1, 1), fault.TooLarge, failFrames, true},
		"a GIF of pixels":    {endlessGIF(50, 500), fault.TooLarge, failFrames, true},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := p.Hash(t.Context(), c.b)
			if fault.Of(err) != c.kind || fault.Code(err) != c.code {
				t.Errorf("%v (%s); want %s %s", err, fault.Code(err), c.kind, c.code)
			}
			if r.Kind != "" || r.Bytes != int64(len(c.b)) || (r.SHA256 != "") != c.exact || (r.MD5 != "") != c.exact {
				t.Errorf("result %+v", r)
			}
			if _, err := p.Preview(t.Context(), c.b, 100); name != "a GIF of frames" && fault.Code(err) != c.code {
				t.Errorf("preview: %v", err)
			}
		})
	}
	working(t, p)
}

func TestExtremeShapes(t *testing.T) {
	p := newPool(t, 1)
	for _, size := range []image.Point{{1, 1}, {100_000, 1}, {1, 100_000}, {4, 4}, {5, 5}} {
		r, err := p.Hash(t.Context(), encodePNG(t, image.NewGray(image.Rect(0, 0, size.X, size.Y))))
		if err != nil || r.Quality != 0 || r.Width != size.X || r.Height != size.Y {
			t.Errorf("%v: %+v, %v", size, r, err)
		}
		if _, err := p.Preview(t.Context(), encodePNG(t, image.NewGray(image.Rect(0, 0, size.X, size.Y))), 64); err != nil {
			t.Errorf("%v: preview: %v", size, err)
		}
	}
}

// TestCut sends files that end early. Each gives a typed error or a result that says so; the parent lives.
func TestCut(t *testing.T) {
	p := newPool(t, 2)
	m := pattern(40, 30, 4)
	for format, b := range map[string][]byte{"png": encodePNG(t, m), "jpeg": encodeJPEG(t, m), "gif": encodeGIF(t, m)} {
		for i := range 12 {
			cut := b[:(i+1)*len(b)/13]
			r, err := p.Hash(t.Context(), cut)
			switch kind := fault.Of(err); {
			case err == nil && !r.Damaged && format != "jpeg" && i < 11:
				t.Errorf("%s cut at %d: %+v", format, len(cut), r)
			case err != nil && kind != fault.Invalid:
				t.Errorf("%s cut at %d: %v", format, len(cut), err)
			}
		}
	}
	working(t, p)
}

func TestPreview(t *testing.T) {
	p := newPool(t, 1)
	m := image.NewNRGBA(image.Rect(0, 0, 400, 200)) // the left half red, the right half nothing
	for y := range 200 {
		for x := range 200 {
			m.Set(x, y, color.NRGBA{200, 0, 0, 255})
		}
	}
	for _, c := range []struct{ side, width, height int }{{100, 100, 50}, {400, 400, 200}, {2048, 400, 200}, {1, 1, 1}} {
		b, err := p.Preview(t.Context(), encodePNG(t, m), c.side)
		if err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if s := got.Bounds().Size(); s != image.Pt(c.width, c.height) {
			t.Errorf("side %d: %v", c.side, s)
		}
		if c.side == 1 {
			continue
		}
		for x, want := range map[int]color.RGBA{c.width / 4: {200, 0, 0, 255}, c.width * 3 / 4: {255, 255, 255, 255}} {
			if have := color.RGBAModel.Convert(got.At(x, c.height/2)); have != want {
				t.Errorf("side %d at %d: %v, want %v", c.side, x, have, want)
			}
		}
	}
	for _, side := range []int{-1, 0, MaxPreview + 1} {
		if _, err := p.Preview(t.Context(), encodePNG(t, m), side); fault.Of(err) != fault.Invalid {
			t.Errorf("side %d: %v", side, err)
		}
	}
}

// benchmarkFile is a JPEG file of about 100 KB with 1024x768 pixels.
func benchmarkFile(b *testing.B) []byte {
	m := pattern(1024, 768, 5)
	grain := rand.New(rand.NewPCG(5, 5))
	for i := range m.Pix {
		m.Pix[i] = uint8(max(0, min(255, int(m.Pix[i])+grain.IntN(17)-8)))
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, m, &jpeg.Options{Quality: 80}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(file.Len()))
	b.ResetTimer()
	return file.Bytes()
}

// BenchmarkInProcess decodes and hashes in the process itself; BenchmarkPool does the same with as many children as this has
// goroutines. raksha bench media measures both by turns.
func BenchmarkInProcess(b *testing.B) {
	file := benchmarkFile(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := hash(file, 1<<30); err != nil {
				b.Error(err)
			}
			sha256.Sum256(file)
			md5.Sum(file)
		}
	})
}

func BenchmarkPool(b *testing.B) {
	file := benchmarkFile(b)
	p := newPool(b, runtime.GOMAXPROCS(0))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := p.Hash(b.Context(), file); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkStart measures the start of a child of each decoder, with one file.
func BenchmarkStart(b *testing.B) {
	for _, name := range []string{"small.png", "420.avif", "420.heic"} {
		b.Run(name, func(b *testing.B) {
			p := newPool(b, 1)
			p.Limits.Items = 1
			file := fixture(b, name)
			for b.Loop() {
				if _, err := p.Hash(b.Context(), file); err != nil {
					b.Error(err)
				}
			}
		})
	}
}
