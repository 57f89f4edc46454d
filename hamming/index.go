// Package hamming finds all 256-bit hashes within a Hamming distance of a query, exactly, and at tens of microseconds among
// ten million.
//
// A hash is seen as a ring of 16 chunks of 16 bits. If two hashes differ in at most r bits, then by the pigeonring lemma there is
// a chunk from which on every run of l chunks, going round the ring, differs in at most l*r/16 bits. For r up to 31 the first
// chunk differs in at most one bit, so that one of 16*17 exact look-ups finds it, and the first two together differ in at most
// three: the second chunk is stored beside each entry of the look-up tables, and only one entry in about 400 is compared in
// full. Radii above 31 compare every hash.
//
// An [Index] holds large immutable segments and a small tail; an added hash is found at once, a removed one no more, and
// searches never wait for changes. [WriteFile] and [Open] keep a segment in a file that is mapped, not read.
//
// Memory: 112 bytes a hash up to 16.7 million hashes in a segment and 128 beyond, plus 0, 4 or 8 bytes for the payload id
// (nothing where ids count up from zero), plus 4 MiB a segment.
//
// Data that are alike cost more, since some buckets of the look-up tables are large, but never without bound: a search that meets too
// many entries or survivors compares every hash instead, so that it takes no longer than about three scans.
//
// Source of the lemma: Qin, Xiao, "Pigeonring: A Principle for Faster Thresholded Similarity Search", VLDB 2018.
package hamming

import (
	"cmp"
	"iter"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// Hit is a hash found: the payload id it was added with, and its distance to the query in bits.
type Hit struct {
	ID       uint64
	Distance int
}

// BatchHit is a hit of one of several queries.
type BatchHit struct {
	Query int // position of the query in the batch
	Hit
}

// Sizes at which added hashes move on.
const (
	tailLimit = 4096    // hashes compared one by one before they are built into a segment
	tierRatio = 4       // a segment is merged with the newer ones once they together have a quarter of its size
	segmentAt = 1 << 27 // Build makes several segments above this number
	waitAt    = 48      // segments at which an addition waits for the merging in the background
)

// Index is a set of hashes with payload ids. Ids need not be unique: a removal takes all hashes of an id. All methods may be
// called at the same time from many goroutines; changes wait for each other, searches wait for nothing. The zero value is an
// empty index.
type Index struct {
	change  sync.Mutex            // held by Add, AddAll, Remove and Swap, and to put a merged segment in
	merging bool                  // guarded by change: a goroutine merges segments
	state   atomic.Pointer[state] // what searches see; nil when empty
	scratch sync.Pool             // of *scratch
	kernel  atomic.Pointer[kernel]
}

// state is one immutable view. Only the dead bits of its parts change afterwards, and only from 0 to 1.
type state struct {
	segments []*segment // largest first
	tail     tail
}

// tail holds the newest hashes. Later states share its arrays and see more of them.
type tail struct {
	hashes []byte // 32 each
	ids    []uint64
	dead   *deadSet
}

func newTail() tail {
	return tail{make([]byte, 0, hashSize*tailLimit), make([]uint64, 0, tailLimit), newDeadSet(tailLimit)}
}

func (t *tail) add(h [32]byte, id uint64) {
	t.hashes = append(t.hashes, h[:]...)
	t.ids = append(t.ids, id)
}

func (t *tail) hash(i int) [32]byte { return [32]byte(t.hashes[hashSize*i:]) }

func (t *tail) full() bool { return len(t.ids) >= tailLimit }

// deadSet has a bit for each removed hash of a segment or tail.
type deadSet struct {
	bits []atomic.Uint64
	n    atomic.Int64
}

func newDeadSet(n int) *deadSet { return &deadSet{bits: make([]atomic.Uint64, (n+63)/64)} }

func (d *deadSet) has(i int) bool {
	return d.n.Load() > 0 && d.bits[i>>6].Load()>>(i&63)&1 == 1
}

// set marks i and reports whether it was alive.
func (d *deadSet) set(i int) bool {
	if d.bits[i>>6].Or(1<<(i&63))>>(i&63)&1 == 1 {
		return false
	}
	d.n.Add(1)
	return true
}

func (d *deadSet) copy() *deadSet {
	out := &deadSet{bits: make([]atomic.Uint64, len(d.bits))}
	for i := range d.bits {
		out.bits[i].Store(d.bits[i].Load())
	}
	out.n.Store(d.n.Load())
	return out
}

// Build makes an index of hashes; ids[i] is the payload id of hashes[i]. If ids is nil, the payload id is the position. It panics
// if ids is neither nil nor as long as hashes. The slices are not kept.
func Build(hashes [][32]byte, ids []uint64) *Index {
	if ids != nil && len(ids) != len(hashes) {
		panic("hamming: Build with different numbers of hashes and ids")
	}
	x := new(Index)
	id := func(i int) uint64 {
		if ids == nil {
			return uint64(i)
		}
		return ids[i]
	}
	s := new(state)
	for from := 0; from < len(hashes); from += segmentAt {
		to := min(from+segmentAt, len(hashes))
		if to-from < tailLimit {
			s.tail = newTail()
			for i := from; i < to; i++ {
				s.tail.add(hashes[i], id(i))
			}
			break
		}
		s.segments = append(s.segments, build(hashes[from:to], func(i int) uint64 { return id(from + i) }))
	}
	x.state.Store(s)
	return x
}

func (x *Index) view() *state {
	if s := x.state.Load(); s != nil {
		return s
	}
	return new(state)
}

// Len gives the number of hashes.
func (x *Index) Len() int {
	s := x.view()
	n := len(s.tail.ids)
	if s.tail.dead != nil {
		n -= int(s.tail.dead.n.Load())
	}
	for _, g := range s.segments {
		n += g.n - int(g.dead.n.Load())
	}
	return n
}

// Bytes gives the memory that the index takes, in bytes; for a file, the part that is mapped.
func (x *Index) Bytes() int64 {
	s := x.view()
	n := int64(cap(s.tail.hashes) + 8*cap(s.tail.ids))
	for _, g := range s.segments {
		n += int64(g.place.size + 8*len(g.dead.bits))
	}
	return n
}

// LargestBucket gives the largest number of hashes of a segment that agree in one of the 16 chunks. Random bits give about n/65536; a
// query that falls into a large bucket looks at all of it, 2 bytes a hash.
func (x *Index) LargestBucket() int {
	most := uint32(0)
	for _, g := range x.view().segments {
		if !g.sound(g.place.offsets, len(g.offsets)) {
			continue
		}
		for t := range chunks {
			for v := range buckets {
				if lo, hi := g.bucket(t, uint16(v)); lo < hi {
					most = max(most, hi-lo)
				}
			}
		}
	}
	return int(most)
}

// All gives the hashes with their payload ids, in no particular order; what lies in a damaged file is left out (see Err). Changes made meanwhile may or may not be seen.
func (x *Index) All() iter.Seq2[[32]byte, uint64] {
	s := x.view()
	return func(yield func([32]byte, uint64) bool) {
		for _, g := range s.segments {
			if !g.whole() {
				continue
			}
			for i := range g.n {
				if !g.dead.has(i) && !yield(g.hash(i), g.payload(i)) {
					return
				}
			}
		}
		for i, id := range s.tail.ids {
			if !s.tail.dead.has(i) && !yield(s.tail.hash(i), id) {
				return
			}
		}
	}
}

// Add adds a hash. Searches that begin after it returns find it. Once in 4096 times it builds a small segment, which takes
// milliseconds; segments are merged in the background.
func (x *Index) Add(h [32]byte, id uint64) {
	x.change.Lock()
	defer x.change.Unlock()
	s := *x.view()
	if s.tail.dead == nil {
		s.tail = newTail()
	}
	s.tail.add(h, id)
	if s.tail.full() {
		s = s.sealed(nil, nil)
	}
	x.state.Store(&s)
	x.tidy()
}

// AddAll adds many hashes with their ids as one change: a search sees all of them or none.
func (x *Index) AddAll(hashes iter.Seq2[[32]byte, uint64]) {
	var more [][32]byte
	var ids []uint64
	for h, id := range hashes {
		more, ids = append(more, h), append(ids, id)
	}
	x.change.Lock()
	defer x.change.Unlock()
	s := *x.view()
	if s.tail.dead == nil {
		s.tail = newTail()
	}
	if len(s.tail.ids)+len(more) < tailLimit {
		for i := range more {
			s.tail.add(more[i], ids[i])
		}
	} else {
		for len(more) > segmentAt {
			s = s.sealed(more[:segmentAt], ids[:segmentAt])
			more, ids = more[segmentAt:], ids[segmentAt:]
		}
		s = s.sealed(more, ids)
	}
	x.state.Store(&s)
	x.tidy()
}

// Remove removes all hashes of a payload id and gives their number. Searches that begin after it returns do not find them. The
// first removal from a segment whose ids do not ascend sorts them once.
func (x *Index) Remove(id uint64) int {
	x.change.Lock()
	defer x.change.Unlock()
	s, n := x.view(), 0
	for _, g := range s.segments {
		for _, i := range g.find(id) {
			if g.dead.set(int(i)) {
				n++
			}
		}
	}
	for i, have := range s.tail.ids {
		if have == id && s.tail.dead.set(i) {
			n++
		}
	}
	return n
}

// Swap replaces the contents by those of other, as one change: a search sees the old contents or the new ones. Other must not be
// changed afterwards.
func (x *Index) Swap(other *Index) {
	x.change.Lock()
	defer x.change.Unlock()
	x.state.Store(other.state.Load())
}

// Search appends to dst the hashes within radius bits of q, nearest first and then by id. Radii above 31 are exact too but compare
// every hash. A negative radius finds nothing.
func (x *Index) Search(q [32]byte, radius int, dst []Hit) []Hit {
	if radius < 0 {
		return dst
	}
	w := x.borrow()
	defer x.scratch.Put(w)
	from := len(dst)
	w.queries = append(w.queries[:0], q)
	w.search(x.view(), radius, func(_ int, h Hit) { dst = append(dst, h) })
	slices.SortFunc(dst[from:], func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ID, b.ID))
	})
	return dst
}

// SearchBatch searches for several queries in one view of the index and appends their hits to dst, ordered by query and then as
// Search orders them. Eight queries at a time share their waiting for memory: the eight orientations of a picture take less
// than eight searches.
func (x *Index) SearchBatch(queries [][32]byte, radius int, dst []BatchHit) []BatchHit {
	if radius < 0 {
		return dst
	}
	w := x.borrow()
	defer x.scratch.Put(w)
	from, view := len(dst), x.view()
	for at := 0; at < len(queries); at += batch {
		w.queries = append(w.queries[:0], queries[at:min(at+batch, len(queries))]...)
		w.search(view, radius, func(i int, h Hit) { dst = append(dst, BatchHit{at + i, h}) })
	}
	slices.SortFunc(dst[from:], func(a, b BatchHit) int {
		return cmp.Or(cmp.Compare(a.Query, b.Query), cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ID, b.ID))
	})
	return dst
}

func (x *Index) borrow() *scratch {
	w, _ := x.scratch.Get().(*scratch)
	if w == nil {
		w = newScratch()
	}
	if w.kernel = x.kernel.Load(); w.kernel == nil {
		w.kernel = &kernels[0]
	}
	return w
}

// Distance gives the number of bits that differ between a and b.
func Distance(a, b *[32]byte) int {
	return bits.OnesCount64(word(a, 0)^word(b, 0)) + bits.OnesCount64(word(a, 1)^word(b, 1)) +
		bits.OnesCount64(word(a, 2)^word(b, 2)) + bits.OnesCount64(word(a, 3)^word(b, 3))
}
