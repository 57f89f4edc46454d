package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"filippo.io/age"

	"raksha.example/raksha/internal/backup"
	"raksha.example/raksha/internal/fault"
)

type backupCmd struct {
	place
	To        string `required:"" type:"path" placeholder:"FILE" help:"The backup to write; it must not be there yet."`
	Recipient string `placeholder:"age1..." help:"Whose key opens it (age X25519). Keep that key away from the node."`
	NewKey    string `type:"path" placeholder:"FILE" help:"Or make such a key in this file first."`
	JSON      bool   `name:"json" help:"Print one JSON object."`
}

// Run copies the node whole, while it may serve.
func (c backupCmd) Run(ctx context.Context, s streams) error {
	if (c.Recipient == "") == (c.NewKey == "") {
		return fault.New(fault.Invalid, "a backup holds the node's keys and is always encrypted: name whose key opens it with --recipient, or have one made with --new-key FILE")
	}
	if c.NewKey != "" {
		var err error
		if c.Recipient, err = backup.NewIdentity(c.NewKey); err != nil {
			return err
		}
	}
	to, err := age.ParseX25519Recipient(strings.TrimSpace(c.Recipient))
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%q is no age recipient (age1...)", c.Recipient)
	}
	keep, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer keep.Close()
	m, err := backup.Create(ctx, backup.Source{Dir: c.Dir, DSN: c.Database, Keep: keep, Version: version, Now: time.Now()}, c.To, to)
	if err != nil {
		return err
	}
	var rows int64
	for _, t := range m.Tables {
		rows += t.Rows
	}
	return answer(s, c.JSON, map[string]any{"file": c.To, "recipient": c.Recipient, "tables": len(m.Tables), "rows": rows, "blobs": m.Blobs, "checkpoint": m.Checkpoint},
		"%s: %d tables with %d rows, %d blobs\nopened by the key of %s, which must not be lost", c.To, len(m.Tables), rows, m.Blobs, c.Recipient)
}

type restoreCmd struct {
	File     string `arg:"" type:"existingfile" help:"The backup."`
	Dir      string `required:"" type:"path" help:"The folder to restore the node into: new or empty."`
	Identity string `required:"" type:"existingfile" placeholder:"FILE" help:"The key that opens the backup (AGE-SECRET-KEY-...)."`
	Database string `help:"PostgreSQL address of an empty database, for the backup of a node on PostgreSQL."`
	Key      string `type:"existingfile" help:"File with the record's public key, got out of band, that the backup must prove itself by."`
	Replace  bool   `help:"What is there is moved aside (the folder) or overwritten (the database)."`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

// Run restores a node that proves itself.
func (c restoreCmd) Run(ctx context.Context, s streams) error {
	identity, err := backup.ReadIdentity(c.Identity)
	if err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := backup.Restore(ctx, f, identity, backup.Target{Dir: c.Dir, DSN: c.Database, Key: c.Key, Replace: c.Replace, Now: time.Now()})
	if err != nil {
		return err
	}
	aside := ""
	if r.Aside != "" {
		aside = fmt.Sprintf("\nwhat was there before lies in %s", r.Aside)
	}
	return answer(s, c.JSON, map[string]any{"entries": r.Entries, "rows": r.Rows, "blobs": r.Blobs, "aside": r.Aside, "checkpoint": r.Manifest.Checkpoint},
		"restored and verified: %d entries, %d rows, %d blobs, as of %s%s\nCounterparts keep checkpoints that were signed since; they will name this node as rolled back.", r.Entries, r.Rows, r.Blobs, r.Manifest.CreatedAt.Format("2 January 2006 15:04 UTC"), aside)
}
