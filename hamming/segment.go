package hamming

import (
	"encoding/binary"
	"runtime"
	"slices"
	"sort"
	"sync"
)

const (
	chunks   = 16
	buckets  = 1 << 16
	hashSize = 32
	// overrun is how many bytes a kernel may read beyond the last entry it was given.
	overrun = 128
)

// segment is an immutable set of n hashes with its look-up tables. All sections are little endian, as in a file.
//
// For chunk t, entry e of the tables (0 to n-1) is the e-th hash in the order of its value of chunk t; its flat position is t*n+e.
type segment struct {
	n       int
	hashes  []byte // n x 32: the hashes in the order they came
	offsets []byte // 16 x 65537 x 4: for chunk t and value v, the first entry of v; the last is n
	next    []byte // 16 x n x 2, and overrun: the chunk after t of each entry
	ids     []byte // 16 x n x idWidth, and overrun: position in hashes of each entry
	idWidth int    // 3 or 4
	payloads
	place layout
	dead  *deadSet
	check *checker // of a mapped file; nil in memory

	sortOnce sync.Once
	sorted   []uint32 // positions in the order of their payload ids; made by find if ids do not ascend
}

// payloads holds the payload ids in the fewest bytes.
type payloads struct {
	width     int    // 0 (the id is the position), 4 or 8
	bytes     []byte // n x width
	ascending bool
}

func word(h *[32]byte, i int) uint64 { return binary.LittleEndian.Uint64(h[8*i:]) }

func chunk(h *[32]byte, t int) uint16 { return binary.LittleEndian.Uint16(h[2*(t&15):]) }

func (g *segment) at(i int) *[32]byte { return (*[32]byte)(g.hashes[hashSize*i:]) }

func (g *segment) hash(i int) [32]byte { return *g.at(i) }

func (p *payloads) payload(i int) uint64 {
	switch p.width {
	case 0:
		return uint64(i)
	case 4:
		return uint64(binary.LittleEndian.Uint32(p.bytes[4*i:]))
	}
	return binary.LittleEndian.Uint64(p.bytes[8*i:])
}

// note widens the payload for the id of hash i, which follows last.
func (p *payloads) note(i int, id uint64, last *uint64) {
	if id != uint64(i) {
		p.width = max(p.width, 4)
	}
	if id > 0xffffffff {
		p.width = 8
	}
	if id < *last {
		p.ascending = false
	}
	*last = id
}

func (p *payloads) put(i int, id uint64) {
	switch p.width {
	case 4:
		binary.LittleEndian.PutUint32(p.bytes[4*i:], uint32(id))
	case 8:
		binary.LittleEndian.PutUint64(p.bytes[8*i:], id)
	}
}

// position gives the hash of a flat table position.
func (g *segment) position(flat uint32) int {
	if g.idWidth == 3 {
		return int(binary.LittleEndian.Uint32(g.ids[3*int(flat):]) & 0xffffff)
	}
	return int(binary.LittleEndian.Uint32(g.ids[4*int(flat):]))
}

// bucket gives the entries of chunk t that have the value v.
func (g *segment) bucket(t int, v uint16) (lo, hi uint32) {
	o := g.offsets[4*(t*(buckets+1)+int(v)):]
	return binary.LittleEndian.Uint32(o), binary.LittleEndian.Uint32(o[4:])
}

// find gives the positions of the hashes with a payload id.
func (g *segment) find(id uint64) []uint32 {
	if !g.sound(g.place.payload, len(g.bytes)) {
		return nil
	}
	at := func(i int) int { return i }
	if !g.ascending {
		g.sortOnce.Do(func() {
			g.sorted = make([]uint32, g.n)
			for i := range g.sorted {
				g.sorted[i] = uint32(i)
			}
			slices.SortFunc(g.sorted, func(a, b uint32) int {
				switch x, y := g.payload(int(a)), g.payload(int(b)); {
				case x < y:
					return -1
				case x > y:
					return 1
				}
				return 0
			})
		})
		at = func(i int) int { return int(g.sorted[i]) }
	}
	var out []uint32
	for i := sort.Search(g.n, func(i int) bool { return g.payload(at(i)) >= id }); i < g.n && g.payload(at(i)) == id; i++ {
		out = append(out, uint32(at(i)))
	}
	return out
}

// build makes a segment in memory.
func build(hashes [][32]byte, id func(int) uint64) *segment {
	n := len(hashes)
	p := payloads{ascending: true}
	last := uint64(0)
	for i := range n {
		p.note(i, id(i), &last)
	}
	g := &segment{n: n, payloads: p, dead: newDeadSet(n)}
	l := layoutFor(n, p.width)
	region := allocate(l.size)
	l.cut(g, region)
	runtime.AddCleanup(g, release, region)
	for i := range hashes {
		copy(g.hashes[hashSize*i:], hashes[i][:])
		g.put(i, id(i))
	}
	g.index()
	return g
}

// layout says where the sections of a segment of n hashes lie, in bytes from the start of its region. Each starts at a multiple
// of 4096.
type layout struct {
	n, width, idWidth                      int
	hashes, payload, offsets, next, ids    int
	hashesEnd, payloadEnd, nextEnd, idsEnd int
	size                                   int
}

func layoutFor(n, payloadWidth int) layout {
	page := func(at int) int { return (at + 4095) &^ 4095 }
	l := layout{n: n, width: payloadWidth, idWidth: 3}
	if n > 1<<24 {
		l.idWidth = 4
	}
	l.hashes = 0
	l.hashesEnd = n * hashSize
	l.payload = page(l.hashesEnd)
	l.payloadEnd = l.payload + n*payloadWidth
	l.offsets = page(l.payloadEnd)
	l.next = page(l.offsets + chunks*(buckets+1)*4)
	l.nextEnd = l.next + chunks*n*2 + overrun
	l.ids = page(l.nextEnd)
	l.idsEnd = l.ids + chunks*n*l.idWidth + overrun
	l.size = page(l.idsEnd)
	return l
}

// cut makes the sections of g slices of region.
func (l layout) cut(g *segment, region []byte) {
	g.n, g.width, g.idWidth, g.place = l.n, l.width, l.idWidth, l
	g.hashes = region[l.hashes:l.hashesEnd:l.hashesEnd]
	g.bytes = region[l.payload:l.payloadEnd:l.payloadEnd]
	g.offsets = region[l.offsets : l.offsets+chunks*(buckets+1)*4 : l.next]
	g.next = region[l.next:l.nextEnd:l.nextEnd]
	g.ids = region[l.ids:l.idsEnd:l.idsEnd]
}
