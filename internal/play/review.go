package play

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/story"
	"raksha.example/raksha/internal/triage"
)

// reviewed counts what became of perceptual matches.
type reviewed struct{ confirmed, rejected, unsure, closed int }

// review decides a node's perceptual matches: one officer asks to open the picture, another approves, the first looks and says
// what they see. Where they cannot tell, the match stays in the queue.
func (d *Demo) review(ctx context.Context, asker, second *officer, purpose string) (reviewed, error) {
	open, err := get[[]lists.Match](ctx, asker, "/api/v1/matches?state="+lists.Unconfirmed)
	if err != nil {
		return reviewed{}, err
	}
	var unsure, closed atomic.Int64
	err = each(ctx, open, func(ctx context.Context, m lists.Match) error {
		seen, err := d.look(ctx, asker, second, m.ID, purpose)
		if err != nil {
			return err
		}
		state, reason := lists.Confirmed, "the picture is the listed one; seen by "+asker.name
		switch seen {
		case decided:
			return nil
		case story.EyeOther:
			state, reason = lists.Rejected, "resembles the listed picture, but is another; seen by "+asker.name
		case story.EyeUnsure:
			unsure.Add(1)
			return nil
		case discarded:
			closed.Add(1)
			return nil
		}
		_, err = post[nothing](ctx, asker, fmt.Sprintf("match/%d/decision", m.ID), fmt.Sprintf("/api/v1/matches/%d/decision", m.ID), map[string]string{"state": state, "reason": reason})
		if refusedWith(err, http.StatusConflict) { // the same file was decided meanwhile, for another post
			return nil
		}
		return err
	})
	if err != nil {
		return reviewed{}, err
	}
	all, err := get[[]lists.Match](ctx, asker, "/api/v1/matches")
	r := reviewed{unsure: int(unsure.Load()), closed: int(closed.Load())}
	for _, m := range all {
		switch {
		case m.DecidedBy == 0:
		case m.State == lists.Confirmed:
			r.confirmed++
		case m.State == lists.Rejected:
			r.rejected++
		}
	}
	return r, err
}

const (
	decided     = "decided"   // somebody decided the match before the picture was opened
	discarded   = "discarded" // there is nothing to open: the file came with a report, was hashed and discarded
	maxOpenings = 10          // of one match: each was used and brought no decision
)

// look opens the picture of a match under the opening rules. An opening serves once; when one was used before the demonstration
// was cut off, another is asked for.
func (d *Demo) look(ctx context.Context, asker, second *officer, match int64, purpose string) (string, error) {
	for n := range maxOpenings {
		key := fmt.Sprintf("match/%d/opening/%d", match, n+1)
		o, err := post[triage.Opening](ctx, asker, key, fmt.Sprintf("/api/v1/matches/%d/openings", match), map[string]string{"purpose": purpose})
		if refusedWith(err, http.StatusForbidden) {
			return decided, nil
		}
		if err != nil {
			return "", err
		}
		path := fmt.Sprintf("/api/v1/openings/%d", o.ID)
		if _, err := post[nothing](ctx, second, key+"/approval", path+"/approval", nil); err != nil {
			return "", err
		}
		picture, err := post[struct {
			PNG []byte `json:"png"`
		}](ctx, asker, "", path+"/look", nil)
		switch {
		case refusedWith(err, http.StatusForbidden): // it was used
			continue
		case refusedWith(err, http.StatusNotImplemented):
			return discarded, nil
		case refusedWith(err, http.StatusNotFound, http.StatusConflict): // the picture is gone, or another now
			return story.EyeUnsure, nil
		case err != nil:
			return "", err
		}
		return story.EyePNG(picture.PNG), nil
	}
	return "", fault.New(fault.Refused, "match %d was opened %d times without a decision", match, maxOpenings)
}
