package record

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// tileHeight is the height of tiles (C2SP tlog-tiles): 256 hashes to a full one.
const tileHeight = 8

// ParseTilePath reads the path of a hash tile below the log's address, "tile/<L>/<N>[.p/<W>]" as C2SP tlog-tiles writes it:
// fault.NotFound if it is none. Entry bundles (tile/entries/...) are none: what leaves hold is not public.
func ParseTilePath(path string) (tlog.Tile, error) {
	rest, ok := strings.CutPrefix(path, "tile/")
	if ok && len(path) <= 100 {
		if t, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", tileHeight, rest)); err == nil && t.L >= 0 {
			return t, nil
		}
	}
	return tlog.Tile{}, fault.New(fault.NotFound, "there is no such tile")
}

// TilePath writes a tile's path as C2SP tlog-tiles does.
func TilePath(t tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", tileHeight))
}

// Tile gives the hashes of a tile, 32 bytes each: fault.NotFound if the log does not reach that far.
func Tile(ctx context.Context, q store.Queryer, t tlog.Tile) ([]byte, error) {
	size, err := newestSize(ctx, q)
	if err != nil {
		return nil, err
	}
	// The tile's last hash covers the leaves below (N*256 + W) << 8*L.
	last := t.N<<tileHeight + int64(t.W)
	if shift := tileHeight * t.L; t.H != tileHeight || shift > 55 || last > 1<<(62-shift) || last<<shift > size {
		return nil, fault.New(fault.NotFound, "the log does not reach that tile yet")
	}
	return tlog.ReadTileData(t, &hashReader{ctx: ctx, q: q})
}

// newestSize is the number of entries that the newest checkpoint covers.
func newestSize(ctx context.Context, q store.Queryer) (size int64, err error) {
	err = q.QueryRowContext(ctx, "SELECT COALESCE(MAX(size), 0) FROM record_checkpoint").Scan(&size)
	return size, err
}

// Inclusion proves that an entry stands in the log that a checkpoint was signed over (RFC 9162 s.2.1.3).
type Inclusion struct {
	Leaf       int64       `json:"leaf"`
	Public     string      `json:"public"`      // the entry's public part, byte for byte
	SealedHash []byte      `json:"sealed_hash"` // H(salt || sealed part), base64
	Proof      []tlog.Hash `json:"proof"`       // base64 each
	Checkpoint string      `json:"checkpoint"`  // as signed
}

// ProveInclusion proves that an entry stands in the log of the newest checkpoint: fault.NotFound if it does not.
func ProveInclusion(ctx context.Context, q store.Queryer, leaf int64) (Inclusion, error) {
	p := Inclusion{Leaf: leaf}
	c, err := newest(ctx, q)
	if err != nil {
		return p, err
	}
	if leaf < 0 || leaf >= c.Size {
		return p, fault.New(fault.NotFound, "the record has no entry %d; it has %d", leaf, c.Size)
	}
	p.Checkpoint = c.Note
	if err := q.QueryRowContext(ctx, "SELECT public, sealed_hash FROM record_entry WHERE leaf = $1", leaf).Scan(&p.Public, &p.SealedHash); err != nil {
		return p, err
	}
	p.Proof, err = tlog.ProveRecord(c.Size, leaf, &hashReader{ctx: ctx, q: q})
	return p, err
}

// Check verifies the proof by the record's public key alone: fault.Refused says what does not fit.
func (p Inclusion) Check(verifier note.Verifier) error {
	c, err := OpenCheckpoint(p.Checkpoint, verifier)
	if err != nil {
		return err
	}
	if p.Leaf < 0 || p.Leaf >= c.Size {
		return fault.New(fault.Refused, "the checkpoint covers %d entries, not entry %d", c.Size, p.Leaf)
	}
	if err := tlog.CheckRecord(p.Proof, c.Size, c.Root, p.Leaf, tlog.RecordHash(leafData(p.Public, p.SealedHash))); err != nil {
		return fault.Wrap(err, fault.Refused, "entry %d is not in the log of the checkpoint of size %d", p.Leaf, c.Size)
	}
	return nil
}

// Consistency proves that the log of a later checkpoint begins with the whole log of an earlier one (RFC 9162 s.2.1.4).
type Consistency struct {
	From       int64       `json:"from"`       // size of the earlier log
	Proof      []tlog.Hash `json:"proof"`      // base64 each
	Checkpoint string      `json:"checkpoint"` // the later one, as signed
}

// ProveConsistency proves that the log as it is now begins with its first from entries: fault.NotFound if it has fewer.
func ProveConsistency(ctx context.Context, q store.Queryer, from int64) (Consistency, error) {
	p := Consistency{From: from}
	c, err := newest(ctx, q)
	if err != nil {
		return p, err
	}
	if from < 1 || from > c.Size {
		return p, fault.New(fault.NotFound, "the record has %d entries; a proof can begin at 1 to %d", c.Size, c.Size)
	}
	p.Checkpoint = c.Note
	p.Proof, err = tlog.ProveTree(c.Size, from, &hashReader{ctx: ctx, q: q})
	return p, err
}

// Check verifies, by the record's public key alone, that the later log begins with the one of the earlier checkpoint:
// fault.Refused says what does not fit, and means that the node has shown two records.
func (p Consistency) Check(earlier string, verifier note.Verifier) error {
	old, err := OpenCheckpoint(earlier, verifier)
	if err != nil {
		return err
	}
	now, err := OpenCheckpoint(p.Checkpoint, verifier)
	if err != nil {
		return err
	}
	if old.Size != p.From {
		return fault.New(fault.Refused, "the proof begins at %d entries, the earlier checkpoint covers %d", p.From, old.Size)
	}
	if now.Size < old.Size {
		return fault.New(fault.Refused, "the record had %d entries and now shows %d: it was rolled back", old.Size, now.Size)
	}
	if old.Size < 1 {
		return fault.New(fault.Refused, "the earlier checkpoint covers nothing")
	}
	if err := tlog.CheckTree(p.Proof, now.Size, now.Root, old.Size, old.Root); err != nil {
		return fault.Wrap(err, fault.Refused, "the record of %d entries does not begin with the %d entries that were signed before: it was rewritten", now.Size, old.Size)
	}
	return nil
}

// newest reads the newest checkpoint: fault.NotFound while the log is empty.
func newest(ctx context.Context, q store.Queryer) (Checkpoint, error) {
	text, err := newestNote(ctx, q)
	if err != nil {
		return Checkpoint{}, err
	}
	if text == "" {
		return Checkpoint{}, fault.New(fault.NotFound, "the record has no entry yet")
	}
	return ParseCheckpoint(text)
}
