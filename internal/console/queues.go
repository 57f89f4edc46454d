package console

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

type queuesView struct {
	show    show
	rows    []triage.QueueState
	decides bool // the person decides tips
	manages bool
}

func (o *console) queues(r *request) (string, templ.Component, error) {
	rows, err := o.Triage.QueueStates(r.ctx, r.q, r.person)
	return "Queues", queuesPage(queuesView{r.show, rows, r.person.May(identity.DecideTips), r.person.May(identity.ManageQueues)}), err
}

type queueView struct {
	show  show
	queue triage.Queue
	rows  []intake.Tip
	first string
	next  string
}

func (o *console) queue(r *request) (string, templ.Component, error) {
	id, err := queueNumber(r)
	if err != nil {
		return "", nil, err
	}
	v := queueView{show: r.show}
	if v.queue, err = o.Triage.Queue(r.ctx, id); err != nil {
		return "", nil, err
	}
	var after *intake.Place
	if text := r.URL.Query().Get("after"); text != "" {
		p, err := intake.ParsePlace(text)
		if err != nil {
			return "", nil, err
		}
		after, v.first = &p, fmt.Sprintf("/queues/%d", id)
	}
	if v.rows, err = o.Triage.QueuePage(r.ctx, r.q, id, after, perPage+1); err != nil {
		return "", nil, err
	}
	if len(v.rows) > perPage {
		v.rows = v.rows[:perPage]
		v.next = fmt.Sprintf("/queues/%d?after=%s", id, intake.PlaceOf(v.rows[perPage-1]))
	}
	return v.queue.Name, queuePage(v), nil
}

func queueNumber(r *request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("queue"), 10, 64)
	if err != nil || id < 0 {
		return 0, fault.New(fault.NotFound, "there is no such queue")
	}
	return id, nil
}

type arrangeView struct {
	show    show
	queues  []triage.Queue
	teams   []triage.TeamMember
	people  []identity.Person // who decide tips
	limits  triage.Limits
	reached []triage.Reached
	said    string
}

var arrangedWords = map[string]string{
	"queue": "The queue is kept. Tips that belong elsewhere now have been moved.", "closed": "The queue is closed. Its tips went where they belong.",
	"team": "The team is changed.", "limits": "The limits are set, from now on.",
}

func (o *console) arrange(r *request) (string, templ.Component, error) {
	v := arrangeView{show: r.show, said: arrangedWords[r.URL.Query().Get("done")]}
	all, err := o.Triage.Queues(r.ctx)
	if err != nil {
		return "", nil, err
	}
	for _, q := range all {
		if q.ID != triage.Rest {
			v.queues = append(v.queues, q)
		}
	}
	if v.teams, err = triage.Teams(r.ctx, r.q); err != nil {
		return "", nil, err
	}
	if v.people, err = o.workers(r); err != nil {
		return "", nil, err
	}
	if v.limits, err = o.Triage.NodeLimits(r.ctx, r.q); err != nil {
		return "", nil, err
	}
	v.reached, err = o.Triage.ReachedToday(r.ctx, r.q)
	return "Arrange the queues", arrangePage(v), err
}

// workers gives the people who decide tips.
func (o *console) workers(r *request) (out []identity.Person, err error) {
	all, err := o.People.All(r.ctx, r.q)
	for _, p := range all {
		if p.DisabledAt == 0 && p.May(identity.DecideTips) {
			out = append(out, p)
		}
	}
	return out, err
}

// wholeNumber reads a number of a form; empty is 0.
func (r *request) wholeNumber(name, label string) (int64, error) {
	text := strings.TrimSpace(r.PostForm.Get(name))
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fault.New(fault.Invalid, "%s: %q is no whole number", label, clip(text, 40))
	}
	return n, nil
}

// wallClock reads a time of day of a form as minutes from midnight; empty is 0.
func (r *request) wallClock(name, label string) (int64, error) {
	text := strings.TrimSpace(r.PostForm.Get(name))
	if text == "" {
		return 0, nil
	}
	hour, minute, ok := strings.Cut(text, ":")
	h, err := strconv.Atoi(hour)
	m, err2 := strconv.Atoi(minute)
	if !ok || err != nil || err2 != nil || h < 0 || h > 24 || m < 0 || m > 59 {
		return 0, fault.New(fault.Invalid, "%s: write a time of day as 16:00", label)
	}
	return int64(h*60 + m), nil
}

// wall writes minutes from midnight as a time of day; 0 is empty.
func wall(minutes int64) string {
	if minutes == 0 {
		return ""
	}
	return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60)
}

func commas(text string) (out []string) {
	for _, s := range strings.Split(text, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// queueForm reads a queue as the form gives it.
func queueForm(r *request, id int64) (q triage.Queue, err error) {
	q = triage.Queue{ID: id, Name: r.PostForm.Get("name"), Desk: r.PostForm.Get("desk"), Team: r.PostForm.Get("team"), Role: r.PostForm.Get("role"), TwoPerson: r.PostForm.Get("two_person") != "",
		Filter: triage.QueueFilter{Classes: r.PostForm["class"], Sources: r.PostForm["source"], Languages: commas(r.PostForm.Get("languages")),
			Labels: commas(r.PostForm.Get("labels")), Platforms: commas(r.PostForm.Get("platforms"))}}
	if q.Place, err = r.wholeNumber("place", "Order"); err == nil {
		q.ClaimMinutes, err = r.wholeNumber("claim_minutes", "Claim")
	}
	return q, err
}

func (o *console) addQueue(r *request) (string, error) {
	q, err := queueForm(r, 0)
	if err == nil {
		err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
			_, err := o.Triage.AddQueue(ctx, tx, q)
			return err
		})
	}
	if err == nil {
		_, err = o.Triage.Sort(r.ctx)
	}
	return "/queues/arrange?done=queue", err
}

func (o *console) changeQueue(r *request) (string, error) {
	id, err := queueNumber(r)
	if err != nil {
		return "", err
	}
	q, err := queueForm(r, id)
	done, closes := "queue", r.PostForm.Get("close") != ""
	if closes {
		done = "closed"
	}
	if err == nil {
		err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error { return o.Triage.ChangeQueue(ctx, tx, q, closes) })
	}
	if err == nil {
		_, err = o.Triage.Sort(r.ctx)
	}
	return "/queues/arrange?done=" + done, err
}

func (o *console) setTeam(r *request) (string, error) {
	return "/queues/arrange?done=team", o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		p, err := o.People.ByUsername(ctx, tx, r.PostForm.Get("username"))
		if err != nil {
			return err
		}
		return o.Triage.SetTeam(ctx, tx, r.PostForm.Get("team"), p.ID, r.PostForm.Get("out") == "")
	})
}

// limitsForm reads limits as a form gives them.
func limitsForm(r *request) (l triage.Limits, err error) {
	for _, f := range []struct {
		to          *int64
		name, label string
		read        func(name, label string) (int64, error)
	}{{&l.DayMinutes, "day_minutes", "Minutes in a day", r.wholeNumber}, {&l.DayItems, "day_items", "Items in a day", r.wholeNumber}, {&l.StretchMinutes, "stretch_minutes", "Minutes without a break", r.wholeNumber},
		{&l.BreakMinutes, "break_minutes", "Break", r.wholeNumber}, {&l.Starts, "starts", "From", r.wallClock}, {&l.Ends, "ends", "Until", r.wallClock}} {
		if *f.to, err = f.read(f.name, f.label); err != nil {
			return l, err
		}
	}
	return l, nil
}

func (o *console) setLimits(r *request) (string, error) {
	l, err := limitsForm(r)
	if err == nil {
		err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error { return o.Triage.SetNodeLimits(ctx, tx, l) })
	}
	return "/queues/arrange?done=limits", err
}

func (o *console) setOwnLimits(r *request) (string, error) {
	l, err := limitsForm(r)
	if err == nil {
		err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error { return o.Triage.SetOwnLimits(ctx, tx, r.person.ID, l) })
	}
	return "/account?done=limits", err
}

// waitingCount writes how many tips wait.
func waitingCount(s triage.QueueState) string {
	if s.More {
		return "more than 10,000"
	}
	return decimal(s.Waiting)
}

var deskNames = []directory.Desk{directory.Hotline, directory.Clearinghouse, directory.Bureau, directory.Unit, directory.Holder}

// takes tells in words what a queue's filter lets in.
func takes(q triage.Queue) string {
	var parts []string
	add := func(word string, list []string, say func(string) string) {
		if len(list) == 0 {
			return
		}
		said := make([]string, len(list))
		for i, s := range list {
			said[i] = say(s)
		}
		parts = append(parts, word+strings.Join(said, " or "))
	}
	same := func(s string) string { return s }
	if q.Desk != "" {
		parts = append(parts, "desk "+q.Desk)
	}
	add("", q.Filter.Classes, class)
	add("from a ", q.Filter.Sources, source)
	add("language ", q.Filter.Languages, same)
	add("label ", q.Filter.Labels, same)
	add("on ", q.Filter.Platforms, same)
	if len(parts) == 0 {
		return "whatever no queue before it takes"
	}
	return strings.Join(parts, "; ")
}

// worksIt tells in words who may work a queue.
func worksIt(q triage.Queue) string {
	out := "whoever decides tips"
	if q.Team != "" {
		out = "team " + q.Team
	}
	if q.Role != "" {
		out += ", role " + q.Role
	}
	return out
}
