package hamming

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sync/atomic"
)

// blockSize is what one checksum covers, in bytes.
const blockSize = 64 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checker checks the blocks of a mapped file when they are first used. Blocks that were checked stay so: the file must not be changed
// while it is mapped.
type checker struct {
	name   string
	region []byte
	sums   []byte // 4 for each block
	done   []atomic.Uint64
	left   atomic.Int64 // blocks not checked yet
	wrong  atomic.Pointer[error]
}

func newChecker(name string, region, sums []byte) *checker {
	n := (len(region) + blockSize - 1) / blockSize
	c := &checker{name: name, region: region, sums: sums, done: make([]atomic.Uint64, (n+63)/64)}
	c.left.Store(int64(n))
	return c
}

func sumOf(region []byte, block int) uint32 {
	return crc32.Checksum(region[block*blockSize:min((block+1)*blockSize, len(region))], castagnoli)
}

// ensure checks the blocks of region[from:to] that were not used before.
func (c *checker) ensure(from, to int) bool {
	for block := from / blockSize; block*blockSize < to; block++ {
		word, bit := &c.done[block>>6], uint64(1)<<(block&63)
		if word.Load()&bit != 0 {
			continue
		}
		if sumOf(c.region, block) != binary.LittleEndian.Uint32(c.sums[4*block:]) {
			err := fmt.Errorf("%w: %s, bytes %d to %d", ErrDamaged, c.name, headerSize+block*blockSize, headerSize+(block+1)*blockSize)
			c.wrong.CompareAndSwap(nil, &err)
			return false
		}
		if word.Or(bit)&bit == 0 {
			c.left.Add(-1)
		}
	}
	return true
}

// sound tells whether n bytes from a place in the region may be used. In memory they always may.
func (g *segment) sound(at, n int) bool {
	return g.check == nil || g.check.left.Load() == 0 || g.check.ensure(at, at+n)
}

// whole checks everything.
func (g *segment) whole() bool { return g.check == nil || g.sound(0, len(g.check.region)) }

// Err gives the first damage that was found in a file the index was opened from, or nil. A search that met damage has left out what
// it could not trust: ask after searching, and make the file anew.
func (x *Index) Err() error {
	for _, g := range x.view().segments {
		if g.check != nil {
			if err := g.check.wrong.Load(); err != nil {
				return *err
			}
		}
	}
	return nil
}

// Verify checks all of the files the index was opened from, at the speed at which they can be read.
func (x *Index) Verify() error {
	for _, g := range x.view().segments {
		g.whole()
	}
	return x.Err()
}
