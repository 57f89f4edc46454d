package hamming

import (
	"slices"
	"time"
)

// sealed builds the tail and more hashes into a segment.
func (s *state) sealed(more [][32]byte, moreIDs []uint64) state {
	hashes, ids := make([][32]byte, 0, len(s.tail.ids)+len(more)), make([]uint64, 0, len(s.tail.ids)+len(more))
	for i, id := range s.tail.ids {
		if !s.tail.dead.has(i) {
			hashes, ids = append(hashes, s.tail.hash(i)), append(ids, id)
		}
	}
	hashes, ids = append(hashes, more...), append(ids, moreIDs...)
	out := state{segments: slices.Clone(s.segments), tail: newTail()}
	if len(hashes) > 0 {
		out.segments = append(out.segments, build(hashes, func(i int) uint64 { return ids[i] }))
	}
	return out
}

// tidy starts the merging of segments where that is due, and waits for it when there are too many. change must be held.
func (x *Index) tidy() {
	if !x.merging && len(x.view().due()) > 0 {
		x.merging = true
		go x.merge()
	}
	for x.merging && len(x.view().segments) > waitAt {
		x.change.Unlock()
		time.Sleep(time.Millisecond)
		x.change.Lock()
	}
}

// due gives the newest segments that together are large enough beside the one before to be merged with it; none if there are
// fewer than two.
func (s *state) due() []*segment {
	last := len(s.segments) - 1
	if last < 1 {
		return nil
	}
	n, from := s.segments[last].n, last
	for from > 0 && s.segments[from-1].n <= n*tierRatio && s.segments[from-1].n+n <= segmentAt && s.segments[from-1].whole() {
		from--
		n += s.segments[from].n
	}
	if from == last || !s.segments[last].whole() {
		return nil
	}
	return s.segments[from:]
}

// merge merges segments until none is due.
func (x *Index) merge() {
	x.change.Lock()
	defer x.change.Unlock()
	for {
		run := slices.Clone(x.view().due())
		if len(run) == 0 {
			x.merging = false
			return
		}
		gone := make([]*deadSet, len(run)) // what is removed before the merging; later removals are carried over
		for i, g := range run {
			gone[i] = g.dead.copy()
		}
		x.change.Unlock()
		merged := join(run, gone)
		x.change.Lock()
		x.replace(run, gone, merged)
	}
}

// join builds the hashes of several segments that are not gone into one, in their order; nil if there are none.
func join(run []*segment, gone []*deadSet) *segment {
	var hashes [][32]byte
	var ids []uint64
	for i, g := range run {
		for at := range g.n {
			if !gone[i].has(at) {
				hashes, ids = append(hashes, g.hash(at)), append(ids, g.payload(at))
			}
		}
	}
	if len(hashes) == 0 {
		return nil
	}
	return build(hashes, func(i int) uint64 { return ids[i] })
}

// replace puts a merged segment in the place of those it was made of, and removes from it what was removed from them meanwhile. If
// they are no longer there (Swap), it is dropped. change must be held.
func (x *Index) replace(run []*segment, gone []*deadSet, merged *segment) {
	s := *x.view()
	from := slices.Index(s.segments, run[0])
	if from < 0 || from+len(run) > len(s.segments) || !slices.Equal(s.segments[from:from+len(run)], run) {
		return
	}
	base := 0
	for i, g := range run {
		at := base
		for j := range g.n {
			if gone[i].has(j) {
				continue
			}
			if g.dead.has(j) {
				merged.dead.set(at)
			}
			at++
		}
		base = at
	}
	segments := slices.Clone(s.segments[:from])
	if merged != nil {
		segments = append(segments, merged)
	}
	s.segments = append(segments, s.segments[from+len(run):]...)
	x.state.Store(&s)
}
