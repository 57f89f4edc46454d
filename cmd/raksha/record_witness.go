package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

type recordWitnessCmd struct {
	place
	Agency        string `help:"Only what is kept of this agency's record."`
	Verify        string `placeholder:"FILE|URL" help:"Compare this node's record with what a counterpart keeps of it: the output of its record witness --json, or its address."`
	AllowLoopback bool   `help:"The address may be on this machine."`
	JSON          bool   `name:"json" help:"Print one JSON object."`
}

// Run lists, or compares; the exit status is 1 if anything contradicts.
func (c recordWitnessCmd) Run(ctx context.Context, s streams) error {
	keep, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer keep.Close()
	if c.Verify != "" {
		kept, err := c.kept(ctx, keep.Verifier.Name())
		if err != nil {
			return err
		}
		r, err := record.CompareOwn(ctx, keep.DB.Reader(), keep.Verifier, kept)
		if err != nil {
			return err
		}
		if c.JSON {
			err = json.NewEncoder(s.out).Encode(r)
		} else {
			fmt.Fprintf(s.out, "%d checkpoints of this record compared\n", r.Compared)
			for _, p := range r.Problems {
				fmt.Fprintln(s.out, "WRONG:", p)
			}
			if r.Compared == 0 {
				fmt.Fprintln(s.out, "none of them is of this record")
			}
			if r.Agrees {
				fmt.Fprintln(s.out, "agrees: this record has everything that the counterpart saw of it")
			}
		}
		if err == nil && !r.Agrees {
			return negative
		}
		return err
	}
	return c.list(ctx, s, keep.DB.Reader())
}

// kept reads the checkpoints from a file, or asks a counterpart.
func (c recordWitnessCmd) kept(ctx context.Context, origin string) ([]record.Kept, error) {
	if strings.HasPrefix(c.Verify, "http://") || strings.HasPrefix(c.Verify, "https://") {
		return record.FetchKept(ctx, fetch.New(fetch.Options{AllowLoopback: c.AllowLoopback}), c.Verify, origin)
	}
	b, err := os.ReadFile(c.Verify)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "cannot read %s", c.Verify)
	}
	return record.ReadKept(b)
}

func (c recordWitnessCmd) list(ctx context.Context, s streams, q store.Queryer) error {
	var out struct {
		Counterparts   []record.Counterpart   `json:"counterparts"`
		Contradictions []record.Contradiction `json:"contradictions"`
		Kept           []record.Kept          `json:"kept"`
	}
	var err error
	if out.Counterparts, err = record.Counterparts(ctx, q); err != nil {
		return err
	}
	if out.Contradictions, err = record.Contradictions(ctx, q); err != nil {
		return err
	}
	if out.Kept, err = record.AllKept(ctx, q, c.Agency); err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(out)
	} else {
		for _, p := range out.Counterparts {
			compared := "not compared yet"
			if p.ComparedAt != 0 {
				compared = fmt.Sprintf("%d entries, compared on %s", p.Size, store.Time(p.ComparedAt).Format("2 January 2006 15:04 UTC"))
			}
			fmt.Fprintf(s.out, "%s  %s  %s\n", p.Agency, p.Origin, compared)
		}
		fmt.Fprintf(s.out, "%d checkpoints are kept\n", len(out.Kept))
		for _, x := range out.Contradictions {
			fmt.Fprintf(s.out, "COUNTERPART %s: %s\n", x.Agency, x.Reason)
		}
	}
	if err == nil && len(out.Contradictions) > 0 {
		return negative
	}
	return err
}

type recordExportCmd struct {
	place
	To     string   `required:"" type:"path" placeholder:"FILE" help:"The file to write; it must not be there yet."`
	Table  string   `help:"Only entries about this table's rows."`
	ID     int64    `name:"id" help:"Only entries about this row."`
	Sealed []string `placeholder:"TABLE" help:"Put the sealed parts of these tables in: names and text. This stands in the record."`
	By     string   `help:"Who exports; needed with --sealed."`
	Reason string   `help:"For what purpose; needed with --sealed."`
	JSON   bool     `name:"json" help:"Print one JSON object."`
}

// Run writes the export. What opens sealed parts is recorded first, so that it stands in the export.
func (c recordExportCmd) Run(ctx context.Context, s streams) (err error) {
	keep, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer keep.Close()
	if len(c.Sealed) > 0 {
		if c.By == "" || c.Reason == "" {
			return fault.New(fault.Invalid, "an export with sealed parts needs --by and --reason; both stand in the record")
		}
		ctx := by{c.By}.actor(ctx)
		err = keep.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return keep.Log.Note(ctx, tx, "record.exported", record.Fields{"sealed": strings.Join(c.Sealed, " "), "table": c.Table, "id": c.ID, "purpose": c.Reason}, nil)
		})
		if err != nil {
			return err
		}
	}
	f, err := os.OpenFile(c.To, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.Wrap(err, fault.Conflict, "cannot make %s", c.To)
	}
	tx, err := keep.DB.Snapshot(ctx)
	if err == nil {
		defer tx.Rollback()
		var n int64
		if n, err = record.Export(ctx, tx, f, record.ExportOptions{Table: c.Table, ID: c.ID, Sealed: c.Sealed, Key: keep.Log.Verifier}); err == nil {
			err = f.Sync()
		}
		if err == nil && c.JSON {
			err = json.NewEncoder(s.out).Encode(map[string]any{"entries": n, "file": c.To})
		} else if err == nil {
			fmt.Fprintf(s.out, "%d entries; prove them with: raksha record verify --export %s --key record.pub\n", n, c.To)
		}
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(c.To)
	}
	return err
}

type recordEraseCmd struct {
	place
	by
	Entry []int64 `help:"Numbers of the entries."`
	Table string  `help:"Or: every entry about a row of this table"`
	ID    int64   `name:"id" help:"with this number."`
	Basis string  `required:"" help:"The order, section or request that this follows; it stands in the record."`
	JSON  bool    `name:"json" help:"Print one JSON object."`
}

// Run erases, in one transaction.
func (c recordEraseCmd) Run(ctx context.Context, s streams) error {
	if (len(c.Entry) == 0) == (c.Table == "") {
		return fault.New(fault.Invalid, "name the entries with --entry, or a row with --table and --id")
	}
	keep, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer keep.Close()
	n := 0
	err = keep.DB.Write(c.actor(ctx), func(ctx context.Context, tx *store.Tx) (err error) {
		if c.Table != "" {
			n, err = keep.Log.EraseAbout(ctx, tx, c.Table, c.ID, c.Basis)
			return err
		}
		for _, leaf := range c.Entry {
			if err := keep.Log.Erase(ctx, tx, leaf, c.Basis); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(map[string]any{"erased": n})
	}
	_, err = fmt.Fprintf(s.out, "%d entries had their sealed part erased. Backups that were made before still hold it.\n", n)
	return err
}
