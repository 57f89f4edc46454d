package hamming

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

func random(r *rand.Rand) (h [32]byte) {
	for i := range h {
		h[i] = byte(r.Uint32())
	}
	return h
}

// flipped gives h with d different bits changed.
func flipped(r *rand.Rand, h [32]byte, d int) [32]byte {
	for _, b := range r.Perm(256)[:d] {
		h[b>>3] ^= 1 << (b & 7)
	}
	return h
}

// brute is what every search must give.
func brute(hashes [][32]byte, ids []uint64, q [32]byte, radius int) []Hit {
	var out []Hit
	for i := range hashes {
		if d := Distance(&hashes[i], &q); d <= radius {
			out = append(out, Hit{ids[i], d})
		}
	}
	slices.SortFunc(out, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// collections are sets of hashes that an index finds hard in different ways, and queries near and far from them.
func collections(r *rand.Rand) map[string][][32]byte {
	uniform := make([][32]byte, 20_000)
	for i := range uniform {
		uniform[i] = random(r)
	}
	series := slices.Clone(uniform[:200])
	for len(series) < 20_000 {
		series = append(series, flipped(r, series[r.IntN(200)], r.IntN(48)))
	}
	half := slices.Clone(uniform) // half of all share a bucket in every chunk
	for i := range half[:10_000] {
		half[i] = flipped(r, [32]byte{}, r.IntN(5))
	}
	bucket := slices.Clone(uniform) // half of all share chunk 3 and nothing else
	for i := range bucket[:10_000] {
		bucket[i][6], bucket[i][7] = 0, 0
	}
	two := slices.Clone(uniform) // all share chunks 3 and 4: everything passes the filter there
	for i := range two {
		two[i][6], two[i][7], two[i][8], two[i][9] = 0, 0, 0, 0
	}
	same := make([][32]byte, 9_000)
	for i := range same {
		same[i] = uniform[0]
	}
	return map[string][][32]byte{"uniform": uniform, "series": series, "half": half, "bucket": bucket, "two": two, "same": same,
		"small": uniform[:100], "one": uniform[:1], "none": nil, "limit": uniform[:tailLimit]}
}

func TestSearchEqualsBruteForceAtEveryRadius(t *testing.T) {
	for _, k := range kernels {
		r := rand.New(rand.NewPCG(1, 2))
		for name, hashes := range collections(r) {
			t.Run(k.name+"/"+name, func(t *testing.T) {
				ids := make([]uint64, len(hashes))
				for i := range ids {
					ids[i] = uint64(i)*7 + 1
				}
				x := Build(hashes, ids)
				x.kernel.Store(&k)
				var queries [][32]byte
				for radius := range 64 {
					q := random(r)
					if len(hashes) > 0 && radius%4 != 0 {
						q = flipped(r, hashes[r.IntN(len(hashes))], min(radius, r.IntN(radius+1)))
					}
					queries = append(queries, q)
					want := brute(hashes, ids, q, radius)
					if got := x.Search(q, radius, nil); !slices.Equal(got, want) {
						t.Fatalf("radius %d: %d hits, want %d", radius, len(got), len(want))
					}
				}
				for _, radius := range []int{0, 15, 16, 31, 32} {
					var want []BatchHit
					for i, q := range queries[:20] {
						for _, h := range brute(hashes, ids, q, radius) {
							want = append(want, BatchHit{i, h})
						}
					}
					if got := x.SearchBatch(queries[:20], radius, nil); !slices.Equal(got, want) {
						t.Fatalf("batch, radius %d: %d hits, want %d", radius, len(got), len(want))
					}
				}
			})
		}
	}
}

// TestPlantedNeighbours asks for hashes at an exact distance, with the differing bits spread as evenly as the lemma allows over the chunks,
// or over every other chunk first: a ring filter that is off by one, in its first chunk or in the first two together, would miss.
func TestPlantedNeighbours(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	hashes := make([][32]byte, 8_000)
	for i := range hashes {
		hashes[i] = random(r)
	}
	x := Build(hashes, nil)
	for radius := range 32 {
		for trial := range 50 {
			id := r.IntN(len(hashes))
			q := hashes[id]
			turn := r.IntN(16)
			for d := range radius {
				chunk := (d + turn) & 15
				if trial%2 == 0 {
					chunk = (2*d + d%16/8 + turn) & 15
				}
				bit := 16*chunk + d/16*7 + trial%7
				q[bit>>3] ^= 1 << (bit & 7)
			}
			want := []Hit{{uint64(id), radius}}
			if got := x.Search(q, radius, nil); !slices.Equal(got, want) {
				t.Fatalf("radius %d: %v, want %v", radius, got, want)
			}
		}
	}
}

func TestChangesAreSeenAtOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var x Index
	if got := x.Search(random(r), 31, nil); got != nil || x.Len() != 0 {
		t.Fatalf("empty index: %v, %d", got, x.Len())
	}
	live := map[uint64][][32]byte{}
	count := 0
	for step := range 30_000 {
		id := uint64(r.IntN(10_000))
		if r.IntN(5) == 0 {
			if got := x.Remove(id); got != len(live[id]) {
				t.Fatalf("step %d: removed %d hashes, want %d", step, got, len(live[id]))
			}
			for _, h := range live[id] {
				radius := []int{0, 31, 40}[step%3] // by look-ups and by a scan
				if got := x.Search(h, radius, nil); len(got) != 0 {
					t.Fatalf("step %d: a removed hash is found: %v", step, got)
				}
			}
			count -= len(live[id])
			delete(live, id)
		} else {
			h := random(r)
			x.Add(h, id)
			live[id] = append(live[id], h)
			count++
			if got := x.Search(h, 0, nil); !slices.Contains(got, Hit{id, 0}) {
				t.Fatalf("step %d: an added hash is not found: %v", step, got)
			}
		}
	}
	if x.Len() != count {
		t.Fatalf("%d hashes, want %d", x.Len(), count)
	}
	var hashes [][32]byte
	var ids []uint64
	for id, list := range live {
		for _, h := range list {
			hashes, ids = append(hashes, h), append(ids, id)
		}
	}
	for i := range 300 {
		q := flipped(r, hashes[i], r.IntN(40))
		if got, want := x.Search(q, 31, nil), brute(hashes, ids, q, 31); !slices.Equal(got, want) {
			t.Fatalf("after changes: %v, want %v", got, want)
		}
	}
	other := Build(hashes[:5000], nil)
	x.Swap(other)
	if x.Len() != 5000 || len(x.Search(hashes[4999], 0, nil)) != 1 || len(x.Search(hashes[5000], 0, nil)) != 0 {
		t.Fatal("after a swap the old contents are still found, or the new ones are not")
	}
	n := 0
	for h, id := range x.All() {
		if h != hashes[id] {
			t.Fatalf("All gives a wrong hash for id %d", id)
		}
		n++
	}
	if n != 5000 {
		t.Fatalf("All gives %d hashes, want 5000", n)
	}
}

func TestSearchesDuringChanges(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	hashes := make([][32]byte, 12_000)
	for i := range hashes {
		hashes[i] = random(r)
	}
	x := Build(hashes[:6000], nil)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for w := range 3 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(9, uint64(w)))
			for {
				select {
				case <-stop:
					return
				default:
				}
				id := 2 * r.IntN(3000) // even ids below 6000 are never removed
				if got := x.Search(flipped(r, hashes[id], 20), 31, nil); !slices.Equal(got, []Hit{{uint64(id), 20}}) {
					t.Errorf("id %d during changes: %v", id, got)
					return
				}
			}
		})
	}
	for i := 6000; i < len(hashes); i++ {
		x.Add(hashes[i], uint64(i))
		x.Remove(uint64(2*(i-6000)+1) % 6000)
	}
	close(stop)
	wg.Wait()
}

// TestSkewIsBounded counts the comparisons in full: they stay near the number of hashes whatever the data.
func TestSkewIsBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 11))
	for name, hashes := range collections(r) {
		x := Build(hashes, nil)
		looked := 0
		counting := portable
		counting.filter = func(g *segment, spans []span, from, to int, found []uint32) (int, int) {
			n, done := portable.filter(g, spans, from, to, found)
			looked += n
			return n, done
		}
		counting.scan = func(b []byte, q *[32]byte, radius, from int, found []uint32) (int, int) {
			n, done := portable.scan(b, q, radius, from, found)
			looked += done - from
			return n, done
		}
		x.kernel.Store(&counting)
		for range 20 {
			q := random(r)
			if len(hashes) > 0 {
				q = hashes[r.IntN(len(hashes))]
			}
			q[6], q[7], q[8], q[9] = 0, 0, 0, 0
			looked = 0
			x.Search(q, 31, nil)
			if limit := len(hashes) + len(hashes)/8 + 2*bufferSize; looked > limit {
				t.Errorf("%s: %d hashes compared, want at most %d", name, looked, limit)
			}
		}
	}
}
