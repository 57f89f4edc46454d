package media

import (
	"errors"
	"image"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// addFixtures adds the fixtures with these endings, as far as they are small.
func addFixtures(f *testing.F, endings ...string) {
	for _, e := range endings {
		names, err := filepath.Glob("testdata/*" + e)
		if err != nil || len(names) == 0 {
			f.Fatalf("%s: %v, %d files", e, err, len(names))
		}
		for _, n := range names {
			b, err := os.ReadFile(n)
			if err != nil {
				f.Fatal(err)
			}
			if len(b) < 16<<10 {
				f.Add(b)
			}
		}
	}
}

// FuzzSniff names anything, and the name is one that an answer may hold.
func FuzzSniff(f *testing.F) {
	addFixtures(f, ".heic", ".avif", ".webp")
	for _, s := range signatures {
		f.Add(append(make([]byte, s.offset), s.magic...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if name := Sniff(b); !slices.Contains(formatNames(), name) {
			t.Fatal(name)
		}
	})
}

// FuzzOrientation reads Exif data of every format: whatever they are, the picture is turned in one of eight ways.
func FuzzOrientation(f *testing.F) {
	m := pattern(8, 8, 1)
	f.Add(exifOf(6))
	f.Add(withOrientation(encodeJPEG(f, m), 6))
	f.Add(plainTIFF(m, quarterLeft))
	f.Add(withEXIF(fixture(f, "lossy.webp"), 320, 240, exifOf(3)))
	b := encodePNG(f, m)
	f.Add(slices.Concat(b[:33], pngChunk("eXIf", exifOf(8)), b[33:]))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, read := range []func([]byte) orientation{jpegOrientation, pngOrientation, tiffOrientation, webpOrientation, heifOrientation} {
			if o := read(b); o < upright || o > quarterLeft {
				t.Fatal(o)
			}
		}
	})
}

// FuzzHEIF reads the structure of anything as AVIF or HEIC.
func FuzzHEIF(f *testing.F) {
	addFixtures(f, ".heic", ".avif")
	for _, h := range hostileFiles() {
		if b := h.make; len(h.name) > 4 && (h.name[:4] == "avif" || h.name[:4] == "heic") && h.name[5:] != "of properties" {
			f.Add(b(f))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHEIF(b)
		var fail *failure
		switch {
		case err == nil && (h.width <= 0 || h.height < 0 || h.turn < upright || h.turn > quarterLeft):
			t.Fatalf("%+v", h)
		case err != nil && !errors.As(err, &fail) && !errors.Is(err, errHEIF):
			t.Fatal(err)
		}
	})
}

// FuzzWebP takes anything apart as a film.
func FuzzWebP(f *testing.F) {
	addFixtures(f, ".webp")
	f.Fuzz(func(t *testing.T, b []byte) {
		webpOrientation(b)
		w, err := scanWebP(b, fuzzPixels)
		if err != nil {
			var fail *failure
			if !errors.As(err, &fail) {
				t.Fatal(err)
			}
			return
		}
		if len(w.frames) == 0 || w.width*w.height > fuzzPixels {
			t.Fatalf("%d frames, %dx%d", len(w.frames), w.width, w.height)
		}
		shown := 0
		if err := w.play([]int{len(w.frames) - 1}, func(_ int, m *image.NRGBA) { shown++ }); err == nil && shown == 0 && !w.damaged {
			t.Fatal("neither a frame nor a word of damage")
		}
	})
}

// FuzzContainer lists anything as each kind of container: what it says is what an answer may say.
func FuzzContainer(f *testing.F) {
	for _, b := range containerExamples(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for format, list := range containers {
			r, err := listContainer(b, format, list)
			var fail *failure
			switch {
			case err == nil && r.checkContainer() != nil:
				t.Fatalf("%+v: %v", r, r.checkContainer())
			case err != nil && !errors.As(err, &fail):
				t.Fatal(err)
			}
		}
	})
}
