package exchange

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/foreign"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

func forBench(t *testing.B, fn func(b *bench, t *testing.B)) {
	storetest.EachBench(t, func(t *testing.B, db *store.DB) {
		secret, public, err := note.GenerateKey(nil, "lists.example")
		if err != nil {
			t.Fatal(err)
		}
		fn(newBench(t, db, newHand(), secret, public, quick), t)
	})
}

// BenchmarkTake commits pages of a thousand new entries.
func BenchmarkTake(t *testing.B) {
	forBench(t, func(b *bench, t *testing.B) {
		e := b.exchange(Make{Name: "A", Kind: StopNCII}, nil)
		last, n := step{}, 0
		for t.Loop() {
			p := page{checkpoint: "{}"}
			for range 1000 {
				n++
				p.items = append(p.items, foreign.Item{Key: fmt.Sprint("1-", n), Stamp: start, Entries: []lists.Entry{{Kind: lists.MD5, Value: md5Of(n)}, {Kind: lists.SHA1, Value: fmt.Sprintf("%040x", n)}}})
			}
			b.write(func(tx *store.Tx) (err error) {
				last, err = b.x.take(b.ctx, tx, e, last, p)
				return err
			})
		}
		t.ReportMetric(float64(n)/t.Elapsed().Seconds(), "entries/s")
	})
}

// BenchmarkFeed reads pages of a thousand from an offered list of 200,000, at its beginning and near its end, and an empty range.
func BenchmarkFeed(t *testing.B) {
	forBench(t, func(b *bench, t *testing.B) {
		var list int64
		b.write(func(tx *store.Tx) (err error) {
			if list, err = b.lists.CreateList(b.ctx, tx, lists.New{Name: "L"}); err == nil {
				err = b.x.Offer(b.ctx, tx, list, true)
			}
			return err
		})
		for i := range 200 {
			b.clock.forward(time.Second)
			var groups [][]lists.Entry
			for j := range 1000 {
				groups = append(groups, []lists.Entry{{Kind: lists.MD5, Value: md5Of(i*1000 + j)}})
			}
			b.write(func(tx *store.Tx) error { _, err := b.lists.AddContents(b.ctx, tx, list, groups); return err })
		}
		b.clock.forward(time.Minute)
		from, to := time.Unix(0, 0), b.clock.Now()
		deep := Cursor{}
		for n := 0; n < 198; n++ {
			_, next, more, err := b.x.Feed(context.Background(), b.db.Reader(), "", from, to, deep, 1000)
			if err != nil || !more {
				t.Fatal(n, more, err)
			}
			deep = next
		}
		for _, c := range []struct {
			name     string
			from, to time.Time
			cursor   Cursor
			want     int
		}{{"first", from, to, Cursor{}, 1000}, {"deep", from, to, deep, 1000}, {"empty", to.Add(-time.Second), to, Cursor{}, 0}} {
			t.Run(c.name, func(t *testing.B) {
				for t.Loop() {
					got, _, _, err := b.x.Feed(context.Background(), b.db.Reader(), "", c.from, c.to, c.cursor, 1000)
					if err != nil || len(got) != c.want {
						t.Fatal(len(got), err)
					}
				}
			})
		}
	})
}
