package play

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
)

// documentView is a document with what became of it.
type documentView struct {
	Document     courier.Filed   `json:"document"`
	Items        []courier.Item  `json:"items"`
	HoursAllowed float64         `json:"hours_allowed"`
	Overdue      bool            `json:"overdue"`
	Answers      []courier.Filed `json:"answers"`
}

func documentPath(id int64) string { return fmt.Sprintf("/api/v1/documents/%d", id) }

func document(ctx context.Context, o *officer, id int64) (documentView, error) {
	return get[documentView](ctx, o, documentPath(id))
}

// documents reads a node's documents of one instrument.
func documents(ctx context.Context, o *officer, direction, instrument string) ([]courier.Filed, error) {
	return get[[]courier.Filed](ctx, o, "/api/v1/documents?"+url.Values{"direction": {direction}, "instrument": {instrument}}.Encode())
}

const (
	deliveryTime = 2 * time.Minute // for what happens by itself: delivery, execution, answers
	pollWait     = 40 * time.Millisecond
)

// wait reads a document again and again until it is as ready says.
func wait(ctx context.Context, o *officer, id int64, what string, ready func(documentView) bool) (documentView, error) {
	for until := time.Now().Add(deliveryTime); ; {
		v, err := document(ctx, o, id)
		if err != nil || ready(v) {
			return v, err
		}
		if time.Now().After(until) {
			return v, fault.New(fault.Unavailable, "%s of %s is still %s, not %s", v.Document.Instrument, o.node.name, v.Document.State, what)
		}
		select {
		case <-time.After(pollWait):
		case <-ctx.Done():
			return v, context.Cause(ctx)
		}
	}
}

// delivered waits until the addressee has acknowledged a document.
func (d *Demo) delivered(ctx context.Context, o *officer, id int64) (documentView, error) {
	v, err := wait(ctx, o, id, "acknowledged", func(v documentView) bool {
		switch v.Document.State {
		case "draft", "authorised", "served":
			return false
		}
		return true
	})
	if err == nil && (v.Document.State == "refused" || v.Document.State == "undeliverable") {
		err = fault.New(fault.Refused, "%s of %s was %s: %s", v.Document.Number, o.node.name, v.Document.State, v.Document.Refusal)
	}
	return v, err
}

// sign lets the authoriser sign a draft, and waits until the addressee has acknowledged it.
func (d *Demo) sign(ctx context.Context, authoriser *officer, key string, id int64) (documentView, error) {
	if _, err := post[nothing](ctx, authoriser, key+"/authorisation", documentPath(id)+"/authorisation", map[string]string{"password": authoriser.password}); err != nil {
		return documentView{}, err
	}
	return d.delivered(ctx, authoriser, id)
}

// issue drafts a document with one officer and has another sign it.
func (d *Demo) issue(ctx context.Context, drafter, authoriser *officer, key, path string, body any) (documentView, error) {
	f, err := post[courier.Filed](ctx, drafter, key, path, body)
	if err != nil {
		return documentView{}, err
	}
	return d.sign(ctx, authoriser, key, f.ID)
}

// received finds a document at its addressee.
func received(ctx context.Context, o *officer, sent courier.Filed) (courier.Filed, error) {
	all, err := documents(ctx, o, courier.In, sent.Instrument)
	if err != nil {
		return courier.Filed{}, err
	}
	for _, f := range all {
		if f.JTI == sent.JTI {
			return f, nil
		}
	}
	return courier.Filed{}, fault.New(fault.NotFound, "%s has not received %s", o.node.name, sent.Number)
}
