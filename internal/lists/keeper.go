package lists

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"raksha.example/raksha/hamming"
	"raksha.example/raksha/vpdq"
)

// keeper writes the index to files now and then, so that a node with millions of hashes answers soon after a start. The database
// stays the truth: the files say up to which batch they go, what came later is read from there, and files that are missing,
// damaged or not this node's are made anew.
type keeper struct {
	dir  string
	key  []byte
	log  *slog.Logger
	ends context.CancelFunc
	done sync.WaitGroup

	mu   sync.Mutex // guards what follows, and the files
	kept int        // number of entries at the last writing
	at   int64      // its batch
}

// Files keeps the index in files of a folder. key is a secret of the node: it marks the files as its own. log gets what went wrong.
func Files(dir string, key []byte, log *slog.Logger) Option {
	return func(l *Lists) { l.keep = &keeper{dir: dir, key: key, log: log} }
}

// When files are written: not for few entries, which are read fast, and not before many changes.
const (
	keepFrom  = 50_000
	keepEvery = 20 * time.Second // at most so often
)

const (
	picturesFile = "pictures"
	entriesFile  = "entries"
	filesVersion = "raksha index 2\n"
)

// start looks now and then whether the files are too old.
func (k *keeper) start(l *Lists) {
	ctx, cancel := context.WithCancel(context.Background())
	k.ends = cancel
	k.done.Go(func() {
		tick := time.NewTicker(keepEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if k.due(l.index) {
					k.report(k.write(l.index))
				}
			}
		}
	})
}

func (k *keeper) stop() {
	k.ends()
	k.done.Wait()
}

func (k *keeper) report(err error) {
	if err != nil && !errors.Is(err, os.ErrNotExist) && k.log != nil {
		k.log.Warn("the files of the list index", "error", err)
	}
}

// due says whether so much has changed that a start would take seconds longer than it need.
func (k *keeper) due(x *index) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := 0
	for _, v := range x.count {
		n += v
	}
	changes := max(n-k.kept, k.kept-n, int(min(x.batch-k.at, 1<<40)))
	return n >= keepFrom && changes >= max(keepFrom, n/20)
}

// Keep writes the files now, if there are any to be written.
func (l *Lists) KeepFiles() error {
	if l.keep == nil {
		return nil
	}
	return l.keep.write(l.index)
}

// kept is the file of entries, beside the pictures' hashes, which are a file of their own.
type kept struct {
	Batch    int64
	Top      uint64
	Labels   []string
	Places   map[uint64][]byte // pages: of each place, list and label as 4 bytes each
	Group    map[uint64]uint64
	Exact    []byte // of each exact hash: kind, 16 bytes, entry as 8 bytes; the entry that stands first before the others
	Videos   map[uint64][]vpdq.Frame
	Count    map[string]int
	Pictures string // the file with their hashes
}

// exactSize is the length of one exact hash in the file of entries.
const exactSize = 1 + 16 + 8

func appendExact(b []byte, k exactKey, id uint64) []byte {
	return binary.BigEndian.AppendUint64(append(append(b, k.kind), k.hash[:]...), id)
}

// write puts the index into files. Changes made meanwhile are either in none of them or read again at the next start: entries
// above Top are left out, and what was removed since Batch is removed again.
func (k *keeper) write(x *index) (err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return err
	}
	x.change.Lock()
	x.mu.RLock()
	v := kept{Batch: x.batch, Top: x.top, Labels: slices.Clone(x.labels), Places: map[uint64][]byte{}, Group: map[uint64]uint64{},
		Exact: make([]byte, 0, exactSize*len(x.exact)), Videos: map[uint64][]vpdq.Frame{}, Count: map[string]int{}}
	n := 0
	for kind, c := range x.count {
		v.Count[kind] = c
		n += c
	}
	for number, p := range x.places {
		out := make([]byte, 0, 8*page)
		for _, w := range p.at {
			out = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(out, w.list), w.label)
		}
		v.Places[number] = out
	}
	for id, first := range x.group {
		v.Group[id] = first
	}
	for key, id := range x.exact {
		v.Exact = appendExact(v.Exact, key, id)
		for _, id := range x.more[key] {
			v.Exact = appendExact(v.Exact, key, id)
		}
	}
	for id, frames := range x.videos {
		v.Videos[id] = frames
	}
	x.mu.RUnlock()
	x.change.Unlock()

	v.Pictures = fmt.Sprintf("%s-%d", picturesFile, v.Batch)
	path := filepath.Join(k.dir, v.Pictures)
	err = hamming.WriteFile(path, func(yield func([32]byte, uint64) bool) {
		for h, id := range x.images.All() {
			if id <= v.Top && !yield(h, id) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if err := k.writeEntries(v); err != nil {
		return err
	}
	k.kept, k.at = n, v.Batch
	k.tidy(v.Pictures)
	return nil
}

// writeEntries writes the file that names the others, under its name only when it is complete and on the disk.
func (k *keeper) writeEntries(v kept) (err error) {
	path := filepath.Join(k.dir, entriesFile)
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(path + ".new")
		}
	}()
	mac := k.mac()
	w := bufio.NewWriterSize(io.MultiWriter(f, mac), 1<<20)
	if _, err := w.WriteString(filesVersion); err != nil {
		return err
	}
	if err := gob.NewEncoder(w).Encode(v); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if _, err := f.Write(mac.Sum(nil)); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (k *keeper) mac() hash.Hash {
	return hmac.New(sha256.New, append([]byte("list index\x00"), k.key...))
}

// tidy removes the files of pictures that are no longer named. One that is mapped stays readable until it is let go.
func (k *keeper) tidy(keep string) {
	names, _ := filepath.Glob(filepath.Join(k.dir, picturesFile+"-*"))
	for _, name := range names {
		if filepath.Base(name) != keep {
			os.Remove(name)
		}
	}
}

// read makes an index of the files. Its searches know no entry above what the file of entries holds.
func (k *keeper) read() (*index, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	b, err := os.ReadFile(filepath.Join(k.dir, entriesFile))
	if err != nil {
		return nil, err
	}
	if len(b) < len(filesVersion)+sha256.Size || string(b[:len(filesVersion)]) != filesVersion {
		return nil, errors.New("the file of entries is of another version")
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	mac := k.mac()
	mac.Write(body)
	if !hmac.Equal(mac.Sum(nil), sum) {
		return nil, errors.New("the file of entries is damaged or not this node's")
	}
	var v kept
	if err := gob.NewDecoder(bytes.NewReader(body[len(filesVersion):])).Decode(&v); err != nil {
		return nil, err
	}
	x := newIndex()
	if x.images, err = hamming.Open(filepath.Join(k.dir, filepath.Base(v.Pictures))); err != nil {
		return nil, err
	}
	x.batch, x.top, x.labels, x.group, x.count = v.Batch, v.Top, v.Labels, orEmpty(v.Group), orEmpty(v.Count)
	for i, text := range v.Labels {
		x.labelOf[text] = uint32(i)
	}
	for number, b := range v.Places {
		if len(b) != 8*page {
			return nil, errors.New("the file of entries is damaged")
		}
		for i := range page {
			x.setPlace(number*page+uint64(i), place{binary.BigEndian.Uint32(b[8*i:]), binary.BigEndian.Uint32(b[8*i+4:])})
		}
	}
	for ; len(v.Exact) >= exactSize; v.Exact = v.Exact[exactSize:] {
		k := exactKey{kind: v.Exact[0], hash: [16]byte(v.Exact[1:])}
		x.addExact(k, binary.BigEndian.Uint64(v.Exact[17:]))
	}
	x.videos = orEmpty(v.Videos)
	for id, frames := range x.videos {
		x.films.Add(id, frames)
	}
	n := 0
	for _, c := range x.count {
		n += c
	}
	k.kept, k.at = n, v.Batch
	return x, nil
}

func orEmpty[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return m
}
