package record

import (
	"context"
	"strings"

	"raksha.example/raksha/internal/fault"
)

// Serve gives what stands at a path below Path, for anybody (C2SP tlog-tiles): "checkpoint", "key", a tile of hashes, or what this
// node keeps of a record whose name the caller knows. Neither names nor states can be learnt from it, only how many entries there
// are. lasting says that it never changes.
func (l *Log) Serve(ctx context.Context, path string) (b []byte, lasting bool, err error) {
	q := l.db.Reader()
	switch path {
	case "checkpoint":
		text, err := newestNote(ctx, q)
		if err == nil && text == "" {
			err = fault.New(fault.NotFound, "the record has no entry yet")
		}
		return []byte(text), false, err
	case "key":
		if l.Verifier == "" {
			return nil, false, fault.New(fault.NotFound, "this node shows no record key")
		}
		return []byte(strings.TrimSpace(l.Verifier) + "\n"), false, nil
	}
	if strings.HasPrefix(path, "kept/") {
		b, err := newestKept(ctx, q, path)
		return b, false, err
	}
	t, err := ParseTilePath(path)
	if err != nil {
		return nil, false, err
	}
	b, err = Tile(ctx, q, t)
	return b, true, err
}
