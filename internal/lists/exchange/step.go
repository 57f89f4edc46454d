package exchange

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/foreign"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// page is what one step takes: entries of the other party, and where to go on after them.
type page struct {
	items      []foreign.Item
	aside      []foreign.Aside
	taken      []int64 // numbers of what was set aside and is read now
	tried      []int64 // and of what was tried again, in vain
	checkpoint string
	reached    time.Time // up to when everything of the other party is here
	done       bool      // there is nothing more for now
}

const (
	maxAsides = 100  // rows of one step; what is beyond is counted
	maxSample = 2048 // bytes kept of what was set aside
)

// step is the newest row of an exchange.
type step struct {
	id         int64
	checkpoint string
	reached    int64
}

func newest(ctx context.Context, q store.Queryer, exchange int64) (s step, err error) {
	err = q.QueryRowContext(ctx, "SELECT id, checkpoint, reached_at FROM exchange_step WHERE exchange_id = $1 ORDER BY id DESC LIMIT 1", exchange).Scan(&s.id, &s.checkpoint, &s.reached)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return s, err
}

// known is what this node has of an entry of the other party.
type known struct {
	content int64
	digest  string
	stamp   int64
}

func keyOf(ctx context.Context, q store.Queryer, exchange int64, upstream string) (k known, err error) {
	err = q.QueryRowContext(ctx, "SELECT content, digest, stamp FROM exchange_key WHERE exchange_id = $1 AND upstream = $2 ORDER BY id DESC LIMIT 1", exchange, upstream).
		Scan(&k.content, &k.digest, &k.stamp)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return k, err
}

// take commits a page: entries, keys, what was set aside and where to go on, all or nothing. before is the step that the page follows; if
// another has come in between, nothing is changed and the answer is a fault.Conflict.
func (x *Exchanges) take(ctx context.Context, tx *store.Tx, e Exchange, before step, p page) (after step, err error) {
	if _, err := ByID(ctx, tx, e.ID); err != nil {
		return before, err // removed meanwhile
	}
	if now, err := newest(ctx, tx, e.ID); err != nil || now.id != before.id {
		return before, errOr(err, fault.New(fault.Conflict, "the exchange %s is being fetched by another process", e.Name))
	}
	var removed int64
	if err := tx.QueryRowContext(ctx, "SELECT removed_at FROM hash_list WHERE id = $1", e.ListID).Scan(&removed); err != nil {
		return before, err
	}
	if removed > 0 {
		return before, fault.New(fault.Refused, "the list of the exchange %s was removed here; remove the exchange too", e.Name)
	}
	t := taking{x: x, e: e, aside: p.aside}
	if err := t.sort(ctx, tx, p.items); err != nil {
		return before, err
	}
	if err := t.change(ctx, tx); err != nil {
		return before, err
	}
	reached := max(before.reached, store.Micros(p.reached))
	id, err := x.Log.Insert(ctx, tx, "exchange_step", "exchange.step", time.Time{}, record.Fields{"exchange_id": e.ID, "checkpoint": p.checkpoint, "reached_at": reached,
		"done": p.done, "added": t.added, "replaced": t.replaced, "removed": t.removed, "aside": len(t.aside), "taken_at": x.Clock.Now()})
	if err != nil {
		return before, err
	}
	if err := x.Log.InsertBatch(ctx, tx, "exchange_key", "exchange.keys", id, t.keys); err != nil {
		return before, err
	}
	if err := x.setAside(ctx, tx, e, id, t.aside); err != nil {
		return before, err
	}
	for _, aside := range p.taken {
		if err := x.Log.Update(ctx, tx, "exchange_aside", "exchange.aside_taken", time.Time{}, aside, record.Fields{"state": "taken", "tried_at": x.Clock.Now()}); err != nil {
			return before, err
		}
	}
	for _, aside := range p.tried {
		if err := x.Log.Update(ctx, tx, "exchange_aside", "exchange.aside_tried", time.Time{}, aside, record.Fields{"tried_at": x.Clock.Now()}); err != nil {
			return before, err
		}
	}
	return step{id, p.checkpoint, reached}, nil
}

func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// taking is one page on its way into the list.
type taking struct {
	x     *Exchanges
	e     Exchange
	aside []foreign.Aside

	gone   []int64 // contents to take off the list
	groups [][]lists.Entry
	of     []fresh // of each group
	keys   []record.Fields

	added, replaced, removed int
}

type fresh struct {
	key     string
	digest  string
	stamp   int64
	instead int64 // the content that it replaces; 0: none
}

// sort decides of each item whether it is new, changed, gone or as it was. The last word of the other party on a key counts.
func (t *taking) sort(ctx context.Context, tx *store.Tx, items []foreign.Item) error {
	last := map[string]int{}
	for i, v := range items {
		if j, twice := last[v.Key]; twice && v.Stamp.Before(items[j].Stamp) {
			continue
		}
		last[v.Key] = i
	}
	for i, v := range items {
		if v.Key == "" || len(v.Key) > foreign.MaxKey {
			t.aside = append(t.aside, foreign.Aside{Place: fmt.Sprintf("entry %.80q", v.Key), Reason: "it bears no number that could be kept"})
			continue
		}
		if last[v.Key] != i {
			continue
		}
		have, err := keyOf(ctx, tx, t.e.ID, v.Key)
		if err != nil {
			return err
		}
		stamp := store.Micros(v.Stamp)
		if stamp > 0 && stamp < have.stamp {
			continue // this node knows a later word
		}
		if v.Gone {
			if have.content > 0 {
				t.gone = append(t.gone, have.content)
				t.removed++
			}
			if have.content > 0 || stamp > have.stamp { // the latter so that an earlier word does not bring it back
				t.keys = append(t.keys, t.key(v.Key, 0, "", stamp))
			}
			continue
		}
		group := t.sound(v)
		if len(group) == 0 {
			continue
		}
		digest := digestOf(group)
		if have.content > 0 && have.digest == digest {
			continue
		}
		t.groups = append(t.groups, group)
		t.of = append(t.of, fresh{v.Key, digest, stamp, have.content})
		if have.content > 0 {
			t.gone = append(t.gone, have.content)
			t.replaced++
		} else {
			t.added++
		}
	}
	return nil
}

// sound gives the entries of an item that are in form; the others are set aside.
func (t *taking) sound(v foreign.Item) (out []lists.Entry) {
	for _, e := range v.Entries {
		if err := e.Check(); err != nil {
			t.aside = append(t.aside, foreign.Aside{Place: fmt.Sprintf("entry %.80q", v.Key), Reason: fault.Message(err), Bytes: []byte(e.Kind + " " + e.Value)})
			continue
		}
		out = append(out, e)
	}
	return out
}

func (t *taking) key(upstream string, content int64, digest string, stamp int64) record.Fields {
	f := record.Fields{"exchange_id": t.e.ID, "upstream": upstream, "digest": digest, "stamp": stamp}
	if content > 0 {
		f["content"] = content
	}
	return f
}

// change puts the page into the list. A content that replaces one that was switched off here is switched off too.
func (t *taking) change(ctx context.Context, tx *store.Tx) error {
	off := map[int]lists.Content{}
	for i, f := range t.of {
		if f.instead == 0 {
			continue
		}
		old, err := lists.ContentByID(ctx, tx, t.e.ListID, f.instead)
		if err == nil && old.Disabled {
			off[i] = old
		} else if err != nil && fault.Of(err) != fault.NotFound {
			return err
		}
	}
	if _, err := t.x.Lists.Remove(ctx, tx, t.e.ListID, t.gone...); err != nil {
		return err
	}
	if len(t.groups) == 0 {
		return nil
	}
	ids, err := t.x.Lists.AddContents(ctx, tx, t.e.ListID, t.groups)
	if err != nil {
		return err
	}
	for i, id := range ids {
		f := t.of[i]
		t.keys = append(t.keys, t.key(f.key, id, f.digest, f.stamp))
		if old, is := off[i]; is {
			if err := t.x.Lists.Disable(ctx, tx, t.e.ListID, id, store.Time(old.DisabledUntil)); err != nil {
				return err
			}
		}
	}
	return nil
}

// digestOf names a group of entries whatever their order.
func digestOf(group []lists.Entry) string {
	var lines []string
	for _, e := range group {
		lines = append(lines, e.Kind+"\x00"+e.Value+"\x00"+e.Label)
	}
	slices.Sort(lines)
	h := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(h[:16])
}

// setAside keeps what could not be taken.
func (x *Exchanges) setAside(ctx context.Context, tx *store.Tx, e Exchange, stepID int64, all []foreign.Aside) error {
	kept := all
	if len(all) > maxAsides {
		kept = append(slices.Clone(all[:maxAsides-1]), foreign.Aside{Place: "further entries of the same page", Reason: fmt.Sprintf("%d more were set aside", len(all)-maxAsides+1)})
	}
	for _, a := range kept {
		size := max(a.Size, int64(len(a.Bytes)))
		_, err := x.Log.Insert(ctx, tx, "exchange_aside", "exchange.set_aside", time.Time{}, record.Fields{"exchange_id": e.ID, "step_id": stepID, "place": a.Place,
			"reason": a.Reason, "sample": string(a.Bytes[:min(len(a.Bytes), maxSample)]), "size": size, "span": a.Span, "state": "open", "set_at": x.Clock.Now()})
		if err != nil {
			return err
		}
	}
	return nil
}

// Aside is something of the other party that could not be taken.
type Aside struct {
	ID      int64  `json:"id"`
	Place   string `json:"place"`
	Reason  string `json:"reason"`
	Sample  string `json:"sample,omitempty"` // its first bytes
	Size    int64  `json:"size"`
	Again   bool   `json:"again"` // it is asked for again by itself
	State   string `json:"state"` // "open", or "taken" when it could be read later
	SetAt   int64  `json:"set_at"`
	TriedAt int64  `json:"tried_at,omitempty"`
	span    string
}

// Asides reads what an exchange set aside, newest first, at most limit of them with numbers before `before` (0: from the newest).
func Asides(ctx context.Context, q store.Queryer, exchange, before int64, limit int) ([]Aside, error) {
	if before <= 0 {
		before = 1 << 62
	}
	return store.Collect(ctx, q, scanAside, asideColumns+"WHERE exchange_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3", exchange, before, limit)
}

const asideColumns = "SELECT id, place, reason, sample, size, span, state, set_at, tried_at FROM exchange_aside "

func scanAside(rows *sql.Rows) (a Aside, err error) {
	err = rows.Scan(&a.ID, &a.Place, &a.Reason, &a.Sample, &a.Size, &a.span, &a.State, &a.SetAt, &a.TriedAt)
	a.Again = a.span != ""
	return a, err
}

// due reads what may be asked for again: spans that were last tried before an instant.
func due(ctx context.Context, q store.Queryer, exchange int64, before time.Time, limit int) ([]Aside, error) {
	return store.Collect(ctx, q, scanAside, asideColumns+`WHERE exchange_id = $1 AND state = 'open' AND span <> '' AND set_at <= $2 AND tried_at <= $2 ORDER BY id LIMIT $3`,
		exchange, store.Micros(before), limit)
}
