package platforms_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/store"
)

// An account is known by the platform's own id: its handle may change, and may pass to another.
func TestAccountsByTheirOwnID(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		ensure := func(handle, nativeID string) (a platforms.AccountRow) {
			t.Helper()
			n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
				a, err = n.Register.EnsureAccount(ctx, tx, "chirp.example", handle, nativeID)
				return err
			})
			return a
		}
		named := ensure("@Kite", "")
		if again := ensure("kite", ""); again.ID != named.ID || again.Handle != "kite" || again.State != platforms.Unseen {
			t.Errorf("the same handle: %+v", again)
		}
		if known := ensure("kite", "1001"); known.ID != named.ID || known.NativeID != "1001" {
			t.Errorf("identified: %+v", known)
		}
		if renamed := ensure("river", "1001"); renamed.ID != named.ID {
			t.Errorf("under another handle: %+v", renamed)
		}
		heir := ensure("kite", "1002")
		if heir.ID == named.ID {
			t.Error("an account that took the handle over is taken for the first")
		}
		if newest := ensure("kite", ""); newest.ID != heir.ID {
			t.Errorf("by the handle alone: %+v", newest)
		}
	})
}

// A post is entered once with its media, and a platform's token is nowhere on record.
func TestPostsAndSecrets(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		const token = "a-token-of-the-owner"
		post := platforms.Post{ID: "7", URL: "u", CreatedAt: apptest.Start, Text: "a kite", Media: []platforms.Media{{ID: "m1", Kind: platforms.Image}, {ID: "m2", Kind: platforms.Video}}}
		for range 2 {
			n.Write(func(ctx context.Context, tx *store.Tx) error {
				if err := n.Register.Connect(ctx, tx, platforms.Platform{Host: "chirp.example", Name: "Chirp", Kind: "mastodon", BaseURL: "http://127.0.0.1:1"}, token); err != nil {
					return err
				}
				a, err := n.Register.Saw(ctx, tx, platforms.Account{Host: "chirp.example", ID: "1", Handle: "kite", Bio: "only kites"})
				if err != nil {
					return err
				}
				_, err = n.Register.SawPost(ctx, tx, a.ID, post)
				return err
			})
		}
		for query, want := range map[string]int64{"SELECT COUNT(*) FROM post": 1, "SELECT COUNT(*) FROM media": 2, "SELECT COUNT(*) FROM account": 1, "SELECT COUNT(*) FROM platform": 1} {
			if got := n.Int(query); got != want {
				t.Errorf("%s: %d, want %d", query, got, want)
			}
		}
		if _, err := n.Register.Owned(t.Context(), "chirp.example"); err != nil {
			t.Error(err)
		}
		if _, err := n.Register.Public(t.Context(), "nowhere.example"); fault.Of(err) != fault.NotFound {
			t.Errorf("a platform that is not connected: %v", err)
		}
		entries, err := store.Collect(t.Context(), n.DB.Reader(), scanText, "SELECT public || COALESCE(sealed, '') FROM record_entry")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.Contains(e, token) {
				t.Errorf("the token is on record: %s", e)
			}
		}
	})
}

func scanText(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) }
