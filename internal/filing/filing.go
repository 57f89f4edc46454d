// Package filing files this node's tips with others who take CyberTipline reports: NCMEC, or a node of this program.
//
// A filing goes by submit, upload and fileinfo of each file, and finish. What is about to be asked of the other side is on disk before it
// is asked, and its answer before the next step, so that a filing that was broken off anywhere goes on where it stood. Where an answer
// never came, the other side's own words decide: a report that it calls finished is finished (5102), one that it does not know (5001) or
// calls retracted (5101) is opened anew. Only finish makes a report count there, and it is repeated until it is answered, so a filing
// exists there once. Every filing ends finished, retracted or failed, with the reason.
package filing

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/filing/cybertip"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/vault"
)

// Tables tell the record which rows to answer for. filing_secret stands outside: it holds sealed credentials, which are destroyed.
var Tables = []record.Table{
	{Name: "filing_destination", Sealed: []string{"reporter"}},
	{Name: "filing", Sealed: []string{"content", "failure"}},
	{Name: "filing_file", Sealed: []string{"name", "details"}},
}

// States of a filing.
const (
	Prepared   = "prepared"   // nothing is sent yet, or it begins anew
	Submitting = "submitting" // a report is being opened there
	Submitted  = "submitted"  // the report has a number there; files follow
	Finishing  = "finishing"  // the other side was asked to finish
	Retracting = "retracting" // the other side was asked to take the report back; Ending says why
	Finished   = "finished"   // final: the other side has it
	Retracted  = "retracted"  // final: somebody here took it back
	Failed     = "failed"     // final: the other side refused it
)

// Final tells whether nothing more happens to a filing in a state.
func Final(state string) bool { return state == Finished || state == Retracted || state == Failed }

// Filing is a tip on its way to a destination. Times are microseconds UTC.
type Filing struct {
	ID            int64  `json:"id"`
	DestinationID int64  `json:"destination_id"`
	Destination   string `json:"destination"` // its name
	Test          bool   `json:"test"`        // the destination is no production system
	TipID         int64  `json:"tip_id"`
	Tip           string `json:"tip"` // its number
	State         string `json:"state"`
	Report        int64  `json:"report,omitempty"` // its number there
	Files         int64  `json:"files"`            // that are sent with it
	Sent          int64  `json:"sent"`             // of them, that have arrived
	Round         int64  `json:"round"`            // reports that were opened there for it
	Abandoned     int64  `json:"abandoned"`        // of them, how many may have been opened without an answer; they expire there unfinished
	Failure       string `json:"failure,omitempty"`
	PreparedBy    int64  `json:"prepared_by,omitempty"`
	PreparedAt    int64  `json:"prepared_at"`
	ChangedAt     int64  `json:"changed_at"`
	FinishedAt    int64  `json:"finished_at,omitempty"`

	key, content, ending string
	turn                 int64
}

// Config is what filings work with.
type Config struct {
	DB     *store.DB
	Log    *record.Log
	Clock  clock.Clock
	Jobs   *jobs.Queue
	Vault  *vault.Vault
	Client *http.Client // from fetch.New, https only but for loopback
	Key    []byte       // the node's: seals credentials
	Logger *slog.Logger
}

// Filings files. Safe for concurrent use.
type Filings struct{ Config }

// New makes the filings and registers their job, before the queue starts.
func New(c Config) *Filings {
	f := &Filings{c}
	jobs.Register(c.Jobs, f.job)
	return f
}

// Prepare composes the report of a tip for a destination and has it filed. A tip is filed with a destination once: again only after the
// filing was retracted or failed.
func (f *Filings) Prepare(ctx context.Context, tx *store.Tx, tipID int64, destination string, by int64) (Filing, error) {
	d, err := ByName(ctx, tx, destination)
	if err != nil {
		return Filing{}, err
	}
	t, err := intake.ByID(ctx, tx, tipID)
	if err != nil {
		return Filing{}, err
	}
	if has, err := f.hasSecret(ctx, tx, d.ID); err != nil || !has {
		return Filing{}, errOr(err, fault.New(fault.Conflict, "the destination %s has no credentials; set user and password", d.Name))
	}
	var other string
	err = tx.QueryRowContext(ctx, "SELECT state FROM filing WHERE destination_id = $1 AND tip_id = $2 AND state NOT IN ('retracted', 'failed')", d.ID, tipID).Scan(&other)
	if err == nil {
		return Filing{}, fault.New(fault.Conflict, "tip %s is filed with %s already; that filing is %s", t.Number, d.Name, other)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return Filing{}, err
	}
	c, err := f.compose(ctx, tx, t, d)
	if err != nil {
		return Filing{}, err
	}
	key := make([]byte, 16)
	rand.Read(key)
	now := f.Clock.Now()
	id, err := f.Log.Insert(ctx, tx, "filing", "filing.prepared", time.Time{}, record.Fields{"destination_id": d.ID, "tip_id": tipID, "idempotency": hex.EncodeToString(key),
		"content": string(c.report), "state": Prepared, "prepared_by": by, "prepared_at": now, "changed_at": now})
	if err != nil {
		return Filing{}, err
	}
	for _, file := range c.files {
		details, err := json.Marshal(file.details)
		if err != nil {
			return Filing{}, err
		}
		if _, err := f.Log.Insert(ctx, tx, "filing_file", "filing.file", time.Time{}, record.Fields{"filing_id": id, "media_id": file.media, "name": file.name, "sha256": file.sha256,
			"details": string(details), "state": "waiting"}); err != nil {
			return Filing{}, err
		}
	}
	if err := f.Jobs.Enqueue(ctx, tx, args{id}); err != nil {
		return Filing{}, err
	}
	return ByID(ctx, tx, id)
}

// Retract has an unfinished filing taken back.
func (f *Filings) Retract(ctx context.Context, tx *store.Tx, id int64) (Filing, error) {
	v, err := ByID(ctx, tx, id)
	switch {
	case err != nil:
		return v, err
	case v.State == Finished || v.State == Finishing:
		return v, fault.New(fault.Conflict, "the report is finished with %s, or about to be; nobody can take it back there. Tell them", v.Destination)
	case Final(v.State):
		return v, nil
	}
	to := record.Fields{"state": Retracting, "ending": Retracted}
	if v.Report == 0 && v.State == Prepared {
		to = record.Fields{"state": Retracted}
	}
	if err := f.set(ctx, tx, v, to); err != nil {
		return v, err
	}
	if err := f.Jobs.Enqueue(ctx, tx, args{id}); err != nil {
		return v, err
	}
	return ByID(ctx, tx, id)
}

// set moves a filing on.
func (f *Filings) set(ctx context.Context, tx *store.Tx, v Filing, to record.Fields) error {
	to["turn"], to["changed_at"] = v.turn+1, f.Clock.Now()
	kind := "filing.changed"
	if s, ok := to["state"].(string); ok {
		kind = "filing." + s
	}
	return f.Log.Update(ctx, tx, "filing", kind, time.Time{}, v.ID, to)
}

const columns = `SELECT f.id, f.destination_id, d.name, d.test, f.tip_id, t.number, f.state, f.report, f.round, f.abandoned, f.failure, COALESCE(f.prepared_by, 0), f.prepared_at, f.changed_at,
	f.finished_at, f.idempotency, f.content, f.ending, f.turn, (SELECT COUNT(*) FROM filing_file x WHERE x.filing_id = f.id),
	(SELECT COUNT(*) FROM filing_file x WHERE x.filing_id = f.id AND x.state IN ('sent', 'described'))
	FROM filing f JOIN filing_destination d ON d.id = f.destination_id JOIN tip t ON t.id = f.tip_id `

func scan(scan func(...any) error) (f Filing, err error) {
	var test int64
	err = scan(&f.ID, &f.DestinationID, &f.Destination, &test, &f.TipID, &f.Tip, &f.State, &f.Report, &f.Round, &f.Abandoned, &f.Failure, &f.PreparedBy, &f.PreparedAt, &f.ChangedAt,
		&f.FinishedAt, &f.key, &f.content, &f.ending, &f.turn, &f.Files, &f.Sent)
	f.Test = test == 1
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no such filing")
	}
	return f, err
}

// ByID reads one filing.
func ByID(ctx context.Context, q store.Queryer, id int64) (Filing, error) {
	return scan(q.QueryRowContext(ctx, columns+"WHERE f.id = $1", id).Scan)
}

// Filter narrows a listing; empty members do not.
type Filter struct {
	State  string
	TipID  int64
	Before int64 // only filings with a lower number
	Limit  int   // 0: 100
}

// List reads filings, newest first.
func List(ctx context.Context, q store.Queryer, f Filter) ([]Filing, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	if f.Before <= 0 {
		f.Before = 1 << 62
	}
	return store.Collect(ctx, q, func(rows *sql.Rows) (Filing, error) { return scan(rows.Scan) },
		columns+"WHERE ($1 = '' OR f.state = $1) AND (CAST($2 AS BIGINT) = 0 OR f.tip_id = $2) AND f.id < $3 ORDER BY f.id DESC LIMIT $4", f.State, f.TipID, f.Before, f.Limit)
}

func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// keyFor makes the idempotency key of a step of this round.
func (f Filing) keyFor(step string) string {
	return fmt.Sprintf("%s-%d-%s", f.key, f.Round, strings.ReplaceAll(step, " ", "-"))
}

func clientOf(h *http.Client, d Destination, s secret) cybertip.Client {
	return cybertip.Client{HTTP: h, Base: d.Address, User: s.User, Password: s.Password}
}
