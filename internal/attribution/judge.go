package attribution

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Judge enters a person's judgement of a cluster. Positive makes it a lead with a subject of the given name, or one that is
// not named yet; it needs a reason and, as exhibits, the numbers of documents of the same case. Leads that lie within the
// new one are superseded by it. Negative needs a reason; it rejects, and of a lead it brings back the leads that were
// taken into it. Unsure leaves everything as it was.
func (l *Links) Judge(ctx context.Context, tx *store.Tx, clusterID, by int64, verdict, reason string, exhibits []string, name string) error {
	c, err := byID(ctx, tx, clusterID)
	if err != nil {
		return err
	}
	exhibits = tidy(exhibits)
	switch {
	case verdict != Positive && verdict != Negative && verdict != Unsure:
		return fault.New(fault.Invalid, "a verdict is positive, negative or unsure")
	case by <= 0:
		return fault.New(fault.Invalid, "a judgement is a person's; say whose")
	case c.State == Superseded:
		return fault.New(fault.Conflict, "%s is superseded; judge the cluster that took its place", c.Label)
	case verdict != Unsure && strings.TrimSpace(reason) == "":
		return fault.New(fault.Invalid, "say what the judgement rests on")
	case verdict == Positive && len(exhibits) == 0:
		return fault.New(fault.Invalid, "a positive judgement cites at least one document of the case by its number")
	}
	for _, number := range exhibits {
		if err := exhibit(ctx, tx, c.CaseID, number); err != nil {
			return err
		}
	}
	now := l.clock.Now()
	id, err := l.log.Insert(ctx, tx, "judgement", "cluster.judged", time.Time{}, record.Fields{"cluster_id": clusterID, "verdict": verdict, "reason": strings.TrimSpace(reason),
		"exhibits": strings.Join(exhibits, "\n"), "judged_by": by, "judged_at": now})
	if err != nil {
		return err
	}
	switch verdict {
	case Positive:
		if name = strings.TrimSpace(name); name == "" {
			name = "person not named yet, " + c.Label
		}
		if _, err := l.log.Insert(ctx, tx, "subject", "subject.named", time.Time{}, record.Fields{"judgement_id": id, "cluster_id": clusterID, "name": name, "created_at": now}); err != nil {
			return err
		}
		return l.lead(ctx, tx, c)
	case Negative:
		return l.reject(ctx, tx, c)
	}
	return nil
}

// lead makes a cluster a lead and takes narrower leads into it.
func (l *Links) lead(ctx context.Context, tx *store.Tx, c Cluster) error {
	leads, err := clusters(ctx, tx, c.CaseID, "state = 'lead'")
	if err != nil {
		return err
	}
	for _, other := range leads {
		if other.ID != c.ID && within(other, c) {
			if err := l.setState(ctx, tx, other.ID, Superseded); err != nil {
				return err
			}
		}
	}
	if c.State == Lead {
		return nil
	}
	return l.setState(ctx, tx, c.ID, Lead)
}

// reject rejects a cluster and brings back the leads that had been taken into it and into no other.
func (l *Links) reject(ctx context.Context, tx *store.Tx, c Cluster) error {
	if c.State != Rejected {
		if err := l.setState(ctx, tx, c.ID, Rejected); err != nil {
			return err
		}
	}
	if c.State != Lead {
		return nil
	}
	all, err := clusters(ctx, tx, c.CaseID, "state IN ('lead', 'superseded')")
	if err != nil {
		return err
	}
	for _, other := range slices.Backward(all) { // the newest first: of nested ones the widest comes back
		n := len(other.Judgements)
		if other.State != Superseded || n == 0 || !within(other, c) || !stood(other.Judgements) {
			continue
		}
		if slices.ContainsFunc(all, func(wider Cluster) bool { return wider.State == Lead && within(other, wider) }) {
			continue
		}
		if err := l.setState(ctx, tx, other.ID, Lead); err != nil {
			return err
		}
		for i := range all {
			if all[i].ID == other.ID {
				all[i].State = Lead
			}
		}
	}
	return nil
}

// stood tells whether the last judgement that decided anything was positive.
func stood(list []Judgement) bool {
	for _, j := range slices.Backward(list) {
		if j.Verdict != Unsure {
			return j.Verdict == Positive
		}
	}
	return false
}

// exhibit checks that a number is that of a signed document of a case: one that names the case, or an answer to one.
func exhibit(ctx context.Context, q store.Queryer, caseID int64, number string) error {
	var n int64
	if err := q.QueryRowContext(ctx, `SELECT COUNT(*) FROM document d WHERE d.number = $1 AND d.state NOT IN ('draft', 'refused', 'undeliverable')
		AND (d.case_id = $2 OR EXISTS (SELECT 1 FROM document asked WHERE asked.case_id = $2 AND asked.direction = 'out' AND d.direction = 'in'
			AND d.in_reply_to <> '' AND asked.jti = d.in_reply_to AND asked.audience = d.issuer))`, number, caseID).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Invalid, "no signed document of this case has the number %.80q", number)
	}
	return nil
}

// tidy drops blanks and repetitions.
func tidy(numbers []string) (out []string) {
	for _, n := range numbers {
		if n = strings.Join(strings.Fields(n), " "); n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// byID reads one cluster, superseded or not.
func byID(ctx context.Context, q store.Queryer, id int64) (Cluster, error) {
	var caseID int64
	err := q.QueryRowContext(ctx, "SELECT case_id FROM cluster WHERE id = $1", id).Scan(&caseID)
	if errors.Is(err, sql.ErrNoRows) {
		return Cluster{}, fault.New(fault.NotFound, "there is no cluster %d", id)
	}
	if err != nil {
		return Cluster{}, err
	}
	all, err := clusters(ctx, q, caseID, "1 = 1")
	if err != nil {
		return Cluster{}, err
	}
	for _, c := range all {
		if c.ID == id {
			return c, nil
		}
	}
	return Cluster{}, fault.New(fault.NotFound, "there is no cluster %d", id)
}
