package lists

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/hamming"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
	"raksha.example/raksha/pdq"
)

func pdqEntry(h pdq.Hash) Entry { return Entry{Kind: PDQ, Value: h.String()} }

// flip gives a hash that differs from h in its first n bits.
func flip(h pdq.Hash, n int) pdq.Hash {
	for i := range n {
		h[i/8] ^= 1 << (i % 8)
	}
	return h
}

func random(r *rand.Rand) (h pdq.Hash) {
	for i := range h {
		h[i] = byte(r.Uint32())
	}
	return h
}

func numbers(hits []Hit) (ids []int64) {
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	return ids
}

func TestAnswers(t *testing.T) {
	each(t, func(b *bench) {
		r := rand.New(rand.NewPCG(1, 2))
		wide := b.list(New{Name: "wide"})
		strict := 8
		narrow := b.list(New{Name: "narrow", Threshold: &strict, Scheme: "VICS/US", SchemeVersion: "2.0"})
		h := random(r)
		md5 := strings.Repeat("ab", 16)
		ids := b.contents(wide, []Entry{pdqEntry(flip(h, 20)), {Kind: MD5, Value: strings.ToUpper(md5), Label: "A1"}}, []Entry{pdqEntry(flip(h, 31))}, []Entry{pdqEntry(flip(h, 32))})
		near := b.contents(narrow, []Entry{{Kind: PDQ, Value: flip(h, 8).String(), Label: "1"}}, []Entry{pdqEntry(flip(h, 9))})

		hits := b.lists.Find(Query{PDQ: []pdq.Hash{h}, Exact: []Hash{{MD5, md5}}})
		var got []string
		for _, v := range hits {
			got = append(got, fmt.Sprintf("%d/%d %s %d %q", v.ListID, v.Content, v.Kind, v.Distance, v.Label))
		}
		want := []string{
			fmt.Sprintf("%d/%d md5 0 \"A1\"", wide, ids[0]), // the file itself first
			fmt.Sprintf("%d/%d pdq 8 \"1\"", narrow, near[0]),
			fmt.Sprintf("%d/%d pdq 20 \"\"", wide, ids[0]),
			fmt.Sprintf("%d/%d pdq 31 \"\"", wide, ids[1]),
		}
		if !reflect.DeepEqual(got, want) {
			b.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if got := numbers(b.lists.Find(Query{PDQ: []pdq.Hash{h}, Lists: map[int64]bool{narrow: true}})); !slices.Equal(got, near[:1]) {
			b.Errorf("only the narrow list: %v", got)
		}
		// Two forms of one picture give each entry once, at the nearer distance.
		if got := b.lists.Find(Query{PDQ: []pdq.Hash{h, flip(h, 8)}, Lists: map[int64]bool{narrow: true}}); len(got) != 2 || got[0].Distance != 0 || got[1].Distance != 1 {
			b.Errorf("two forms: %+v", got)
		}
		b.verify()
	})
}

func TestChangesMatchAtOnce(t *testing.T) {
	each(t, func(b *bench) {
		r := rand.New(rand.NewPCG(3, 4))
		list := b.list(New{Name: "L"})
		h := random(r)
		q := Query{PDQ: []pdq.Hash{h}}
		id := b.contents(list, []Entry{pdqEntry(h), {Kind: SHA1, Value: strings.Repeat("0c", 20)}})[0]
		see := func(step string, q Query, want int) {
			b.Helper()
			for name, l := range map[string]*Lists{"running": b.lists, "restarted": b.open()} {
				if got := l.Find(q); len(got) != want {
					b.Errorf("%s, %s: %d hits, want %d", step, name, len(got), want)
				}
			}
		}
		raw, whole := Query{PDQ: q.PDQ, Raw: true}, Query{PDQ: q.PDQ, Whole: true}
		see("added", q, 1)
		b.write(func(tx *store.Tx) error {
			return b.lists.Disable(b.ctx, tx, list, id, testClock.Now().Add(time.Minute))
		})
		see("disabled until later", q, 0)
		see("disabled, asked for the whole", whole, 0)
		see("disabled, asked raw", raw, 1)
		b.write(func(tx *store.Tx) error { return b.lists.Disable(b.ctx, tx, list, id, testClock.Now()) })
		see("disabled until now", q, 1)
		b.write(func(tx *store.Tx) error { return b.lists.Disable(b.ctx, tx, list, id, time.Time{}) })
		see("disabled for ever", q, 0)
		b.write(func(tx *store.Tx) error { return b.lists.Enable(b.ctx, tx, list, id) })
		see("enabled", q, 1)
		off, half := 0.0, 0.5
		b.write(func(tx *store.Tx) error {
			_, err := b.lists.UpdateList(b.ctx, tx, list, Update{Share: &off})
			return err
		})
		see("list off", q, 0)
		see("list off, raw", raw, 1)
		see("list off, whole", whole, 1)
		b.write(func(tx *store.Tx) error {
			_, err := b.lists.UpdateList(b.ctx, tx, list, Update{Share: &half})
			return err
		})
		took := 0
		for i := range 1000 {
			seeded := Query{PDQ: q.PDQ, Seed: fmt.Sprint(i)}
			n := len(b.lists.Find(seeded))
			if n != len(b.lists.Find(seeded)) {
				b.Fatal("one seed, two answers")
			}
			took += n
		}
		if took < 400 || took > 600 {
			b.Errorf("a list with half a share took part in %d of 1000 look-ups", took)
		}
		full := 1.0
		b.write(func(tx *store.Tx) error {
			_, err := b.lists.UpdateList(b.ctx, tx, list, Update{Share: &full})
			return err
		})
		b.write(func(tx *store.Tx) error {
			n, err := b.lists.Remove(b.ctx, tx, list, id, id+1000)
			if n != 1 {
				b.Errorf("%d removed", n)
			}
			return err
		})
		see("removed", raw, 0)
		see("removed, exact", Query{Exact: []Hash{{SHA1, strings.Repeat("0c", 20)}}, Raw: true}, 0)
		if err := b.try(func(tx *store.Tx) error { return b.lists.Disable(b.ctx, tx, list, id, time.Time{}) }); fault.Of(err) != fault.NotFound {
			b.Errorf("disabling what is removed: %v", err)
		}
		b.contents(list, []Entry{pdqEntry(h)})
		see("added again", q, 1)
		b.write(func(tx *store.Tx) error { return b.lists.RemoveList(b.ctx, tx, list) })
		see("list removed", raw, 0)
		again := b.list(New{Name: "L"})
		b.contents(again, []Entry{pdqEntry(h)})
		see("a new list of that name", q, 1)
		b.verify()
	})
}

func TestNothingOfAFailedChangeMatches(t *testing.T) {
	each(t, func(b *bench) {
		list := b.list(New{Name: "L"})
		h := random(rand.New(rand.NewPCG(5, 6)))
		stop := errors.New("stop")
		err := b.try(func(tx *store.Tx) error {
			if _, err := b.lists.AddContents(b.ctx, tx, list, [][]Entry{{pdqEntry(h)}}); err != nil {
				return err
			}
			return stop
		})
		if !errors.Is(err, stop) {
			b.Fatal(err)
		}
		if got := b.lists.Find(Query{PDQ: []pdq.Hash{h}, Raw: true}); len(got) > 0 {
			b.Errorf("an entry that was never committed matches: %v", got)
		}
		b.verify()
	})
}

func TestContentAndHistory(t *testing.T) {
	each(t, func(b *bench) {
		list, other := b.list(New{Name: "L"}), b.list(New{Name: "M"})
		id := b.contents(list, []Entry{{Kind: MD5, Value: strings.Repeat("01", 16)}, {Kind: SHA256, Value: strings.Repeat("02", 32)}})[0]
		b.contents(other, []Entry{{Kind: MD5, Value: strings.Repeat("03", 16)}})
		b.write(func(tx *store.Tx) error {
			if err := b.lists.Note(b.ctx, tx, list, id, "kite"); err != nil {
				return err
			}
			return b.lists.Describe(b.ctx, tx, list, id, Metadata{ContentID: "c-1", JSON: []byte(`{"a":1}`)})
		})
		c, err := ContentByID(b.ctx, b.db.Reader(), list, id)
		if err != nil || len(c.Entries) != 2 || c.Note != "kite" || c.Metadata == nil || c.Metadata.ContentID != "c-1" || string(c.Metadata.JSON) != `{"a":1}` || c.Disabled {
			b.Errorf("%+v, %v", c, err)
		}
		if _, err := ContentByID(b.ctx, b.db.Reader(), other, id); fault.Of(err) != fault.NotFound {
			b.Errorf("a content of another list is shown: %v", err)
		}
		if err := b.try(func(tx *store.Tx) error { return b.lists.Note(b.ctx, tx, list, id, strings.Repeat("x", MaxNote+1)) }); fault.Of(err) != fault.Invalid {
			b.Errorf("a note too long: %v", err)
		}
		changes, err := History(b.ctx, b.db.Reader(), list, id)
		if err != nil {
			b.Fatal(err)
		}
		var acts []string
		for _, v := range changes {
			acts = append(acts, v.Act+" by "+v.Actor)
		}
		if got := strings.Join(acts, ", "); got != "added by node, noted by node, described by node" {
			b.Error(got)
		}
		items, err := Entries(b.ctx, b.db.Reader(), list, 0, 1)
		if err != nil || len(items) != 1 || items[0].ID != id {
			b.Fatalf("%+v, %v", items, err)
		}
		items, err = Entries(b.ctx, b.db.Reader(), list, items[0].ID, 10)
		if err != nil || len(items) != 1 || items[0].Content != id || items[0].Kind != SHA256 {
			b.Errorf("second page: %+v, %v", items, err)
		}
		b.verify()
	})
}

func TestBankNames(t *testing.T) {
	each(t, func(b *bench) {
		for name, bank := range map[string]string{"national list": "NATIONAL_LIST", "2024 set": "_2024_SET", "बैंक": "_"} {
			v, err := ByID(b.ctx, b.db.Reader(), b.list(New{Name: name}))
			if err != nil || v.Bank != bank {
				b.Errorf("%s: bank %q, %v", name, v.Bank, err)
			}
		}
		for _, n := range []New{{Name: "x", Bank: "lower"}, {Name: "x", Bank: "1A"}, {Name: ""}, {Name: strings.Repeat("n", 256)}} {
			if err := b.try(func(tx *store.Tx) error { _, err := b.lists.CreateList(b.ctx, tx, n); return err }); fault.Of(err) != fault.Invalid {
				b.Errorf("%+v: %v", n, err)
			}
		}
		if err := b.try(func(tx *store.Tx) error {
			_, err := b.lists.CreateList(b.ctx, tx, New{Name: "other", Bank: "NATIONAL_LIST"})
			return err
		}); fault.Code(err) != "bank_exists" {
			b.Errorf("a bank twice: %v", err)
		}
		if v, err := ByID(b.ctx, b.db.Reader(), b.list(New{Name: "national list", Holder: "else.example"})); err != nil || v.Bank != "" {
			b.Errorf("another holder's list of the name: %+v, %v", v, err)
		}
		b.verify()
	})
}

// TestAgainstModel plays random changes and asks the running index, one made from its files, and one made from the database alone.
func TestAgainstModel(t *testing.T) {
	each(t, func(b *bench) {
		r := rand.New(rand.NewPCG(7, 8))
		list := b.list(New{Name: "L"})
		centres := []pdq.Hash{random(r), random(r), random(r)}
		type entry struct {
			hash pdq.Hash
			md5  string
			off  bool
		}
		model := map[int64]*entry{}
		var ids []int64
		check := func(name string, l *Lists) {
			b.Helper()
			for _, c := range centres {
				var want []int64
				for _, id := range ids {
					if e := model[id]; e != nil && !e.off && hamming.Distance((*[32]byte)(&c), (*[32]byte)(&e.hash)) <= Threshold {
						want = append(want, id)
					}
				}
				got := numbers(l.Find(Query{PDQ: []pdq.Hash{c}}))
				slices.Sort(got)
				if !slices.Equal(got, want) {
					b.Fatalf("%s: %v, want %v", name, got, want)
				}
			}
			n := 0
			for _, id := range ids {
				e := model[id]
				if e == nil || e.off {
					continue
				}
				n++
				if got := numbers(l.Find(Query{Exact: []Hash{{MD5, e.md5}}})); !slices.Contains(got, id+1) {
					b.Fatalf("%s: the MD5 of %d is not found: %v", name, id, got)
				}
			}
			if got := l.Kinds()[PDQ].Entries; got != len(model) {
				b.Fatalf("%s: %d PDQ entries, want %d", name, got, len(model))
			}
		}
		for step := range 60 {
			switch r.IntN(5) {
			case 0, 1:
				for range 1 + r.IntN(4) {
					h := flip(centres[r.IntN(len(centres))], r.IntN(40))
					md5 := hex.EncodeToString([]byte{byte(r.IntN(8))}) + strings.Repeat("00", 15)
					id := b.contents(list, []Entry{pdqEntry(h), {Kind: MD5, Value: md5}})[0]
					ids = append(ids, id)
					model[id] = &entry{hash: h, md5: md5}
				}
			case 2:
				if len(ids) > 0 {
					id := ids[r.IntN(len(ids))]
					b.write(func(tx *store.Tx) error { _, err := b.lists.Remove(b.ctx, tx, list, id); return err })
					delete(model, id)
				}
			case 3:
				if len(ids) > 0 {
					id := ids[r.IntN(len(ids))]
					if e := model[id]; e != nil {
						e.off = !e.off
						b.write(func(tx *store.Tx) error {
							if e.off {
								return b.lists.Disable(b.ctx, tx, list, id, time.Time{})
							}
							return b.lists.Enable(b.ctx, tx, list, id)
						})
					}
				}
			case 4:
				if err := b.lists.KeepFiles(); err != nil {
					b.Fatal(err)
				}
			}
			check("running", b.lists)
			if step%6 == 0 {
				check("from its files", b.open())
				kept := b.files
				b.files = b.TempDir()
				check("from the database", b.open())
				b.files = kept
			}
		}
		b.verify()
	})
}

func TestFilesOfOthersAreNotTaken(t *testing.T) {
	b := newBench(t, storetest.SQLite(t))
	list := b.list(New{Name: "L"})
	h := random(rand.New(rand.NewPCG(9, 1)))
	b.contents(list, []Entry{pdqEntry(h)})
	if err := b.lists.KeepFiles(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(b.files, entriesFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(whole); i += 1 + len(whole)/97 {
		bad := slices.Clone(whole)
		bad[i] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := b.lists.keep.read(); err == nil {
			t.Fatalf("byte %d changed and not noticed", i)
		}
		if got := b.open().Find(Query{PDQ: []pdq.Hash{h}}); len(got) != 1 {
			t.Fatalf("byte %d changed: %d hits", i, len(got))
		}
	}
}

// TestRemovedEntriesLeaveNoMemory adds and removes entries over and over: what the index keeps does not grow with their numbers.
func TestRemovedEntriesLeaveNoMemory(t *testing.T) {
	x := newIndex()
	var most int
	for round := range 50 {
		var entries []Entry
		for i := range page {
			id := int64(1 + round*page + i)
			entries = append(entries, Entry{ID: id, ListID: 1, Content: 1 + id/2*2, Kind: MD5, Value: fmt.Sprintf("%032x", id)})
		}
		x.add(entries, int64(2*round+1))
		x.remove(entries, int64(2*round+2))
		most = max(most, len(x.places)+len(x.exact)+len(x.more)+len(x.group)+len(x.newest)+len(x.labels))
	}
	if most > 4 {
		t.Errorf("%d things are kept of entries that are gone", most)
	}
}
