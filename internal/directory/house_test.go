package directory_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

const password = "a long test password"

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

type movable struct {
	mu sync.Mutex
	at time.Time
}

func (m *movable) Now() time.Time { m.mu.Lock(); defer m.mu.Unlock(); return m.at }
func (m *movable) add(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = m.at.Add(d)
}

// house is a node as far as its directory goes.
type house struct {
	t        *testing.T
	ctx      context.Context
	clock    *movable
	dir      string
	self     *directory.Self
	db       *store.DB
	log      *record.Log
	verifier note.Verifier
	people   *identity.People
	book     *directory.Book
}

func newHouse(t *testing.T, db *store.DB, clock *movable, agency string) *house {
	t.Helper()
	h := &house{t: t, ctx: t.Context(), clock: clock, db: db, dir: t.TempDir()}
	self, _, err := directory.OpenSelf(h.dir, []directory.Desk{directory.Unit})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(self.Checkpoints)
	if err != nil {
		t.Fatal(err)
	}
	if h.verifier, err = note.NewVerifier(self.CheckpointVerifier); err != nil {
		t.Fatal(err)
	}
	h.log = record.New(db, clock, signer, app.Tables())
	h.people = identity.NewPeople(db, h.log, clock)
	if err := self.SetUp(directory.Profile{Agency: agency, Name: "Agency " + agency, URL: "https://" + agency + ".example", Jurisdiction: "in", Phone: "+911123456789"}); err != nil {
		t.Fatal(err)
	}
	h.open(self)
	h.must(h.book.Publish)
	return h
}

func (h *house) open(self *directory.Self) {
	h.self, h.book = self, directory.NewBook(self, h.db, h.log, h.people, h.clock)
}

func (h *house) must(fn func(context.Context, *store.Tx) error) {
	h.t.Helper()
	if err := h.db.Write(h.ctx, fn); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) officer(username, rank string) courier.Key {
	h.t.Helper()
	var p identity.Person
	h.must(func(ctx context.Context, tx *store.Tx) (err error) {
		if p, err = h.people.Add(ctx, tx, identity.New{Username: username, Name: "Officer " + username, Password: password, Roles: []identity.Role{identity.Authoriser}, Rank: rank, AuthorisationRef: "ORD/1"}); err == nil {
			err = h.book.Publish(ctx, tx)
		}
		return err
	})
	private, err := h.people.Key(h.ctx, p, password)
	if err != nil {
		h.t.Fatal(err)
	}
	return courier.Key{KID: p.KID, Private: private}
}

func (h *house) own() ([]byte, directory.Entry) {
	h.t.Helper()
	jws, err := h.book.Own(h.ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	e, err := directory.VerifyEntry(jws, directory.Fingerprint(h.self.RootPublic()), h.clock.Now(), 0)
	if err != nil {
		h.t.Fatal(err)
	}
	return jws, e
}

// knows pins another house as it stands, or takes its newest entry.
func (h *house) knows(other *house, instruments ...string) error {
	jws, _ := other.own()
	return h.db.Write(h.ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := h.book.Pin(ctx, tx, "https://"+other.self.Profile().Agency+".example", directory.Fingerprint(other.self.RootPublic()), instruments, jws)
		return err
	})
}

func (h *house) agencyKey() courier.Key {
	return courier.Key{KID: h.self.AgencyKID, Private: h.self.AgencyKey}
}

func (h *house) verify() {
	h.t.Helper()
	r, err := record.Verify(h.ctx, h.db.Reader(), app.Tables(), h.verifier)
	if err != nil || !r.Verified {
		h.t.Errorf("the record does not verify: %v %q", err, r.Problems)
	}
}

func letter(t *testing.T, at time.Time, from, to string, keys ...courier.Key) []byte {
	t.Helper()
	b, err := courier.Seal(courier.Document{Type: courier.Notice, Issuer: from, Audience: to, ID: "letter", IssuedAt: at, Expires: at.Add(30 * 24 * time.Hour),
		Body: json.RawMessage(`{"number":"UNIT/N/1","content":{"text":"kite"}}`)}, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
