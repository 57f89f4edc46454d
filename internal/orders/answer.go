package orders

import (
	"context"
	"encoding/json"
	"fmt"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/store"
)

// the states in which an item of each instrument may be answered
var answers = map[string]map[string]bool{
	courier.TakedownOrder:       {"account_suspended": true, "removed": true, "already_removed": true, "not_found": true, "refused": true},
	courier.PreservationRequest: {"preserved": true, "not_found": true, "refused": true},
	courier.InformationRequest:  {"produced": true, "nothing_held": true, "not_found": true, "refused": true},
}

// receiveResponse takes a holder's answer: the state of each item, and what was produced.
func (o *Orders) receiveResponse(ctx context.Context, tx *store.Tx, in courier.Incoming) error {
	if err := in.From.NeedOfficer(); err != nil {
		return err
	}
	ours, err := courier.ByJTI(ctx, tx, courier.Out, in.Audience, in.InReplyTo)
	if err != nil || ours.Audience != in.Issuer {
		return fault.Coded(fault.Refused, "not_our_document", "the answer replies to no document that this node sent to %s", in.Issuer)
	}
	if ours.State != "acknowledged" && ours.State != "authorised" && ours.State != "answered" {
		return fault.Coded(fault.Refused, "not_open", "document %s is %s; it takes no answer", ours.Number, ours.State)
	}
	var c Content
	if err := json.Unmarshal(in.Body, &c); err != nil {
		return fault.Coded(fault.Refused, "malformed", "the answer's content is not readable")
	}
	items, err := courier.Items(ctx, tx, ours.ID)
	if err != nil {
		return err
	}
	byN := map[int64]courier.Item{}
	for _, it := range items {
		byN[it.N] = it
	}
	complied := true
	for _, r := range in.Results {
		it, ok := byN[r.N]
		if !ok || !answers[ours.Instrument][r.State] {
			return fault.Coded(fault.Refused, "wrong_item", "item %d of the answer is no item of %s or is answered with %q", r.N, ours.Number, r.State)
		}
		it.State, it.Reason, it.EffectedAt = r.State, r.Reason, r.EffectedAt
		complied = complied && r.State != "refused" && r.State != "not_found"
		if err := o.office.SetItem(ctx, tx, it, "document.item_answered"); err != nil {
			return err
		}
		byN[r.N] = it
	}
	if err := o.produced(ctx, tx, ours, in.ID, c.Data, byN); err != nil {
		return err
	}
	state := "answered"
	if ours.Instrument == courier.TakedownOrder {
		if state = "complied"; !complied {
			state = "partially_complied"
		}
	}
	return o.office.SetState(ctx, tx, ours.ID, state)
}

// produced opens what the holder encrypted to us and hands it, item by item, to attribution.
func (o *Orders) produced(ctx context.Context, tx *store.Tx, ours courier.Filed, answerID int64, data string, items map[int64]courier.Item) error {
	if data == "" {
		return nil
	}
	b, err := courier.Decrypt(o.decryptor.String(), data)
	if err != nil {
		return fault.Coded(fault.Refused, "not_for_us", "what was produced is not encrypted to this node's key")
	}
	var list []Produced
	if err := json.Unmarshal(b, &list); err != nil {
		return fault.Coded(fault.Refused, "malformed", "what was produced is not readable")
	}
	for _, p := range list {
		it, ok := items[p.N]
		if !ok || it.State != "produced" {
			return fault.Coded(fault.Refused, "wrong_item", "data was produced for item %d, which is not answered as produced", p.N)
		}
		if o.sink != nil {
			if err := o.sink.Answered(ctx, tx, ours.CaseID, answerID, it, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// receiveReport takes an action-taken report on a referral or summons of ours.
func (o *Orders) receiveReport(ctx context.Context, tx *store.Tx, in courier.Incoming) error {
	if err := in.From.NeedOfficer(); err != nil {
		return err
	}
	var c Content
	if err := json.Unmarshal(in.Body, &c); err != nil {
		return fault.Coded(fault.Refused, "malformed", "the report's content is not readable")
	}
	return Check(in.Instrument, c, in.Items)
}

// Availability is whether an item's public page is gone, by item id.
type Availability map[int64]string

// Look asks the public view whether each answered item of a takedown order is gone. KeepLook enters what was seen.
func (o *Orders) Look(ctx context.Context, id int64) (Availability, error) {
	f, err := courier.ByID(ctx, o.db.Reader(), id)
	if err != nil {
		return nil, err
	}
	if f.Direction != courier.Out || f.Instrument != courier.TakedownOrder || f.AnsweredAt == 0 {
		return nil, fault.New(fault.Conflict, "only the items of an answered takedown order can be verified")
	}
	items, err := courier.Items(ctx, o.db.Reader(), id)
	if err != nil {
		return nil, err
	}
	out := Availability{}
	for _, it := range items {
		l, err := platforms.ParseLocator(it.Locator)
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", it.N, err)
		}
		connector, err := o.register.Public(ctx, l.Host)
		if err != nil {
			return nil, err
		}
		a, err := connector.Account(ctx, it.NativeID)
		if it.NativeID == "" {
			a, err = connector.Lookup(ctx, l.Handle)
		}
		switch {
		case err == nil && !a.Suspended:
			out[it.ID] = "still_there"
		case err == nil || fault.Of(err) == fault.NotFound:
			out[it.ID] = "gone"
		default:
			return nil, err
		}
	}
	return out, nil
}

// KeepLook enters what Look saw.
func (o *Orders) KeepLook(ctx context.Context, tx *store.Tx, id int64, seen Availability) error {
	items, err := courier.Items(ctx, tx, id)
	if err != nil {
		return err
	}
	now := store.Micros(o.clock.Now())
	for _, it := range items {
		if v := seen[it.ID]; v != "" {
			it.Verified, it.VerifiedAt = v, now
			if err := o.office.SetItem(ctx, tx, it, "document.item_verified"); err != nil {
				return err
			}
		}
	}
	return nil
}
