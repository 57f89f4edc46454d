package vpdq

import (
	"cmp"
	"slices"
	"sync"

	"raksha.example/raksha/hamming"
	"raksha.example/raksha/pdq"
)

// Index finds the films that match a query among many, exactly as Match would judge each of them. Distances up to 31 bits are
// looked up in tens of microseconds a frame; larger ones compare every frame (see package hamming). All methods may be called at
// the same time from many goroutines.
type Index struct {
	rule   Rule
	frames hamming.Index // the payload id is a film's slot, and in its low half the place in its folded frames

	mu    sync.RWMutex
	films map[uint32]indexed // guarded by mu: by slot
	slots map[uint64]uint32  // guarded by mu: of a film's id
	next  uint32             // guarded by mu: slots are never used again
}

type indexed struct {
	id     uint64
	frames []Frame // folded
}

// NewIndex makes an empty index that matches by a rule.
func NewIndex(r Rule) *Index {
	return &Index{rule: r, films: map[uint32]indexed{}, slots: map[uint64]uint32{}}
}

// Hit is a film that matches a query.
type Hit struct {
	ID uint64 // the film was added with
	Shares
	Pairs []Pair // for each of the query's frames that was found, in the query's order
}

// Pair is a frame of a query, and the nearest of the film's frames.
type Pair struct {
	Query, Target Frame
	Distance      int // bits
}

// Add adds a film under an id, in the place of one that was there. A film that has no frame of the rule's quality is never found.
func (x *Index) Add(id uint64, frames []Frame) {
	folded := Fold(frames, x.rule.MinQuality)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(id)
	slot := x.next
	x.next++
	x.films[slot], x.slots[id] = indexed{id, folded}, slot
	x.frames.AddAll(func(yield func([32]byte, uint64) bool) {
		for i, f := range folded {
			if !yield(f.Hash, uint64(slot)<<32|uint64(i)) {
				return
			}
		}
	})
}

// Remove takes a film out and tells whether it was there.
func (x *Index) Remove(id uint64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.remove(id)
}

// remove needs mu.
func (x *Index) remove(id uint64) bool {
	slot, ok := x.slots[id]
	if !ok {
		return false
	}
	for i := range x.films[slot].frames {
		x.frames.Remove(uint64(slot)<<32 | uint64(i))
	}
	delete(x.films, slot)
	delete(x.slots, id)
	return true
}

// Len gives the number of films.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.films)
}

// found is what is known of one film while a query runs.
type found struct {
	nearest map[int]Pair    // by place in the folded query
	targets map[uint32]bool // places in the film's frames
}

// Query gives the films that match, those with the largest query share first, then by target share and id.
func (x *Index) Query(query []Frame) []Hit {
	folded := Fold(query, x.rule.MinQuality)
	if len(folded) == 0 {
		return nil
	}
	hashes := make([][32]byte, len(folded))
	place := make(map[pdq.Hash]int, len(folded))
	for i, f := range folded {
		hashes[i] = f.Hash
		place[f.Hash] = i
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	films := map[uint32]found{}
	for _, h := range x.frames.SearchBatch(hashes, x.rule.MaxDistance, nil) {
		slot, at := uint32(h.ID>>32), uint32(h.ID)
		f, ok := films[slot]
		if !ok {
			f = found{map[int]Pair{}, map[uint32]bool{}}
			films[slot] = f
		}
		f.targets[at] = true
		if p, ok := f.nearest[h.Query]; !ok || h.Distance < p.Distance {
			f.nearest[h.Query] = Pair{Target: x.films[slot].frames[at], Distance: h.Distance}
		}
	}
	var hits []Hit
	for slot, f := range films {
		s := Shares{float64(len(f.nearest)) / float64(len(folded)), float64(len(f.targets)) / float64(len(x.films[slot].frames))}
		if !s.Reach(x.rule) {
			continue
		}
		hit := Hit{ID: x.films[slot].id, Shares: s}
		for _, q := range query {
			if p, ok := f.nearest[place[q.Hash]]; ok && q.Quality >= x.rule.MinQuality {
				p.Query = q
				hit.Pairs = append(hit.Pairs, p)
			}
		}
		hits = append(hits, hit)
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Query, a.Query), cmp.Compare(b.Target, a.Target), cmp.Compare(a.ID, b.ID))
	})
	return hits
}
