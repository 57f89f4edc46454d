package hamming

import (
	"encoding/binary"
	"math/bits"
)

// filterFunc looks at the entries of spans[from:to], all within the segment's, and writes to found the flat positions of those that
// pass, in order. It stops before a span that found may not have room for. It gives the number written and the span to go on
// with. It may read ahead in the spans behind to.
type filterFunc func(g *segment, spans []span, from, to int, found []uint32) (n, done int)

// scanFunc writes to found the positions of the hashes from the given one on that are within radius, in order, until found is
// nearly full. It gives the number written and the position to go on with. Found has room for at least four.
type scanFunc func(hashes []byte, q *[32]byte, radius, from int, found []uint32) (n, done int)

// nearFunc writes to found which of the places, counted from 0, hold a hash within radius, in order, and gives their number. Places that
// no hash has are passed over. Found is as long as places.
type nearFunc func(hashes []byte, q *[32]byte, radius int, places, found []uint32) int

// kernel is one way to run the three inner loops. All give the same results.
type kernel struct {
	name   string
	filter filterFunc
	near   nearFunc
	scan   scanFunc
}

var portable = kernel{"go", filterGo, nearGo, scanGo}

// touchAhead is how many spans the portable filter asks of memory before it looks at the first of them.
const touchAhead = 68

func filterGo(g *segment, spans []span, from, to int, found []uint32) (n, done int) {
	touched := from
	for ; from < to; from++ {
		s := spans[from]
		if int(s.n) > len(found)-n {
			break
		}
		if from == touched {
			touched = min(from+touchAhead, to)
			if n < len(found) {
				found[n] = touch(g, spans[from:touched]) // overwritten, but read all the same
			}
		}
		at := int(s.at)
		run := g.next[2*at : 2*(at+int(s.n))]
		limit := int(s.limit)
		e := 0
		// Four entries at a time: their population counts side by side, subtracted from the limit so that a borrow shows in the top bits.
		want, most := uint64(s.want)*lanes, uint64(limit)*lanes|top
		for ; e+8 <= len(run); e += 8 {
			v := binary.LittleEndian.Uint64(run[e:]) ^ want
			v -= v >> 1 & 0x5555555555555555
			v = v&0x3333333333333333 + v>>2&0x3333333333333333
			v = (v + v>>4) & 0x0f0f0f0f0f0f0f0f
			v = (v + v>>8) & (31 * lanes)
			for m := (most - v) & top; m != 0; m &= m - 1 {
				found[n] = uint32(at + e/2 + bits.TrailingZeros64(m)/16)
				n++
			}
		}
		for ; e+2 <= len(run); e += 2 {
			if bits.OnesCount16(binary.LittleEndian.Uint16(run[e:])^s.want) <= limit {
				found[n] = uint32(at + e/2)
				n++
			}
		}
	}
	return n, from
}

const (
	lanes = 0x0001000100010001
	top   = 0x8000800080008000
)

// touch reads a little of each span, so that memory delivers them together and not one after the other.
func touch(g *segment, spans []span) (sum uint32) {
	for _, s := range spans {
		first, last := 2*int(s.at), 2*int(s.at+s.n-1)
		sum += uint32(g.next[first]) + uint32(g.next[(first+last)/2]) + uint32(g.next[last])
	}
	return sum
}

// touchHashes is how many hashes nearGo asks of memory together.
const touchHashes = 64

func nearGo(hashes []byte, q *[32]byte, radius int, places, found []uint32) (n int) {
	q0, q1, q2, q3 := word(q, 0), word(q, 1), word(q, 2), word(q, 3)
	total := uint32(len(hashes) / hashSize)
	for from := 0; from < len(places); from += touchHashes {
		group := places[from:min(from+touchHashes, len(places))]
		sum := uint32(0)
		for _, p := range group {
			if p < total {
				sum += uint32(hashes[hashSize*int(p)])
			}
		}
		found[n] = sum // overwritten, but read all the same
		for k, p := range group {
			if p >= total {
				continue
			}
			h := (*[32]byte)(hashes[hashSize*int(p):])
			d := bits.OnesCount64(word(h, 0)^q0) + bits.OnesCount64(word(h, 1)^q1) +
				bits.OnesCount64(word(h, 2)^q2) + bits.OnesCount64(word(h, 3)^q3)
			if d <= radius {
				found[n] = uint32(from + k)
				n++
			}
		}
	}
	return n
}

func scanGo(hashes []byte, q *[32]byte, radius, from int, found []uint32) (n, done int) {
	q0, q1, q2, q3 := word(q, 0), word(q, 1), word(q, 2), word(q, 3)
	total := len(hashes) / hashSize
	for ; from < total && n < len(found); from++ {
		h := (*[32]byte)(hashes[hashSize*from:])
		d := bits.OnesCount64(word(h, 0)^q0) + bits.OnesCount64(word(h, 1)^q1) +
			bits.OnesCount64(word(h, 2)^q2) + bits.OnesCount64(word(h, 3)^q3)
		if d <= radius {
			found[n] = uint32(from)
			n++
		}
	}
	return n, from
}

// Kernels names the ways to search that this processor has, the fastest first: "avx512", "avx2", "go". They find the same.
func Kernels() []string {
	out := make([]string, len(kernels))
	for i, k := range kernels {
		out[i] = k.name
	}
	return out
}

// Use makes the index search with one of Kernels, for measurements; without it, the fastest is used. It reports whether there is such
// a one.
func (x *Index) Use(name string) bool {
	for i, k := range kernels {
		if k.name == name {
			x.kernel.Store(&kernels[i])
			return true
		}
	}
	return false
}
