package app

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/vault"
)

const (
	scrubRate   = 8 << 20            // bytes a second
	scrubEvery  = 7 * 24 * time.Hour // between the ends of two rounds
	sweepAge    = time.Hour          // of a file that no row names
	stampEvery  = time.Hour
	upkeepEvery = 10 * time.Minute // between two looks whether something is due
)

// OpenVault opens the vault of a node's folder.
func OpenVault(dir string, db *store.DB, log *record.Log, self *directory.Self, c clock.Clock, quota int64) (*vault.Vault, error) {
	return vault.OpenFolder(db, vault.Options{Dir: filepath.Join(dir, "vault"), KeyFile: filepath.Join(dir, "vault-keys.json"), NodeKey: self.NodeKey, Wrap: self.Decryptor,
		Quota: quota, Log: log, Clock: c})
}

// AuthorityPins is where a node keeps a copy of the certificates of its time-stamping authority, for verification offline.
func AuthorityPins(dir string) string { return filepath.Join(dir, "timestamp-authority.pem") }

// compareArgs asks for a comparison of an agency's record with what is kept of it.
type compareArgs struct {
	Agency string `json:"agency"`
}

// Kind names the job.
func (compareArgs) Kind() string { return "witness" }

// upkeep is the slow work that runs beside the node. The zero value has none.
type upkeep struct {
	stop context.CancelFunc
	wait sync.WaitGroup
}

func (u *upkeep) end() {
	if u.stop != nil {
		u.stop()
	}
	u.wait.Wait()
}

// every runs fn each time that long after it last ended, until the node closes.
func (u *upkeep) every(ctx context.Context, d time.Duration, log *slog.Logger, what string, fn func(context.Context) error) {
	u.wait.Go(func() {
		for {
			t := time.NewTimer(d)
			select {
			case <-ctx.Done():
				t.Stop()
				return
			case <-t.C:
			}
			if err := fn(ctx); err != nil && ctx.Err() == nil {
				log.ErrorContext(ctx, what+" failed", "error", err)
			}
		}
	})
}

// keepUp makes the witness of other agencies' records, and starts the care of the vault and the time-stamps.
func (n *Node) keepUp(ctx context.Context, c Config, log *record.Log, client, between *http.Client, peers *directory.Book, tips *intake.Tips) error {
	w := record.NewWitness(n.db, log, c.Clock, between, peers.Address)
	w.Wake = func(ctx context.Context, tx *store.Tx, agency string) error {
		return n.jobs.Enqueue(ctx, tx, compareArgs{agency})
	}
	jobs.Register(n.jobs, func(ctx context.Context, a compareArgs) error {
		err := w.Compare(ctx, a.Agency)
		if fault.Of(err) == fault.NotFound { // it is in the directory no more, or shows no record
			return jobs.Permanent(err)
		}
		return err
	})
	if _, err := n.vault.Adopt(ctx); err != nil {
		return err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	n.upkeep.stop = stop
	n.upkeep.every(run, upkeepEvery, c.Logger, "shredding what is past its retention", func(ctx context.Context) error { _, err := n.vault.Expire(ctx); return err })
	n.upkeep.every(run, upkeepEvery, c.Logger, "removing files that nothing names", func(ctx context.Context) error {
		_, err := n.vault.Sweep(ctx, time.Now().Add(-sweepAge))
		return err
	})
	n.upkeep.every(run, upkeepEvery, c.Logger, "ending reports that were not finished", func(ctx context.Context) error { _, err := tips.Expire(ctx); return err })
	if rate := c.ScrubRate; rate >= 0 {
		if rate == 0 {
			rate = scrubRate
		}
		n.upkeep.every(run, upkeepEvery, c.Logger, "looking through the vault", func(ctx context.Context) error { return n.vault.ScrubDue(ctx, rate, scrubEvery) })
	}
	return n.stamp(run, c, log, client)
}

// stamp has the record's checkpoints time-stamped, if an authority is configured.
func (n *Node) stamp(ctx context.Context, c Config, log *record.Log, client *http.Client) error {
	if c.Authority == "" {
		return nil
	}
	pins, err := os.ReadFile(c.AuthorityPins)
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "cannot read the certificates of the time-stamping authority, %q", c.AuthorityPins)
	}
	authority, err := record.NewAuthority(n.db, log, c.Clock, client, c.Authority, pins)
	if err != nil {
		return err
	}
	if err := os.WriteFile(AuthorityPins(c.Dir), pins, 0o644); err != nil {
		return err
	}
	n.Authority = authority
	n.upkeep.every(ctx, stampEvery, c.Logger, "time-stamping the record", func(ctx context.Context) error { _, err := authority.Stamp(ctx); return err })
	return nil
}
