package casework_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// open opens a case over one tip of an account of its own.
func open(ctx context.Context, n *apptest.Node, tx *store.Tx, handle string) (casework.Case, error) {
	a, err := n.Register.EnsureAccount(ctx, tx, "chirp.example", handle, "")
	if err != nil {
		return casework.Case{}, err
	}
	tip, err := n.Tips.Enter(ctx, tx, intake.Tip{Source: intake.FromComplaint, Class: intake.ClassMedia, AccountID: a.ID, OccurredAt: store.Micros(apptest.Start.AddDate(0, -1, 0))})
	if err != nil {
		return casework.Case{}, err
	}
	return n.Cases.OpenCase(ctx, tx, "Case of "+handle, []int64{tip.ID}, 0)
}

func newCase(n *apptest.Node, handle string) (c casework.Case) {
	n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
		c, err = open(ctx, n, tx, handle)
		return err
	})
	return c
}

var errFailed = errors.New("failed after the number was taken")

// FIR numbers have no gaps and no doubles, per station and year, whatever fails: 50 registrations at once, some of which fail after
// they have taken their number and try again.
func TestFIRNumbersHaveNoGaps(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		const cases = 50
		for _, year := range []int{2022, 2023} {
			if year == 2023 {
				n.Clock.Pass(time.Date(2022, 12, 31, 20, 0, 0, 0, time.UTC).Sub(n.Clock.Now())) // the new year has begun in India
			}
			var wg sync.WaitGroup
			var mu sync.Mutex
			failed := 0
			for i := range cases {
				id := newCase(n, fmt.Sprintf("kite%d.%d", year, i)).ID
				rng := rand.New(rand.NewPCG(uint64(year), uint64(i)))
				wg.Go(func() {
					for {
						err := n.Try(func(ctx context.Context, tx *store.Tx) error {
							if _, err := n.Cases.RegisterFIR(ctx, tx, id); err != nil {
								return err
							}
							switch rng.IntN(5) {
							case 0:
								return errFailed
							case 1:
								panic(errFailed)
							case 2: // a statement that the database refuses
								_, err := tx.ExecContext(ctx, "INSERT INTO team (case_id, name, created_at) VALUES (-1, '', 0)")
								return err
							}
							return nil
						})
						if err == nil {
							return
						}
						mu.Lock()
						failed++
						mu.Unlock()
						if fault.Of(err) == fault.Conflict {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			if failed == 0 {
				t.Error("nothing failed: the test shows nothing")
			}
			all, err := casework.List(context.Background(), n.DB.Reader())
			if err != nil {
				t.Fatal(err)
			}
			var serials []int64
			for _, c := range all {
				if c.Year == int64(year) {
					serials = append(serials, c.Serial)
					if want := fmt.Sprintf("%d/%d, PS-7", c.Serial, year); c.FIR != want || c.Station != "PS-7" {
						t.Errorf("FIR %q of %q, want %q", c.FIR, c.Station, want)
					}
				}
			}
			slices.Sort(serials)
			for i, s := range serials {
				if s != int64(i+1) {
					t.Fatalf("%d: numbers %v", year, serials)
				}
			}
			if len(serials) != cases {
				t.Errorf("%d: %d registered, want %d", year, len(serials), cases)
			}
		}
		if err := n.Try(func(ctx context.Context, tx *store.Tx) error { _, err := n.Cases.RegisterFIR(ctx, tx, 1); return err }); fault.Of(err) != fault.Conflict {
			t.Errorf("registered twice: %v", err)
		}
	})
}

// Procedure is of the day of registration, substantive law of the day of the offence.
func TestLawIsDated(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		for _, c := range []struct {
			at                  time.Time
			procedure, sections string
		}{
			{apptest.Start, "CrPC", "IPC"},
			{time.Date(2024, 7, 2, 6, 0, 0, 0, time.UTC), "BNSS", "IPC"}, // the offence is of 2022 still
		} {
			n.Clock.Pass(c.at.Sub(n.Clock.Now()))
			v := newCase(n, "river"+c.procedure)
			n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
				v, err = n.Cases.RegisterFIR(ctx, tx, v.ID)
				return err
			})
			if !strings.Contains(v.Procedure, c.procedure) || strings.Contains(v.Sections, "BNS") {
				t.Errorf("registered on %s under %q for %q", c.at.Format("2 January 2006"), v.Procedure, v.Sections)
			}
		}
	})
}

// The shares of the teams are disjoint and cover the posts, however many posts and teams there are and however often more come.
func TestSharesCoverAndAreDisjoint(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		round := 0
		rapid.Check(t, func(r *rapid.T) {
			round++
			c := newCase(n, fmt.Sprintf("basket%d", round))
			account := n.Int("SELECT account_id FROM case_account WHERE case_id = $1", c.ID)
			posts := 0
			for range rapid.IntRange(1, 3).Draw(r, "rounds") {
				teams, more := rapid.IntRange(1, 3).Draw(r, "teams"), rapid.IntRange(0, 12).Draw(r, "posts")
				var divided int
				n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
					for range teams {
						if _, err := n.Cases.AddTeam(ctx, tx, c.ID, fmt.Sprint("team ", n.Clock.Now().UnixMicro())); err != nil {
							return err
						}
						n.Clock.Pass(time.Microsecond)
					}
					for range more {
						posts++
						if _, err := n.Register.SawPost(ctx, tx, account, platforms.Post{ID: fmt.Sprint(posts), URL: "u", CreatedAt: apptest.Start}); err != nil {
							return err
						}
					}
					divided, err = n.Cases.Divide(ctx, tx, c.ID)
					return err
				})
				if divided != more {
					r.Fatalf("%d new posts were divided, want %d", divided, more)
				}
			}
			checkShares(r, n, c.ID, posts)
		})
	})
}

func checkShares(r *rapid.T, n *apptest.Node, caseID int64, posts int) {
	ctx, q := context.Background(), n.DB.Reader()
	teams, err := casework.Teams(ctx, q, caseID)
	if err != nil {
		r.Fatal(err)
	}
	seen := map[int64]bool{}
	for _, team := range teams {
		share, err := casework.Assignments(ctx, q, caseID, team.ID, false)
		if err != nil || int64(len(share)) != team.Posts {
			r.Fatalf("team %d: %d posts, %d counted, %v", team.ID, len(share), team.Posts, err)
		}
		for _, a := range share {
			if seen[a.PostID] {
				r.Fatalf("post %d is in two shares", a.PostID)
			}
			seen[a.PostID] = true
		}
	}
	if len(seen) != posts {
		r.Fatalf("the shares cover %d of %d posts", len(seen), posts)
	}
}

// Nobody is found to offend on less than a listed picture that stands or an earlier case, and no post is closed over an open match.
func TestFindingsNeedSupport(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		c := newCase(n, "kite")
		account := n.Int("SELECT account_id FROM case_account WHERE case_id = $1", c.ID)
		list := n.Insert("hash_list", record.Fields{"name": "kites", "holder": "unit", "own": true, "created_at": apptest.Start})
		var post, assignment, media, match int64
		n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
			if _, err = n.Cases.AddTeam(ctx, tx, c.ID, "one"); err != nil {
				return err
			}
			if post, err = n.Register.SawPost(ctx, tx, account, platforms.Post{ID: "1", URL: "u", CreatedAt: apptest.Start, Media: []platforms.Media{{ID: "m", Kind: platforms.Image}}}); err != nil {
				return err
			}
			_, err = n.Cases.Divide(ctx, tx, c.ID)
			return err
		})
		assignment, media = n.Int("SELECT id FROM assignment WHERE post_id = $1", post), n.Int("SELECT id FROM media WHERE post_id = $1", post)
		analyse := func(finding string) error {
			return n.Try(func(ctx context.Context, tx *store.Tx) error {
				return n.Cases.Analyse(ctx, tx, assignment, 3, finding, "")
			})
		}
		find := func(finding, basis string) error {
			return n.Try(func(ctx context.Context, tx *store.Tx) error {
				return n.Cases.Find(ctx, tx, c.ID, account, 3, finding, basis)
			})
		}
		want := func(what string, err error, kind fault.Kind) {
			t.Helper()
			if err == nil || fault.Of(err) != kind {
				t.Errorf("%s: %v, want %s", what, err, kind)
			}
		}
		want("before it was examined", analyse("nothing"), fault.Conflict)
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			return n.Register.Hashed(ctx, tx, platforms.MediaRow{ID: media, Kind: platforms.Image, SHA256: strings.Repeat("a", 64)})
		})
		want("listed media without a match", analyse("listed_media"), fault.Refused)
		want("no such finding", analyse("kite"), fault.Invalid)
		match = n.Insert("media_match", record.Fields{"media_id": media, "list_id": list, "kind": "pdq", "value": "", "state": "unconfirmed", "found_at": apptest.Start})
		want("over an open match", analyse("nothing"), fault.Conflict)
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			return n.Lists.Decide(ctx, tx, match, 4, "confirmed", "seen")
		})
		want("nothing, over a match that stands", analyse("nothing"), fault.Refused)
		want("offending before any post was analysed", find(casework.Offending, "x"), fault.Refused)
		if err := analyse("listed_media"); err != nil {
			t.Fatal(err)
		}
		want("without a basis", find(casework.Offending, " "), fault.Invalid)
		want("gone, though it was there", find(casework.Gone, "x"), fault.Refused)
		want("no such finding", find("kite", "x"), fault.Invalid)
		if err := find(casework.Offending, "one listed picture"); err != nil {
			t.Fatal(err)
		}
		want("an account of no case", n.Try(func(ctx context.Context, tx *store.Tx) error {
			return n.Cases.Find(ctx, tx, c.ID, 999, 3, casework.Gone, "x")
		}), fault.NotFound)
	})
}

// Somebody is arrested in a registered case, not before now, on grounds.
func TestArrests(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		c := newCase(n, "river")
		arrest := func(a casework.Arrest) error {
			a.CaseID = c.ID
			return n.Try(func(ctx context.Context, tx *store.Tx) error { return n.Cases.EnterArrest(ctx, tx, a) })
		}
		full := casework.Arrest{Name: "A. B.", Place: "Pune", Grounds: "the exhibits", ArrestedAt: apptest.Start}
		if err := arrest(full); fault.Of(err) != fault.Conflict {
			t.Errorf("in a case without FIR: %v", err)
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			_, err := n.Cases.RegisterFIR(ctx, tx, c.ID)
			return err
		})
		late, early, bare := full, full, full
		late.ArrestedAt, early.ArrestedAt, bare.Grounds = apptest.Start.Add(time.Second), apptest.Start.Add(-time.Second), ""
		for name, a := range map[string]casework.Arrest{"tomorrow": late, "before the FIR": early, "on no grounds": bare} {
			if err := arrest(a); fault.Of(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := arrest(full); err != nil {
			t.Fatal(err)
		}
		v, err := casework.ByID(context.Background(), n.DB.Reader(), c.ID)
		if err != nil || v.Arrests != 1 {
			t.Errorf("%d arrests, %v", v.Arrests, err)
		}
	})
}
