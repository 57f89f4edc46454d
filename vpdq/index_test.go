package vpdq

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raksha.example/raksha/pdq"
)

// drawFilm draws a film of frames that lie near a few others, so that some match, some just do not, and some are the same.
func drawFilm(t *rapid.T, name string) []Frame {
	n := rapid.IntRange(0, 12).Draw(t, name)
	frames := make([]Frame, n)
	for i := range frames {
		var h pdq.Hash
		base := rapid.IntRange(0, 5).Draw(t, "base")
		for j := range h {
			h[j] = byte(base*37 + j*base*101)
		}
		frames[i] = Frame{Index: i, Hash: near(h, rapid.IntRange(0, 40).Draw(t, "bits")), Quality: rapid.SampledFrom([]int{0, 49, 50, 100}).Draw(t, "quality"), At: time.Duration(i) * time.Second}
	}
	return frames
}

// TestIndex compares the index with Match on every film, through additions, replacements and removals.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rule{rapid.SampledFrom([]int{0, 20, 31, 45}).Draw(t, "distance"), rapid.SampledFrom([]int{0, 50}).Draw(t, "least quality"),
			rapid.SampledFrom([]float64{0, 0.5, 0.8, 1}).Draw(t, "query share"), rapid.SampledFrom([]float64{0, 0.5}).Draw(t, "target share")}
		x, films := NewIndex(r), map[uint64][]Frame{}
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			id := rapid.Uint64Range(0, 9).Draw(t, "id")
			if rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
				_, want := films[id]
				if got := x.Remove(id); got != want {
					t.Fatalf("removing %d: %v, want %v", id, got, want)
				}
				delete(films, id)
				continue
			}
			films[id] = drawFilm(t, "film")
			x.Add(id, films[id])
		}
		if x.Len() != len(films) {
			t.Fatalf("%d films, want %d", x.Len(), len(films))
		}
		query := drawFilm(t, "query")
		want := map[uint64]Shares{}
		for id, f := range films {
			q, a := Match(query, f, r.MaxDistance, r.MinQuality)
			if s := (Shares{q, a}); s.Reach(r) {
				want[id] = s
			}
		}
		hits := x.Query(query)
		if len(hits) != len(want) || !slices.IsSortedFunc(hits, func(a, b Hit) int { return cmp.Compare(b.Query, a.Query) }) {
			t.Fatalf("%v, want %v", hits, want)
		}
		for _, h := range hits {
			if h.Shares != want[h.ID] {
				t.Fatalf("film %d: %v, want %v", h.ID, h.Shares, want[h.ID])
			}
			checkPairs(t, h, query, films[h.ID], r)
		}
	})
}

// checkPairs sees that each reliable frame of the query is paired with the nearest one, or with none if none is near.
func checkPairs(t *rapid.T, h Hit, query, target []Frame, r Rule) {
	pairs := h.Pairs
	for _, q := range query {
		nearest := r.MaxDistance + 1
		for _, f := range target {
			if f.Quality >= r.MinQuality {
				nearest = min(nearest, q.Hash.Distance(f.Hash))
			}
		}
		if q.Quality < r.MinQuality || nearest > r.MaxDistance {
			continue
		}
		if len(pairs) == 0 || pairs[0].Query != q || pairs[0].Distance != nearest || q.Hash.Distance(pairs[0].Target.Hash) != nearest {
			t.Fatalf("%v: pairs %v", q, pairs)
		}
		pairs = pairs[1:]
	}
	if len(pairs) > 0 {
		t.Fatalf("more pairs: %v", pairs)
	}
}

func TestFold(t *testing.T) {
	whole := film(4)
	still := append(slices.Clone(whole), whole[1], whole[1], whole[2])
	if got := Fold(still, MinQuality); !slices.Equal(got, whole) {
		t.Errorf("%v, want %v", got, whole)
	}
	q, a := Match(still, whole[1:2], MaxDistance, MinQuality)
	if q != 0.25 || a != 1 {
		t.Errorf("a still second weighs: %v, %v", q, a)
	}
	whole[0].Quality = MinQuality - 1
	if got := Fold(whole, MinQuality); !slices.Equal(got, whole[1:]) {
		t.Errorf("%v, want %v", got, whole[1:])
	}
}

func TestCropped(t *testing.T) {
	whole := film(3)
	inner := whole[1]
	inner.Hash = near(inner.Hash, 100)
	if got := Cropped(whole, []Frame{inner}); !slices.Equal(got, []Frame{whole[0], inner, whole[2]}) {
		t.Errorf("%v", got)
	}
	if got := Cropped(whole, nil); !slices.Equal(got, whole) {
		t.Errorf("%v", got)
	}
}

func BenchmarkIndexQuery(b *testing.B) {
	x := NewIndex(Common())
	for id := range uint64(1000) {
		frames := make([]Frame, 60)
		for i := range frames {
			h := id*2654435761 + uint64(i)*40503
			for j := range frames[i].Hash {
				h = h*6364136223846793005 + 1442695040888963407
				frames[i].Hash[j] = byte(h >> 33)
			}
			frames[i].Quality, frames[i].At = 100, time.Duration(i)*time.Second
		}
		x.Add(id, frames)
	}
	query := x.films[17].frames[:20]
	for b.Loop() {
		if hits := x.Query(query); len(hits) != 1 || hits[0].ID != 17 {
			b.Fatal(hits)
		}
	}
}
