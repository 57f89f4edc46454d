package dataset

import (
	"math/bits"
	"testing"
)

func weight(h Hash) (n int) {
	for _, b := range h {
		n += bits.OnesCount8(b)
	}
	return n
}

func distance(a, b Hash) (n int) {
	for i := range a {
		n += bits.OnesCount8(a[i] ^ b[i])
	}
	return n
}

func TestSets(t *testing.T) {
	for _, make := range []func(seed uint64) Set{
		func(seed uint64) Set { return Uniform(3000, seed) },
		func(seed uint64) Set { return Pictures(3000, 1000, seed) },
		func(seed uint64) Set { return Crowded(3000, seed) },
	} {
		s, again, other := make(1), make(1), make(2)
		if len(s.Hashes) != 3000 || len(s.Miss) == 0 || len(s.Hit) == 0 || len(s.Hit) != len(s.Source) {
			t.Fatalf("%s: %d hashes, %d and %d queries", s.Name, len(s.Hashes), len(s.Miss), len(s.Hit))
		}
		same, total := 0, 0
		for i, h := range s.Hashes {
			if h != again.Hashes[i] {
				t.Fatalf("%s: the same seed gives other hashes", s.Name)
			}
			if h == other.Hashes[i] {
				same++
			}
			total += weight(h)
		}
		if same > 30 {
			t.Errorf("%s: %d hashes are the same with another seed", s.Name, same)
		}
		if mean := float64(total) / 3000; mean < 120 || mean > 136 {
			t.Errorf("%s: mean weight %.1f", s.Name, mean)
		}
		for i, q := range s.Hit {
			if d := distance(q, s.Hashes[s.Source[i]]); d != i%32 {
				t.Fatalf("%s: query %d is %d bits from its source, want %d", s.Name, i, d, i%32)
			}
		}
	}
	// Pictures of a series are alike, as in real collections.
	s := Pictures(2000, 2000, 3)
	near := 0
	for i := 1; i < len(s.Hashes); i++ {
		if distance(s.Hashes[i-1], s.Hashes[i]) <= 60 {
			near++
		}
	}
	if near < 200 {
		t.Errorf("%d of 2000 pictures resemble the one before", near)
	}
}
