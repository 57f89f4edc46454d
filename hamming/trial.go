package hamming

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// tried tells whether a kernel gives what the portable one gives on a few thousand made-up entries, in about a tenth of a millisecond. A program that
// starts on a processor of a kind that nobody tested searches rightly all the same, only slower.
func tried(k kernel) bool {
	const n = 128
	r := rand.New(rand.NewPCG(1, 1))
	g := &segment{n: n, idWidth: 3, hashes: make([]byte, hashSize*n), next: make([]byte, chunks*n*2+overrun), ids: make([]byte, chunks*n*3+overrun)}
	for _, section := range [][]byte{g.next, g.hashes} { // few bits are set, so that many differ little
		for i := 0; i < len(section); i += 8 {
			binary.LittleEndian.PutUint64(section[i:], r.Uint64()&r.Uint64()&r.Uint64())
		}
	}
	var spans []span
	for i := range 48 {
		spans = append(spans, span{at: uint32(41 * i), n: uint32(1 + i*7%73), want: uint16(r.Uint32()) & uint16(r.Uint32()) & uint16(r.Uint32()), limit: uint16(i % 4)})
	}
	var got, want [2048]uint32
	m, until := portable.filter(g, spans, 3, len(spans), want[:])
	if n, done := k.filter(g, spans, 3, len(spans), got[:]); done != until || !slices.Equal(got[:n], want[:m]) {
		return false
	}
	q := [32]byte{5: 1, 17: 2}
	places := make([]uint32, 100)
	for i := range places {
		places[i] = uint32(r.IntN(n + 2))
	}
	for radius := 20; radius < 64; radius += 21 {
		m, until := portable.scan(g.hashes, &q, radius, 1, want[:])
		if n, done := k.scan(g.hashes, &q, radius, 1, got[:]); done != until || !slices.Equal(got[:n], want[:m]) {
			return false
		}
		m = portable.near(g.hashes, &q, radius, places, want[:])
		if n := k.near(g.hashes, &q, radius, places, got[:]); !slices.Equal(got[:n], want[:m]) {
			return false
		}
	}
	return m > 0 // something was found at all
}
