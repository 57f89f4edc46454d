package jpegluma

import (
	"math/rand/v2"
	"testing"
)

// slow is a transform as it is defined: a sum over all cosines for each value.
func slow(n int, f *[64]int32) (out [64]byte) {
	var g [64]int64
	for y := range n {
		for k := range n {
			sum := int64(round1)
			for j := range n {
				sum += int64(f[8*j+k]) * cosines[n][j][y]
			}
			g[8*y+k] = sum >> shift1
		}
	}
	for y := range n {
		for x := range n {
			sum := int64(round2)
			for j := range n {
				sum += g[8*y+j] * cosines[n][j][x]
			}
			out[8*y+x] = clamp(sum >> shift2)
		}
	}
	return out
}

func TestTransformsEqualTheirDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	wide := 0
	for _, n := range []int{2, 4, 8} {
		for trial := range 8000 {
			var f [64]int32
			set := uint64(0)
			for range r.IntN(1 + trial%64) {
				place := 8*r.IntN(n) + r.IntN(n)
				f[place] = int32(r.IntN(2*maxCoefficient+1) - maxCoefficient)
				if trial%3 > 0 {
					f[place] >>= 3 * (trial % 3)
				}
				set |= 1 << place
			}
			var got [64]byte
			transform(n, &f, set, got[:], 8)
			if want := slow(n, &f); got != want {
				t.Fatalf("%d eighths, coefficients %v: got %v, want %v", n, f, got, want)
			}
			if n < 8 {
				continue
			}
			clear(got[:])
			if transform8(&f, set, got[:], 8); got != slow(n, &f) {
				t.Fatalf("coefficients %v: the portable transform gives %v", f, got)
			}
			if transform8Wide(&f, got[:], 8) {
				wide++
			}
		}
	}
	t.Logf("%d of 8000 blocks were transformed wide", wide)
}

func BenchmarkTransform8(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var f [64]int32
	set := uint64(0)
	for place := range 24 {
		f[8*(place%5)+place/5] = int32(r.IntN(200) - 100)
		set |= 1 << (8*(place%5) + place/5)
	}
	var out [64]byte
	b.Run("best", func(b *testing.B) {
		for b.Loop() {
			transform(8, &f, set, out[:], 8)
		}
	})
	b.Run("portable", func(b *testing.B) {
		for b.Loop() {
			transform8(&f, set, out[:], 8)
		}
	})
}

// TestStaleCoefficients gives a transform places that were not cleared, which it must not read.
func TestStaleCoefficients(t *testing.T) {
	for _, n := range []int{2, 4, 8} {
		var clean, stale [64]int32
		for i := range stale {
			if i>>3 >= n || i&7 >= n {
				stale[i] = 1000
			}
		}
		clean[0], stale[0] = 800, 800
		var a, b [64]byte
		transform(n, &clean, 1, a[:], 8)
		transform(n, &stale, ^uint64(0), b[:], 8)
		if a != b {
			t.Errorf("%d eighths: %v and %v", n, a, b)
		}
	}
}

// TestJumps follows each short cut symbol by symbol.
func TestJumps(t *testing.T) {
	b := encode(t, draw(64, 64), 90)
	d := &decoder{b: b, at: 2, adobe: -1}
	for d.acTables[0] == nil {
		marker, body, ok := d.next()
		if !ok || marker == 0xc4 && !d.huffman(body) {
			t.Fatal("the tables are not read")
		}
	}
	table := d.acTables[0]
	several := 0
	for w, j := range table.jump {
		r := reader{bits: uint64(w) << (64 - jumpBits), n: 64}
		passed, symbols, end := 0, 0, false
		for !end {
			before := r
			s := r.symbol(table)
			if s > 0 {
				r.skip(uint(s & 15))
			}
			if s < 0 || 64-r.n > jumpBits || s&15 == 0 && s != 0xf0 && s != 0 || s != 0 && passed+s>>4+1 > 63 {
				r = before
				break
			}
			if end = s == 0; !end {
				passed += s>>4 + 1
			}
			symbols++
		}
		want := uint16(64-r.n) | uint16(passed)<<6
		switch {
		case symbols == 0:
			want = jumpNone << 6
		case end:
			want += jumpEnd << 6
		}
		if j != want {
			t.Fatalf("bits %013b: %#x, want %#x", w, j, want)
		}
		if symbols > 1 {
			several++
		}
	}
	if several < len(table.jump)/2 {
		t.Errorf("only %d of %d short cuts take several symbols", several, len(table.jump))
	}
}
