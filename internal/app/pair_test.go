package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/story"
)

// pair is a police node with a registered case over two accounts, and the node of the platform where they are. One account is
// there; under the handle of the other stands somebody else by now.
type pair struct {
	unit, platform *door
	site           *apptest.Site
	caseID         int64
	there, passed  int64 // the accounts, as the unit knows them
	target         story.Account
	meera, om      courier.Key // of the unit's two officers
}

func newPair(t *testing.T, fresh func() string) *pair {
	t.Helper()
	open := func(agency string) *door {
		n := apptest.NewNamed(t, fresh(), agency)
		return &door{t: t, n: n, client: http.DefaultClient, tokens: map[string]string{}}
	}
	p := &pair{unit: open("unit"), platform: open("platform")}
	u, holder := p.unit.n, p.platform.n
	p.site = apptest.NewSite(t, "../story/testdata/small.yaml", u.Clock)
	p.site.Connect(holder, apptest.AdminToken)
	var live []story.Account
	for _, a := range p.site.World.Accounts {
		if a.CreatedAt.Before(apptest.Start) && (a.GoneAt.IsZero() || a.GoneAt.After(apptest.Start)) {
			live = append(live, a)
		}
	}
	if len(live) < 2 {
		t.Fatal("too few accounts")
	}
	p.target = live[0]
	_, p.meera = u.Officer("meera", "DIG")
	_, p.om = u.Officer("om", "DIG")
	holder.Officer("signer", "DIG")
	p.unit.person("drafter", identity.Investigator)
	p.platform.person("enforcer", identity.Enforcer)
	u.Write(func(ctx context.Context, tx *store.Tx) error {
		drafter, err := u.People.ByUsername(ctx, tx, "drafter")
		if err != nil {
			return err
		}
		var tips []int64
		for _, a := range []struct {
			handle, id string
			account    *int64
		}{{live[0].Handle, live[0].ID, &p.there}, {live[1].Handle, "2", &p.passed}} {
			row, err := u.Register.EnsureAccount(ctx, tx, story.Host, a.handle, a.id)
			if err != nil {
				return err
			}
			*a.account = row.ID
			tip, err := u.Tips.Enter(ctx, tx, intake.Tip{Source: intake.FromComplaint, Class: intake.ClassMedia, AccountID: row.ID, OccurredAt: store.Micros(apptest.Start.AddDate(0, -1, 0))})
			if err != nil {
				return err
			}
			tips = append(tips, tip.ID)
		}
		c, err := u.Cases.OpenCase(ctx, tx, "Kite", tips, 0)
		if err != nil {
			return err
		}
		p.caseID = c.ID
		if err := u.People.Found(ctx, tx, c.ID, drafter); err != nil {
			return err
		}
		if _, err := u.Cases.RegisterFIR(ctx, tx, c.ID); err != nil {
			return err
		}
		accounts, err := casework.Accounts(ctx, tx, c.ID)
		for _, a := range accounts {
			if err := u.Log.Update(ctx, tx, "case_account", "account.offending", time.Time{}, a.CaseAccountID, record.Fields{"finding": casework.Offending, "basis": "x"}); err != nil {
				return err
			}
		}
		return err
	})
	u.Know(holder, courier.Response)
	holder.Know(u, courier.PreservationRequest, courier.TakedownOrder, courier.InformationRequest)
	for d, names := range map[*door][]string{p.unit: {"meera", "om"}, p.platform: {"signer"}} {
		for _, name := range names {
			var v struct{ Token string }
			d.post("", "/session", fmt.Sprintf(`{"username":%q,"password":%q}`, name, password), http.StatusOK, "", &v)
			d.tokens[name] = v.Token
		}
	}
	for _, name := range []string{"meera", "om"} {
		p.unit.post(p.unit.tokens["drafter"], fmt.Sprintf("/cases/%d/members", p.caseID), fmt.Sprintf(`{"username":%q,"relation":"reader"}`, name), http.StatusOK, "", nil)
	}
	return p
}

// draft drafts an order or request over accounts.
func (p *pair) draft(path string, preservation int64, accounts ...int64) courier.Filed {
	p.unit.t.Helper()
	b, err := json.Marshal(map[string]any{"audience": "platform", "case_id": p.caseID, "account_ids": accounts, "reasons": "listed media found", "preservation_id": preservation})
	if err != nil {
		p.unit.t.Fatal(err)
	}
	var f courier.Filed
	p.unit.post(p.unit.tokens["drafter"], path, string(b), http.StatusOK, "", &f)
	return f
}

// sign authorises a document with a password alone.
func (d *door) sign(name string, id int64) {
	d.t.Helper()
	d.post(d.tokens[name], fmt.Sprintf("/documents/%d/authorisation", id), `{"password":"`+password+`"}`, http.StatusOK, "", nil)
	d.n.Delivered()
}

// received finds a document of the unit at the platform.
func (p *pair) received(f courier.Filed) courier.Filed {
	p.unit.t.Helper()
	in, err := courier.ByJTI(p.unit.t.Context(), p.platform.n.DB.Reader(), courier.In, "unit", f.JTI)
	if err != nil {
		p.unit.t.Fatal(err)
	}
	return in
}

// executed takes a document up at the platform and waits until each item has its last state.
func (p *pair) executed(f courier.Filed) (in courier.Filed, states []string) {
	d := p.platform
	d.t.Helper()
	in = p.received(f)
	d.post(d.tokens["enforcer"], fmt.Sprintf("/documents/%d/execution", in.ID), `{}`, http.StatusOK, "", nil)
	d.n.Wait("the items of "+in.Number, func() bool {
		items, err := courier.Items(d.t.Context(), d.n.DB.Reader(), in.ID)
		if err != nil {
			d.t.Fatal(err)
		}
		states = nil
		for _, it := range items {
			if it.State == "pending" || it.State == "preserved" && in.Instrument == courier.TakedownOrder {
				return false
			}
			states = append(states, it.State)
		}
		return true
	})
	return in, states
}

// answer answers an executed document, and waits until the unit has acknowledged it.
func (p *pair) answer(in courier.Filed) {
	d := p.platform
	d.t.Helper()
	var f courier.Filed
	d.post(d.tokens["enforcer"], fmt.Sprintf("/documents/%d/answer", in.ID), `{}`, http.StatusOK, "", &f)
	d.sign("signer", f.ID)
}

// deliver sends bytes to the platform as any machine can, and gives its answer, whose signature the unit verifies.
func (p *pair) deliver(b []byte) (a courier.Answer) {
	t := p.unit.t
	t.Helper()
	resp, err := http.Post(p.platform.n.URL+"/courier/v1/documents", "application/jose+json", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := courier.Open(t.Context(), answer, "unit", p.unit.n.Clock.Now(), p.unit.n.Book)
	if err != nil || opened.Issuer != "platform" || opened.Type != courier.Acknowledgement {
		t.Fatalf("status %d, the answer does not verify: %v: %s", resp.StatusCode, err, answer)
	}
	if err := json.Unmarshal(opened.Body, &a); err != nil {
		t.Fatal(err)
	}
	return a
}
