package jpegluma

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"testing"
)

// draw makes a picture with smooth parts, edges and texture.
func draw(w, h int) *image.YCbCr {
	m := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	for y := range h {
		for x := range w {
			v := 128 + 80*math.Sin(float64(x)/17)*math.Cos(float64(y)/23) + float64((x*7^y*13)&31) - 16
			if (x/40+y/50)%3 == 0 {
				v = 255 - v
			}
			m.Y[m.YOffset(x, y)] = byte(max(0, min(255, v)))
			m.Cb[m.COffset(x, y)] = byte(x)
			m.Cr[m.COffset(x, y)] = byte(y)
		}
	}
	return m
}

func encode(t testing.TB, m image.Image, quality int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// plane gives the luma that image/jpeg sees.
func plane(m image.Image) (pix []byte, w, h int) {
	w, h = m.Bounds().Dx(), m.Bounds().Dy()
	for y := range h {
		for x := range w {
			switch m := m.(type) {
			case *image.YCbCr:
				pix = append(pix, m.Y[m.YOffset(x, y)])
			case *image.Gray:
				pix = append(pix, m.GrayAt(x, y).Y)
			default:
				return nil, w, h
			}
		}
	}
	return pix, w, h
}

// compare checks a full-size picture value by value, and a smaller one against averages.
func compare(t testing.TB, p Picture, m image.Image) {
	t.Helper()
	want, w, h := plane(m)
	if want == nil {
		t.Fatalf("decoded a %T as luma", m)
	}
	if p.FullWidth != w || p.FullHeight != h || p.Width != up(w*p.Scale, 8) || p.Height != up(h*p.Scale, 8) || len(p.Pix) != p.Width*p.Height {
		t.Fatalf("size %dx%d of %dx%d at %d/8, want %dx%d", p.Width, p.Height, p.FullWidth, p.FullHeight, p.Scale, w, h)
	}
	if p.Scale != 8 {
		return
	}
	for i, v := range p.Pix {
		if d := int(v) - int(want[i]); d < -1 || d > 1 {
			t.Fatalf("value %d,%d is %d, image/jpeg has %d", i%w, i/w, v, want[i])
		}
	}
}

func TestBaselineEqualsImageJPEG(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {7, 9}, {8, 8}, {16, 16}, {17, 33}, {200, 150}, {641, 481}} {
		for _, quality := range []int{5, 50, 90, 100} {
			m := draw(size[0], size[1])
			grey := image.NewGray(m.Rect)
			for y := range size[1] {
				for x := range size[0] {
					grey.SetGray(x, y, color.Gray{m.Y[m.YOffset(x, y)]})
				}
			}
			for _, src := range []image.Image{m, grey} {
				b := encode(t, src, quality)
				want, err := jpeg.Decode(bytes.NewReader(b))
				if err != nil {
					t.Fatal(err)
				}
				p, err := Decode(b, 1<<20, 1<<26)
				if err != nil {
					t.Fatalf("%v, quality %d, %T: %v", size, quality, src, err)
				}
				compare(t, p, want)
			}
		}
	}
}

// TestScales compares smaller pictures with the average of the pixels that each value stands for.
func TestScales(t *testing.T) {
	const w, h = 645, 517
	b := encode(t, draw(w, h), 90)
	full, err := Decode(b, 1<<20, 1<<26)
	if err != nil {
		t.Fatal(err)
	}
	for _, minSide := range []int{259, 130, 65} {
		p, err := Decode(b, minSide, 1<<26)
		if err != nil {
			t.Fatal(err)
		}
		if short := min(p.Width, p.Height); short < minSide || short >= 2*minSide {
			t.Errorf("short side %d for at least %d", short, minSide)
		}
		f := 8 / p.Scale
		sum, n := 0.0, 0
		for y := range h / f {
			for x := range w / f {
				mean := 0.0
				for j := range f {
					for i := range f {
						mean += float64(full.Pix[(y*f+j)*w+x*f+i])
					}
				}
				mean /= float64(f * f)
				d := float64(p.Pix[y*p.Width+x]) - mean
				sum += d * d
				n++
			}
		}
		if rms := math.Sqrt(sum / float64(n)); rms > 8 {
			t.Errorf("scale %d/8: %.1f from the averages", p.Scale, rms)
		} else {
			t.Logf("scale %d/8: %.2f from the averages", p.Scale, rms)
		}
	}
}
