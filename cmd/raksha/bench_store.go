package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storebench"
)

type benchStoreCmd struct {
	DB   string        `name:"db" placeholder:"ADDRESS" help:"PostgreSQL address (postgres://...) of an empty database; without it SQLite in a new folder."`
	Dir  string        `placeholder:"DIR" help:"Where the new folder is made, so that its disk is measured. Default: the folder for temporary files."`
	For  time.Duration `default:"5s" help:"How long each of the two is measured."`
	JSON bool          `name:"json" help:"Print an object."`
}

// Run measures durable writes. A PostgreSQL server must flush to its disk (fsync) for the figures to mean anything.
func (c benchStoreCmd) Run(ctx context.Context, s streams) (err error) {
	dsn := c.DB
	if dsn == "" {
		dir, err := os.MkdirTemp(c.Dir, "raksha-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		dsn = "sqlite:" + filepath.Join(dir, "raksha.db")
	}
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	r, err := storebench.Run(ctx, db, c.For)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(r)
	}
	_, err = fmt.Fprintf(s.out, `%s, durable writes a second
1 writer        %10.0f
64 writers      %10.0f
ratio           %10.1f
`, r.Engine, r.Single, r.Group64, r.Ratio)
	return err
}
