package triage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Kinds of legal process on which a file is opened that its provider has not looked at.
const (
	Warrant  = "warrant"
	Consent  = "consent"
	Exigency = "exigency"
)

// Process is the legal process recorded against a file.
type Process struct {
	ID        int64  `json:"id"`
	MediaID   int64  `json:"media_id"`
	Kind      string `json:"kind"`
	Number    string `json:"number,omitempty"`
	IssuedBy  string `json:"issued_by,omitempty"` // the court of a warrant, the person who consents, the officer who declares exigency
	Reason    string `json:"reason,omitempty"`    // of an exigency
	IssuedAt  int64  `json:"issued_at"`           // microseconds UTC
	EnteredBy int64  `json:"entered_by"`
	EnteredAt int64  `json:"entered_at"`
}

// RecordProcess enters legal process against a file. It opens that file only, and only from the day on which it was issued.
func (d *Desk) RecordProcess(ctx context.Context, tx *store.Tx, p Process, by int64) (Process, error) {
	p.Number, p.IssuedBy, p.Reason = strings.TrimSpace(p.Number), strings.TrimSpace(p.IssuedBy), strings.TrimSpace(p.Reason)
	now := d.clock.Now()
	switch {
	case p.Kind != Warrant && p.Kind != Consent && p.Kind != Exigency:
		return p, fault.New(fault.Invalid, "legal process is a warrant, a consent or an exigency")
	case p.Kind == Warrant && (p.Number == "" || p.IssuedBy == ""):
		return p, fault.New(fault.Invalid, "a warrant has a number and the court that issued it")
	case p.Kind == Consent && p.IssuedBy == "":
		return p, fault.New(fault.Invalid, "say who consents")
	case p.Kind == Exigency && (p.Reason == "" || p.IssuedBy == ""):
		return p, fault.New(fault.Invalid, "an exigency has its reason and the officer who declares it")
	case p.IssuedAt <= 0 || store.Time(p.IssuedAt).After(now):
		return p, fault.New(fault.Invalid, "say on what day it was issued; it must not lie ahead")
	case len(p.Number) > 200 || len(p.IssuedBy) > 200 || len(p.Reason) > 2000:
		return p, fault.New(fault.Invalid, "number and issuer have at most 200 characters, a reason 2,000")
	}
	var n int64
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM media WHERE id = $1", p.MediaID).Scan(&n); err != nil {
		return p, err
	}
	if n == 0 {
		return p, fault.New(fault.NotFound, "there is no such picture or video")
	}
	id, err := d.log.Insert(ctx, tx, "legal_process", "legal_process.recorded", store.Time(p.IssuedAt), record.Fields{"media_id": p.MediaID, "kind": p.Kind, "number": p.Number,
		"issued_by": p.IssuedBy, "reason": p.Reason, "issued_at": p.IssuedAt, "entered_by": by, "entered_at": now})
	p.ID, p.EnteredBy, p.EnteredAt = id, by, store.Micros(now)
	return p, err
}

// Processes reads the legal process recorded against a file, newest first.
func Processes(ctx context.Context, q store.Queryer, mediaID int64) ([]Process, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (p Process, err error) {
		return p, rows.Scan(&p.ID, &p.MediaID, &p.Kind, &p.Number, &p.IssuedBy, &p.Reason, &p.IssuedAt, &p.EnteredBy, &p.EnteredAt)
	}, "SELECT id, media_id, kind, number, issued_by, reason, issued_at, entered_by, entered_at FROM legal_process WHERE media_id = $1 ORDER BY id DESC", mediaID)
}

// viewedColumn says of the media row m whether the provider that reported it has looked at it: a file that came with a report of which
// nothing was said is unknown.
const viewedColumn = "CASE WHEN m.viewed = '' AND EXISTS (SELECT 1 FROM report_file vf WHERE vf.media_id = m.id) THEN 'unknown' ELSE m.viewed END"

// viewedWord reads what another agency says: anything that is not known is unknown, which keeps the file closed.
func viewedWord(s string) string {
	switch s {
	case "", "yes", "no":
		return s
	}
	return "unknown"
}

// Gate is how a file stands under the law on opening what a provider reported.
type Gate struct {
	Viewed string // by the provider: yes, no, unknown, or empty for a file that no provider reported
	Needs  string // why legal process is needed; empty: it is not
	Basis  string // on what it may be opened; empty if it may not, or if the law asks for nothing
}

// GateOf says whether a file may be opened, and on what basis. The law is this node's own, on the day of the opening: where it follows the
// private search doctrine, a file that the provider has not looked at stays closed until legal process is recorded against it.
func (d *Desk) GateOf(ctx context.Context, q store.Queryer, mediaID int64) (g Gate, err error) {
	err = q.QueryRowContext(ctx, "SELECT "+viewedColumn+" FROM media m WHERE m.id = $1", mediaID).Scan(&g.Viewed)
	if errors.Is(err, sql.ErrNoRows) {
		return g, fault.New(fault.NotFound, "there is no such picture or video")
	}
	rule, asks := d.law.Opening(d.clock.Now())
	switch {
	case err != nil || !asks || g.Viewed == "":
		return g, err
	case g.Viewed == "yes":
		g.Basis = "viewed by the provider; " + rule.LegalBasis
		return g, nil
	}
	all, err := Processes(ctx, q, mediaID)
	if err != nil {
		return g, err
	}
	if len(all) == 0 {
		said := "the provider has not looked at this file"
		if g.Viewed == "unknown" {
			said = "the provider did not say that it looked at this file"
		}
		g.Needs = fmt.Sprintf("%s; it stays closed until a warrant, a consent or an exigency is recorded against it (%s)", said, rule.LegalBasis)
		return g, nil
	}
	p := all[0]
	g.Basis = strings.TrimSpace(p.Kind+" "+p.Number) + " of " + p.IssuedBy + ", " + store.Time(p.IssuedAt).In(d.law.Location()).Format("2 January 2006")
	return g, nil
}

// mayOpen refuses to open what the gate keeps closed, and gives the basis of an opening that it lets through.
func (d *Desk) mayOpen(ctx context.Context, q store.Queryer, mediaID int64) (basis string, err error) {
	g, err := d.GateOf(ctx, q, mediaID)
	if err == nil && g.Needs != "" {
		err = fault.Coded(fault.Refused, "legal_process_needed", "%s", g.Needs)
	}
	return g.Basis, err
}
