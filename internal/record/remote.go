package record

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
)

// Path is where a node serves its record's checkpoint, key and tiles, below its address.
const Path = "/record/v1/"

// Remote reads another node's record over HTTP: its checkpoint, its key and its tiles of hashes, nothing else.
type Remote struct {
	Client *http.Client
	URL    string // the node's address
}

// Key gives the record's public key as the node says it: to be compared with one that was learnt before or out of band.
func (r Remote) Key(ctx context.Context) (note.Verifier, string, error) {
	b, err := r.get(ctx, "key", 4<<10)
	if err != nil {
		return nil, "", err
	}
	text := strings.TrimSpace(string(b))
	v, err := note.NewVerifier(text)
	if err != nil {
		return nil, "", fault.Wrap(err, fault.Invalid, "%s shows no record key", r.URL)
	}
	return v, text, nil
}

// Checkpoint gives the node's newest checkpoint, verified by its key.
func (r Remote) Checkpoint(ctx context.Context, verifier note.Verifier) (Checkpoint, error) {
	b, err := r.get(ctx, "checkpoint", maxNote)
	if err != nil {
		return Checkpoint{}, err
	}
	return OpenCheckpoint(string(b), verifier)
}

// Root gives the root of the first size entries of the log that now was signed over, computed from tiles that are each proven
// against it: fault.Refused if a tile does not fit.
func (r Remote) Root(ctx context.Context, now Checkpoint, size int64) (tlog.Hash, error) {
	if size == now.Size {
		return now.Root, nil
	}
	if size < 1 || size > now.Size {
		return tlog.Hash{}, fault.New(fault.Invalid, "the record has %d entries; there is no root of %d", now.Size, size)
	}
	h, err := tlog.TreeHash(size, tlog.TileHashReader(tlog.Tree{N: now.Size, Hash: now.Root}, &tiles{ctx: ctx, remote: r}))
	if err != nil && fault.Of(err) != fault.Unavailable && fault.Of(err) != fault.NotFound {
		err = fault.Wrap(err, fault.Refused, "a tile of the record at %s does not fit its checkpoint of size %d", r.URL, now.Size)
	}
	return h, err
}

func (r Remote) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	address := strings.TrimSuffix(r.URL, "/") + Path + path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "%.200q is no address of a node", r.URL)
	}
	resp, err := r.Client.Do(req)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "%s does not answer", r.URL)
	}
	b, err := fetch.ReadAll(resp, limit)
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode == http.StatusNotFound:
		return nil, fault.New(fault.NotFound, "%s shows no %s", r.URL, path)
	case resp.StatusCode != http.StatusOK:
		return nil, fault.New(fault.Unavailable, "%s answered with status %d", address, resp.StatusCode)
	}
	return b, nil
}

// tiles reads tiles for tlog.TileHashReader, which proves them.
type tiles struct {
	ctx    context.Context
	remote Remote
}

// Height implements tlog.TileReader.
func (t *tiles) Height() int { return tileHeight }

// ReadTiles implements tlog.TileReader.
func (t *tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(list))
	for i, tile := range list {
		b, err := t.remote.get(t.ctx, TilePath(tile), tlog.HashSize<<tileHeight)
		if err != nil {
			return nil, err
		}
		if len(b) != tile.W*tlog.HashSize {
			return nil, fault.New(fault.Refused, "%s of the record at %s has %d bytes, not %d", TilePath(tile), t.remote.URL, len(b), tile.W*tlog.HashSize)
		}
		out[i] = b
	}
	return out, nil
}

// SaveTiles implements tlog.TileReader; nothing is kept.
func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

var _ tlog.TileReader = (*tiles)(nil)

// String names the record for people.
func (r Remote) String() string { return fmt.Sprintf("the record at %s", r.URL) }
