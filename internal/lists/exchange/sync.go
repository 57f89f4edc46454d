package exchange

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

const (
	jobBudget  = 8 * time.Minute // of one job's fetching; what remains is done by the next
	jobTimeout = 10 * time.Minute
)

// syncArgs is the job that fetches an exchange and enters the next one.
type syncArgs struct {
	ID   int64 `json:"id"`
	Turn int64 `json:"turn"`
}

// Kind implements jobs.Args.
func (syncArgs) Kind() string { return "list_exchange" }

// Timeout gives a fetch longer than a usual job.
func (syncArgs) Timeout() time.Duration { return jobTimeout }

func (x *Exchanges) syncJob(ctx context.Context, a syncArgs) error {
	e, err := ByID(ctx, x.DB.Reader(), a.ID)
	if fault.Of(err) == fault.NotFound || err == nil && (!e.Enabled || e.turn != a.Turn) {
		return nil // the schedule was changed, and the change entered a job of its own
	}
	if err != nil {
		return err
	}
	state, err := x.Sync(record.WithActor(ctx, "exchange"), e.ID, jobBudget)
	if err != nil && fault.Of(err) == fault.Internal {
		return err // of this node: try again soon
	}
	return x.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		now, err := ByID(ctx, tx, a.ID)
		if fault.Of(err) == fault.NotFound || err == nil && (!now.Enabled || now.turn != a.Turn || now.Every == 0) {
			return nil
		}
		if err != nil {
			return err
		}
		at := time.Now().Add(now.Every) // jobs go by the machine's clock
		if state.LastOK && !state.UpToDate {
			at = time.Time{} // there is more
		}
		return x.Jobs.EnqueueAt(ctx, tx, a, at)
	})
}

// source fetches from another party: it calls commit with each page, and goes on from there.
type source interface {
	pull(ctx context.Context, from step, commit func(page) error) error
}

var errEnough = errors.New("the time for this fetch is used up")

// Sync fetches an exchange until there is nothing more or the budget of time is used up, whichever comes first (0: no limit). What went
// wrong with the other party is kept with the exchange, told by Standing, and returned too. What was fetched before stays.
func (x *Exchanges) Sync(ctx context.Context, id int64, budget time.Duration) (Standing, error) {
	e, err := ByID(ctx, x.DB.Reader(), id)
	if err != nil {
		return Standing{}, err
	}
	if !x.enter(id) {
		return Standing{}, fault.New(fault.Conflict, "the exchange %s is being fetched already", e.Name)
	}
	defer x.leave(id)
	last, err := newest(ctx, x.DB.Reader(), id)
	if err != nil {
		return Standing{}, err
	}
	until := time.Now().Add(budget)
	commit := func(p page) error {
		err := x.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			after, err := x.take(ctx, tx, e, last, p)
			if err == nil {
				tx.AfterCommit(func() { last = after })
			}
			return err
		})
		if err == nil && !p.done && budget > 0 && !time.Now().Before(until) {
			err = errEnough
		}
		return err
	}
	failure := x.pull(ctx, e, last, commit)
	switch {
	case errors.Is(failure, errEnough):
		failure = nil
	case failure != nil && ctx.Err() != nil: // this node ends it, not the other party
		return Standing{}, ctx.Err()
	case failure != nil && fault.Of(failure) != fault.Conflict && fault.Of(failure) != fault.NotFound:
		if err := x.failed(ctx, e, failure); err != nil {
			return Standing{}, err
		}
	}
	state, err := x.stateOf(ctx, x.DB.Reader(), e)
	state.RunningAt = 0 // this fetch is over
	return state, errOr(failure, err)
}

func (x *Exchanges) pull(ctx context.Context, e Exchange, last step, commit func(page) error) error {
	secret, err := x.secret(ctx, x.DB.Reader(), e)
	if err != nil {
		return err
	}
	var s source
	switch e.Kind {
	case NCMEC:
		s = &ncmecSource{x: x, e: e, client: x.ncmecClient(e, secret)}
	case StopNCII:
		s = &stopnciiSource{x: x, e: e, client: x.stopnciiClient(e, secret)}
	case File:
		s = &fileSource{x: x, e: e}
	default:
		return fault.New(fault.NotSupported, "there is no kind of exchange %q", e.Kind)
	}
	return s.pull(ctx, last, commit)
}

// failed keeps that a fetch failed, and why. The point to go on from stays.
func (x *Exchanges) failed(ctx context.Context, e Exchange, failure error) error {
	if fault.Of(failure) == fault.Internal {
		x.Logger.ErrorContext(ctx, "exchange", "name", e.Name, "error", failure)
	}
	return x.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := ByID(ctx, tx, e.ID); err != nil {
			return nil // removed meanwhile
		}
		now, err := newest(ctx, tx, e.ID)
		if err != nil {
			return err
		}
		_, err = x.Log.Insert(ctx, tx, "exchange_step", "exchange.failed", time.Time{}, record.Fields{"exchange_id": e.ID, "checkpoint": now.checkpoint, "reached_at": now.reached,
			"failure": fault.Message(failure), "taken_at": x.Clock.Now()})
		return err
	})
}

func (x *Exchanges) enter(id int64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, busy := x.running[id]; busy {
		return false
	}
	x.running[id] = x.Clock.Now()
	return true
}

func (x *Exchanges) leave(id int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.running, id)
}

// Standing is how an exchange stands. Times are microseconds UTC, 0: never.
type Standing struct {
	Exchange
	ReachedAt int64  `json:"reached_at"`              // up to when everything of the other party is here, by the other party's time
	RunningAt int64  `json:"running_since,omitempty"` // on this node
	LastAt    int64  `json:"last_at,omitempty"`       // the last page, or failure
	DoneAt    int64  `json:"done_at,omitempty"`       // when it was last up to date
	LastOK    bool   `json:"last_ok"`
	UpToDate  bool   `json:"up_to_date"`
	Failure   string `json:"failure,omitempty"` // of the last fetch
	Items     int64  `json:"items"`             // pictures and films of the other party that are on the list
	Added     int64  `json:"added"`
	Replaced  int64  `json:"replaced"`
	Removed   int64  `json:"removed"`
	Aside     int64  `json:"set_aside"` // ever
	Open      int64  `json:"aside_open"`
}

// State says in a few words how an exchange stands.
func (s Standing) State() string {
	switch {
	case s.RunningAt != 0:
		return "being fetched"
	case s.Failure != "":
		return "failed"
	case !s.Enabled:
		return "off"
	case s.LastAt == 0:
		return "never fetched"
	case s.UpToDate:
		return "up to date"
	}
	return "not complete"
}

// StateOf tells how an exchange stands.
func (x *Exchanges) StateOf(ctx context.Context, id int64) (Standing, error) {
	e, err := ByID(ctx, x.DB.Reader(), id)
	if err != nil {
		return Standing{}, err
	}
	return x.stateOf(ctx, x.DB.Reader(), e)
}

// States tells how all exchanges stand.
func (x *Exchanges) States(ctx context.Context) ([]Standing, error) {
	all, err := All(ctx, x.DB.Reader())
	out := []Standing{}
	for _, e := range all {
		s, err := x.stateOf(ctx, x.DB.Reader(), e)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, err
}

func (x *Exchanges) stateOf(ctx context.Context, q store.Queryer, e Exchange) (Standing, error) {
	s := Standing{Exchange: e}
	err := q.QueryRowContext(ctx, `SELECT COALESCE(SUM(added), 0), COALESCE(SUM(replaced), 0), COALESCE(SUM(removed), 0), COALESCE(SUM(aside), 0), COALESCE(MAX(reached_at), 0),
		COALESCE(MAX(CASE WHEN done = 1 THEN taken_at ELSE 0 END), 0) FROM exchange_step WHERE exchange_id = $1`, e.ID).
		Scan(&s.Added, &s.Replaced, &s.Removed, &s.Aside, &s.ReachedAt, &s.DoneAt)
	if err != nil {
		return s, err
	}
	s.Items = s.Added - s.Removed
	if err := q.QueryRowContext(ctx, "SELECT COUNT(*) FROM exchange_aside WHERE exchange_id = $1 AND state = 'open'", e.ID).Scan(&s.Open); err != nil {
		return s, err
	}
	last, err := store.Collect(ctx, q, func(rows *sql.Rows) (v lastStep, err error) { return v, rows.Scan(&v.done, &v.failure, &v.at) },
		"SELECT done, failure, taken_at FROM exchange_step WHERE exchange_id = $1 ORDER BY id DESC LIMIT 1", e.ID)
	if err != nil {
		return s, err
	}
	if len(last) == 1 {
		s.LastAt, s.Failure, s.LastOK, s.UpToDate = last[0].at, last[0].failure, last[0].failure == "", last[0].done == 1
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if since, busy := x.running[e.ID]; busy {
		s.RunningAt = store.Micros(since)
	}
	return s, nil
}

type lastStep struct {
	done, at int64
	failure  string
}
