package pdq

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const text = "d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22"
	h, err := Parse(strings.ToUpper(text))
	if err != nil || h.String() != text || h[0] != 0xd8 || h[31] != 0x22 {
		t.Fatalf("%v, %v", h, err)
	}
	for _, wrong := range []string{"", text[1:], text + "0", text[1:] + "g", " " + text[1:], text[:32] + "\n" + text[33:]} {
		if _, err := Parse(wrong); !errors.Is(err, ErrHash) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	var back Hash
	b, err := json.Marshal(h)
	if err != nil || json.Unmarshal(b, &back) != nil || back != h {
		t.Errorf("%s, %v", b, err)
	}
	g := h
	g[5] ^= 0x81
	g[31] ^= 1
	if h.Distance(g) != 3 || h.Distance(h) != 0 || (Hash{}).Distance(Hash{0xff}) != 8 {
		t.Error("distances are wrong")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22")
	f.Add("kite")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := Parse(s)
		if err == nil && h.String() != strings.ToLower(s) {
			t.Fatalf("%q is read as %v", s, h)
		}
	})
}

// TestVectors holds the hashes of patterns that anyone can draw from their formula, for other implementations to compare with.
// Luma of pixel x, y is (a*x*x + b*y + c*x*y/8) mod 256, as 8-bit red, green and blue alike.
func TestVectors(t *testing.T) {
	for _, v := range vectors {
		rgb := make([]byte, 0, 3*v.w*v.h)
		for y := range v.h {
			for x := range v.w {
				p := byte(v.a*x*x + v.b*y + v.c*x*y/8)
				rgb = append(rgb, p, p, p)
			}
		}
		r, err := FromRGB(rgb, v.w, v.h, 3*v.w)
		got := fmt.Sprintf("%v %d", r.Hash, r.Quality)
		if err != nil || got != v.want {
			t.Errorf("%dx%d %d,%d,%d: %s (%v), want %s", v.w, v.h, v.a, v.b, v.c, got, err, v.want)
		}
	}
}
