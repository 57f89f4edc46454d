package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
)

// door is a page with who may pass: the same question that the API asks (identity.Check), and what is read, for the list of
// who read what.
type door struct {
	page     page
	need     identity.Permission
	kind     identity.Kind // the {id} in the path is one of these; its case decides too
	reads    string        // restricted material: a purpose is asked for once per case (or kind of list) and session
	scripted bool          // the page speaks with a passkey
	keys     bool          // the page is worked by keys
}

// doors are all pages for people who are signed in.
func (o *console) doors() map[string]door {
	return map[string]door{
		"/{$}":                           {page: o.home},
		"/tips":                          {page: o.tips, need: identity.ReadTips, reads: "tips"},
		"/tips/{id}":                     {page: o.tip, need: identity.ReadTips, reads: "tip"},
		"/bundles/{id}":                  {page: o.bundle, need: identity.ReadTips, reads: "bundle"},
		"/priority":                      {page: o.rulesVersions, need: identity.ReadTips},
		"/priority/{id}":                 {page: o.rulesVersion, need: identity.ReadTips},
		"/alerts":                        {page: o.alerts, need: identity.ReadTips},
		"/queues":                        {page: o.queues, need: identity.ReadTips},
		"/queues/{queue}":                {page: o.queue, need: identity.ReadTips, reads: "tips"},
		"/queues/arrange":                {page: o.arrange, need: identity.ManageQueues},
		"/work":                          {page: o.work, need: identity.DecideTips, reads: "tips", keys: true},
		"/tips/{id}/victim":              {page: o.tipVictim, need: identity.ReadTips, reads: "victim"},
		"/filings":                       {page: o.filings, need: identity.ReadTips, reads: "tips"},
		"/media/{id}":                    {page: o.file, need: identity.ReadMatches, reads: "matches"},
		"/referrals":                     {page: o.referrals, need: identity.ReadTips, reads: "tips"},
		"/referrals/{id}":                {page: o.referral, need: identity.ReadDocuments, kind: identity.OfDocument, reads: "document"},
		"/routing":                       {page: o.routing, need: identity.ReadTips},
		"/complaints":                    {page: o.complaints, need: identity.ReadTips, reads: "complaints"},
		"/complaints/{id}":               {page: o.complaint, need: identity.ReadTips, reads: "complaints"},
		"/forms":                         {page: o.publicForms, need: identity.ReadTips, reads: "forms"},
		"/lists":                         {page: o.lists, need: identity.ReadLists},
		"/lists/{id}":                    {page: o.list, need: identity.ReadLists},
		"/lists/exchanges":               {page: o.exchanges, need: identity.ReadLists},
		"/lists/exchanges/{id}":          {page: o.exchange, need: identity.ReadLists},
		"/lists/{id}/contents/{content}": {page: o.content, need: identity.ManageLists},
		"/lists/try":                     {page: o.try, need: identity.LookUp},
		"/matches":                       {page: o.matches, need: identity.ReadMatches, reads: "matches"},
		"/cases":                         {page: o.cases, need: identity.ReadCases},
		"/cases/{id}":                    {page: o.caseFile, need: identity.ReadCases, kind: identity.OfCase, reads: "case"},
		"/cases/{id}/clusters":           {page: o.clusters, need: identity.ReadCases, kind: identity.OfCase, reads: "clusters"},
		"/documents":                     {page: o.documents, need: identity.ReadDocuments},
		"/documents/{id}":                {page: o.document, need: identity.ReadDocuments, kind: identity.OfDocument, reads: "document"},
		"/operations":                    {page: o.operations},
		"/statistics":                    {page: o.statistics, need: identity.ReadStatistics},
		"/record":                        {page: o.record, need: identity.ReadRecord},
		"/law":                           {page: o.lawPage},
		"/directory":                     {page: o.directory},
		"/access":                        {page: o.access},
		"/account":                       {page: o.account, scripted: true},
		"/purpose":                       {page: o.purpose},
		"/proof":                         {page: o.proof, scripted: true},
		"/": {page: func(*request) (string, templ.Component, error) {
			return "", nil, fault.New(fault.NotFound, "there is no such page")
		}},
	}
}

// scopeOf names what a purpose is asked for: one case, or all of one kind of material that belongs to none.
func scopeOf(reads string, caseID int64) string {
	if caseID != 0 {
		return fmt.Sprintf("case:%d", caseID)
	}
	switch reads {
	case "tip", "bundle", "complaints", "forms":
		return "tips"
	case "document":
		return "documents"
	}
	return reads
}

// signedIn shows a page to a person with a session who may pass; anybody else is sent to sign in and learns nothing.
func (o *console) signedIn(d door) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		person, err := o.session(r)
		if err != nil {
			if fault.Of(err) == fault.Unsigned && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
				http.Redirect(w, r, signInPath(r.URL), http.StatusSeeOther)
				return
			}
			o.fail(w, r, identity.Person{}, err)
			return
		}
		ctx := identity.WithPerson(r.Context(), person)
		q := &request{Request: r, ctx: ctx, q: o.DB.Reader(), person: person, show: o.show()}
		asked, err := o.pass(q, d)
		if err != nil {
			o.fail(w, r, person, err)
			return
		}
		if asked != "" {
			http.Redirect(w, r, asked, http.StatusSeeOther)
			return
		}
		title, content, err := d.page(q)
		if err != nil {
			o.fail(w, r, person, err)
			return
		}
		if d.scripted && o.People.PasskeysPossible() {
			scripted(w)
		}
		if d.keys {
			keyed(w)
		}
		o.write(w, r, http.StatusOK, layout(o.shell(r, title, person), content))
	})
}

// pass checks a door and logs what is read behind it. It gives the page that asks for a purpose while there is none.
func (o *console) pass(r *request, d door) (ask string, err error) {
	question := identity.Ask{Need: d.need, Kind: d.kind, As: identity.Reader}
	if r.PathValue("id") != "" {
		if question.ID, err = r.id(); err != nil {
			return "", err
		}
	}
	caseID, err := o.People.Check(r.ctx, r.q, r.person, question)
	if err != nil || d.reads == "" {
		return "", err
	}
	scope := scopeOf(d.reads, caseID)
	purpose, err := o.People.Purpose(r.ctx, r.q, r.person, scope)
	if err != nil {
		return "", err
	}
	if purpose == "" {
		return "/purpose?" + url.Values{"for": {scope}, "next": {r.URL.RequestURI()}}.Encode(), nil
	}
	return "", o.People.Saw(r.ctx, r.person, identity.Read{Object: d.reads, ObjectID: question.ID, CaseID: caseID, Purpose: purpose})
}

// sight says what of lists the person may see; it is read once for a page.
func (r *request) sight(o *console) (identity.Sight, error) {
	if r.seen == nil {
		s, err := o.People.Sight(r.ctx, r.q, r.person)
		if err != nil {
			return s, err
		}
		r.seen = &s
	}
	return *r.seen, nil
}

// form is what a page sends: it changes something, or asks, and gives the page to show next.
type form func(r *request) (next string, err error)

// sent is a form with who may send it.
type sent struct {
	take  form
	need  identity.Permission
	limit int64 // bytes; 0: formLimit
	file  bool  // it holds a file, and take itself reads it as a stream
}

// submitted takes a form of a signed-in person who may send it. The body is read after that.
func (o *console) submitted(f sent) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		person, err := o.session(r)
		if err != nil {
			o.fail(w, r, identity.Person{}, err)
			return
		}
		if _, err := o.People.Check(r.Context(), o.DB.Reader(), person, identity.Ask{Need: f.need}); err != nil {
			o.fail(w, r, person, err)
			return
		}
		limit := cmp.Or(f.limit, formLimit)
		if f.file {
			r.Body = http.MaxBytesReader(w, r.Body, limit)
		} else if !o.form(w, r, limit) {
			return
		}
		q := &request{Request: r, ctx: identity.WithPerson(r.Context(), person), q: o.DB.Reader(), person: person, show: o.show()}
		next, err := f.take(q)
		var page shown
		if keys := (keyedPage{}); errors.As(err, &keys) {
			keyed(w)
			err = keys.shown
		}
		switch {
		case errors.As(err, &page):
			o.write(w, r, cmp.Or(page.status, http.StatusOK), layout(o.shell(r, page.title, person), page.content))
		case fault.Code(err) == "step_up":
			http.Redirect(w, r, "/proof?"+url.Values{"next": {back(r)}}.Encode(), http.StatusSeeOther)
		case err != nil:
			o.fail(w, r, person, err)
		default:
			http.Redirect(w, r, local(next), http.StatusSeeOther)
		}
	})
}

// back gives the page that a form stood on.
func back(r *http.Request) string {
	if u, err := url.Parse(r.Referer()); err == nil && u.Path != "" {
		return local(u.RequestURI())
	}
	return "/account"
}
