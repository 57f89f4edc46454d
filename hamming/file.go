package hamming

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
)

// A file is a header of 4096 bytes, the sections of one segment as in memory (see layout), and the CRC-32C of each block of 64 KiB of
// the sections. All numbers are little endian. The header:
//
//	 0  magic
//	 8  number of hashes
//	16  bytes of a payload id: 0, 4 or 8
//	20  1 if payload ids ascend
//	24  CRC-32C of the checksums at the end
//	28  CRC-32C of the header before
const (
	magic      = "RAKSHAH1"
	headerSize = 4096
	headerUsed = 32
)

// ErrDamaged is wrapped by errors about files that are not, or no longer, what WriteFile wrote.
var ErrDamaged = errors.New("hash file is damaged")

// ErrTooMany is returned by WriteFile for more hashes than a file holds: 134,217,728.
var ErrTooMany = errors.New("too many hashes for one file")

// WriteFile writes hashes with their payload ids to a file that Open maps. The hashes are read once and in order; besides the file
// itself, which the system may keep in memory, it takes 8 bytes a hash. The file appears under its name when it is complete.
func WriteFile(path string, hashes iter.Seq2[[32]byte, uint64]) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	ids, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".ids*")
	if err != nil {
		return err
	}
	defer func() {
		ids.Close()
		os.Remove(ids.Name())
	}()
	n, p, err := writeHashes(f, ids, hashes)
	if err != nil {
		return err
	}
	l := layoutFor(n, p.width)
	if err := writePayload(f, ids, l); err != nil {
		return err
	}
	blocks := (l.size + blockSize - 1) / blockSize
	if err := f.Truncate(int64(headerSize + l.size + 4*blocks)); err != nil {
		return err
	}
	all, finish, err := mapFile(f, headerSize+l.size+4*blocks, true)
	if err != nil {
		return err
	}
	region, sums := all[headerSize:headerSize+l.size], all[headerSize+l.size:]
	g := &segment{payloads: p}
	l.cut(g, region)
	g.index()
	for i := range blocks {
		binary.LittleEndian.PutUint32(sums[4*i:], sumOf(region, i))
	}
	writeHeader(all, l, p.ascending, crc32.Checksum(sums, castagnoli))
	if err := finish(); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func writeHashes(f, ids io.Writer, hashes iter.Seq2[[32]byte, uint64]) (n int, p payloads, err error) {
	w, v := bufio.NewWriterSize(f, 1<<20), bufio.NewWriterSize(ids, 1<<20)
	if _, err := w.Write(make([]byte, headerSize)); err != nil {
		return 0, p, err
	}
	p.ascending = true
	last := uint64(0)
	for h, id := range hashes {
		if n == segmentAt {
			return 0, p, ErrTooMany
		}
		p.note(n, id, &last)
		_, err1 := w.Write(h[:])
		_, err2 := v.Write(binary.LittleEndian.AppendUint64(nil, id))
		if err := errors.Join(err1, err2); err != nil {
			return 0, p, err
		}
		n++
	}
	return n, p, errors.Join(w.Flush(), v.Flush())
}

// writePayload writes the payload section from ids of 8 bytes.
func writePayload(f, ids *os.File, l layout) error {
	if l.width == 0 {
		return nil
	}
	if _, err := ids.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := f.Seek(int64(headerSize+l.payload), io.SeekStart); err != nil {
		return err
	}
	r, w := bufio.NewReaderSize(ids, 1<<20), bufio.NewWriterSize(f, 1<<20)
	var b [8]byte
	for range l.n {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return err
		}
		if _, err := w.Write(b[:l.width]); err != nil {
			return err
		}
	}
	return w.Flush()
}

func writeHeader(b []byte, l layout, ascending bool, sums uint32) {
	copy(b, magic)
	binary.LittleEndian.PutUint64(b[8:], uint64(l.n))
	binary.LittleEndian.PutUint32(b[16:], uint32(l.width))
	if ascending {
		b[20] = 1
	}
	binary.LittleEndian.PutUint32(b[24:], sums)
	binary.LittleEndian.PutUint32(b[28:], crc32.Checksum(b[:28], castagnoli))
}

// Open maps a file that WriteFile wrote. Its header is checked at once and the rest in blocks when a search first needs them: see Err.
// The file must not be changed while the index is used; it is unmapped when the index is no longer reachable. Hashes that are added
// or removed stay in memory.
func Open(path string) (*Index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < headerSize {
		return nil, fmt.Errorf("%w: %s is shorter than a header", ErrDamaged, path)
	}
	all, finish, err := mapFile(f, int(info.Size()), false)
	if err != nil {
		return nil, err
	}
	g, err := read(path, all)
	if err != nil {
		return nil, errors.Join(err, finish())
	}
	x := new(Index)
	s := new(state)
	if g.n > 0 {
		runtime.AddCleanup(g, func(finish func() error) { _ = finish() }, finish)
		s.segments = []*segment{g}
	} else if err := finish(); err != nil {
		return nil, err
	}
	x.state.Store(s)
	return x, nil
}

// read makes a segment of the bytes of a file.
func read(name string, all []byte) (*segment, error) {
	wrong := func(what string) error { return fmt.Errorf("%w: %s: %s", ErrDamaged, name, what) }
	h := all[:headerUsed]
	if string(h[:8]) != magic {
		return nil, wrong("it does not begin like a hash file")
	}
	if crc32.Checksum(h[:28], castagnoli) != binary.LittleEndian.Uint32(h[28:]) {
		return nil, wrong("the header does not fit its checksum")
	}
	n, width := binary.LittleEndian.Uint64(h[8:]), binary.LittleEndian.Uint32(h[16:])
	if n > segmentAt || width != 0 && width != 4 && width != 8 || h[20] > 1 {
		return nil, wrong("the header has values that no version writes")
	}
	l := layoutFor(int(n), int(width))
	blocks := (l.size + blockSize - 1) / blockSize
	if len(all) != headerSize+l.size+4*blocks {
		return nil, wrong("its length does not fit its header")
	}
	region, sums := all[headerSize:headerSize+l.size], all[headerSize+l.size:]
	if crc32.Checksum(sums, castagnoli) != binary.LittleEndian.Uint32(h[24:]) {
		return nil, wrong("the table of checksums is damaged")
	}
	g := &segment{payloads: payloads{ascending: h[20] == 1}, dead: newDeadSet(int(n)), check: newChecker(name, region, sums)}
	l.cut(g, region)
	return g, nil
}
