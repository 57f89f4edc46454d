package triage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Limits bound a person's exposure to restricted material. Minutes and clock times (minutes from midnight in the jurisdiction's zone);
// 0: no such limit.
type Limits struct {
	DayMinutes     int64 `json:"day_minutes"`     // in a day
	DayItems       int64 `json:"day_items"`       // tips and pictures in a day
	StretchMinutes int64 `json:"stretch_minutes"` // without a break
	BreakMinutes   int64 `json:"break_minutes"`   // how long a break is
	Starts         int64 `json:"starts"`          // from when in the day
	Ends           int64 `json:"ends"`            // until when
}

// UsualLimits are those of a node that has set none. The Internet Watch Foundation's practice: at most five hours a day, a break every
// hour, none after four in the afternoon, no overtime. It says nothing of a break's length and of when a day begins; ten minutes and
// seven in the morning are ours.
var UsualLimits = Limits{DayMinutes: 5 * 60, StretchMinutes: 60, BreakMinutes: 10, Starts: 7 * 60, Ends: 16 * 60}

func (l Limits) check() error {
	day := int64(24 * 60)
	for _, n := range []int64{l.DayMinutes, l.StretchMinutes, l.BreakMinutes, l.Starts, l.Ends} {
		if n < 0 || n > day {
			return fault.New(fault.Invalid, "a limit is 0 (none) to 1440 minutes")
		}
	}
	if l.DayItems < 0 || l.DayItems > 100000 {
		return fault.New(fault.Invalid, "the number of items in a day is 0 (no limit) to 100000")
	}
	if l.StretchMinutes > 0 && l.BreakMinutes == 0 {
		return fault.New(fault.Invalid, "say how long the break after %d minutes is", l.StretchMinutes)
	}
	if l.Ends > 0 && l.Starts >= l.Ends {
		return fault.New(fault.Invalid, "the day must start before it ends")
	}
	return nil
}

// stricter takes a person's own limits where they are closer than the node's.
func (l Limits) stricter(own Limits) Limits {
	closer := func(a, b int64) int64 {
		if a == 0 || b != 0 && b < a {
			return b
		}
		return a
	}
	l.DayMinutes, l.DayItems = closer(l.DayMinutes, own.DayMinutes), closer(l.DayItems, own.DayItems)
	l.StretchMinutes, l.Ends = closer(l.StretchMinutes, own.StretchMinutes), closer(l.Ends, own.Ends)
	if l.StretchMinutes > 0 && l.BreakMinutes == 0 {
		l.BreakMinutes = UsualLimits.BreakMinutes
	}
	return l
}

// The limits that can be reached.
const (
	ByBreak = "break"
	ByDay   = "day"
	ByItems = "items"
	ByHours = "hours"
)

// Exposure is what a person was exposed to today, and whether that is enough.
type Exposure struct {
	Minutes int64  `json:"minutes"`
	Items   int64  `json:"items"`
	Stretch int64  `json:"stretch"` // minutes since the last break
	Limits  Limits `json:"limits"`  // the node's or, where they are closer, the person's own
	Reached string `json:"reached,omitempty"`
	Until   int64  `json:"until,omitempty"` // until when nothing is shown, microseconds UTC
}

const (
	// unattended is how long an exposure that nobody ended still counts after its last activity.
	unattended = 30 * time.Minute
	lookTime   = time.Minute // what one look at a picture counts
)

// NodeLimits reads the node's limits.
func (d *Desk) NodeLimits(ctx context.Context, q store.Queryer) (l Limits, err error) {
	err = q.QueryRowContext(ctx, "SELECT day_minutes, day_items, stretch_minutes, break_minutes, starts, ends FROM exposure_rule ORDER BY id DESC LIMIT 1").
		Scan(&l.DayMinutes, &l.DayItems, &l.StretchMinutes, &l.BreakMinutes, &l.Starts, &l.Ends)
	if errors.Is(err, sql.ErrNoRows) {
		return UsualLimits, nil
	}
	return l, err
}

// SetNodeLimits sets the node's limits.
func (d *Desk) SetNodeLimits(ctx context.Context, tx *store.Tx, l Limits) error {
	if err := l.check(); err != nil {
		return err
	}
	_, err := d.log.Insert(ctx, tx, "exposure_rule", "exposure.limits_set", time.Time{}, record.Fields{"day_minutes": l.DayMinutes, "day_items": l.DayItems,
		"stretch_minutes": l.StretchMinutes, "break_minutes": l.BreakMinutes, "starts": l.Starts, "ends": l.Ends, "set_at": d.clock.Now()})
	return err
}

// OwnLimits reads the limits that a person set for themselves.
func OwnLimits(ctx context.Context, q store.Queryer, person int64) (l Limits, err error) {
	err = q.QueryRowContext(ctx, "SELECT day_minutes, day_items, stretch_minutes, ends FROM exposure_own WHERE person_id = $1", person).Scan(&l.DayMinutes, &l.DayItems, &l.StretchMinutes, &l.Ends)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return l, err
}

// SetOwnLimits sets a person's own limits. They are nobody else's business: no entry of the record tells of them.
func (d *Desk) SetOwnLimits(ctx context.Context, tx *store.Tx, person int64, l Limits) error {
	l.BreakMinutes, l.Starts = 1, 0
	if err := l.check(); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM exposure_own WHERE person_id = $1", person); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO exposure_own (person_id, day_minutes, day_items, stretch_minutes, ends) VALUES ($1, $2, $3, $4, $5)", person, l.DayMinutes, l.DayItems, l.StretchMinutes, l.Ends)
	return err
}

// span is one stretch of time in which somebody was exposed.
type span struct {
	item       string
	start, end time.Time
}

// midnight gives the beginning of the day in the jurisdiction's zone.
func (d *Desk) midnight(at time.Time) time.Time {
	y, m, day := at.In(d.zone()).Date()
	return time.Date(y, m, day, 0, 0, 0, 0, d.zone())
}

// today reads a person's exposures of the day, in order of their beginnings; what began before midnight counts from then.
func (d *Desk) today(ctx context.Context, q store.Queryer, person int64, now time.Time) ([]span, error) {
	from := d.midnight(now)
	return store.Collect(ctx, q, func(rows *sql.Rows) (s span, err error) {
		var tip, opening, started, until, ended int64
		if err := rows.Scan(&tip, &opening, &started, &until, &ended); err != nil {
			return s, err
		}
		s = span{fmt.Sprintf("%d/%d", tip, opening), store.Time(started), store.Time(ended)}
		if ended == 0 {
			s.end = earlier(now, store.Time(until).Add(unattended))
		}
		if s.start.Before(from) {
			s.start = from
		}
		if s.end.Before(s.start) {
			s.end = s.start
		}
		return s, nil
	}, "SELECT COALESCE(tip_id, 0), COALESCE(opening_id, 0), started_at, until_at, ended_at FROM exposure WHERE person_id = $1 AND until_at >= $2 ORDER BY started_at, id", person, store.Micros(from))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Exposure adds up what a person was exposed to today. What overlaps counts once.
func (d *Desk) Exposure(ctx context.Context, q store.Queryer, person int64) (Exposure, error) {
	limits, err := d.NodeLimits(ctx, q)
	if err != nil {
		return Exposure{}, err
	}
	own, err := OwnLimits(ctx, q, person)
	if err != nil {
		return Exposure{}, err
	}
	now := d.clock.Now()
	spans, err := d.today(ctx, q, person, now)
	if err != nil {
		return Exposure{}, err
	}
	return sum(spans, limits.stricter(own), now, d.midnight(now)), nil
}

// sum adds spans up, which are in order of their beginnings, and says which limit they reach.
func sum(spans []span, l Limits, now, midnight time.Time) Exposure {
	e := Exposure{Limits: l}
	rest := time.Duration(l.BreakMinutes) * time.Minute
	var total, stretch time.Duration
	var last time.Time // until when the person was exposed so far
	items := map[string]bool{}
	for _, s := range spans {
		items[s.item] = true
		if !last.IsZero() && s.start.Sub(last) >= rest {
			stretch = 0
		}
		if last.IsZero() || s.start.After(last) {
			last = s.start
		}
		if more := s.end.Sub(last); more > 0 {
			total, stretch, last = total+more, stretch+more, s.end
		}
	}
	if !last.IsZero() && now.Sub(last) >= rest {
		stretch = 0
	}
	e.Minutes, e.Stretch, e.Items = int64(total/time.Minute), int64(stretch/time.Minute), int64(len(items))
	clock := func(day int, minutes int64) int64 { // wall time, also where summer time begins or ends
		y, m, d := midnight.Date()
		return store.Micros(time.Date(y, m, d+day, 0, int(minutes), 0, 0, midnight.Location()))
	}
	micros := store.Micros(now)
	switch {
	case l.Ends > 0 && micros >= clock(0, l.Ends):
		e.Reached, e.Until = ByHours, clock(1, l.Starts)
	case l.Ends > 0 && micros < clock(0, l.Starts):
		e.Reached, e.Until = ByHours, clock(0, l.Starts)
	case l.DayMinutes > 0 && e.Minutes >= l.DayMinutes:
		e.Reached, e.Until = ByDay, clock(1, l.Starts)
	case l.DayItems > 0 && e.Items >= l.DayItems:
		e.Reached, e.Until = ByItems, clock(1, l.Starts)
	case l.StretchMinutes > 0 && e.Stretch >= l.StretchMinutes:
		e.Reached, e.Until = ByBreak, store.Micros(last.Add(rest))
	}
	return e
}

// refusal says kindly why nothing is shown now, and until when.
func (d *Desk) refusal(e Exposure) error {
	if e.Reached == "" {
		return nil
	}
	until, text := d.local(e.Until), ""
	switch e.Reached {
	case ByBreak:
		text = fmt.Sprintf("you have worked with this material for %d minutes without a break. Rest now; it goes on at %s, and what you hold waits for you", e.Stretch, until)
	case ByDay:
		text = fmt.Sprintf("you have worked with this material for %d minutes today, and that is enough. It goes on at %s; others take what waits", e.Minutes, until)
	case ByItems:
		text = fmt.Sprintf("you have worked on %d items of this material today, and that is enough. It goes on at %s; others take what waits", e.Items, until)
	default:
		text = fmt.Sprintf("at this hour nobody works with this material here. It goes on at %s", until)
	}
	return fault.Coded(fault.Refused, "exposure_"+e.Reached, "%s", text)
}

// limited says whether a limit keeps a person from restricted material now: the refusal, or nil. Their own consent for the tip lifts it.
// A limit that is reached ends the exposure under way and is noted, so that it can be told how often that happens.
func (d *Desk) limited(ctx context.Context, p identity.Person, tipID int64) (refusal, err error) {
	e, err := d.Exposure(ctx, d.db.Reader(), p.ID)
	if err != nil || e.Reached == "" {
		return nil, err
	}
	if tipID != 0 {
		var n int
		err := d.db.Reader().QueryRowContext(ctx, "SELECT COUNT(*) FROM exposure_consent WHERE person_id = $1 AND tip_id = $2 AND given_at >= $3", p.ID, tipID, store.Micros(d.midnight(d.clock.Now()))).Scan(&n)
		if err != nil || n > 0 {
			return nil, err
		}
	}
	return d.refusal(e), d.reached(ctx, p.ID, e.Reached)
}

func (d *Desk) reached(ctx context.Context, person int64, kind string) error {
	y, m, day := d.clock.Now().In(d.zone()).Date()
	return d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := d.endExposure(ctx, tx, person); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO exposure_reached (person_id, day, kind) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", person, y*10000+int(m)*100+day, kind)
		return err
	})
}

// looks refuses a look at a picture of a media row when a limit is reached, unless the person consented for a tip that it belongs to.
func (d *Desk) looks(ctx context.Context, person, mediaID int64) error {
	q := d.db.Reader()
	e, err := d.Exposure(ctx, q, person)
	if err != nil || e.Reached == "" {
		return err
	}
	var n int
	err = q.QueryRowContext(ctx, `SELECT COUNT(*) FROM exposure_consent c JOIN tip t ON t.id = c.tip_id WHERE c.person_id = $1 AND c.given_at >= $2
		AND (t.post_id = (SELECT m.post_id FROM media m WHERE m.id = $3) OR EXISTS (SELECT 1 FROM report r JOIN report_file f ON f.report_id = r.id WHERE r.tip_id = t.id AND f.media_id = $3))`,
		person, store.Micros(d.midnight(d.clock.Now())), mediaID).Scan(&n)
	if err != nil || n > 0 {
		return err
	}
	return errors.Join(d.reached(ctx, person, e.Reached), d.refusal(e))
}

// looked counts a look at a picture.
func (d *Desk) looked(ctx context.Context, tx *store.Tx, person, opening int64) error {
	now := d.clock.Now()
	end := store.Micros(now.Add(lookTime))
	_, err := tx.ExecContext(ctx, "INSERT INTO exposure (person_id, opening_id, started_at, until_at, ended_at) VALUES ($1, $2, $3, $4, $4)", person, opening, store.Micros(now), end)
	return err
}

// expose counts activity of a person at a tip: it begins an exposure, or goes on with it. At a tip that does not expose it ends the one
// under way.
func (d *Desk) expose(ctx context.Context, tx *store.Tx, person int64, t intake.Tip) error {
	known, err := d.knownFile(ctx, tx, t)
	if err != nil {
		return err
	}
	if known || !Exposes(t.Class) {
		return d.endExposure(ctx, tx, person)
	}
	now := d.clock.Now()
	var id, until int64
	err = tx.QueryRowContext(ctx, "SELECT id, until_at FROM exposure WHERE person_id = $1 AND tip_id = $2 AND ended_at = 0 ORDER BY id DESC LIMIT 1", person, t.ID).Scan(&id, &until)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	since := now.Sub(store.Time(until))
	if id != 0 && since < activityStep {
		return nil
	}
	if id != 0 && since <= unattended {
		_, err = tx.ExecContext(ctx, "UPDATE exposure SET until_at = $1 WHERE id = $2", store.Micros(now), id)
		return err
	}
	if err := d.endExposure(ctx, tx, person); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO exposure (person_id, tip_id, started_at, until_at) VALUES ($1, $2, $3, $3)", person, t.ID, store.Micros(now))
	return err
}

// endExposure ends what a person is exposed to.
func (d *Desk) endExposure(ctx context.Context, tx *store.Tx, person int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE exposure SET ended_at = CASE WHEN until_at + $1 < $2 THEN until_at + $1 ELSE $2 END, until_at = CASE WHEN until_at + $1 < $2 THEN until_at + $1 ELSE $2 END
		WHERE person_id = $3 AND ended_at = 0`, unattended.Microseconds(), store.Micros(d.clock.Now()), person)
	return err
}

// Consent is a person's own decision to work on one tip in which a child is held to be in danger though a limit is reached. It is on
// record, holds for the day, and nobody can give it for another.
func (d *Desk) Consent(ctx context.Context, tx *store.Tx, p identity.Person, tipID int64) error {
	t, err := intake.ByID(ctx, tx, tipID)
	if err != nil {
		return err
	}
	if t.DangerAt == 0 {
		return fault.Coded(fault.Refused, "no_danger", "a limit is lifted for a tip in which a child may be in danger; tip %s is none", t.Number)
	}
	queue, err := d.queueOf(ctx, t)
	if err != nil {
		return err
	}
	if err := d.mayWork(ctx, tx, p, queue); err != nil {
		return err
	}
	e, err := d.Exposure(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	if e.Reached == "" {
		return nil // nothing is to be lifted
	}
	_, err = d.log.Insert(ctx, tx, "exposure_consent", "exposure.consented", time.Time{}, record.Fields{"tip_id": tipID, "person_id": p.ID, "kind": e.Reached, "given_at": d.clock.Now()})
	return err
}

// Reached says of one limit for how many people it was reached today. Fewer than three are not counted, so that nobody is named by a number.
type Reached struct {
	Kind   string `json:"kind"`
	People int64  `json:"people"` // 0: fewer than three
}

// ReachedToday tells whoever leads the work which limits were reached today: never by whom.
func (d *Desk) ReachedToday(ctx context.Context, q store.Queryer) ([]Reached, error) {
	y, m, day := d.clock.Now().In(d.zone()).Date()
	out, err := store.Collect(ctx, q, func(rows *sql.Rows) (r Reached, err error) { return r, rows.Scan(&r.Kind, &r.People) },
		"SELECT kind, COUNT(*) FROM exposure_reached WHERE day = $1 GROUP BY kind ORDER BY kind", y*10000+int(m)*100+day)
	for i := range out {
		if out[i].People < 3 {
			out[i].People = 0
		}
	}
	return out, err
}
