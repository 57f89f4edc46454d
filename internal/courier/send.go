package courier

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// documentLife is how long a document may be delivered after it was signed.
const documentLife = 30 * 24 * time.Hour

// Directory is what the office must know of other agencies.
type Directory interface {
	Keys
	Address(ctx context.Context, agency string) (string, error)
	Accepts(ctx context.Context, agency, instrument string) error
	// Refresh asks an agency for its newest entry, if that was not done just now, and says whether anything changed.
	Refresh(ctx context.Context, agency string) (changed bool, err error)
}

// Office is the node's post: it drafts, seals, delivers, receives and acknowledges documents.
type Office struct {
	agency    func() string // this node's agency id, "" before set-up
	key       Key
	db        *store.DB
	log       *record.Log
	jobs      *jobs.Queue
	clock     clock.Clock
	directory Directory
	client    *http.Client
	due       func(instrument string, at time.Time) (time.Time, string)
	receivers map[string]Receiver // fixed before the first document
	delivered map[string]func(context.Context, *store.Tx, Filed) error
	sealed    map[string]func(context.Context, *store.Tx, Filed) error
}

// Config is what an office works with. Due gives the time by which an instrument received at an instant must be answered,
// and the rule's id and version; the zero time when no clock runs.
type Config struct {
	Agency    func() string
	Key       Key
	DB        *store.DB
	Log       *record.Log
	Jobs      *jobs.Queue
	Clock     clock.Clock
	Directory Directory
	Client    *http.Client
	Due       func(instrument string, at time.Time) (time.Time, string)
}

type deliverArgs struct {
	DocumentID int64 `json:"document_id"`
}

// Kind names the job.
func (deliverArgs) Kind() string { return "deliver" }

// NewOffice makes the office and registers its delivery job.
func NewOffice(c Config) *Office {
	o := &Office{agency: c.Agency, key: c.Key, db: c.DB, log: c.Log, jobs: c.Jobs, clock: c.Clock, directory: c.Directory, client: c.Client, due: c.Due,
		receivers: map[string]Receiver{}, delivered: map[string]func(context.Context, *store.Tx, Filed) error{}, sealed: map[string]func(context.Context, *store.Tx, Filed) error{}}
	jobs.Register(c.Jobs, func(ctx context.Context, a deliverArgs) error { return o.deliver(ctx, a.DocumentID) })
	return o
}

// Draft is a document before it is signed.
type Draft struct {
	Instrument   string
	Audience     string
	Subject      string
	InReplyTo    string // jti
	CaseID       int64
	SupersedesID int64
	Body         any
	RuleID       string // id and version of the rule it rests on
	Rule         any    // the rule itself, frozen
	DraftedBy    int64
	Items        []Item
}

// File enters a draft with its number and items.
func (o *Office) File(ctx context.Context, tx *store.Tx, d Draft) (Filed, error) {
	body, err := json.Marshal(d.Body)
	if err != nil {
		return Filed{}, err
	}
	rule := []byte{}
	if d.Rule != nil {
		if rule, err = json.Marshal(d.Rule); err != nil {
			return Filed{}, err
		}
	}
	now := o.clock.Now()
	number, err := o.number(ctx, tx, d.Instrument, now)
	if err != nil {
		return Filed{}, err
	}
	jti := make([]byte, 16)
	rand.Read(jti)
	version := int64(1)
	if d.SupersedesID != 0 {
		earlier, err := ByID(ctx, tx, d.SupersedesID)
		if err != nil {
			return Filed{}, err
		}
		version = earlier.Version + 1
	}
	id, err := o.log.Insert(ctx, tx, "document", "document.drafted", time.Time{}, record.Fields{"direction": Out, "instrument": d.Instrument,
		"jti": hex.EncodeToString(jti), "number": number, "version": version, "supersedes_id": d.SupersedesID, "in_reply_to": d.InReplyTo,
		"issuer": o.agency(), "audience": d.Audience, "case_id": d.CaseID, "state": "draft", "subject": d.Subject, "body": string(body),
		"rule_id": d.RuleID, "rule": string(rule), "drafted_by": d.DraftedBy, "created_at": now})
	if err != nil {
		return Filed{}, err
	}
	if err := o.AddItems(ctx, tx, id, d.Items); err != nil {
		return Filed{}, err
	}
	return ByID(ctx, tx, id)
}

// number gives the next number of an instrument in a year: AGENCY/TO/2022/0007.
func (o *Office) number(ctx context.Context, tx *store.Tx, instrument string, at time.Time) (string, error) {
	var initials strings.Builder
	for _, w := range strings.Split(instrument, "_") {
		initials.WriteString(strings.ToUpper(w[:1]))
	}
	prefix := fmt.Sprintf("%s/%s/%d/", strings.ToUpper(o.agency()), initials.String(), at.Year())
	var n int64
	err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM document WHERE direction = 'out' AND number LIKE $1", prefix+"%").Scan(&n)
	return fmt.Sprintf("%s%04d", prefix, n+1), err
}

// wire is the body as it travels: what every receiver must have, and the instrument's own content.
type wire struct {
	Number    string          `json:"number"`
	Version   int64           `json:"version"`
	Subject   string          `json:"subject"`
	InReplyTo string          `json:"in_reply_to,omitempty"`
	RuleID    string          `json:"rule_id,omitempty"`
	Rule      json.RawMessage `json:"rule,omitempty"`
	Items     []wireItem      `json:"items,omitempty"`
	Content   json.RawMessage `json:"content"`
}

type wireItem struct {
	N        int64  `json:"n"`
	Kind     string `json:"kind"`
	Locator  string `json:"locator"`
	NativeID string `json:"native_id,omitempty"`
	Action   string `json:"action,omitempty"`
	State    string `json:"state,omitempty"` // in answers: what became of the item
	Reason   string `json:"reason,omitempty"`
	At       int64  `json:"at,omitempty"` // microseconds UTC: when it took effect
}

// signingTime is how long an officer may take between seeing what the passkey is to sign and signing.
const signingTime = 10 * time.Minute

// Challenge gives what an officer's passkey signs to authorise a draft: the hash of the document as it will be signed at
// an instant. Seal takes the assertion with the same instant, within ten minutes.
func (o *Office) Challenge(ctx context.Context, q store.Queryer, id int64, at time.Time) ([32]byte, error) {
	f, err := ByID(ctx, q, id)
	if err != nil {
		return [32]byte{}, err
	}
	d, err := o.compose(ctx, q, f, at)
	if err != nil {
		return [32]byte{}, err
	}
	return d.Hash()
}

// compose makes the document of a draft, but for checkpoint and assertion.
func (o *Office) compose(ctx context.Context, q store.Queryer, f Filed, at time.Time) (Document, error) {
	if f.Direction != Out || f.State != "draft" {
		return Document{}, fault.New(fault.Conflict, "document %s is %s; only a draft can be signed. A change is a new version", f.Number, f.State)
	}
	items, err := Items(ctx, q, f.ID)
	if err != nil {
		return Document{}, err
	}
	w := wire{Number: f.Number, Version: f.Version, Subject: f.Subject, InReplyTo: f.InReplyTo, RuleID: f.RuleID, Rule: f.Rule, Content: f.Body}
	for _, it := range items {
		wi := wireItem{N: it.N, Kind: it.Kind, Locator: it.Locator, NativeID: it.NativeID, Action: it.Action, Reason: it.Reason, At: it.EffectedAt}
		if it.State != "pending" {
			wi.State = it.State
		}
		w.Items = append(w.Items, wi)
	}
	body, err := json.Marshal(w)
	if err != nil {
		return Document{}, err
	}
	at = at.UTC().Truncate(time.Second)
	return Document{Type: f.Instrument, Issuer: f.Issuer, Audience: f.Audience, ID: f.JTI, IssuedAt: at, Expires: at.Add(documentLife), Body: body}, nil
}

// Seal signs a draft, with the officer's key if there is one and the agency's always, and queues its delivery. From here
// on the document never changes. An officer whose passkey stands in the directory entry needs its assertion: see Challenge.
func (o *Office) Seal(ctx context.Context, tx *store.Tx, id int64, signatory string, authorisedBy int64, officer *Key) (Filed, error) {
	f, err := ByID(ctx, tx, id)
	if err != nil {
		return f, err
	}
	now := o.clock.Now()
	at, keys := now, []Key{o.key}
	if officer != nil {
		keys = []Key{*officer, o.key} // the agency countersigns
		if officer.Passkey != nil {
			at = officer.At
		}
	}
	if at.After(now) || now.Sub(at) > signingTime {
		return f, fault.Coded(fault.Refused, "assertion_stale", "the passkey signed %s too long ago; ask it again", f.Number)
	}
	d, err := o.compose(ctx, tx, f, at)
	if err != nil {
		return f, err
	}
	if officer != nil {
		d.Passkey = officer.Passkey
		if err := o.checkOfficer(ctx, d, officer.KID); err != nil {
			return f, err
		}
	}
	if d.Checkpoint, err = o.log.Checkpoint(ctx, tx); err != nil {
		return f, err
	}
	jws, err := Seal(d, keys...)
	if err != nil {
		return f, err
	}
	if err := o.log.Update(ctx, tx, "document", "document.authorised", time.Time{}, id, record.Fields{"state": "authorised", "jws": string(jws), "sha256": digest(jws),
		"authorised_by": authorisedBy, "signatory": signatory, "authorised_at": now}); err != nil {
		return f, err
	}
	if err := o.jobs.Enqueue(ctx, tx, deliverArgs{id}); err != nil {
		return f, err
	}
	if f, err = ByID(ctx, tx, id); err != nil {
		return f, err
	}
	if fn := o.sealed[f.Instrument]; fn != nil {
		return f, fn(ctx, tx, f)
	}
	return f, nil
}

// checkOfficer judges the assertion as every receiver will, so that what all would refuse is not sent.
func (o *Office) checkOfficer(ctx context.Context, d Document, kid string) error {
	k, err := o.directory.PublicKey(ctx, d.Issuer, kid)
	switch {
	case err == nil:
		return checkPasskey(d, &k, o.clock.Now())
	case fault.Of(err) == fault.Refused, fault.Of(err) == fault.NotFound:
		return nil // the entry is not published yet
	}
	return err
}

// OnSealed lets a stage act when one of its documents has been signed and goes out, in the same transaction.
func (o *Office) OnSealed(instrument string, fn func(context.Context, *store.Tx, Filed) error) {
	o.sealed[instrument] = fn
}

// OnDelivered lets a stage act when the addressee has acknowledged or refused one of its documents, or is not in the
// directory, so that the document cannot reach it.
func (o *Office) OnDelivered(instrument string, fn func(context.Context, *store.Tx, Filed) error) {
	o.delivered[instrument] = fn
}

const answerLimit = 1 << 20 // bytes of an acknowledgement

// deliver sends one document until a signed answer is on file. It may run again after a crash: the receiver answers a
// document that it has with the acknowledgement that it gave.
func (o *Office) deliver(ctx context.Context, id int64) error {
	f, err := ByID(ctx, o.db.Reader(), id)
	if err != nil || (f.State != "authorised" && f.State != "served") {
		return err
	}
	address, err := o.directory.Address(ctx, f.Audience)
	if fault.Of(err) == fault.NotFound {
		return o.undeliverable(ctx, f, fault.Message(err), o.delivered[f.Instrument])
	}
	if err != nil {
		return err
	}
	if err := fetch.SafeURL(address); err != nil {
		return o.undeliverable(ctx, f, fault.Message(err), nil) // an earlier attempt, at an earlier address, may have arrived
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(address, "/")+"/courier/v1/documents", bytes.NewReader([]byte(f.JWS)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/jose+json")
	resp, err := o.client.Do(req)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "%s does not answer at %s; the delivery of %s is tried again", f.Audience, address, f.Number)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusForbidden {
		return fault.New(fault.Unavailable, "%s answered %s with status %d; the delivery is tried again", f.Audience, f.Number, resp.StatusCode)
	}
	return o.settle(ctx, f, answer)
}

// Settle files the addressee's signed answer to a document that was carried to it by other means than the network. A document
// that has its answer is left as it is.
func (o *Office) Settle(ctx context.Context, id int64, answer []byte) error {
	f, err := ByID(ctx, o.db.Reader(), id)
	if err != nil {
		return err
	}
	return o.settle(ctx, f, answer)
}

// undeliverable gives a delivery up. then acts on it when no attempt can have arrived.
func (o *Office) undeliverable(ctx context.Context, f Filed, why string, then func(context.Context, *store.Tx, Filed) error) error {
	return o.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := o.log.Update(ctx, tx, "document", "document.undeliverable", time.Time{}, f.ID, record.Fields{"state": "undeliverable", "refusal": why}); err != nil || then == nil {
			return err
		}
		f, err := ByID(ctx, tx, f.ID)
		if err != nil {
			return err
		}
		return then(ctx, tx, f)
	})
}

// open is Open for this node. If the sender's key is not known or no longer good, the sender is asked for its newest
// directory entry first: it may have rotated its keys. So it is if the officer's passkey does not fit: it may be new, or gone.
func (o *Office) open(ctx context.Context, sender string, b []byte) (Opened, error) {
	opened, err := Open(ctx, b, o.agency(), o.clock.Now(), o.directory)
	switch fault.Code(err) {
	case UnknownKeyCode, KeyExpired, AgencyKeyExpired, "entry_expired", PasskeyUnlisted, PasskeyUnknown, PasskeyMissing:
		if changed, _ := o.directory.Refresh(ctx, sender); changed { // that it does not answer is no reason to refuse or to accept
			return Open(ctx, b, o.agency(), o.clock.Now(), o.directory)
		}
	}
	return opened, err
}

// settle checks the signed answer to a delivery and files it.
func (o *Office) settle(ctx context.Context, f Filed, answer []byte) error {
	opened, err := o.open(ctx, f.Audience, answer)
	if err != nil {
		return fmt.Errorf("the answer of %s to %s: %w", f.Audience, f.Number, err)
	}
	var a Answer
	if err := json.Unmarshal(opened.Body, &a); err != nil || opened.Type != Acknowledgement || opened.Issuer != f.Audience || a.Document != f.JTI || !same(a.SHA256, f.SHA256) {
		return fault.New(fault.Refused, "the answer of %s does not acknowledge %s", f.Audience, f.Number)
	}
	return o.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if now, err := ByID(ctx, tx, f.ID); err != nil || now.State != "authorised" && now.State != "served" {
			return err // another attempt has settled it
		}
		fields := record.Fields{"state": "acknowledged", "acknowledgement": string(answer), "received_at": a.ReceivedAt, "due_at": a.DueAt}
		if a.Outcome != Received {
			fields = record.Fields{"state": "refused", "acknowledgement": string(answer), "refusal_code": a.Code, "refusal": a.Reason}
		}
		if err := o.log.Update(ctx, tx, "document", "document."+fields["state"].(string), time.Time{}, f.ID, fields); err != nil {
			return err
		}
		if err := o.witness(ctx, tx, opened.Issuer, opened.Checkpoint); err != nil {
			return err
		}
		fn := o.delivered[f.Instrument]
		if fn == nil {
			return nil
		}
		now, err := ByID(ctx, tx, f.ID)
		if err != nil {
			return err
		}
		return fn(ctx, tx, now)
	})
}

// witness keeps a counterpart's checkpoint: whoever rolls their record back is shown up by those who keep its earlier state.
func (o *Office) witness(ctx context.Context, tx *store.Tx, agency, checkpoint string) error {
	if checkpoint == "" {
		return nil
	}
	_, err := o.log.Insert(ctx, tx, "witness", "witness.kept", time.Time{}, record.Fields{"agency": agency, "checkpoint": checkpoint, "received_at": o.clock.Now()})
	return err
}
