package app_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/jobs"
)

// A delivery that fails is seen in the API and on the home page; why, by whoever manages the node.
func TestFailuresAreSeen(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		d := newDoor(t, n)
		drafter, signer := officer(t, n, "drafter")[0], officer(t, n, "signer")[0]
		failures := func(token string) (out []jobs.Failure) {
			t.Helper()
			status, answer, _ := d.call(http.MethodGet, "/api/v1/jobs/failures", "", bearer(token))
			if err := json.Unmarshal([]byte(answer), &out); err != nil || status != http.StatusOK {
				t.Fatalf("status %d: %s", status, answer)
			}
			return out
		}
		home := func() string { _, page, _ := d.call(http.MethodGet, "/", "", cookie(d.tokens["lead"])); return page }
		const line = "steps of the node keep failing or were given up"
		if len(failures(d.tokens["lead"])) != 0 || strings.Contains(home(), line) {
			t.Fatal("a new node shows failures")
		}
		other := newAgency(t, "kites", n.Clock.Now()) // answers every delivery with its directory entry, which acknowledges nothing
		peer, err := json.Marshal(map[string]any{"url": other.address, "fingerprint": directory.Fingerprint(other.root.Public().(ed25519.PublicKey)), "instruments": []string{}})
		if err != nil {
			t.Fatal(err)
		}
		d.post(d.tokens["lead"], "/peers", string(peer), http.StatusOK, "", nil)
		var f struct {
			ID int64 `json:"id"`
		}
		d.post(drafter, "/notices", `{"audience":"kites","subject":"kite","text":"river"}`, http.StatusOK, "", &f)
		d.post(signer, fmt.Sprintf("/documents/%d/authorisation", f.ID), `{"password":"`+password+`"}`, http.StatusOK, "", nil)
		n.Wait("the delivery to fail", func() bool { return len(failures(d.tokens["lead"])) > 0 })
		got := failures(d.tokens["lead"])
		if len(got) != 1 || got[0].Kind != "deliver" || got[0].Error == "" || got[0].Args != fmt.Sprintf(`{"document_id":%d}`, f.ID) && got[0].Args != fmt.Sprintf(`{"document_id": %d}`, f.ID) || got[0].GivenUp || got[0].Attempts < 1 {
			t.Errorf("failures %+v", got)
		}
		if got := failures(drafter); len(got) != 1 || got[0].Kind != "deliver" || got[0].Error != "" || got[0].Args != "" {
			t.Errorf("to whoever does not manage the node: %+v", got)
		}
		if page := home(); !strings.Contains(page, line+" (deliver: 1)") {
			t.Error("the home page does not tell of the failure")
		}
	})
}
