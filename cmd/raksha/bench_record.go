package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

type benchRecordCmd struct {
	N    int  `default:"200000" help:"Entries to verify, each with a sealed part, in transactions of 100."`
	JSON bool `name:"json" help:"Print an object."`
}

// recordRates is what it measures.
type recordRates struct {
	Entries   int64   `json:"entries"`
	LogPerS   float64 `json:"log_per_s"`  // first pass: leaves, stored hashes, checkpoints
	FoldPerS  float64 `json:"fold_per_s"` // second pass: entries replayed and compared with the rows
	WritePerS float64 `json:"write_per_s"`
}

// Run fills a record in a temporary folder and verifies it.
func (c benchRecordCmd) Run(ctx context.Context, s streams) error {
	dir, err := os.MkdirTemp("", "raksha-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(dir, "raksha.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	secret, public, err := note.GenerateKey(rand.Reader, "raksha.example/bench")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return err
	}
	tables := []record.Table{{Name: "complaint", Sealed: []string{"complainant"}}}
	log := record.New(db, clock.System{}, signer, tables)
	began := time.Now()
	for first := 0; first < c.N; first += 100 {
		err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			for i := first; i < min(first+100, c.N); i++ {
				if _, err := log.Insert(ctx, tx, "complaint", "complaint.received", time.Time{}, record.Fields{"reference": fmt.Sprint("kite ", i), "complainant": "Asha of the river", "sha256": "00", "received_at": began}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	written := time.Now()
	r, err := record.VerifyLog(ctx, db.Reader(), verifier)
	if err != nil {
		return err
	}
	half := time.Now()
	rows, err := record.VerifyRows(ctx, db.Reader(), tables)
	if err != nil {
		return err
	}
	end := time.Now()
	if !r.Verified || !rows.Verified || r.Entries != int64(c.N) || rows.Rows != int64(c.N) {
		return fault.New(fault.Internal, "the record of the measurement does not verify")
	}
	n := float64(r.Entries)
	out := recordRates{r.Entries, n / half.Sub(written).Seconds(), n / end.Sub(half).Seconds(), n / written.Sub(began).Seconds()}
	return answer(s, c.JSON, out, "%d entries\nwritten   %9.0f /s\nthe log   %9.0f /s\nthe fold  %9.0f /s", out.Entries, out.WritePerS, out.LogPerS, out.FoldPerS)
}
