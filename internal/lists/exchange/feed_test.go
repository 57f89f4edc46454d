package exchange

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
)

type contextType = context.Context

// drain reads a whole range of a feed in pages and fails if anything comes twice within it.
func (b *bench) drain(bank string, from, to time.Time, size int) (out []Posted) {
	b.Helper()
	seen := map[string]bool{}
	c := Cursor{}
	for {
		part, next, more, err := b.x.Feed(b.ctx, b.db.Reader(), bank, from, to, c, size)
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range part {
			name := fmt.Sprint(p.Content, p.Gone)
			if seen[name] {
				b.Errorf("content %s twice in a range", name)
			}
			seen[name] = true
			if p.At.Before(from) || p.At.After(to) {
				b.Errorf("a time of %s outside (%s, %s]", p.At, from, to)
			}
			if len(p.Entries) == 0 {
				b.Errorf("content %d without its hashes", p.Content)
			}
		}
		out = append(out, part...)
		if !more {
			return out
		}
		if len(part) > size {
			b.Errorf("%d on a page of %d", len(part), size)
		}
		if c, err = ParseCursor(next.String()); err != nil {
			b.Fatal(err)
		}
	}
}

// TestFeedAgainstModel changes, offers and withdraws lists at random, lets followers read at random, and wants each to have just what is
// offered, whatever it had read before.
func TestFeedAgainstModel(t *testing.T) {
	each(t, func(b *bench) {
		r := rand.New(rand.NewPCG(1, 2))
		type model struct {
			id      int64
			offered bool
			live    map[int64]bool
		}
		var all []*model
		for i := range 2 {
			m := &model{live: map[int64]bool{}}
			b.write(func(tx *store.Tx) (err error) {
				m.id, err = b.lists.CreateList(b.ctx, tx, lists.New{Name: fmt.Sprint("list ", i)})
				return err
			})
			all = append(all, m)
		}
		type follower struct {
			until time.Time
			has   map[int64]bool
		}
		followers := []*follower{{has: map[int64]bool{}}, {has: map[int64]bool{}}, {has: map[int64]bool{}}}
		n := 0
		for range 150 {
			m := all[r.IntN(len(all))]
			switch r.IntN(8) {
			case 0, 1, 2:
				var groups [][]lists.Entry
				for range 1 + r.IntN(5) {
					n++
					groups = append(groups, []lists.Entry{{Kind: lists.MD5, Value: md5Of(n)}, {Kind: lists.SHA1, Value: fmt.Sprintf("%040x", n)}})
				}
				b.write(func(tx *store.Tx) error {
					ids, err := b.lists.AddContents(b.ctx, tx, m.id, groups)
					for _, id := range ids {
						m.live[id] = true
					}
					return err
				})
			case 3, 4:
				for id := range m.live {
					b.write(func(tx *store.Tx) error { _, err := b.lists.Remove(b.ctx, tx, m.id, id); return err })
					delete(m.live, id)
					if r.IntN(2) == 0 {
						break
					}
				}
			case 5:
				m.offered = !m.offered
				b.write(func(tx *store.Tx) error { return b.x.Offer(b.ctx, tx, m.id, m.offered) })
			default:
				b.clock.forward(time.Duration(r.IntN(3000)) * time.Millisecond)
				f := followers[r.IntN(len(followers))]
				to := b.clock.Now().Truncate(time.Second)
				if !to.Before(b.clock.Now()) {
					continue
				}
				if !to.After(f.until) {
					continue
				}
				from := f.until
				if from.IsZero() {
					from = time.Unix(0, 0)
				}
				gone := map[int64]bool{}
				posted := b.drain("", from, to, 1+r.IntN(7))
				estimate, err := b.x.Estimate(b.ctx, b.db.Reader(), "", from, to)
				if err != nil || estimate < int64(len(posted)) {
					b.Errorf("%d estimated, %d there, %v", estimate, len(posted), err)
				}
				for _, p := range posted {
					if gone[p.Content] = gone[p.Content] || p.Gone; !p.Gone {
						f.has[p.Content] = true
					}
				}
				for id := range gone {
					if gone[id] {
						delete(f.has, id)
					}
				}
				f.until = to
			}
		}
		b.clock.forward(5 * time.Second)
		for i, f := range followers {
			from := f.until
			if from.IsZero() {
				from = time.Unix(0, 0)
			}
			for _, p := range b.drain("", from, b.clock.Now().Truncate(time.Second), 3) {
				if p.Gone {
					delete(f.has, p.Content)
				} else {
					f.has[p.Content] = true
				}
			}
			want := map[int64]bool{}
			for _, m := range all {
				if m.offered {
					for id := range m.live {
						want[id] = true
					}
				}
			}
			if fmt.Sprint(want) != fmt.Sprint(f.has) {
				b.Errorf("follower %d has %v, want %v", i, f.has, want)
			}
		}
		b.verify()
	})
}
