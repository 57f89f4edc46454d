package hamming

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestNearOfKernels compares places at every distance around the radius, and places that no hash has.
func TestNearOfKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(30, 31))
	q := random(r)
	const total = 300
	var hashes []byte
	distance := make([]int, total)
	for i := range distance {
		distance[i] = r.IntN(64)
		h := flipped(r, q, distance[i])
		hashes = append(hashes, h[:]...)
	}
	for _, k := range kernels {
		for n := range 200 {
			places := make([]uint32, n)
			for i := range places {
				if places[i] = uint32(r.IntN(total)); r.IntN(20) == 0 {
					places[i] = []uint32{total, 1 << 27, nowhere}[r.IntN(3)]
				}
			}
			radius := r.IntN(64)
			var want []uint32
			for i, p := range places {
				if p < total && distance[p] <= radius {
					want = append(want, uint32(i))
				}
			}
			found := make([]uint32, n)
			if got := found[:k.near(hashes, &q, radius, places, found)]; !slices.Equal(got, want) {
				t.Fatalf("%s, %d places, radius %d: %v, want %v", k.name, n, radius, got, want)
			}
		}
	}
}

// TestFilterOfKernels compares the filters entry by entry, with spans of every length near their steps and little room.
func TestFilterOfKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(32, 33))
	hashes := make([][32]byte, 6000)
	for i := range hashes {
		hashes[i] = flipped(r, [32]byte{}, r.IntN(60)) // many are within a few bits of each other in a chunk
	}
	g := build(hashes, func(i int) uint64 { return uint64(i) })
	for _, k := range kernels {
		for trial := range 400 {
			var spans []span
			for range 1 + r.IntN(40) {
				n := 1 + r.IntN(100)
				spans = append(spans, span{at: uint32(r.IntN(chunks*g.n - n + 1)), n: uint32(n), want: uint16(1) << r.IntN(16), limit: uint16(r.IntN(4))})
			}
			room := 100 + r.IntN(2000)
			got, want := make([]uint32, room), make([]uint32, room)
			from, to := r.IntN(len(spans)), len(spans)
			n, done := k.filter(g, spans, from, to, got)
			m, until := filterSlowly(g, spans, from, to, want)
			if done != until || !slices.Equal(got[:n], want[:m]) {
				t.Fatalf("%s, trial %d: %d found up to span %d, want %d up to %d", k.name, trial, n, done, m, until)
			}
		}
	}
}

// filterSlowly is what every filter must give.
func filterSlowly(g *segment, spans []span, from, to int, found []uint32) (n, done int) {
	for ; from < to && int(spans[from].n) <= len(found)-n; from++ {
		s := spans[from]
		for e := s.at; e < s.at+s.n; e++ {
			different := 0
			for d := (uint16(g.next[2*e]) | uint16(g.next[2*e+1])<<8) ^ s.want; d != 0; d &= d - 1 {
				different++
			}
			if different <= int(s.limit) {
				found[n] = e
				n++
			}
		}
	}
	return n, from
}

// TestTrial lets every kernel of this processor through, and none that is wrong in one of its loops.
func TestTrial(t *testing.T) {
	for _, k := range kernels {
		if !tried(k) {
			t.Errorf("%s differs from the portable kernel", k.name)
		}
		for name, wrong := range map[string]kernel{
			"filter": {"", func(g *segment, spans []span, from, to int, found []uint32) (int, int) {
				spans = slices.Clone(spans)
				for i := range spans {
					spans[i].limit = min(spans[i].limit, 2)
				}
				return k.filter(g, spans, from, to, found)
			}, k.near, k.scan},
			"near": {"", k.filter, func(hashes []byte, q *[32]byte, radius int, places, found []uint32) int {
				return k.near(hashes, q, radius-1, places, found)
			}, k.scan},
			"scan": {"", k.filter, k.near, func(hashes []byte, q *[32]byte, radius, from int, found []uint32) (int, int) {
				return k.scan(hashes, q, radius+1, from, found)
			}},
		} {
			if tried(wrong) {
				t.Errorf("%s: a wrong %s is let through", k.name, name)
			}
		}
	}
}
