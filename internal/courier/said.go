package courier

import (
	"context"
	"encoding/json"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// Said is what a document says, read from the bytes that were signed; of a draft, what it would say. Its items are as the
// sender wrote them: in an answer, with what became of each.
type Said struct {
	Version    int64
	Subject    string
	InReplyTo  string // jti
	RuleID     string
	Rule       json.RawMessage
	Content    json.RawMessage
	Items      []Item
	IssuedAt   time.Time // zero: a draft
	Checkpoint string    // the sender's record at signing
	KIDs       []string  // of the keys that signed, the agency's last
	Passkey    bool      // an officer's passkey stands behind it
}

// Said reads what a document says. It verifies nothing: what is on file was verified when it was filed.
func (f Filed) Said(ctx context.Context, q store.Queryer) (s Said, err error) {
	if f.JWS == "" {
		s = Said{Version: f.Version, Subject: f.Subject, InReplyTo: f.InReplyTo, RuleID: f.RuleID, Rule: f.Rule, Content: f.Body}
		s.Items, err = Items(ctx, q, f.ID)
		return s, err
	}
	d, kids, err := Read([]byte(f.JWS))
	if err != nil {
		return s, err
	}
	var w wire
	if err := json.Unmarshal(d.Body, &w); err != nil {
		return s, fault.Wrap(err, fault.Refused, "the document's body is not readable")
	}
	s = Said{Version: w.Version, Subject: w.Subject, InReplyTo: w.InReplyTo, RuleID: w.RuleID, Rule: w.Rule, Content: w.Content,
		IssuedAt: d.IssuedAt, Checkpoint: d.Checkpoint, KIDs: kids, Passkey: d.Passkey != nil}
	for _, i := range w.Items {
		s.Items = append(s.Items, Item{N: i.N, Kind: i.Kind, Locator: i.Locator, NativeID: i.NativeID, Action: i.Action, State: i.State, Reason: i.Reason, EffectedAt: i.At})
	}
	return s, nil
}
