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
	// look, by the next lookBits bits, holds a symbol: bits 0-5 the length of its code and of the value that follows together, or 0 if
	// the code is longer than lookBits; bits 8-15 the symbol (run and size); bits 16-20 the length of the code.
	look [1 << lookBits]uint32
	// jump, by the next jumpBits bits, holds as many AC symbols with their values as fit: bits 0-5 their length together; from bit 6 on the
	// coefficients passed, with jumpEnd added if the last is an end of block, or jumpNone if not even one fits.
	jump   [1 << jumpBits]uint16
	max    [17]int32 // largest code of each length, or -1
	offset [17]int32 // of a length's codes in values
	values []byte
}

const (
	jumpEnd  = 128
	jumpNone = 256
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
	e := uint32(n) + uint32(s&15) | uint32(s)<<8 | uint32(n)<<16
	for rest := range 1 << (lookBits - n) {
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
			e := t.look[w<<used&(1<<jumpBits-1)>>(jumpBits-lookBits)]
			n, s := int(e&63), int(e>>8&255)
			if n == 0 || n > left {
				break
			}
			if s == 0 {
				used += n
				passed += jumpEnd
				break
			}
			if s&15 == 0 && s != 0xf0 || passed+s>>4+1 > 63 {
				break
			}
			used += n
			passed += s>>4 + 1
		}
		if used == 0 {
			passed = jumpNone
		}
		t.jump[w] = uint16(used | passed<<6)
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
	if e := t.look[r.bits>>(64-lookBits)]; e != 0 {
		r.skip(uint(e >> 16))
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

// value gives the value of size bits at the top of bits, as extend does, without a branch.
func value(bits uint64, size uint) int {
	return int(bits>>1>>(63-size)) + int(^(int64(bits)>>63)&(1-1<<size))
}

// difference reads the change of a DC value.
func (r *reader) difference(t *table) (int, bool) {
	r.refill()
	if e := t.look[r.bits>>(64-lookBits)]; e != 0 {
		v := value(r.bits<<(e>>16&31), uint(e>>8&15))
		r.skip(uint(e & 63))
		return v, true
	}
	s := r.symbol(t)
	if s < 0 {
		return 0, false
	}
	return extend(r.take(uint(s)), s), true
}

// block reads the AC coefficients up to index last of a baseline block, and steps over the rest. It multiplies them by their quantiser
// into f, by row and column, and adds to set a bit for each place that it wrote.
func (r *reader) block(t *table, quant *[64]int32, last int, f *[64]int32, set uint64) (uint64, bool) {
	bits, n, at := r.bits, r.n, r.at
	over := uint32(0)
	k := 1
	for k <= last {
		bits |= binary.BigEndian.Uint64(r.b[at:]) >> (n & 63)
		at += int(63-n) >> 3
		n |= 56
		var s, v int
		if e := t.look[bits>>(64-lookBits)]; e != 0 {
			s = int(e >> 8 & 255)
			v = value(bits<<(e>>16&31), uint(e>>8&15))
			bits <<= e & 63
			n -= uint(e & 63)
		} else {
			r.bits, r.n, r.at = bits, n, at
			if s = r.symbol(t); s < 0 {
				return 0, false
			}
			v = extend(r.take(uint(s&15)), s&15)
			bits, n, at = r.bits, r.n, r.at
		}
		if s&15 == 0 {
			if s == 0 {
				r.bits, r.n, r.at = bits, n, at
				return set, over <= 2*maxCoefficient
			}
			if s != 0xf0 {
				return 0, false
			}
		}
		if k += s >> 4; k > 63 {
			return 0, false
		}
		w := int32(v) * quant[k] // within 10 and 16 bits
		over = max(over, uint32(w+maxCoefficient))
		place := zigzag[k&63] & 63
		f[place] = w
		set |= 1 << place
		k++
	}
	r.bits, r.n, r.at = bits, n, at
	return set, r.pass(t, k) && over <= 2*maxCoefficient
}

// pass steps over the coefficients of a baseline block from index k on.
func (r *reader) pass(t *table, k int) bool {
	bits, n, at := r.bits, r.n, r.at
	for k < 64 {
		bits |= binary.BigEndian.Uint64(r.b[at:]) >> (n & 63)
		at += int(63-n) >> 3
		n |= 56
		var j uint
		var before uint64
		for range 56 / jumpBits { // so many look-ups have enough certain bits
			before = bits
			j = uint(t.jump[bits>>(64-jumpBits)])
			bits <<= j & 63
			n -= j & 63
			if k += int(j >> 6); k >= 64 {
				break
			}
		}
		if k <= 64 || k >= jumpEnd && k < jumpEnd+64 {
			continue // or the block is at its end
		}
		// No short cut, or it leads into the next block: one symbol.
		k -= int(j >> 6)
		r.bits, r.n, r.at = before, n+(j&63), at
		r.refill()
		s := r.symbol(t)
		if s < 0 {
			return false
		}
		r.skip(uint(s & 15))
		if s == 0 {
			return true
		}
		if k += s>>4 + 1; k > 64 || s&15 == 0 && s != 0xf0 {
			return false
		}
		bits, n, at = r.bits, r.n, r.at
	}
	r.bits, r.n, r.at = bits, n, at
	return true
}
