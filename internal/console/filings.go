package console

import (
	"context"
	"net/url"
	"time"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/filing"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

const filingsShown = 50

type filingsView struct {
	show         show
	state        string
	rows         []filing.Filing
	destinations []filing.Destination
	first, next  string
}

// filings shows what this node files with others, and how each filing stands.
func (o *console) filings(r *request) (string, templ.Component, error) {
	before := r.number("before", 0)
	v := filingsView{show: r.show, state: r.URL.Query().Get("state")}
	address := func(id int64) string {
		q := url.Values{}
		if v.state != "" {
			q.Set("state", v.state)
		}
		if id != 0 {
			q.Set("before", decimal(id))
		}
		return "/filings?" + q.Encode()
	}
	var err error
	if v.destinations, err = filing.Destinations(r.ctx, r.q); err != nil {
		return "", nil, err
	}
	if v.rows, err = filing.List(r.ctx, r.q, filing.Filter{State: v.state, Before: before, Limit: filingsShown + 1}); err != nil {
		return "", nil, err
	}
	if len(v.rows) > filingsShown {
		v.rows = v.rows[:filingsShown]
		v.next = address(v.rows[filingsShown-1].ID)
	}
	if before > 0 {
		v.first = address(0)
	}
	return "Filings", filingsPage(v), nil
}

var filingWords = map[string]string{filing.Prepared: "prepared", filing.Submitting: "being submitted", filing.Submitted: "files follow", filing.Finishing: "being finished",
	filing.Retracting: "being taken back", filing.Finished: "filed", filing.Retracted: "taken back", filing.Failed: "failed"}

// filingTone gives the look of a state.
func filingTone(state string) string {
	switch state {
	case filing.Finished:
		return "accepted"
	case filing.Failed:
		return "refused"
	case filing.Retracted:
		return "returned"
	}
	return "pending"
}

type gateView struct {
	show    show
	media   int64
	gate    triage.Gate
	process []triage.Process
	decide  bool
	said    string
}

var gateDone = map[string]string{"recorded": "The legal process is recorded against this file."}

func mediaAddress(id int64) string { return "/media/" + decimal(id) }

// file shows whether a file may be opened, and on what basis.
func (o *console) file(r *request) (string, templ.Component, error) {
	id, err := r.id()
	if err != nil {
		return "", nil, err
	}
	v := gateView{show: r.show, media: id, decide: r.person.May(identity.DecideMatches), said: gateDone[r.URL.Query().Get("done")]}
	if v.gate, err = o.Triage.GateOf(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	v.process, err = triage.Processes(r.ctx, r.q, id)
	return "File " + decimal(id), filePage(v), err
}

// recordProcess takes the form of legal process.
func (o *console) recordProcess(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	at, err := time.ParseInLocation(time.DateOnly, r.PostForm.Get("issued_on"), o.Law.Location())
	if err != nil {
		return "", fault.New(fault.Invalid, "write the day as 2026-03-01")
	}
	p := triage.Process{MediaID: id, Kind: r.PostForm.Get("kind"), Number: r.PostForm.Get("number"), IssuedBy: r.PostForm.Get("issued_by"), Reason: r.PostForm.Get("reason"), IssuedAt: store.Micros(at)}
	return mediaAddress(id) + "?done=recorded", o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := o.Triage.RecordProcess(ctx, tx, p, r.person.ID)
		return err
	})
}

var viewedWords = map[string]string{"": "no provider reported this file", "yes": "yes", "no": "no", "unknown": "the provider did not say"}
