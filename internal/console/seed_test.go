package console_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/attribution"
	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/orders"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/store"
)

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
		if err != nil {
			return err
		}
		s.caseID = c.ID
		return u.people.Found(u.ctx, tx, c.ID, u.drafter)
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
