package lists

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// shared is the content of a list that is shared as a document: hashes and labels only, all that are on it.
type shared struct {
	Name    string  `json:"name"`
	Holder  string  `json:"holder"`
	Entries []Entry `json:"entries"`
}

// live reads the entries of a list that are not removed.
func live(ctx context.Context, q store.Queryer, listID int64) ([]Entry, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (e Entry, err error) {
		return e, rows.Scan(&e.ID, &e.Kind, &e.Value, &e.Label)
	}, "SELECT e.id, e.kind, e.value, e.label FROM list_entry e JOIN list_batch b ON b.id = e.batch_id WHERE b.list_id = $1 AND NOT "+isRemoved+" ORDER BY e.id", listID)
}

// Share drafts a document that gives an own list to another agency.
func (l *Lists) Share(ctx context.Context, tx *store.Tx, listID int64, audience string, by int64) (courier.Filed, error) {
	v, err := ByID(ctx, tx, listID)
	if err != nil {
		return courier.Filed{}, err
	}
	if !v.Own {
		return courier.Filed{}, fault.New(fault.Refused, "the list %s is held by %s; a list received from others is not passed on", v.Name, v.Holder)
	}
	s := shared{Name: v.Name, Holder: v.Holder}
	if s.Entries, err = live(ctx, tx, listID); err != nil {
		return courier.Filed{}, err
	}
	return l.office.File(ctx, tx, courier.Draft{Instrument: courier.ListShare, Audience: audience, Subject: "Hash list " + s.Name, Body: s, DraftedBy: by})
}

// receive takes a list that its holder shares. A later share of the same list adds what is new and removes what is no longer on it.
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
	have, err := live(ctx, tx, id)
	if err != nil {
		return err
	}
	known := map[Entry]int64{} // to its number
	for _, e := range have {
		known[Entry{Kind: e.Kind, Value: e.Value, Label: e.Label}] = e.ID
	}
	var fresh []Entry
	for _, e := range s.Entries {
		e = Entry{Kind: e.Kind, Value: e.Value, Label: e.Label}
		if err := check(&e); err != nil {
			return fault.Coded(fault.Refused, "malformed", "the shared list has an entry that is not sound: %s", fault.Message(err))
		}
		if _, ok := known[e]; !ok {
			fresh = append(fresh, e)
		}
		known[e] = 0
	}
	var gone []int64
	for _, n := range known {
		if n > 0 {
			gone = append(gone, n)
		}
	}
	slices.Sort(gone)
	if _, err := l.Remove(ctx, tx, id, gone...); err != nil || len(fresh) == 0 {
		return err
	}
	return l.Add(ctx, tx, id, in.ID, fresh)
}
