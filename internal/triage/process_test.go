package triage_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

// unconfirmed enters a file with a perceptual match. viewed is what the provider said of it.
func unconfirmed(n *apptest.Node, viewed string) (media, match int64) {
	list := n.Insert("hash_list", record.Fields{"name": "kites " + viewed + time.Now().String(), "holder": n.Agency, "own": true, "created_at": n.Clock.Now()})
	media = n.Insert("media", record.Fields{"kind": "image", "sha256": "ab", "size": 1, "viewed": viewed})
	return media, n.Insert("media_match", record.Fields{"media_id": media, "list_id": list, "kind": "pdq", "value": "cd", "distance": 12, "state": "unconfirmed", "found_at": n.Clock.Now()})
}

func ask(n *apptest.Node, match int64) error {
	return n.Try(func(ctx context.Context, tx *store.Tx) error {
		_, err := n.Triage.RequestOpening(ctx, tx, match, 1, "to decide the match")
		return err
	})
}

// Under the private search doctrine a reported file that its provider has not looked at stays closed until legal process is recorded
// against that file; elsewhere, and for files that no provider reported, the ordinary rules are enough.
func TestViewedByProvider(t *testing.T) {
	apptest.EachIn(t, "us", func(t *testing.T, n *apptest.Node) {
		for viewed, open := range map[string]bool{"": true, "yes": true, "no": false, "unknown": false} {
			media, match := unconfirmed(n, viewed)
			err := ask(n, match)
			if open != (err == nil) || !open && (fault.Code(err) != "legal_process_needed" || fault.Of(err) != fault.Refused) {
				t.Errorf("viewed %q: %v", viewed, err)
			}
			if open {
				continue
			}
			now := store.Micros(n.Clock.Now())
			for name, bad := range map[string]triage.Process{
				"no kind":       {MediaID: media, IssuedBy: "District Court", IssuedAt: now},
				"no number":     {MediaID: media, Kind: triage.Warrant, IssuedBy: "District Court", IssuedAt: now},
				"no court":      {MediaID: media, Kind: triage.Warrant, Number: "22-mj-7", IssuedAt: now},
				"no reason":     {MediaID: media, Kind: triage.Exigency, IssuedBy: "Sgt. Kite", IssuedAt: now},
				"not yet":       {MediaID: media, Kind: triage.Warrant, Number: "22-mj-7", IssuedBy: "District Court", IssuedAt: now + 1e12},
				"another media": {MediaID: media + 99, Kind: triage.Consent, IssuedBy: "the holder", IssuedAt: now},
			} {
				if err := n.Try(func(ctx context.Context, tx *store.Tx) error {
					_, err := n.Triage.RecordProcess(ctx, tx, bad, 1)
					return err
				}); err == nil {
					t.Errorf("%s was taken", name)
				}
			}
			n.Write(func(ctx context.Context, tx *store.Tx) error {
				_, err := n.Triage.RecordProcess(ctx, tx, triage.Process{MediaID: media, Kind: triage.Warrant, Number: "22-mj-7", IssuedBy: "District Court", IssuedAt: now}, 1)
				return err
			})
			if err := ask(n, match); err != nil {
				t.Errorf("viewed %q, with a warrant: %v", viewed, err)
			}
			if _, other := unconfirmed(n, viewed); ask(n, other) == nil {
				t.Error("the warrant opens another file")
			}
			g, err := n.Triage.GateOf(t.Context(), n.DB.Reader(), media)
			if err != nil || !strings.HasPrefix(g.Basis, "warrant 22-mj-7 of District Court") || g.Needs != "" {
				t.Errorf("%+v, %v", g, err)
			}
		}
		// A file that came with a report of which nothing was said is unknown.
		media, match := unconfirmed(n, "")
		report := n.Insert("report", record.Fields{"reporter": "lantern", "state": "open", "class": "media", "content": "x", "opened_at": n.Clock.Now(), "changed_at": n.Clock.Now()})
		n.Insert("report_file", record.Fields{"report_id": report, "file_id": "f", "media_id": media})
		if err := ask(n, match); fault.Code(err) != "legal_process_needed" {
			t.Errorf("a reported file of which nothing was said: %v", err)
		}
	})
	apptest.Each(t, func(t *testing.T, n *apptest.Node) { // India asks for nothing of the kind
		for _, viewed := range []string{"", "yes", "no", "unknown"} {
			if _, match := unconfirmed(n, viewed); ask(n, match) != nil {
				t.Errorf("viewed %q is closed", viewed)
			}
		}
	})
}

// An opening that was approved before is closed too, and looking writes down its basis.
func TestLookAsksTheGate(t *testing.T) {
	apptest.EachIn(t, "us", func(t *testing.T, n *apptest.Node) {
		unlimited(n)
		media, match := unconfirmed(n, "yes")
		var o triage.Opening
		n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
			if o, err = n.Triage.RequestOpening(ctx, tx, match, 1, "to decide the match"); err == nil {
				_, err = n.Triage.ApproveOpening(ctx, tx, o.ID, 2)
			}
			return err
		})
		n.Write(func(ctx context.Context, tx *store.Tx) error { return n.Register.Viewed(ctx, tx, media, "no") }) // the provider corrects itself
		if _, err := n.Triage.Look(t.Context(), o.ID, 1); fault.Code(err) != "legal_process_needed" {
			t.Errorf("looked: %v", err)
		}
	})
}

// What a provider said of a file travels with a referral, from agency to agency.
func TestViewedTravels(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		sender, bureau := apptest.New(t, fresh(), "clearinghouse"), apptest.New(t, fresh(), "bureau")
		officer, key := sender.Officer("ira", "DIG")
		sender.Know(bureau, courier.OutcomeReport)
		bureau.Know(sender, courier.Referral)
		account := sender.Insert("account", record.Fields{"host": "chirp.example", "handle": "kite", "url": "https://chirp.example/@kite", "state": "live", "first_seen_at": sender.Clock.Now()})
		post := sender.Insert("post", record.Fields{"account_id": account, "native_id": "1", "url": "https://chirp.example/@kite/1", "posted_at": sender.Clock.Now(), "seen_at": sender.Clock.Now()})
		for _, viewed := range []string{"yes", "no", "unknown", ""} {
			sender.Insert("media", record.Fields{"post_id": post, "kind": "image", "sha256": "of " + viewed, "viewed": viewed})
		}
		var f courier.Filed
		sender.Write(func(ctx context.Context, tx *store.Tx) error {
			tip, err := sender.Tips.Enter(ctx, tx, intake.Tip{Source: intake.FromReport, Class: intake.ClassMedia, AccountID: account, PostID: post, Hints: "phone:+919800000002", OccurredAt: store.Micros(apptest.Start)})
			if err != nil {
				return err
			}
			f, err = sender.Triage.Refer(ctx, tx, []int64{tip.ID}, "bureau", "Interpol I-24/7", "Indian number", 77)
			return err
		})
		sender.Write(func(ctx context.Context, tx *store.Tx) error {
			_, err := sender.Orders.Authorise(ctx, tx, f.ID, officer, &key)
			return err
		})
		sender.Delivered()
		for _, viewed := range []string{"yes", "no", "unknown", ""} {
			if n := bureau.Int("SELECT COUNT(*) FROM media WHERE sha256 = $1 AND viewed = $2", "of "+viewed, viewed); n != 1 {
				t.Errorf("viewed %q did not travel", viewed)
			}
		}
	})
}
