package identity_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

const password = "a long test password"

// tables are those that the record answers for here: people, and the case that they are something to.
var tables = append([]record.Table{{Name: "case_file"}, {Name: "document"}}, identity.Tables...)

// node is a database with people in it. wall is the machine's clock, which the test sets.
type node struct {
	t        *testing.T
	ctx      context.Context
	db       *store.DB
	log      *record.Log
	people   *identity.People
	verifier note.Verifier

	mu   sync.Mutex
	wall time.Time // guarded by mu
}

// Now implements clock.Clock for sessions.
func (n *node) Now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.wall
}

func (n *node) pass(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wall = n.wall.Add(d)
}

// each runs a test on a node of each engine, and verifies the record afterwards.
func each(t *testing.T, fn func(t *testing.T, n *node)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		private, public, err := note.GenerateKey(nil, "identity.example")
		if err != nil {
			t.Fatal(err)
		}
		signer, err := note.NewSigner(private)
		if err != nil {
			t.Fatal(err)
		}
		n := &node{t: t, ctx: context.Background(), db: db, wall: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
		if n.verifier, err = note.NewVerifier(public); err != nil {
			t.Fatal(err)
		}
		story := clock.Fixed(time.Date(2022, 9, 20, 4, 30, 0, 0, time.UTC))
		n.log = record.New(db, story, signer, tables)
		n.people = identity.NewPeople(db, n.log, story)
		n.people.Configure(identity.Settings{URL: func() string { return nodeURL }, Name: func() string { return "Unit" }, Secret: []byte(strings.Repeat("k", 32)), Wall: n})
		fn(t, n)
		tx, err := db.Snapshot(n.ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		r, err := record.Verify(n.ctx, tx, tables, n.verifier)
		if err != nil || !r.Verified {
			t.Errorf("the record: %v %v", err, r.Problems)
		}
	})
}

func (n *node) write(fn func(ctx context.Context, tx *store.Tx) error) error {
	return n.db.Write(n.ctx, fn)
}

func (n *node) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// person adds a person with the test's password.
func (n *node) person(username string, roles ...identity.Role) (p identity.Person) {
	n.t.Helper()
	n.must(n.write(func(ctx context.Context, tx *store.Tx) (err error) {
		p, err = n.people.Add(ctx, tx, identity.New{Username: username, Name: "Person " + username, Password: password, Roles: roles})
		return err
	}))
	return p
}

// in signs a person in with a password and gives the person as the session has them.
func (n *node) in(username string) (identity.Person, string) {
	n.t.Helper()
	token, _, err := n.people.SignIn(n.ctx, username, password, "", identity.Device{Agent: "test"})
	n.must(err)
	p, err := n.people.BySession(n.ctx, token)
	n.must(err)
	return p, token
}

// newCase enters a bare case, as the stage that holds cases would.
func (n *node) newCase(lead identity.Person) (id int64) {
	n.t.Helper()
	n.must(n.write(func(ctx context.Context, tx *store.Tx) (err error) {
		if id, err = n.log.Insert(ctx, tx, "case_file", "case.opened", time.Time{}, record.Fields{"title": "kite", "class": "media", "state": "open", "offence_at": n.Now(), "opened_at": n.Now()}); err != nil {
			return err
		}
		return n.people.Found(ctx, tx, id, lead)
	}))
	return id
}

func (n *node) newDocument(caseID int64, jti string) (id int64) {
	n.t.Helper()
	n.must(n.write(func(ctx context.Context, tx *store.Tx) (err error) {
		id, err = n.log.Insert(ctx, tx, "document", "document.drafted", time.Time{}, record.Fields{"direction": "out", "instrument": "notice", "jti": jti, "number": jti, "issuer": "unit",
			"audience": "platform", "version": 1, "case_id": caseID, "state": "draft", "created_at": n.Now()})
		return err
	}))
	return id
}

// refused checks the kind and the code of an error.
func refused(t *testing.T, what string, err error, kind fault.Kind, code string) {
	t.Helper()
	if err == nil || fault.Of(err) != kind || code != "" && fault.Code(err) != code {
		t.Errorf("%s: %v (%s, %s), want %s %s", what, err, fault.Of(err), fault.Code(err), kind, code)
	}
}
