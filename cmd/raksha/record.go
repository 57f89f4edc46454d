package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

type recordCmd struct {
	Verify recordVerifyCmd `cmd:"" help:"Prove a node's record offline: the log, and every row against what the entries fold to."`
}

type recordVerifyCmd struct {
	Dir      string `required:"" type:"existingdir" help:"The node's folder."`
	Database string `help:"PostgreSQL address; without it the SQLite file in the folder."`
	Key      string `help:"File with the record's public key, got out of band; without it the folder's own record.pub."`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

// Run verifies and prints what it found; the exit status is 1 if anything is wrong.
func (c recordVerifyCmd) Run(ctx context.Context, s streams) error {
	keyPath := c.Key
	if keyPath == "" {
		keyPath = filepath.Join(c.Dir, "record.pub")
	}
	key, err := os.ReadFile(keyPath)
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "cannot read the record's public key %s; name it with --key", keyPath)
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s holds no record key", keyPath)
	}
	dsn := c.Database
	if dsn == "" {
		dsn = app.DSN(c.Dir)
		if _, err := os.Stat(strings.TrimPrefix(dsn, "sqlite:")); err != nil {
			return fault.Wrap(err, fault.NotFound, "%s holds no node", c.Dir)
		}
	}
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	r, err := record.Verify(ctx, tx, app.Tables(), verifier)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := json.NewEncoder(s.out).Encode(r); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(s.out, "%d entries, %d rows, root %s\n", r.Entries, r.Rows, r.Root)
		for _, p := range r.Problems {
			fmt.Fprintln(s.out, "WRONG:", p)
		}
		if r.Verified {
			fmt.Fprintln(s.out, "verified: the log is whole and every row is what its entries say")
		}
	}
	if !r.Verified {
		return negative
	}
	return nil
}
