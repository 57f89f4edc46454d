package main

import (
	"context"
	"encoding/json"
	"fmt"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

type vaultCmd struct {
	Status  vaultStatusCmd  `cmd:"" help:"What the vault holds, and in what state."`
	Rotate  vaultRotateCmd  `cmd:"" help:"Make a new wrapping key, wrap every blob's key by it and delete the old one; no blob is rewritten, and the node may go on."`
	Scrub   vaultScrubCmd   `cmd:"" help:"Open every blob and compare it with its name."`
	Shred   vaultShredCmd   `cmd:"" help:"Destroy content for good; the record keeps the proof."`
	Hold    vaultHoldCmd    `cmd:"" help:"Put content under a legal hold: nothing shreds it."`
	Release vaultReleaseCmd `cmd:"" help:"End a legal hold."`
	Expire  vaultExpireCmd  `cmd:"" help:"Shred what is past its time of retention and under no hold, now."`
}

// blobOf names content.
type blobOf struct {
	SHA256 string `name:"sha256" required:"" help:"The content's SHA-256, in hexadecimal."`
}

// answer prints an object as JSON or in words.
func answer(s streams, asJSON bool, v any, format string, args ...any) error {
	if asJSON {
		return json.NewEncoder(s.out).Encode(v)
	}
	_, err := fmt.Fprintf(s.out, format+"\n", args...)
	return err
}

type vaultStatusCmd struct {
	place
	JSON bool `name:"json" help:"Print one JSON object."`
}

// Run prints the figures; the exit status is 1 if blobs are damaged.
func (c vaultStatusCmd) Run(ctx context.Context, s streams) error {
	keep, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer keep.Close()
	v, err := keep.Vault.Status(ctx)
	if err != nil {
		return err
	}
	scrub := "never"
	if v.Scrub != nil {
		scrub = "under way, or broken off"
		if v.Scrub.FinishedAt != 0 {
			scrub = store.Time(v.Scrub.FinishedAt).Format("2 January 2006 15:04 UTC")
		}
	}
	err = answer(s, c.JSON, v, "%d blobs with %d bytes of content, %d under a legal hold, %d with a time of retention, %d shredded, %d damaged\nwrapping key %s\nlast looked through: %s",
		v.Blobs, v.Bytes, v.Held, v.Expiring, v.Shredded, v.Damaged, v.KeyID, scrub)
	if err == nil && v.OldKeys > 0 && !c.JSON {
		fmt.Fprintln(s.out, "a rotation was broken off; finish it with raksha vault rotate")
	}
	if err == nil && v.Damaged > 0 {
		return negative
	}
	return err
}

type vaultRotateCmd struct {
	place
	by
	JSON bool `name:"json" help:"Print one JSON object."`
}

// Run rotates, or finishes a rotation.
func (c vaultRotateCmd) Run(ctx context.Context, s streams) error {
	keep, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer keep.Close()
	r, err := keep.Vault.Rotate(c.actor(ctx))
	if err != nil {
		return err
	}
	return answer(s, c.JSON, r, "%d keys wrapped anew by %s, %d old wrapping keys deleted. Backups that were made before still hold the old ones.", r.Rewrapped, r.KeyID, r.Retired)
}

type vaultScrubCmd struct {
	place
	Rate int64 `help:"Bytes of content a second; 0 is as fast as it can."`
	JSON bool  `name:"json" help:"Print one JSON object."`
}

// Run scrubs; the exit status is 1 if blobs are damaged.
func (c vaultScrubCmd) Run(ctx context.Context, s streams) error {
	keep, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer keep.Close()
	r, err := keep.Vault.Scrub(ctx, c.Rate)
	if err != nil {
		return err
	}
	if err := answer(s, c.JSON, r, "%d blobs with %d bytes opened, %d damaged", r.Blobs, r.Bytes, r.Damaged); err != nil {
		return err
	}
	if r.Damaged > 0 {
		return negative
	}
	return nil
}

type vaultShredCmd struct {
	place
	by
	SHA256 string `name:"sha256" xor:"what" required:"" help:"The content's SHA-256, in hexadecimal."`
	Name   string `xor:"what" required:"" help:"Or the blob's name, such as record verify prints it."`
	Basis  string `required:"" help:"The order, section or rule of retention that this follows; it stands in the record."`
	JSON   bool   `name:"json" help:"Print one JSON object."`
}

// Run shreds.
func (c vaultShredCmd) Run(ctx context.Context, s streams) error {
	return inVault(c.actor(ctx), c.place, func(ctx context.Context, keep *app.Keep, tx *store.Tx) error {
		if c.Name != "" {
			return keep.Vault.ShredNamed(ctx, tx, c.Name, c.Basis)
		}
		return keep.Vault.Shred(ctx, tx, c.SHA256, c.Basis)
	}, func() error {
		return answer(s, c.JSON, map[string]bool{"shredded": true}, "shredded; the record keeps the proof. Backups that were made before still hold the content.")
	})
}

// inVault runs one change of the vault and then says so.
func inVault(ctx context.Context, p place, change func(context.Context, *app.Keep, *store.Tx) error, say func() error) error {
	keep, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer keep.Close()
	if err := keep.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return change(ctx, keep, tx) }); err != nil {
		return err
	}
	return say()
}

type vaultHoldCmd struct {
	place
	by
	blobOf
	Basis string `required:"" help:"The case, order or proceeding; the hold is known by it."`
	JSON  bool   `name:"json" help:"Print one JSON object."`
}

// Run places a hold.
func (c vaultHoldCmd) Run(ctx context.Context, s streams) error {
	return inVault(c.actor(ctx), c.place, func(ctx context.Context, keep *app.Keep, tx *store.Tx) error {
		return keep.Vault.Hold(ctx, tx, c.SHA256, c.Basis)
	}, func() error { return answer(s, c.JSON, map[string]bool{"held": true}, "held: %s", c.Basis) })
}

type vaultReleaseCmd struct {
	place
	by
	blobOf
	Basis  string `required:"" help:"The basis of the hold to end."`
	Reason string `required:"" help:"What ends it."`
	JSON   bool   `name:"json" help:"Print one JSON object."`
}

// Run releases a hold.
func (c vaultReleaseCmd) Run(ctx context.Context, s streams) error {
	return inVault(c.actor(ctx), c.place, func(ctx context.Context, keep *app.Keep, tx *store.Tx) error {
		return keep.Vault.Release(ctx, tx, c.SHA256, c.Basis, c.Reason)
	}, func() error { return answer(s, c.JSON, map[string]bool{"released": true}, "released: %s", c.Basis) })
}

type vaultExpireCmd struct {
	place
	by
	JSON bool `name:"json" help:"Print one JSON object."`
}

// Run shreds what is due.
func (c vaultExpireCmd) Run(ctx context.Context, s streams) error {
	if c.By == "" {
		return fault.New(fault.Invalid, "say who does this with --by")
	}
	keep, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer keep.Close()
	n, err := keep.Vault.Expire(c.actor(ctx))
	if err != nil {
		return err
	}
	return answer(s, c.JSON, map[string]int{"shredded": n}, "%d blobs were past their time and were shredded", n)
}
