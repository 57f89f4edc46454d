// Package casework holds cases from registration to outcome: FIR, teams and their shares of the posts, what the analysts
// found, arrests, meetings, and operations over many cases.
package casework

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

// Tables tell the record which rows to answer for.
var Tables = []record.Table{
	{Name: "operation"},
	{Name: "case_file", Sealed: []string{"title"}},
	{Name: "team"},
	{Name: "case_account", Sealed: []string{"basis"}},
	{Name: "assignment", Sealed: []string{"note"}},
	{Name: "arrest", Sealed: []string{"name", "place", "grounds"}},
	{Name: "meeting", Sealed: []string{"subject", "attendees", "asked"}},
}

// Findings on an account.
const (
	Pending      = "pending"
	Offending    = "offending"
	Undetermined = "undetermined"
	Gone         = "gone"
)

// Case is one case of a unit. Times are microseconds UTC.
type Case struct {
	ID           int64  `json:"id"`
	Title        string `json:"title"`
	Class        string `json:"class"`
	State        string `json:"state"`
	OperationID  int64  `json:"operation_id,omitempty"`
	FIR          string `json:"fir,omitempty"` // number/year, station
	Station      string `json:"station,omitempty"`
	Serial       int64  `json:"serial,omitempty"`
	Year         int64  `json:"year,omitempty"`
	Procedure    string `json:"procedure,omitempty"` // the section under which it was registered
	Sections     string `json:"sections,omitempty"`  // of substantive law, one a line
	OffenceAt    int64  `json:"offence_at"`
	OpenedAt     int64  `json:"opened_at"`
	RegisteredAt int64  `json:"registered_at,omitempty"`
	Arrests      int64  `json:"arrests"`
}

// Cases is the unit's casework.
type Cases struct {
	db       *store.DB
	log      *record.Log
	clock    clock.Clock
	law      *rules.Jurisdiction
	station  func() string
	register *platforms.Register
	pool     *media.Pool
	lists    *lists.Lists
	tips     *intake.Tips
	desk     *triage.Desk
	seen     SelectorSink
}

// SelectorSink is told of the texts that a case's accounts show, so that a later stage can find selectors in them.
type SelectorSink interface {
	SawText(ctx context.Context, tx *store.Tx, caseID, accountID, postID int64, text string) error
}

// New makes the casework. sink may be nil.
func New(db *store.DB, log *record.Log, c clock.Clock, law *rules.Jurisdiction, station func() string, register *platforms.Register, pool *media.Pool, l *lists.Lists, tips *intake.Tips, desk *triage.Desk, sink SelectorSink) *Cases {
	return &Cases{db, log, c, law, station, register, pool, l, tips, desk, sink}
}

// OpenCase opens a case over tips of one class; their accounts become the case's accounts.
func (c *Cases) OpenCase(ctx context.Context, tx *store.Tx, title string, tipIDs []int64, operationID int64) (Case, error) {
	if strings.TrimSpace(title) == "" || len(tipIDs) == 0 {
		return Case{}, fault.New(fault.Invalid, "a case needs a title and at least one tip")
	}
	var tips []intake.Tip
	offence := int64(0)
	for _, id := range tipIDs {
		t, err := intake.ByID(ctx, tx, id)
		if err != nil {
			return Case{}, err
		}
		if t.State != "received" && t.State != "actionable" {
			return Case{}, fault.New(fault.Conflict, "tip %s is %s; it cannot open a case", t.Number, t.State)
		}
		if offence == 0 || t.OccurredAt < offence {
			offence = t.OccurredAt
		}
		tips = append(tips, t)
	}
	id, err := c.log.Insert(ctx, tx, "case_file", "case.opened", time.Time{}, record.Fields{"title": title, "class": tips[0].Class, "state": "open", "operation_id": operationID,
		"offence_at": offence, "opened_at": c.clock.Now()})
	if err != nil {
		return Case{}, err
	}
	added := map[int64]bool{}
	for _, t := range tips {
		if err := c.tips.Set(ctx, tx, t.ID, "tip.linked", record.Fields{"state": "linked", "case_id": id}); err != nil {
			return Case{}, err
		}
		if t.AccountID != 0 && !added[t.AccountID] {
			added[t.AccountID] = true
			if err := c.addAccount(ctx, tx, id, t.AccountID); err != nil {
				return Case{}, err
			}
		}
	}
	return ByID(ctx, tx, id)
}

func (c *Cases) addAccount(ctx context.Context, tx *store.Tx, caseID, accountID int64) error {
	_, err := c.log.Insert(ctx, tx, "case_account", "case.account", time.Time{}, record.Fields{"case_id": caseID, "account_id": accountID, "finding": Pending, "added_at": c.clock.Now()})
	return err
}

// RegisterFIR gives a case the next FIR number of the station and year, by the procedure of the day of registration and
// the substantive law of the day of the offence. Numbers have no gaps: the number and the case are one transaction.
func (c *Cases) RegisterFIR(ctx context.Context, tx *store.Tx, caseID int64) (Case, error) {
	v, err := ByID(ctx, tx, caseID)
	if err != nil {
		return v, err
	}
	if v.Serial != 0 {
		return v, fault.New(fault.Conflict, "the case is registered already, as FIR %s", v.FIR)
	}
	station := c.station()
	if station == "" {
		return v, fault.New(fault.Conflict, "this node has no station code; a police unit sets it at set-up")
	}
	now := c.clock.Now()
	year := int64(c.law.Year(now))
	var serial int64
	if err := tx.QueryRowContext(ctx, `INSERT INTO fir_counter (station, year, last) VALUES ($1, $2, 1)
		ON CONFLICT (station, year) DO UPDATE SET last = fir_counter.last + 1 RETURNING last`, station, year).Scan(&serial); err != nil {
		return v, err
	}
	var sections []string
	for _, s := range c.law.Sections(v.Class, store.Time(v.OffenceAt)) {
		sections = append(sections, s.String())
	}
	if len(sections) == 0 {
		return v, fault.New(fault.Invalid, "no offence is known for class %q on %s; add it to the jurisdiction's file", v.Class, store.Time(v.OffenceAt).Format("2 January 2006"))
	}
	fir := fmt.Sprintf("%d/%d, %s", serial, year, station)
	if err := c.log.Update(ctx, tx, "case_file", "case.fir_registered", time.Time{}, caseID, record.Fields{"station": station, "serial": serial, "year": year, "fir": fir,
		"procedure_section": c.law.Procedure("fir", now).String(), "sections": strings.Join(sections, "\n"), "registered_at": now}); err != nil {
		return v, err
	}
	if err := c.outcome(ctx, tx, caseID, "fir_registered", "FIR "+fir, now); err != nil {
		return v, err
	}
	return ByID(ctx, tx, caseID)
}

// outcome enters an outcome for every tip of a case that an agency referred.
func (c *Cases) outcome(ctx context.Context, tx *store.Tx, caseID int64, kind, detail string, at time.Time) error {
	tips, err := intake.List(ctx, tx, intake.Filter{CaseID: caseID})
	if err != nil {
		return err
	}
	for _, t := range tips {
		if t.ReferralID != 0 {
			if err := c.desk.AddOutcome(ctx, tx, triage.Outcome{TipID: t.ID, Kind: kind, Detail: detail, HappenedAt: store.Micros(at)}, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// Arrest is the arrest of one person in a case.
type Arrest struct {
	CaseID     int64
	Name       string
	Place      string
	Grounds    string
	ArrestedAt time.Time
}

// EnterArrest enters an arrest. Somebody is arrested in a registered case, not before now, on grounds.
func (c *Cases) EnterArrest(ctx context.Context, tx *store.Tx, a Arrest) error {
	v, err := ByID(ctx, tx, a.CaseID)
	if err != nil {
		return err
	}
	now := c.clock.Now()
	switch {
	case v.Serial == 0:
		return fault.New(fault.Conflict, "nobody is arrested in a case that is not registered")
	case a.Name == "" || a.Place == "" || a.Grounds == "":
		return fault.New(fault.Invalid, "an arrest needs the person's name, the place and the grounds")
	case a.ArrestedAt.After(now) || a.ArrestedAt.UnixMicro() < v.RegisteredAt:
		return fault.New(fault.Invalid, "the arrest must lie between the registration of the case and now")
	}
	if _, err := c.log.Insert(ctx, tx, "arrest", "case.arrest", a.ArrestedAt, record.Fields{"case_id": a.CaseID, "name": a.Name, "place": a.Place, "grounds": a.Grounds,
		"arrested_at": a.ArrestedAt, "entered_at": now}); err != nil {
		return err
	}
	return c.outcome(ctx, tx, a.CaseID, "arrest", "", a.ArrestedAt)
}

// Meeting is a meeting with what was asked.
type Meeting struct {
	ID        int64  `json:"id"`
	Subject   string `json:"subject"`
	Attendees string `json:"attendees"`
	Asked     string `json:"asked"` // one question or demand a line
	HeldAt    int64  `json:"held_at"`
}

// EnterMeeting enters a meeting.
func (c *Cases) EnterMeeting(ctx context.Context, tx *store.Tx, m Meeting) error {
	if m.Subject == "" || m.Attendees == "" || m.Asked == "" {
		return fault.New(fault.Invalid, "a meeting needs a subject, who was there and what was asked")
	}
	_, err := c.log.Insert(ctx, tx, "meeting", "meeting.held", store.Time(m.HeldAt), record.Fields{"subject": m.Subject, "attendees": m.Attendees, "asked": m.Asked,
		"held_at": m.HeldAt, "entered_at": c.clock.Now()})
	return err
}

// Meetings reads all meetings.
func Meetings(ctx context.Context, q store.Queryer) ([]Meeting, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (m Meeting, err error) {
		return m, rows.Scan(&m.ID, &m.Subject, &m.Attendees, &m.Asked, &m.HeldAt)
	}, "SELECT id, subject, attendees, asked, held_at FROM meeting ORDER BY held_at, id")
}

// Operation is a drive over many cases.
type Operation struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Period   string `json:"period"` // year-month
	Cases    int64  `json:"cases"`
	Arrests  int64  `json:"arrests"`
	OpenedAt int64  `json:"opened_at"`
}

// OpenOperation opens an operation.
func (c *Cases) OpenOperation(ctx context.Context, tx *store.Tx, name, period string) (int64, error) {
	if _, err := time.Parse("2006-01", period); err != nil || name == "" {
		return 0, fault.New(fault.Invalid, "an operation needs a name and a period such as 2021-12")
	}
	return c.log.Insert(ctx, tx, "operation", "operation.opened", time.Time{}, record.Fields{"name": name, "period": period, "opened_at": c.clock.Now()})
}

// Operations reads the operations with their figures as they stand.
func Operations(ctx context.Context, q store.Queryer) ([]Operation, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (o Operation, err error) {
		return o, rows.Scan(&o.ID, &o.Name, &o.Period, &o.Cases, &o.Arrests, &o.OpenedAt)
	}, `SELECT o.id, o.name, o.period, (SELECT COUNT(*) FROM case_file c WHERE c.operation_id = o.id AND c.serial > 0),
		(SELECT COUNT(*) FROM arrest a JOIN case_file c ON c.id = a.case_id WHERE c.operation_id = o.id), o.opened_at FROM operation o ORDER BY o.id`)
}

const caseColumns = `SELECT c.id, c.title, c.class, c.state, COALESCE(c.operation_id, 0), c.fir, c.station, c.serial, c.year, c.procedure_section, c.sections,
	c.offence_at, c.opened_at, c.registered_at, (SELECT COUNT(*) FROM arrest a WHERE a.case_id = c.id) FROM case_file c `

func scanCase(scan func(...any) error) (c Case, err error) {
	return c, scan(&c.ID, &c.Title, &c.Class, &c.State, &c.OperationID, &c.FIR, &c.Station, &c.Serial, &c.Year, &c.Procedure, &c.Sections,
		&c.OffenceAt, &c.OpenedAt, &c.RegisteredAt, &c.Arrests)
}

// ByID reads one case.
func ByID(ctx context.Context, q store.Queryer, id int64) (Case, error) {
	c, err := scanCase(q.QueryRowContext(ctx, caseColumns+"WHERE c.id = $1", id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no case %d", id)
	}
	return c, err
}

// List reads all cases, newest first.
func List(ctx context.Context, q store.Queryer) ([]Case, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (Case, error) { return scanCase(rows.Scan) }, caseColumns+"ORDER BY c.id DESC")
}
