package jpegluma

import "encoding/binary"

const (
	lookBits = 11
	jumpBits = 13
	// beyond is how many zero bytes follow a segment: the most that one block may read, 64 codes of 16 bits with 15 bits each, and
	// what the reader takes ahead.
	beyond = 64*31/8 + 16
)

// table is a Huffman table with short cuts.
type table struct {
	// look, by the next lookBits bits, holds a symbol: bits 0-4 the length of the code, or 0 if it is longer than lookBits; bits 8-15
	// the symbol (run and size); bits 5-7 are 1 if the value that follows fits as well, and then bits 16-31 hold it.
	look [1 << lookBits]uint32
	// jump, by the next jumpBits bits, holds as many AC symbols with their values as fit: bits 0-4 their length together, 0 for none; bits
	// 5-11 the coefficients passed; bit 12 set if the last is an end of block.
	jump   [1 << jumpBits]uint16
	max    [17]int32 // largest code of each length, or -1
	offset [17]int32 // of a length's codes in values
	values []byte
}

const (
	withValue = 1 << 5
	jumpEnd   = 1 << 12
)

// newTable gives nil for a table that is not a prefix code or holds symbols that T.81 does not have.
func newTable(counts [16]byte, values []byte, dc bool) *table {
	t := &table{values: values}
	code, k := int32(0), int32(0)
	for n := 1; n <= 16; n++ {
		t.max[n] = -1
		t.offset[n] = k - code
		for range counts[n-1] {
			s := values[k]
			if dc && s > 11 || !dc && s&15 > 10 || code >= 1<<n {
				return nil
			}
			if n <= lookBits {
				t.enter(code, n, s)
			}
			t.max[n] = code
			code++
			k++
		}
		if code > 1<<n {
			return nil
		}
		code <<= 1
	}
	if !dc {
		t.jumps()
	}
	return t
}

// enter fills the look-ups of a code of n bits.
func (t *table) enter(code int32, n int, s byte) {
	size := int(s & 15)
	for rest := range 1 << (lookBits - n) {
		e := uint32(n) | uint32(s)<<8
		if n+size <= lookBits {
			v := extend(rest>>(lookBits-n-size), size)
			e |= withValue | uint32(uint16(v))<<16
		}
		t.look[int(code)<<(lookBits-n)|rest] = e
	}
}

// extend gives the value of size bits: T.81 F.2.2.1.
func extend(bits, size int) int {
	if size > 0 && bits < 1<<(size-1) {
		return bits - 1<<size + 1
	}
	return bits
}

// jumps fills the table of several symbols at once.
func (t *table) jumps() {
	for w := range t.jump {
		used, passed := 0, 0
		for {
			// The bits left, at the top of a look-up; those behind are unknown, so that a symbol must lie within.
			left := jumpBits - used
			next := w << used & (1<<jumpBits - 1) >> (jumpBits - lookBits)
			e := t.look[next]
			n, s := int(e&31), int(e>>8&255)
			if n == 0 || n+s&15 > left {
				break
			}
			if s == 0 {
				used += n
				t.jump[w] = uint16(used) | uint16(passed)<<5 | jumpEnd
				break
			}
			if s&15 == 0 && s != 0xf0 || passed+s>>4+1 > 63 {
				break
			}
			used += n + s&15
			passed += s>>4 + 1
			t.jump[w] = uint16(used) | uint16(passed)<<5
		}
	}
}

// reader takes bits from a segment, the highest first.
type reader struct {
	b    []byte // with beyond bytes behind the end
	end  int    // bytes that count
	at   int
	bits uint64 // the next bits, at the top
	n    uint   // how many are certain
}

func (r *reader) reset(b []byte) { *r = reader{b: b, end: len(b) - beyond} }

// over tells whether more was taken than there is. Asked once a block, it keeps the reading itself within the bytes behind the end.
func (r *reader) over() bool { return r.at*8-int(r.n) > r.end*8 }

// refill makes at least 56 bits certain.
func (r *reader) refill() {
	r.bits |= binary.BigEndian.Uint64(r.b[r.at:]) >> r.n
	r.at += int(63-r.n) >> 3
	r.n |= 56
}

func (r *reader) skip(n uint) {
	r.bits <<= n
	r.n -= n
}

func (r *reader) take(n uint) int {
	v := r.bits >> 1 >> (63 - n)
	r.skip(n)
	return int(v)
}

// symbol reads a code; -1 if there is none. It needs 16 certain bits.
func (r *reader) symbol(t *table) int {
	if e := t.look[r.bits>>(64-lookBits)]; e&31 != 0 {
		r.skip(uint(e & 31))
		return int(e >> 8 & 255)
	}
	for n := uint(lookBits + 1); n <= 16; n++ {
		if code := int32(r.bits >> (64 - n)); code <= t.max[n] {
			r.skip(n)
			return int(t.values[code+t.offset[n]])
		}
	}
	return -1
}

// difference reads the change of a DC value.
func (r *reader) difference(t *table) (int, bool) {
	r.refill()
	e := t.look[r.bits>>(64-lookBits)]
	if e&withValue != 0 {
		r.skip(uint(e&31) + uint(e>>8&15))
		return int(int16(e >> 16)), true
	}
	s := r.symbol(t)
	if s < 0 {
		return 0, false
	}
	return extend(r.take(uint(s)), s), true
}

// block reads the AC coefficients up to index last of a baseline block into c, in zigzag order, and steps over the rest.
func (r *reader) block(t *table, c *[64]int32, last int) bool {
	bits, n, at := r.bits, r.n, r.at
	k := 1
	for k <= last {
		bits |= binary.BigEndian.Uint64(r.b[at:]) >> n
		at += int(63-n) >> 3
		n |= 56
		e := t.look[bits>>(64-lookBits)]
		s := int(e >> 8 & 255)
		if e&withValue != 0 {
			used := uint(e&31) + uint(s&15)
			bits <<= used
			n -= used
			if s == 0 {
				r.bits, r.n, r.at = bits, n, at
				return true
			}
			if k += s >> 4; k > 63 {
				return false
			}
			c[k] = int32(int16(e >> 16))
			k++
			if s&15 == 0 && s != 0xf0 {
				return false
			}
			continue
		}
		r.bits, r.n, r.at = bits, n, at
		if s = r.symbol(t); s < 0 {
			return false
		}
		v := extend(r.take(uint(s&15)), s&15)
		bits, n, at = r.bits, r.n, r.at
		if s == 0 {
			return true
		}
		if k += s >> 4; k > 63 || s&15 == 0 && s != 0xf0 {
			return false
		}
		c[k] = int32(v)
		k++
	}
	r.bits, r.n, r.at = bits, n, at
	return r.pass(t, k)
}

// pass steps over the coefficients of a baseline block from index k on.
func (r *reader) pass(t *table, k int) bool {
	bits, n, at := r.bits, r.n, r.at
	for k < 64 {
		bits |= binary.BigEndian.Uint64(r.b[at:]) >> n
		at += int(63-n) >> 3
		n |= 56
		if j := uint(t.jump[bits>>(64-jumpBits)]); j != 0 {
			if next := k + int(j>>5&127); next <= 63 || next == 64 && j&jumpEnd == 0 {
				bits <<= j & 31
				n -= j & 31
				if k = next; j&jumpEnd != 0 {
					break
				}
				continue
			}
		}
		r.bits, r.n, r.at = bits, n, at
		s := r.symbol(t)
		if s < 0 {
			return false
		}
		r.skip(uint(s & 15))
		bits, n, at = r.bits, r.n, r.at
		if s == 0 {
			return true
		}
		if k += s>>4 + 1; k > 64 || s&15 == 0 && s != 0xf0 {
			return false
		}
	}
	r.bits, r.n, r.at = bits, n, at
	return true
}
