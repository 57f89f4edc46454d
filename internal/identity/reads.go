package identity

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Reads of restricted material are rows of access_read, written before the material is shown. The record holds one entry
// for each batch of them, with the batch's digest, not one for each read: reads are far more than changes, and an entry
// each would make the log a list of clicks that slows the work; the digest makes a row that is changed, added or missing
// show in `raksha record verify` just the same. All reads that arrive while a write is under way go into the next batch
// together, so that a page costs one shared commit, and none when the same person read the same thing for the same purpose
// in the last minutes.

const (
	readAgain    = 5 * time.Minute // within which reading the same again is the same read
	recentLimit  = 10000           // reads that are remembered for that
	purposeLimit = 300             // characters
	purposeLeast = 3
	readsOnPage  = 500
)

// Read is one read of restricted material.
type Read struct {
	Object   string // "tip", "document", "case", ...; a list is the plural
	ObjectID int64  // 0 for a list
	CaseID   int64  // 0: of no case
	Purpose  string
}

// ReadLine is a read as it was logged.
type ReadLine struct {
	ID        int64  `json:"id"`
	PersonID  int64  `json:"person_id"`
	Username  string `json:"username"`
	SessionID int64  `json:"session_id,omitempty"`
	Object    string `json:"object"`
	ObjectID  int64  `json:"object_id,omitempty"`
	CaseID    int64  `json:"case_id,omitempty"`
	Purpose   string `json:"purpose"`
	ReadAt    int64  `json:"read_at"` // microseconds UTC, of the node's clock
}

type readKey struct {
	person, session, id int64
	object, purpose     string
}

// ledger gathers reads into batches.
type ledger struct {
	mu     sync.Mutex
	next   *readBatch            // guarded by mu: takes reads until its writer's turn comes
	recent map[readKey]time.Time // guarded by mu: what was written lately
}

type readBatch struct {
	rows []record.Fields
	done chan struct{} // closed when err is set
	err  error
}

// ParsePurpose checks a purpose as people write it.
func ParsePurpose(s string) (string, error) {
	s = strings.Join(strings.Fields(printable(s)), " ")
	if n := len([]rune(s)); n < purposeLeast || n > purposeLimit {
		return "", fault.Coded(fault.Invalid, "purpose_needed", "say for what purpose you read this, in %d to %d characters (header Purpose)", purposeLeast, purposeLimit)
	}
	return s, nil
}

// Saw logs a person's reads and returns when they are durable. What is not logged must not be shown.
func (p *People) Saw(ctx context.Context, person Person, reads ...Read) error {
	now, l := p.now(), &p.ledger
	l.mu.Lock()
	var keys []readKey
	var rows []record.Fields
	for _, r := range reads {
		k := readKey{person.ID, person.Session.ID, r.ObjectID, r.Object, r.Purpose}
		if at, ok := l.recent[k]; ok && now.Sub(at) < readAgain && !at.After(now) {
			continue
		}
		keys = append(keys, k)
		rows = append(rows, record.Fields{"person_id": person.ID, "session_id": person.Session.ID, "object": r.Object, "object_id": r.ObjectID, "case_id": r.CaseID,
			"purpose": r.Purpose, "read_at": p.clock.Now()})
	}
	if len(rows) == 0 {
		l.mu.Unlock()
		return nil
	}
	b, first := l.next, false
	if b == nil {
		b, first = &readBatch{done: make(chan struct{})}, true
		l.next = b
	}
	b.rows = append(b.rows, rows...)
	l.mu.Unlock()
	if first {
		b.err = p.writeReads(context.WithoutCancel(ctx), b)
		close(b.done)
	}
	select {
	case <-b.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if b.err != nil {
		return b.err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.recent) > recentLimit {
		clear(l.recent)
	}
	for _, k := range keys {
		l.recent[k] = now
	}
	return nil
}

// writeReads writes a batch. It takes no more reads from the moment its transaction reaches it.
func (p *People) writeReads(ctx context.Context, b *readBatch) error {
	err := p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		p.ledger.mu.Lock()
		if p.ledger.next == b {
			p.ledger.next = nil
		}
		p.ledger.mu.Unlock()
		ctx = record.WithActor(ctx, "node")
		id, err := p.log.Insert(ctx, tx, "access_batch", "access.batch", time.Time{}, record.Fields{"reads": len(b.rows), "written_at": p.clock.Now()})
		if err != nil {
			return err
		}
		return p.log.InsertBatch(ctx, tx, "access_read", "access.read", id, b.rows)
	})
	p.ledger.mu.Lock()
	if p.ledger.next == b { // it failed before its turn came
		p.ledger.next = nil
	}
	p.ledger.mu.Unlock()
	if err != nil {
		return fmt.Errorf("log reads: %w", err)
	}
	return nil
}

// ReadFilter chooses reads; zero values choose all.
type ReadFilter struct {
	CaseID, PersonID int64
	Before           int64 // reads with a smaller id
	Limit            int
}

// Reads gives logged reads, the newest first: to an auditor all, to anybody else their own and those of the cases that
// they lead.
func (p *People) Reads(ctx context.Context, q store.Queryer, person Person, f ReadFilter) ([]ReadLine, error) {
	if f.Limit <= 0 || f.Limit > readsOnPage {
		f.Limit = readsOnPage
	}
	all := 0
	if person.May(AuditAccess) {
		all = 1
	}
	return store.Collect(ctx, q, func(rows *sql.Rows) (l ReadLine, err error) {
		return l, rows.Scan(&l.ID, &l.PersonID, &l.Username, &l.SessionID, &l.Object, &l.ObjectID, &l.CaseID, &l.Purpose, &l.ReadAt)
	}, `SELECT r.id, r.person_id, COALESCE(p.username, s.name, ''), COALESCE(r.session_id, 0), r.object, COALESCE(r.object_id, 0), COALESCE(r.case_id, 0), r.purpose, r.read_at
		FROM access_read r LEFT JOIN person p ON p.id = r.person_id LEFT JOIN service_credential s ON s.id = -r.person_id
		WHERE ($1 = 1 OR r.person_id = $2 OR r.case_id IN (SELECT case_id FROM case_member WHERE person_id = $2 AND relation = 'lead' AND ended_at = 0))
		AND ($3 = 0 OR r.case_id = $3) AND ($4 = 0 OR r.person_id = $4) AND ($5 = 0 OR r.id < $5) ORDER BY r.id DESC LIMIT $6`,
		all, person.ID, f.CaseID, f.PersonID, f.Before, f.Limit)
}

// Purpose gives what a person said in this session that they read a scope for ("case:7", "tips"), "" if they did not yet.
func (p *People) Purpose(ctx context.Context, q store.Queryer, person Person, scope string) (purpose string, err error) {
	err = q.QueryRowContext(ctx, "SELECT COALESCE(MAX(purpose), '') FROM session_purpose WHERE session_id = $1 AND scope = $2", person.Session.ID, scope).Scan(&purpose)
	return purpose, err
}

// KeepPurpose remembers it until the session ends.
func (p *People) KeepPurpose(ctx context.Context, tx *store.Tx, person Person, scope, purpose string) error {
	purpose, err := ParsePurpose(purpose)
	if err != nil {
		return err
	}
	if len(scope) == 0 || len(scope) > 60 {
		return fault.New(fault.Invalid, "what is read must be named")
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO session_purpose (session_id, scope, purpose, given_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (session_id, scope) DO UPDATE SET purpose = excluded.purpose, given_at = excluded.given_at`, person.Session.ID, scope, purpose, store.Micros(p.now()))
	return err
}
