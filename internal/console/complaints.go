package console

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/spreadsheet"
	"raksha.example/raksha/internal/store"
)

type complaintsView struct {
	show     show
	rows     []intake.Complaint
	meetings []casework.Meeting
	may      bool // import
	problem  string
}

func (o *console) complaints(r *request) (string, templ.Component, error) {
	v, err := o.complaintsView(r, "")
	return "Complaints", complaintsPage(v), err
}

func (o *console) complaintsView(r *request, problem string) (v complaintsView, err error) {
	v = complaintsView{show: r.show, may: o.Tips != nil && r.person.May(identity.DecideTips), problem: problem}
	if v.rows, err = intake.Complaints(r.ctx, r.q); err != nil {
		return v, err
	}
	v.meetings, err = casework.Meetings(r.ctx, r.q)
	return v, err
}

// previewView is what was understood of a file before it is imported.
type previewView struct {
	name                         string
	p                            intake.Preview
	unreadable, rows             []intake.Understood
	word, reference, complainant string
	problem                      string
}

const (
	shownUnreadable = 200
	shownRows       = 500
	previewed       = 20_000 // lines among which those are looked for
)

func (o *console) previewComplaint(r *request) (string, error) {
	name, content, err := complaintUpload(r.Request)
	if err != nil {
		return "", o.complaintProblem(r, err)
	}
	v, err := o.preview(r, pending{name: name, content: content})
	if err != nil {
		return "", o.complaintProblem(r, err)
	}
	v.word = o.pending.keep(r.person.ID, name, content, time.Now())
	return "", shown{"Preview of a complaint", previewPage(v), http.StatusOK}
}

func (o *console) preview(r *request, f pending) (v previewView, err error) {
	v.name = cmp.Or(f.name, "the file")
	if v.p, _, err = o.Tips.Preview(r.ctx, r.q, f.content, previewed); err != nil {
		return v, err
	}
	for _, u := range v.p.Rows {
		if u.State == "unreadable" && len(v.unreadable) < shownUnreadable {
			v.unreadable = append(v.unreadable, u)
		}
		if len(v.rows) < shownRows {
			v.rows = append(v.rows, u)
		}
	}
	return v, nil
}

// complaintProblem shows a refusal above the form that it is about.
func (o *console) complaintProblem(r *request, err error) error {
	if k := fault.Of(err); k == fault.Internal || k == fault.Unavailable {
		return err
	}
	v, other := o.complaintsView(r, fault.Message(err))
	if other != nil {
		return other
	}
	return shown{"Complaints", complaintsPage(v), fault.HTTPStatus(err)}
}

func (o *console) importComplaint(r *request) (string, error) {
	word := r.PostForm.Get("file")
	f, err := o.pending.take(r.person.ID, word, time.Now())
	if err != nil {
		return "", o.complaintProblem(r, err)
	}
	lines, err := o.Tips.Read(r.ctx, f.content)
	if err != nil {
		return "", err
	}
	var c intake.Complaint
	err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := o.People.Check(ctx, tx, r.person, identity.Ask{Need: identity.DecideTips}); err != nil {
			return err
		}
		c, err = o.Tips.ImportLines(ctx, tx, r.PostForm.Get("reference"), r.PostForm.Get("complainant"), f.content, lines)
		return err
	})
	if k := fault.Of(err); err != nil && (k == fault.Invalid || k == fault.Conflict) {
		v, other := o.preview(r, f)
		if other != nil {
			return "", other
		}
		v.word, v.reference, v.complainant, v.problem = word, r.PostForm.Get("reference"), r.PostForm.Get("complainant"), fault.Message(err)
		return "", shown{"Preview of a complaint", previewPage(v), fault.HTTPStatus(err)}
	}
	if err != nil {
		return "", err
	}
	o.pending.drop(word)
	to := fmt.Sprintf("/complaints/%d?done=imported", c.ID)
	if c.Unreadable > 0 {
		to += "&lines=waiting"
	}
	return to, nil
}

// complaintView is one complaint with its lines.
type complaintView struct {
	show        show
	c           intake.Complaint
	lines       []intake.KeptLine
	filter      string
	first, next string
	may         bool // correct
	done        string
	problem     string
	problemAt   int64  // the line that it is about
	typed       string // for it
}

func (o *console) complaint(r *request) (string, templ.Component, error) {
	id, err := r.id()
	if err != nil {
		return "", nil, err
	}
	v, err := o.complaintView(r, id, r.URL.Query())
	return "Complaint " + v.c.Reference, complaintPage(v), err
}

func (o *console) complaintView(r *request, id int64, asked url.Values) (v complaintView, err error) {
	v = complaintView{show: r.show, filter: asked.Get("lines"), done: asked.Get("done"), may: o.Tips != nil && r.person.May(identity.DecideTips)}
	if v.c, err = intake.ComplaintByID(r.ctx, r.q, id); err != nil {
		return v, err
	}
	after, _ := strconv.ParseInt(asked.Get("after"), 10, 64)
	if v.lines, err = intake.Lines(r.ctx, r.q, id, intake.LineFilter{State: v.filter, After: after, Limit: perPage + 1}); err != nil {
		return v, err
	}
	to := func(after int64) string {
		q := url.Values{}
		if v.filter != "" {
			q.Set("lines", v.filter)
		}
		if after > 0 {
			q.Set("after", decimal(after))
		}
		return fmt.Sprintf("/complaints/%d?%s", id, q.Encode())
	}
	if len(v.lines) > perPage {
		v.lines = v.lines[:perPage]
		v.next = to(v.lines[perPage-1].N)
	}
	if after > 0 {
		v.first = to(0)
	}
	return v, nil
}

func (o *console) correctLine(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	n, err := strconv.ParseInt(r.PathValue("n"), 10, 64)
	if err != nil {
		return "", fault.New(fault.NotFound, "there is no such line")
	}
	c := intake.Correction{Address: r.PostForm.Get("address"), None: r.PostForm.Get("none")}
	err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := o.People.Check(ctx, tx, r.person, identity.Ask{Need: identity.DecideTips}); err != nil {
			return err
		}
		_, err := o.Tips.Correct(ctx, tx, id, n, r.person.ID, c)
		return err
	})
	back := url.Values{}
	if lines := r.PostForm.Get("lines"); lines != "" {
		back.Set("lines", lines)
	}
	if k := fault.Of(err); err != nil && (k == fault.Invalid || k == fault.TooLarge || k == fault.Conflict) {
		back.Set("after", decimal(max(0, n-1)))
		v, other := o.complaintView(r, id, back)
		if other != nil {
			return "", other
		}
		v.lines, v.first, v.next = v.lines[:min(1, len(v.lines))], "", "" // the line itself, and nothing that was not asked for
		v.problem, v.problemAt, v.typed = fault.Message(err), n, c.Address
		return "", shown{"Complaint " + v.c.Reference, complaintPage(v), fault.HTTPStatus(err)}
	}
	back.Set("done", "corrected")
	return fmt.Sprintf("/complaints/%d?%s", id, back.Encode()), err
}

// tableOf is a table to take away: its name without its kind, its rows, what goes on record.
type tableOf func(r *request) (name, noted string, rows int, write func(intake.Table) error, err error)

func (o *console) complaintTable(r *request) (name, noted string, rows int, write func(intake.Table) error, err error) {
	id, err := r.id()
	if err != nil {
		return "", "", 0, nil, err
	}
	if _, err = intake.ComplaintByID(r.ctx, r.q, id); err != nil {
		return "", "", 0, nil, err
	}
	lines, err := intake.Lines(r.ctx, r.q, id, intake.LineFilter{})
	return fmt.Sprintf("complaint-%d", id), "complaint.exported", len(lines), func(w intake.Table) error { return intake.WriteLines(w, lines) }, err
}

func (o *console) tipTable(r *request) (name, noted string, rows int, write func(intake.Table) error, err error) {
	asked := r.URL.Query()
	tips, err := intake.List(r.ctx, r.q, intake.Filter{State: asked.Get("state"), Source: asked.Get("source")})
	return "tips-" + o.Clock.Now().UTC().Format(time.DateOnly), "tips.exported", len(tips), func(w intake.Table) error { return intake.WriteTips(w, tips) }, err
}

func (v tipsView) table(format string) string {
	q := url.Values{"format": {format}}
	if v.state != "" {
		q.Set("state", v.state)
	}
	if v.source != "" {
		q.Set("source", v.source)
	}
	return "/tips/table?" + q.Encode()
}

// table gives a table as a file to a person who may pass a door and has just proved who they are.
func (o *console) table(d door, of tableOf) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		person, err := o.session(r)
		if err != nil {
			http.Redirect(w, r, signInPath(r.URL), http.StatusSeeOther)
			return
		}
		q := &request{Request: r, ctx: identity.WithPerson(r.Context(), person), q: o.DB.Reader(), person: person, show: o.show()}
		asked, err := o.pass(q, d)
		if err == nil && asked == "" {
			err = o.People.NeedFresh(person)
		}
		switch {
		case fault.Code(err) == "step_up":
			asked, err = "/proof?"+url.Values{"next": {r.URL.RequestURI()}}.Encode(), nil
		case err != nil:
			o.fail(w, r, person, err)
			return
		}
		if asked != "" {
			http.Redirect(w, r, asked, http.StatusSeeOther)
			return
		}
		var b bytes.Buffer
		name, kind, err := o.writeTable(q, &b, of)
		if err != nil {
			o.fail(w, r, person, err)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
		w.Header().Set("Cache-Control", "no-store")
		b.WriteTo(w)
	}
}

func (o *console) writeTable(r *request, b *bytes.Buffer, of tableOf) (name, kind string, err error) {
	name, noted, rows, write, err := of(r)
	if err != nil {
		return "", "", err
	}
	var t intake.Table = spreadsheet.NewCSV(b)
	name, kind = name+".csv", "text/csv; charset=utf-8"
	if r.URL.Query().Get("format") == "xlsx" {
		if t, err = spreadsheet.NewXLSX(b); err != nil {
			return "", "", err
		}
		name, kind = name[:len(name)-len("csv")]+"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	if err := write(t); err != nil {
		return "", "", err
	}
	return name, kind, o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		return o.Log.Note(ctx, tx, noted, record.Fields{"person": r.person.ID, "rows": rows}, nil)
	})
}
