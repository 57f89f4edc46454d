package record

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// WitnessTables tell the record which rows of a Witness to answer for.
var WitnessTables = []Table{{Name: "counterpart"}, {Name: "contradiction"}}

// Witness compares the checkpoints that other agencies' documents bring (table witness) with those kept before. Whoever rolls
// their record back, or rewrites it, is shown up by those who keep its earlier state.
type Witness struct {
	// Wake has Compare called for an agency soon after the transaction, and again until it succeeds.
	Wake func(ctx context.Context, tx *store.Tx, agency string) error

	db      *store.DB
	log     *Log
	clock   clock.Clock
	client  *http.Client
	address func(ctx context.Context, agency string) (string, error)

	mu      sync.Mutex
	waiting map[string]bool // guarded by mu: agencies whose comparison has been asked for and has not begun
}

// NewWitness makes the node's witness and has it look at every checkpoint that is kept. address gives where an agency is reached.
func NewWitness(db *store.DB, log *Log, c clock.Clock, client *http.Client, address func(ctx context.Context, agency string) (string, error)) *Witness {
	w := &Witness{db: db, log: log, clock: c, client: client, address: address, waiting: map[string]bool{}}
	log.Watch("witness", w.kept)
	return w
}

// Counterpart is another agency's record as this node knows it.
type Counterpart struct {
	ID         int64  `json:"id"`
	Agency     string `json:"agency"`
	Origin     string `json:"origin"`      // the record's name
	RecordKey  string `json:"record_key"`  // the key that it showed first; "" before the first comparison
	Checkpoint string `json:"checkpoint"`  // the newest that all kept ones agree with, as signed
	Size       int64  `json:"size"`        // of that
	Compared   int64  `json:"compared"`    // the newest row of the table witness that has been compared
	ComparedAt int64  `json:"compared_at"` // microseconds UTC; 0: not yet
}

// Contradiction is two checkpoints of one agency that cannot both be of one record that only grew.
type Contradiction struct {
	ID      int64  `json:"id"`
	Agency  string `json:"agency"`
	Kept    string `json:"kept"`  // what it signed before, as signed
	Shown   string `json:"shown"` // what it shows since
	Reason  string `json:"reason"`
	FoundAt int64  `json:"found_at"` // microseconds UTC
}

const counterpartColumns = "SELECT id, agency, origin, record_key, checkpoint, size, witness_id, compared_at FROM counterpart "

func scanCounterpart(scan func(...any) error) (c Counterpart, err error) {
	return c, scan(&c.ID, &c.Agency, &c.Origin, &c.RecordKey, &c.Checkpoint, &c.Size, &c.Compared, &c.ComparedAt)
}

// Counterparts lists the records of other agencies.
func Counterparts(ctx context.Context, q store.Queryer) ([]Counterpart, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (Counterpart, error) { return scanCounterpart(rows.Scan) }, counterpartColumns+"ORDER BY agency")
}

// Contradictions lists what was found, oldest first. It is empty as long as no counterpart has changed what it signed.
func Contradictions(ctx context.Context, q store.Queryer) ([]Contradiction, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (c Contradiction, err error) {
		return c, rows.Scan(&c.ID, &c.Agency, &c.Kept, &c.Shown, &c.Reason, &c.FoundAt)
	}, "SELECT id, agency, kept, shown, reason, found_at FROM contradiction ORDER BY id")
}

func counterpart(ctx context.Context, q store.Queryer, agency string) (Counterpart, error) {
	c, err := scanCounterpart(q.QueryRowContext(ctx, counterpartColumns+"WHERE agency = $1", agency).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Counterpart{Agency: agency}, nil
	}
	return c, err
}

// kept looks at a checkpoint as it is received: what can be seen at once is found at once, the rest by Compare.
func (w *Witness) kept(ctx context.Context, tx *store.Tx, id int64, f Fields) error {
	agency, _ := f["agency"].(string)
	text, _ := f["checkpoint"].(string)
	known, err := counterpart(ctx, tx, agency)
	if err != nil {
		return err
	}
	got, err := ParseCheckpoint(text)
	if err != nil {
		return w.contradict(ctx, tx, agency, known.Checkpoint, text, "it sent as its checkpoint what is none")
	}
	switch {
	case known.ID == 0:
		if _, err := w.log.Insert(ctx, tx, "counterpart", "counterpart.met", time.Time{}, Fields{"agency": agency, "origin": got.Origin}); err != nil {
			return err
		}
	case known.Origin != got.Origin:
		if err := w.contradict(ctx, tx, agency, known.Checkpoint, text, fmt.Sprintf("its record was called %s and is now called %s: it began a new one", known.Origin, got.Origin)); err != nil {
			return err
		}
	}
	var before string
	err = tx.QueryRowContext(ctx, "SELECT checkpoint FROM witness WHERE agency = $1 AND id < $2 ORDER BY id DESC LIMIT 1", agency, id).Scan(&before)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	for _, earlier := range []string{known.Checkpoint, before} {
		e, err := ParseCheckpoint(earlier)
		if err == nil && e.Origin == got.Origin && e.Size == got.Size && e.Root != got.Root {
			if err := w.contradict(ctx, tx, agency, earlier, text, fmt.Sprintf("it signed two different records of %d entries", got.Size)); err != nil {
				return err
			}
		}
	}
	return w.wake(ctx, tx, agency)
}

// wake asks for one comparison, however many checkpoints come before it begins.
func (w *Witness) wake(ctx context.Context, tx *store.Tx, agency string) error {
	w.mu.Lock()
	waits := w.waiting[agency]
	w.mu.Unlock()
	if waits || w.Wake == nil {
		return nil
	}
	tx.AfterCommit(func() { w.mu.Lock(); w.waiting[agency] = true; w.mu.Unlock() })
	return w.Wake(ctx, tx, agency)
}

// contradict records a contradiction, once for each kept checkpoint.
func (w *Witness) contradict(ctx context.Context, tx *store.Tx, agency, kept, shown, reason string) error {
	var before int64
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM contradiction WHERE agency = $1 AND kept = $2 AND (kept <> '' OR shown = $3)", agency, kept, shown).Scan(&before); err != nil || before > 0 {
		return err
	}
	_, err := w.log.Insert(ctx, tx, "contradiction", "witness.contradiction", time.Time{},
		Fields{"agency": agency, "kept": kept, "shown": shown, "reason": reason, "found_at": w.clock.Now()})
	return err
}

// finding is a contradiction that is not recorded yet.
type finding struct{ kept, reason string }

// Compare fetches an agency's record as it is now, its checkpoint and the hashes that tie it to earlier ones, and compares it with
// every checkpoint kept since the last time and with the newest kept before. What contradicts is recorded. An error means that
// nothing was decided.
func (w *Witness) Compare(ctx context.Context, agency string) error {
	w.mu.Lock()
	delete(w.waiting, agency)
	w.mu.Unlock()
	q := w.db.Reader()
	known, err := counterpart(ctx, q, agency)
	if err != nil || known.ID == 0 {
		return err
	}
	last := known.Compared
	notes := []string{known.Checkpoint}
	fresh, err := store.Collect(ctx, q, func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&last, &s) },
		"SELECT id, checkpoint FROM witness WHERE agency = $1 AND id > $2 ORDER BY id", agency, known.Compared)
	if err != nil {
		return err
	}
	fresh = slices.DeleteFunc(fresh, func(text string) bool { _, err := ParseCheckpoint(text); return err != nil }) // told at receipt
	if len(fresh) == 0 && known.ComparedAt != 0 {
		return nil
	}
	address, err := w.address(ctx, agency)
	if err != nil {
		return err
	}
	remote := Remote{Client: w.client, URL: address}
	verifier, key, err := w.key(ctx, remote, known)
	if err != nil {
		return err
	}
	now, err := remote.Checkpoint(ctx, verifier)
	if fault.Of(err) == fault.Refused { // its record has another name or key
		found := []finding{{known.Checkpoint, fault.Message(err)}}
		for _, text := range fresh {
			if _, err := OpenCheckpoint(text, verifier); err != nil {
				found = append(found, finding{text, fault.Message(err)})
			}
		}
		return w.settle(ctx, known, key, last, now, found)
	}
	if err != nil {
		return err
	}
	var found []finding
	done := map[string]bool{"": true}
	for _, text := range append(notes, fresh...) {
		if done[text] {
			continue
		}
		done[text] = true
		why, err := contradicts(ctx, remote, now, text, verifier)
		if err != nil {
			return err
		}
		if why != "" {
			found = append(found, finding{text, why})
		}
	}
	return w.settle(ctx, known, key, last, now, found)
}

// key gives the record's key: the one that was learnt first.
func (w *Witness) key(ctx context.Context, remote Remote, known Counterpart) (note.Verifier, string, error) {
	if known.RecordKey == "" {
		return remote.Key(ctx)
	}
	v, err := note.NewVerifier(known.RecordKey)
	return v, known.RecordKey, err
}

// contradicts says how a kept checkpoint and the record as it is now cannot both be true; "" if they can.
func contradicts(ctx context.Context, remote Remote, now Checkpoint, text string, verifier note.Verifier) (string, error) {
	kept, err := OpenCheckpoint(text, verifier)
	if err != nil {
		return fault.Message(err), nil
	}
	if kept.Size > now.Size {
		return fmt.Sprintf("its record had %d entries when it signed this, and now has %d: it was rolled back", kept.Size, now.Size), nil
	}
	if kept.Size == 0 {
		return "", nil
	}
	root, err := remote.Root(ctx, now, kept.Size)
	if fault.Of(err) == fault.Refused {
		return fault.Message(err), nil
	}
	if err != nil {
		return "", err
	}
	if root != kept.Root {
		return fmt.Sprintf("its record of %d entries does not begin with the %d entries that it signed before: it was rolled back or rewritten", now.Size, kept.Size), nil
	}
	return "", nil
}

// settle records what a comparison gave.
func (w *Witness) settle(ctx context.Context, known Counterpart, key string, last int64, now Checkpoint, found []finding) error {
	return w.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		f := Fields{"record_key": key, "witness_id": last, "compared_at": w.clock.Now()}
		for _, c := range found {
			if err := w.contradict(ctx, tx, known.Agency, c.kept, now.Note, c.reason); err != nil {
				return err
			}
		}
		if len(found) == 0 {
			f["checkpoint"], f["size"] = now.Note, now.Size
		}
		return w.log.Update(ctx, tx, "counterpart", "counterpart.compared", time.Time{}, known.ID, f)
	})
}

// Kept is a checkpoint that a node keeps of another.
type Kept struct {
	Agency     string `json:"agency,omitempty"`
	Checkpoint string `json:"checkpoint"`            // as signed
	ReceivedAt int64  `json:"received_at,omitempty"` // microseconds UTC
}

// KeptList is the form in which kept checkpoints are handed on.
type KeptList struct {
	Kept []Kept `json:"kept"`
}

// ReadKept reads a KeptList or a single checkpoint: fault.Invalid if it is neither.
func ReadKept(b []byte) ([]Kept, error) {
	if _, err := ParseCheckpoint(string(b)); err == nil {
		return []Kept{{Checkpoint: string(b)}}, nil
	}
	var list KeptList
	if err := json.Unmarshal(b, &list); err != nil || len(list.Kept) == 0 {
		return nil, fault.New(fault.Invalid, "this holds no kept checkpoints; give the output of raksha record witness --json, or one signed checkpoint")
	}
	return list.Kept, nil
}

// AllKept lists every checkpoint that this node keeps of an agency ("": of all), oldest first.
func AllKept(ctx context.Context, q store.Queryer, agency string) ([]Kept, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (k Kept, err error) { return k, rows.Scan(&k.Agency, &k.Checkpoint, &k.ReceivedAt) },
		"SELECT agency, checkpoint, received_at FROM witness WHERE $1 = '' OR agency = $1 ORDER BY id", agency)
}

// KeptPath is where, below Path, a node shows the newest checkpoints that it keeps of a record, to whoever knows its name.
func KeptPath(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return "kept/" + hex.EncodeToString(sum[:])
}

// newestKept answers KeptPath: what all agree with, and the last one received.
func newestKept(ctx context.Context, q store.Queryer, path string) ([]byte, error) {
	all, err := Counterparts(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if KeptPath(c.Origin) != path {
			continue
		}
		list := KeptList{}
		if c.Checkpoint != "" {
			list.Kept = append(list.Kept, Kept{Checkpoint: c.Checkpoint})
		}
		var last string
		err := q.QueryRowContext(ctx, "SELECT checkpoint FROM witness WHERE agency = $1 ORDER BY id DESC LIMIT 1", c.Agency).Scan(&last)
		if err == nil && last != c.Checkpoint {
			list.Kept = append(list.Kept, Kept{Checkpoint: last})
		}
		return json.Marshal(list)
	}
	return nil, fault.New(fault.NotFound, "this node keeps no checkpoint of that record")
}

// Comparison is what CompareOwn found.
type Comparison struct {
	Compared int      `json:"compared"` // checkpoints of this record
	Others   int      `json:"others"`   // checkpoints of other records, which were passed over
	Agrees   bool     `json:"agrees"`   // at least one was compared, and all fit
	Problems []string `json:"problems,omitempty"`
}

// CompareOwn compares this node's record with what a counterpart keeps of it.
func CompareOwn(ctx context.Context, q store.Queryer, verifier note.Verifier, kept []Kept) (Comparison, error) {
	var out Comparison
	size, err := newestSize(ctx, q)
	if err != nil {
		return out, err
	}
	for _, k := range kept {
		c, err := ParseCheckpoint(k.Checkpoint)
		if err != nil || c.Origin != verifier.Name() {
			out.Others++
			continue
		}
		out.Compared++
		if _, err := OpenCheckpoint(k.Checkpoint, verifier); err != nil {
			out.Problems = append(out.Problems, fault.Message(err))
			continue
		}
		if c.Size > size {
			out.Problems = append(out.Problems, fmt.Sprintf("this record has %d entries; the kept checkpoint was signed over %d: this node was rolled back", size, c.Size))
			continue
		}
		root, err := tlog.TreeHash(c.Size, &hashReader{ctx: ctx, q: q})
		if err != nil {
			return out, err
		}
		if root != c.Root {
			out.Problems = append(out.Problems, fmt.Sprintf("the first %d entries of this record are not those that the kept checkpoint was signed over: it was rolled back or rewritten", c.Size))
		}
	}
	out.Agrees = out.Compared > 0 && len(out.Problems) == 0
	return out, nil
}

// FetchKept asks a counterpart at url what it keeps of the record origin.
func FetchKept(ctx context.Context, client *http.Client, url, origin string) ([]Kept, error) {
	b, err := Remote{Client: client, URL: strings.TrimSuffix(url, Path)}.get(ctx, KeptPath(origin), 64<<10)
	if err != nil {
		return nil, err
	}
	return ReadKept(b)
}
