// Package lists holds hash lists, own and received, and answers whether a picture or video is on one.
//
// An exact hash (SHA-256, MD5) decides by itself; a perceptual one (PDQ, vPDQ) is a suggestion until a person has
// confirmed it. Lists received from others are never passed on.
package lists

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

// The kinds of list entry.
const (
	PDQ    = "pdq"
	VPDQ   = "vpdq"
	SHA256 = "sha256"
	MD5    = "md5"
)

// Tables tell the record which rows to answer for.
var Tables = []record.Table{{Name: "hash_list"}, {Name: "list_batch"}, {Name: "list_entry", Bulk: true}, {Name: "media_match"}}

// List is one hash list.
type List struct {
	ID        int64  `json:"id"`
	Name      string `json:"name"`
	Holder    string `json:"holder"` // the agency that answers for it
	Own       bool   `json:"own"`
	Entries   int64  `json:"entries"`
	CreatedAt int64  `json:"created_at"`
}

// Entry is one hash on a list.
type Entry struct {
	ID     int64  `json:"-"`
	ListID int64  `json:"-"`
	Kind   string `json:"kind"`
	Value  string `json:"value"` // lower-case hexadecimal; of vpdq its text form
	Label  string `json:"label,omitempty"`
}

// Lists keeps the lists and their index in memory. Safe for concurrent use.
type Lists struct {
	db     *store.DB
	log    *record.Log
	clock  clock.Clock
	office *courier.Office
	agency func() string
	index  *index
}

// Open reads all entries into the index and takes the desk for lists that others share.
func Open(ctx context.Context, db *store.DB, log *record.Log, c clock.Clock, office *courier.Office, agency func() string) (*Lists, error) {
	l := &Lists{db: db, log: log, clock: c, office: office, agency: agency, index: newIndex()}
	entries, err := store.Collect(ctx, db.Reader(), func(rows *sql.Rows) (e Entry, err error) {
		return e, rows.Scan(&e.ID, &e.ListID, &e.Kind, &e.Value, &e.Label)
	}, "SELECT e.id, b.list_id, e.kind, e.value, e.label FROM list_entry e JOIN list_batch b ON b.id = e.batch_id ORDER BY e.id")
	if err != nil {
		return nil, err
	}
	l.index.add(entries)
	office.On(courier.ListShare, l.receive)
	return l, nil
}

// Create enters an empty list.
func (l *Lists) Create(ctx context.Context, tx *store.Tx, name, holder string) (int64, error) {
	if strings.TrimSpace(name) == "" {
		return 0, fault.New(fault.Invalid, "a list needs a name")
	}
	return l.log.Insert(ctx, tx, "hash_list", "list.created", time.Time{}, record.Fields{"name": name, "holder": holder, "own": holder == l.agency(), "created_at": l.clock.Now()})
}

// All reads the lists.
func All(ctx context.Context, q store.Queryer) ([]List, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (v List, err error) {
		return v, rows.Scan(&v.ID, &v.Name, &v.Holder, &v.Own, &v.Entries, &v.CreatedAt)
	}, `SELECT l.id, l.name, l.holder, CASE WHEN l.own = 1 THEN TRUE ELSE FALSE END, COALESCE(SUM(b.entries), 0), l.created_at
		FROM hash_list l LEFT JOIN list_batch b ON b.list_id = l.id GROUP BY l.id, l.name, l.holder, l.own, l.created_at ORDER BY l.id`)
}

// Add enters entries in one batch. They match from the commit on.
func (l *Lists) Add(ctx context.Context, tx *store.Tx, listID, documentID int64, entries []Entry) error {
	rows := make([]record.Fields, len(entries))
	for i, e := range entries {
		if err := check(&e); err != nil {
			return fault.New(fault.Invalid, "entry %d: %s", i+1, fault.Message(err))
		}
		entries[i] = e
		rows[i] = record.Fields{"kind": e.Kind, "value": e.Value, "label": e.Label}
	}
	batch, err := l.log.Insert(ctx, tx, "list_batch", "list.batch", time.Time{}, record.Fields{"list_id": listID, "document_id": documentID, "entries": len(entries), "created_at": l.clock.Now()})
	if err != nil {
		return err
	}
	if err := l.log.InsertBatch(ctx, tx, "list_entry", "list.entries", batch, rows); err != nil {
		return err
	}
	stored, err := store.Collect(ctx, tx, func(rows *sql.Rows) (e Entry, err error) {
		e.ListID = listID
		return e, rows.Scan(&e.ID, &e.Kind, &e.Value, &e.Label)
	}, "SELECT id, kind, value, label FROM list_entry WHERE batch_id = $1 ORDER BY id", batch)
	if err != nil {
		return err
	}
	tx.AfterCommit(func() { l.index.add(stored) })
	return nil
}

// check brings an entry to its stored form.
func check(e *Entry) error {
	e.Label = strings.TrimSpace(e.Label)
	if e.Kind == VPDQ {
		frames, err := vpdq.Parse(strings.NewReader(e.Value))
		if err == nil && len(frames) == 0 {
			err = fault.New(fault.Invalid, "a vpdq entry needs at least one frame")
		}
		return err
	}
	e.Value = strings.ToLower(strings.TrimSpace(e.Value))
	want := map[string]int{PDQ: 32, SHA256: 32, MD5: 16}[e.Kind]
	b, err := hex.DecodeString(e.Value)
	switch {
	case want == 0:
		return fault.New(fault.Invalid, "there is no kind of hash %q here; use pdq, vpdq, sha256 or md5", e.Kind)
	case err != nil || len(b) != want:
		return fault.New(fault.Invalid, "a %s is %d hexadecimal digits", e.Kind, 2*want)
	}
	return nil
}

// ParseEntries reads a plain file: a hash a line, of the kind that its length tells (64 digits are taken as PDQ), optional
// label after a comma or a tab. Lines that start with # are comments.
func ParseEntries(text string) ([]Entry, error) {
	var out []Entry
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		value, label, _ := strings.Cut(strings.ReplaceAll(line, "\t", ","), ",")
		e := Entry{Kind: PDQ, Value: value, Label: label}
		if len(strings.TrimSpace(value)) == 32 {
			e.Kind = MD5
		}
		if err := check(&e); err != nil {
			return nil, fault.New(fault.Invalid, "line %d: %s", i+1, fault.Message(err))
		}
		out = append(out, e)
	}
	return out, nil
}

// shared is the content of a list that is shared as a document: hashes and labels only.
type shared struct {
	Name    string  `json:"name"`
	Holder  string  `json:"holder"`
	Entries []Entry `json:"entries"`
}

// Share drafts a document that gives an own list to another agency.
func (l *Lists) Share(ctx context.Context, tx *store.Tx, listID int64, audience string, by int64) (courier.Filed, error) {
	var s shared
	var own bool
	err := tx.QueryRowContext(ctx, "SELECT name, holder, CASE WHEN own = 1 THEN TRUE ELSE FALSE END FROM hash_list WHERE id = $1", listID).Scan(&s.Name, &s.Holder, &own)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no such list")
	}
	if err != nil {
		return courier.Filed{}, err
	}
	if !own {
		return courier.Filed{}, fault.New(fault.Refused, "the list %s is held by %s; a list received from others is not passed on", s.Name, s.Holder)
	}
	if s.Entries, err = store.Collect(ctx, tx, func(rows *sql.Rows) (e Entry, err error) {
		return e, rows.Scan(&e.Kind, &e.Value, &e.Label)
	}, "SELECT e.kind, e.value, e.label FROM list_entry e JOIN list_batch b ON b.id = e.batch_id WHERE b.list_id = $1 ORDER BY e.id", listID); err != nil {
		return courier.Filed{}, err
	}
	return l.office.File(ctx, tx, courier.Draft{Instrument: courier.ListShare, Audience: audience, Subject: "Hash list " + s.Name, Body: s, DraftedBy: by})
}

// receive takes a list that its holder shares. A later share of the same list adds what is new.
func (l *Lists) receive(ctx context.Context, tx *store.Tx, in courier.Incoming) error {
	var s shared
	if err := json.Unmarshal(in.Body, &s); err != nil {
		return fault.Coded(fault.Refused, "malformed", "the shared list is not readable")
	}
	if s.Holder != in.Issuer {
		return fault.Coded(fault.Refused, "not_the_holder", "only its holder may share a list; this one is held by %s", s.Holder)
	}
	var id int64
	err := tx.QueryRowContext(ctx, "SELECT id FROM hash_list WHERE holder = $1 AND name = $2", s.Holder, s.Name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		id, err = l.Create(ctx, tx, s.Name, s.Holder)
	}
	if err != nil {
		return err
	}
	known := map[Entry]bool{}
	have, err := store.Collect(ctx, tx, func(rows *sql.Rows) (e Entry, err error) {
		return e, rows.Scan(&e.Kind, &e.Value, &e.Label)
	}, "SELECT e.kind, e.value, e.label FROM list_entry e JOIN list_batch b ON b.id = e.batch_id WHERE b.list_id = $1", id)
	if err != nil {
		return err
	}
	for _, e := range have {
		known[e] = true
	}
	var fresh []Entry
	for _, e := range s.Entries {
		if !known[e] {
			fresh = append(fresh, e)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return l.Add(ctx, tx, id, in.ID, fresh)
}

// pdqOf parses a PDQ that is known to be well formed.
func pdqOf(value string) (pdq.Hash, bool) {
	h, err := pdq.Parse(value)
	return h, err == nil
}
