package store_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// storySchema is the version of the first release.
const storySchema = 2

// filled are rows on the record, in the columns of the first release and in an order that references allow.
var filled = []struct {
	table string
	row   record.Fields
}{
	{"person", record.Fields{"username": "asha", "name": "Asha", "roles": "admin", "created_at": 1}},
	{"own_entry", record.Fields{"version": 1, "jws": "e", "issued_at": 1}},
	{"peer", record.Fields{"agency": "bureau", "url": "u", "fingerprint": "f", "version": 3, "entry": "e", "updated_at": 1}},
	{"witness", record.Fields{"agency": "bureau", "checkpoint": "c", "received_at": 1}},
	{"platform", record.Fields{"host": "chirp.example", "name": "Chirp", "kind": "mastodon", "base_url": "u", "created_at": 1}},
	{"account", record.Fields{"host": "chirp.example", "handle": "kite", "url": "u", "state": "live", "first_seen_at": 1}},
	{"post", record.Fields{"account_id": 1, "native_id": "1", "url": "u", "posted_at": 1, "content": "a kite", "seen_at": 1}},
	{"media", record.Fields{"post_id": 1, "native_id": "1", "kind": "image", "sha256": "aa", "hashed_at": 1}},
	{"hash_list", record.Fields{"name": "kites", "holder": "unit", "own": true, "created_at": 1}},
	{"media_match", record.Fields{"media_id": 1, "list_id": 1, "kind": "sha256", "value": "aa", "state": "exact", "found_at": 1}},
	{"complaint", record.Fields{"reference": "NCW/1", "complainant": "x", "sha256": "bb", "received_at": 1}},
	{"case_file", record.Fields{"title": "Kite", "class": "media", "state": "open", "station": "PS-7", "serial": 1, "year": 2022, "fir": "1/2022, PS-7", "offence_at": 1, "opened_at": 1, "registered_at": 1}},
	{"tip", record.Fields{"number": "T-2022-000001", "source": "complaint", "class": "media", "state": "linked", "account_id": 1, "case_id": 1, "complaint_id": 1, "responsible": "unit", "occurred_at": 1, "received_at": 1}},
	{"complaint_line", record.Fields{"complaint_id": 1, "n": 1, "typed": "https://chirp.example/@kite", "state": "tip", "tip_id": 1}},
	{"case_account", record.Fields{"case_id": 1, "account_id": 1, "finding": "offending", "added_at": 1}},
	{"team", record.Fields{"case_id": 1, "name": "one", "created_at": 1}},
	{"assignment", record.Fields{"case_id": 1, "team_id": 1, "post_id": 1, "finding": "listed_media", "assigned_at": 1}},
	{"document", record.Fields{"direction": "out", "instrument": "takedown_order", "jti": "j", "number": "UNIT/TO/2022/0001", "version": 1, "issuer": "unit", "audience": "platform", "case_id": 1, "state": "acknowledged", "body": "{}", "jws": "bytes", "created_at": 1}},
	{"document_item", record.Fields{"document_id": 1, "n": 1, "kind": "account", "locator": "u", "account_id": 1, "state": "account_suspended"}},
	{"selector", record.Fields{"kind": "upi", "value": "kite@bank", "first_seen_at": 1}},
	{"sighting", record.Fields{"case_id": 1, "selector_id": 1, "account_id": 1, "source": "bio", "seen_at": 1}},
	{"cluster", record.Fields{"case_id": 1, "label": "A", "accounts": 1, "state": "lead", "computed_at": 1}},
	{"scan", record.Fields{"source": "chirp.example", "position": "1", "posts": 1, "changed_at": 1}},
	{"outcome", record.Fields{"tip_id": 1, "kind": "arrest", "happened_at": 1, "source": "unit"}},
}

// beside are rows that stand outside the record.
var beside = []string{
	"INSERT INTO credential (person_id, password_hash) VALUES (1, 'h')",
	"INSERT INTO reply (idempotency_key, person_id, request, response, created_at) VALUES ('k', 1, 'r', '{}', 1)",
	"INSERT INTO platform_secret (host, token) VALUES ('chirp.example', 't')",
	"INSERT INTO blob (name, wrapped, size, created_at) VALUES ('b', 'wrapped', 7, 1)",
	"INSERT INTO fir_counter (station, year, last) VALUES ('PS-7', 2022, 1)",
	"INSERT INTO session (token_hash, person_id, created_at, expires_at) VALUES ('t', 1, 1, 2)",
}

// A database of the first release with work in it is brought to the newest schema: every row stays as it was, and the record proves it.
func TestUpgrade(t *testing.T) {
	var tables []record.Table
	for _, f := range filled {
		tables = append(tables, record.Table{Name: f.table})
	}
	secret, public, err := note.GenerateKey(rand.Reader, "unit.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	storetest.EachDSN(t, func(t *testing.T, fresh func() string) {
		ctx, dsn, now := context.Background(), fresh(), clock.Fixed(time.Date(2022, 9, 20, 10, 0, 0, 0, time.UTC))
		old, err := store.OpenAt(ctx, dsn, storySchema)
		if err != nil {
			t.Fatal(err)
		}
		log := record.New(old, now, signer, tables)
		err = old.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			for _, f := range filled {
				if _, err := log.Insert(ctx, tx, f.table, f.table, time.Time{}, f.row); err != nil {
					return err
				}
			}
			for _, query := range beside {
				if _, err := tx.ExecContext(ctx, query); err != nil {
					return fmt.Errorf("%s: %w", query, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		before := contents(t, old, nil)
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
		db := storetest.Open(t, dsn)
		after := contents(t, db, before)
		for name, was := range before {
			if name == "session" { // whoever was signed in signs in again
				continue
			}
			if now := after[name]; now.rows != was.rows {
				t.Errorf("%s:\nwas %s\nis  %s", name, was.rows, now.rows)
			}
		}
		log = record.New(db, now, signer, tables)
		if err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return log.Update(ctx, tx, "person", "person.renamed", time.Time{}, 1, record.Fields{"name": "Asha the second"})
		}); err != nil {
			t.Errorf("after the upgrade: %v", err)
		}
		for source, taken := range map[string]bool{"form": true, "complaint": true, "rumour": false} { // a check that a later release widened
			_, err := db.Raw().Exec("INSERT INTO tip (number, source, class, state, responsible, occurred_at, received_at) VALUES ($1, $1, 'other', 'received', 'unit', 1, 1)", source)
			if (err == nil) != taken {
				t.Errorf("a tip from a %s: %v", source, err)
			}
		}
		if _, err := db.Raw().Exec("DELETE FROM tip WHERE number = source"); err != nil {
			t.Fatal(err)
		}
		if r, err := record.Verify(ctx, db.Reader(), tables, verifier); err != nil || !r.Verified || r.Entries != int64(len(filled)+1) {
			t.Errorf("%d entries: %v %q", r.Entries, err, r.Problems)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		newer(t, dsn)
	})
}

// newer holds that a database that a newer program has used is left alone.
func newer(t *testing.T, dsn string) {
	t.Helper()
	db := storetest.Open(t, dsn) // a second time: nothing is left to do
	if _, err := db.Raw().Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, $2)", 9999, true); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if db, err := store.Open(context.Background(), dsn); fault.Of(err) != fault.Conflict {
		t.Errorf("a database of a newer version was opened: %v", err)
		if err == nil {
			db.Close()
		}
	}
}

// content is what a table holds, in the columns named.
type content struct {
	columns []string
	rows    string
}

// contents reads every table; those in known in the columns that they had then.
func contents(t *testing.T, db *store.DB, known map[string]content) map[string]content {
	t.Helper()
	query := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%'"
	if db.Engine() == store.Postgres {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%'"
	}
	names, err := store.Collect(context.Background(), db.Reader(), scanText, query)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]content{}
	for _, name := range names {
		columns := "*"
		if k, ok := known[name]; ok && name != "session" {
			columns = strings.Join(k.columns, ", ")
		}
		out[name] = read(t, db, "SELECT "+columns+" FROM "+name)
	}
	return out
}

func read(t *testing.T, db *store.DB, query string) (c content) {
	t.Helper()
	rows, err := db.Reader().Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	if c.columns, err = rows.Columns(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		values := make([]any, len(c.columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		var line []string
		for i, v := range values {
			line = append(line, fmt.Sprintf("%s=%v", c.columns[i], *v.(*any)))
		}
		lines = append(lines, strings.Join(line, " "))
	}
	slices.Sort(lines)
	c.rows = strings.Join(lines, "\n")
	return c
}
