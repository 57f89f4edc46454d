package lists

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// The acts of list_change.
const (
	removed   = "removed"
	disabled  = "disabled"
	enabled   = "enabled"
	noted     = "noted"
	described = "described"
)

// Update changes a list's properties; nil leaves one as it is.
type Update struct {
	Name       *string
	Bank       *string
	Provenance *string
	Threshold  *int
	Share      *float64
}

// UpdateList changes a list. A received list keeps its name; its threshold and share are this node's own choice.
func (l *Lists) UpdateList(ctx context.Context, tx *store.Tx, listID int64, u Update) (List, error) {
	v, err := ByID(ctx, tx, listID)
	if err == nil && v.RemovedAt > 0 {
		err = fault.New(fault.NotFound, "this list is removed")
	}
	if err != nil {
		return v, err
	}
	f := record.Fields{}
	if u.Bank != nil && *u.Bank != v.Bank {
		if f["bank"], err = l.freeBank(ctx, tx, New{Name: v.Name, Bank: *u.Bank}); err != nil {
			return v, err
		}
	}
	if u.Name != nil && *u.Name != v.Name {
		if !v.Own {
			return v, fault.New(fault.Refused, "the list %s is held by %s, who names it", v.Name, v.Holder)
		}
		if strings.TrimSpace(*u.Name) == "" || len(*u.Name) > maxName {
			return v, fault.New(fault.Invalid, "a list needs a name of at most %d bytes", maxName)
		}
		f["name"] = *u.Name
	}
	if u.Provenance != nil {
		f["provenance"] = *u.Provenance
	}
	if u.Threshold != nil {
		if err := checkThreshold(*u.Threshold); err != nil {
			return v, err
		}
		f["threshold"] = *u.Threshold
	}
	if u.Share != nil {
		if err := checkShare(*u.Share); err != nil {
			return v, err
		}
		f["share"] = millionths(*u.Share)
	}
	if len(f) == 0 {
		return v, nil
	}
	if err := l.log.Update(ctx, tx, "hash_list", "list.changed", time.Time{}, listID, f); err != nil {
		return v, err
	}
	return l.refreshed(ctx, tx, listID)
}

// RemoveList ends a list: nothing on it matches from the commit on. What it held and what matched it stays on record.
func (l *Lists) RemoveList(ctx context.Context, tx *store.Tx, listID int64) error {
	v, err := ByID(ctx, tx, listID)
	if err != nil || v.RemovedAt > 0 {
		return err
	}
	f := record.Fields{"removed_at": l.clock.Now(), "name": fmt.Sprintf("%s (removed, %d)", v.Name, v.ID)} // so that the name is free
	if err := l.log.Update(ctx, tx, "hash_list", "list.removed", time.Time{}, listID, f); err != nil {
		return err
	}
	_, err = l.refreshed(ctx, tx, listID)
	return err
}

// refreshed reads a list again and tells the index of it once it is committed.
func (l *Lists) refreshed(ctx context.Context, tx *store.Tx, listID int64) (List, error) {
	v, err := ByID(ctx, tx, listID)
	if err == nil {
		tx.AfterCommit(func() { l.index.put(v) })
	}
	return v, err
}

// change enters list_change rows under one batch and gives its number. delta is by how much the number of the list's entries changes.
func (l *Lists) change(ctx context.Context, tx *store.Tx, listID int64, delta int, rows []record.Fields) (batch int64, err error) {
	batch, err = l.log.Insert(ctx, tx, "list_batch", "list.change", time.Time{}, record.Fields{"list_id": listID, "entries": delta, "created_at": l.clock.Now()})
	if err != nil {
		return 0, err
	}
	return batch, l.log.InsertBatch(ctx, tx, "list_change", "list.changes", batch, rows)
}

const isRemoved = "EXISTS (SELECT 1 FROM list_change c WHERE c.entry = e.id AND c.act = 'removed')"

// group reads the entries of a content on a list that are not removed: the one that stands first and those that name it.
func group(ctx context.Context, q store.Queryer, listID, content int64) ([]Entry, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (e Entry, err error) {
		e.ListID, e.Content = listID, content
		return e, rows.Scan(&e.ID, &e.Kind, &e.Value, &e.Label)
	}, `SELECT e.id, e.kind, e.value, e.label FROM list_entry e JOIN list_batch b ON b.id = e.batch_id
		WHERE b.list_id = $1 AND e.id IN (SELECT $2 UNION ALL SELECT x.id FROM list_entry x WHERE x.content = $2 AND x.content > 0) AND NOT `+isRemoved+` ORDER BY e.id`, listID, content)
}

// Remove takes contents off a list and gives how many there were. They match no more from the commit on. A number that is not on
// the list, or no more, is passed over.
func (l *Lists) Remove(ctx context.Context, tx *store.Tx, listID int64, contents ...int64) (int, error) {
	var gone []Entry
	var rows []record.Fields
	n := 0
	for _, content := range contents {
		entries, err := group(ctx, tx, listID, content)
		if err != nil {
			return 0, err
		}
		if len(entries) == 0 || entries[0].ID != content {
			continue
		}
		n++
		for _, e := range entries {
			gone = append(gone, e)
			rows = append(rows, record.Fields{"entry": e.ID, "act": removed})
		}
	}
	if n == 0 {
		return 0, nil
	}
	batch, err := l.change(ctx, tx, listID, -len(gone), rows)
	if err != nil {
		return 0, err
	}
	tx.AfterCommit(func() { l.index.remove(gone, batch) })
	return n, nil
}

// Disable leaves a content out of look-ups until an instant; the zero time is for ever. Enable takes it in again.
func (l *Lists) Disable(ctx context.Context, tx *store.Tx, listID, content int64, until time.Time) error {
	return l.able(ctx, tx, listID, content, true, store.Micros(until))
}

// Enable takes a content into look-ups again.
func (l *Lists) Enable(ctx context.Context, tx *store.Tx, listID, content int64) error {
	return l.able(ctx, tx, listID, content, false, 0)
}

func (l *Lists) able(ctx context.Context, tx *store.Tx, listID, content int64, off bool, until int64) error {
	if err := there(ctx, tx, listID, content); err != nil {
		return err
	}
	row := record.Fields{"entry": content, "act": enabled}
	if off {
		row["act"], row["until"] = disabled, until
	}
	batch, err := l.change(ctx, tx, listID, 0, []record.Fields{row})
	if err != nil {
		return err
	}
	tx.AfterCommit(func() { l.index.disable(content, off, until, batch) })
	return nil
}

// there refuses a content that is not on the list, or no more.
func there(ctx context.Context, q store.Queryer, listID, content int64) error {
	entries, err := group(ctx, q, listID, content)
	if err == nil && (len(entries) == 0 || entries[0].ID != content) {
		err = fault.New(fault.NotFound, "content %d not found", content)
	}
	return err
}

// MaxNote is the most characters of a note.
const MaxNote = 255

// Note writes a note beside a content, instead of the one before; "" clears it.
func (l *Lists) Note(ctx context.Context, tx *store.Tx, listID, content int64, note string) error {
	if len([]rune(note)) > MaxNote {
		return fault.New(fault.Invalid, "a note has at most %d characters", MaxNote)
	}
	return l.say(ctx, tx, listID, content, noted, note)
}

// Metadata is what a holder keeps beside a content for its own use.
type Metadata struct {
	ContentID  string          `json:"content_id,omitempty"`
	ContentURI string          `json:"content_uri,omitempty"`
	JSON       json.RawMessage `json:"json,omitempty"`
}

const maxMetadata = 64 << 10

// Describe writes metadata beside a content, instead of what was there before.
func (l *Lists) Describe(ctx context.Context, tx *store.Tx, listID, content int64, m Metadata) error {
	b, err := json.Marshal(m)
	if err != nil || len(b) > maxMetadata {
		return fault.New(fault.Invalid, "metadata is JSON of at most %d bytes", maxMetadata)
	}
	return l.say(ctx, tx, listID, content, described, string(b))
}

func (l *Lists) say(ctx context.Context, tx *store.Tx, listID, content int64, act, value string) error {
	if err := there(ctx, tx, listID, content); err != nil {
		return err
	}
	_, err := l.change(ctx, tx, listID, 0, []record.Fields{{"entry": content, "act": act, "value": value}})
	return err
}
