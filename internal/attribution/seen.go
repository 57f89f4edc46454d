package attribution

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/selector"
	"raksha.example/raksha/internal/store"
)

// Selectors reads a case's selectors: by kind, and those that most accounts of the case show first.
func Selectors(ctx context.Context, q store.Queryer, caseID int64) ([]Seen, error) {
	rows, err := sightings(ctx, q, caseID)
	if err != nil {
		return nil, err
	}
	asked, err := askedOf(ctx, q, caseID)
	if err != nil {
		return nil, err
	}
	e := evidence{selectors: map[int64]*seen{}}
	sources := map[int64]map[string]bool{}
	holderAsked := map[int64]bool{}
	for _, r := range rows {
		if r.caseID != caseID {
			continue
		}
		e.add(r)
		if sources[r.selectorID] == nil {
			sources[r.selectorID] = map[string]bool{}
		}
		sources[r.selectorID][r.source] = true
		holderAsked[r.holderOf] = true
	}
	offending, err := offenders(ctx, q, caseID)
	if err != nil {
		return nil, err
	}
	out := []Seen{}
	for id, s := range e.selectors {
		if sources[id] == nil {
			continue
		}
		accounts := map[int64]bool{}
		for _, at := range e.reach(id, nil) {
			for a := range e.selectors[at].accounts {
				accounts[a] = true
			}
		}
		v := Seen{ID: id, Kind: string(s.kind), Value: s.value, Accounts: int64(len(accounts)), Asked: holderAsked[id] || asked[string(s.kind)+":"+s.value]}
		for a := range accounts {
			if offending[a] {
				v.Offending++
			}
		}
		var in []string
		for _, source := range []string{inPost, inBio, inAnswer} {
			if sources[id][source] {
				in = append(in, source)
			}
		}
		v.Sources = strings.Join(in, ", ")
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b Seen) int {
		return cmp.Or(cmp.Compare(slices.Index(selector.Kinds(), selector.Kind(a.Kind)), slices.Index(selector.Kinds(), selector.Kind(b.Kind))),
			cmp.Compare(b.Accounts, a.Accounts), cmp.Compare(a.Value, b.Value))
	})
	return out, nil
}

// offenders gives the accounts of a case that were found to offend.
func offenders(ctx context.Context, q store.Queryer, caseID int64) (map[int64]bool, error) {
	ids, err := store.Collect(ctx, q, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
		"SELECT account_id FROM case_account WHERE case_id = $1 AND finding = 'offending'", caseID)
	out := map[int64]bool{}
	for _, id := range ids {
		out[id] = true
	}
	return out, err
}

// askedOf gives what the case's signed requests for information ask about, as kind:value.
func askedOf(ctx context.Context, q store.Queryer, caseID int64) (map[string]bool, error) {
	locators, err := store.Collect(ctx, q, func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) },
		`SELECT i.kind || ':' || i.locator FROM document_item i JOIN document d ON d.id = i.document_id
		 WHERE d.case_id = $1 AND d.direction = 'out' AND d.instrument = $2 AND d.authorised_at > 0`, caseID, courier.InformationRequest)
	out := map[string]bool{}
	for _, s := range locators {
		out[s] = true
	}
	return out, err
}

// sightingRow is a sighting with its selector.
type sightingRow struct {
	sighting
	kind  selector.Kind
	value string
}

// sightings reads where the selectors of a case were seen, in any case of the node.
func sightings(ctx context.Context, q store.Queryer, caseID int64) ([]sightingRow, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (r sightingRow, err error) {
		return r, rows.Scan(&r.caseID, &r.selectorID, &r.accountID, &r.holderOf, &r.source, &r.kind, &r.value)
	}, `SELECT g.case_id, g.selector_id, COALESCE(g.account_id, 0), COALESCE(g.holder_of_id, 0), g.source, s.kind, s.value
		FROM sighting g JOIN selector s ON s.id = g.selector_id
		WHERE g.selector_id IN (SELECT selector_id FROM sighting WHERE case_id = $1) ORDER BY g.id`, caseID)
}

// add takes one sighting of the case in. Sightings of other cases only add accounts.
func (e *evidence) add(r sightingRow) {
	s := e.selectors[r.selectorID]
	if s == nil {
		s = &seen{id: r.selectorID, accounts: map[int64]bool{}, public: map[int64]bool{}}
		e.selectors[r.selectorID] = s
	}
	s.kind, s.value = r.kind, r.value
	if r.accountID != 0 {
		s.accounts[r.accountID] = true
		if r.source != inAnswer {
			s.public[r.accountID] = true
		}
	}
	if r.holderOf != 0 && r.holderOf != r.selectorID && !slices.Contains(s.behind, r.holderOf) {
		s.behind = append(s.behind, r.holderOf)
	}
}

// gather reads what links are computed from. What holders answered in another case links nobody here; which accounts
// show a selector counts wherever it was seen, since a selector is rare only if it is rare everywhere.
func gather(ctx context.Context, q store.Queryer, caseID int64) (evidence, error) {
	e := evidence{offending: map[int64]bool{}, innocent: map[int64]bool{}, selectors: map[int64]*seen{}, at: map[string]int{}}
	type found struct {
		caseID, account int64
		offending       bool
	}
	findings, err := store.Collect(ctx, q, func(rows *sql.Rows) (f found, err error) {
		var finding string
		err = rows.Scan(&f.caseID, &f.account, &finding)
		f.offending = finding == "offending"
		return f, err
	}, "SELECT case_id, account_id, finding FROM case_account")
	if err != nil {
		return e, err
	}
	guilty := map[int64]bool{}
	for _, f := range findings {
		if f.offending {
			guilty[f.account] = true
			if f.caseID == caseID {
				e.offending[f.account] = true
			}
		}
	}
	rows, err := sightings(ctx, q, caseID)
	if err != nil {
		return e, err
	}
	for _, r := range rows {
		if r.caseID != caseID {
			r.holderOf = 0
			r.source = inAnswer
		}
		e.add(r)
		if r.accountID != 0 && !guilty[r.accountID] {
			e.innocent[r.accountID] = true
		}
	}
	return e, e.addresses(ctx, q)
}

// addresses counts how many accounts were seen at each address, by all that the node knows; or how many selectors whose
// holders were, if those are more. The two are not added up, since the same people stand behind both.
func (e *evidence) addresses(ctx context.Context, q store.Queryer) error {
	type use struct {
		value           string
		account, holder int64
	}
	uses, err := store.Collect(ctx, q, func(rows *sql.Rows) (u use, err error) { return u, rows.Scan(&u.value, &u.account, &u.holder) },
		`SELECT DISTINCT s.value, COALESCE(g.account_id, 0), COALESCE(g.holder_of_id, 0) FROM sighting g JOIN selector s ON s.id = g.selector_id WHERE s.kind = $1`,
		string(selector.IPPortTime))
	if err != nil {
		return err
	}
	accounts, holders := map[string]map[int64]bool{}, map[string]map[int64]bool{}
	note := func(in map[string]map[int64]bool, address string, id int64) {
		if id == 0 {
			return
		}
		if in[address] == nil {
			in[address] = map[int64]bool{}
		}
		in[address][id] = true
		e.at[address] = max(e.at[address], len(in[address]))
	}
	for _, u := range uses {
		address, _ := addressOf(u.value)
		note(accounts, address, u.account)
		note(holders, address, u.holder)
	}
	return nil
}
