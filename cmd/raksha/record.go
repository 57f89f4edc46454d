package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

type recordCmd struct {
	Verify  recordVerifyCmd  `cmd:"" help:"Prove a node's record offline: the log, every row against what the entries fold to, the vault and the time-stamps; or prove an export."`
	Witness recordWitnessCmd `cmd:"" help:"What this node keeps of other records, and what contradicts itself there; or compare this record with what another keeps of it."`
	Export  recordExportCmd  `cmd:"" help:"Write entries to a file that proves itself without the database."`
	Erase   recordEraseCmd   `cmd:"" help:"Erase the sealed part of entries, on record, as the law demands."`
}

// place is a node's folder and database.
type place struct {
	Dir      string `required:"" type:"existingdir" help:"The node's folder."`
	Database string `help:"PostgreSQL address; without it the SQLite file in the folder."`
}

// open opens the node's record and vault, beside the node if it runs.
func (p place) open(ctx context.Context) (*app.Keep, error) {
	return app.OpenKeep(ctx, p.Dir, p.Database, clock.System{})
}

// by is who acts at the command line.
type by struct {
	By string `required:"" help:"Who does this; it stands in the record."`
}

func (b by) actor(ctx context.Context) context.Context {
	return record.WithActor(ctx, "operator:"+strings.TrimSpace(b.By))
}

type recordVerifyCmd struct {
	Dir         string `type:"existingdir" xor:"what" required:"" help:"The node's folder."`
	Export      string `type:"existingfile" xor:"what" required:"" placeholder:"FILE" help:"Prove an export instead; no database is needed."`
	Database    string `help:"PostgreSQL address; without it the SQLite file in the folder."`
	Key         string `help:"File with the record's public key, got out of band; without it the folder's own record.pub, or the key in the export."`
	Certificate string `name:"timestamp-certificate" type:"existingfile" help:"File with the time-stamping authority's certificates, got out of band; without it the folder's own."`
	Vault       bool   `default:"true" negatable:"" help:"Open every blob of the vault too."`
	JSON        bool   `name:"json" help:"Print one JSON object."`
}

// Run verifies and prints what it found; the exit status is 1 if anything is wrong.
func (c recordVerifyCmd) Run(ctx context.Context, s streams) error {
	if c.Export != "" {
		return c.export(s)
	}
	verifier, err := app.ReadVerifier(c.Dir, c.Key)
	if err != nil {
		return err
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
	out := verified{}
	if out.Report, err = record.Verify(ctx, tx, app.Tables(), verifier); err != nil {
		return err
	}
	if out.Contradictions, err = record.Contradictions(ctx, tx); err != nil {
		return err
	}
	roots, err := c.roots()
	if err != nil {
		return err
	}
	if roots != nil {
		if out.Timestamps, err = record.VerifyTimestamps(ctx, tx, roots, out.Problem); err != nil {
			return err
		}
	}
	tx.Rollback() // the vault is read as it is now
	if c.Vault {
		if err := c.vault(ctx, &out); err != nil {
			return err
		}
	}
	return out.print(s, c.JSON)
}

// vault opens every blob, where the node's keys are at hand.
func (c recordVerifyCmd) vault(ctx context.Context, out *verified) error {
	keep, err := app.OpenKeep(ctx, c.Dir, c.Database, clock.System{})
	if errors.Is(err, fs.ErrNotExist) || fault.Of(err) == fault.NotFound {
		return nil // a folder without keys: somebody else's copy of the database
	}
	if err != nil {
		return err
	}
	defer keep.Close()
	blobs, err := keep.Vault.Check(ctx, keep.DB.Reader(), out.Problem)
	if err != nil {
		return err
	}
	out.Blobs = &blobs
	out.Unrecorded, err = keep.Vault.Unrecorded(ctx)
	return err
}

// roots reads the pinned certificates, nil if there are none.
func (c recordVerifyCmd) roots() (*x509.CertPool, error) {
	path := c.Certificate
	if path == "" && c.Dir != "" {
		path = app.AuthorityPins(c.Dir)
	}
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && c.Certificate == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return record.PinnedRoots(b)
}

// verified is everything that verification looked at.
type verified struct {
	record.Report
	Timestamps     int64                  `json:"timestamps"`
	Blobs          *int64                 `json:"blobs,omitempty"`      // opened; absent if the vault was not looked at
	Unrecorded     int64                  `json:"unrecorded,omitempty"` // blobs of before the record told of them
	Contradictions []record.Contradiction `json:"contradictions,omitempty"`
}

func (v verified) print(s streams, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(s.out).Encode(v); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(s.out, "%d entries, %d checkpoints, %d rows, root %s\n", v.Entries, v.Checkpoints, v.Rows, v.Root)
		if v.Erased > 0 {
			fmt.Fprintf(s.out, "%d entries had their sealed part lawfully erased\n", v.Erased)
		}
		if v.Timestamps > 0 {
			fmt.Fprintf(s.out, "%d time-stamps of an authority\n", v.Timestamps)
		}
		if v.Blobs != nil {
			fmt.Fprintf(s.out, "%d blobs opened\n", *v.Blobs)
		}
		if v.Unrecorded > 0 {
			fmt.Fprintf(s.out, "%d blobs are not on record yet; start the node once\n", v.Unrecorded)
		}
		for _, c := range v.Contradictions {
			fmt.Fprintf(s.out, "COUNTERPART %s: %s\n", c.Agency, c.Reason)
		}
		for _, p := range v.Problems {
			fmt.Fprintln(s.out, "WRONG:", p)
		}
		if v.More > 0 {
			fmt.Fprintf(s.out, "WRONG: and %d further\n", v.More)
		}
		if v.Verified {
			fmt.Fprintln(s.out, "verified: the log is whole and every row is what its entries say")
		}
	}
	if !v.Verified {
		return negative
	}
	return nil
}

func (c recordVerifyCmd) export(s streams) error {
	f, err := os.Open(c.Export)
	if err != nil {
		return err
	}
	defer f.Close()
	roots, err := c.roots()
	if err != nil {
		return err
	}
	var r record.ExportReport
	if c.Key != "" {
		v, err := app.ReadVerifier("", c.Key)
		if err != nil {
			return err
		}
		r, err = record.VerifyExport(f, v, roots)
		if err != nil {
			return err
		}
	} else if r, err = record.VerifyExport(f, nil, roots); err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(r)
	} else {
		fmt.Fprintf(s.out, "%d of %d entries of %s, %d with their sealed part, %d time-stamps\n", r.Entries, r.Size, r.Origin, r.Opened, r.Timestamps)
		for _, p := range r.Problems {
			fmt.Fprintln(s.out, "WRONG:", p)
		}
		switch {
		case r.Verified && c.Key == "":
			fmt.Fprintln(s.out, "verified by the key in the file itself: name the record's key with --key, got out of band, to know whose it is")
		case r.Verified:
			fmt.Fprintln(s.out, "verified: every entry stands in the record that the checkpoint was signed over")
		}
	}
	if err == nil && !r.Verified {
		return negative
	}
	return err
}
