package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
)

type routing interface {
	HandleFunc(pattern string, fn func(http.ResponseWriter, *http.Request))
}

// registerRecord registers what shows and proves the record. What stands below record.Path is for everybody: counterparts and
// witnesses need it, and it holds hashes only.
func (a *api) registerRecord(mux routing) {
	mux.HandleFunc("GET "+record.Path+"{path...}", a.publicRecord)
	type leaf struct {
		Credentials
		Leaf int64 `query:"leaf" required:"true" minimum:"0" doc:"Number of the entry, from 0"`
	}
	read(a, "/record/inclusion", "Prove that an entry stands in the record", func(ctx context.Context, in *leaf) (record.Inclusion, error) {
		return record.ProveInclusion(ctx, a.DB.Reader(), in.Leaf)
	})
	type from struct {
		Credentials
		From int64 `query:"from" required:"true" minimum:"1" doc:"Size of the earlier checkpoint, in entries"`
	}
	read(a, "/record/consistency", "Prove that the record only grew since an earlier checkpoint", func(ctx context.Context, in *from) (record.Consistency, error) {
		return record.ProveConsistency(ctx, a.DB.Reader(), in.From)
	})
	type witnesses struct {
		Counterparts   []record.Counterpart   `json:"counterparts"`
		Contradictions []record.Contradiction `json:"contradictions" doc:"Agencies that changed what they had signed before; empty if none did"`
	}
	read(a, "/record/witnesses", "The records of other agencies, and what contradicts itself in them", func(ctx context.Context, _ *empty) (out witnesses, err error) {
		if out.Counterparts, err = record.Counterparts(ctx, a.DB.Reader()); err != nil {
			return out, err
		}
		out.Contradictions, err = record.Contradictions(ctx, a.DB.Reader())
		return out, err
	})
	read(a, "/record/erasures", "What was lawfully erased, by whom and on what basis", func(ctx context.Context, _ *empty) ([]record.Erasure, error) {
		return record.Erasures(ctx, a.DB.Reader())
	})
	read(a, "/record/timestamps", "The checkpoints that a time-stamping authority has signed", func(ctx context.Context, _ *empty) ([]record.Timestamp, error) {
		return record.Timestamps(ctx, a.DB.Reader())
	})
}

// publicRecord serves the checkpoint, the key and the tiles.
func (a *api) publicRecord(w http.ResponseWriter, r *http.Request) {
	path := r.PathValue("path")
	b, lasting, err := a.Log.Serve(r.Context(), path)
	if err != nil {
		if fault.Of(err) == fault.Internal {
			a.Logger.ErrorContext(r.Context(), "request failed", "error", err)
		}
		http.Error(w, fault.Message(err), fault.HTTPStatus(err))
		return
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	switch {
	case lasting: // C2SP tlog-tiles
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	case json.Valid(b) && strings.HasPrefix(path, "kept/"):
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "no-store")
	default:
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Cache-Control", "no-store") // an old checkpoint would look like a record that was rolled back
	}
	w.Write(b)
}
