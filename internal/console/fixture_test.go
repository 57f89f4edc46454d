package console_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/attribution"
	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/console"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/exchange"
	"raksha.example/raksha/internal/orders"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
	"raksha.example/raksha/internal/triage"
)

const password = "a long test password"

// hostile is text as an outsider may send it.
const hostile = `<script>alert("kite")</script><img src=https://river.example/x onerror=y>&amp;"'`

// movable is a clock that the test sets.
type movable struct{ at *time.Time }

func (m movable) Now() time.Time { return m.at.UTC() }

// node is a node's rooms without its API: the stages' own functions fill it.
type node struct {
	t         *testing.T
	ctx       context.Context
	db        *store.DB
	log       *record.Log
	clock     movable
	law       *rules.Jurisdiction
	self      *directory.Self
	people    *identity.People
	book      *directory.Book
	office    *courier.Office
	queue     *jobs.Queue
	register  *platforms.Register
	lists     *lists.Lists
	exchanges *exchange.Exchanges
	tips      *intake.Tips
	desk      *triage.Desk
	cases     *casework.Cases
	orders    *orders.Orders
	links     *attribution.Links
	server    *httptest.Server // courier and console
	drafter   identity.Person
	signer    identity.Person
}

func newNode(t *testing.T, at *time.Time, agency, name string, desks ...directory.Desk) *node {
	t.Helper()
	n := &node{t: t, ctx: record.WithActor(context.Background(), "person:drafter"), db: storetest.SQLite(t), clock: movable{at}}
	var err error
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	n.self, _, err = directory.OpenSelf(t.TempDir(), desks)
	must(err)
	book, err := rules.Embedded()
	must(err)
	n.law, err = book.Jurisdiction("in")
	must(err)
	signer, err := note.NewSigner(n.self.Checkpoints)
	must(err)
	n.log = record.New(n.db, n.clock, signer, app.Tables())
	n.people = identity.NewPeople(n.db, n.log, n.clock)
	n.book = directory.NewBook(n.self, n.db, n.log, n.people, n.clock)
	n.queue = jobs.New(n.db, slog.New(slog.DiscardHandler))
	client := fetch.New(fetch.Options{AllowLoopback: true})
	own := func() string { return n.self.Profile().Agency }
	n.office = courier.NewOffice(courier.Config{Agency: own, Key: courier.Key{KID: n.self.AgencyKID, Private: n.self.AgencyKey}, DB: n.db, Log: n.log, Jobs: n.queue,
		Clock: n.clock, Directory: n.book, Client: client, Due: func(instrument string, at time.Time) (time.Time, string) {
			r, err := n.law.Rule(instrument, at)
			if err != nil || r.Trigger != rules.OnReceipt {
				return time.Time{}, ""
			}
			return r.Due(at), fmt.Sprintf("%s version %d", r.ID, r.Version)
		}})
	n.register = platforms.NewRegister(n.db, n.log, n.clock, client)
	n.lists, err = lists.Open(n.ctx, n.db, n.log, n.clock, n.office, own)
	must(err)
	n.exchanges = exchange.New(exchange.Config{DB: n.db, Log: n.log, Clock: n.clock, Lists: n.lists, Jobs: n.queue, Agency: own, Client: client, Key: n.self.NodeKey, Logger: slog.New(slog.DiscardHandler)})
	n.tips = intake.New(n.db, n.log, n.clock, n.register, nil, own, n.lists)
	n.desk = triage.New(n.db, n.log, n.clock, n.office, n.law, n.register, nil, n.lists, n.tips, own)
	n.links = attribution.New(n.db, n.log, n.clock, "IN")
	n.cases = casework.New(n.db, n.log, n.clock, n.law, func() string { return n.self.Profile().Station }, n.register, nil, n.lists, n.tips, n.desk, n.links)
	n.orders = orders.New(n.db, n.log, n.clock, n.office, n.law, n.register, n.self, nil)
	for _, instrument := range []string{courier.TakedownOrder, courier.PreservationRequest, courier.InformationRequest} {
		n.office.On(instrument, func(ctx context.Context, tx *store.Tx, in courier.Incoming) error {
			_, err := orders.CheckIncoming(n.law, in, n.clock.Now())
			return err
		})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /courier/v1/documents", n.receive)
	mux.Handle("/", console.New(console.Config{DB: n.db, People: n.people, Self: n.self, Book: n.book, Log: n.log, Clock: n.clock, Law: n.law, Simulated: true, Lists: n.lists, Exchanges: n.exchanges, Triage: n.desk}))
	n.server = httptest.NewServer(mux)
	t.Cleanup(n.server.Close)
	must(n.self.SetUp(directory.Profile{Agency: agency, Name: name, URL: n.server.URL, Jurisdiction: "in", Station: "Cyber", Phone: "+919800000001"}))
	n.write(func(tx *store.Tx) (err error) {
		if n.drafter, err = n.people.Add(n.ctx, tx, identity.New{Username: "drafter", Name: "Asha Rao", Password: password, Roles: []identity.Role{identity.Investigator, identity.Admin}, Rank: "Inspector", AuthorisationRef: "ORD/7"}); err != nil {
			return err
		}
		if n.signer, err = n.people.Add(n.ctx, tx, identity.New{Username: "signer", Name: "Dev Menon", Password: password, Roles: []identity.Role{identity.Authoriser}, Rank: "DCP", AuthorisationRef: "ORD/8"}); err != nil {
			return err
		}
		if _, err = n.people.AddService(n.ctx, tx, identity.NewService{Kind: identity.ReporterService, Name: "feed", Secret: password + " of a service"}, 0); err != nil {
			return err
		}
		return n.book.Publish(n.ctx, tx)
	})
	return n
}

func (n *node) receive(w http.ResponseWriter, r *http.Request) {
	answer, refused, err := n.office.Receive(r.Context(), readAll(r))
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case refused:
		w.WriteHeader(http.StatusForbidden)
	}
	w.Write(answer)
}

// write runs fn in the node's write path.
func (n *node) write(fn func(tx *store.Tx) error) {
	n.t.Helper()
	if err := n.db.Write(n.ctx, func(ctx context.Context, tx *store.Tx) error { return fn(tx) }); err != nil {
		n.t.Fatal(err)
	}
}

// knows makes another node known to this one.
func (n *node) knows(other *node, instruments ...string) {
	n.t.Helper()
	entry, err := other.book.Own(n.ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	n.write(func(tx *store.Tx) error {
		_, err := n.book.Pin(n.ctx, tx, other.server.URL, directory.Fingerprint(other.self.RootPublic()), instruments, entry)
		return err
	})
}

// send authorises a draft and waits until the addressee has answered its delivery.
func (n *node) send(id int64) courier.Filed {
	n.t.Helper()
	private, err := n.people.Key(n.ctx, n.signer, password)
	if err != nil {
		n.t.Fatal(err)
	}
	n.write(func(tx *store.Tx) error {
		_, err := n.orders.Authorise(record.WithActor(n.ctx, "person:signer"), tx, id, n.signer, &courier.Key{KID: n.signer.KID, Private: private})
		return err
	})
	for {
		f, err := courier.ByID(n.ctx, n.db.Reader(), id)
		if err != nil {
			n.t.Fatal(err)
		}
		if f.State != "authorised" {
			return f
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// purposes says in a session what everything is read for.
func (n *node) purposes(b *http.Client) {
	n.t.Helper()
	scopes := []string{"tips", "documents", "matches"}
	cases, err := casework.List(n.ctx, n.db.Reader())
	if err != nil {
		n.t.Fatal(err)
	}
	for _, c := range cases {
		scopes = append(scopes, fmt.Sprintf("case:%d", c.ID))
	}
	for _, scope := range scopes {
		resp, err := b.PostForm(n.server.URL+"/purpose", url.Values{"for": {scope}, "purpose": {"a look at the pages"}, "next": {"/"}})
		if err != nil {
			n.t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusSeeOther {
			n.t.Fatalf("the purpose of %s: status %d", scope, resp.StatusCode)
		}
	}
}

// browser is a person's browser: it keeps cookies and does not follow redirects.
func (n *node) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		n.t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// signedIn gives a browser with a session.
func (n *node) signedIn() *http.Client {
	n.t.Helper()
	b := n.browser()
	resp, err := b.PostForm(n.server.URL+"/sign-in", url.Values{"username": {"drafter"}, "password": {password}})
	if err != nil {
		n.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		n.t.Fatalf("sign-in: status %d", resp.StatusCode)
	}
	n.purposes(b)
	return b
}
