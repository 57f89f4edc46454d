package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
)

// screening is what a platform is to do with one upload.
type screening struct {
	Reference string         `json:"reference,omitempty"` // the platform's own
	Decision  lists.Decision `json:"decision,omitempty"`  // allow, hold or block
	Hits      []hit          `json:"hits"`
	Error     string         `json:"error,omitempty"` // instead of a decision: why there is none
}

type screened struct {
	Results  []screening `json:"results"`
	Sequence int64       `json:"sequence"`
}

// screenItem is one upload whose hashes are known.
type screenItem struct {
	Reference string       `json:"reference"`
	Hashes    []lists.Hash `json:"hashes"`
}

type screenBody struct {
	Items    []screenItem `json:"items"`
	Callback string       `json:"callback"`
}

const (
	maxScreened  = 1000 // uploads of one call
	maxReference = 200
)

func (a *api) registerScreening() {
	read(a, "/screen/rules", "What is done with uploads that match", func(_ context.Context, _ *empty) ([]lists.ScreenRule, error) {
		rules := a.Lists.ScreenRules()
		if rules == nil {
			rules = []lists.ScreenRule{}
		}
		return rules, nil
	})
	type ruleBody struct {
		ListID    int64           `json:"list_id,omitempty"`
		Label     string          `json:"label,omitempty"`
		Certainty lists.Certainty `json:"certainty" enum:"exact,perceptual"`
		Decision  lists.Decision  `json:"decision" enum:"allow,hold,block"`
	}
	write(a, "/screen/rules", "Make a rule, in the place of one for the same list, label and certainty", nil,
		func(ctx context.Context, tx *store.Tx, in *with[ruleBody], _ nothing) (newID, error) {
			b := in.Body
			id, err := a.Lists.AddScreenRule(ctx, tx, lists.ScreenRule{ListID: b.ListID, Label: b.Label, Certainty: b.Certainty, Decision: b.Decision})
			return newID{id}, err
		})
	write(a, "/screen/rules/{id}/removal", "End a rule", nil, func(ctx context.Context, tx *store.Tx, in *withID[nothing], _ nothing) (nothing, error) {
		return nothing{}, a.Lists.RemoveScreenRule(ctx, tx, in.ID)
	})
	// Its bodies are files as well as JSON, so it stands beside the other operations.
	a.routes.HandleFunc("POST /api/v1/screen", func(w http.ResponseWriter, r *http.Request) { a.serveMatch(w, r, identity.LookUp, a.screen) })
}

// screen decides on uploads: one file as a form (field photo or video, with reference and callback beside it), or the hashes of up
// to 1,000 as JSON. Nothing of a file is kept. With a callback the results are sent there too, signed, until they are taken.
func (a *api) screen(ctx context.Context, r *http.Request, who caller) (hmaAnswer, error) {
	out := screened{Results: []screening{}}
	callback := ""
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		f, err := a.uploaded(r)
		if err != nil {
			return hmaAnswer{}, err
		}
		callback = f.form["callback"]
		s := screening{Reference: f.form["reference"], Hits: []hit{}}
		result, err := a.lookedUp(ctx, f.bytes)
		if err != nil && result.SHA256 == "" {
			return hmaAnswer{}, err
		}
		hits := a.Lists.Match(result)
		s.Decision, s.Hits = a.Lists.Screen(hits), a.tell(hits, who.may(identity.ProbeLists))
		if err != nil && s.Decision != lists.Block { // its exact hashes were looked up; what it looks like is not known
			s.Decision, s.Error = lists.Hold, fault.Message(err)
		}
		out.Results = append(out.Results, s)
	} else {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return hmaAnswer{}, err
		}
		var body screenBody
		if err := readJSON(b, &body); err != nil {
			return hmaAnswer{}, err
		}
		if len(body.Items) == 0 || len(body.Items) > maxScreened {
			return hmaAnswer{}, bad("one call screens 1 to %d uploads, or one file as a form", maxScreened)
		}
		callback = body.Callback
		for _, item := range body.Items {
			out.Results = append(out.Results, a.screenHashes(item, who))
		}
	}
	for i := range out.Results {
		if len(out.Results[i].Reference) > maxReference {
			return hmaAnswer{}, bad("a reference has at most %d characters", maxReference)
		}
	}
	out.Sequence = a.Lists.Sequence()
	if callback == "" {
		return ok(out)
	}
	body, err := json.Marshal(out)
	if err != nil {
		return hmaAnswer{}, err
	}
	err = a.change(ctx, func(ctx context.Context, tx *store.Tx) error { return a.Callbacks.Send(ctx, tx, callback, body) })
	return hmaAnswer{http.StatusAccepted, out}, err
}

func (a *api) screenHashes(item screenItem, who caller) screening {
	s := screening{Reference: item.Reference, Hits: []hit{}}
	q, err := asked{Hashes: item.Hashes, Seed: seedOfHashes(item.Hashes)}.query()
	if err == nil && len(item.Hashes) == 0 {
		err = fault.New(fault.Invalid, "an upload needs at least one hash")
	}
	if err != nil {
		s.Error = fault.Message(err)
		return s
	}
	hits := a.Lists.Find(q)
	s.Decision, s.Hits = a.Lists.Screen(hits), a.tell(hits, who.may(identity.ProbeLists))
	return s
}

// seedOfHashes gives one upload one seed, however often it is asked about.
func seedOfHashes(hashes []lists.Hash) string {
	seed := ""
	for _, h := range hashes {
		seed += h.Kind + ":" + strings.ToLower(h.Value) + "\n"
	}
	return seed
}
