package hamming

import "encoding/binary"

// index fills the look-up tables of a segment whose hashes stand. Each chunk is sorted by its value in two steps of 256 ways,
// so that writes stay within a few hundred kilobytes at a time.
func (g *segment) index() {
	records := make([]uint64, g.n) // chunk<<48 | next<<32 | position, by the high byte of chunk
	count := make([]uint32, buckets)
	for t := range chunks {
		clear(count)
		for i := range g.n {
			count[chunk(g.at(i), t)]++
		}
		offsets := g.offsets[4*t*(buckets+1):]
		var high [257]uint32
		sum := uint32(0)
		for v, c := range count {
			if v&0xff == 0 {
				high[v>>8] = sum
			}
			binary.LittleEndian.PutUint32(offsets[4*v:], sum)
			count[v] = sum // from here on: where the next entry of v goes
			sum += c
		}
		high[256] = sum
		binary.LittleEndian.PutUint32(offsets[4*buckets:], sum)

		var to [256]uint32
		copy(to[:], high[:256])
		for i := range g.n {
			h := g.at(i)
			v := chunk(h, t)
			r := uint64(v)<<48 | uint64(chunk(h, t+1))<<32 | uint64(i)
			records[to[v>>8]] = r
			to[v>>8]++
		}
		g.enter(t, records, count)
	}
}

// enter writes the sorted entries of chunk t.
func (g *segment) enter(t int, records []uint64, to []uint32) {
	next, ids := g.next[2*t*g.n:], g.ids[g.idWidth*t*g.n:]
	for _, r := range records {
		v := r >> 48
		e := int(to[v])
		to[v]++
		binary.LittleEndian.PutUint16(next[2*e:], uint16(r>>32))
		if g.idWidth == 3 {
			b := ids[3*e : 3*e+3]
			b[0], b[1], b[2] = byte(r), byte(r>>8), byte(r>>16)
		} else {
			binary.LittleEndian.PutUint32(ids[4*e:], uint32(r))
		}
	}
}
