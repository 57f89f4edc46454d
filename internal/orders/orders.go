// Package orders holds legal documents from draft to answer: what each must contain, who may authorise it under the rule
// in force, and what became of every item.
package orders

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"filippo.io/age"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
)

// Content is what a legal document says beyond its items. Which members an instrument needs, Check knows.
type Content struct {
	LegalBasis    string          `json:"legal_basis"` // Act, section and rule
	Procedure     string          `json:"procedure,omitempty"`
	Reasons       string          `json:"reasons"`
	CaseRef       string          `json:"case_ref,omitempty"` // FIR
	Scope         string          `json:"scope,omitempty"`
	Redress       string          `json:"redress,omitempty"`
	Confidential  string          `json:"confidential,omitempty"`
	PreserveFirst bool            `json:"preserve_first,omitempty"`
	Preservation  string          `json:"preservation,omitempty"` // number of the preservation request it follows
	Text          string          `json:"text,omitempty"`
	Matter        string          `json:"matter,omitempty"`
	HearingAt     int64           `json:"hearing_at,omitempty"` // microseconds UTC
	Place         string          `json:"place,omitempty"`
	Asked         []string        `json:"asked,omitempty"`
	Figures       json.RawMessage `json:"figures,omitempty"`  // of an action-taken report
	Data          string          `json:"data,omitempty"`     // of an answer: what is produced, encrypted to the asker
	Language      string          `json:"language,omitempty"` // in which its paper is printed: "en", "hi"; empty: English
}

// Produced is one item of what a holder produces, inside Content.Data.
type Produced struct {
	N      int64             `json:"n"`
	Holder platforms.Holding `json:"holder"`
}

// AnswerSink takes what a holder produced about an item of one of our requests.
type AnswerSink interface {
	Answered(ctx context.Context, tx *store.Tx, caseID, documentID int64, item courier.Item, p Produced) error
}

// Orders drafts, authorises and follows documents.
type Orders struct {
	db        *store.DB
	log       *record.Log
	clock     clock.Clock
	office    *courier.Office
	law       *rules.Jurisdiction
	register  *platforms.Register
	decryptor *age.X25519Identity
	sink      AnswerSink
}

// New makes the room and takes answers, notices, summonses and reports from the office.
func New(db *store.DB, log *record.Log, c clock.Clock, office *courier.Office, law *rules.Jurisdiction, register *platforms.Register, self *directory.Self, sink AnswerSink) *Orders {
	o := &Orders{db, log, c, office, law, register, self.Decryptor, sink}
	office.On(courier.Response, o.receiveResponse)
	office.On(courier.ActionTakenReport, o.receiveReport)
	for _, instrument := range []string{courier.Notice, courier.Summons} {
		office.On(instrument, func(ctx context.Context, tx *store.Tx, in courier.Incoming) error {
			_, err := CheckIncoming(o.law, in, o.clock.Now())
			return err
		})
	}
	return o
}

// Request is what a drafter gives; the rest comes from the case and from the rule in force.
type Request struct {
	Instrument     string
	Audience       string
	Subject        string
	CaseID         int64
	AccountIDs     []int64
	SelectorIDs    []int64
	PreservationID int64
	SupersedesID   int64
	InReplyTo      string
	Content        Content
}

// Draft enters a draft. The rule in force now is frozen into it.
func (o *Orders) Draft(ctx context.Context, tx *store.Tx, r Request, by int64) (courier.Filed, error) {
	if l := r.Content.Language; l != "" && l != "en" && l != "hi" {
		return courier.Filed{}, fault.New(fault.Invalid, "a document is printed in en (English) or hi (Hindi), not in %q", l)
	}
	d := courier.Draft{Instrument: r.Instrument, Audience: r.Audience, Subject: r.Subject, CaseID: r.CaseID, SupersedesID: r.SupersedesID, InReplyTo: r.InReplyTo, DraftedBy: by}
	now := o.clock.Now()
	if rule, err := o.law.Rule(r.Instrument, now); err == nil {
		d.RuleID, d.Rule = rule.Name(), rule
		if r.Content.LegalBasis == "" {
			r.Content.LegalBasis = rule.LegalBasis
		}
		r.Content.Redress = rule.Redress
	} else if fault.Code(err) != "no_rule" {
		return courier.Filed{}, err
	}
	if r.CaseID != 0 {
		c, err := casework.ByID(ctx, tx, r.CaseID)
		if err != nil {
			return courier.Filed{}, err
		}
		if c.Serial == 0 {
			return courier.Filed{}, fault.New(fault.Conflict, "the case is not registered; no order is drafted before its FIR")
		}
		r.Content.CaseRef = "FIR " + c.FIR
		if r.Content.Procedure == "" {
			r.Content.Procedure = o.law.Procedure("production", now).String()
		}
	}
	if r.Instrument == courier.TakedownOrder {
		p, err := courier.ByID(ctx, tx, r.PreservationID)
		if err != nil || p.Instrument != courier.PreservationRequest || p.CaseID != r.CaseID || p.Audience != r.Audience || p.State == "draft" || p.State == "refused" {
			return courier.Filed{}, fault.New(fault.Refused, "a removal order follows a preservation request to the same holder in the same case; draft and send that first")
		}
		r.Content.PreserveFirst, r.Content.Preservation = true, p.Number
		r.Content.Scope = "the whole account, wherever the service is offered"
	}
	var err error
	if d.Items, err = o.items(ctx, tx, r); err != nil {
		return courier.Filed{}, err
	}
	d.Body = r.Content
	if err := Check(r.Instrument, r.Content, d.Items); err != nil {
		return courier.Filed{}, err
	}
	return o.office.File(ctx, tx, d)
}

var actions = map[string]string{courier.TakedownOrder: "suspend_account", courier.PreservationRequest: "preserve", courier.InformationRequest: "produce"}

// items names accounts and selectors exactly. An order against an account needs the finding that it offends.
func (o *Orders) items(ctx context.Context, tx *store.Tx, r Request) ([]courier.Item, error) {
	var out []courier.Item
	for _, id := range r.AccountIDs {
		var a platforms.AccountRow
		var finding string
		a, err := platforms.AccountByID(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(finding), '') FROM case_account WHERE case_id = $1 AND account_id = $2", r.CaseID, id).Scan(&finding); err != nil {
			return nil, err
		}
		if finding != casework.Offending {
			return nil, fault.New(fault.Refused, "account %d is not found to offend in this case; no %s may name it", id, words(r.Instrument))
		}
		out = append(out, courier.Item{Kind: "account", Locator: a.URL, NativeID: a.NativeID, AccountID: a.ID, Action: actions[r.Instrument]})
	}
	for _, id := range r.SelectorIDs {
		var kind, value string
		// Only what this case shows: whoever works on one case does not learn, by asking about it, what another one knows.
		if err := tx.QueryRowContext(ctx, `SELECT kind, value FROM selector WHERE id = $1
			AND EXISTS (SELECT 1 FROM sighting WHERE case_id = $2 AND (selector_id = $1 OR holder_of_id = $1))`, id, r.CaseID).Scan(&kind, &value); err != nil {
			return nil, fault.New(fault.NotFound, "there is no selector %d in this case", id)
		}
		out = append(out, courier.Item{Kind: kind, Locator: value, NativeID: fmt.Sprint(id), Action: actions[r.Instrument]})
	}
	return out, nil
}

// Check says what a document still lacks: nothing is served without legal basis, reasons and exact identifiers.
func Check(instrument string, c Content, items []courier.Item) error {
	var missing []string
	need := func(ok bool, what string) {
		if !ok {
			missing = append(missing, what)
		}
	}
	filled := func(s string) bool { return strings.TrimSpace(s) != "" }
	switch instrument {
	case courier.TakedownOrder, courier.PreservationRequest, courier.InformationRequest:
		need(filled(c.LegalBasis), "its legal basis")
		need(filled(c.Reasons), "reasons")
		need(filled(c.CaseRef), "the case it belongs to")
		need(len(items) > 0, "at least one item")
		for _, it := range items {
			need(filled(it.Locator) && filled(it.Action), "an exact identifier and an action for each item")
		}
		if instrument == courier.TakedownOrder {
			need(c.PreserveFirst, "the instruction to preserve before removal")
		}
	case courier.Notice:
		need(filled(c.LegalBasis), "its legal basis")
		need(filled(c.Text), "a text")
	case courier.Summons:
		need(filled(c.LegalBasis), "its legal basis")
		need(filled(c.Matter), "the matter")
		need(c.HearingAt != 0 && filled(c.Place), "time and place of the hearing")
	case courier.Response:
		need(filled(c.Text) || len(items) > 0, "a text or an answer to an item")
	case courier.ActionTakenReport:
		need(len(c.Figures) > 0, "figures")
	}
	if len(missing) == 0 {
		return nil
	}
	return fault.Coded(fault.Refused, "incomplete", "the %s lacks %s", words(instrument), strings.Join(missing, ", "))
}

// CheckIncoming is the holder's own look at a legal document: an officer signed it whom the rule in force allows, and it
// says on what basis, why, and whom exactly it concerns.
func CheckIncoming(law *rules.Jurisdiction, in courier.Incoming, now time.Time) (Content, error) {
	var c Content
	if err := in.From.NeedOfficer(); err != nil {
		return c, err
	}
	if err := json.Unmarshal(in.Body, &c); err != nil {
		return c, fault.Coded(fault.Refused, "malformed", "the document's content is not readable")
	}
	rule, err := law.Rule(in.Instrument, now)
	if err != nil {
		return c, err
	}
	if err := rule.Allows(in.From.Officer.Rank, in.From.Officer.AuthorisationRef); err != nil {
		return c, err
	}
	return c, Check(in.Instrument, c, in.Items)
}

// Authorise is the officer's signature: not the drafter's, and by a rank that the rule in force allows.
func (o *Orders) Authorise(ctx context.Context, tx *store.Tx, id int64, by identity.Person, key *courier.Key) (courier.Filed, error) {
	f, err := courier.ByID(ctx, tx, id)
	if err != nil {
		return f, err
	}
	if f.Direction != courier.Out || f.State != "draft" {
		return f, fault.New(fault.Conflict, "document %s is %s; only a draft of this node can be authorised", f.Number, f.State)
	}
	if f.DraftedBy == by.ID {
		return f, fault.Coded(fault.Refused, "drafter_authorises", "you drafted %s; another officer must authorise it", f.Number)
	}
	if !by.Officer() {
		return f, fault.Coded(fault.Refused, "no_officer", "you have no rank in this node's directory entry and cannot sign")
	}
	if rule, err := o.law.Rule(f.Instrument, o.clock.Now()); err == nil {
		if rule.Name() != f.RuleID {
			return f, fault.Coded(fault.Conflict, "rule_changed", "%s rests on %s, but %s is in force now; draft it anew", f.Number, f.RuleID, rule.Name())
		}
		if err := rule.Allows(by.Rank, by.AuthorisationRef); err != nil {
			return f, err
		}
	} else if fault.Code(err) != "no_rule" {
		return f, err
	}
	var c Content
	if f.Instrument != courier.Referral {
		items, err := courier.Items(ctx, tx, id)
		if err != nil {
			return f, err
		}
		if err := json.Unmarshal(f.Body, &c); err != nil {
			return f, err
		}
		if err := Check(f.Instrument, c, items); err != nil {
			return f, err
		}
	}
	sealed, err := o.office.Seal(ctx, tx, id, by.Name+", "+by.Rank, by.ID, key)
	if err != nil || f.InReplyTo == "" {
		return sealed, err
	}
	return sealed, o.answered(ctx, tx, f)
}

// answered closes the received document that a sealed answer replies to.
func (o *Orders) answered(ctx context.Context, tx *store.Tx, f courier.Filed) error {
	asked, err := courier.ByJTI(ctx, tx, courier.In, f.Audience, f.InReplyTo)
	if fault.Of(err) == fault.NotFound && err != nil {
		return nil
	}
	if err != nil || asked.State == "answered" {
		return err
	}
	return o.office.SetState(ctx, tx, asked.ID, "answered")
}

func words(instrument string) string { return strings.ReplaceAll(instrument, "_", " ") }
