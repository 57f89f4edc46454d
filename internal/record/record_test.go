package record_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

func TestCleanLogVerifies(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, db)
		if r := n.mustVerify(t); r.Entries != 0 || r.Rows != 0 || r.Root != "" {
			t.Errorf("empty log: %+v", r)
		}
		n.story(t)
		r := n.mustVerify(t)
		if r.Entries != 11 || r.Rows != 3+1+2+5 || r.Erased != 0 {
			t.Errorf("report %+v", r)
		}
		text, err := n.log.Checkpoint(context.Background(), db.Reader())
		if err != nil {
			t.Fatal(err)
		}
		c, err := note.Open([]byte(text), note.VerifierList(n.verifier))
		if err != nil || c.Text != fmt.Sprintf("node.example\n11\n%s\n", r.Root) {
			t.Errorf("checkpoint %q: %v", text, err)
		}
		other := newNode(t, storetest.SQLite(t)).verifier
		if r, err := record.Verify(context.Background(), db.Reader(), tables, other); err != nil || r.Verified {
			t.Errorf("verified with another node's key (%v)", err)
		}
		tail, err := record.Tail(context.Background(), db.Reader(), -1, 3)
		if err != nil || len(tail) != 3 || tail[0].Leaf != 10 || tail[0].Kind != "list.entries" {
			t.Errorf("tail %+v, %v", tail, err)
		}
		first, err := record.Tail(context.Background(), db.Reader(), 1, 3)
		if err != nil || len(first) != 1 || first[0].Actor != "person:1" || first[0].Set["username"] != "asha" {
			t.Errorf("first entry %+v, %v", first, err)
		}
		if _, shown := first[0].Set["name"]; shown {
			t.Error("a sealed column stands in the public part")
		}
	})
}

func TestFoldAsOf(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		n := newNode(t, db)
		start := n.Now()
		n.story(t)
		fold := func(at time.Time, tables ...string) record.State {
			t.Helper()
			s, err := record.Fold(ctx, db.Reader(), at, tables...)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		if s := fold(start.Add(-time.Second), "person"); len(s["person"]) != 0 {
			t.Errorf("before the story: %v", s)
		}
		then := fold(start, "person", "hash_list")
		if p := then["person"][2]; len(then["person"]) != 3 || len(then["hash_list"]) != 0 || p.Text("name") != "Name of bina" || p.Text("roles") != "officer" {
			t.Errorf("at the start: %v", then)
		}
		now := fold(time.Time{}, "person")
		if p := now["person"][2]; p.Text("name") != "Bina the second" || p.Text("roles") != "" || p.Text("username") != "bina" {
			t.Errorf("now: %v", p)
		}
		if p := now["person"][3]; !p.Time("disabled_at").Equal(start.Add(time.Minute)) || now["person"][1].Int("disabled_at") != 0 {
			t.Errorf("now: %v", p)
		}
		if s := fold(time.Time{}); len(s) != 0 {
			t.Errorf("no table: %v", s)
		}
	})
}

func TestRolledBackLeavesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, db)
		refused := errors.New("refused")
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				err := db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
					id, err := n.person(ctx, tx, fmt.Sprint(i), "N")
					if err != nil {
						return err
					}
					if i%2 == 0 {
						return refused
					}
					return n.log.Update(ctx, tx, "person", "person.rename", time.Time{}, id, record.Fields{"name": "M"})
				})
				if (i%2 == 0) != errors.Is(err, refused) {
					t.Errorf("write %d: %v", i, err)
				}
			})
		}
		// a reader sees a sound log at every moment
		for range 5 {
			n.mustVerify(t)
		}
		wg.Wait()
		if r := n.mustVerify(t); r.Entries != 60 || r.Rows != 30 {
			t.Errorf("report %+v, want two entries for each of 30 rows", r)
		}
	})
}

// A transaction whose commit fails must not leave hashes in memory that a later one builds on, even if another process
// has extended the log in between.
func TestCommitFailsThenSucceeds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		n := newNode(t, db)
		lost := errors.New("the disk is full")
		fail := false
		db.BeforeCommit(func(context.Context, *store.Tx) error { // after the sequencer
			if fail {
				return lost
			}
			return nil
		})
		second, err := store.Open(ctx, storetest.DSN(t, db))
		if err != nil {
			t.Fatal(err)
		}
		defer second.Close()
		other := &node{db: second, verifier: n.verifier, signer: n.signer, now: n.now}
		other.log = record.New(second, other, n.signer, tables)

		i := 0
		add := func(n *node, count int) error {
			return n.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				for range count {
					i++
					if _, err := n.person(ctx, tx, fmt.Sprint(i), "N"); err != nil {
						return err
					}
				}
				return nil
			})
		}
		for round := range 8 {
			if err := add(n, 1+round); err != nil {
				t.Fatal(err)
			}
			fail = true
			if err := add(n, 3); !errors.Is(err, lost) {
				t.Fatalf("err %v", err)
			}
			fail = false
			if round%2 == 0 {
				if err := add(other, 5); err != nil {
					t.Fatal(err)
				}
			}
			if err := add(n, 2); err != nil {
				t.Fatal(err)
			}
			n.mustVerify(t)
		}
	})
}

func TestValues(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, db)
		ctx := context.Background()
		insert := func(f record.Fields) error {
			return db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				all := record.Fields{"username": rapid.StringMatching(`[a-z]{20}`).Example(), "name": "", "created_at": 0}
				maps.Copy(all, f)
				_, err := n.log.Insert(ctx, tx, "person", "person.add", time.Time{}, all)
				return err
			})
		}
		for _, v := range []any{"", "<&> 'quoted' \u2028 \U0001F98B नमस्ते", "broken \xff\xc3 here", "a zero \x00 byte", "\uFFFD"} {
			if err := insert(record.Fields{"name": v, "roles": v}); err != nil {
				t.Errorf("text %q: %v", v, err)
			}
		}
		for _, v := range []any{0, -1, int32(5), uint8(6), int64(math.MaxInt64), int64(math.MinInt64), uint64(7), true, time.UnixMicro(1), time.Time{}} {
			if err := insert(record.Fields{"disabled_at": v}); err != nil {
				t.Errorf("number %v: %v", v, err)
			}
		}
		for _, v := range []any{1.5, []byte("x"), new(string), []string{"x"}, map[string]any{}, uint64(math.MaxUint64), struct{}{}} {
			if err := insert(record.Fields{"roles": v}); err == nil {
				t.Errorf("a %T was taken", v)
			}
		}
		n.mustVerify(t)
	})
}

func TestRefusals(t *testing.T) {
	n := newNode(t, storetest.SQLite(t))
	n.story(t)
	for name, fn := range map[string]func(context.Context, *store.Tx) error{
		"insert into an unknown table": func(ctx context.Context, tx *store.Tx) error {
			_, err := n.log.Insert(ctx, tx, "session", "x", time.Time{}, record.Fields{})
			return err
		},
		"insert into a bulk table": func(ctx context.Context, tx *store.Tx) error {
			_, err := n.log.Insert(ctx, tx, "list_entry", "x", time.Time{}, record.Fields{"batch_id": 1, "kind": "md5", "value": "x"})
			return err
		},
		"update of a bulk table": func(ctx context.Context, tx *store.Tx) error {
			return n.log.Update(ctx, tx, "list_entry", "x", time.Time{}, 1, record.Fields{"value": "x"})
		},
		"update of no row": func(ctx context.Context, tx *store.Tx) error {
			return n.log.Update(ctx, tx, "person", "x", time.Time{}, 99, record.Fields{"name": "x"})
		},
		"batch into a row-wise table": func(ctx context.Context, tx *store.Tx) error {
			return n.log.InsertBatch(ctx, tx, "person", "x", 1, []record.Fields{{"username": "x"}})
		},
		"a batch twice": func(ctx context.Context, tx *store.Tx) error {
			return n.log.InsertBatch(ctx, tx, "list_entry", "x", 1, []record.Fields{{"kind": "md5", "value": "x"}})
		},
	} {
		if err := n.db.Write(context.Background(), fn); err == nil {
			t.Errorf("%s was done", name)
		}
	}
	n.mustVerify(t)
}

// Whatever is done in whatever order, rows, fold and log agree, at every earlier time too.
func TestFoldIsTheRows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, db)
		unique := 0
		type moment struct {
			at   time.Time
			rows map[int64]string
		}
		names := map[int64]string{}
		history := []moment{}
		rapid.Check(t, func(rt *rapid.T) {
			steps := rapid.SliceOfN(rapid.IntRange(0, 3), 1, 6).Draw(rt, "steps")
			name := rapid.String()
			undone := errors.New("undone")
			fails := rapid.Bool().Draw(rt, "fails")
			after := maps.Clone(names)
			err := db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
				for _, step := range steps {
					ids := slices.Sorted(maps.Keys(after))
					switch {
					case step == 0 || len(ids) == 0:
						unique++
						platform := strings.ReplaceAll(strings.ToValidUTF8(name.Draw(rt, "name"), "\uFFFD"), "\x00", "\uFFFD")
						id, err := n.log.Insert(ctx, tx, "platform", "platform.add", time.Time{},
							record.Fields{"host": fmt.Sprint(unique), "name": platform, "kind": "", "base_url": "x", "created_at": n.Now()})
						if err != nil {
							return err
						}
						after[id] = platform
					case step == 1:
						if err := n.log.Note(ctx, tx, "look", record.Fields{"n": unique}, nil); err != nil {
							return err
						}
					default:
						id := rapid.SampledFrom(ids).Draw(rt, "id")
						if err := n.log.Update(ctx, tx, "platform", "platform.rename", time.Time{}, id, record.Fields{"name": fmt.Sprint("step ", step)}); err != nil {
							return err
						}
						after[id] = fmt.Sprint("step ", step)
					}
				}
				if fails {
					return undone
				}
				return nil
			})
			if fails != errors.Is(err, undone) {
				rt.Fatal(err)
			}
			if err == nil {
				names = after
			}
			history = append(history, moment{n.Now(), names})
			n.pass(time.Second)
			then := rapid.SampledFrom(history).Draw(rt, "then")
			state, err := record.Fold(context.Background(), db.Reader(), then.at, "platform")
			if err != nil {
				rt.Fatal(err)
			}
			if len(state["platform"]) != len(then.rows) {
				rt.Fatalf("%d rows as of %v, want %d", len(state["platform"]), then.at, len(then.rows))
			}
			for id, want := range then.rows {
				if got := state["platform"][id].Text("name"); got != want {
					rt.Fatalf("row %d as of %v is %q, want %q", id, then.at, got, want)
				}
			}
		})
		n.mustVerify(t)
	})
}
