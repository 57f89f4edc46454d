package attribution

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"raksha.example/raksha/internal/selector"
)

// The rule by which a selector counts.
//
// It starts from what its kind is worth and loses commonness for every account that shows it, or stands behind it, without
// having been found offending, in any case of the node: a shop's handle is shown by its customers. If that takes it below
// Threshold it counts nothing; in effect two such accounts are too many for a payment handle, and one for an invitation.
// An address counts only with its port and minute, and not at all when more than proxyAccounts accounts were seen at it at
// any time: then it is a proxy or a shared line. Names have no weight.
const (
	Threshold     = 50 // weight from which a link ties
	commonness    = 25 // taken off for each account that is not offending
	proxyAccounts = 3  // more accounts than these at one address make it a shared one
)

// worth is what a selector of a kind is worth when only offending accounts show it. A link to a page is anybody's: it
// supports a tie and makes none.
var worth = map[selector.Kind]int64{
	selector.PaymentHandle: 95,
	selector.Wallet:        95,
	selector.Phone:         95,
	selector.Email:         95,
	selector.IPPortTime:    70,
	selector.InviteLink:    60,
	selector.URL:           30,
}

var called = map[selector.Kind]string{
	selector.PaymentHandle: "payment handle",
	selector.Wallet:        "wallet",
	selector.Phone:         "phone",
	selector.Email:         "e-mail address",
	selector.IPPortTime:    "address and port within one minute",
	selector.InviteLink:    "invitation",
	selector.URL:           "link",
}

// evidence is what a case and the node know when links are computed.
type evidence struct {
	offending map[int64]bool  // accounts of the case that were found offending
	innocent  map[int64]bool  // accounts, of any case, that were not
	selectors map[int64]*seen // of the case
	at        map[string]int  // how many accounts were seen at an address, ports and times apart
}

// seen is a selector with where it was seen.
type seen struct {
	id       int64
	kind     selector.Kind
	value    string
	accounts map[int64]bool // that show it, in any case
	public   map[int64]bool // accounts of the case that show it themselves, in a post or in the profile
	behind   []int64        // selectors whose holder's answer named this one
}

// tied is what belongs together: accounts in order, and why.
type tied struct {
	accounts []int64
	links    []Link
}

// compute gives the clusters: components of the offending accounts under the links that tie, largest first. An account
// that nothing ties is a cluster of its own only if it shows a counting way to be paid or reached: there is an operator to
// be found behind it, whereas an account that shows nothing gives no lead.
func (e evidence) compute() []tied {
	weights := map[int64]int64{}
	for id := range e.selectors {
		weights[id] = e.weight(id)
	}
	parts := union{}
	for id := range e.offending {
		parts.root(id)
	}
	var links []Link
	for _, id := range slices.Sorted(maps.Keys(e.selectors)) {
		for _, link := range e.links(id, weights) {
			if link.Weight >= Threshold {
				parts.join(link.AccountID, link.OtherID)
			}
			links = append(links, link)
		}
	}
	groups := map[int64]*tied{}
	for _, id := range slices.Sorted(maps.Keys(e.offending)) {
		root := parts.root(id)
		if groups[root] == nil {
			groups[root] = &tied{}
		}
		groups[root].accounts = append(groups[root].accounts, id)
	}
	for _, link := range links {
		if root := parts.root(link.AccountID); root == parts.root(link.OtherID) {
			groups[root].links = append(groups[root].links, link)
		}
	}
	out := []tied{}
	for _, g := range groups {
		if len(g.accounts) > 1 || e.reachable(g.accounts[0], weights) {
			out = append(out, *g)
		}
	}
	slices.SortFunc(out, func(a, b tied) int {
		return cmp.Or(cmp.Compare(len(b.accounts), len(a.accounts)), cmp.Compare(a.accounts[0], b.accounts[0]))
	})
	return out
}

// reachable tells whether an account itself shows a selector that counts.
func (e evidence) reachable(account int64, weights map[int64]int64) bool {
	for id, s := range e.selectors {
		if s.public[account] && weights[id] >= Threshold {
			return true
		}
	}
	return false
}

// weight gives what a selector counts, 0 to 100.
func (e evidence) weight(id int64) int64 {
	s := e.selectors[id]
	if s.kind == selector.IPPortTime {
		address, port := addressOf(s.value)
		if port == "" || e.at[address] > proxyAccounts {
			return 0
		}
	}
	w := worth[s.kind]
	if n := int64(len(e.others(id))); n > 0 {
		if w -= commonness * n; w < Threshold {
			return 0
		}
	}
	return w
}

// others gives the accounts that show a selector or stand behind it without having been found offending.
func (e evidence) others(id int64) map[int64]bool {
	out := map[int64]bool{}
	for _, at := range e.reach(id, nil) {
		for a := range e.selectors[at].accounts {
			if e.innocent[a] {
				out[a] = true
			}
		}
	}
	return out
}

// reach gives a selector and those that answers lead from to it, in order of number after it; only counting ones, if
// weights are given.
func (e evidence) reach(id int64, weights map[int64]int64) []int64 {
	done := map[int64]bool{id: true}
	out := []int64{id}
	for i := 0; i < len(out); i++ {
		for _, b := range slices.Sorted(slices.Values(e.selectors[out[i]].behind)) {
			if !done[b] && e.selectors[b] != nil && (weights == nil || weights[b] >= Threshold) {
				done[b] = true
				out = append(out, b)
			}
		}
	}
	slices.Sort(out[1:])
	return out
}

// links gives the links over one selector. Accounts that show it themselves are each an end; of those that show one and the
// same handle whose holder it belongs to, the first is, since that handle links them already. The ends are linked in a
// chain: n-1 links say all that n ends have in common. A link weighs no more than the handles that its ends show.
func (e evidence) links(id int64, weights map[int64]int64) []Link {
	if weights[id] == 0 {
		return nil
	}
	type end struct {
		account, weight int64
		through         string
	}
	ends := map[int64]end{} // by account; one that shows the selector itself stays so
	all := map[int64]bool{}
	for _, at := range e.reach(id, weights) {
		s := e.selectors[at]
		first := true
		for _, a := range slices.Sorted(maps.Keys(s.accounts)) {
			if !e.offending[a] {
				continue
			}
			all[a] = true
			if _, ok := ends[a]; !ok && (at == id || first) {
				way := end{account: a, weight: min(weights[id], weights[at])}
				if at != id {
					way.through = called[s.kind]
				}
				ends[a] = way
			}
			first = false
		}
	}
	s := e.selectors[id]
	var out []Link
	chain := slices.Sorted(maps.Keys(ends))
	for i := 1; i < len(chain); i++ {
		x, y := ends[chain[i-1]], ends[chain[i]]
		out = append(out, Link{AccountID: x.account, OtherID: y.account, SelectorID: id, Kind: string(s.kind), Value: s.value, Weight: min(x.weight, y.weight),
			Basis: basis(s.kind, len(all), len(e.others(id)), x.through, y.through)})
	}
	return out
}

// basis says in words what a link rests on.
func basis(kind selector.Kind, accounts, others int, ways ...string) string {
	var through []string
	for _, w := range ways {
		if w != "" && !slices.Contains(through, w) {
			through = append(through, w)
		}
	}
	s := called[kind]
	if len(through) > 0 {
		s += " of the holder of their " + strings.Join(through, " and ")
	}
	s += fmt.Sprintf(", seen with %d accounts", accounts)
	switch others {
	case 0:
		return s + ", nowhere else"
	case 1:
		return s + " and with 1 that was not found offending"
	}
	return s + fmt.Sprintf(" and with %d that were not found offending", others)
}

// addressOf cuts the address and the port out of 49.36.1.2:50123@2022-08-31T20:00:00Z or [2001:db8::1]:443@...
func addressOf(value string) (address, port string) {
	host, _, _ := strings.Cut(value, "@")
	if i := strings.LastIndexByte(host, ':'); i >= 0 && (strings.HasPrefix(host, "[") || strings.Count(host, ":") == 1) {
		return strings.Trim(host[:i], "[]"), host[i+1:]
	}
	return host, ""
}

// union joins accounts into sets; each set's root is its smallest number, so that order does not matter.
type union map[int64]int64

func (u union) root(a int64) int64 {
	up, ok := u[a]
	if !ok || up == a {
		u[a] = a
		return a
	}
	r := u.root(up)
	u[a] = r
	return r
}

func (u union) join(a, b int64) {
	x, y := u.root(a), u.root(b)
	u[max(x, y)] = min(x, y)
}
