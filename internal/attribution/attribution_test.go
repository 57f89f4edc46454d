package attribution

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

func TestSightings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, db)
		c := n.newCase()
		a, b := n.account(c, "kite_1", "offending"), n.account(c, "river_2", "offending")
		text := "Fee to Kite.River@okpay (KITE.RIVER@okpay), ask 098000 00001"
		post := n.post(a, text)
		for range 2 { // the same page may be looked at again
			n.write(func(ctx context.Context, tx *store.Tx) error {
				if err := n.SawText(ctx, tx, c, a, post, text); err != nil {
					return err
				}
				return n.SawText(ctx, tx, c, b, 0, "pay kite.river@okpay")
			})
		}
		if got := n.count("SELECT COUNT(*) FROM sighting"); got != 3 {
			t.Errorf("%d sightings", got)
		}
		handle := n.selectorID("payment_handle", "kite.river@okpay")
		doc := n.document(courier.In, "R/1", "", "received", c)
		for range 2 {
			n.produced(c, Answer{SelectorID: handle, DocumentID: doc, Name: "Sunil Kumar", Phone: "+91 98000 00009", Account: "123456789012", BankRef: "XMPL0000001"})
			n.produced(c, Answer{AccountID: a, DocumentID: doc, Email: "Amber@mail.example", Phone: "not given",
				Logins: []platforms.Login{{At: now, IP: "192.0.2.7", Port: 4000}, {At: now, IP: "nowhere", Port: 1}}})
			n.produced(c, Answer{AccountID: b, DocumentID: doc, Name: "Asha Rao"})
		}
		if got := n.count("SELECT COUNT(*) FROM sighting"); got != 7 {
			t.Errorf("%d sightings after the answers", got)
		}
		var name string
		if err := db.Reader().QueryRow("SELECT name FROM sighting WHERE holder_of_id = $1", handle).Scan(&name); err != nil || name != "Sunil Kumar (account 123456789012, branch XMPL0000001)" {
			t.Errorf("%q, %v", name, err)
		}
		if got := n.count("SELECT COUNT(*) FROM sighting WHERE name = 'Asha Rao' AND account_id = $1", b); got != 1 {
			t.Errorf("a name that came alone is kept %d times", got)
		}
		seen, err := Selectors(context.Background(), db.Reader(), c)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, s := range seen {
			lines = append(lines, fmt.Sprint(s.Kind, " ", s.Value, " ", s.Accounts, " ", s.Sources, " ", s.Asked))
		}
		want := []string{
			"payment_handle kite.river@okpay 2 post, bio true",
			"phone +919800000009 2 answer false",
			"phone +919800000001 1 post false",
			"email amber@mail.example 1 answer false",
			"ip_port_time 192.0.2.7:4000@2022-09-22T11:00:00Z 1 answer false",
			"url https://chirp.example/@river_2 1 answer false",
		}
		if strings.Join(lines, "\n") != strings.Join(want, "\n") {
			t.Errorf("selectors:\n%s", strings.Join(lines, "\n"))
		}
		// an asked phone that nobody has answered about yet
		request := n.document(courier.Out, "IR/1", "", "acknowledged", c)
		n.insert("document_item", map[string]any{"document_id": request, "n": 1, "kind": "phone", "locator": "+919800000001", "state": "pending"})
		if seen, err = Selectors(context.Background(), db.Reader(), c); err != nil || !seen[2].Asked {
			t.Errorf("%+v, %v", seen[2], err)
		}
		for _, bad := range []Answer{{}, {AccountID: a, SelectorID: handle}} {
			err := db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error { return n.Produced(ctx, tx, c, bad) })
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		n.verify()
	})
}

// TestRecompute follows a case: two pieces, an answer that joins them, judgements, and what stays and goes.
func TestRecompute(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, db)
		c := n.newCase()
		var acc []int64
		for i := range 4 {
			acc = append(acc, n.account(c, fmt.Sprintf("kite_%d", i), "offending"))
		}
		silent := n.account(c, "basket", "offending")
		shopper := n.account(c, "willow", "undetermined")
		customer := n.account(c, "tulip", "undetermined")
		n.says(c, acc[0], "fee to kite.river@okpay")
		n.says(c, acc[1], "fee to kite.river@okpay, buy at stall.one@okpay")
		n.says(c, acc[2], "fee to amber.river@okpay")
		n.says(c, acc[3], "fee to amber.river@okpay, buy at stall.one@okpay")
		n.says(c, shopper, "the stall takes stall.one@okpay")
		n.says(c, customer, "paid stall.one@okpay")
		n.says(c, silent, "three kites")

		first := n.compute(c)
		if !same(sets(first), [][]int64{acc[:2], acc[2:]}) {
			t.Fatalf("first: %v", sets(first))
		}
		if l := first[0].Links; len(l) != 1 || l[0].Weight != 95 || l[0].Basis != "payment handle, seen with 2 accounts, nowhere else" || l[0].Value != "kite.river@okpay" {
			t.Errorf("links %+v", l)
		}
		if h := first[1].Handles; len(h) != 2 || h[0] != "kite_2" || first[0].Label != "Cluster 1" || first[0].State != Candidate {
			t.Errorf("%+v", first)
		}
		again := n.compute(c)
		if len(again) != 2 || again[0].ID != first[0].ID || again[1].ID != first[1].ID {
			t.Errorf("nothing changed, but %+v", again)
		}

		n.document(courier.Out, "IR/1", "", "acknowledged", c)
		n.document(courier.In, "R/1", "jti-IR/1", "received", 0)
		n.document(courier.Out, "IR/2", "", "draft", c)
		n.document(courier.Out, "IR/9", "", "acknowledged", n.newCase())
		for _, bad := range []struct {
			verdict, reason string
			exhibits        []string
		}{
			{Positive, "", []string{"IR/1"}}, {Positive, "one payee", nil}, {Positive, "one payee", []string{" "}}, {Positive, "one payee", []string{"IR/2"}},
			{Positive, "one payee", []string{"IR/1", "IR/9"}}, {Positive, "one payee", []string{"none"}}, {Negative, " ", nil}, {"perhaps", "x", []string{"IR/1"}},
		} {
			if err := n.judge(first[0].ID, bad.verdict, bad.reason, bad.exhibits, ""); !errors.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		if err := n.judge(first[0].ID, Positive, "one payee", []string{"R/1", "IR/1", "R/1"}, "Sunil Kumar"); err != nil {
			t.Fatal(err)
		}
		if err := n.judge(first[1].ID, Unsure, "", nil, ""); err != nil {
			t.Fatal(err)
		}
		list := n.compute(c)
		if len(list) != 2 || list[0].State != Lead || list[0].Subject != "Sunil Kumar" || len(list[0].Judgements[0].Exhibits) != 2 || list[1].State != Candidate || len(list[1].Judgements) != 1 {
			t.Fatalf("judged: %+v", list)
		}

		// One customer behind both handles.
		for _, h := range []string{"kite.river@okpay", "amber.river@okpay"} {
			n.produced(c, Answer{SelectorID: n.selectorID("payment_handle", h), Name: "Sunil Kumar", Phone: "+919800000009"})
		}
		list = n.compute(c)
		if !same(sets(list), [][]int64{acc[:2], acc}) || list[0].State != Lead || list[1].State != Candidate {
			t.Fatalf("after the answer: %+v", list)
		}
		var over []string
		for _, l := range list[1].Links {
			over = append(over, l.Basis)
		}
		if len(over) != 3 || over[2] != "phone of the holder of their payment handle, seen with 4 accounts, nowhere else" {
			t.Errorf("links %q", over)
		}
		if got := n.count("SELECT COUNT(*) FROM cluster WHERE case_id = $1", c); got != 3 {
			t.Errorf("%d clusters on record", got)
		}
		if err := n.judge(first[1].ID, Negative, "x", nil, ""); !errors.Is(err, fault.Conflict) {
			t.Errorf("a superseded cluster was judged: %v", err)
		}

		// The wider lead takes the narrower one in, and gives it back when it is taken back.
		wide := list[1].ID
		if err := n.judge(wide, Positive, "one customer", []string{"R/1"}, ""); err != nil {
			t.Fatal(err)
		}
		list = n.compute(c)
		if len(list) != 1 || list[0].ID != wide || list[0].State != Lead || list[0].Subject != "person not named yet, "+list[0].Label {
			t.Fatalf("wider lead: %+v", list)
		}
		if err := n.judge(wide, Negative, "the number was sold on between", nil, ""); err != nil {
			t.Fatal(err)
		}
		list = n.compute(c)
		if !same(sets(list), [][]int64{acc[:2], acc}) || list[0].ID != first[0].ID || list[0].State != Lead || list[0].Subject != "Sunil Kumar" || list[1].State != Rejected || list[1].Subject != "" {
			t.Fatalf("taken back: %+v", list)
		}
		// A rejected cluster comes back only with something new.
		n.says(c, acc[0], "or ask amber@mail.example")
		n.says(c, acc[2], "or ask amber@mail.example")
		list = n.compute(c)
		if !same(sets(list), [][]int64{acc[:2], acc, acc}) || list[1].State != Rejected || list[2].State != Candidate || list[2].ID == wide {
			t.Fatalf("with new evidence: %+v", list)
		}
		n.verify()
	})
}

// TestSharedByOthers holds what does not tie: what ordinary accounts share too, wherever they were seen, and proxies.
func TestSharedByOthers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, db)
		c, other := n.newCase(), n.newCase()
		a, b, d := n.account(c, "kite", "offending"), n.account(c, "river", "offending"), n.account(c, "lamp", "offending")
		for _, x := range []int64{a, b} {
			n.says(c, x, "entry https://chirp.example/join/abcdefgh, more at https://news.example/river")
		}
		got := n.compute(c)
		if !same(sets(got), [][]int64{{a, b}}) || len(got[0].Links) != 2 { // the page supports, the invitation ties
			t.Fatalf("%+v", got)
		}
		n.says(other, n.account(other, "tulip", "undetermined"), "join https://chirp.example/join/abcdefgh")
		if got := n.compute(c); len(got) != 0 {
			t.Errorf("an invitation that others pass on ties %v", sets(got))
		}
		// An account found offending elsewhere takes nothing off.
		third := n.newCase()
		e := n.account(third, "canal", "offending")
		n.says(c, a, "kite.river@okpay")
		n.says(c, d, "kite.river@okpay")
		n.says(third, e, "kite.river@okpay")
		if got := n.compute(c); !same(sets(got), [][]int64{{a, d}}) || got[0].Links[0].Weight != 95 {
			t.Errorf("%+v", got)
		}
		// A payee's phone behind shops as well as behind an offending account's handle.
		n.says(c, b, "amber.kite@okpay")
		for i := range 3 {
			n.says(c, n.account(c, fmt.Sprint("shop", i), "undetermined"), fmt.Sprintf("pay stall.n%d@okpay", i))
			n.produced(c, Answer{SelectorID: n.selectorID("payment_handle", fmt.Sprintf("stall.n%d@okpay", i)), Phone: "+919800000077"})
		}
		for _, h := range []string{"amber.kite@okpay", "kite.river@okpay"} {
			n.produced(c, Answer{SelectorID: n.selectorID("payment_handle", h), Name: "Sunil Kumar", Phone: "+919800000077"})
		}
		if got := n.compute(c); !same(sets(got), [][]int64{{a, d}, {b}}) {
			t.Errorf("the payee of shops ties %v", sets(got))
		}
		n.verify()
	})
}

// TestAddresses holds that one address and port within a minute tie, that neither half of it does, and that an address that
// more accounts use ties nobody, whatever the minute.
func TestAddresses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, db)
		c := n.newCase()
		var acc []int64
		for i := range 8 {
			acc = append(acc, n.account(c, fmt.Sprint("kite", i), "offending"))
		}
		at := func(account int64, seconds int, ip string, port int) {
			n.produced(c, Answer{AccountID: account, Logins: []platforms.Login{{At: now.Add(time.Duration(seconds) * time.Second), IP: ip, Port: port, Event: platforms.SignIn}}})
		}
		at(acc[0], 4, "192.0.2.1", 4000)
		at(acc[1], 50, "192.0.2.1", 4000) // the same minute
		at(acc[2], 61, "192.0.2.1", 4000) // another
		at(acc[3], 4, "192.0.2.2", 4001)
		at(acc[4], 4, "192.0.2.2", 4002) // another port
		at(acc[5], 4, "192.0.2.3", 0)
		at(acc[6], 4, "192.0.2.3", 0) // no port
		if got := n.compute(c); !same(sets(got), [][]int64{acc[:2]}) || got[0].Links[0].Weight != 70 {
			t.Fatalf("%+v", got)
		}
		at(acc[7], 7000, "192.0.2.1", 5000) // a fourth account at the first address
		if got := n.compute(c); len(got) != 0 {
			t.Errorf("a shared address ties %v", sets(got))
		}
	})
}
