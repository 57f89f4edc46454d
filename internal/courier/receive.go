package courier

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Outcomes of a delivery.
const (
	Received = "received"
	Refused  = "refused"
)

// Answer is the body of an acknowledgement. Times are microseconds UTC.
type Answer struct {
	Document   string `json:"document"` // jti
	SHA256     string `json:"sha256"`   // of the bytes as received
	Outcome    string `json:"outcome"`
	Code       string `json:"code,omitempty"`
	Reason     string `json:"reason,omitempty"`
	ReceivedAt int64  `json:"received_at"`
	DueAt      int64  `json:"due_at,omitempty"`
	RuleID     string `json:"rule_id,omitempty"`
}

// Incoming is a document that was just verified and filed.
type Incoming struct {
	Filed
	From  Opened
	Items []Item // as filed, in order
	// Results are the items as the sender reports them, in an answer to one of our documents.
	Results []Item
}

// Receiver is a stage's part in receiving an instrument. A refusal (fault.Refused) undoes everything and goes back to the
// sender, signed.
type Receiver func(ctx context.Context, tx *store.Tx, in Incoming) error

// On says who receives an instrument. An instrument without receiver is refused.
func (o *Office) On(instrument string, r Receiver) { o.receivers[instrument] = r }

// Receive takes the bytes of a delivery and gives the signed answer. refused says that the answer is a refusal. An error
// means that nothing was decided: the sender must try again. Bytes that were received before get the acknowledgement that
// they got then, whatever has become of keys and times since, and nothing else happens.
func (o *Office) Receive(ctx context.Context, b []byte) (answer []byte, refused bool, err error) {
	now := o.clock.Now()
	a := Answer{SHA256: digest(b), Outcome: Received, ReceivedAt: store.Micros(now)}
	issuer, instrument, jti, _ := Peek(b)
	a.Document = jti
	ctx = record.WithActor(ctx, "agency:"+issuer)
	if answer, err := o.repeated(ctx, issuer, jti, a.SHA256); answer != nil || err != nil {
		return answer, false, err
	}
	if answer, err := refusedBefore(ctx, o.db.Reader(), issuer, a.SHA256); answer != nil || err != nil {
		return answer, true, err
	}
	opened, err := o.open(ctx, issuer, b)
	if err == nil {
		answer, err = o.file(ctx, b, opened, a)
		if err == nil {
			return answer, false, nil
		}
	}
	if k := fault.Of(err); k != fault.Refused && k != fault.Invalid {
		return nil, false, err
	}
	a.Outcome, a.Code, a.Reason = Refused, fault.Code(err), fault.Message(err)
	refused = true
	err = o.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if known, err := ByJTI(ctx, tx, In, issuer, jti); err == nil && same(known.SHA256, a.SHA256) { // a copy was taken meanwhile
			answer, refused = []byte(known.Acknowledgment), false
			return nil
		}
		if err := o.log.Note(ctx, tx, "document.refused", record.Fields{"claimed_issuer": clip(issuer), "jti": clip(jti), "sha256": a.SHA256, "code": a.Code}, nil); err != nil {
			return err
		}
		if answer, err = o.sign(ctx, tx, issuer, a); err != nil {
			return err
		}
		return o.keepRefusal(ctx, tx, issuer, instrument, a.SHA256, answer)
	})
	return answer, refused, err
}

// keepRefusal makes the refusal of a referral, or of an answer to one, final for these bytes: the sender acts on the signed
// refusal (the tips are its own again), so a copy that arrives late must not be taken, whatever is allowed by then.
func (o *Office) keepRefusal(ctx context.Context, tx *store.Tx, issuer, instrument, sha256 string, answer []byte) error {
	if instrument != Referral && instrument != ReferralAnswer {
		return nil
	}
	if _, err := o.directory.Address(ctx, issuer); fault.Of(err) == fault.NotFound && err != nil {
		return nil // nobody who could have a referral here
	}
	var n int64
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM refusal WHERE issuer = $1 AND sha256 = $2", issuer, sha256).Scan(&n); err != nil || n > 0 {
		return err
	}
	_, err := o.log.Insert(ctx, tx, "refusal", "document.refusal_kept", time.Time{}, record.Fields{"issuer": issuer, "sha256": sha256, "answer": string(answer), "refused_at": o.clock.Now()})
	return err
}

// refusedBefore gives the refusal that was given for exactly these bytes and is final.
func refusedBefore(ctx context.Context, q store.Queryer, issuer, sha256 string) (answer []byte, err error) {
	var kept string
	err = q.QueryRowContext(ctx, "SELECT answer FROM refusal WHERE issuer = $1 AND sha256 = $2", issuer, sha256).Scan(&kept)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return []byte(kept), err
}

// repeated gives the acknowledgement of a document that is on file with exactly these bytes.
func (o *Office) repeated(ctx context.Context, issuer, jti, sha256 string) ([]byte, error) {
	known, err := ByJTI(ctx, o.db.Reader(), In, issuer, jti)
	if fault.Of(err) == fault.NotFound || err == nil && !same(known.SHA256, sha256) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []byte(known.Acknowledgment), o.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return o.log.Note(ctx, tx, "document.repeated", record.Fields{"document": known.ID, "issuer": issuer, "jti": jti}, nil)
	})
}

// same compares hashes in constant time.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// clip keeps a claim that nobody has verified from filling the record.
func clip(s string) string { return s[:min(len(s), 80)] }

// file enters a verified document, lets its receiver act, and gives the acknowledgement, all in one transaction.
func (o *Office) file(ctx context.Context, b []byte, opened Opened, a Answer) (answer []byte, err error) {
	if err := o.directory.Accepts(ctx, opened.Issuer, opened.Type); err != nil {
		return nil, err
	}
	receive := o.receivers[opened.Type]
	if receive == nil {
		return nil, refuse(NoSuchDesk, "this node has no desk that receives a %s", opened.Type)
	}
	var w wire
	if err := json.Unmarshal(opened.Body, &w); err != nil || w.Number == "" || len(w.Content) == 0 {
		return nil, refuse(NoNumber, "the document's body has no number or no content")
	}
	err = o.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		known, err := ByJTI(ctx, tx, In, opened.Issuer, opened.ID)
		if err == nil {
			if !same(known.SHA256, a.SHA256) {
				return refuse(IdentifierReused, "a document with this identifier, but other bytes, was received before")
			}
			answer = []byte(known.Acknowledgment)
			return nil
		}
		if fault.Of(err) != fault.NotFound {
			return err
		}
		if kept, err := refusedBefore(ctx, tx, opened.Issuer, a.SHA256); kept != nil || err != nil { // a copy was refused meanwhile
			answer = kept
			return err
		}
		due, rule := o.due(opened.Type, store.Time(a.ReceivedAt))
		a.DueAt, a.RuleID = store.Micros(due), rule
		signatory := ""
		if opened.Officer != nil {
			signatory = opened.Officer.Officer + ", " + opened.Officer.Rank
		}
		fields := record.Fields{"direction": In, "instrument": opened.Type, "jti": opened.ID, "number": w.Number, "version": w.Version, "in_reply_to": w.InReplyTo,
			"issuer": opened.Issuer, "audience": opened.Audience, "state": "received", "subject": w.Subject, "body": string(w.Content), "jws": string(b), "sha256": a.SHA256,
			"rule_id": rule, "rule": string(w.Rule), "signatory": signatory, "created_at": a.ReceivedAt, "authorised_at": opened.IssuedAt, "received_at": a.ReceivedAt, "due_at": a.DueAt}
		if answer, err = o.sign(ctx, tx, opened.Issuer, a); err != nil {
			return err
		}
		fields["acknowledgement"] = string(answer)
		id, err := o.log.Insert(ctx, tx, "document", "document.received", time.Time{}, fields)
		if err != nil {
			return err
		}
		in := Incoming{From: opened}
		var items []Item
		for _, wi := range w.Items {
			items = append(items, Item{Kind: wi.Kind, Locator: wi.Locator, NativeID: wi.NativeID, Action: wi.Action})
			in.Results = append(in.Results, Item{N: wi.N, Kind: wi.Kind, Locator: wi.Locator, NativeID: wi.NativeID, State: wi.State, Reason: wi.Reason, EffectedAt: wi.At})
		}
		if w.InReplyTo == "" { // an answer's items stand in the document that it answers
			if err := o.AddItems(ctx, tx, id, items); err != nil {
				return err
			}
		}
		if in.Filed, err = ByID(ctx, tx, id); err != nil {
			return err
		}
		if in.Items, err = Items(ctx, tx, id); err != nil {
			return err
		}
		if err := o.witness(ctx, tx, opened.Issuer, opened.Checkpoint); err != nil {
			return err
		}
		return receive(ctx, tx, in)
	})
	return answer, err
}

// sign makes the acknowledgement, by the agency alone: a machine's word that bytes were received, not an officer's.
func (o *Office) sign(ctx context.Context, tx *store.Tx, audience string, a Answer) ([]byte, error) {
	body, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	checkpoint, err := o.log.Checkpoint(ctx, tx)
	if err != nil {
		return nil, err
	}
	if audience == "" {
		audience = "unknown"
	}
	jti := make([]byte, 16)
	rand.Read(jti)
	now := o.clock.Now()
	b, err := Seal(Document{Type: Acknowledgement, Issuer: o.agency(), Audience: audience, ID: hex.EncodeToString(jti), IssuedAt: now, Expires: now.Add(documentLife),
		Checkpoint: checkpoint, Body: body}, o.key)
	if err != nil {
		return nil, fmt.Errorf("sign acknowledgement: %w", err)
	}
	return b, nil
}

func digest(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
