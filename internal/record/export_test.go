package record_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

func (n *node) export(t testing.TB, o record.ExportOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	o.Key = n.log.Verifier
	if _, err := record.Export(context.Background(), n.db.Reader(), &b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestExport(t *testing.T) {
	tsa := newAuthority(t, "Kite Time")
	roots, err := record.PinnedRoots(tsa.root)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, db)
		a := n.stamped(t, tsa)
		n.log.Verifier = newNode(t, storetest.SQLite(t)).log.Verifier // a wrong key in the file must not help
		n.story(t)
		if _, err := a.Stamp(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := n.erase(t, 0); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			o               record.ExportOptions
			entries, opened int64
			complete        bool
			holds, lacks    string
		}{
			"all":        {record.ExportOptions{}, 13, 0, true, "asha", "Bina the second"},
			"all sealed": {record.ExportOptions{Sealed: []string{"person", "notes"}}, 13, 4, true, "Bina the second", "Name of asha"},
			"a person":   {record.ExportOptions{Table: "person", ID: 2, Sealed: []string{"person"}}, 2, 2, false, "Bina the second", "chitra"},
			"a table":    {record.ExportOptions{Table: "list_batch"}, 2, 0, false, "list.import", "person"},
		} {
			b := n.export(t, c.o)
			r, err := record.VerifyExport(bytes.NewReader(b), n.verifier, roots)
			if err != nil || !r.Verified || r.Entries != c.entries || r.Opened != c.opened || r.Complete != c.complete || r.Timestamps != 1 || r.Size != 13 {
				t.Errorf("%s: %+v %v", name, r, err)
			}
			body := string(b[bytes.IndexByte(b, '\n'):])
			if !strings.Contains(body, c.holds) || strings.Contains(strings.ReplaceAll(body, "list_batch", ""), c.lacks) {
				t.Errorf("%s: holds other things than it should:\n%s", name, b)
			}
			if r, err := record.VerifyExport(bytes.NewReader(b), nil, nil); err != nil || r.Verified {
				t.Errorf("%s: verified by a wrong key: %v", name, err)
			}
			step := 11
			for i := 0; i < len(b); i += step { // any byte that carries meaning
				other := bytes.Clone(b)
				other[i] ^= 1
				r, err := record.VerifyExport(bytes.NewReader(other), n.verifier, roots)
				if err == nil && r.Verified && !harmless(b, i) {
					t.Errorf("%s: byte %d changed from %q: not noticed", name, i, b[max(0, i-40):min(len(b), i+10)])
				}
			}
			for i, line := range bytes.SplitAfter(b, []byte("\n")) { // a line left out
				if i == 0 || len(line) == 0 || bytes.Contains(line, []byte(`"token"`)) {
					continue
				}
				if r, err := record.VerifyExport(bytes.NewReader(bytes.Replace(b, line, nil, 1)), n.verifier, roots); err == nil && r.Verified {
					t.Errorf("%s: line %d left out: not noticed", name, i)
				}
			}
		}
		if _, err := record.Export(context.Background(), db.Reader(), &bytes.Buffer{}, record.ExportOptions{Table: "person", ID: 99}); fault.Of(err) != fault.NotFound {
			t.Errorf("about nothing: %v", err)
		}
	})
}

// harmless says whether byte i of an export says nothing of the record: the file's own account of its key and its scope, and in a
// token what no signature covers (TestTimestampRefusals).
func harmless(b []byte, i int) bool {
	start := bytes.LastIndexByte(b[:i], '\n') + 1
	line := b[start:]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	at := i - start
	for _, member := range []string{`"key":"`, `"sealed":[`, `"token":"`, `"complete":`} {
		from := bytes.Index(line, []byte(member))
		if from < 0 {
			continue
		}
		to := from + len(member) + bytes.IndexAny(line[from+len(member):], `"],`)
		if member == `"sealed":[` {
			to = from + len(member) + bytes.IndexByte(line[from+len(member):], ']')
		}
		if at >= from && at <= to {
			return true
		}
	}
	return false
}

func FuzzExport(f *testing.F) {
	n := newNode(f, storetest.SQLite(f))
	n.story(f)
	f.Add(n.export(f, record.ExportOptions{Sealed: []string{"person"}}))
	f.Add(n.export(f, record.ExportOptions{Table: "person", ID: 1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := record.VerifyExport(bytes.NewReader(b), n.verifier, nil); err == nil && r.Verified && (r.Size != 11 || r.Entries > 11) {
			t.Errorf("a forged export was verified: %+v", r)
		}
	})
}
