package console

import (
	"fmt"
	"strings"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/triage"
)

type tipView struct {
	show     show
	t        intake.Tip
	account  *platforms.AccountRow
	post     *platforms.PostRow
	media    []tipMedia
	outcomes []triage.Outcome
	chain    []step
	held     []triage.Holding
	where    proposal
	caseFile *casework.Case
	work     tipWork
	report   *intake.Filing // how it was filed, if a provider did
}

// tipMedia is a picture or video of the tip's post: hashes and length, never the bytes.
type tipMedia struct {
	platforms.MediaRow
	match *lists.Match
}

// step is one station of the tip's way from agency to agency.
type step struct {
	link
	text string
	at   int64
}

func (o *console) tip(r *request) (string, templ.Component, error) {
	id, err := r.id()
	if err != nil {
		return "", nil, err
	}
	v := tipView{show: r.show}
	if v.t, err = intake.ByID(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	if v.t.AccountID != 0 {
		a, err := platforms.AccountByID(r.ctx, r.q, v.t.AccountID)
		if err != nil {
			return "", nil, err
		}
		v.account = &a
	}
	if v.t.PostID != 0 {
		p, err := platforms.PostByID(r.ctx, r.q, v.t.PostID)
		if err != nil {
			return "", nil, err
		}
		v.post = &p
		media, err := platforms.MediaOf(r.ctx, r.q, p.ID)
		if err != nil {
			return "", nil, err
		}
		for _, m := range media {
			match, err := lists.MatchOf(r.ctx, r.q, m.ID)
			if err != nil {
				return "", nil, err
			}
			v.media = append(v.media, tipMedia{m, match})
		}
	}
	if err := v.filed(r); err != nil {
		return "", nil, err
	}
	if v.outcomes, err = triage.Outcomes(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	if v.t.CaseID != 0 && o.runs(directory.Unit) {
		c, err := casework.ByID(r.ctx, r.q, v.t.CaseID)
		if err != nil {
			return "", nil, err
		}
		sight, err := r.sight(o)
		if err != nil {
			return "", nil, err
		}
		if sight.Sees(identity.OfCase, c.ID, c.ID) {
			v.caseFile = &c
		}
	}
	if v.held, err = triage.Chain(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	if v.where, err = o.propose(r, v.t); err != nil {
		return "", nil, err
	}
	if v.chain, err = o.chain(r, v.t); err != nil {
		return "", nil, err
	}
	if v.work, err = o.tipWork(r, v.t); err != nil {
		return "", nil, err
	}
	return "Tip " + v.t.Number, tipPage(v), nil
}

// chain tells how the tip came here and where it went.
func (o *console) chain(r *request, t intake.Tip) ([]step, error) {
	from := step{text: "Entered here from a " + source(t.Source), at: t.ReceivedAt}
	if t.Reporter != "" {
		from.text += ", " + t.Reporter
	}
	steps := []step{from}
	for _, d := range []struct {
		id   int64
		text string
	}{{t.ReferralID, "Came here from %s, where it is number " + t.ExternalRef + ", by"}, {t.OnwardID, "Referred on to %s by"}} {
		if d.id == 0 {
			continue
		}
		f, err := courier.ByID(r.ctx, r.q, d.id)
		if err != nil {
			return nil, err
		}
		other, at := f.Issuer, f.ReceivedAt
		if f.Direction == courier.Out {
			other, at = f.Audience, f.AuthorisedAt
		}
		s := step{link{href: fmt.Sprintf("/documents/%d", f.ID), label: "referral " + f.Number}, strings.Replace(d.text, "%s", other, 1), at}
		if d.id == t.ReferralID {
			steps = []step{s} // it came by this referral; the entry is the same event
			continue
		}
		steps = append(steps, s)
	}
	return steps, nil
}
