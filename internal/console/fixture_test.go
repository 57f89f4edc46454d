package console_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
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
	"raksha.example/raksha/internal/media"
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
	t        *testing.T
	ctx      context.Context
	db       *store.DB
	log      *record.Log
	clock    movable
	law      *rules.Jurisdiction
	self     *directory.Self
	people   *identity.People
	book     *directory.Book
	office   *courier.Office
	queue    *jobs.Queue
	register *platforms.Register
	lists    *lists.Lists
	tips     *intake.Tips
	desk     *triage.Desk
	cases    *casework.Cases
	orders   *orders.Orders
	links    *attribution.Links
	server   *httptest.Server // courier and console
	drafter  identity.Person
	signer   identity.Person
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
	n.tips = intake.New(n.db, n.log, n.clock, n.register, nil, own, n.lists)
	n.desk = triage.New(n.db, n.log, n.clock, n.office, n.register, nil, n.lists, n.tips, own)
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
	mux.Handle("/", console.New(console.Config{DB: n.db, People: n.people, Self: n.self, Book: n.book, Log: n.log, Clock: n.clock, Law: n.law, Simulated: true}))
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
		if _, err = n.people.Add(n.ctx, tx, identity.New{Username: "feed", Name: "Feed", Password: password, Roles: []identity.Role{identity.Reporter}}); err != nil {
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
	return b
}

// seeded is a unit and a platform in the middle of the story: a complaint, a case with two teams, a served takedown order of
// three accounts, a preservation request, a draft, a refused order and a lead.
type seeded struct {
	unit, platform *node
	now            *time.Time
	caseID         int64
	takedown       int64 // the served order
	draft, refused int64
	hostileTip     int64
}

func seed(t *testing.T) seeded {
	t.Helper()
	now := time.Date(2022, 9, 20, 4, 30, 0, 0, time.UTC)
	s := seeded{now: &now}
	s.unit = newNode(t, s.now, "unit.capital", "Cyber Crime Unit, Capital", directory.Unit)
	s.platform = newNode(t, s.now, "chirp", "Chirp", directory.Holder)
	s.platform.knows(s.unit, courier.TakedownOrder, courier.PreservationRequest)
	s.unit.knows(s.platform, courier.Response)
	for _, n := range []*node{s.unit, s.platform} {
		if err := n.queue.Start(n.ctx); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.queue.Stop(context.Background()) })
	}
	s.complain()
	s.investigate()
	s.order()
	s.attribute()
	return s
}

var handles = []string{"kite_one", "kite_two", "kite_three", "river_four", "basket_five"}

func (s *seeded) complain() {
	u := s.unit
	var csv strings.Builder
	csv.WriteString("url,remarks\n")
	for _, h := range handles {
		fmt.Fprintf(&csv, "https://chirp.example/@%s,seen\n", h)
	}
	csv.WriteString("https://chirp.example/@kite_one,again\nnot an address,\n")
	u.write(func(tx *store.Tx) error {
		_, err := u.tips.Import(u.ctx, tx, "DCW/2022/"+hostile, "Women's Commission "+hostile, []byte(csv.String()))
		return err
	})
	u.write(func(tx *store.Tx) error {
		t, err := u.tips.Enter(u.ctx, tx, intake.Tip{Source: intake.FromReport, Class: intake.ClassEnticement, Reporter: "feed", Locator: "https://chirp.example/@basket_six",
			Summary: hostile + " see https://river.example/path", Hints: "phone:+919800000002"})
		s.hostileTip = t.ID
		return err
	})
}

// investigate opens the case: teams, posts, an exact match, a perceptual match that waits, and findings.
func (s *seeded) investigate() {
	u := s.unit
	var tipIDs []int64
	tips, err := intake.List(u.ctx, u.db.Reader(), intake.Filter{Source: intake.FromComplaint})
	if err != nil {
		u.t.Fatal(err)
	}
	for _, tip := range tips {
		tipIDs = append(tipIDs, tip.ID)
	}
	u.write(func(tx *store.Tx) error {
		list, err := u.lists.Create(u.ctx, tx, "Known files", "clearinghouse.example")
		if err != nil {
			return err
		}
		if err := u.lists.Add(u.ctx, tx, list, 0, []lists.Entry{{Kind: lists.SHA256, Value: strings.Repeat("ab", 32), Label: "A1"}, {Kind: lists.PDQ, Value: strings.Repeat("5a", 32), Label: "A2"}}); err != nil {
			return err
		}
		c, err := u.cases.OpenCase(u.ctx, tx, "Accounts named by the commission "+hostile, tipIDs, 0)
		s.caseID = c.ID
		return err
	})
	accounts, err := casework.Accounts(u.ctx, u.db.Reader(), s.caseID)
	if err != nil {
		u.t.Fatal(err)
	}
	u.write(func(tx *store.Tx) error {
		if _, err := u.cases.RegisterFIR(u.ctx, tx, s.caseID); err != nil {
			return err
		}
		for _, name := range []string{"Team 1", "Team 2"} {
			if _, err := u.cases.AddTeam(u.ctx, tx, s.caseID, name); err != nil {
				return err
			}
		}
		for i, a := range accounts {
			if err := s.see(tx, i, a); err != nil {
				return err
			}
		}
		_, err := u.cases.Divide(u.ctx, tx, s.caseID)
		return err
	})
	assigned, err := casework.Assignments(u.ctx, u.db.Reader(), s.caseID, 0, true)
	if err != nil {
		u.t.Fatal(err)
	}
	u.write(func(tx *store.Tx) error {
		for i, a := range assigned {
			finding := "listed_media"
			if i >= 3 {
				finding = "nothing"
			}
			if i == 4 {
				continue // its match waits for a person
			}
			if err := u.cases.Analyse(u.ctx, tx, a.ID, u.drafter.ID, finding, ""); err != nil {
				return err
			}
		}
		for _, a := range accounts[:3] {
			if err := u.cases.Find(u.ctx, tx, s.caseID, a.ID, u.drafter.ID, casework.Offending, "a listed file in its post"); err != nil {
				return err
			}
		}
		return u.cases.Find(u.ctx, tx, s.caseID, accounts[3].ID, u.drafter.ID, casework.Undetermined, "nothing listed was found")
	})
}

// see enters one account's page with one post and its picture, as hashes.
func (s *seeded) see(tx *store.Tx, i int, a casework.Account) error {
	u := s.unit
	bio := "kites and baskets"
	if i < 3 {
		bio = "pay kiteshop@okbank or call +91 98000 00009"
	}
	row, err := u.register.Saw(u.ctx, tx, platforms.Account{Host: a.Host, ID: fmt.Sprint(9000 + i), Handle: a.Handle, DisplayName: hostile, Bio: bio, CreatedAt: s.now.Add(-90 * 24 * time.Hour)})
	if err != nil {
		return err
	}
	post, err := u.register.SawPost(u.ctx, tx, row.ID, platforms.Post{Host: a.Host, ID: fmt.Sprint(100 + i), URL: fmt.Sprintf("https://chirp.example/@%s/%d", a.Handle, 100+i),
		CreatedAt: s.now.Add(-48 * time.Hour), Text: "a kite over the river", Media: []platforms.Media{{ID: fmt.Sprint(500 + i), Kind: platforms.Image}}})
	if err != nil {
		return err
	}
	pictures, err := platforms.MediaOf(u.ctx, tx, post)
	if err != nil {
		return err
	}
	result := media.Result{Kind: "image", Bytes: 1234, SHA256: strings.Repeat("ab", 32), MD5: strings.Repeat("cd", 16), PDQ: strings.Repeat("0f", 32), Quality: 100}
	switch i {
	case 3:
		result.SHA256, result.MD5 = strings.Repeat("01", 32), strings.Repeat("02", 16)
	case 4:
		result.SHA256, result.MD5, result.PDQ = strings.Repeat("03", 32), strings.Repeat("04", 16), strings.Repeat("5a", 31)+"5b"
	}
	hashed := platforms.HashedRow(result, nil)
	hashed.ID = pictures[0].ID
	if err := u.register.Hashed(u.ctx, tx, hashed); err != nil {
		return err
	}
	_, err = u.lists.KeepMatches(u.ctx, tx, hashed.ID, result)
	if err != nil {
		return err
	}
	return u.links.SawText(u.ctx, tx, s.caseID, row.ID, 0, row.Bio)
}

// order serves a preservation request and a takedown order, and enters what the holder answered.
func (s *seeded) order() {
	u := s.unit
	accounts, err := casework.Accounts(u.ctx, u.db.Reader(), s.caseID)
	if err != nil {
		u.t.Fatal(err)
	}
	var ids []int64
	for _, a := range accounts[:3] {
		ids = append(ids, a.ID)
	}
	draft := func(instrument, subject string, preservation int64) (id int64) {
		u.write(func(tx *store.Tx) error {
			f, err := u.orders.Draft(u.ctx, tx, orders.Request{Instrument: instrument, Audience: "chirp", Subject: subject, CaseID: s.caseID, AccountIDs: ids, PreservationID: preservation,
				Content: orders.Content{Reasons: "Listed files were found in public posts. " + hostile}}, u.drafter.ID)
			id = f.ID
			return err
		})
		return id
	}
	preservation := draft(courier.PreservationRequest, "Keep the data of three accounts", 0)
	if f := u.send(preservation); f.State != "acknowledged" {
		u.t.Fatalf("the preservation request is %s: %s", f.State, f.Refusal)
	}
	s.takedown = draft(courier.TakedownOrder, "Block three accounts "+hostile, preservation)
	u.send(s.takedown)
	s.refused = draft(courier.InformationRequest, "Who holds three accounts", 0)
	if f := u.send(s.refused); f.State != "refused" { // the platform was not told to take these from the unit
		u.t.Fatalf("the information request is %s", f.State)
	}
	s.draft = draft(courier.TakedownOrder, "Block them, second batch", preservation)

	*s.now = s.now.Add(5 * time.Hour)
	items, err := courier.Items(u.ctx, u.db.Reader(), s.takedown)
	if err != nil {
		u.t.Fatal(err)
	}
	u.write(func(tx *store.Tx) error {
		for i, it := range items {
			it.State, it.EffectedAt = "account_suspended", store.Micros(*s.now)
			if i == 0 {
				it.Verified, it.VerifiedAt = "gone", store.Micros(*s.now)
			}
			if i == 2 {
				it.State, it.Reason = "not_found", "no such account "+hostile
			}
			if err := u.office.SetItem(u.ctx, tx, it, "document.item_answered"); err != nil {
				return err
			}
		}
		return u.office.SetState(u.ctx, tx, s.takedown, "partially_complied")
	})
}

// attribute computes clusters and makes a lead of the first.
func (s *seeded) attribute() {
	u := s.unit
	var clusters []attribution.Cluster
	u.write(func(tx *store.Tx) (err error) {
		clusters, err = u.links.Compute(u.ctx, tx, s.caseID)
		return err
	})
	if len(clusters) == 0 {
		u.t.Fatal("no cluster was computed from a shared payment handle")
	}
	f, err := courier.ByID(u.ctx, u.db.Reader(), s.takedown)
	if err != nil {
		u.t.Fatal(err)
	}
	u.write(func(tx *store.Tx) error {
		return u.links.Judge(u.ctx, tx, clusters[0].ID, u.signer.ID, attribution.Positive, "the same payment handle "+hostile, []string{f.Number}, "Subject "+hostile)
	})
	u.write(func(tx *store.Tx) error {
		return u.cases.EnterMeeting(u.ctx, tx, casework.Meeting{Subject: "Meeting with the platform", Attendees: "Commission; platform " + hostile, Asked: "How fast?\nWho pays? " + hostile, HeldAt: store.Micros(*s.now)})
	})
}
