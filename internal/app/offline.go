package app

import (
	"context"
	"errors"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Offline is a node that does not run, as far as its directory and its people go.
type Offline struct {
	Self   *directory.Self
	DB     *store.DB
	Book   *directory.Book
	People *identity.People
	lock   *os.File
}

// OfflineConfig says which node. Write takes the folder's lock, so that no process runs the node meanwhile.
type OfflineConfig struct {
	Dir, DSN string // as in Config
	Clock    clock.Clock
	Write    bool
	Fetch    fetch.Options
}

// OpenOffline opens the directory of a node from its folder.
func OpenOffline(ctx context.Context, c OfflineConfig) (o *Offline, err error) {
	if c.DSN == "" {
		c.DSN = DSN(c.Dir)
		if _, err := os.Stat(strings.TrimPrefix(c.DSN, "sqlite:")); err != nil {
			return nil, fault.Wrap(err, fault.NotFound, "%s holds no node", c.Dir)
		}
	}
	o = &Offline{}
	defer func() {
		if err != nil {
			o.Close()
		}
	}()
	if c.Write {
		if o.lock, err = lockFolder(c.Dir); err != nil {
			return o, err
		}
	}
	if o.Self, err = directory.ReadSelf(c.Dir); err != nil {
		return o, err
	}
	if o.DB, err = store.Open(ctx, c.DSN); err != nil {
		return o, err
	}
	signer, err := note.NewSigner(o.Self.Checkpoints)
	if err != nil {
		return o, err
	}
	log := record.New(o.DB, c.Clock, signer, Tables())
	o.People = identity.NewPeople(o.DB, log, c.Clock)
	o.Book = directory.NewBook(o.Self, o.DB, log, o.People, c.Clock)
	o.People.Configure(settings(o.Self, o.Book))
	o.Book.UsePasskeys(officersPasskeys{o.People, o.Self})
	o.Book.UseClient(fetch.New(c.Fetch))
	return o, nil
}

// Close closes the database and gives the folder back.
func (o *Offline) Close() error {
	var errs []error
	if o.DB != nil {
		errs = append(errs, o.DB.Close())
	}
	if o.lock != nil {
		errs = append(errs, o.lock.Close())
	}
	return errors.Join(errs...)
}
