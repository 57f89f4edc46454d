// Package jobs runs slow work that must not be lost: delivering documents, acting through connectors, looking up
// accounts. A job is enqueued in the transaction of the change that calls for it, so that both happen or neither, and is
// tried until it is done or given up; what was given up stays visible.
//
// The queue is River on the node's own database. A job runs at least once: after a crash it runs again, so the work must
// bear repetition. One job is for one slow step, never one per post, hash or upload.
package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"raksha.example/raksha/internal/store"
)

const (
	defaultWorkers = 4

	jobTimeout  = time.Minute      // a job's context ends then, unless its Args say otherwise
	rescueAfter = 75 * time.Second // on PostgreSQL: a job that runs for so long lost its process
	softStop    = 10 * time.Second // what running jobs get at Stop before their contexts end

	fetchCooldown = 25 * time.Millisecond
	fetchPoll     = time.Second // the fallback for jobs of other processes and for retries; our own jobs wake the queue

	firstRetry  = time.Second
	longRetry   = 5 * time.Minute
	maxAttempts = 30_000 // with longRetry between them more than a hundred days
)

// Args are a job's arguments, stored as JSON. Kind names the work: letters, digits, '_' and '-', at least two. An Args with a
// method Timeout() time.Duration gets that long for an attempt instead of a minute.
type Args interface{ Kind() string }

// Queue holds and runs the jobs of one node.
type Queue struct {
	Workers int // jobs that run at once; set before Start

	db     *store.DB
	log    *slog.Logger
	wake   wake
	kinds  *river.Workers
	enter  *river.Client[*sql.Tx] // only inserts
	read   *river.Client[*sql.Tx] // only lists, on the read connections
	work   *river.Client[*sql.Tx] // from Start on
	broken error                  // what went wrong before there was anybody to tell

	timeout, rescue time.Duration // jobTimeout and rescueAfter; tests shorten them
}

// New makes the queue of a node and brings the queue's tables up to date. What goes wrong is told by Start and Enqueue.
func New(db *store.DB, log *slog.Logger) *Queue {
	q := &Queue{Workers: defaultWorkers, db: db, log: log, wake: make(wake, 1), kinds: river.NewWorkers(),
		timeout: jobTimeout, rescue: rescueAfter}
	quiet := slog.New(atLeast{slog.LevelWarn, log.Handler()})
	if err := migrate(context.Background(), db, quiet); err != nil {
		q.broken = fmt.Errorf("job queue: %w", err)
		return q
	}
	only := func() *river.Config {
		return &river.Config{Logger: quiet, MaxAttempts: maxAttempts, SkipUnknownJobCheck: true}
	}
	var err error
	if q.enter, err = river.NewClient(newDriver(db.Engine(), db.Raw(), q.wake), only()); err != nil {
		q.broken = fmt.Errorf("job queue: %w", err)
	}
	if q.read, err = river.NewClient(newDriver(db.Engine(), db.Reader(), q.wake), only()); err != nil {
		q.broken = fmt.Errorf("job queue: %w", err)
	}
	return q
}

// Register says what does the jobs of T's kind. Every kind is registered once, before Start.
func Register[T Args](q *Queue, work func(ctx context.Context, args T) error) {
	if err := river.AddWorkerSafely(q.kinds, &worker[T]{log: q.log, work: work}); err != nil && q.broken == nil {
		q.broken = fmt.Errorf("job queue: %w", err)
	}
}

type worker[T Args] struct {
	river.WorkerDefaults[T]
	log  *slog.Logger
	work func(context.Context, T) error
}

// Work implements river.Worker.
func (w *worker[T]) Work(ctx context.Context, job *river.Job[T]) error {
	err := w.work(ctx, job.Args)
	if err != nil {
		w.log.InfoContext(ctx, "job failed", "kind", job.Kind, "job", job.ID, "attempt", job.Attempt, "err", err)
	}
	return err
}

// Timeout implements river.Worker.
func (w *worker[T]) Timeout(job *river.Job[T]) time.Duration {
	if t, ok := any(job.Args).(interface{ Timeout() time.Duration }); ok {
		return t.Timeout()
	}
	return 0
}

// Enqueue adds a job in the caller's transaction. It runs soon after the commit, and never if there is none.
func (q *Queue) Enqueue(ctx context.Context, tx *store.Tx, args Args) error {
	return q.EnqueueAt(ctx, tx, args, time.Time{})
}

// EnqueueAt is Enqueue for a job that must not run before an instant of the machine's clock (not of a clock file). A time that is
// further ahead than a few seconds is kept to within about five seconds.
func (q *Queue) EnqueueAt(ctx context.Context, tx *store.Tx, args Args, at time.Time) error {
	if q.broken != nil {
		return q.broken
	}
	if _, err := q.enter.InsertTx(context.WithoutCancel(ctx), tx.Tx, args, &river.InsertOpts{ScheduledAt: at}); err != nil {
		return fmt.Errorf("enqueue %s: %w", args.Kind(), err)
	}
	tx.AfterCommit(q.wake.up)
	return nil
}

// Start begins to run jobs, until Stop; it does not stop when ctx ends. On SQLite, where no other process can run jobs of this
// database, jobs that a killed process left running are due again at once.
func (q *Queue) Start(ctx context.Context) error {
	if q.broken != nil {
		return q.broken
	}
	config := &river.Config{
		Logger:                      slog.New(atLeast{slog.LevelWarn, q.log.Handler()}),
		Workers:                     q.kinds,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: q.Workers}},
		FetchCooldown:               fetchCooldown,
		FetchPollInterval:           fetchPoll,
		JobTimeout:                  q.timeout,
		MaxAttempts:                 maxAttempts,
		RetryPolicy:                 backoff{},
		SoftStopTimeout:             softStop,
		CompletedJobRetentionPeriod: time.Hour,
		CancelledJobRetentionPeriod: -1, // given up: for ever visible
		DiscardedJobRetentionPeriod: -1,
	}
	if q.db.Engine() == store.SQLite {
		config.ReindexerIndexNames = []string{} // rebuilding an index would hold up every write
		if err := q.db.Write(ctx, takeBack); err != nil {
			return fmt.Errorf("job queue: %w", err)
		}
	} else {
		config.RescueStuckJobsAfter = q.rescue
	}
	var err error
	if q.work, err = river.NewClient(newDriver(q.db.Engine(), q.db.Raw(), q.wake), config); err != nil {
		return fmt.Errorf("job queue: %w", err)
	}
	if err = q.work.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("job queue: %w", err)
	}
	return nil
}

// takeBack takes back what a killed process of this embedded node held: its running jobs and its leadership.
func takeBack(ctx context.Context, tx *store.Tx) error {
	if _, err := tx.ExecContext(ctx, "UPDATE river_job SET state = 'available' WHERE state = 'running'"); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM river_leader")
	return err
}

// Stop lets running jobs finish for ten seconds, then ends their contexts, and waits for them until ctx ends. Jobs that did not
// finish run again at the next Start. The database must be closed after Stop, not before.
func (q *Queue) Stop(ctx context.Context) error {
	if q.work == nil {
		return nil
	}
	if err := q.work.Stop(ctx); err != nil {
		return fmt.Errorf("stop the job queue: %w", err)
	}
	return nil
}

// Permanent marks an error that no further attempt can cure: the job is given up at once and stays visible.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return river.JobCancel(err)
}

// Failure is a job whose last attempt failed.
type Failure struct {
	ID       int64     `json:"id"`
	Kind     string    `json:"kind"`
	Args     string    `json:"args,omitempty"` // JSON
	Attempts int       `json:"attempts"`
	Error    string    `json:"error,omitempty"`
	At       time.Time `json:"at"`       // of the last attempt, machine's clock
	GivenUp  bool      `json:"given_up"` // otherwise it will be tried again
	NextAt   time.Time `json:"next_at"`  // of the next attempt; zero when given up
}

const failuresShown = 500

// Failed lists jobs that were given up or keep failing, newest first, 500 at most.
func (q *Queue) Failed(ctx context.Context) ([]Failure, error) {
	if q.broken != nil {
		return nil, q.broken
	}
	res, err := q.read.JobList(ctx, river.NewJobListParams().
		States(rivertype.JobStateAvailable, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateCancelled, rivertype.JobStateDiscarded).
		Where("errors IS NOT NULL").OrderBy(river.JobListOrderByID, river.SortOrderDesc).First(failuresShown))
	if err != nil {
		return nil, fmt.Errorf("list failed jobs: %w", err)
	}
	out := []Failure{}
	for _, j := range res.Jobs {
		if len(j.Errors) == 0 {
			continue
		}
		last := j.Errors[len(j.Errors)-1]
		f := Failure{ID: j.ID, Kind: j.Kind, Args: string(j.EncodedArgs), Attempts: j.Attempt, Error: last.Error, At: last.At.UTC()}
		f.GivenUp = j.State == rivertype.JobStateCancelled || j.State == rivertype.JobStateDiscarded
		if !f.GivenUp {
			f.NextAt = j.ScheduledAt.UTC()
		}
		out = append(out, f)
	}
	return out, nil
}

// Unfinished counts the jobs that are neither done nor given up, those of a later time included.
func (q *Queue) Unfinished(ctx context.Context) (int64, error) {
	if q.broken != nil {
		return 0, q.broken
	}
	var n int64
	err := q.db.Reader().QueryRowContext(ctx, `SELECT COUNT(*) FROM river_job
		WHERE state IN ('available', 'pending', 'retryable', 'running', 'scheduled')`).Scan(&n)
	return n, err
}

// Retry makes a job that was given up or waits for its next attempt due now.
func (q *Queue) Retry(ctx context.Context, tx *store.Tx, id int64) error {
	if q.broken != nil {
		return q.broken
	}
	if _, err := q.enter.JobRetryTx(context.WithoutCancel(ctx), tx.Tx, id); errors.Is(err, river.ErrNotFound) {
		return notThere(id)
	} else if err != nil {
		return fmt.Errorf("retry job %d: %w", id, err)
	}
	tx.AfterCommit(q.wake.up)
	return nil
}
