package exchange

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// TestRemovedList fills no list that was removed here, and says so.
func TestRemovedList(t *testing.T) {
	each(t, func(b *bench) {
		u := newUpstream(b)
		u.posts = many(10)
		e := b.exchange(u.make(), credentials)
		b.write(func(tx *store.Tx) error { return b.lists.RemoveList(b.ctx, tx, e.ListID) })
		if s, err := b.x.Sync(b.ctx, e.ID, 0); fault.Of(err) != fault.Refused || !strings.Contains(s.Failure, "was removed here") || s.Items != 0 {
			b.Errorf("%+v, %v", s, err)
		}
		b.write(func(tx *store.Tx) error { return b.x.Remove(b.ctx, tx, e.ID) })
		if all, err := All(b.ctx, b.db.Reader()); err != nil || len(all) != 0 {
			b.Errorf("%+v, %v", all, err)
		}
		b.verify()
	})
}

func TestCredentialsAreSealed(t *testing.T) {
	each(t, func(b *bench) {
		u := newUpstream(b)
		e := b.exchange(u.make(), nil)
		if s, err := b.x.Sync(b.ctx, e.ID, 0); fault.Of(err) != fault.Unsigned || !strings.Contains(s.Failure, "no credentials") {
			b.Errorf("%+v, %v", s, err)
		}
		b.write(func(tx *store.Tx) error { return b.x.SetKindSecret(b.ctx, tx, NCMEC, credentials) })
		b.sync(e)
		b.write(func(tx *store.Tx) error { return b.x.SetSecret(b.ctx, tx, e.ID, credentials) })
		b.sync(e)
		var all []string
		for _, query := range []string{"SELECT public || COALESCE(sealed, '') FROM record_entry", "SELECT owner FROM exchange_secret", "SELECT settings || address FROM exchange"} {
			rows, err := b.db.Reader().Query(query)
			if err != nil {
				b.Fatal(err)
			}
			for rows.Next() {
				var text string
				rows.Scan(&text)
				all = append(all, text)
			}
			rows.Close()
		}
		var sealed []byte
		if err := b.db.Reader().QueryRow("SELECT sealed FROM exchange_secret WHERE owner = $1", fmt.Sprintf("exchange:%d", e.ID)).Scan(&sealed); err != nil {
			b.Fatal(err)
		}
		for _, text := range append(all, string(sealed)) {
			if strings.Contains(text, "basket") {
				b.Errorf("the password stands in %q", text)
			}
		}
		// One exchange's credentials do not open as another's.
		if _, err := b.x.unseal("exchange:999", sealed); err == nil {
			b.Error("sealed credentials open for another owner")
		}
		b.write(func(tx *store.Tx) error { return b.x.Remove(b.ctx, tx, e.ID) })
		var n int
		if err := b.db.Reader().QueryRow("SELECT COUNT(*) FROM exchange_secret WHERE owner = $1", fmt.Sprintf("exchange:%d", e.ID)).Scan(&n); err != nil || n != 0 {
			b.Errorf("%d left, %v", n, err)
		}
		b.verify()
	})
}

// TestFetchesByItself creates, switches off and on, and wants a fetch each time, and one job for the next.
func TestFetchesByItself(t *testing.T) {
	each(t, func(b *bench) {
		u := newUpstream(b)
		u.posts = many(250)
		if err := b.jobs.Start(b.ctx); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { b.jobs.Stop(context.Background()) })
		m := u.make()
		m.Every = time.Hour
		e := b.exchange(m, credentials)
		until := func(what string, fn func() bool) {
			b.Helper()
			for range 1200 {
				if fn() {
					return
				}
				time.Sleep(25 * time.Millisecond)
			}
			b.Fatal(what)
		}
		doneAt := func() int64 {
			s, err := b.x.StateOf(b.ctx, e.ID)
			if err != nil {
				b.Fatal(err)
			}
			return s.DoneAt
		}
		waiting := func() int64 {
			n, err := b.jobs.Unfinished(b.ctx)
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
		until("it is not fetched", func() bool { return doneAt() > 0 && waiting() == 1 })
		b.wants(e, wanted(u.posts))
		b.clock.forward(time.Minute)
		off, on := false, true
		b.write(func(tx *store.Tx) error { _, err := b.x.Change(b.ctx, tx, e.ID, Update{Enabled: &off}); return err })
		b.write(func(tx *store.Tx) error { _, err := b.x.Change(b.ctx, tx, e.ID, Update{Enabled: &on}); return err })
		until("it is not fetched again", func() bool { return doneAt() == store.Micros(b.clock.Now()) && waiting() == 2 })
		// A job of the schedule before the change does nothing.
		asked := len(u.asked)
		if err := b.x.syncJob(b.ctx, syncArgs{e.ID, e.turn}); err != nil || len(u.asked) != asked || waiting() != 2 {
			b.Errorf("%v, %d questions", err, len(u.asked)-asked)
		}
		b.verify()
	})
}
