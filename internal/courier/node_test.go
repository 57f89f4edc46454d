package courier_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/orders"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
)

const password = "a long test password"

// movable is a clock that a test sets.
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

// node is a real node as far as documents go: database, record, directory, post and the door for other nodes.
type node struct {
	t        *testing.T
	ctx      context.Context
	clock    *movable
	self     *directory.Self
	db       *store.DB
	log      *record.Log
	verifier note.Verifier
	people   *identity.People
	book     *directory.Book
	queue    *jobs.Queue
	office   *courier.Office
	server   *httptest.Server

	mu       sync.Mutex
	received []string // numbers, in the order in which their receiver ran
	told     []string // states that the sender was told of
}

func newNode(t *testing.T, db *store.DB, clock *movable, agency string) *node {
	t.Helper()
	n := &node{t: t, ctx: t.Context(), clock: clock, db: db}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	n.self, _, err = directory.OpenSelf(t.TempDir(), []directory.Desk{directory.Unit})
	must(err)
	signer, err := note.NewSigner(n.self.Checkpoints)
	must(err)
	n.verifier, err = note.NewVerifier(n.self.CheckpointVerifier)
	must(err)
	book, err := rules.Embedded()
	must(err)
	law, err := book.Jurisdiction("in")
	must(err)
	n.log = record.New(db, clock, signer, app.Tables())
	n.people = identity.NewPeople(db, n.log, clock)
	n.book = directory.NewBook(n.self, db, n.log, n.people, clock)
	client := fetch.New(fetch.Options{AllowLoopback: true, HTTPSOnly: true, Timeout: 20 * time.Second})
	n.book.UseClient(client)
	n.queue = jobs.New(db, slog.New(slog.DiscardHandler))
	n.office = courier.NewOffice(courier.Config{Agency: func() string { return n.self.Profile().Agency }, Key: courier.Key{KID: n.self.AgencyKID, Private: n.self.AgencyKey},
		DB: db, Log: n.log, Jobs: n.queue, Clock: clock, Directory: n.book, Client: client, Due: func(string, time.Time) (time.Time, string) { return time.Time{}, "" }})
	n.office.On(courier.TakedownOrder, func(_ context.Context, _ *store.Tx, in courier.Incoming) error {
		_, err := orders.CheckIncoming(law, in, clock.Now())
		return n.note(&n.received, in.Number, err)
	})
	n.office.On(courier.Notice, func(_ context.Context, _ *store.Tx, in courier.Incoming) error {
		return n.note(&n.received, in.Number, in.From.NeedOfficer())
	})
	n.office.OnDelivered(courier.Notice, func(_ context.Context, _ *store.Tx, f courier.Filed) error { return n.note(&n.told, f.State, nil) })
	must(n.queue.Start(n.ctx))
	t.Cleanup(func() { n.queue.Stop(context.Background()) })
	mux := http.NewServeMux()
	mux.HandleFunc("POST /courier/v1/documents", n.door)
	mux.HandleFunc("GET /courier/v1/directory", func(w http.ResponseWriter, r *http.Request) {
		if b, err := n.book.Own(r.Context()); err == nil {
			w.Write(b)
		}
	})
	n.server = httptest.NewServer(mux)
	t.Cleanup(n.server.Close)
	must(n.self.SetUp(directory.Profile{Agency: agency, Name: "Agency " + agency, URL: n.server.URL, Jurisdiction: "in"}))
	n.write(n.book.Publish)
	return n
}

func (n *node) note(list *[]string, what string, err error) error {
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	*list = append(*list, what)
	return nil
}

func (n *node) noted(list *[]string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string{}, *list...)
}

// door is what internal/api does at this address.
func (n *node) door(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "cut", http.StatusBadRequest)
		return
	}
	answer, refused, err := n.office.Receive(r.Context(), b)
	switch {
	case err != nil:
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	case refused:
		w.WriteHeader(http.StatusForbidden)
	}
	w.Write(answer)
}

func (n *node) write(fn func(context.Context, *store.Tx) error) {
	n.t.Helper()
	if err := n.db.Write(n.ctx, fn); err != nil {
		n.t.Fatal(err)
	}
}

// officer adds a person of a rank, publishes, and gives the key that his or her password opens.
func (n *node) officer(username, rank string) courier.Key {
	n.t.Helper()
	var p identity.Person
	n.write(func(ctx context.Context, tx *store.Tx) (err error) {
		if p, err = n.people.Add(ctx, tx, identity.New{Username: username, Name: "Officer " + username, Password: password, Roles: []identity.Role{identity.Authoriser}, Rank: rank, AuthorisationRef: "ORD/1"}); err != nil {
			return err
		}
		return n.book.Publish(ctx, tx)
	})
	private, err := n.people.Key(n.ctx, p, password)
	if err != nil {
		n.t.Fatal(err)
	}
	return courier.Key{KID: p.KID, Private: private}
}

// everybody is a node on which each officer has one and the same passkey.
type everybody courier.Passkey

func (e everybody) Passkeys(context.Context, store.Queryer, int64) ([]courier.Passkey, error) {
	return []courier.Passkey{courier.Passkey(e)}, nil
}

// pin makes another agency known at an address.
func (n *node) pin(jws []byte, address, fingerprint string, instruments ...string) error {
	return n.db.Write(n.ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := n.book.Pin(ctx, tx, address, fingerprint, instruments, jws)
		return err
	})
}

// verify proves that the record answers for every row.
func (n *node) verify() {
	n.t.Helper()
	r, err := record.Verify(n.ctx, n.db.Reader(), app.Tables(), n.verifier)
	if err != nil || !r.Verified {
		n.t.Errorf("the record does not verify: %v %q", err, r.Problems)
	}
}

// deliver hands bytes in and gives the signed answer, whose signature it checks by the entry that the node publishes.
func (n *node) deliver(b []byte, sender string) courier.Answer {
	n.t.Helper()
	answer, _, err := n.office.Receive(n.ctx, b)
	if err != nil {
		n.t.Fatal(err)
	}
	if sender == "" {
		sender = "unknown"
	}
	opened, err := courier.Open(n.ctx, answer, sender, n.clock.Now(), n.book)
	if err != nil {
		n.t.Fatalf("the answer does not verify: %v: %s", err, answer)
	}
	var a courier.Answer
	if err := json.Unmarshal(opened.Body, &a); err != nil {
		n.t.Fatal(err)
	}
	return a
}

// seeded gives the same key for the same name in every run.
func seeded(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(name string) ed25519.PublicKey { return seeded(name).Public().(ed25519.PublicKey) }

func key(kid string) courier.Key { return courier.Key{KID: kid, Private: seeded(kid)} }

// part is a header with the key that signs under it, for building documents that Seal would not.
type part struct{ header, key string }

func head(kid string) string {
	return fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"typ":"raksha+takedown_order"}`, kid)
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// forge signs whatever it is given.
func forge(content string, parts ...part) string {
	var signatures []string
	for _, p := range parts {
		sig := ed25519.Sign(seeded(p.key), []byte(b64(p.header)+"."+b64(content)))
		signatures = append(signatures, fmt.Sprintf(`{"protected":"%s","signature":"%s"}`, b64(p.header), b64(string(sig))))
	}
	return fmt.Sprintf(`{"payload":"%s","signatures":[%s]}`, b64(content), strings.Join(signatures, ","))
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.Code(err)
}

// keyList is a directory of one agency.
type keyList map[string]courier.PublicKey

func (l keyList) PublicKey(_ context.Context, issuer, kid string) (courier.PublicKey, error) {
	if k, ok := l[kid]; ok {
		return k, nil
	}
	return courier.PublicKey{}, courier.UnknownKey(issuer, kid)
}

// with gives the directory with a passkey of its officers, or without.
func (l keyList) with(has bool, p courier.Passkey) keyList {
	out := keyList{}
	for kid, k := range l {
		if k.Officer != "" && has {
			k.Passkeys = []courier.Passkey{p}
		}
		out[kid] = k
	}
	return out
}

func compacted(b []byte) ([]byte, error) {
	var out bytes.Buffer
	err := json.Compact(&out, b)
	return out.Bytes(), err
}
