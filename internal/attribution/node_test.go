package attribution

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

var _ casework.SelectorSink = (*Links)(nil)

// node is a database with a record, the accounts of a case and the attribution over them.
type node struct {
	*Links
	t        *testing.T
	tables   []record.Table
	verifier note.Verifier
}

var now = time.Date(2022, 9, 22, 11, 0, 0, 0, time.UTC)

func newNode(t *testing.T, db *store.DB) *node {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "unit.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, tables: slices.Concat(platforms.Tables, courier.Tables, casework.Tables, Tables)}
	if n.verifier, err = note.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	c := clock.Fixed(now)
	n.Links = New(db, record.New(db, c, signer, n.tables), c, "IN")
	return n
}

func (n *node) write(fn func(ctx context.Context, tx *store.Tx) error) {
	n.t.Helper()
	if err := n.db.Write(context.Background(), fn); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) insert(table string, f record.Fields) (id int64) {
	n.t.Helper()
	n.write(func(ctx context.Context, tx *store.Tx) (err error) {
		id, err = n.log.Insert(ctx, tx, table, table, time.Time{}, f)
		return err
	})
	return id
}

func (n *node) newCase() int64 {
	return n.insert("case_file", record.Fields{"title": "Kite", "class": "media", "state": "open", "offence_at": now, "opened_at": now})
}

func (n *node) account(caseID int64, handle, finding string) int64 {
	id := n.insert("account", record.Fields{"host": "chirp.example", "handle": handle, "url": "https://chirp.example/@" + handle, "state": "live", "first_seen_at": now})
	n.member(caseID, id, finding)
	return id
}

func (n *node) member(caseID, account int64, finding string) {
	n.insert("case_account", record.Fields{"case_id": caseID, "account_id": account, "finding": finding, "added_at": now})
}

func (n *node) post(account int64, text string) int64 {
	n.t.Helper()
	var count int64
	if err := n.db.Reader().QueryRow("SELECT COUNT(*) FROM post").Scan(&count); err != nil {
		n.t.Fatal(err)
	}
	return n.insert("post", record.Fields{"account_id": account, "native_id": fmt.Sprint(count + 1), "url": "https://chirp.example/@x/1", "posted_at": now, "content": text, "seen_at": now})
}

func (n *node) says(caseID, account int64, text string) {
	n.t.Helper()
	post := n.post(account, text)
	n.write(func(ctx context.Context, tx *store.Tx) error { return n.SawText(ctx, tx, caseID, account, post, text) })
}

func (n *node) produced(caseID int64, a Answer) {
	n.t.Helper()
	n.write(func(ctx context.Context, tx *store.Tx) error { return n.Produced(ctx, tx, caseID, a) })
}

func (n *node) compute(caseID int64) (out []Cluster) {
	n.t.Helper()
	n.write(func(ctx context.Context, tx *store.Tx) (err error) {
		out, err = n.Compute(ctx, tx, caseID)
		return err
	})
	return out
}

func (n *node) judge(cluster int64, verdict, reason string, exhibits []string, name string) error {
	return n.db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		return n.Judge(ctx, tx, cluster, 3, verdict, reason, exhibits, name)
	})
}

func (n *node) selectorID(kind, value string) (id int64) {
	n.t.Helper()
	if err := n.db.Reader().QueryRow("SELECT id FROM selector WHERE kind = $1 AND value = $2", kind, value).Scan(&id); err != nil {
		n.t.Fatalf("%s %s: %v", kind, value, err)
	}
	return id
}

func (n *node) count(query string, args ...any) (count int64) {
	n.t.Helper()
	if err := n.db.Reader().QueryRow(query, args...).Scan(&count); err != nil {
		n.t.Fatal(err)
	}
	return count
}

// document files a document of the unit, or an answer to one.
func (n *node) document(direction, number, inReplyTo, state string, caseID int64) int64 {
	f := record.Fields{"direction": direction, "instrument": courier.InformationRequest, "jti": "jti-" + number, "number": number, "version": 1, "in_reply_to": inReplyTo,
		"issuer": "unit", "audience": "platform", "case_id": caseID, "state": state, "created_at": now, "authorised_at": now}
	if direction == courier.In {
		f["issuer"], f["audience"] = "platform", "unit"
	}
	return n.insert("document", f)
}

// verify proves the record, and that the tables are what it folds to.
func (n *node) verify() {
	n.t.Helper()
	r, err := record.Verify(context.Background(), n.db.Reader(), n.tables, n.verifier)
	if err != nil || !r.Verified {
		n.t.Errorf("the record does not verify: %v %v", err, r.Problems)
	}
}

// sets gives the accounts of clusters.
func sets(list []Cluster) (out [][]int64) {
	for _, c := range list {
		out = append(out, c.Accounts)
	}
	return out
}

func same(a, b [][]int64) bool {
	return slices.EqualFunc(a, b, func(x, y []int64) bool { return slices.Equal(x, y) })
}
