package orders_test

import (
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/orders"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/story"
)

func TestMain(m *testing.M) { apptest.Main(m) }

const drafter = 77 // a person's number

// unit is a police node with a registered case over one account.
type unit struct {
	*apptest.Node
	caseID, account int64
	dig             identity.Person
	key             courier.Key
}

// newUnit opens the case over an account with a platform's own id.
func newUnit(t *testing.T, dsn, handle, nativeID string) *unit {
	t.Helper()
	u := &unit{Node: apptest.New(t, dsn, "unit")}
	u.dig, u.key = u.Officer("meera", "DIG")
	u.Write(func(ctx context.Context, tx *store.Tx) error {
		a, err := u.Register.EnsureAccount(ctx, tx, story.Host, handle, nativeID)
		if err != nil {
			return err
		}
		tip, err := u.Tips.Enter(ctx, tx, intake.Tip{Source: intake.FromComplaint, Class: intake.ClassMedia, AccountID: a.ID, OccurredAt: store.Micros(apptest.Start.AddDate(0, -1, 0))})
		if err != nil {
			return err
		}
		c, err := u.Cases.OpenCase(ctx, tx, "Kite", []int64{tip.ID}, 0)
		u.caseID, u.account = c.ID, a.ID
		return err
	})
	return u
}

// offends enters the finding that an order needs.
func (u *unit) offends() {
	id := u.Int("SELECT id FROM case_account WHERE case_id = $1 AND account_id = $2", u.caseID, u.account)
	u.Write(func(ctx context.Context, tx *store.Tx) error {
		return u.Log.Update(ctx, tx, "case_account", "account.offending", time.Time{}, id, record.Fields{"finding": casework.Offending, "basis": "x"})
	})
}

func (u *unit) registered() {
	u.Write(func(ctx context.Context, tx *store.Tx) error {
		_, err := u.Cases.RegisterFIR(ctx, tx, u.caseID)
		return err
	})
}

func (u *unit) request(instrument string) orders.Request {
	return orders.Request{Instrument: instrument, Audience: "platform", Subject: "About an account", CaseID: u.caseID, AccountIDs: []int64{u.account},
		Content: orders.Content{Reasons: "listed media found"}}
}

func (u *unit) draft(r orders.Request) (f courier.Filed, err error) {
	err = u.Try(func(ctx context.Context, tx *store.Tx) (err error) {
		f, err = u.Orders.Draft(ctx, tx, r, drafter)
		return err
	})
	return f, err
}

func (u *unit) mustDraft(t *testing.T, r orders.Request) courier.Filed {
	t.Helper()
	f, err := u.draft(r)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func authorise(n *apptest.Node, id int64, by identity.Person, key courier.Key) error {
	return n.Try(func(ctx context.Context, tx *store.Tx) error {
		_, err := n.Orders.Authorise(ctx, tx, id, by, &key)
		return err
	})
}

// Nothing is drafted, let alone served, without a registered case, a finding, legal basis, reasons, exact identifiers and, for a
// removal, an instruction to preserve.
func TestNothingIncomplete(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		u := newUnit(t, fresh(), "kite", "1001")
		refused := func(what string, r orders.Request, kind fault.Kind) {
			t.Helper()
			if _, err := u.draft(r); err == nil || fault.Of(err) != kind {
				t.Errorf("%s: %v, want %s", what, err, kind)
			}
		}
		full := u.request(courier.PreservationRequest)
		refused("before the FIR", full, fault.Conflict)
		u.registered()
		refused("without a finding", full, fault.Refused)
		u.offends()
		bare, nobody, unknown := full, full, full
		bare.Content.Reasons = " "
		nobody.AccountIDs = nil
		unknown.AccountIDs = []int64{999}
		refused("without reasons", bare, fault.Refused)
		refused("without items", nobody, fault.Refused)
		refused("about an unknown account", unknown, fault.NotFound)
		removal := u.request(courier.TakedownOrder)
		refused("a removal without preservation", removal, fault.Refused)
		removal.PreservationID = u.mustDraft(t, full).ID
		refused("a removal whose preservation was not signed", removal, fault.Refused)
		if err := authorise(u.Node, removal.PreservationID, u.dig, u.key); err != nil {
			t.Fatal(err)
		}
		f := u.mustDraft(t, removal)
		if f.RuleID == "" || len(f.Rule) == 0 || f.Number != "UNIT/TO/2022/0001" {
			t.Errorf("the draft %+v freezes no rule", f)
		}
	})
}

// The drafter never authorises, nor does anybody without rank; of two officers who sign at once one does.
func TestAuthorisation(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		u := newUnit(t, fresh(), "kite", "1001")
		u.registered()
		u.offends()
		f := u.mustDraft(t, u.request(courier.PreservationRequest))
		self := u.dig
		self.ID = drafter
		bare := u.dig
		bare.Rank = ""
		for want, by := range map[string]identity.Person{"drafter_authorises": self, "no_officer": bare} {
			if err := authorise(u.Node, f.ID, by, u.key); fault.Code(err) != want {
				t.Errorf("%v, want %s", err, want)
			}
		}
		second, key := u.Officer("om", "DIG")
		var mu sync.Mutex
		var wg sync.WaitGroup
		signed := 0
		for i := range 8 {
			wg.Go(func() {
				by, k := u.dig, u.key
				if i%2 == 1 {
					by, k = second, key
				}
				err := authorise(u.Node, f.ID, by, k)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					signed++
				} else if fault.Of(err) != fault.Conflict {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if signed != 1 {
			t.Errorf("signed %d times", signed)
		}
		waiting := u.mustDraft(t, u.request(courier.InformationRequest))
		u.Clock.Pass(time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC).Sub(u.Clock.Now()))
		if err := authorise(u.Node, waiting.ID, u.dig, u.key); err != nil && fault.Code(err) != "rule_changed" {
			t.Errorf("a draft of another year's rule: %v", err)
		}
	})
}

// paper is what is fixed of a document once it is signed.
type paper struct{ jws, sha, body, number, audience string }

// papers reads the signed documents of a node by their identifier.
func papers(t *testing.T, n *apptest.Node) map[string]paper {
	t.Helper()
	out := map[string]paper{}
	_, err := store.Collect(context.Background(), n.DB.Reader(), func(rows *sql.Rows) (jti string, err error) {
		var p paper
		err = rows.Scan(&jti, &p.jws, &p.sha, &p.body, &p.number, &p.audience)
		out[jti] = p
		return jti, err
	}, "SELECT jti, jws, sha256, body, number, audience FROM document WHERE jws <> ''")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What is served is received to the byte and never changes on either side, and an order is executed once however often it is taken up.
func TestServedBytesNeverChange(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		site := apptest.NewSite(t, "../story/testdata/small.yaml", clock.Fixed(apptest.Start))
		var target story.Account
		for _, a := range site.World.Accounts {
			if a.CreatedAt.Before(apptest.Start) && (a.GoneAt.IsZero() || a.GoneAt.After(apptest.Start)) {
				target = a
			}
		}
		u, holder := newUnit(t, fresh(), target.Handle, target.ID), apptest.New(t, fresh(), "platform")
		signer, signing := holder.Officer("signer", "DIG")
		site.Connect(holder, apptest.AdminToken)
		u.Know(holder, courier.Response)
		holder.Know(u.Node, courier.PreservationRequest, courier.TakedownOrder, courier.InformationRequest)
		u.registered()
		u.offends()
		seen := map[*apptest.Node]map[string]paper{u.Node: {}, holder: {}}
		unchanged := func(when string) {
			t.Helper()
			for n, before := range seen {
				now := papers(t, n)
				for jti, was := range before {
					if now[jti] != was {
						t.Errorf("%s: document %s of %s has changed", when, was.number, n.Agency)
					}
				}
				seen[n] = now
			}
			for jti, p := range seen[holder] {
				if sent, ok := seen[u.Node][jti]; ok && (sent.jws != p.jws || sent.sha != p.sha) {
					t.Errorf("%s: %s is not received as it was sent", when, p.number)
				}
			}
		}
		serve := func(r orders.Request) courier.Filed {
			t.Helper()
			f := u.mustDraft(t, r)
			if err := authorise(u.Node, f.ID, u.dig, u.key); err != nil {
				t.Fatal(err)
			}
			u.Delivered()
			unchanged("served")
			in, err := courier.ByJTI(t.Context(), holder.DB.Reader(), courier.In, "unit", f.JTI)
			if err != nil {
				t.Fatal(err)
			}
			if n := takeUpAtOnce(t, holder, in.ID, 8); n != 1 {
				t.Errorf("%s was taken up %d times", in.Number, n)
			}
			answer(t, holder, in, signer, signing)
			unchanged("answered")
			return f
		}
		preservation := serve(u.request(courier.PreservationRequest))
		removal := u.request(courier.TakedownOrder)
		removal.PreservationID = preservation.ID
		ordered := serve(removal)
		for id, want := range map[int64]string{preservation.ID: "answered", ordered.ID: "complied"} {
			if f, err := courier.ByID(t.Context(), u.DB.Reader(), id); err != nil || f.State != want || f.ReceivedAt == 0 {
				items, _ := courier.Items(t.Context(), u.DB.Reader(), id)
				t.Errorf("%s is %s, want %s (%v): %+v", f.Number, f.State, want, err, items)
			}
		}
		if acts := site.Acts(); len(acts) != 1 || acts[0].AccountID != target.ID || acts[0].Act != "suspend" {
			t.Errorf("acts %+v, want one suspension of %s", acts, target.ID)
		}
		if err := u.Try(func(ctx context.Context, tx *store.Tx) error {
			_, err := u.Office.Seal(ctx, tx, ordered.ID, "x", 1, &u.key)
			return err
		}); fault.Of(err) != fault.Conflict {
			t.Errorf("sealed again: %v", err)
		}
		removal.SupersedesID = ordered.ID
		if f := u.mustDraft(t, removal); f.Version != 2 || f.SupersedesID != ordered.ID || f.JTI == ordered.JTI {
			t.Errorf("a change is %+v", f)
		}
		unchanged("superseded")
	})
}

// takeUpAtOnce lets several enforcers take a document up at the same moment and counts who did.
func takeUpAtOnce(t *testing.T, n *apptest.Node, id int64, enforcers int) (done int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range enforcers {
		wg.Go(func() {
			err := n.Try(func(ctx context.Context, tx *store.Tx) error { return n.Enforcement.Execute(ctx, tx, id) })
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				done++
			} else if fault.Of(err) != fault.Conflict {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return done
}

// answer waits until every item has its final state, and sends the answer.
func answer(t *testing.T, holder *apptest.Node, in courier.Filed, by identity.Person, key courier.Key) {
	t.Helper()
	var draft courier.Filed
	holder.Wait("the items of "+in.Number, func() bool {
		err := holder.Try(func(ctx context.Context, tx *store.Tx) (err error) {
			draft, err = holder.Enforcement.Answer(ctx, tx, in.ID, drafter)
			return err
		})
		if err != nil && fault.Of(err) != fault.Conflict {
			t.Fatal(err)
		}
		return err == nil
	})
	if err := authorise(holder, draft.ID, by, key); err != nil {
		t.Fatal(err)
	}
	holder.Delivered()
}

// Check names what a document lacks.
func TestCheck(t *testing.T) {
	item := courier.Item{Locator: "https://chirp.example/@kite", Action: "suspend_account"}
	order := orders.Content{LegalBasis: "IT Rules 2021 r.3(1)(d)", Reasons: "x", CaseRef: "FIR 1/2022", PreserveFirst: true}
	without := func(change func(*orders.Content)) orders.Content { c := order; change(&c); return c }
	for i, c := range []struct {
		instrument string
		content    orders.Content
		items      []courier.Item
		ok         bool
	}{
		{courier.TakedownOrder, order, []courier.Item{item}, true},
		{courier.TakedownOrder, order, nil, false},
		{courier.TakedownOrder, order, []courier.Item{item, {Locator: " ", Action: "x"}}, false},
		{courier.TakedownOrder, order, []courier.Item{{Locator: item.Locator}}, false},
		{courier.TakedownOrder, without(func(c *orders.Content) { c.LegalBasis = "" }), []courier.Item{item}, false},
		{courier.TakedownOrder, without(func(c *orders.Content) { c.Reasons = " " }), []courier.Item{item}, false},
		{courier.TakedownOrder, without(func(c *orders.Content) { c.CaseRef = "" }), []courier.Item{item}, false},
		{courier.TakedownOrder, without(func(c *orders.Content) { c.PreserveFirst = false }), []courier.Item{item}, false},
		{courier.InformationRequest, without(func(c *orders.Content) { c.PreserveFirst = false }), []courier.Item{item}, true},
		{courier.Notice, orders.Content{LegalBasis: "x"}, nil, false},
		{courier.Notice, orders.Content{LegalBasis: "x", Text: "y"}, nil, true},
		{courier.Summons, orders.Content{LegalBasis: "x", Matter: "y", HearingAt: 1}, nil, false},
		{courier.Summons, orders.Content{LegalBasis: "x", Matter: "y", HearingAt: 1, Place: "z"}, nil, true},
		{courier.Response, orders.Content{}, nil, false},
		{courier.ActionTakenReport, orders.Content{}, nil, false},
	} {
		if err := orders.Check(c.instrument, c.content, c.items); (err == nil) != c.ok || err != nil && fault.Code(err) != "incomplete" {
			t.Errorf("%d, %s: %v", i, c.instrument, err)
		}
	}
}
