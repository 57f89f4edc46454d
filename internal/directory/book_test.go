package directory_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
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

// What the entry told before is never forgotten: keys that were replaced or revoked, officers who left, earlier ranks.
func TestPublishCarriesOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clock := &movable{at: noon}
		h := newHouse(t, db, clock, "unit")
		mira, ravi := h.officer("mira", "Inspector"), h.officer("ravi", "DIG")
		first := h.self.AgencyKID
		clock.add(time.Hour)
		h.must(func(ctx context.Context, tx *store.Tx) error {
			return h.log.Update(ctx, tx, "person", "person.promoted", time.Time{}, 1, record.Fields{"officer_rank": "DIG"})
		})
		h.must(h.book.Publish)
		if err := h.self.RotateAgency(); err != nil {
			t.Fatal(err)
		}
		if err := h.book.Renew(h.ctx); err != nil { // as a node does at its start
			t.Fatal(err)
		}
		revoke := func(r directory.Revocation) error {
			return db.Write(h.ctx, func(ctx context.Context, tx *store.Tx) error { return h.book.Revoke(ctx, tx, r) })
		}
		lost := clock.Now().Add(-time.Minute)
		for _, c := range []struct {
			r    directory.Revocation
			want error
		}{
			{directory.Revocation{KID: ravi.KID, At: lost}, fault.Invalid}, // no reason
			{directory.Revocation{KID: ravi.KID, At: clock.Now().Add(time.Hour), Reason: "lost"}, fault.Invalid},
			{directory.Revocation{KID: "kite", At: lost, Reason: "lost"}, fault.NotFound},
			{directory.Revocation{KID: h.self.AgencyKID, At: lost, Reason: "lost"}, fault.Conflict},
			{directory.Revocation{KID: ravi.KID, At: lost, Reason: "a lost laptop"}, nil},
			{directory.Revocation{KID: ravi.KID, At: clock.Now(), Reason: "again"}, fault.Conflict}, // later than before
			{directory.Revocation{KID: first, Reason: "never ours"}, nil},
		} {
			if err := revoke(c.r); c.want == nil && err != nil || c.want != nil && fault.Of(err) != c.want {
				t.Errorf("%+v: %v, want %v", c.r, err, c.want)
			}
		}
		h.must(h.book.Publish) // and again: nothing is forgotten
		_, e := h.own()
		byKID := map[string]directory.OfficerKey{}
		for _, o := range e.Officers {
			byKID[o.KID] = o
		}
		if o := byKID[mira.KID]; o.Rank != "DIG" || len(o.Earlier) != 1 || o.Earlier[0].Rank != "Inspector" || !o.Earlier[0].Until.Equal(noon.Add(time.Hour)) {
			t.Errorf("the promoted officer: %+v", o)
		}
		if o := byKID[ravi.KID]; !o.Revoked || !o.RevokedAt.Equal(lost) || o.Reason != "a lost laptop" {
			t.Errorf("the revoked officer: %+v", o)
		}
		if len(e.AgencyKeys) != 2 || e.AgencyKeys[0].KID != h.self.AgencyKID || e.AgencyKeys[1].KID != first || !e.AgencyKeys[1].Revoked || !e.AgencyKeys[1].RevokedAt.IsZero() || e.AgencyKeys[1].NotAfter.After(clock.Now().Add(32*24*time.Hour)) {
			t.Errorf("agency keys %+v", e.AgencyKeys)
		}
		before := e.Version
		if err := h.book.Renew(h.ctx); err != nil {
			t.Fatal(err)
		}
		if _, e = h.own(); e.Version != before {
			t.Error("an entry that is good was renewed")
		}
		clock.add(350 * 24 * time.Hour)
		if err := h.book.Renew(h.ctx); err != nil {
			t.Fatal(err)
		}
		if _, e = h.own(); e.Version != before+1 || e.Expires.Before(clock.Now().Add(390*24*time.Hour)) {
			t.Errorf("version %d until %s", e.Version, e.Expires)
		}
		h.verify()
	})
}

// An officer's key is replaced: the old one runs out after every document has travelled, the new one counts at once, and the
// private half opens with the same password.
func TestOfficerRotates(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clock := &movable{at: noon}
		unit, chirp := newHouse(t, db, clock, "unit"), newHouse(t, storetest.SQLite(t), clock, "chirp")
		old := unit.officer("mira", "DIG")
		clock.add(24 * time.Hour)
		if _, err := unit.people.RotateKey(unit.ctx, "mira", "a wrong password", unit.book.Publish); fault.Of(err) != fault.Unsigned {
			t.Errorf("with a wrong password: %v", err)
		}
		p, err := unit.people.RotateKey(unit.ctx, "mira", password, unit.book.Publish)
		if err != nil || p.KID == old.KID {
			t.Fatal(p.KID, err)
		}
		private, err := unit.people.Key(unit.ctx, p, password)
		if err != nil {
			t.Fatal(err)
		}
		if err := chirp.knows(unit, courier.Notice); err != nil {
			t.Fatal(err)
		}
		judge := func(k courier.Key) string {
			_, err := courier.Open(t.Context(), letter(t, clock.Now(), "unit", "chirp", k, unit.agencyKey()), "chirp", clock.Now(), chirp.book)
			if err == nil {
				return ""
			}
			return fault.Code(err)
		}
		now := courier.Key{KID: p.KID, Private: private}
		if a, b := judge(old), judge(now); a != "" || b != "" {
			t.Errorf("after the rotation: the old key %q, the new one %q", a, b)
		}
		clock.add(31 * 24 * time.Hour)
		if a, b := judge(old), judge(now); a != courier.KeyExpired || b != "" {
			t.Errorf("a month later: the old key %q, the new one %q", a, b)
		}
		if _, err := courier.Open(t.Context(), letter(t, noon, "unit", "chirp", now, unit.agencyKey()), "chirp", noon.Add(25*time.Hour), chirp.book); fault.Code(err) != courier.SignedBeforeKey {
			t.Errorf("dated before the new key: %v", err)
		}
		unit.verify()
	})
}

// keys.json after a rotation is what a restart reads, and the old root cannot speak any more.
func TestRootSuccession(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clock := &movable{at: noon}
		unit, chirp := newHouse(t, storetest.SQLite(t), clock, "unit"), newHouse(t, db, clock, "chirp")
		if err := chirp.knows(unit, courier.Notice); err != nil {
			t.Fatal(err)
		}
		old, oldSelf := directory.Fingerprint(unit.self.RootPublic()), *unit.self
		for range 2 {
			clock.add(time.Hour)
			if err := unit.self.RotateRoot(clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
		again, made, err := directory.OpenSelf(unit.dir, []directory.Desk{directory.Unit})
		if err != nil || made || !again.RootPublic().Equal(unit.self.RootPublic()) {
			t.Fatalf("the folder's root key is not the new one (%v)", err)
		}
		unit.open(again)
		if err := unit.book.Renew(unit.ctx); err != nil {
			t.Fatal(err)
		}
		jws, e := unit.own()
		if err := chirp.knows(unit, courier.Notice); err != nil {
			t.Fatal(err)
		}
		peers, err := chirp.book.Peers(chirp.ctx, db.Reader())
		if err != nil || peers[0].Fingerprint != directory.Fingerprint(again.RootPublic()) || peers[0].Fingerprint == old {
			t.Errorf("the pin did not follow: %+v, %v", peers, err)
		}
		// Whoever pins now by the old fingerprint arrives at the same.
		if got, err := directory.VerifyEntry(jws, old, clock.Now(), 0); err != nil || got.Root() != e.Root() {
			t.Errorf("by the old fingerprint: %v", err)
		}
		take := func(jws []byte) error {
			return db.Write(chirp.ctx, func(ctx context.Context, tx *store.Tx) error {
				_, err := chirp.book.Take(ctx, tx, "unit", jws)
				return err
			})
		}
		sign := func(root ed25519.PrivateKey, change func(*directory.Entry), successions ...string) []byte {
			t.Helper()
			f := e
			f.Version++
			change(&f)
			b, err := directory.Sign(f, root, successions...)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		same := func(*directory.Entry) {}
		_, thief, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		var statements struct {
			Successions []string `json:"successions"`
		}
		body, err := courier.Body(jws)
		if err == nil {
			err = json.Unmarshal(body, &statements)
		}
		if err != nil || len(statements.Successions) != 2 {
			t.Fatalf("%d successions, %v", len(statements.Successions), err)
		}
		s := statements.Successions
		oldJWS := sign(oldSelf.Root, same)
		for _, c := range []struct {
			name, code string
			jws        []byte
		}{
			{"the old root, newer version", "wrong_root", oldJWS},
			{"a stranger", "wrong_root", sign(thief, same)},
			{"a stranger behind good successions", "bad_succession", sign(thief, same, s...)},
			{"successions in the wrong order", "bad_succession", sign(again.Root, same, s[1], s[0])},
			{"one succession left out", "bad_succession", sign(again.Root, same, s[0])},
			{"an altered succession", courier.BadCountersignature, sign(again.Root, same, s[0], strings.Replace(s[1], `"signature":"`, `"signature":"AAAA`, 1)[:len(s[1])-3]+`"}]}`)},
			{"an older version", "older_entry", sign(again.Root, func(f *directory.Entry) { f.Version -= 2 }, s...)},
			{"another entry of the same version", "conflicting_entry", sign(again.Root, func(f *directory.Entry) { f.Version--; f.Name = "Kite" }, s...)},
			{"another agency", "other_agency", sign(again.Root, func(f *directory.Entry) { f.Agency = "river" })},
			{"an entry that is not a document", courier.Malformed, []byte("kite")},
			{"an entry that ran out", courier.Expired, sign(again.Root, func(f *directory.Entry) { f.IssuedAt, f.Expires = noon.Add(-time.Hour), noon.Add(-time.Minute) })},
		} {
			err := take(c.jws)
			if fault.Of(err) != fault.Refused || fault.Code(err) != c.code && !(c.name == "an altered succession" && fault.Code(err) != "") {
				t.Errorf("%s: %s %v, want %s", c.name, fault.Code(err), err, c.code)
			} else {
				t.Logf("%-24s  %-36s  %s", fault.Code(err), c.name, fault.Message(err))
			}
		}
		if err := take(sign(again.Root, same, s...)); err != nil {
			t.Errorf("a newer entry: %v", err)
		}
		chirp.verify()
	})
}

// A directory travels as a file: known agencies are renewed, unknown ones named, and documents are judged by it offline.
func TestExportImportJudge(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clock := &movable{at: noon}
		unit, chirp := newHouse(t, storetest.SQLite(t), clock, "unit"), newHouse(t, db, clock, "chirp")
		mira, lost := unit.officer("mira", "DIG"), unit.officer("lost", "DIG")
		if err := chirp.knows(unit, courier.Notice); err != nil {
			t.Fatal(err)
		}
		early := letter(t, clock.Now(), "unit", "chirp", lost, unit.agencyKey())
		good := letter(t, clock.Now(), "unit", "chirp", mira, unit.agencyKey())
		acknowledge := func(document []byte, at time.Time) []byte {
			t.Helper()
			d, _, err := courier.Read(document)
			if err != nil {
				t.Fatal(err)
			}
			body, err := json.Marshal(courier.Answer{Document: d.ID, SHA256: sum(document), Outcome: courier.Received, ReceivedAt: store.Micros(at)})
			if err != nil {
				t.Fatal(err)
			}
			b, err := courier.Seal(courier.Document{Type: courier.Acknowledgement, Issuer: "chirp", Audience: "unit", ID: "ack", IssuedAt: at, Expires: at.Add(time.Hour), Body: body}, chirp.agencyKey())
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		receipt := acknowledge(early, noon.Add(time.Minute))
		clock.add(2 * time.Hour)
		unit.must(func(ctx context.Context, tx *store.Tx) error {
			return unit.book.Revoke(ctx, tx, directory.Revocation{KID: lost.KID, At: noon.Add(time.Hour), Reason: "a lost laptop"})
		})
		if err := chirp.knows(unit, courier.Notice); err != nil {
			t.Fatal(err)
		}
		x, err := chirp.book.Export(chirp.ctx, db.Reader())
		if err != nil {
			t.Fatal(err)
		}
		b, err := x.JSON()
		if err != nil {
			t.Fatal(err)
		}
		read, err := directory.ParseExport(b)
		if err != nil || len(read.Agencies) != 2 || len(read.Agencies[1].Entries) != 2 {
			t.Fatalf("%+v, %v", read, err)
		}
		for _, c := range []struct {
			name            string
			document, ack   []byte
			at              time.Time
			x               *directory.Export
			code            string
			expired, revoke bool
		}{
			{"a good letter", good, nil, clock.Now(), &read, "", false, false},
			{"altered", bytes.Replace(good, []byte(`"signature":"`), []byte(`"signature":"A`), 1), nil, clock.Now(), &read, courier.SignatureEncoding, false, false},
			{"after its time", good, nil, noon.AddDate(0, 2, 0), &read, courier.Expired, true, false},
			{"by a key that is revoked now", early, nil, clock.Now(), &read, courier.KeyRevoked, false, true},
			{"as of before the revocation", early, nil, noon.Add(time.Minute), &read, "", false, true},
			{"received before the revocation", early, receipt, clock.Now(), &read, "", false, true},
			{"received after it", early, acknowledge(early, noon.Add(90*time.Minute)), clock.Now(), &read, courier.KeyRevoked, false, true},
			{"without a directory", good, nil, clock.Now(), nil, "no_directory", false, false},
			{"no document", []byte("kite"), nil, clock.Now(), &read, courier.Malformed, false, false},
		} {
			j, err := directory.Judge(t.Context(), c.document, c.ack, c.x, c.at)
			if err != nil || j.Valid != (c.code == "") || j.Code != c.code || j.Expired != c.expired || (j.Code != "" && j.Reason == "") {
				t.Errorf("%s: %+v, %v; want code %q", c.name, j, err, c.code)
			}
			if c.revoke && (j.Officer == nil || !j.Officer.Revoked) {
				t.Errorf("%s: the revocation is not told: %+v", c.name, j.Officer)
			}
			if j.Valid && (j.Officer.Rank != "DIG" || j.Officer.Name == "" || j.Fingerprint != directory.Fingerprint(unit.self.RootPublic()) || j.Instrument != courier.Notice || j.Number != "UNIT/N/1") {
				t.Errorf("%s: %+v", c.name, j)
			}
		}
		if _, err := directory.Judge(t.Context(), good, receipt, &read, clock.Now()); fault.Code(err) != "other_document" {
			t.Errorf("an acknowledgement of another document: %v", err)
		}

		third := newHouse(t, storetest.SQLite(t), clock, "bureau")
		state := func(pin bool) map[string]string {
			t.Helper()
			done, err := third.book.Import(third.ctx, read, pin)
			if err != nil {
				t.Fatal(err)
			}
			out := map[string]string{}
			for _, i := range done {
				out[i.Agency] = i.State + i.Code
			}
			return out
		}
		if got := state(false); got["unit"] != "not_pinned" || got["chirp"] != "not_pinned" {
			t.Errorf("%v", got)
		}
		if got := state(true); got["unit"] != "taken" || got["chirp"] != "taken" {
			t.Errorf("%v", got)
		}
		if err := third.book.Accepts(third.ctx, "unit", courier.Notice); fault.Code(err) != "instrument_not_allowed" {
			t.Errorf("an import allowed an instrument: %v", err)
		}
		if got := state(true); got["unit"] != "known" {
			t.Errorf("%v", got)
		}
		read.Agencies[1].Entries = read.Agencies[1].Entries[:1] // yesterday's file
		if got := state(false); got["unit"] != "refusedolder_entry" {
			t.Errorf("an older file: %v", got)
		}
		third.verify()
		chirp.verify()
	})
}

func sum(b []byte) string {
	j, _ := directory.Judge(context.Background(), b, nil, nil, noon)
	return j.SHA256
}

// A root key that was stolen is replaced by telephone: the new root starts anew, and the old one is heard no more.
func TestRepin(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clock := &movable{at: noon}
		old, chirp := newHouse(t, storetest.SQLite(t), clock, "unit"), newHouse(t, db, clock, "chirp")
		mira := old.officer("mira", "DIG")
		if err := chirp.knows(old, courier.Notice); err != nil {
			t.Fatal(err)
		}
		again := newHouse(t, storetest.SQLite(t), clock, "unit") // with keys of its own, version 1
		if err := chirp.knows(again, courier.Notice); fault.Code(err) != "other_pin" {
			t.Errorf("another root under a known name: %v", err)
		}
		jws, e := again.own()
		repin := func(jws []byte, fingerprint string) error {
			return db.Write(chirp.ctx, func(ctx context.Context, tx *store.Tx) error {
				_, err := chirp.book.Repin(ctx, tx, "https://unit.example", fingerprint, []string{courier.Notice}, jws)
				return err
			})
		}
		if err := repin(jws, directory.Fingerprint(old.self.RootPublic())); fault.Code(err) != "wrong_root" {
			t.Errorf("by the old fingerprint: %v", err)
		}
		if err := repin(jws, e.Root()); err != nil {
			t.Fatal(err)
		}
		if _, err := courier.Open(t.Context(), letter(t, clock.Now(), "unit", "chirp", mira, old.agencyKey()), "chirp", clock.Now(), chirp.book); fault.Code(err) != courier.UnknownKeyCode {
			t.Errorf("signed by the old keys: %v", err)
		}
		if err := chirp.knows(old); fault.Code(err) != "other_pin" {
			t.Errorf("the old root again: %v", err)
		}
		x, err := chirp.book.Export(chirp.ctx, db.Reader())
		if err != nil || len(x.Agencies[1].Entries) != 1 {
			t.Fatalf("%+v, %v", x, err)
		}
		if _, err := x.Open(clock.Now()); err != nil {
			t.Error(err)
		}
		chirp.verify()
	})
}

// A node from before entries were kept keeps the one that it holds with the next that it takes, and its record verifies.
func TestPeersFromBefore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clock := &movable{at: noon}
		unit, chirp := newHouse(t, storetest.SQLite(t), clock, "unit"), newHouse(t, db, clock, "chirp")
		jws, e := unit.own()
		chirp.must(func(ctx context.Context, tx *store.Tx) error {
			_, err := chirp.log.Insert(ctx, tx, "peer", "directory.pinned", time.Time{}, record.Fields{"agency": "unit", "name": e.Name, "url": e.URL, "fingerprint": e.Root(),
				"version": e.Version, "entry": string(jws), "updated_at": clock.Now()})
			return err
		})
		if x, err := chirp.book.Export(chirp.ctx, db.Reader()); err != nil || len(x.Agencies) != 2 || len(x.Agencies[1].Entries) != 1 {
			t.Errorf("%+v, %v", x, err)
		}
		clock.add(time.Hour)
		unit.officer("mira", "DIG")
		if err := chirp.knows(unit); err != nil {
			t.Fatal(err)
		}
		if x, err := chirp.book.Export(chirp.ctx, db.Reader()); err != nil || len(x.Agencies[1].Entries) != 2 {
			t.Errorf("%+v, %v", x, err)
		}
		chirp.verify()
	})
}

type listed []courier.Passkey

func (l *listed) Passkeys(context.Context, store.Queryer, int64) ([]courier.Passkey, error) {
	return *l, nil
}

// A passkey counts from the entry that first names it until the first that does not.
func TestPasskeysOverTime(t *testing.T) {
	clock := &movable{at: noon}
	h := newHouse(t, storetest.SQLite(t), clock, "unit")
	phone, laptop := courier.Passkey{ID: []byte("phone"), Key: []byte{1}, URL: "https://unit.example"}, courier.Passkey{ID: []byte("laptop"), Key: []byte{2}, URL: "https://unit.example"}
	now := &listed{}
	h.book.UsePasskeys(now)
	h.officer("mira", "DIG")
	for _, l := range []listed{{phone}, {phone, laptop}, {laptop}, {laptop}} {
		clock.add(time.Hour)
		*now = l
		h.must(h.book.Publish)
	}
	_, e := h.own()
	got := e.Officers[0].Passkeys
	if len(got) != 2 || string(got[0].ID) != "laptop" || !got[0].From.Equal(noon.Add(2*time.Hour)) || !got[0].Until.IsZero() ||
		string(got[1].ID) != "phone" || !got[1].From.Equal(noon.Add(time.Hour)) || !got[1].Until.Equal(noon.Add(3*time.Hour)) {
		t.Errorf("%+v", got)
	}
}

func FuzzParseExport(f *testing.F) {
	e := directory.Entry{Agency: "unit", Name: "Unit", URL: "https://unit.example", Jurisdiction: "in", Version: 1, IssuedAt: noon, Expires: noon.Add(time.Hour),
		AgencyKeys: []directory.AgencyKey{{KID: "a", Key: ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey), NotBefore: noon}}}
	root := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	jws, err := directory.Sign(e, root)
	if err != nil {
		f.Fatal(err)
	}
	x := directory.Export{Format: "raksha-directory-1", Agency: "unit", ExportedAt: noon, Agencies: []directory.ExportedAgency{{Agency: "unit", URL: e.URL,
		Fingerprint: directory.Fingerprint(root.Public().(ed25519.PublicKey)), Entries: []string{string(jws)}}}}
	b, err := x.JSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":"raksha-directory-1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := directory.ParseExport(b)
		if err != nil {
			if fault.Of(err) != fault.Refused {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		a, err := x.Open(noon)
		if err != nil {
			if k := fault.Of(err); k != fault.Refused {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		for _, agency := range x.Agencies {
			if e, ok := a.Newest(agency.Agency); !ok || e.Root() != agency.Fingerprint {
				t.Fatalf("opened an agency whose entry is not signed by its fingerprint: %+v", agency)
			}
		}
	})
}
