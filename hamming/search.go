package hamming

import (
	"math/bits"
	"runtime"
)

const (
	batch       = 8    // queries whose look-ups are gathered together
	bufferSize  = 4096 // survivors of the filter between two rounds of comparing
	ringRadius  = 31   // largest radius for which the look-ups suffice
	probesChunk = 1 + 16
	nowhere     = 1<<32 - 1 // a place that no hash has
)

// span is a run of table entries to filter: keep those whose next chunk differs from want in at most limit bits. The layout is known
// to the assembly.
type span struct {
	at    uint32 // flat position of the first entry
	n     uint32
	want  uint16
	limit uint16
	_     uint32
}

// scratch is the working memory of one search.
type scratch struct {
	kernel  *kernel
	queries [][32]byte
	spans   []span
	ends    []int    // of each query's spans
	found   []uint32 // survivors of the filter: flat positions
	places  []uint32 // their hashes
	near    []uint32 // which of them are near
}

func newScratch() *scratch {
	return &scratch{
		queries: make([][32]byte, 0, batch),
		spans:   make([]span, 0, batch*chunks*probesChunk),
		ends:    make([]int, 0, batch),
		found:   make([]uint32, bufferSize),
		places:  make([]uint32, bufferSize),
		near:    make([]uint32, bufferSize),
	}
}

// search finds the hits of all queries in a view.
func (w *scratch) search(s *state, radius int, emit func(query int, h Hit)) {
	for _, g := range s.segments {
		if radius > ringRadius {
			for i := range w.queries {
				w.scan(g, i, radius, emit)
			}
		} else {
			w.gather(g, radius)
			for i := range w.queries {
				w.ring(g, i, radius, emit)
			}
		}
		runtime.KeepAlive(g) // its memory is released when it is unreachable
	}
	for i := range w.queries {
		w.scanTail(&s.tail, i, radius, emit)
	}
}

// limits gives, for a radius of at most 31, how many bits may differ in the first chunk of the ring, 0 or 1, and in the first two.
func limits(radius int) (first, two int) { return radius / chunks, 2 * radius / chunks }

// gather lists the spans of all queries. The reads are independent, so that they overlap.
func (w *scratch) gather(g *segment, radius int) {
	w.spans, w.ends = w.spans[:0], w.ends[:0]
	if !g.sound(g.place.offsets, len(g.offsets)) {
		for range w.queries {
			w.ends = append(w.ends, 0)
		}
		return
	}
	first, two := limits(radius)
	for i := range w.queries {
		q := &w.queries[i]
		for t := range chunks {
			v, want := chunk(q, t), chunk(q, t+1)
			w.probe(g, t, v, want, two)
			if first == 1 {
				for b := range 16 {
					w.probe(g, t, v^1<<b, want, two-1)
				}
			}
		}
		w.ends = append(w.ends, len(w.spans))
	}
}

func (w *scratch) probe(g *segment, t int, v, want uint16, limit int) {
	lo, hi := g.bucket(t, v)
	if lo < hi && int(hi) <= g.n && g.sound(g.place.next+2*(t*g.n+int(lo)), 2*int(hi-lo)) {
		w.spans = append(w.spans, span{at: uint32(t*g.n) + lo, n: hi - lo, want: want, limit: uint16(limit)})
	}
}

// ring runs the spans of query i. Where the data are so alike that more is left to compare than a scan would read, it scans: no
// data make a search much slower than two scans.
func (w *scratch) ring(g *segment, i, radius int, emit func(int, Hit)) {
	from, to := 0, w.ends[i]
	if i > 0 {
		from = w.ends[i-1]
	}
	entries := 0
	for _, s := range w.spans[from:to] {
		entries += int(s.n)
	}
	if entries > 8*g.n {
		w.scan(g, i, radius, emit)
		return
	}
	q := &w.queries[i]
	compared := 0
	var hits []Hit // kept back until it is sure that no scan repeats them
	for from < to {
		n, done := w.kernel.filter(g, w.spans, from, to, w.found)
		if done == from && n == 0 && int(w.spans[from].n) > len(w.found) {
			// A span larger than the buffer: a piece of it at a time.
			whole := w.spans[from]
			w.spans[from].n = uint32(len(w.found))
			n, _ = w.kernel.filter(g, w.spans, from, from+1, w.found)
			whole.at += uint32(len(w.found))
			whole.n -= uint32(len(w.found))
			w.spans[from] = whole
			done = from
		}
		from = done
		if compared += n; compared > g.n/8+bufferSize {
			w.scan(g, i, radius, emit)
			return
		}
		hits = w.compare(g, q, radius, n, hits)
	}
	for _, h := range hits {
		emit(i, h)
	}
}

// compare computes the distances of the first n survivors. Their positions are read first, so that the misses overlap.
func (w *scratch) compare(g *segment, q *[32]byte, radius, n int, hits []Hit) []Hit {
	places := w.places[:n]
	for k, flat := range w.found[:n] {
		places[k] = uint32(g.position(flat))
	}
	if g.check != nil && g.check.left.Load() > 0 {
		w.distrust(g, n)
	}
	near := w.near[:w.kernel.near(g.hashes, q, radius, places, w.near[:n])]
	for _, k := range near {
		p := int(places[k])
		h := g.at(p)
		if !g.dead.has(p) && firstChunk(h, q, radius) == int(w.found[k])/g.n {
			hits = append(hits, Hit{g.payload(p), Distance(h, q)})
		}
	}
	return hits
}

// distrust checks what the first n survivors lead to in a file. Those that cannot be trusted get a place that no hash has.
func (w *scratch) distrust(g *segment, n int) {
	for k, flat := range w.found[:n] {
		p := int(w.places[k])
		if !g.sound(g.place.ids+g.idWidth*int(flat), 4) || p >= g.n ||
			!g.sound(hashSize*p, hashSize) || !g.sound(g.place.payload+g.width*p, g.width) {
			w.places[k] = nowhere
		}
	}
}

// firstChunk gives the first chunk through which h is found, so that a hash that several look-ups find is reported once.
func firstChunk(h, q *[32]byte, radius int) int {
	first, two := limits(radius)
	var d [chunks]int
	for t := range d {
		d[t] = bits.OnesCount16(chunk(h, t) ^ chunk(q, t))
	}
	for t := range d {
		if d[t] <= first && d[t]+d[(t+1)&15] <= two {
			return t
		}
	}
	return -1
}

// scanTail compares every hash of the tail.
func (w *scratch) scanTail(t *tail, i, radius int, emit func(int, Hit)) {
	q := &w.queries[i]
	for from := 0; from < len(t.ids); {
		n, done := w.kernel.scan(t.hashes, q, radius, from, w.found)
		for _, p := range w.found[:n] {
			if !t.dead.has(int(p)) {
				emit(i, Hit{t.ids[p], Distance((*[32]byte)(t.hashes[hashSize*p:]), q)})
			}
		}
		from = done
	}
}

// scan compares every hash of a segment.
func (w *scratch) scan(g *segment, i, radius int, emit func(int, Hit)) {
	if !g.sound(0, g.place.offsets) { // the hashes and the payload
		return
	}
	q := &w.queries[i]
	for from := 0; from < g.n; {
		n, done := w.kernel.scan(g.hashes, q, radius, from, w.found)
		for _, p := range w.found[:n] {
			if !g.dead.has(int(p)) {
				emit(i, Hit{g.payload(int(p)), Distance(g.at(int(p)), q)})
			}
		}
		from = done
	}
}
