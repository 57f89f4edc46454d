package main

import (
	"os"
	"testing"
)

// TestExample checks that the picture tells the truth: the pair is at the radius, and every run from the start keeps to its share.
func TestExample(t *testing.T) {
	d, total := measured()
	if d != differing || total != radius {
		t.Fatalf("the hashes differ in %v, %d in all", d, total)
	}
	from, sum := start(d), 0
	for l := 1; l <= chunks; l++ {
		if sum += d[(from+l-1)%chunks]; sum > l*radius/chunks {
			t.Errorf("the run of %d chunks from %d on differs in %d bits", l, from, sum)
		}
	}
	for turn := range chunks { // wherever the ring is cut
		var other [chunks]int
		for i := range other {
			other[i] = d[(i+turn)%chunks]
		}
		if got := start(other); other[got] > 1 || other[got]+other[(got+1)%chunks] > 3 {
			t.Errorf("turned by %d: a start that no look-up meets", turn)
		}
	}
}

func TestDrawingIsCommitted(t *testing.T) {
	b, err := os.ReadFile("../ring.svg")
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != draw() {
		t.Error("docs/ring.svg is not what this program draws: run go generate ./docs/ring")
	}
}
