package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/vault"
)

// Keep is what a node keeps, opened from its folder beside the node that may be running: its record and its vault.
type Keep struct {
	DB       *store.DB
	Log      *record.Log
	Verifier note.Verifier
	Vault    *vault.Vault
}

// OpenKeep opens the record and the vault of a node's folder. dsn is "" for SQLite in the folder.
func OpenKeep(ctx context.Context, dir, dsn string, c clock.Clock) (k *Keep, err error) {
	if dsn == "" {
		dsn = DSN(dir)
		if _, err := os.Stat(strings.TrimPrefix(dsn, "sqlite:")); err != nil {
			return nil, fault.Wrap(err, fault.NotFound, "%s holds no node", dir)
		}
	}
	self, err := directory.ReadSelf(dir)
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(self.Checkpoints)
	if err != nil {
		return nil, err
	}
	k = &Keep{}
	defer func() {
		if err != nil {
			k.Close()
		}
	}()
	if k.Verifier, err = note.NewVerifier(self.CheckpointVerifier); err != nil {
		return nil, err
	}
	if k.DB, err = store.Open(ctx, dsn); err != nil {
		return k, err
	}
	k.Log = record.New(k.DB, c, signer, Tables())
	k.Log.Verifier = self.CheckpointVerifier
	k.Vault, err = OpenVault(dir, k.DB, k.Log, self, c, 0)
	return k, err
}

// Close closes both.
func (k *Keep) Close() error {
	var errs []error
	if k.Vault != nil {
		errs = append(errs, k.Vault.Close())
	}
	if k.DB != nil {
		errs = append(errs, k.DB.Close())
	}
	return errors.Join(errs...)
}

// ReadVerifier reads the record's public key from a file, "" for the node's own.
func ReadVerifier(dir, path string) (note.Verifier, error) {
	if path == "" {
		path = filepath.Join(dir, "record.pub")
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "cannot read the record's public key %s; name it with --key", path)
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "%s holds no record key", path)
	}
	return v, nil
}
