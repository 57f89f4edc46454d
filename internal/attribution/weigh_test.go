package attribution

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"raksha.example/raksha/internal/selector"
)

func TestAddressOf(t *testing.T) {
	for _, c := range []struct{ value, address, port string }{
		{"49.36.1.2:50123@2022-08-31T20:00:00Z", "49.36.1.2", "50123"},
		{"49.36.1.2@2022-08-31T20:00:00Z", "49.36.1.2", ""},
		{"[2001:db8::1]:443@2022-08-31T20:00:00Z", "2001:db8::1", "443"},
		{"2001:db8::1@2022-08-31T20:00:00Z", "2001:db8::1", ""},
	} {
		if address, port := addressOf(c.value); address != c.address || port != c.port {
			t.Errorf("%s: %s %s", c.value, address, port)
		}
	}
}

func TestWeight(t *testing.T) {
	for _, c := range []struct {
		kind    selector.Kind
		value   string
		others  int
		at      int
		through bool // the others show a handle whose holder it belongs to
		want    int64
	}{
		{selector.PaymentHandle, "kite@okpay", 0, 0, false, 95},
		{selector.PaymentHandle, "kite@okpay", 1, 0, false, 70},
		{selector.PaymentHandle, "kite@okpay", 2, 0, false, 0},
		{selector.Phone, "+919800000001", 1, 0, true, 70},
		{selector.Phone, "+919800000001", 2, 0, true, 0},
		{selector.InviteLink, "https://t.me/+abc", 0, 0, false, 60},
		{selector.InviteLink, "https://t.me/+abc", 1, 0, false, 0},
		{selector.URL, "https://news.example/a", 0, 0, false, 30},
		{selector.IPPortTime, "192.0.2.1:4000@2022-08-31T20:00:00Z", 0, 3, false, 70},
		{selector.IPPortTime, "192.0.2.1:4000@2022-08-31T20:00:00Z", 0, 4, false, 0},
		{selector.IPPortTime, "192.0.2.1@2022-08-31T20:00:00Z", 0, 2, false, 0},
	} {
		e := evidence{offending: map[int64]bool{1: true}, innocent: map[int64]bool{}, at: map[string]int{"192.0.2.1": c.at},
			selectors: map[int64]*seen{1: {kind: c.kind, value: c.value, accounts: map[int64]bool{1: true}}, 2: {kind: selector.PaymentHandle, accounts: map[int64]bool{}}}}
		from := e.selectors[1]
		if c.through {
			e.selectors[1].behind = []int64{2}
			from = e.selectors[2]
		}
		for i := range c.others {
			from.accounts[int64(100+i)], e.innocent[int64(100+i)] = true, true
		}
		if got := e.weight(1); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// drawn makes evidence over few accounts and selectors, so that much of it meets.
func drawn(t *rapid.T) evidence {
	e := evidence{offending: map[int64]bool{}, innocent: map[int64]bool{}, selectors: map[int64]*seen{}, at: map[string]int{}}
	accounts := rapid.IntRange(2, 9).Draw(t, "accounts")
	for a := 1; a <= accounts; a++ {
		if rapid.IntRange(0, 3).Draw(t, "innocent") == 0 {
			e.innocent[int64(a)] = true
		} else {
			e.offending[int64(a)] = true
		}
	}
	n := rapid.IntRange(1, 8).Draw(t, "selectors")
	for id := 1; id <= n; id++ {
		kind := rapid.SampledFrom(selector.Kinds()).Draw(t, "kind")
		s := &seen{id: int64(id), kind: kind, value: fmt.Sprintf("%s %d", kind, id), accounts: map[int64]bool{}, public: map[int64]bool{}}
		if kind == selector.IPPortTime {
			address := fmt.Sprintf("192.0.2.%d", id%2)
			s.value = fmt.Sprintf("%s:%d@2022-08-31T20:00:00Z", address, 4000+id)
			e.at[address] = 1 + id%2*9
		}
		for _, a := range rapid.SliceOfN(rapid.Int64Range(1, int64(accounts)), 0, 4).Draw(t, "shown by") {
			s.accounts[a] = true
			s.public[a] = rapid.Bool().Draw(t, "public")
		}
		s.behind = rapid.SliceOfNDistinct(rapid.Int64Range(1, int64(n)), 0, 2, rapid.ID).Draw(t, "behind")
		e.selectors[s.id] = s
	}
	return e
}

// naive joins accounts through every counting selector and every way that answers lead, one pair at a time.
func (e evidence) naive() [][]int64 {
	weights := map[int64]int64{}
	for id := range e.selectors {
		weights[id] = e.weight(id)
	}
	group := map[int64]int64{}
	for a := range e.offending {
		group[a] = a
	}
	for id := range e.selectors {
		if weights[id] < Threshold {
			continue
		}
		var all []int64
		for _, at := range e.reach(id, weights) {
			for a := range e.selectors[at].accounts {
				if e.offending[a] {
					all = append(all, a)
				}
			}
		}
		for _, a := range all {
			for b, g := range group {
				if g == group[a] && b != a && group[all[0]] != g {
					group[b] = group[all[0]]
				}
			}
			group[a] = group[all[0]]
		}
	}
	byGroup := map[int64][]int64{}
	for a, g := range group {
		byGroup[g] = append(byGroup[g], a)
	}
	var out [][]int64
	for _, list := range byGroup {
		slices.Sort(list)
		if len(list) > 1 || e.reachable(list[0], weights) {
			out = append(out, list)
		}
	}
	slices.SortFunc(out, slices.Compare)
	return out
}

func TestComponents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawn(t)
		var got [][]int64
		for _, g := range e.compute() {
			got = append(got, g.accounts)
			for i, link := range g.links {
				if !e.offending[link.AccountID] || !e.offending[link.OtherID] || link.AccountID >= link.OtherID {
					t.Fatalf("link %+v", link)
				}
				if w := e.weight(link.SelectorID); w == 0 || link.Weight > w || link.Weight < 0 || link.Weight > 100 || link.Basis == "" {
					t.Fatalf("link %d %+v over a selector of weight %d", i, link, w)
				}
				if link.Kind == string(selector.IPPortTime) {
					if address, _ := addressOf(link.Value); e.at[address] > proxyAccounts {
						t.Fatalf("a proxy links: %+v", link)
					}
				}
			}
			// The links that tie hold the cluster together by themselves.
			u := union{}
			for _, link := range g.links {
				if link.Weight >= Threshold {
					u.join(link.AccountID, link.OtherID)
				}
			}
			for _, a := range g.accounts {
				if u.root(a) != u.root(g.accounts[0]) {
					t.Fatalf("the links of %v do not hold it together: %+v", g.accounts, g.links)
				}
			}
		}
		slices.SortFunc(got, slices.Compare)
		if want := e.naive(); !same(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// TestOrder holds that the order in which things were seen does not matter: the same evidence under other numbers of
// selectors gives the same clusters and the same number of links.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawn(t)
		ids := make([]int64, len(e.selectors))
		for i := range ids {
			ids[i] = int64(i + 1)
		}
		to := map[int64]int64{}
		for i, id := range rapid.Permutation(ids).Draw(t, "order") {
			to[ids[i]] = id
		}
		other := evidence{offending: e.offending, innocent: e.innocent, selectors: map[int64]*seen{}, at: e.at}
		for id, s := range e.selectors {
			moved := *s
			moved.id, moved.behind = to[id], nil
			for _, b := range slices.Backward(s.behind) {
				moved.behind = append(moved.behind, to[b])
			}
			other.selectors[to[id]] = &moved
		}
		a, b := e.compute(), other.compute()
		if len(a) != len(b) {
			t.Fatalf("%d clusters, then %d", len(a), len(b))
		}
		for i := range a {
			if !slices.Equal(a[i].accounts, b[i].accounts) || len(a[i].links) != len(b[i].links) {
				t.Fatalf("%+v, then %+v", a[i], b[i])
			}
		}
	})
}
