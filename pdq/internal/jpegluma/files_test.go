package jpegluma

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
)

// files are synthetic patterns of many kinds of JPEG, made with libjpeg.
func files(t testing.TB) map[string][]byte {
	names, err := filepath.Glob("testdata/*.jpg")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(name)] = b
	}
	return out
}

func TestFilesEqualImageJPEG(t *testing.T) {
	for name, b := range files(t) {
		t.Run(name, func(t *testing.T) {
			reference := b
			if name == "progressive422restart.jpg" {
				// image/jpeg counts restart intervals of such scans differently; the same picture without them tells.
				reference = files(t)["progressive422.jpg"]
			}
			want, err := jpeg.Decode(bytes.NewReader(reference))
			if err != nil {
				t.Fatal(err)
			}
			full, err := Decode(b, 1<<20, 1<<26)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, full, want)
			for _, minSide := range []int{24, 12, 6} {
				p, err := Decode(b, minSide, 1<<26)
				if err != nil {
					t.Fatalf("short side %d: %v", minSide, err)
				}
				compare(t, p, want)
				// The mean must stay: it is one coefficient of every block. Blocks that hang over the edge count whole.
				if d := mean(p.Pix) - mean(full.Pix); d < -5 || d > 5 {
					t.Errorf("scale %d/8: the mean is off by %.1f", p.Scale, d)
				}
			}
		})
	}
}

func mean(b []byte) float64 {
	n := 0
	for _, v := range b {
		n += int(v)
	}
	return float64(n) / float64(len(b))
}

// TestDamage cuts files short and changes bytes: the decoder must give up or finish, and never agree to more than image/jpeg does at
// full size.
func TestDamage(t *testing.T) {
	for name, b := range files(t) {
		for cut := 0; cut < len(b); cut += 1 + len(b)/150 {
			check(t, b[:cut])
			c := bytes.Clone(b)
			c[cut] ^= byte(1 + cut%255)
			if t.Run(fmt.Sprintf("%s, byte %d", name, cut), func(t *testing.T) { check(t, c) }); t.Failed() {
				return
			}
		}
	}
}

// check decodes at all scales and compares with image/jpeg where both succeed.
func check(t testing.TB, b []byte) {
	const limit = 1 << 20
	full, err := Decode(b, 1<<20, limit)
	for _, minSide := range []int{1, 10, 50} {
		Decode(b, minSide, limit)
	}
	if err != nil {
		return
	}
	if bytes.Contains(b, []byte{0xff, 0xc2}) {
		return // damage in the colour of a progressive file is passed over here; image/jpeg lets it change later scans
	}
	want, err := jpeg.Decode(bytes.NewReader(b))
	if err == nil {
		compare(t, full, want)
	}
}

func FuzzDecode(f *testing.F) {
	for _, b := range files(f) {
		f.Add(b)
	}
	f.Add(encode(f, draw(33, 17), 40))
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}

func TestUnusualFilesAreLeftToOthers(t *testing.T) {
	good := encode(t, draw(40, 40), 80)
	change := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good)) }
	sof := bytes.Index(good, []byte{0xff, 0xc0})
	steep := func(entries ...int) []byte { // large coefficients, made larger yet by the first quantiser
		b := encode(t, draw(40, 40), 100)
		for _, i := range entries {
			b[bytes.Index(b, []byte{0xff, 0xdb})+5+i] = 255
		}
		return b
	}
	for name, b := range map[string][]byte{
		"empty":       nil,
		"not a file":  []byte("river and kite"),
		"12 bits":     change(func(b []byte) []byte { b[sof+4] = 12; return b }),
		"lossless":    change(func(b []byte) []byte { b[sof+1] = 0xc3; return b }),
		"arithmetic":  change(func(b []byte) []byte { b[sof+1] = 0xc9; return b }),
		"zero height": change(func(b []byte) []byte { b[sof+5], b[sof+6] = 0, 0; return b }),
		"too large":   change(func(b []byte) []byte { b[sof+5], b[sof+7] = 0xff, 0xff; return b }),
		"cut":         good[:len(good)-40],
		"steep AC":    steep(1, 2),
		"steep DC":    steep(0),
		"Adobe RGB": change(func(b []byte) []byte {
			return append([]byte("\xff\xd8\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"), b[2:]...)
		}),
	} {
		if _, err := Decode(b, 512, 1<<24); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
}
