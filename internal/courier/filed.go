package courier

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Tables tell the record which rows to answer for.
var Tables = []record.Table{
	{Name: "document", Sealed: []string{"subject", "body", "jws", "acknowledgement"}},
	{Name: "document_item", Sealed: []string{"locator"}},
	{Name: "witness"},
	{Name: "refusal", Sealed: []string{"answer"}},
}

// The instruments that travel between nodes.
const (
	TakedownOrder       = "takedown_order"
	InformationRequest  = "information_request"
	PreservationRequest = "preservation_request"
	Summons             = "summons"
	Notice              = "notice"
	Referral            = "referral"
	Response            = "response"
	ReferralAnswer      = "referral_answer" // which tips of a referral were accepted or returned, and who holds them now
	OutcomeReport       = "outcome_report"
	ActionTakenReport   = "action_taken_report"
	ListShare           = "list_share"
	Acknowledgement     = "acknowledgement"
)

// Directions of a document.
const (
	In  = "in"
	Out = "out"
)

// Filed is a document as this node keeps it, sent or received. Times are microseconds UTC, 0: not yet.
type Filed struct {
	ID             int64           `json:"id"`
	Direction      string          `json:"direction"`
	Instrument     string          `json:"instrument"`
	JTI            string          `json:"jti"`
	Number         string          `json:"number"`
	Version        int64           `json:"version"`
	SupersedesID   int64           `json:"supersedes_id,omitempty"`
	InReplyTo      string          `json:"in_reply_to,omitempty"` // jti
	Issuer         string          `json:"issuer"`
	Audience       string          `json:"audience"`
	CaseID         int64           `json:"case_id,omitempty"`
	State          string          `json:"state"`
	Subject        string          `json:"subject"`
	Body           json.RawMessage `json:"body,omitempty"`
	JWS            string          `json:"-"` // the bytes as sent or received
	SHA256         string          `json:"sha256,omitempty"`
	RuleID         string          `json:"rule_id,omitempty"`
	Rule           json.RawMessage `json:"rule,omitempty"` // the rule as it was frozen into the document
	DraftedBy      int64           `json:"drafted_by,omitempty"`
	AuthorisedBy   int64           `json:"authorised_by,omitempty"`
	Signatory      string          `json:"signatory,omitempty"` // name and rank of the officer who signed
	CreatedAt      int64           `json:"created_at"`
	AuthorisedAt   int64           `json:"authorised_at,omitempty"`
	ReceivedAt     int64           `json:"received_at,omitempty"` // at the receiver, from its signed acknowledgement
	DueAt          int64           `json:"due_at,omitempty"`      // fixed in the signed acknowledgement
	AnsweredAt     int64           `json:"answered_at,omitempty"`
	Acknowledgment string          `json:"-"` // the acknowledgement as signed
	RefusalCode    string          `json:"refusal_code,omitempty"`
	Refusal        string          `json:"refusal,omitempty"`
}

// HoursAllowed is the time from receipt to due, in hours; 0 when there is no clock.
func (f Filed) HoursAllowed() float64 {
	if f.DueAt == 0 || f.ReceivedAt == 0 {
		return 0
	}
	return time.Duration((f.DueAt - f.ReceivedAt) * int64(time.Microsecond)).Hours()
}

// Item is one thing that a document speaks of, with what became of it.
type Item struct {
	ID         int64  `json:"id"`
	DocumentID int64  `json:"document_id"`
	N          int64  `json:"n"` // number within the document, from 1
	Kind       string `json:"kind"`
	Locator    string `json:"locator"`
	NativeID   string `json:"native_id,omitempty"` // the platform's own id
	AccountID  int64  `json:"account_id,omitempty"`
	TipID      int64  `json:"tip_id,omitempty"`
	Action     string `json:"action,omitempty"`
	State      string `json:"state"`
	Reason     string `json:"reason,omitempty"`
	EffectedAt int64  `json:"effected_at,omitempty"`
	Verified   string `json:"verified,omitempty"` // gone, still_there
	VerifiedAt int64  `json:"verified_at,omitempty"`
}

const filedColumns = `SELECT id, direction, instrument, jti, number, version, COALESCE(supersedes_id, 0), in_reply_to, issuer, audience,
	COALESCE(case_id, 0), state, subject, body, jws, sha256, rule_id, rule, COALESCE(drafted_by, 0), COALESCE(authorised_by, 0), signatory,
	created_at, authorised_at, received_at, due_at, answered_at, acknowledgement, refusal_code, refusal FROM document `

func scanFiled(scan func(...any) error) (f Filed, err error) {
	var body, rule string
	err = scan(&f.ID, &f.Direction, &f.Instrument, &f.JTI, &f.Number, &f.Version, &f.SupersedesID, &f.InReplyTo, &f.Issuer, &f.Audience,
		&f.CaseID, &f.State, &f.Subject, &body, &f.JWS, &f.SHA256, &f.RuleID, &rule, &f.DraftedBy, &f.AuthorisedBy, &f.Signatory,
		&f.CreatedAt, &f.AuthorisedAt, &f.ReceivedAt, &f.DueAt, &f.AnsweredAt, &f.Acknowledgment, &f.RefusalCode, &f.Refusal)
	if body != "" {
		f.Body = json.RawMessage(body)
	}
	if rule != "" {
		f.Rule = json.RawMessage(rule)
	}
	return f, err
}

func one(ctx context.Context, q store.Queryer, where string, args ...any) (Filed, error) {
	f, err := scanFiled(q.QueryRowContext(ctx, filedColumns+where, args...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return f, fault.New(fault.NotFound, "there is no such document")
	}
	return f, err
}

// ByID reads a document.
func ByID(ctx context.Context, q store.Queryer, id int64) (Filed, error) {
	return one(ctx, q, "WHERE id = $1", id)
}

// ByJTI reads a document by its identifier within its issuer.
func ByJTI(ctx context.Context, q store.Queryer, direction, issuer, jti string) (Filed, error) {
	return one(ctx, q, "WHERE direction = $1 AND issuer = $2 AND jti = $3", direction, issuer, jti)
}

// Filter narrows a listing; empty members do not.
type Filter struct {
	Direction  string
	Instrument string
	InReplyTo  string
	CaseID     int64
}

// List reads documents in order of their entry.
func List(ctx context.Context, q store.Queryer, f Filter) ([]Filed, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (Filed, error) { return scanFiled(rows.Scan) },
		filedColumns+`WHERE ($1 = '' OR direction = $1) AND ($2 = '' OR instrument = $2) AND ($3 = '' OR in_reply_to = $3) AND ($4 = 0 OR case_id = $4) ORDER BY id`,
		f.Direction, f.Instrument, f.InReplyTo, f.CaseID)
}

// Items reads a document's items.
func Items(ctx context.Context, q store.Queryer, documentID int64) ([]Item, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (it Item, err error) {
		return it, rows.Scan(&it.ID, &it.DocumentID, &it.N, &it.Kind, &it.Locator, &it.NativeID, &it.AccountID, &it.TipID, &it.Action, &it.State,
			&it.Reason, &it.EffectedAt, &it.Verified, &it.VerifiedAt)
	}, `SELECT id, document_id, n, kind, locator, native_id, COALESCE(account_id, 0), COALESCE(tip_id, 0), action, state, reason, effected_at, verified, verified_at
		FROM document_item WHERE document_id = $1 ORDER BY n`, documentID)
}

// AddItems enters a document's items, numbered from 1.
func (o *Office) AddItems(ctx context.Context, tx *store.Tx, documentID int64, items []Item) error {
	for i, it := range items {
		if it.State == "" {
			it.State = "pending"
		}
		if _, err := o.log.Insert(ctx, tx, "document_item", "document.item", time.Time{}, record.Fields{"document_id": documentID, "n": i + 1, "kind": it.Kind,
			"locator": it.Locator, "native_id": it.NativeID, "account_id": it.AccountID, "tip_id": it.TipID, "action": it.Action, "state": it.State, "reason": it.Reason}); err != nil {
			return err
		}
	}
	return nil
}

// SetItem writes what became of an item.
func (o *Office) SetItem(ctx context.Context, tx *store.Tx, it Item, kind string) error {
	return o.log.Update(ctx, tx, "document_item", kind, time.Time{}, it.ID, record.Fields{"state": it.State, "reason": it.Reason, "native_id": it.NativeID,
		"account_id": it.AccountID, "effected_at": it.EffectedAt, "verified": it.Verified, "verified_at": it.VerifiedAt})
}

// SetState moves a document to another state.
func (o *Office) SetState(ctx context.Context, tx *store.Tx, id int64, state string) error {
	f := record.Fields{"state": state}
	if state == "answered" || state == "complied" || state == "partially_complied" {
		f["answered_at"] = o.clock.Now()
	}
	return o.log.Update(ctx, tx, "document", "document."+state, time.Time{}, id, f)
}
