package record_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// erase erases one entry, as a person would.
func (n *node) erase(t *testing.T, leaf int64) error {
	t.Helper()
	return n.db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		return n.log.Erase(record.WithActor(ctx, "person:counsel"), tx, leaf, "court order 7/2022")
	})
}

func (n *node) name(t *testing.T, id int64) (name, roles string) {
	t.Helper()
	if err := n.db.Reader().QueryRow("SELECT name, roles FROM person WHERE id = $1", id).Scan(&name, &roles); err != nil {
		t.Fatal(err)
	}
	return name, roles
}

func TestErase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		n := newNode(t, db)
		start := n.Now()
		n.story(t) // entry 1 names bina, entry 4 gives her another name
		public := func(at time.Time) map[int64]string {
			s, err := record.Fold(ctx, db.Reader(), at, "person")
			if err != nil {
				t.Fatal(err)
			}
			out := map[int64]string{}
			for id, row := range s["person"] {
				out[id] = row.Text("username") + " " + row.Text("roles")
			}
			return out
		}
		then, now := public(start), public(time.Time{})

		n.pass(time.Hour)
		if err := n.erase(t, 1); err != nil { // superseded: her name of today stays
			t.Fatal(err)
		}
		if name, _ := n.name(t, 2); name != "Bina the second" {
			t.Errorf("a name that came from another entry became %q", name)
		}
		if r := n.mustVerify(t); r.Erased != 1 || r.Entries != 12 {
			t.Errorf("report %+v", r)
		}
		if err := n.erase(t, 4); err != nil {
			t.Fatal(err)
		}
		if name, _ := n.name(t, 2); name != "" {
			t.Errorf("an erased name is %q", name)
		}
		if err := n.erase(t, 3); err != nil { // a note, which has no row
			t.Fatal(err)
		}
		r := n.mustVerify(t)
		if r.Erased != 3 {
			t.Errorf("report %+v", r)
		}
		for _, at := range []time.Time{start, {}} {
			s, err := record.Fold(ctx, db.Reader(), at, "person")
			if err != nil {
				t.Fatal(err)
			}
			if got := s["person"][2].Text("name"); got != "" {
				t.Errorf("as of %v the erased name is %q", at, got)
			}
			if got := s["person"][1].Text("name"); got != "Name of asha" {
				t.Errorf("as of %v another's name is %q", at, got)
			}
		}
		if !reflect.DeepEqual(public(start), then) || !reflect.DeepEqual(public(time.Time{}), now) {
			t.Error("the public columns no longer replay to the same")
		}
		list, err := record.Erasures(ctx, db.Reader())
		if err != nil || len(list) != 3 {
			t.Fatalf("erasures %v, %v", list, err)
		}
		if e := list[1]; e.Erased != 4 || e.About != "person" || e.AboutID != 2 || e.Actor != "person:counsel" || e.Basis != "court order 7/2022" ||
			!reflect.DeepEqual(e.Columns, []string{"name"}) || e.Leaf != 12 {
			t.Errorf("erasure %+v", e)
		}
		var left int
		if err := db.Reader().QueryRow("SELECT COUNT(*) FROM record_entry WHERE sealed LIKE '%Name of bina%' OR public LIKE '%Name of bina%' OR sealed LIKE '%the second%'").Scan(&left); err != nil || left != 0 {
			t.Errorf("%d entries still hold the name (%v)", left, err)
		}
		// It goes on, and a name may be set again.
		n.write(t, func(ctx context.Context, tx *store.Tx) error {
			return n.log.Update(ctx, tx, "person", "person.rename", time.Time{}, 2, record.Fields{"name": "Bina the third"})
		})
		if r := n.mustVerify(t); r.Erased != 3 {
			t.Errorf("report %+v", r)
		}
		n.write(t, func(ctx context.Context, tx *store.Tx) error {
			count, err := n.log.EraseAbout(ctx, tx, "person", 2, "court order 8/2022")
			if count != 1 {
				t.Errorf("%d entries erased about a person, want 1", count)
			}
			return err
		})
		if r := n.mustVerify(t); r.Erased != 4 {
			t.Errorf("report %+v", r)
		}
		if name, _ := n.name(t, 2); name != "" {
			t.Errorf("the erased name is %q", name)
		}
	})
}

func TestEraseRefusals(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, db)
		n.story(t)
		if err := n.erase(t, 0); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			leaf int64
			want fault.Kind
		}{"no such entry": {99, fault.NotFound}, "erased before": {0, fault.Conflict}, "nothing sealed": {6, fault.Conflict}} {
			if err := n.erase(t, c.leaf); fault.Of(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		err := db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error { return n.log.Erase(ctx, tx, 1, "  ") })
		if fault.Of(err) != fault.Invalid {
			t.Errorf("without basis: %v", err)
		}
		if r := n.mustVerify(t); r.Erased != 1 {
			t.Errorf("report %+v", r)
		}
	})
}

// An erasure that is claimed but did not happen, or hides another change, is found.
func TestTamperErasure(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, db)
		n.story(t)
		if err := n.erase(t, 0); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct{ query, names string }{
			"the sealed part put back":     {`UPDATE record_entry SET sealed = '{"name":"Name of asha"}' WHERE leaf = 0`, "entry 0 (person.add): its sealed part"},
			"another entry's part dropped": {"UPDATE record_entry SET sealed = NULL, salt = NULL WHERE leaf = 1", "entry 1: its sealed part was deleted, and no entry says"},
			"the value put back":           {"UPDATE person SET name = 'Name of asha' WHERE id = 1", "person 1: column name"},
			"the erasure moved":            {"UPDATE record_entry SET public = replace(public, '\"table\":\"record_entry\"', '\"table\":\"record_entry\",\"id\":2') WHERE leaf = 11", "entry 11: its bytes"},
			"the erasure's object":         {"UPDATE record_entry SET object = 'person' WHERE leaf = 11", "entry 11: its column object"},
		} {
			tx, err := db.Raw().Begin()
			if err != nil {
				t.Fatal(err)
			}
			exec(t, tx, c.query)
			r := n.verify(t, tx)
			tx.Rollback()
			if r.Verified || !strings.Contains(strings.Join(r.Problems, "\n"), c.names) {
				t.Errorf("%s: want a problem with %q; problems:\n%s", name, c.names, strings.Join(r.Problems, "\n"))
			}
		}
		n.mustVerify(t)
	})
}
