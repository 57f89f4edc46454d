package scan_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/scan"
	"raksha.example/raksha/internal/story"
)

func TestMain(m *testing.M) { apptest.Main(m) }

const small = "../story/testdata/small.yaml"

// found writes what a scan has counted and which posts became tips.
func found(t *testing.T, n *apptest.Node) string {
	t.Helper()
	states, err := scan.States(context.Background(), n.DB.Reader())
	if err != nil || len(states) != 1 {
		t.Fatalf("scans %+v, %v", states, err)
	}
	s := states[0]
	return fmt.Sprintf("%d posts, %d media, %d matched, to %s; %d tips on %d posts, %d matches", s.Posts, s.Media, s.Matched, s.Position, n.Int("SELECT COUNT(*) FROM tip"),
		n.Int("SELECT COUNT(DISTINCT post_id) FROM tip"), n.Int("SELECT COUNT(*) FROM media_match"))
}

// A scan that is broken off, restarted and run by two at once misses no post and makes no tip twice: it ends as an undisturbed one does.
func TestScanGoesOnWhereItStopped(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		calm, disturbed := apptest.New(t, fresh(), "calm"), apptest.New(t, fresh(), "disturbed")
		site := apptest.NewSite(t, small, calm.Clock)
		site.Connect(calm, "")
		site.Connect(disturbed, "")
		if _, err := calm.Scanner.Backlog(t.Context(), story.Host); err != nil {
			t.Fatal(err)
		}
		want := found(t, calm)
		if n := calm.Int("SELECT COUNT(*) FROM tip"); n == 0 || n != calm.Int("SELECT COUNT(DISTINCT post_id) FROM tip") {
			t.Fatalf("undisturbed: %s", want)
		}
		broken := 0
		for wait := 40 * time.Millisecond; broken < 3; wait += 30 * time.Millisecond {
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			_, err := disturbed.Scanner.Backlog(ctx, story.Host)
			cancel()
			if err == nil {
				break
			}
			broken++
			if broken == 2 {
				disturbed.Restart()
			}
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if _, err := disturbed.Scanner.Backlog(t.Context(), story.Host); err != nil && fault.Of(err) != fault.Conflict {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if _, err := disturbed.Scanner.Backlog(t.Context(), story.Host); err != nil {
			t.Error(err)
		}
		if got := found(t, disturbed); got != want || broken == 0 {
			t.Errorf("broken off %d times: %s\nundisturbed:         %s", broken, got, want)
		}
		if _, err := disturbed.Scanner.Backlog(t.Context(), story.Host); err != nil || found(t, disturbed) != want {
			t.Errorf("scanned again: %s, %v", found(t, disturbed), err)
		}
	})
}

func TestScanRefuses(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		if _, err := n.Scanner.Backlog(t.Context(), "nowhere.example"); fault.Of(err) != fault.NotFound {
			t.Errorf("a platform that is not connected: %v", err)
		}
	})
}
