package triage_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

// people adds persons who can be on call.
func people(n *apptest.Node, names ...string) (ids []int64) {
	for _, name := range names {
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			p, err := n.People.Add(ctx, tx, identity.New{Username: name, Name: name, Password: "a long test password", Roles: []identity.Role{identity.Intake}})
			ids = append(ids, p.ID)
			return err
		})
	}
	return ids
}

func onCall(n *apptest.Node, domain string, ids ...int64) {
	var roster []triage.OnCall
	for _, id := range ids {
		roster = append(roster, triage.OnCall{PersonID: id, Email: "person@" + domain})
	}
	n.Write(func(ctx context.Context, tx *store.Tx) error { return n.Triage.SetRoster(ctx, tx, roster) })
}

func alert(t *testing.T, n *apptest.Node, tip int64) triage.Alert {
	t.Helper()
	all, err := triage.AlertsOf(t.Context(), n.DB.Reader(), tip)
	if err != nil || len(all) == 0 {
		t.Fatalf("no alert: %v", err)
	}
	return all[0]
}

// A tip that says that a child is in danger pages the first on call, then the next, until one acknowledges; the clocks of the law run
// from its receipt.
func TestDanger(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		who := people(n, "first", "second", "third")
		onCall(n, "unit.example", who...)
		received := store.Micros(n.Clock.Now())
		tip := enter(n, intake.Tip{Source: intake.FromForm, Class: intake.ClassContact, DangerAt: received})
		a := alert(t, n, tip.ID)
		if a.State != "open" || len(a.Pages) != 1 || a.Pages[0].PersonID != who[0] || a.Pages[0].Mail != "none" || a.Pages[0].DueAt != received+(10*time.Minute).Microseconds() {
			t.Errorf("alert %+v", a)
		}
		if p := priority(t, n, tip.ID); !has(p, "danger") {
			t.Errorf("priority %+v", p)
		}
		pressing := func(id int64) int64 {
			open, err := triage.Pressing(t.Context(), n.DB.Reader(), id, true)
			if err != nil {
				t.Fatal(err)
			}
			return open
		}
		if pressing(who[2]) != 1 || pressing(99) != 0 {
			t.Error("the banner is not for those on call alone")
		}
		if err := n.Triage.Escalate(t.Context()); err != nil || len(alert(t, n, tip.ID).Pages) != 1 {
			t.Errorf("paged the next before the time: %v", err)
		}
		for _, want := range []int64{who[1], who[2], who[0]} {
			n.Clock.Pass(10 * time.Minute)
			if err := n.Triage.Escalate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if a = alert(t, n, tip.ID); a.Pages[len(a.Pages)-1].PersonID != want {
				t.Errorf("paged %+v, want %d", a.Pages, want)
			}
		}
		acknowledge := func() error {
			return n.Try(func(ctx context.Context, tx *store.Tx) error {
				_, err := n.Triage.Acknowledge(ctx, tx, a.ID, who[1])
				return err
			})
		}
		if err := acknowledge(); err != nil {
			t.Fatal(err)
		}
		if err := acknowledge(); fault.Of(err) != fault.Conflict {
			t.Errorf("acknowledged twice: %v", err)
		}
		n.Clock.Pass(time.Hour)
		if err := n.Triage.Escalate(t.Context()); err != nil || len(alert(t, n, tip.ID).Pages) != 4 || pressing(who[0]) != 0 {
			t.Errorf("paged after it was acknowledged (%v)", err)
		}
		clocks, err := triage.Clocks(t.Context(), n.DB.Reader(), tip.ID)
		if err != nil || len(clocks) != 3 {
			t.Fatalf("clocks %+v %v", clocks, err)
		}
		for _, c := range clocks {
			if c.StartedAt != received || c.DueAt != received+(24*time.Hour).Microseconds() || !strings.Contains(c.LegalBasis, "s.19") || c.Overdue(n.Clock.Now()) {
				t.Errorf("clock %+v", c)
			}
		}
		fulfil := func(id, at int64, reference string) error {
			return n.Try(func(ctx context.Context, tx *store.Tx) error {
				_, err := n.Triage.Fulfil(ctx, tx, id, who[0], at, reference)
				return err
			})
		}
		if err := fulfil(clocks[0].ID, 0, " "); fault.Of(err) != fault.Invalid {
			t.Errorf("without a reference: %v", err)
		}
		if err := fulfil(clocks[0].ID, store.Micros(n.Clock.Now().Add(time.Hour)), "CWC/1"); fault.Of(err) != fault.Invalid {
			t.Errorf("in the future: %v", err)
		}
		if err := fulfil(clocks[0].ID, 0, "CWC/1"); err != nil {
			t.Error(err)
		}
		if err := fulfil(clocks[0].ID, 0, "CWC/2"); fault.Of(err) != fault.Conflict {
			t.Errorf("twice: %v", err)
		}
		n.Clock.Pass(24 * time.Hour)
		clocks, _ = triage.Clocks(t.Context(), n.DB.Reader(), tip.ID)
		if clocks[0].Overdue(n.Clock.Now()) || clocks[0].Reference != "CWC/1" || !clocks[1].Overdue(n.Clock.Now()) {
			t.Errorf("a day later: %+v", clocks[:2])
		}
		tasks, err := triage.Tasks(t.Context(), n.DB.Reader(), tip.ID)
		if err != nil || len(tasks) != 1 || tasks[0].Kind != "victim_identification" || tasks[0].State != "open" {
			t.Fatalf("tasks %+v %v", tasks, err)
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			return n.Triage.FinishTask(ctx, tx, tasks[0].ID, who[0], "known to the committee")
		})
		if err := n.Try(func(ctx context.Context, tx *store.Tx) error {
			return n.Triage.FinishTask(ctx, tx, tasks[0].ID, who[0], "again")
		}); fault.Of(err) != fault.Conflict {
			t.Errorf("a task was done twice: %v", err)
		}
	})
}

// A person's mark is lifted by another person, with a reason; what still runs is closed.
func TestFalseAlarm(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		tip := enter(n, intake.Tip{Source: intake.FromForm, Class: intake.ClassOther})
		mark := func(reason string) error {
			return n.Try(func(ctx context.Context, tx *store.Tx) error {
				_, err := n.Triage.MarkDanger(ctx, tx, tip.ID, 1, reason)
				return err
			})
		}
		lift := func(by int64, reason string) error {
			return n.Try(func(ctx context.Context, tx *store.Tx) error { return n.Triage.LiftDanger(ctx, tx, tip.ID, by, reason) })
		}
		if err := lift(2, "x"); fault.Of(err) != fault.Conflict {
			t.Errorf("lifted what was not set: %v", err)
		}
		if err := mark(""); fault.Of(err) != fault.Invalid {
			t.Errorf("without a reason: %v", err)
		}
		if err := mark("a child is named"); err != nil {
			t.Fatal(err)
		}
		if err := mark("again"); fault.Of(err) != fault.Conflict {
			t.Errorf("marked twice: %v", err)
		}
		if got, _ := intake.ByID(t.Context(), n.DB.Reader(), tip.ID); got.DangerAt != store.Micros(n.Clock.Now()) || got.Priority <= tip.Priority {
			t.Errorf("marked: %+v", got)
		}
		if a := alert(t, n, tip.ID); a.State != "open" || a.Pages[0].PersonID != 0 {
			t.Errorf("with nobody on call: %+v", a)
		}
		if open, err := triage.Pressing(t.Context(), n.DB.Reader(), 5, true); err != nil || open != 1 {
			t.Errorf("nobody is on call, and whoever decides tips is not told (%v)", err)
		}
		if err := lift(1, "mistaken"); fault.Of(err) != fault.Refused {
			t.Errorf("lifted by who set it: %v", err)
		}
		if err := lift(2, "mistaken"); err != nil {
			t.Fatal(err)
		}
		clocks, err := triage.Clocks(t.Context(), n.DB.Reader(), tip.ID)
		if err != nil || len(clocks) != 3 || clocks[0].CloseReason != "mistaken" || clocks[0].Overdue(n.Clock.Now().AddDate(1, 0, 0)) {
			t.Errorf("clocks %+v %v", clocks, err)
		}
		if got, _ := intake.ByID(t.Context(), n.DB.Reader(), tip.ID); got.DangerAt != 0 || got.Priority != tip.Priority {
			t.Errorf("lifted: %+v, before %+v", got, tip)
		}
		if a := alert(t, n, tip.ID); a.State != "closed" {
			t.Errorf("alert %+v", a)
		}
		if err := mark("named again"); err != nil {
			t.Errorf("marked again: %v", err)
		}
	})
}

const urgent = `<report><incidentSummary><incidentType>Online Enticement of Children for Sexual Acts</incidentType><incidentDateTime>2022-09-25T08:00:00Z</incidentDateTime>
	<escalateToHighPriority>a child waits by the river</escalateToHighPriority><reportAnnotations><sextortion/></reportAnnotations></incidentSummary>
	<reporter><reportingPerson/></reporter></report>`

// A provider's report that asks for the highest priority and tells of enticement is held to be danger by the rules.
func TestDangerByRules(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		for content, want := range map[string]bool{urgent: true, strings.Replace(urgent, "<escalateToHighPriority>a child waits by the river</escalateToHighPriority>", "", 1): false} {
			n.Write(func(ctx context.Context, tx *store.Tx) error {
				id, err := n.Tips.Submit(ctx, tx, "lantern", []byte(content))
				if err != nil {
					return err
				}
				_, err = n.Tips.Finish(ctx, tx, "lantern", id)
				return err
			})
			id := n.Int("SELECT MAX(id) FROM tip")
			p := priority(t, n, id)
			marks, err := triage.Marks(t.Context(), n.DB.Reader(), id)
			if err != nil || (len(marks) == 1) != want || p.Why.Facts.Danger != want || !has(p, "annotation") || has(p, "escalated") != want {
				t.Errorf("marks %+v, %+v %v", marks, p, err)
			}
			if want && (marks[0].SetBy != 0 || !strings.Contains(marks[0].Reason, "worked on")) {
				t.Errorf("mark %+v", marks[0])
			}
		}
	})
}

// letters is a mail server that keeps what it is given.
type letters struct {
	mu   sync.Mutex
	text []string
}

func (l *letters) NewSession(*smtp.Conn) (smtp.Session, error) { return l, nil }
func (l *letters) Reset()                                      {}
func (l *letters) Logout() error                               { return nil }
func (l *letters) Mail(string, *smtp.MailOptions) error        { return nil }
func (l *letters) Rcpt(string, *smtp.RcptOptions) error        { return nil }

func (l *letters) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, string(b))
	return err
}

func (l *letters) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.text...)
}

// Whoever is on call is told by e-mail, and the message tells nothing but that there is an alert, and where.
func TestAlertMail(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	box := &letters{}
	server := smtp.NewServer(box)
	go server.Serve(listener)
	defer server.Close()
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		n := apptest.NewMailing(t, fresh(), "unit", listener.Addr().String())
		before := len(box.all())
		onCall(n, "unit.example", people(n, "first")...)
		tip := enter(n, intake.Tip{Source: intake.FromForm, Class: intake.ClassContact, DangerAt: 1, Summary: "a kite by the river", Locator: "https://chirp.example/@basket", Reporter: "lantern"})
		n.Wait("the message", func() bool { a := alert(t, n, tip.ID); return a.Pages[0].Mail == "sent" })
		got := box.all()[before:]
		if len(got) != 1 || !strings.Contains(got[0], alert(t, n, tip.ID).Number) || !strings.Contains(got[0], "/alerts") {
			t.Fatalf("messages %q", got)
		}
		for _, secret := range []string{"kite", "river", "basket", "lantern", tip.Number, "child", "danger"} {
			if strings.Contains(got[0], secret) {
				t.Errorf("the message tells %q:\n%s", secret, got[0])
			}
		}
	})
}

// A decision for a bundle is taken for every tip of it that waits.
func TestDecideBundle(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		var tips []intake.Tip
		for range 5 {
			tips = append(tips, enter(n, intake.Tip{Source: intake.FromForm, Class: intake.ClassOther, Locator: "l"}))
		}
		var got triage.BundleDecision
		n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
			if err := n.Triage.Decide(ctx, tx, tips[0].ID, "informational", "known"); err != nil {
				return err
			}
			got, err = n.Triage.DecideBundle(ctx, tx, tips[1].BundleID, "actionable", "")
			return err
		})
		if got.Decided != 4 || got.Before != 1 || len(got.Refused) != 0 || n.Int("SELECT COUNT(*) FROM tip WHERE state = 'actionable'") != 4 {
			t.Errorf("%+v", got)
		}
	})
}
