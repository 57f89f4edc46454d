package record

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"raksha.example/raksha/internal/store"
)

const chunkSize = 4096 // entries read at a time

// chunk is a stretch of the log as it was read: entries first..first+chunkSize-1, with the stored hashes and the checkpoints of
// the same stretch. Bytes lie one after the other in arena.
type chunk struct {
	first       int64
	entries     []rawEntry
	hashes      []rawHash
	checkpoints []rawCheckpoint
	arena       []byte // of entries
	below       []byte // of hashes
	err         error
}

type span struct{ from, to int } // in arena; from < 0: NULL

type rawEntry struct {
	leaf                             int64
	odd                              bool // its leaf number is no integer
	recorded                         string
	public, sealed, salt, sealedHash span
}

type rawHash struct {
	id   int64
	hash span // in below
}

type rawCheckpoint struct {
	size         int64
	odd          bool // its size is no integer
	note, signed string
}

// noSeal is the hash of the sealed part that is not there.
var noSeal = sealedHash(nil, nil)

func (c *chunk) keep(b sql.RawBytes) span {
	if b == nil {
		return span{-1, -1}
	}
	at := len(c.arena)
	c.arena = append(c.arena, b...)
	return span{at, len(c.arena)}
}

func (c *chunk) bytes(s span) []byte {
	if s.from < 0 {
		return nil
	}
	return c.arena[s.from:s.to]
}

// read fills the chunk that begins at leaf first, from both at once if hashes is another connection.
func (c *chunk) read(ctx context.Context, q, hashes store.Queryer, first int64) error {
	*c = chunk{first: first, entries: c.entries[:0], hashes: c.hashes[:0], checkpoints: c.checkpoints[:0], arena: c.arena[:0], below: c.below[:0]}
	end := first + chunkSize
	if q == hashes {
		return errors.Join(c.readEntries(ctx, q, first, end), c.readHashes(ctx, hashes, first, end))
	}
	var wait sync.WaitGroup
	var err error
	wait.Go(func() { err = c.readHashes(ctx, hashes, first, end) })
	other := c.readEntries(ctx, q, first, end)
	wait.Wait()
	return errors.Join(other, err)
}

func (c *chunk) readEntries(ctx context.Context, q store.Queryer, first, end int64) error {
	var leaf, recorded, open, sealed, salt, inner sql.RawBytes
	err := raw(ctx, q, func() {
		n, ok := integer(leaf)
		c.entries = append(c.entries, rawEntry{leaf: n, odd: !ok, recorded: string(recorded), public: c.keep(open), sealed: c.keep(sealed), salt: c.keep(salt), sealedHash: c.keep(inner)})
	}, []any{&leaf, &recorded, &open, &sealed, &salt, &inner},
		"SELECT leaf, recorded_at, public, sealed, salt, sealed_hash FROM record_entry WHERE leaf >= $1 AND leaf < $2 ORDER BY leaf", first, end)
	if err != nil {
		return err
	}
	var size, text, signed sql.RawBytes
	return raw(ctx, q, func() {
		n, ok := integer(size)
		c.checkpoints = append(c.checkpoints, rawCheckpoint{n, !ok, string(text), string(signed)})
	}, []any{&size, &text, &signed}, "SELECT size, note, signed_at FROM record_checkpoint WHERE size > $1 AND size <= $2 ORDER BY size", first, end)
}

func (c *chunk) readHashes(ctx context.Context, q store.Queryer, first, end int64) error {
	var id, h sql.RawBytes
	return raw(ctx, q, func() {
		if n, ok := integer(id); ok {
			at := len(c.below)
			c.below = append(c.below, h...)
			c.hashes = append(c.hashes, rawHash{n, span{at, len(c.below)}})
		}
	}, []any{&id, &h}, "SELECT id, hash FROM record_hash WHERE id >= $1 AND id < $2 ORDER BY id", tlog.StoredHashIndex(0, first), tlog.StoredHashIndex(0, end))
}

func raw(ctx context.Context, q store.Queryer, each func(), into []any, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		each()
	}
	return rows.Err()
}

// integer reads a number as the drivers write it; a column that was tampered with may hold anything.
func integer(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 19 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, n >= 0
}
