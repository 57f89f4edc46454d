package play

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
)

// firstBatch is the share of the offending accounts, in percent, that the first order names.
const firstBatch = 60

// orders plays preservation and removal: drafted by one officer, signed by another, carried out and answered by the platform, and
// verified by the unit.
func (d *Demo) orders(ctx context.Context) error {
	c, err := d.theCase(ctx)
	if err != nil {
		return err
	}
	ids, err := d.offending(ctx, c)
	if err != nil || len(ids) == 0 {
		return err
	}
	if err := d.at(d.when.preserve); err != nil {
		return err
	}
	raghav, kavya := d.who("unit", "raghav"), d.who("unit", "kavya")
	preservation, err := d.issue(ctx, raghav, kavya, "preservation", "/api/v1/preservation-requests", map[string]any{"audience": "platform", "case_id": c.ID,
		"account_ids": ids, "reasons": "The accounts are found to spread CSEAM; their data are evidence and must not be lost when they are removed."})
	if err != nil {
		return err
	}
	if err := d.at(d.when.preserved); err != nil {
		return err
	}
	if err := d.comply(ctx, "platform", "lena", "vikram", preservation.Document); err != nil {
		return err
	}
	d.say("orders", "the platform preserves the data of %d accounts", len(ids))

	first := (len(ids)*firstBatch + 99) / 100
	for i, batch := range [][]int64{ids[:first], ids[first:]} {
		if len(batch) == 0 {
			continue
		}
		if err := d.takedown(ctx, c, i, batch, preservation.Document.ID); err != nil {
			return err
		}
	}
	return d.verify(ctx)
}

// offending gives the accounts of a case that were found to offend, in order.
func (d *Demo) offending(ctx context.Context, c casework.Case) (ids []int64, err error) {
	accounts, err := get[[]casework.Account](ctx, d.who("unit", "raghav"), casePath(c, "accounts"))
	for _, a := range accounts {
		if a.Finding == casework.Offending {
			ids = append(ids, a.ID)
		}
	}
	return ids, err
}

// takedown orders one batch of accounts removed.
func (d *Demo) takedown(ctx context.Context, c casework.Case, batch int, ids []int64, preservation int64) error {
	if err := d.at(d.when.order[batch]); err != nil {
		return err
	}
	key := fmt.Sprintf("takedown/%d", batch+1)
	raghav := d.who("unit", "raghav")
	draft, err := post[courier.Filed](ctx, raghav, key, "/api/v1/takedown-orders", map[string]any{"audience": "platform", "case_id": c.ID, "account_ids": ids,
		"preservation_id": preservation, "reasons": "Posts of these accounts show listed CSEAM, or the account is the subject of an earlier registered case."})
	if err != nil {
		return err
	}
	v, err := d.authorise(ctx, key, draft)
	if err != nil {
		return err
	}
	d.say("orders", "%s: order %s over %d accounts, signed by %s, %.0f hours", d.day(d.when.order[batch]), v.Document.Number, len(ids), v.Document.Signatory, v.HoursAllowed)
	if err := d.at(d.when.executed[batch]); err != nil {
		return err
	}
	return d.comply(ctx, "platform", "lena", "vikram", v.Document)
}

// authorise has an order signed by the officer who has always signed; where the rule in force refuses the rank, by one of the rank
// that it asks for, who then signs the next order too.
func (d *Demo) authorise(ctx context.Context, key string, draft courier.Filed) (documentView, error) {
	kavya, harish := d.who("unit", "kavya"), d.who("unit", "harish")
	sent, err := documents(ctx, kavya, courier.Out, courier.TakedownOrder)
	if err != nil {
		return documentView{}, err
	}
	for _, f := range sent {
		switch {
		case f.ID == draft.ID && f.State != "draft":
			return d.delivered(ctx, kavya, f.ID)
		case f.ID != draft.ID && strings.HasPrefix(f.Signatory, harish.name):
			return d.sign(ctx, harish, key, draft.ID)
		}
	}
	v, err := d.sign(ctx, kavya, key, draft.ID)
	var r *refusal
	if !errors.As(err, &r) || r.Code != "under_ranked" {
		return v, err
	}
	d.say("orders", "refused (%s): %s", r.Code, r.Detail)
	return d.sign(ctx, harish, key, draft.ID)
}

// comply has a holder carry out a document and answer it: one officer acts and drafts, another signs.
func (d *Demo) comply(ctx context.Context, at, enforcer, signer string, sent courier.Filed) error {
	who, signs := d.who(at, enforcer), d.who(at, signer)
	in, err := received(ctx, who, sent)
	if err != nil {
		return err
	}
	key := fmt.Sprintf("document/%d", in.ID)
	if _, err := post[nothing](ctx, who, key+"/execution", documentPath(in.ID)+"/execution", nil); err != nil {
		return err
	}
	if _, err := wait(ctx, who, in.ID, "carried out", func(v documentView) bool {
		for _, it := range v.Items {
			if it.State == "pending" || it.State == "preserved" && in.Instrument == courier.TakedownOrder {
				return false
			}
		}
		return true
	}); err != nil {
		return err
	}
	_, err = d.issue(ctx, who, signs, key+"/answer", documentPath(in.ID)+"/answer", nil)
	return err
}

// verify lets the unit look whether what was ordered is really gone.
func (d *Demo) verify(ctx context.Context) error {
	if err := d.at(d.when.verify); err != nil {
		return err
	}
	raghav := d.who("unit", "raghav")
	sent, err := documents(ctx, raghav, courier.Out, courier.TakedownOrder)
	if err != nil {
		return err
	}
	states := map[string]int{}
	gone := 0
	for _, f := range sent {
		v, err := post[struct {
			Items []courier.Item `json:"items"`
		}](ctx, raghav, fmt.Sprintf("document/%d/verification", f.ID), documentPath(f.ID)+"/verification", nil)
		if err != nil {
			return err
		}
		for _, it := range v.Items {
			states[it.State]++
			if it.Verified == "gone" && blocked(it) {
				gone++
			} else if blocked(it) {
				return fault.New(fault.Conflict, "item %d of %s was answered as blocked, but its page is still there", it.N, f.Number)
			}
		}
	}
	d.say("orders", "the platform answered: %d blocked, %d not found, %d refused; the unit sees %d of the blocked ones gone",
		states["account_suspended"]+states["removed"]+states["already_removed"], states["not_found"], states["refused"], gone)
	return nil
}

// blocked says whether an item of a removal order took effect.
func blocked(it courier.Item) bool {
	return it.State == "account_suspended" || it.State == "removed" || it.State == "already_removed"
}
