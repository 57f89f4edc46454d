package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

// keyed lets a page run the node's script for keys, which asks nobody anything.
func keyed(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", policy+"; script-src 'self'")
}

type workView struct {
	show    show
	person  identity.Person
	w       triage.Work
	media   []tipMedia
	people  []identity.Person // whom the tip can be handed to
	names   map[int64]string
	problem string
	said    triage.Said // what was written when it was refused
}

// restView is the page of a person who holds nothing, or who has a break.
type restView struct {
	show     show
	said     string
	exposure triage.Exposure
	why      string // a limit that is reached
	danger   *intake.Tip
}

var workedWords = map[string]string{
	"actionable": "Decided: to be acted on.", "informational": "Decided: for information.", "insufficient": "Decided: too little to act on.",
	triage.Second: "Kept. Another person decides it too.", triage.Lead: "Kept. The two of you see it differently; a supervisor decides.",
	"back": "The tip is back in its queue, with your note.", "over": "The tip is handed over.", "nothing": "Nothing waits for you.",
}

// work shows the tip that the person holds, a break that is due, or where the next tip is to be had.
func (o *console) work(r *request) (string, templ.Component, error) {
	held, err := o.Triage.Claims(r.ctx, r.q, r.person.ID)
	if err != nil {
		return "", nil, err
	}
	for _, c := range held {
		title, page, err := o.workOn(r, c.TipID, "", triage.Said{})
		if code := fault.Code(err); strings.HasPrefix(code, "exposure_") {
			return o.rest(r, fault.Message(err))
		}
		if fault.Of(err) == fault.Conflict { // it was decided elsewhere
			continue
		}
		return title, page, err
	}
	return o.rest(r, "")
}

func (o *console) rest(r *request, why string) (string, templ.Component, error) {
	v := restView{show: r.show, why: why, said: workedWords[r.URL.Query().Get("done")]}
	var err error
	if v.exposure, err = o.Triage.Exposure(r.ctx, r.q, r.person.ID); err != nil {
		return "", nil, err
	}
	if v.exposure.Reached == "" && why == "" {
		return "Work", restPage(v), nil
	}
	t, err := o.Triage.InDanger(r.ctx, r.q, r.person)
	if err == nil {
		v.danger = &t
	} else if fault.Of(err) != fault.NotFound {
		return "", nil, err
	}
	return "A break", breakPage(v), nil
}

// workOn shows one tip that the person holds. What is shown is on the list of who read what first.
func (o *console) workOn(r *request, tipID int64, problem string, said triage.Said) (string, templ.Component, error) {
	v := workView{show: r.show, person: r.person, problem: problem, said: said, names: map[int64]string{}}
	purpose, err := o.People.Purpose(r.ctx, r.q, r.person, "tips")
	if err == nil && purpose != "" {
		err = o.People.Saw(r.ctx, r.person, identity.Read{Object: "tip", ObjectID: tipID, Purpose: purpose})
	}
	if err == nil && purpose == "" {
		err = fault.New(fault.Forbidden, "say first for what purpose tips are read: open the page of your work again")
	}
	if err != nil {
		return "", nil, err
	}
	if v.w, err = o.Triage.Open(r.ctx, r.person, tipID); err != nil {
		return "", nil, err
	}
	all, err := o.People.All(r.ctx, r.q)
	if err != nil {
		return "", nil, err
	}
	for _, p := range all {
		v.names[p.ID] = p.Name
		if p.ID != r.person.ID && p.DisabledAt == 0 && p.May(identity.DecideTips) {
			v.people = append(v.people, p)
		}
	}
	if v.w.Tip.PostID != 0 {
		rows, err := platforms.MediaOf(r.ctx, r.q, v.w.Tip.PostID)
		if err != nil {
			return "", nil, err
		}
		for _, m := range rows {
			match, err := lists.MatchOf(r.ctx, r.q, m.ID)
			if err != nil {
				return "", nil, err
			}
			v.media = append(v.media, tipMedia{m, match})
		}
	}
	return "Tip " + v.w.Tip.Number, workPage(v), nil
}

func (o *console) takeNext(r *request) (string, error) {
	queue, err := strconv.ParseInt(r.PostForm.Get("queue"), 10, 64)
	if err != nil {
		queue = -1
	}
	_, err = o.Triage.Next(r.ctx, r.person, queue)
	switch code := fault.Code(err); {
	case code == "nothing_waits":
		return "/work?done=nothing", nil
	case strings.HasPrefix(code, "exposure_"): // the page says it kindly
		return "/work", nil
	}
	return "/work", err
}

// atWork runs a change of a tip that the person holds; what is refused is said on the page of the tip, with what was written.
func (o *console) atWork(r *request, done string, said triage.Said, fn func(ctx context.Context, tx *store.Tx, id int64) (string, error)) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		became, err := fn(ctx, tx, id)
		if became != "" {
			done = became
		}
		return err
	})
	if k := fault.Of(err); err != nil && (k == fault.Invalid || k == fault.Refused || k == fault.TooLarge || k == fault.Forbidden) {
		if title, page, open := o.workOn(r, id, fault.Message(err), said); open == nil {
			return "", keyedPage{shown{title: title, content: page, status: fault.HTTPStatus(err)}}
		}
	}
	if done == "" {
		return "/work", err
	}
	return "/work?done=" + done, err
}

// saidForm reads what a person says of a tip.
func saidForm(r *request) triage.Said {
	s := triage.Said{State: r.PostForm.Get("state"), Reason: strings.TrimSpace(r.PostForm.Get("reason")), Answers: map[string]string{}}
	for name := range r.PostForm {
		if id, ok := strings.CutPrefix(name, "answer."); ok {
			s.Answers[id] = r.PostForm.Get(name)
		}
	}
	return s
}

func (o *console) sayWork(r *request) (string, error) {
	s := saidForm(r)
	return o.atWork(r, "", s, func(ctx context.Context, tx *store.Tx, id int64) (string, error) {
		became, err := o.Triage.Say(ctx, tx, r.person, id, s, false, identity.Person{})
		return became.State + became.Waits, err
	})
}

func (o *console) secondWork(r *request) (string, error) {
	s := saidForm(r)
	return o.atWork(r, "", s, func(ctx context.Context, tx *store.Tx, id int64) (string, error) {
		var of identity.Person
		if name := r.PostForm.Get("of"); name != "" {
			var err error
			if of, err = o.People.ByUsername(ctx, tx, name); err != nil {
				return "", err
			}
		}
		became, err := o.Triage.Say(ctx, tx, r.person, id, s, true, of)
		return became.State + became.Waits, err
	})
}

func (o *console) handBack(r *request) (string, error) {
	return o.atWork(r, "back", triage.Said{}, func(ctx context.Context, tx *store.Tx, id int64) (string, error) {
		return "", o.Triage.HandBack(ctx, tx, r.person, id, r.PostForm.Get("note"))
	})
}

func (o *console) handOver(r *request) (string, error) {
	return o.atWork(r, "over", triage.Said{}, func(ctx context.Context, tx *store.Tx, id int64) (string, error) {
		to, err := o.People.ByUsername(ctx, tx, r.PostForm.Get("to"))
		if err != nil {
			return "", err
		}
		_, err = o.Triage.GiveTo(ctx, tx, r.person, to, id, r.PostForm.Get("note"))
		return "", err
	})
}

func (o *console) reclassify(r *request) (string, error) {
	return o.atWork(r, "", triage.Said{}, func(ctx context.Context, tx *store.Tx, id int64) (string, error) {
		return "", o.Triage.Reclassify(ctx, tx, r.person, id, r.PostForm.Get("class"), r.PostForm.Get("reason"))
	})
}

// consent takes the person's own decision to work on a tip with a child in danger beyond a limit, and gives them the tip.
func (o *console) consent(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	if r.PostForm.Get("own_will") == "" {
		return "", fault.New(fault.Invalid, "tick that it is your own decision, or rest: others take what waits")
	}
	if err := o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error { return o.Triage.Consent(ctx, tx, r.person, id) }); err != nil {
		return "", err
	}
	_, err = o.Triage.Take(r.ctx, r.person, id)
	return "/work", err
}

// ownWork is what the account page tells a person of their own work.
type ownWork struct {
	exposure triage.Exposure
	own      triage.Limits
	became   []triage.Became
}

const becameRows = 30

func (o *console) ownWork(r *request) (*ownWork, error) {
	if !r.person.May(identity.DecideTips) && !r.person.May(identity.DecideMatches) {
		return nil, nil
	}
	v := &ownWork{}
	var err error
	if v.exposure, err = o.Triage.Exposure(r.ctx, r.q, r.person.ID); err != nil {
		return nil, err
	}
	if v.own, err = triage.OwnLimits(r.ctx, r.q, r.person.ID); err != nil {
		return nil, err
	}
	v.became, err = triage.BecameOf(r.ctx, r.q, r.person.ID, becameRows)
	return v, err
}

// left is how long a claim still lasts, in whole minutes.
func (v workView) left() int64 {
	return max(0, int64(store.Time(v.w.Claim.ExpiresAt).Sub(v.show.now)/time.Minute))
}

var limitWords = map[string]string{triage.ByBreak: "a break was due", triage.ByDay: "minutes of a day", triage.ByItems: "items of a day", triage.ByHours: "hours of work"}

func limitName(kind string) string { return title(words(limitWords, kind)) }

var queueSources = []string{intake.FromComplaint, intake.FromForm, intake.FromReport, intake.FromScan, intake.FromReferral}

func someNumber(n int64) string {
	if n == 0 {
		return ""
	}
	return decimal(n)
}

func usernameOf(people []identity.Person, id int64) string {
	for _, p := range people {
		if p.ID == id {
			return p.Username
		}
	}
	return ""
}

// exposureLine tells in one sentence how much of the limits is used.
func exposureLine(e triage.Exposure) string {
	line := "Today " + count(e.Minutes, "minute")
	if e.Limits.DayMinutes > 0 {
		line += " of " + decimal(e.Limits.DayMinutes)
	}
	line += " with this material, " + count(e.Items, "item")
	if e.Limits.DayItems > 0 {
		line += " of " + decimal(e.Limits.DayItems)
	}
	if e.Limits.StretchMinutes > 0 {
		line += "; " + decimal(e.Stretch) + " of " + decimal(e.Limits.StretchMinutes) + " minutes since the last break"
	}
	return line + "."
}

// breakSentence says why nothing is shown, where no tip was refused.
func breakSentence(v restView) string {
	until := v.show.at(v.exposure.Until)
	switch v.exposure.Reached {
	case triage.ByBreak:
		return "You have worked with this material for " + count(v.exposure.Stretch, "minute") + " without a break. Rest until " + until + "."
	case triage.ByHours:
		return "At this hour nobody works with this material here. It goes on at " + until + "."
	default:
		return "It is enough for today. It goes on at " + until + "; others take what waits."
	}
}

// decisionKey is the key that chooses a decision on the page of the work.
func decisionKey(state string) string {
	if state == "insufficient" { // i is for information
		return "s"
	}
	return state[:1]
}
