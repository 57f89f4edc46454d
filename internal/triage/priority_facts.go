package triage

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
)

// Facts are all that a tip's priority is computed from, as they stood at that time. They hold no text of the tip.
type Facts struct {
	Class         string   `json:"class"`
	Source        string   `json:"source"`
	Danger        bool     `json:"danger,omitempty"`
	Escalated     bool     `json:"escalated,omitempty"`    // escalateToHighPriority of a CyberTipline report
	Annotations   []string `json:"annotations,omitempty"`  // names of its reportAnnotations
	VictimNamed   bool     `json:"victim_named,omitempty"` // it has a <victim>
	Person        bool     `json:"person,omitempty"`       // a network address or phone number of whom is reported
	Match         string   `json:"match"`
	Files         int64    `json:"files,omitempty"`
	History       []string `json:"history,omitempty"` // of earlier tips on the account
	Tips          int64    `json:"tips"`              // in the bundle
	Reporters     int64    `json:"reporters"`
	Accounts      int64    `json:"accounts"`
	WaitingHours  int64    `json:"waiting_hours"`
	IncidentHours int64    `json:"incident_hours"` // between the incident and the receipt; -1: the incident is later
	Locator       bool     `json:"locator,omitempty"`
	Account       bool     `json:"account,omitempty"`
	Hints         bool     `json:"hints,omitempty"`
	Hashes        bool     `json:"hashes,omitempty"`
}

// facts reads what a tip's priority rests on. What it costs does not grow with the bundle or the account.
func (d *Desk) facts(ctx context.Context, q store.Queryer, t intake.Tip, n intake.Tally) (Facts, error) {
	f := Facts{Class: t.Class, Source: t.Source, Danger: t.DangerAt != 0, Tips: n.Tips, Reporters: n.Reporters, Accounts: n.Accounts,
		WaitingHours: hours(t.ReceivedAt, store.Micros(d.clock.Now())), IncidentHours: hours(t.OccurredAt, t.ReceivedAt),
		Locator: t.Locator != "", Account: t.AccountID != 0, Hints: t.Hints != "",
		Person: strings.Contains(t.Hints, "ip:") || strings.Contains(t.Hints, "phone:")}
	if err := d.reportFacts(ctx, q, t, &f); err != nil {
		return f, err
	}
	var err error
	if f.Match, f.Files, f.Hashes, err = intake.FilesOf(ctx, q, t); err != nil {
		return f, err
	}
	f.History, err = history(ctx, q, t)
	return f, err
}

func hours(from, to int64) int64 {
	if to < from {
		return -1
	}
	return (to - from) / time.Hour.Microseconds()
}

// reportFacts reads what a provider said of a report as a whole.
func (d *Desk) reportFacts(ctx context.Context, q store.Queryer, t intake.Tip, f *Facts) error {
	if t.Source != intake.FromReport {
		return nil
	}
	query, id := "SELECT content FROM report WHERE tip_id = $1", t.ID
	if t.ReportID != 0 {
		query, id = "SELECT content FROM report WHERE id = $1", t.ReportID
	}
	var content string
	err := q.QueryRowContext(ctx, query, id).Scan(&content)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := intake.ParseReport(strings.NewReader(content))
	if err != nil {
		return nil // it was read when it was taken; erased since
	}
	f.Escalated, f.VictimNamed = strings.TrimSpace(r.Escalate) != "", r.VictimKnown
	f.Annotations = slices.Clone(r.Annotations)
	slices.Sort(f.Annotations)
	return nil
}

// history says what became of earlier tips on the account: of the last twenty of each kind that were acted on.
func history(ctx context.Context, q store.Queryer, t intake.Tip) ([]string, error) {
	if t.AccountID == 0 {
		return nil, nil
	}
	before := t.ID
	if before == 0 {
		before = 1 << 62 // it is being entered
	}
	part := func(state string) string {
		return "SELECT id FROM (SELECT id FROM tip WHERE account_id = $1 AND state = '" + state + "' AND id < $2 ORDER BY id DESC LIMIT 20) " + state
	}
	acted := part("actionable") + " UNION ALL " + part("linked") + " UNION ALL " + part("referred") + " UNION ALL " + part("closed")
	kinds, err := store.Collect(ctx, q, func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) },
		"SELECT DISTINCT COALESCE(o.kind, 'actionable') FROM ("+acted+") t LEFT JOIN outcome o ON o.tip_id = t.id", t.AccountID, before)
	if err != nil {
		return nil, err
	}
	if len(kinds) > 0 && !slices.Contains(kinds, "actionable") {
		kinds = append(kinds, "actionable")
	}
	slices.Sort(kinds)
	return kinds, nil
}
