package triage

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Rest is the number of the queue that takes what no other queue takes. It always exists and has no filter.
const Rest = 0

// Queue is a stored filter over waiting tips, with who may work it. A tip waits in the first queue, by Place, whose filter it fits.
type Queue struct {
	ID           int64       `json:"id"`
	Name         string      `json:"name"`
	Place        int64       `json:"place"` // lower is tried first
	Desk         string      `json:"desk,omitempty"`
	Team         string      `json:"team,omitempty"` // only its members work the queue
	Role         string      `json:"role,omitempty"` // only people with this role do
	Filter       QueueFilter `json:"filter"`
	TwoPerson    bool        `json:"two_person,omitempty"`    // one proposes a decision, another confirms it
	ClaimMinutes int64       `json:"claim_minutes,omitempty"` // how long a claim lasts without activity; 0: 30
	ClosedAt     int64       `json:"closed_at,omitempty"`
}

// QueueFilter says which tips fit: for each member that is not empty, one of its values. The zero value fits every tip.
type QueueFilter struct {
	Classes   []string `json:"classes,omitempty"`
	Sources   []string `json:"sources,omitempty"`
	Languages []string `json:"languages,omitempty"` // BCP 47; "hi" fits "hi-IN" too
	Labels    []string `json:"labels,omitempty"`
	Platforms []string `json:"platforms,omitempty"` // hosts
}

// sourceDesks says whose work a tip is by where it came from.
var sourceDesks = map[string][]directory.Desk{
	intake.FromComplaint: {directory.Hotline}, intake.FromForm: {directory.Hotline},
	intake.FromScan: {directory.Clearinghouse}, intake.FromReport: {directory.Clearinghouse},
	intake.FromReferral: {directory.Bureau, directory.Unit},
}

// fits says whether a tip, on an account of host, belongs into the queue.
func (q Queue) fits(t intake.Tip, host string) bool {
	f := q.Filter
	if q.Desk != "" && !slices.Contains(sourceDesks[t.Source], directory.Desk(q.Desk)) {
		return false
	}
	language := func(want string) bool { return t.Language == want || strings.HasPrefix(t.Language, want+"-") }
	return among(f.Classes, t.Class) && among(f.Sources, t.Source) && among(f.Labels, t.Label) && among(f.Platforms, host) &&
		(len(f.Languages) == 0 || slices.ContainsFunc(f.Languages, language))
}

func among(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }

// exposes says whether the queue may hold tips of classes that count as exposure.
func (q Queue) exposes() bool {
	return len(q.Filter.Classes) == 0 || slices.ContainsFunc(q.Filter.Classes, Exposes)
}

// claimTime is how long a claim of a tip of the queue lasts without activity.
func (q Queue) claimTime() time.Duration {
	if q.ClaimMinutes == 0 {
		return 30 * time.Minute
	}
	return time.Duration(q.ClaimMinutes) * time.Minute
}

// check refuses what could not be meant.
func (q *Queue) check() error {
	q.Name, q.Team, q.Role = strings.TrimSpace(q.Name), strings.TrimSpace(q.Team), strings.TrimSpace(q.Role)
	if q.Name == "" || len(q.Name) > 80 || len(q.Team) > 80 || len(q.Role) > 80 {
		return fault.New(fault.Invalid, "a queue needs a name of at most 80 characters; team and role have no more either")
	}
	if q.Desk != "" {
		if _, err := directory.ParseDesks(q.Desk); err != nil || strings.Contains(q.Desk, ",") {
			return fault.New(fault.Invalid, "%q is no desk; the desks are hotline, clearinghouse, bureau, unit and platform", q.Desk)
		}
	}
	if q.ClaimMinutes < 0 || q.ClaimMinutes > 24*60 {
		return fault.New(fault.Invalid, "a claim lasts from 1 to 1440 minutes; 0 is the usual 30")
	}
	for _, c := range q.Filter.Classes {
		if _, ok := classes[c]; !ok {
			return fault.New(fault.Invalid, "there is no class %q; the classes are %v", c, ClassNames())
		}
	}
	for _, s := range q.Filter.Sources {
		if _, ok := sourceDesks[s]; !ok {
			return fault.New(fault.Invalid, "no tip has the source %q", s)
		}
	}
	for _, list := range [][]string{q.Filter.Languages, q.Filter.Labels, q.Filter.Platforms} {
		if len(list) > 100 || slices.ContainsFunc(list, func(s string) bool { return s == "" || len(s) > 120 }) {
			return fault.New(fault.Invalid, "a filter takes at most 100 languages, labels or platforms, each of 1 to 120 characters")
		}
	}
	return nil
}

func (q Queue) fields() (record.Fields, error) {
	filter, err := json.Marshal(q.Filter)
	return record.Fields{"name": q.Name, "place": q.Place, "desk": q.Desk, "team": q.Team, "role": q.Role, "filter": string(filter), "two_person": q.TwoPerson,
		"claim_minutes": q.ClaimMinutes}, err
}

// queueCache holds the open queues in their order, so that putting a tip into its queue costs no query.
type queueCache struct {
	mu   sync.Mutex
	list []Queue // guarded by mu; nil: to be read
}

// Queues gives the open queues in the order in which they are tried; the last is the one that takes the rest.
func (d *Desk) Queues(ctx context.Context) ([]Queue, error) {
	c := &d.queues
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.list == nil { // what is committed, not what a transaction under way may yet undo
		list, err := store.Collect(ctx, d.db.Reader(), func(rows *sql.Rows) (q Queue, err error) {
			var filter string
			if err := rows.Scan(&q.ID, &q.Name, &q.Place, &q.Desk, &q.Team, &q.Role, &filter, &q.TwoPerson, &q.ClaimMinutes); err != nil {
				return q, err
			}
			return q, json.Unmarshal([]byte(filter), &q.Filter)
		}, "SELECT id, name, place, desk, team, role, filter, two_person = 1, claim_minutes FROM tip_queue WHERE closed_at = 0 ORDER BY place, id")
		if err != nil {
			return nil, err
		}
		c.list = append(list, Queue{ID: Rest, Name: "Everything else"})
	}
	return c.list, nil
}

// Queue gives one open queue; what is in no open queue is in the one that takes the rest.
func (d *Desk) Queue(ctx context.Context, id int64) (Queue, error) {
	all, err := d.Queues(ctx)
	if err != nil {
		return Queue{}, err
	}
	for _, q := range all {
		if q.ID == id {
			return q, nil
		}
	}
	return Queue{}, fault.New(fault.NotFound, "there is no queue %d", id)
}

// queueOf gives the queue of a tip; one in a queue that was closed just now is worked as the rest is.
func (d *Desk) queueOf(ctx context.Context, t intake.Tip) (Queue, error) {
	q, err := d.Queue(ctx, t.QueueID)
	if fault.Of(err) == fault.NotFound {
		return d.Queue(ctx, Rest)
	}
	return q, err
}

// QueueOf implements intake.Sorter.
func (d *Desk) QueueOf(ctx context.Context, q store.Queryer, t intake.Tip) (int64, error) {
	all, err := d.Queues(ctx)
	if err != nil {
		return 0, err
	}
	host, known := "", false
	for _, queue := range all {
		if len(queue.Filter.Platforms) > 0 && !known && t.AccountID != 0 {
			if err := q.QueryRowContext(ctx, "SELECT host FROM account WHERE id = $1", t.AccountID).Scan(&host); err != nil {
				return 0, err
			}
			known = true
		}
		if queue.fits(t, host) {
			return queue.ID, nil
		}
	}
	return Rest, nil
}

// AddQueue begins a queue. The tips that wait already are put into it by Sort.
func (d *Desk) AddQueue(ctx context.Context, tx *store.Tx, q Queue) (Queue, error) {
	if err := q.check(); err != nil {
		return q, err
	}
	if err := d.freeName(ctx, tx, q); err != nil {
		return q, err
	}
	f, err := q.fields()
	if err != nil {
		return q, err
	}
	f["created_at"] = d.clock.Now()
	tx.AfterCommit(d.queues.forget)
	q.ID, err = d.log.Insert(ctx, tx, "tip_queue", "queue.added", time.Time{}, f)
	return q, err
}

// ChangeQueue changes a queue, or closes it: its tips go where they belong by Sort.
func (d *Desk) ChangeQueue(ctx context.Context, tx *store.Tx, q Queue, closes bool) error {
	if err := q.check(); err != nil {
		return err
	}
	if q.ID == Rest {
		return fault.New(fault.Refused, "the queue that takes the rest stays as it is; add a queue before it")
	}
	var closed int64
	switch err := tx.QueryRowContext(ctx, "SELECT closed_at FROM tip_queue WHERE id = $1", q.ID).Scan(&closed); {
	case err == sql.ErrNoRows || err == nil && closed != 0:
		return fault.New(fault.NotFound, "there is no queue %d", q.ID)
	case err != nil:
		return err
	}
	if err := d.freeName(ctx, tx, q); err != nil {
		return err
	}
	f, err := q.fields()
	if err != nil {
		return err
	}
	kind := "queue.changed"
	if closes {
		f["closed_at"], kind = d.clock.Now(), "queue.closed"
	}
	tx.AfterCommit(d.queues.forget)
	return d.log.Update(ctx, tx, "tip_queue", kind, time.Time{}, q.ID, f)
}

func (d *Desk) freeName(ctx context.Context, q store.Queryer, queue Queue) error {
	var n int
	err := q.QueryRowContext(ctx, "SELECT COUNT(*) FROM tip_queue WHERE name = $1 AND closed_at = 0 AND id <> $2", queue.Name, queue.ID).Scan(&n)
	if err == nil && n > 0 {
		err = fault.New(fault.Conflict, "there is a queue %q already; choose another name", queue.Name)
	}
	return err
}

func (c *queueCache) forget() { c.mu.Lock(); defer c.mu.Unlock(); c.list = nil }

const sortAtOnce = 500 // tips in one write

// Sort puts every waiting tip into the queue where it belongs now, and says how many moved. It goes through them in parts, so that the
// work goes on meanwhile; broken off, it is done again.
func (d *Desk) Sort(ctx context.Context) (moved int, err error) {
	for after := int64(0); ; {
		ids, err := store.Collect(ctx, d.db.Reader(), func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
			"SELECT id FROM tip WHERE id > $1 AND state = 'received' ORDER BY id LIMIT $2", after, sortAtOnce)
		if err != nil || len(ids) == 0 {
			return moved, err
		}
		after = ids[len(ids)-1]
		n := 0
		err = d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			n = 0
			for _, id := range ids {
				t, err := intake.ByID(ctx, tx, id)
				if err != nil {
					return err
				}
				queue, err := d.QueueOf(ctx, tx, t)
				if err != nil {
					return err
				}
				if queue == t.QueueID || t.State != "received" {
					continue
				}
				if err := d.tips.Set(ctx, tx, id, "tip.sorted", record.Fields{"queue_id": queue}); err != nil {
					return err
				}
				n++
			}
			return nil
		})
		if err != nil {
			return moved, err
		}
		moved += n
	}
}

// SetTeam puts a person into a team, or takes them out of it. A team is there while somebody is in it.
func (d *Desk) SetTeam(ctx context.Context, tx *store.Tx, team string, person int64, in bool) error {
	team = strings.TrimSpace(team)
	if team == "" || len(team) > 80 {
		return fault.New(fault.Invalid, "a team needs a name of at most 80 characters")
	}
	var id int64
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM queue_member WHERE team = $1 AND person_id = $2 AND ended_at = 0", team, person).Scan(&id); err != nil {
		return err
	}
	if (id != 0) == in {
		return nil
	}
	if in {
		_, err := d.log.Insert(ctx, tx, "queue_member", "team.joined", time.Time{}, record.Fields{"team": team, "person_id": person, "since_at": d.clock.Now()})
		return err
	}
	return d.log.Update(ctx, tx, "queue_member", "team.left", time.Time{}, id, record.Fields{"ended_at": d.clock.Now()})
}

// TeamMember is a person in a team.
type TeamMember struct {
	Team     string `json:"team"`
	PersonID int64  `json:"person_id"`
	Name     string `json:"name"`
}

// Teams lists who is in which team.
func Teams(ctx context.Context, q store.Queryer) ([]TeamMember, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (m TeamMember, err error) { return m, rows.Scan(&m.Team, &m.PersonID, &m.Name) },
		"SELECT m.team, m.person_id, p.name FROM queue_member m JOIN person p ON p.id = m.person_id WHERE m.ended_at = 0 ORDER BY m.team, p.name, p.id")
}

// workable gives the open queues that a person may work, in their order.
func (d *Desk) workable(ctx context.Context, q store.Queryer, p identity.Person) ([]Queue, error) {
	all, err := d.Queues(ctx)
	if err != nil {
		return nil, err
	}
	teams, err := store.Collect(ctx, q, func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) },
		"SELECT team FROM queue_member WHERE person_id = $1 AND ended_at = 0", p.ID)
	if err != nil {
		return nil, err
	}
	var out []Queue
	for _, queue := range all {
		if p.May(identity.DecideTips) && (p.May(identity.ManageQueues) || (queue.Role == "" || slices.Contains(p.Roles, identity.Role(queue.Role))) && (queue.Team == "" || slices.Contains(teams, queue.Team))) {
			out = append(out, queue)
		}
	}
	return out, nil
}

// mayWork refuses a person who may not work a queue.
func (d *Desk) mayWork(ctx context.Context, q store.Queryer, p identity.Person, queue Queue) error {
	may, err := d.workable(ctx, q, p)
	if err == nil && !slices.ContainsFunc(may, func(one Queue) bool { return one.ID == queue.ID }) {
		err = fault.New(fault.Forbidden, "%s does not work the queue %q; whoever arranges queues can change that", p.Username, queue.Name)
	}
	return err
}
