package attribution

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Compute enters what the links of a case's offending accounts tie together, by the rule that Threshold belongs to, and
// gives the clusters as they then stand. A candidate that comes out as it was stays; one that does not is superseded. What a
// person judged stays: a lead with the same accounts takes new links in, a rejected cluster comes back only when something
// new ties it, and a wider or narrower result stands beside them as a candidate.
func (l *Links) Compute(ctx context.Context, tx *store.Tx, caseID int64) ([]Cluster, error) {
	e, err := gather(ctx, tx, caseID)
	if err != nil {
		return nil, err
	}
	old, err := Clusters(ctx, tx, caseID)
	if err != nil {
		return nil, err
	}
	kept := map[int64]bool{}
	var fresh []tied
	for _, t := range e.compute() {
		c := matching(old, t)
		if c == nil {
			fresh = append(fresh, t)
			continue
		}
		kept[c.ID] = true
		if c.State == Lead {
			if err := l.enterLinks(ctx, tx, c.ID, newLinks(c.Links, t.links)); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range old {
		if c.State == Candidate && !kept[c.ID] {
			if err := l.setState(ctx, tx, c.ID, Superseded); err != nil {
				return nil, err
			}
		}
	}
	var number int64
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM cluster WHERE case_id = $1", caseID).Scan(&number); err != nil {
		return nil, err
	}
	for _, t := range fresh {
		number++
		if err := l.enter(ctx, tx, caseID, number, t); err != nil {
			return nil, err
		}
	}
	return Clusters(ctx, tx, caseID)
}

// matching gives the cluster that already says what t says, if there is one.
func matching(old []Cluster, t tied) *Cluster {
	for i := range old {
		c := &old[i]
		if !slices.Equal(c.Accounts, t.accounts) {
			continue
		}
		switch c.State {
		case Lead:
			return c
		case Candidate:
			if slices.Equal(c.Links, t.links) {
				return c
			}
		case Rejected:
			known := map[int64]bool{}
			for _, link := range c.Links {
				known[link.SelectorID] = true
			}
			if !slices.ContainsFunc(t.links, func(link Link) bool { return !known[link.SelectorID] }) {
				return c
			}
		}
	}
	return nil
}

// newLinks gives those of links that do not stand among old ones.
func newLinks(old, links []Link) (out []Link) {
	type key struct{ a, b, selector int64 }
	known := map[key]bool{}
	for _, link := range old {
		known[key{link.AccountID, link.OtherID, link.SelectorID}] = true
	}
	for _, link := range links {
		if !known[key{link.AccountID, link.OtherID, link.SelectorID}] {
			out = append(out, link)
		}
	}
	return out
}

// enter enters a cluster.
func (l *Links) enter(ctx context.Context, tx *store.Tx, caseID, number int64, t tied) error {
	id, err := l.log.Insert(ctx, tx, "cluster", "cluster.computed", time.Time{}, record.Fields{"case_id": caseID, "label": fmt.Sprintf("Cluster %d", number),
		"accounts": len(t.accounts), "state": Candidate, "computed_at": l.clock.Now()})
	if err != nil {
		return err
	}
	for _, a := range t.accounts {
		if _, err := l.log.Insert(ctx, tx, "cluster_member", "cluster.member", time.Time{}, record.Fields{"cluster_id": id, "account_id": a}); err != nil {
			return err
		}
	}
	return l.enterLinks(ctx, tx, id, t.links)
}

func (l *Links) enterLinks(ctx context.Context, tx *store.Tx, clusterID int64, links []Link) error {
	for _, link := range links {
		if _, err := l.log.Insert(ctx, tx, "link_assertion", "cluster.link", time.Time{}, record.Fields{"cluster_id": clusterID, "account_id": link.AccountID,
			"other_id": link.OtherID, "selector_id": link.SelectorID, "weight": link.Weight, "basis": link.Basis}); err != nil {
			return err
		}
	}
	return nil
}

func (l *Links) setState(ctx context.Context, tx *store.Tx, clusterID int64, state string) error {
	return l.log.Update(ctx, tx, "cluster", "cluster."+state, time.Time{}, clusterID, record.Fields{"state": state})
}

// Clusters reads a case's clusters that are not superseded, in order of their entry.
func Clusters(ctx context.Context, q store.Queryer, caseID int64) ([]Cluster, error) {
	return clusters(ctx, q, caseID, "state <> 'superseded'")
}

// clusters reads clusters of a case that meet a condition on the cluster's own columns.
func clusters(ctx context.Context, q store.Queryer, caseID int64, condition string) ([]Cluster, error) {
	byID := map[int64]*Cluster{}
	list, err := store.Collect(ctx, q, func(rows *sql.Rows) (*Cluster, error) {
		c := &Cluster{CaseID: caseID, Accounts: []int64{}, Handles: []string{}, Links: []Link{}, Judgements: []Judgement{}}
		err := rows.Scan(&c.ID, &c.Label, &c.State, &c.ComputedAt)
		byID[c.ID] = c
		return c, err
	}, "SELECT id, label, state, computed_at FROM cluster WHERE case_id = $1 AND "+condition+" ORDER BY id", caseID)
	if err != nil || len(list) == 0 {
		return []Cluster{}, err
	}
	for _, read := range []func(context.Context, store.Queryer, int64, map[int64]*Cluster) error{readMembers, readLinks, readJudgements} {
		if err := read(ctx, q, caseID, byID); err != nil {
			return nil, err
		}
	}
	out := make([]Cluster, len(list))
	for i, c := range list {
		out[i] = *c
	}
	return out, nil
}

func readMembers(ctx context.Context, q store.Queryer, caseID int64, into map[int64]*Cluster) error {
	_, err := store.Collect(ctx, q, func(rows *sql.Rows) (struct{}, error) {
		var cluster, account int64
		var handle string
		err := rows.Scan(&cluster, &account, &handle)
		if c := into[cluster]; c != nil && err == nil {
			c.Accounts, c.Handles = append(c.Accounts, account), append(c.Handles, handle)
		}
		return struct{}{}, err
	}, `SELECT m.cluster_id, m.account_id, a.handle FROM cluster_member m JOIN cluster c ON c.id = m.cluster_id JOIN account a ON a.id = m.account_id
		WHERE c.case_id = $1 ORDER BY m.account_id`, caseID)
	return err
}

func readLinks(ctx context.Context, q store.Queryer, caseID int64, into map[int64]*Cluster) error {
	_, err := store.Collect(ctx, q, func(rows *sql.Rows) (struct{}, error) {
		var cluster int64
		var link Link
		err := rows.Scan(&cluster, &link.AccountID, &link.OtherID, &link.SelectorID, &link.Kind, &link.Value, &link.Weight, &link.Basis)
		if c := into[cluster]; c != nil && err == nil {
			c.Links = append(c.Links, link)
		}
		return struct{}{}, err
	}, `SELECT k.cluster_id, k.account_id, k.other_id, k.selector_id, s.kind, s.value, k.weight, k.basis
		FROM link_assertion k JOIN cluster c ON c.id = k.cluster_id JOIN selector s ON s.id = k.selector_id WHERE c.case_id = $1 ORDER BY k.id`, caseID)
	return err
}

func readJudgements(ctx context.Context, q store.Queryer, caseID int64, into map[int64]*Cluster) error {
	_, err := store.Collect(ctx, q, func(rows *sql.Rows) (struct{}, error) {
		var cluster int64
		var j Judgement
		var exhibits string
		err := rows.Scan(&cluster, &j.ID, &j.Verdict, &j.Reason, &exhibits, &j.JudgedBy, &j.JudgedAt, &j.Subject)
		j.Exhibits = strings.FieldsFunc(exhibits, func(r rune) bool { return r == '\n' })
		if j.Exhibits == nil {
			j.Exhibits = []string{}
		}
		if c := into[cluster]; c != nil && err == nil {
			c.Judgements = append(c.Judgements, j)
			if c.Subject = ""; c.State == Lead {
				c.Subject = lastSubject(c.Judgements)
			}
		}
		return struct{}{}, err
	}, `SELECT j.cluster_id, j.id, j.verdict, j.reason, j.exhibits, j.judged_by, j.judged_at, COALESCE(s.name, '') FROM judgement j JOIN cluster c ON c.id = j.cluster_id
		LEFT JOIN subject s ON s.judgement_id = j.id WHERE c.case_id = $1 ORDER BY j.id`, caseID)
	return err
}

// lastSubject gives the name of the newest positive judgement.
func lastSubject(list []Judgement) string {
	for _, j := range slices.Backward(list) {
		if j.Verdict == Positive {
			return j.Subject
		}
	}
	return ""
}

// within tells whether every account of a stands in b.
func within(a, b Cluster) bool {
	return !slices.ContainsFunc(a.Accounts, func(id int64) bool { return !slices.Contains(b.Accounts, id) })
}
