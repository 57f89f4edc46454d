package hamming

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func pairs(hashes [][32]byte, ids []uint64) iter.Seq2[[32]byte, uint64] {
	return func(yield func([32]byte, uint64) bool) {
		for i, h := range hashes {
			if !yield(h, ids[i]) {
				return
			}
		}
	}
}

func TestFileEqualsMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(20, 21))
	for name, hashes := range collections(r) {
		for kind, id := range map[string]func(int) uint64{
			"position": func(i int) uint64 { return uint64(i) },
			"short":    func(i int) uint64 { return uint64(i*i) % 1_000_003 },
			"long":     func(i int) uint64 { return 1<<60 - uint64(i) },
		} {
			path := filepath.Join(t.TempDir(), "list")
			ids := make([]uint64, len(hashes))
			for i := range ids {
				ids[i] = id(i)
			}
			if err := WriteFile(path, pairs(hashes, ids)); err != nil {
				t.Fatal(err)
			}
			x, err := Open(path)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, kind, err)
			}
			if x.Len() != len(hashes) {
				t.Errorf("%s, %s: %d hashes, want %d", name, kind, x.Len(), len(hashes))
			}
			for radius := 1; radius < 40; radius += 6 {
				q := random(r)
				if len(hashes) > 0 {
					q = flipped(r, hashes[r.IntN(len(hashes))], r.IntN(radius))
				}
				if got, want := x.Search(q, radius, nil), brute(hashes, ids, q, radius); !slices.Equal(got, want) {
					t.Fatalf("%s, %s, radius %d: %d hits, want %d", name, kind, radius, len(got), len(want))
				}
			}
			if len(hashes) > 0 {
				same := 0
				for _, v := range ids {
					if v == ids[0] {
						same++
					}
				}
				if got := x.Remove(ids[0]); got != same || x.Len() != len(hashes)-same {
					t.Errorf("%s, %s: removed %d, want %d", name, kind, got, same)
				}
			}
			if err := x.Verify(); err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
			if left, err := filepath.Glob(path + ".*"); err != nil || len(left) > 0 {
				t.Errorf("files are left over: %v", left)
			}
		}
	}
}

// TestDamagedFile changes each kind of byte. Whatever a search still gives must be right, and the damage must be known afterwards.
func TestDamagedFile(t *testing.T) {
	r := rand.New(rand.NewPCG(22, 23))
	hashes, ids := make([][32]byte, 6000), make([]uint64, 6000)
	for i := range hashes {
		hashes[i], ids[i] = random(r), uint64(3*i)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "list")
	if err := WriteFile(path, pairs(hashes, ids)); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l := layoutFor(len(hashes), 4)
	for name, at := range map[string]int{"magic": 3, "count": 8, "table": len(good) - 2, "hashes": headerSize + l.hashes + 777,
		"payload": headerSize + l.payload + 99, "offsets": headerSize + l.offsets + 70_000, "next": headerSize + l.next + 4321, "ids": headerSize + l.ids + 9} {
		b := bytes.Clone(good)
		b[at] ^= 4
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		x, err := Open(path)
		if header := name == "magic" || name == "count" || name == "table"; header {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: opened: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, h := range hashes {
			for _, hit := range x.Search(h, 31, nil) {
				if hit != (Hit{ids[i], 0}) {
					t.Errorf("%s: a wrong hit %v", name, hit)
				}
			}
		}
		if err := x.Err(); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: the damage was not seen: %v", name, err)
		}
	}
	for _, n := range []int{0, 100, headerSize, len(good) - 1, len(good) + 1} {
		if err := os.WriteFile(path, append(bytes.Clone(good), 0)[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

// FuzzOpen changes a file and, so that the change is seen, its checksums: nothing may read outside of it.
func FuzzOpen(f *testing.F) {
	r := rand.New(rand.NewPCG(24, 25))
	hashes, ids := make([][32]byte, 50), make([]uint64, 50)
	for i := range hashes {
		hashes[i], ids[i] = random(r), uint64(i*7)
	}
	dir := f.TempDir()
	path := filepath.Join(dir, "list")
	if err := WriteFile(path, pairs(hashes, ids)); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	l := layoutFor(len(hashes), 4)
	f.Add(uint32(8), uint32(1), true)
	f.Add(uint32(headerSize+l.offsets+40), uint32(0xffffffff), true)
	f.Add(uint32(headerSize+l.ids+2), uint32(0xffffff), true)
	f.Add(uint32(headerSize+l.next), uint32(7), false)
	f.Fuzz(func(t *testing.T, at, value uint32, mend bool) {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint32(b[int(at)%(len(b)-4):], value)
		if mend {
			region, sums := b[headerSize:headerSize+l.size], b[headerSize+l.size:]
			for i := range len(sums) / 4 {
				binary.LittleEndian.PutUint32(sums[4*i:], sumOf(region, i))
			}
			binary.LittleEndian.PutUint32(b[24:], crc32.Checksum(sums, castagnoli))
			binary.LittleEndian.PutUint32(b[28:], crc32.Checksum(b[:28], castagnoli))
		}
		name := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		x, err := Open(name)
		if err != nil {
			return
		}
		for _, h := range hashes {
			x.Search(h, 31, nil)
			x.Search(h, 3, nil)
			x.Search(h, 40, nil)
		}
		x.Remove(7)
		for range x.All() {
		}
		if x.Verify() == nil {
			x.Len()
		}
	})
}
