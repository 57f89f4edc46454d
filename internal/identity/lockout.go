package identity

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// A guess is counted before it is checked and taken back when it was right, in the write path, one after the other: however
// many arrive at once, no more than the free ones are checked before the lock. Names that nobody has are counted alike, so
// that a lock tells nothing. Passkeys are not counted: they cannot be guessed, and so a stranger who keeps a name locked
// does not keep its owner out.
const (
	freeFailures        = 5  // of one name, before it is locked
	freeAddressFailures = 30 // from one address, which several people may share
	firstLock           = 30 * time.Second
	longestLock         = time.Hour
	attemptLength       = 24 * time.Hour // after which failures are forgotten
)

// turns lets the checks of one name come one after the other: somebody who does several things at once, each with the right
// password, is not taken for somebody who guesses.
type turns struct {
	mu    sync.Mutex
	names map[string]*turn // guarded by mu: those that somebody has or waits for
}

type turn struct {
	free  chan struct{} // holds one when nobody has the turn
	users int           // who has it or waits for it
}

// take waits for the turn of a name and gives what ends it.
func (t *turns) take(ctx context.Context, name string) (end func(), err error) {
	name = nameSubject(name)
	t.mu.Lock()
	one := t.names[name]
	if one == nil {
		one = &turn{free: make(chan struct{}, 1)}
		one.free <- struct{}{}
		t.names[name] = one
	}
	one.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if one.users--; one.users == 0 {
			delete(t.names, name)
		}
	}
	select {
	case <-one.free:
		return func() { one.free <- struct{}{}; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

func nameSubject(username string) string {
	return "name:" + hashToken(strings.ToLower(strings.TrimSpace(username)))
}

func addressSubject(address string) string { return "address:" + address }

// lockFor gives how long a subject is locked after its n-th failure.
func lockFor(n, free int64) time.Duration {
	if n < free {
		return 0
	}
	d := firstLock
	for i := free; i < n && d < longestLock; i++ {
		d *= 2
	}
	return min(d, longestLock)
}

// attempting counts one guess for a name and an address. An empty address is not counted: behind a proxy that does not say
// who asks, everybody would have the same.
func (p *People) attempting(ctx context.Context, username, address string) error {
	now := p.now()
	var refused error
	err := p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		refused = nil
		if _, err := tx.ExecContext(ctx, "DELETE FROM attempt WHERE last_at < $1", store.Micros(now.Add(-attemptLength))); err != nil {
			return err
		}
		for _, s := range []struct {
			subject string
			free    int64
		}{{nameSubject(username), freeFailures}, {addressSubject(address), freeAddressFailures}} {
			if s.subject == addressSubject("") {
				continue
			}
			var failures, until int64
			err := tx.QueryRowContext(ctx, "SELECT failures, locked_until FROM attempt WHERE subject = $1", s.subject).Scan(&failures, &until)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			// A clock that was set back does not lengthen a lock beyond the longest.
			if left := store.Time(until).Sub(now); until != 0 && left > 0 && left <= longestLock {
				refused = fault.Coded(fault.Unsigned, "locked", "too many failed attempts; try again in %s, or ask an administrator to unlock you", waitFor(left))
				return nil
			}
			failures++
			lock := int64(0)
			if d := lockFor(failures, s.free); d > 0 {
				lock = store.Micros(now.Add(d))
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO attempt (subject, failures, last_at, locked_until) VALUES ($1, $2, $3, $4)
				ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at, locked_until = excluded.locked_until`,
				s.subject, failures, store.Micros(now), lock); err != nil {
				return err
			}
			if failures == s.free && s.free == freeFailures {
				if person, err := p.byUsername(ctx, tx, username); err == nil {
					if err := p.log.Note(ctx, tx, "person.locked", record.Fields{"person": person.ID}, nil); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return refused
}

// waitFor says a time in words, rounded up.
func waitFor(d time.Duration) string {
	n := int((d + time.Minute - 1) / time.Minute)
	if n <= 1 {
		return "a minute"
	}
	return fmt.Sprintf("%d minutes", n)
}

// right takes a guess back that was right.
func (p *People) right(ctx context.Context, tx *store.Tx, username, address string) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM attempt WHERE subject = $1", nameSubject(username)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE attempt SET failures = failures - 1, locked_until = 0 WHERE subject = $1 AND failures > 0", addressSubject(address))
	return err
}

// Unlock lets a person try again at once.
func (p *People) Unlock(ctx context.Context, tx *store.Tx, id int64) error {
	person, err := p.ByID(ctx, tx, id)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM attempt WHERE subject = $1", nameSubject(person.Username)); err != nil {
		return err
	}
	return p.log.Note(ctx, tx, "person.unlocked", record.Fields{"person": id}, nil)
}
