package pdq

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"testing"
)

// scene draws a picture without any symmetry.
func scene(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			u, v := float64(x)/float64(w), float64(y)/float64(h)
			f := 120 + 60*math.Sin(9*u+3*v*v) + 50*math.Cos(14*v-5*u*u) + 40*math.Sin(31*u*v+2*u)
			if math.Hypot(u-0.3, v-0.7) < 0.17 {
				f = 240 - 60*u
			}
			g := byte(max(0, min(255, f)))
			m.SetNRGBA(x, y, color.NRGBA{g, byte(max(0, min(255, f*0.8+30*u))), 255 - g, 255})
		}
	}
	return m
}

// turned gives a picture whose pixel x, y is from(x, y) of m.
func turned(m *image.NRGBA, w, h int, from func(x, y int) (int, int)) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			out.SetNRGBA(x, y, m.NRGBAAt(from(x, y)))
		}
	}
	return out
}

// TestOrientations turns the pixels themselves: the derived hash must be near the hash of the turned picture, and only of that
// one. They are not equal, because the 64x64 samples do not lie symmetrically.
func TestOrientations(t *testing.T) {
	const w, h = 320, 240
	m := scene(w, h)
	pictures := [8]*image.NRGBA{
		Upright:    m,
		Rotate90:   turned(m, h, w, func(x, y int) (int, int) { return w - 1 - y, x }),
		Rotate180:  turned(m, w, h, func(x, y int) (int, int) { return w - 1 - x, h - 1 - y }),
		Rotate270:  turned(m, h, w, func(x, y int) (int, int) { return y, h - 1 - x }),
		FlipX:      turned(m, w, h, func(x, y int) (int, int) { return x, h - 1 - y }),
		FlipY:      turned(m, w, h, func(x, y int) (int, int) { return w - 1 - x, y }),
		FlipPlus1:  turned(m, h, w, func(x, y int) (int, int) { return y, x }),
		FlipMinus1: turned(m, h, w, func(x, y int) (int, int) { return w - 1 - y, h - 1 - x }),
	}
	r, all := DihedralFromImage(m)
	if r != FromImage(m) || all[Upright] != r.Hash {
		t.Errorf("the upright one is %v, want %v", all[Upright], FromImage(m))
	}
	for o, p := range pictures {
		for q, h := range all {
			d := FromImage(p).Hash.Distance(h)
			if (o == q) != (d <= 24) {
				t.Errorf("derived %v is %d bits from the picture turned %v", Orientation(q), d, Orientation(o))
			}
		}
	}
}

// TestImageTypes hashes the same pixels in every form that image.Image takes here.
func TestImageTypes(t *testing.T) {
	for _, size := range [][2]int{{90, 70}, {700, 300}, {4, 100}} {
		m := scene(size[0], size[1])
		m.Pix[3] = 7 // transparency is ignored
		want := FromImage(m)
		rgb := make([]byte, 0, 3*size[0]*size[1])
		pal := image.NewPaletted(m.Rect, nil)
		grey := image.NewGray(m.Rect)
		for y := range size[1] {
			for x := range size[0] {
				c := m.NRGBAAt(x, y)
				rgb = append(rgb, c.R, c.G, c.B)
				grey.SetGray(x, y, color.Gray{c.G})
				pal.Palette = append(pal.Palette, c)
			}
		}
		if got, err := FromRGB(rgb, size[0], size[1], 3*size[0]); err != nil || got != want {
			t.Errorf("RGB of %v: %v, %v, want %v", size, got, err, want)
		}
		shifted := image.NewNRGBA(image.Rect(-3, 5, size[0]-3, size[1]+5))
		copy(shifted.Pix, m.Pix)
		if got := FromImage(shifted); got != want {
			t.Errorf("shifted bounds of %v: %v, want %v", size, got, want)
		}
		wide := turned(m, size[0]+9, size[1]+9, func(x, y int) (int, int) { return x - 4, y - 3 })
		if got := FromImage(wide.SubImage(image.Rect(4, 3, 4+size[0], 3+size[1]))); got != want {
			t.Errorf("part of a picture of %v: %v, want %v", size, got, want)
		}
		luma := make([]float32, 0, len(grey.Pix))
		for _, v := range grey.Pix {
			luma = append(luma, float32(v))
		}
		fromLuma, err := FromLuma(luma, size[0], size[1])
		if got := FromImage(grey); err != nil || got != fromLuma {
			t.Errorf("grey of %v: %v, want %v (%v)", size, got, fromLuma, err)
		}
	}
}

func TestWrongSizes(t *testing.T) {
	for _, c := range [][4]int{{0, 5, 0, 0}, {5, 0, 15, 75}, {5, 5, 14, 75}, {5, 5, 15, 74}, {-1, -1, 3, 75}, {1 << 40, 1 << 40, 15, 75}} {
		if r, err := FromRGB(make([]byte, c[3]), c[0], c[1], c[2]); err == nil {
			t.Errorf("%v: %v", c, r)
		}
	}
	if _, err := FromLuma(make([]float32, 24), 5, 5); err == nil {
		t.Error("24 values taken for 5x5")
	}
}

// TestFast measures what scaled decoding changes.
func TestFast(t *testing.T) {
	for _, size := range [][2]int{{100, 80}, {700, 600}, {1400, 1100}, {2100, 2060}} {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, scene(size[0], size[1]), &jpeg.Options{Quality: 85}); err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		b.Reset()
		jpeg.Encode(&b, scene(size[0], size[1]), &jpeg.Options{Quality: 85})
		fast, err := FromJPEG(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		full, meta := Full.FromImage(img), Meta512.FromImage(img)
		t.Logf("%v: fast is %d bits from full, %d from meta-512; full is %d from meta-512", size, fast.Hash.Distance(full.Hash),
			fast.Hash.Distance(meta.Hash), full.Hash.Distance(meta.Hash))
		if d := fast.Hash.Distance(full.Hash); d > 12 || fast.Profile != Fast {
			t.Errorf("%v: %d bits from full, profile %s", size, d, fast.Profile)
		}
		again, all, err := DihedralFromJPEG(b.Bytes())
		if err != nil || again != fast || all[Upright] != fast.Hash {
			t.Errorf("%v: the eight are of another picture: %v", size, err)
		}
	}
	if _, err := FromJPEG([]byte("basket")); err == nil {
		t.Error("something else is hashed as a JPEG file")
	}
}
