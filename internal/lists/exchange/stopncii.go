package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists/foreign"
	"raksha.example/raksha/internal/lists/stopncii"
)

const staleAfter = 30 * 24 * time.Hour // the service keeps removals no longer; after such a silence everything is fetched again

// stopnciiPoint is the checkpoint.
type stopnciiPoint struct {
	Since int64  `json:"since"`
	Token string `json:"token,omitempty"` // of the next page of the set that begins at Since
	At    int64  `json:"at"`              // microseconds: when it was made
}

type stopnciiSource struct {
	x      *Exchanges
	e      Exchange
	client *stopncii.Client
}

func (x *Exchanges) stopnciiClient(e Exchange, s Secret) *stopncii.Client {
	return stopncii.NewClient(x.caller(e), s["function_key"], s["subscription_key"])
}

func (s *stopnciiSource) pull(ctx context.Context, from step, commit func(page) error) error {
	now := s.x.Clock.Now()
	p := stopnciiPoint{Since: max(stopncii.Start, s.e.Settings.Since)}
	if from.checkpoint != "" {
		var old stopnciiPoint
		if err := json.Unmarshal([]byte(from.checkpoint), &old); err != nil {
			return fmt.Errorf("checkpoint of exchange %d: %w", s.e.ID, err)
		}
		if now.Sub(time.UnixMicro(old.At)) < staleAfter {
			p = old
		}
	}
	size := stopncii.PageSize
	seen := map[string]bool{}
	aside := 0
	for {
		body, err := s.client.Fetch(ctx, p.Since, p.Token, size)
		var got stopncii.Page
		if err == nil {
			got, err = stopncii.ReadPage(body)
		}
		if err == nil && got.More && (got.Next == "" || got.Next == p.Token || seen[got.Next]) {
			err = fault.Coded(fault.Invalid, stopncii.Corrupt, "there is more, but the next page is not named, or is one that was read")
			got.Next = ""
		}
		out := page{items: got.Items, aside: got.Aside}
		if err != nil {
			code := fault.Code(err)
			if code != stopncii.Corrupt && code != string(fault.TooLarge) {
				return err
			}
			if size > 1 { // smaller pages narrow down what is broken
				size /= 4
				size = max(size, 1)
				continue
			}
			if aside++; aside > maxSetBy {
				return fault.Wrap(err, fault.Unavailable, "too many of the server's answers cannot be read: %s", fault.Message(err))
			}
			out.aside = append(out.aside, foreign.Aside{Place: fmt.Sprintf("a page of what changed since %s", clockText(p.Since)), Reason: fault.Message(err), Bytes: body})
			// On by the next page if it is named, otherwise past the second in which this one begins.
			if got.Next == "" {
				p.Since, p.Token = max(p.Since, got.Newest)+1, ""
				if p.Since > now.Unix() {
					return fault.Wrap(err, fault.Unavailable, "the server's answer cannot be read, and nothing tells where to go on: %s", fault.Message(err))
				}
			} else {
				p.Token = got.Next
			}
			size = stopncii.PageSize
		} else if got.More {
			seen[got.Next] = true
			p.Token = got.Next
		} else {
			p.Since, p.Token = max(p.Since, got.Since), ""
			out.done = true
		}
		p.At = now.UnixMicro()
		b, err := json.Marshal(p)
		if err != nil {
			return err
		}
		out.checkpoint, out.reached = string(b), time.Unix(p.Since, 0)
		if err := commit(out); err != nil || out.done {
			return err
		}
	}
}
