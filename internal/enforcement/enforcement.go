// Package enforcement is the holder's side of orders: it verifies what comes in, preserves before it removes, acts on the
// real server through its connector, and answers item by item.
package enforcement

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/orders"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/vault"
)

// Tables tell the record which rows to answer for.
var Tables = []record.Table{{Name: "preserved"}}

// Recipients gives the key to which data for an agency is encrypted.
type Recipients interface {
	Recipient(ctx context.Context, agency string) (string, error)
}

// Desk is a holder's desk.
type Desk struct {
	db         *store.DB
	log        *record.Log
	clock      clock.Clock
	office     *courier.Office
	orders     *orders.Orders
	law        *rules.Jurisdiction
	register   *platforms.Register
	vault      *vault.Vault
	jobs       *jobs.Queue
	recipients Recipients
}

type executeArgs struct {
	DocumentID int64 `json:"document_id"`
}

// Kind names the job.
func (executeArgs) Kind() string { return "execute" }

// New makes the desk and takes orders and requests from the office.
func New(db *store.DB, log *record.Log, c clock.Clock, office *courier.Office, o *orders.Orders, law *rules.Jurisdiction, register *platforms.Register, v *vault.Vault, q *jobs.Queue, r Recipients) *Desk {
	d := &Desk{db, log, c, office, o, law, register, v, q, r}
	for _, instrument := range []string{courier.TakedownOrder, courier.PreservationRequest, courier.InformationRequest} {
		office.On(instrument, d.receive)
	}
	office.OnDelivered(courier.Response, d.answered)
	jobs.Register(q, func(ctx context.Context, a executeArgs) error { return d.execute(ctx, a.DocumentID) })
	return d
}

// receive verifies a document. Nothing is acted on before an officer of this node has taken it up.
func (d *Desk) receive(ctx context.Context, tx *store.Tx, in courier.Incoming) error {
	_, err := orders.CheckIncoming(d.law, in, d.clock.Now())
	return err
}

// Execute takes a received document up; its items are then worked on one by one.
func (d *Desk) Execute(ctx context.Context, tx *store.Tx, id int64) error {
	f, err := courier.ByID(ctx, tx, id)
	if err != nil {
		return err
	}
	switch f.Instrument {
	case courier.TakedownOrder, courier.PreservationRequest, courier.InformationRequest:
	default:
		return fault.New(fault.Invalid, "a %s is not executed", f.Instrument)
	}
	if f.Direction != courier.In || f.State != "received" {
		return fault.New(fault.Conflict, "document %s is %s; only a received one is taken up", f.Number, f.State)
	}
	if err := d.office.SetState(ctx, tx, id, "accepted"); err != nil {
		return err
	}
	return d.jobs.Enqueue(ctx, tx, executeArgs{id})
}

// execute works on each item that has no final state. It may run again after a crash at any point.
func (d *Desk) execute(ctx context.Context, id int64) error {
	f, err := courier.ByID(ctx, d.db.Reader(), id)
	if err != nil {
		return err
	}
	items, err := courier.Items(ctx, d.db.Reader(), id)
	if err != nil {
		return err
	}
	ctx = record.WithActor(ctx, "enforcement")
	var failed error
	for _, it := range items {
		if final(f.Instrument, it.State) {
			continue
		}
		var err error
		switch f.Instrument {
		case courier.PreservationRequest:
			err = d.preserveItem(ctx, f, it)
		case courier.TakedownOrder:
			err = d.takedown(ctx, f, it)
		case courier.InformationRequest:
			err = d.produce(ctx, f, it)
		}
		if err != nil { // the others go on; the job comes back for this one
			failed = errors.Join(failed, fmt.Errorf("item %d of %s: %w", it.N, f.Number, err))
		}
	}
	return failed
}

// final says whether nothing more happens to an item: a takedown's item is preserved on the way.
func final(instrument, state string) bool {
	return state != "pending" && !(instrument == courier.TakedownOrder && state == "preserved")
}

func (d *Desk) set(ctx context.Context, it courier.Item, state, reason string) error {
	it.State, it.Reason, it.EffectedAt = state, reason, store.Micros(d.clock.Now())
	return d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return d.office.SetItem(ctx, tx, it, "enforcement."+state)
	})
}

// subject is the account that an item names, on the holder's own server.
type subject struct {
	connector *platforms.Mastodon
	account   platforms.Account
}

// find looks an item's account up by the platform's own id. refusal tells why the item cannot be acted on: the account is
// not there, or its handle now belongs to somebody else, whom no order may hit.
func (d *Desk) find(ctx context.Context, it courier.Item) (s subject, state, reason string, err error) {
	l, err := platforms.ParseLocator(it.Locator)
	if err != nil {
		return s, "refused", "the identifier is not readable", nil
	}
	if s.connector, err = d.register.Owned(ctx, l.Host); fault.Of(err) == fault.NotFound || fault.Of(err) == fault.NotSupported {
		return s, "refused", "this holder has no account on " + l.Host, nil
	} else if err != nil {
		return s, "", "", err
	}
	id := it.NativeID
	holder, err := s.connector.Lookup(ctx, l.Handle)
	if err != nil && fault.Of(err) != fault.NotFound {
		return s, "", "", err
	}
	if err == nil && id == "" {
		id = holder.ID
	}
	if id == "" {
		return s, "not_found", "no account has this address", nil
	}
	s.account, err = s.connector.AdminAccount(ctx, id)
	switch {
	case fault.Of(err) == fault.NotFound && err != nil && holder.ID != "" && holder.ID != id:
		return s, "refused", "identifier mismatch: the handle now belongs to another account than the one named", nil
	case fault.Of(err) == fault.NotFound && err != nil:
		return s, "not_found", "no account has this id any more", nil
	case err != nil:
		return s, "", "", err
	}
	return s, "", "", nil
}

func (d *Desk) preserveItem(ctx context.Context, f courier.Filed, it courier.Item) error {
	s, state, reason, err := d.find(ctx, it)
	if err != nil {
		return err
	}
	if state != "" {
		return d.set(ctx, it, state, reason)
	}
	return d.preserve(ctx, f, it, s)
}

// preserve keeps what the holder has on an account, encrypted: profile, holder's data, posts with the addresses of their
// media. It ends with the item in state "preserved".
func (d *Desk) preserve(ctx context.Context, f courier.Filed, it courier.Item, s subject) error {
	holder, err := s.connector.Holder(ctx, s.account.ID)
	if err != nil {
		return err
	}
	snapshot := struct {
		Account platforms.Account
		Holder  platforms.Holder
		Posts   []platforms.Post
	}{Account: s.account, Holder: holder}
	err = s.connector.Posts(ctx, s.account.ID, func(p platforms.Post) error {
		snapshot.Posts = append(snapshot.Posts, p)
		return nil
	})
	if err != nil && fault.Of(err) != fault.NotFound { // a suspended account shows no posts
		return err
	}
	return d.keep(ctx, f, it, snapshot, "preserved")
}

// keep puts something into the vault for an item and moves the item on, in one transaction. It is retained until expires_at and
// held while the document is unanswered or contested.
func (d *Desk) keep(ctx context.Context, f courier.Filed, it courier.Item, content any, state string) error {
	b, err := json.Marshal(content)
	if err != nil {
		return err
	}
	staged, err := d.vault.Stage(ctx, b)
	if err != nil {
		return err
	}
	now := d.clock.Now()
	expires := now.Add(180 * 24 * time.Hour)
	if rule, err := d.law.Rule(courier.PreservationRequest, now); err == nil {
		expires = rule.Due(now)
	}
	it.State, it.EffectedAt = state, store.Micros(now)
	return d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := d.vault.Keep(ctx, tx, staged); err != nil {
			return err
		}
		if err := d.vault.Retain(ctx, tx, staged.SHA256, expires); err != nil {
			return err
		}
		if err := d.vault.Hold(ctx, tx, staged.SHA256, holdBasis(f)); err != nil {
			return err
		}
		if _, err := d.log.Insert(ctx, tx, "preserved", "enforcement.kept", time.Time{}, record.Fields{"document_id": f.ID, "item_id": it.ID, "sha256": staged.SHA256, "size": len(b),
			"preserved_at": now, "expires_at": expires}); err != nil {
			return err
		}
		return d.office.SetItem(ctx, tx, it, "enforcement."+state)
	})
}

// takedown preserves, suspends and looks whether it took effect. The state "preserved" is committed before the act: when it
// stands and the account is suspended, it was we who did it.
func (d *Desk) takedown(ctx context.Context, f courier.Filed, it courier.Item) error {
	s, state, reason, err := d.find(ctx, it)
	if err != nil {
		return err
	}
	if state != "" {
		return d.set(ctx, it, state, reason)
	}
	if it.State == "pending" {
		if s.account.Suspended {
			return d.set(ctx, it, "already_removed", "the account was suspended before")
		}
		if err := d.preserve(ctx, f, it, s); err != nil {
			return err
		}
	}
	if !s.account.Suspended {
		if err := s.connector.Suspend(ctx, s.account.ID, "order "+f.Number); err != nil {
			return err
		}
		if s.account, err = s.connector.AdminAccount(ctx, s.account.ID); err != nil {
			return err
		}
	}
	if !s.account.Suspended {
		return fault.New(fault.Unavailable, "the server took the suspension but still shows the account as active")
	}
	return d.set(ctx, it, "account_suspended", "")
}

// produce collects what the holder holds on an account or behind a selector.
func (d *Desk) produce(ctx context.Context, f courier.Filed, it courier.Item) error {
	if it.Kind == "account" {
		s, state, reason, err := d.find(ctx, it)
		if err != nil {
			return err
		}
		if state != "" {
			return d.set(ctx, it, state, reason)
		}
		holder, err := s.connector.Holder(ctx, s.account.ID)
		if err != nil {
			return err
		}
		return d.keep(ctx, f, it, orders.Produced{N: it.N, Holder: platforms.Holding{Holder: holder}}, "produced")
	}
	all, err := d.register.Platforms(ctx, d.db.Reader())
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Kind != "holdings" {
			continue
		}
		files, err := d.register.Files(ctx, p.Host)
		if err != nil {
			return err
		}
		h, err := files.Holder(ctx, it.Locator)
		if err == nil {
			return d.keep(ctx, f, it, orders.Produced{N: it.N, Holder: h}, "produced")
		}
		if fault.Of(err) != fault.NotFound {
			return err
		}
	}
	return d.set(ctx, it, "nothing_held", "nothing is held under this identifier")
}

// Answer drafts the answer to a document whose items are all final. Another officer of the holder signs it.
func (d *Desk) Answer(ctx context.Context, tx *store.Tx, id, by int64) (courier.Filed, error) {
	f, err := courier.ByID(ctx, tx, id)
	if err != nil {
		return f, err
	}
	if f.Direction != courier.In || f.State != "accepted" {
		return f, fault.New(fault.Conflict, "document %s is %s; only one that was taken up can be answered", f.Number, f.State)
	}
	items, err := courier.Items(ctx, tx, id)
	if err != nil {
		return f, err
	}
	for _, it := range items {
		if !final(f.Instrument, it.State) {
			return f, fault.New(fault.Conflict, "item %d of %s is still %s", it.N, f.Number, it.State)
		}
	}
	c := orders.Content{Text: "Answer to " + f.Number}
	if f.Instrument == courier.InformationRequest {
		if c.Data, err = d.data(ctx, tx, f); err != nil {
			return f, err
		}
	}
	out := courier.Draft{Instrument: courier.Response, Audience: f.Issuer, Subject: "Answer to " + f.Number, InReplyTo: f.JTI, Body: c, DraftedBy: by, Items: items}
	if rule, err := d.law.Rule(courier.Response, d.clock.Now()); err == nil { // frozen, as into every draft
		out.RuleID, out.Rule = rule.Name(), rule
	}
	draft, err := d.office.File(ctx, tx, out)
	if err != nil {
		return f, err
	}
	return draft, d.log.Note(ctx, tx, "enforcement.answered", record.Fields{"document": f.ID, "response": draft.ID}, nil)
}

// data gathers what was produced and encrypts it to the asker.
func (d *Desk) data(ctx context.Context, tx *store.Tx, f courier.Filed) (string, error) {
	sums, err := store.Collect(ctx, tx, func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) },
		"SELECT sha256 FROM preserved WHERE document_id = $1 ORDER BY item_id", f.ID)
	if err != nil || len(sums) == 0 {
		return "", err
	}
	var list []json.RawMessage
	for _, sum := range sums {
		b, err := d.vault.Get(ctx, sum)
		if err != nil {
			return "", err
		}
		list = append(list, b)
	}
	recipient, err := d.recipients.Recipient(ctx, f.Issuer)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	return courier.Encrypt(recipient, b)
}
