package story

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"raksha.example/raksha/internal/platforms"
)

// groups joins accounts that share a key and gives the groups, each sorted, in order.
func groups(ids []string, keys func(id string) []string) [][]string {
	group, owner := map[string]string{}, map[string]string{}
	for _, id := range ids {
		group[id] = id
	}
	var root func(string) string
	root = func(id string) string {
		if group[id] != id {
			group[id] = root(group[id])
		}
		return group[id]
	}
	for _, id := range ids {
		for _, k := range keys(id) {
			if first, ok := owner[k]; ok {
				group[root(id)] = root(first)
			} else {
				owner[k] = id
			}
		}
	}
	byRoot := map[string][]string{}
	for _, id := range slices.Sorted(slices.Values(ids)) {
		byRoot[root(id)] = append(byRoot[root(id)], id)
	}
	return slices.SortedFunc(maps.Values(byRoot), func(a, b []string) int { return slices.Compare(a, b) })
}

var (
	payShape   = regexp.MustCompile(`[a-z]+\.[a-z0-9]+@[a-z]+pay`)
	phoneShape = regexp.MustCompile(`(?:\+91[ -]?|\b0)(7\d{4}) ?(\d{5})`)
	otherShape = regexp.MustCompile(`https://chirp\.example/join/\w+|bc1q\w+`)
)

// checkHolders holds what ties an operator together: public posts do not, platform and payment service together do, and the
// public proxy and a common name would tie too much.
func checkHolders(t *testing.T, w *World) {
	t.Helper()
	truth := w.Truth()
	text := map[string]string{}
	accounts := map[string]Account{}
	for _, a := range w.Accounts {
		accounts[a.ID], text[a.ID] = a, a.Bio
	}
	for _, p := range w.Posts {
		text[p.AccountID] += "\n" + p.Text
	}
	holders := map[string]Holding{}
	for _, h := range w.Holdings() {
		if _, ok := holders[h.Selector]; ok {
			t.Errorf("%s is held twice", h.Selector)
		}
		holders[h.Selector] = h
	}
	public := func(id string) (keys []string) {
		keys = append(payShape.FindAllString(text[id], -1), otherShape.FindAllString(text[id], -1)...)
		for _, m := range phoneShape.FindAllStringSubmatch(text[id], -1) {
			keys = append(keys, "+91"+m[1]+m[2])
		}
		return keys
	}
	platform := func(id string) []string {
		a := accounts[id]
		keys := append(public(id), "e-mail "+a.Email)
		if a.Phone != "" {
			keys = append(keys, a.Phone)
		}
		for _, l := range a.Logins {
			keys = append(keys, l.IP+" "+l.At.Format("2006-01-02 15:04 ")+string(rune(l.Port)))
		}
		return keys
	}
	both := func(id string) []string {
		keys := platform(id)
		for _, k := range public(id) {
			if h := holders[k]; h.Kind == "payment" {
				keys = append(keys, "person "+h.Name+h.Phone)
			}
		}
		return keys
	}
	for _, id := range truth.Offending {
		if len(payShape.FindAllString(text[id], -1)) == 0 {
			t.Errorf("account %s names no way to pay", id)
		}
		for _, k := range public(id) {
			if _, ok := holders[k]; !ok && !strings.HasPrefix(k, "https") && !strings.HasPrefix(k, "bc1") {
				t.Errorf("nobody holds %s", k)
			}
		}
	}
	var want [][]string
	pieces := 0
	for _, op := range truth.Operators {
		want = append(want, slices.Sorted(slices.Values(op)))
		n := len(groups(op, public))
		if len(op) > 1 && n < 2 {
			t.Errorf("public posts alone tie all %d accounts of an operator", len(op))
		}
		if n > 2 && (len(groups(op, platform)) == n || len(groups(op, platform)) == 1) {
			t.Errorf("the platform alone leaves %d of %d pieces", len(groups(op, platform)), n)
		}
		pieces += n
	}
	slices.SortFunc(want, func(a, b []string) int { return slices.Compare(a, b) })
	if got := groups(truth.Offending, public); len(got) != pieces {
		t.Errorf("public posts tie accounts of different operators: %d groups of %d", len(got), pieces)
	}
	got := groups(truth.Offending, both)
	if !slices.EqualFunc(got, want, func(a, b []string) bool { return slices.Equal(a, b) }) {
		t.Errorf("everything together gives %v, want %v", got, want)
	}
}

func TestWeakLinks(t *testing.T) {
	w := generate(t, Default(), Options{})
	truth := w.Truth()
	proxied, shops, names := map[string]bool{}, map[string]bool{}, 0
	for _, a := range w.Accounts {
		for _, l := range a.Logins {
			if slices.Contains(truth.Proxies, l.IP) {
				proxied[a.ID] = true
			}
		}
	}
	for _, p := range w.Posts {
		for _, s := range truth.Shops {
			if strings.Contains(p.Text, s) {
				shops[p.AccountID] = true
			}
		}
	}
	for _, op := range truth.Operators {
		if !slices.ContainsFunc(op, func(id string) bool { return proxied[id] }) {
			t.Errorf("nobody of an operator of %d uses the proxy", len(op))
		}
	}
	if !slices.ContainsFunc(truth.Undecided, func(id string) bool { return proxied[id] }) || len(shops) < 3 {
		t.Errorf("too few weak links among the undecided: %d shops", len(shops))
	}
	for _, h := range w.Holdings() {
		if h.Name == commonName && h.Kind == "payment" {
			names++
		}
	}
	if names < 2 || len(truth.LookAlike) < 5 || len(truth.Reused) != 1 {
		t.Errorf("%d common names, %d look-alikes, %d reused handles", names, len(truth.LookAlike), len(truth.Reused))
	}
}

// TestHoldingsFile holds that what the holders know can be given to a node as the file that it reads.
func TestHoldingsFile(t *testing.T) {
	w := generate(t, Default(), Options{})
	b, err := json.Marshal(w.Holdings())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "holdings.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := platforms.OpenHoldings(path)
	if err != nil || held.Len() != len(w.Holdings()) {
		t.Fatalf("%v, %d of %d", err, held.Len(), len(w.Holdings()))
	}
	for _, h := range w.Holdings() {
		got, err := held.Holder(t.Context(), strings.ToUpper(h.Selector))
		if err != nil || got.Name != h.Name || got.Phone != h.Phone || got.BankRef != h.BankRef || len(got.Logins) != len(h.Logins) {
			t.Errorf("%s: %+v %v", h.Selector, got, err)
		}
	}
}
