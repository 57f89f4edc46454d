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

// kernel is one way to run the two inner loops. All give the same results.
type kernel struct {
	name   string
	filter filterFunc
	scan   scanFunc
}

var portable = kernel{"go", filterGo, scanGo}

func filterGo(g *segment, spans []span, from, to int, found []uint32) (n, done int) {
	for ; from < to; from++ {
		s := spans[from]
		if int(s.n) > len(found)-n {
			break
		}
		at := int(s.at)
		run := g.next[2*at : 2*(at+int(s.n))]
		limit := int(s.limit)
		want := s.want
		for e := 0; e+1 < len(run); e += 2 {
			if bits.OnesCount16(binary.LittleEndian.Uint16(run[e:])^want) <= limit {
				found[n] = uint32(at + e/2)
				n++
			}
		}
	}
	return n, from
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
