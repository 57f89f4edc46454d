// Package intake receives tips: complaint files, CyberTipline reports, and what scans and referrals bring. A tip keeps its
// own number and its reporter for good, whatever becomes of it.
package intake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Tables tell the record which rows to answer for.
var Tables = []record.Table{
	{Name: "complaint", Sealed: []string{"complainant"}},
	{Name: "tip", Sealed: []string{"reporter", "locator", "hints", "summary"}},
	{Name: "complaint_line", Sealed: []string{"typed", "remarks", "formulas", "correction"}},
	{Name: "report", Sealed: []string{"content"}},
	{Name: "report_file", Sealed: []string{"name", "details", "hashed"}},
	{Name: "form_report", Sealed: []string{"secret_hash", "what", "happened", "contact"}},
	{Name: "form_address", Sealed: []string{"typed"}},
	{Name: "bundle"},
	{Name: "bundle_change", Sealed: []string{"reason"}},
}

// Sources of a tip.
const (
	FromComplaint = "complaint"
	FromScan      = "scan"
	FromReport    = "cybertipline"
	FromReferral  = "referral"
	FromForm      = "form" // the public form
)

// Classes of what a tip tells of.
const (
	ClassMedia      = "media"
	ClassEnticement = "enticement"
	ClassContact    = "contact_offence"
	ClassAdult      = "adult_sexual_violence"
	ClassOther      = "other"
)

// Tip is one report of an offence. Times are microseconds UTC.
type Tip struct {
	ID          int64  `json:"id"`
	Number      string `json:"number"`
	Source      string `json:"source"`
	Class       string `json:"class"`
	State       string `json:"state"`
	Reporter    string `json:"reporter"`
	Locator     string `json:"locator,omitempty"`
	AccountID   int64  `json:"account_id,omitempty"`
	PostID      int64  `json:"post_id,omitempty"`
	ComplaintID int64  `json:"complaint_id,omitempty"`
	CaseID      int64  `json:"case_id,omitempty"`
	ReferralID  int64  `json:"referral_id,omitempty"` // the referral that brought it
	OnwardID    int64  `json:"onward_id,omitempty"`   // the referral that it went on with
	ExternalRef string `json:"external_ref,omitempty"`
	Hints       string `json:"hints,omitempty"` // what tells the jurisdiction: "ip:..." and "phone:...", one a line
	Summary     string `json:"summary,omitempty"`
	Responsible string `json:"responsible"` // the one agency that must act
	Outcome     string `json:"outcome,omitempty"`
	OccurredAt  int64  `json:"occurred_at"`
	ReceivedAt  int64  `json:"received_at"`

	// What the work with tips knows of it; empty until somebody or something said so.
	BundleID int64  `json:"bundle_id,omitempty"` // the bundle it was put in with tips of the same thing
	Priority int64  `json:"priority"`            // 0 to 1000, higher first
	DangerAt int64  `json:"danger_at,omitempty"` // since when a child is held to be in danger
	Language string `json:"language,omitempty"`  // BCP 47, of what the reporter wrote
	Label    string `json:"label,omitempty"`     // a word of the desk's own to sort by
	QueueID  int64  `json:"queue_id,omitempty"`  // the queue it waits in

	ReportID int64 `json:"-"` // while it is entered: the filing that it is made from
}

// Tips enters and reads tips.
type Tips struct {
	Filings Schema // what reports of providers are held to; set before the first use

	db       *store.DB
	log      *record.Log
	clock    clock.Clock
	register *platforms.Register
	pool     *media.Pool
	agency   func() string
	matcher  Matcher
	reading  chan struct{} // complaint files that are read at the same time
	ranker   Ranker
	sorter   Sorter // nil: tips wait in one queue
}

// Matcher says which list entries a hashed file matches and keeps the answer (lists).
type Matcher interface {
	KeepMatches(ctx context.Context, tx *store.Tx, mediaID int64, r media.Result) (matched bool, err error)
}

// New makes the room. matcher may be nil on a node without lists.
func New(db *store.DB, log *record.Log, c clock.Clock, register *platforms.Register, pool *media.Pool, agency func() string, matcher Matcher) *Tips {
	return &Tips{db: db, log: log, clock: c, register: register, pool: pool, agency: agency, matcher: matcher, reading: make(chan struct{}, 2)}
}

// Ranker says how soon a new tip should be looked at, and why (triage).
type Ranker interface {
	// Rank gives columns of the tip: its priority and how that came about, and since when a child is held to be in danger.
	Rank(ctx context.Context, tx *store.Tx, tip Tip, n Tally) (record.Fields, error)
}

// UseRanker has new tips ranked. It must be called before the first tip.
func (t *Tips) UseRanker(r Ranker) { t.ranker = r }

// Enter adds a tip under the next number of the year: T-2022-000017. Numbers have no gaps. A tip of the same thing as an earlier
// one joins its bundle.
func (t *Tips) Enter(ctx context.Context, tx *store.Tx, tip Tip) (Tip, error) {
	now := t.clock.Now()
	number, err := t.nextNumber(ctx, tx, now.Year())
	if err != nil {
		return tip, err
	}
	if tip.State == "" {
		tip.State = "received"
	}
	if tip.Responsible == "" {
		tip.Responsible = t.agency()
	}
	at := store.Time(tip.OccurredAt)
	if at.IsZero() {
		at = now
	}
	tip.OccurredAt, tip.ReceivedAt = store.Micros(at), store.Micros(now)
	keys, err := t.keys(ctx, tx, tip)
	if err != nil {
		return tip, err
	}
	if tip.BundleID, err = t.join(ctx, tx, keys, 0); err != nil {
		return tip, err
	}
	var n Tally
	if tip.BundleID != 0 {
		n, err = t.count(ctx, tx, tip.BundleID, tip)
	} else {
		n, err = TallyOf(ctx, tx, tip)
	}
	if err != nil {
		return tip, err
	}
	f := record.Fields{"number": number, "source": tip.Source, "class": tip.Class,
		"state": tip.State, "reporter": tip.Reporter, "locator": tip.Locator, "account_id": tip.AccountID, "post_id": tip.PostID, "complaint_id": tip.ComplaintID,
		"referral_id": tip.ReferralID, "external_ref": tip.ExternalRef, "hints": tip.Hints, "summary": tip.Summary, "responsible": tip.Responsible,
		"occurred_at": at, "received_at": now, "priority": tip.Priority, "danger_at": tip.DangerAt, "language": tip.Language, "label": tip.Label,
		"bundle_id": tip.BundleID}
	if t.ranker != nil {
		ranked, err := t.ranker.Rank(ctx, tx, tip, n)
		if err != nil {
			return tip, err
		}
		maps.Copy(f, ranked)
	}
	if tip.QueueID, err = t.queueOf(ctx, tx, tip); err != nil {
		return tip, err
	}
	f["queue_id"] = tip.QueueID
	id, err := t.log.Insert(ctx, tx, "tip", "tip.received", at, f)
	if err != nil {
		return tip, err
	}
	if err := t.claim(ctx, tx, keys, id); err != nil {
		return tip, err
	}
	return ByID(ctx, tx, id)
}

// nextNumber gives the number after the year's last. That one is the newest tip's, or, when the clock has gone back, the greatest: the
// longest, and of those the last in order, for numbers outgrow their six digits.
func (t *Tips) nextNumber(ctx context.Context, tx *store.Tx, year int) (string, error) {
	prefix := fmt.Sprintf("T-%d-", year)
	last := ""
	err := tx.QueryRowContext(ctx, "SELECT number FROM tip ORDER BY id DESC LIMIT 1").Scan(&last)
	if err == nil && !strings.HasPrefix(last, prefix) {
		err = tx.QueryRowContext(ctx, "SELECT number FROM tip WHERE number LIKE $1 ORDER BY LENGTH(number) DESC, number DESC LIMIT 1", prefix+"%").Scan(&last)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return prefix + "000001", nil
	}
	if err != nil {
		return "", err
	}
	n, err := strconv.ParseInt(last[len(prefix):], 10, 64)
	if err != nil {
		return "", fmt.Errorf("tip number %q: %w", last, err)
	}
	return fmt.Sprintf("%s%06d", prefix, n+1), nil
}

// Set changes columns of a tip and says what happened. The tip goes to another queue if it belongs there now.
func (t *Tips) Set(ctx context.Context, tx *store.Tx, id int64, kind string, f record.Fields) error {
	queue, moved, err := t.resorted(ctx, tx, id, f)
	if err != nil {
		return err
	}
	if moved {
		f = maps.Clone(f)
		f["queue_id"] = queue
	}
	return t.log.Update(ctx, tx, "tip", kind, time.Time{}, id, f)
}

const tipColumns = `SELECT id, number, source, class, state, reporter, locator, COALESCE(account_id, 0), COALESCE(post_id, 0), COALESCE(complaint_id, 0),
	COALESCE(case_id, 0), COALESCE(referral_id, 0), COALESCE(onward_id, 0), external_ref, hints, summary, responsible, outcome, occurred_at, received_at,
	COALESCE(bundle_id, 0), priority, danger_at, language, label, COALESCE(queue_id, 0) FROM tip `

func scanTip(scan func(...any) error) (t Tip, err error) {
	return t, scan(&t.ID, &t.Number, &t.Source, &t.Class, &t.State, &t.Reporter, &t.Locator, &t.AccountID, &t.PostID, &t.ComplaintID,
		&t.CaseID, &t.ReferralID, &t.OnwardID, &t.ExternalRef, &t.Hints, &t.Summary, &t.Responsible, &t.Outcome, &t.OccurredAt, &t.ReceivedAt,
		&t.BundleID, &t.Priority, &t.DangerAt, &t.Language, &t.Label, &t.QueueID)
}

// ByID reads one tip.
func ByID(ctx context.Context, q store.Queryer, id int64) (Tip, error) {
	t, err := scanTip(q.QueryRowContext(ctx, tipColumns+"WHERE id = $1", id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no tip %d", id)
	}
	return t, err
}

// Filter narrows a listing; empty members do not.
type Filter struct {
	State      string
	Source     string
	CaseID     int64
	ReferralID int64
	OnwardID   int64
	AccountID  int64
	AfterID    int64
	Limit      int // 0: all
}

// List reads tips in order of their numbers.
func List(ctx context.Context, q store.Queryer, f Filter) ([]Tip, error) {
	if f.Limit <= 0 {
		f.Limit = 1 << 30
	}
	return store.Collect(ctx, q, func(rows *sql.Rows) (Tip, error) { return scanTip(rows.Scan) },
		tipColumns+`WHERE ($1 = '' OR state = $1) AND ($2 = '' OR source = $2) AND (CAST($3 AS BIGINT) = 0 OR case_id = $3) AND (CAST($4 AS BIGINT) = 0 OR referral_id = $4)
		AND (CAST($5 AS BIGINT) = 0 OR onward_id = $5) AND (CAST($6 AS BIGINT) = 0 OR account_id = $6) AND id > $7 ORDER BY id LIMIT $8`,
		f.State, f.Source, f.CaseID, f.ReferralID, f.OnwardID, f.AccountID, f.AfterID, f.Limit)
}
