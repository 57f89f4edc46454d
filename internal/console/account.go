package console

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
)

// forms are what the pages send: about signing in, and about hash lists.
func (o *console) forms() map[string]sent {
	return map[string]sent{
		"/account/sessions/{id}/end":          {take: o.endSession},
		"/account/sessions/end":               {take: o.endOthers},
		"/account/passkeys/{id}/removal":      {take: o.removePasskey},
		"/account/authenticator":              {take: o.beginCode},
		"/account/authenticator/confirmation": {take: o.confirmCode},
		"/account/authenticator/removal":      {take: o.removeCode},
		"/account/password":                   {take: o.changePassword},
		"/proof":                              {take: o.prove},
		"/purpose":                            {take: o.keepPurpose},
		"/account/limits":                     {take: o.setOwnLimits},

		"/work/next":             {take: o.takeNext, need: identity.DecideTips},
		"/work/{id}/decision":    {take: o.sayWork, need: identity.DecideTips},
		"/work/{id}/second":      {take: o.secondWork, need: identity.DecideTips},
		"/work/{id}/back":        {take: o.handBack, need: identity.DecideTips},
		"/work/{id}/over":        {take: o.handOver, need: identity.DecideTips},
		"/work/{id}/class":       {take: o.reclassify, need: identity.DecideTips},
		"/work/{id}/consent":     {take: o.consent, need: identity.DecideTips},
		"/queues":                {take: o.addQueue, need: identity.ManageQueues},
		"/queues/{queue}/change": {take: o.changeQueue, need: identity.ManageQueues},
		"/queues/team":           {take: o.setTeam, need: identity.ManageQueues},
		"/queues/limits":         {take: o.setLimits, need: identity.ManageQueues},

		"/complaints/preview":                   {take: o.previewComplaint, need: identity.DecideTips, limit: complaintLimit, file: true},
		"/complaints":                           {take: o.importComplaint, need: identity.DecideTips},
		"/complaints/{id}/lines/{n}/correction": {take: o.correctLine, need: identity.DecideTips},
		"/forms/{id}/decision":                  {take: o.decideForm, need: identity.DecideTips},
		"/tips/{id}/danger":                     {take: o.markDanger, need: identity.ReadTips},
		"/tips/{id}/danger/lifting":             {take: o.liftDanger, need: identity.DecideTips},
		"/tips/{id}/priority":                   {take: o.setPriority, need: identity.DecideTips},
		"/tips/{id}/priority/lifting":           {take: o.liftPriority, need: identity.DecideTips},
		"/tips/{id}/unbundling":                 {take: o.takeOut, need: identity.DecideTips},
		"/bundles/{id}/merge":                   {take: o.mergeBundle, need: identity.DecideTips},
		"/bundles/{id}/decisions":               {take: o.decideBundle, need: identity.DecideTips},
		"/bundle-changes/{id}/undoing":          {take: o.undoBundle, need: identity.DecideTips},
		"/alerts/{id}/acknowledgement":          {take: o.acknowledge, need: identity.ReadTips},
		"/protection-clocks/{id}/fulfilment":    {take: o.fulfil, need: identity.ReadTips},
		"/triage-tasks/{id}/completion":         {take: o.finishTask, need: identity.ReadTips},
		"/priority":                             {take: o.draftRules, need: identity.DecideTips, limit: rulesLimit},
		"/priority/{id}/shadow":                 {take: o.shadowRules, need: identity.DecideTips},
		"/priority/{id}/backtest":               {take: o.testRules, need: identity.DecideTips},
		"/priority/{id}/live":                   {take: o.liveRules, need: identity.DecideTips},

		"/referrals":                 {take: o.refer, need: identity.DecideTips},
		"/referrals/{id}/answer":     {take: o.answerReferral, need: identity.AcceptReferrals},
		"/referrals/{id}/withdrawal": {take: o.withdrawReferral, need: identity.DecideTips},
		"/routing":                   {take: o.addRoute, need: identity.ManageNode},
		"/routing/{id}/removal":      {take: o.removeRoute, need: identity.ManageNode},
		"/routing/try":               {take: o.tryRoutes, need: identity.ReadTips},

		"/lists":              {take: o.createList, need: identity.ManageLists},
		"/lists/{id}/changes": {take: o.changeList, need: identity.ManageLists},
		"/lists/{id}/entries": {take: o.addEntries, need: identity.ManageLists, limit: linesLimit},
		"/lists/{id}/contents/{content}/disabling": {take: o.disableContent, need: identity.ManageLists},
		"/lists/{id}/contents/{content}/enabling":  {take: o.enableContent, need: identity.ManageLists},
		"/lists/{id}/contents/{content}/note":      {take: o.noteContent, need: identity.ManageLists},
		"/lists/{id}/contents/{content}/removal":   {take: o.removeContent, need: identity.ManageLists},
		"/lists/exchanges/{id}/fetch":              {take: o.fetchExchange, need: identity.ManageLists},
		"/lists/exchanges/{id}/change":             {take: o.switchExchange, need: identity.ManageLists},
		"/media/{id}/process":                      {take: o.recordProcess, need: identity.DecideMatches},
		"/lists/try/hash":                          {take: o.tryHash, need: identity.LookUp},
		"/lists/try/file":                          {take: o.tryFile, need: identity.LookUp, limit: fileLimit, file: true},
	}
}

type accountView struct {
	show     show
	person   identity.Person
	factors  identity.Factors
	fresh    bool
	possible bool // passkeys
	passkeys []identity.Passkey
	sessions []identity.Session
	said     string
	work     *ownWork // nil: the person decides nothing
}

var doneWords = map[string]string{
	"limits":  "Your own limits are kept. Nobody else is told of them.",
	"passkey": "The passkey is registered. Sign in with it from now on; keep your password for signing documents.", "removed": "The passkey is removed.", "ended": "The session is ended.",
	"code": "The authenticator app is registered. Your password needs a code of it from now on.", "code-removed": "The authenticator app is removed.",
	"password": "The password is changed. Every other session of yours is ended.", "proved": "Thank you. You may now sign, open and export for ten minutes.",
}

func (o *console) account(r *request) (string, templ.Component, error) {
	v := accountView{show: r.show, person: r.person, fresh: o.People.Fresh(r.person), possible: o.People.PasskeysPossible(), said: doneWords[r.URL.Query().Get("done")]}
	var err error
	if v.factors, err = o.People.Factors(r.ctx, r.q, r.person.ID); err != nil {
		return "", nil, err
	}
	if v.passkeys, err = o.People.Passkeys(r.ctx, r.q, r.person.ID); err != nil {
		return "", nil, err
	}
	if v.sessions, err = o.People.Sessions(r.ctx, r.q, r.person); err != nil {
		return "", nil, err
	}
	if v.work, err = o.ownWork(r); err != nil {
		return "", nil, err
	}
	return "Your account", accountPage(v), nil
}

// change runs a change in the write path.
func (o *console) change(r *request, done string, fn func(ctx context.Context, tx *store.Tx) error) (string, error) {
	return "/account?done=" + done, o.DB.Write(r.ctx, fn)
}

func (o *console) endSession(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	return o.change(r, "ended", func(ctx context.Context, tx *store.Tx) error { return o.People.EndSession(ctx, tx, r.person, id) })
}

func (o *console) endOthers(r *request) (string, error) {
	return o.change(r, "ended", func(ctx context.Context, tx *store.Tx) error {
		_, err := o.People.EndSessions(ctx, tx, r.person.ID, r.person.Session.ID)
		return err
	})
}

func (o *console) removePasskey(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	return o.change(r, "removed", func(ctx context.Context, tx *store.Tx) error { return o.People.RemovePasskey(ctx, tx, r.person, id) })
}

func (o *console) removeCode(r *request) (string, error) {
	return o.change(r, "code-removed", func(ctx context.Context, tx *store.Tx) error { return o.People.RemoveCode(ctx, tx, r.person) })
}

func (o *console) confirmCode(r *request) (string, error) {
	return "/account?done=code", o.People.ConfirmCode(r.ctx, r.person, r.PostForm.Get("code"), device(r.Request))
}

func (o *console) changePassword(r *request) (string, error) {
	if r.PostForm.Get("new") != r.PostForm.Get("again") {
		return "", fault.New(fault.Invalid, "the new password was not written the same twice; go back and try again")
	}
	return "/account?done=password", o.People.ChangePassword(r.ctx, r.person, r.PostForm.Get("old"), r.PostForm.Get("new"))
}

// prove takes the step-up by password or code; the passkey's goes through the script and the API.
func (o *console) prove(r *request) (string, error) {
	err := o.People.Prove(r.ctx, r.person, r.PostForm.Get("password"), r.PostForm.Get("code"), device(r.Request))
	next := local(r.PostForm.Get("next"))
	if next == "/" || next == "/account" {
		next = "/account?done=proved"
	}
	return next, err
}

type proofView struct {
	next     string
	factors  identity.Factors
	possible bool
}

func (o *console) proof(r *request) (string, templ.Component, error) {
	f, err := o.People.Factors(r.ctx, r.q, r.person.ID)
	return "Prove who you are", proofPage(proofView{local(r.URL.Query().Get("next")), f, o.People.PasskeysPossible()}), err
}

// passkeyChallenge and passkeySignIn are the script's two calls at sign-in; the rest of its calls go to the API.
func (o *console) passkeyChallenge(w http.ResponseWriter, r *http.Request) {
	c, err := o.People.BeginPasskeySignIn(r.Context())
	o.json(w, c, err)
}

func (o *console) passkeySignIn(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Ceremony string          `json:"ceremony"`
		Response json.RawMessage `json:"response"`
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 2*formLimit))
	if err == nil {
		err = json.Unmarshal(b, &in)
	}
	if err != nil {
		o.json(w, nil, fault.New(fault.Invalid, "the passkey's answer is not readable; try again"))
		return
	}
	token, _, err := o.People.FinishPasskeySignIn(r.Context(), in.Ceremony, in.Response, device(r))
	if err == nil {
		o.setCookie(w, token, 0)
	}
	o.json(w, struct{}{}, err)
}

// json answers the script.
func (o *console) json(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		w.WriteHeader(fault.HTTPStatus(err))
		v = map[string]string{"detail": fault.Message(err), "code": fault.Code(err)}
	}
	json.NewEncoder(w).Encode(v)
}

func (o *console) beginCode(r *request) (string, error) {
	var s identity.CodeSecret
	err := o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		s, err = o.People.BeginCode(ctx, tx, r.person)
		return err
	})
	if err != nil {
		return "", err
	}
	return "", shown{title: "An authenticator app", content: codePage(shownCode(s))}
}

// shown is a page that a form's answer is, since it must not have an address of its own: it holds a secret, or what was
// written wrongly.
type shown struct {
	title   string
	content templ.Component
	status  int // 0: 200
}

func (s shown) Error() string { return s.title }

// keyedPage is a shown page that is worked by keys.
type keyedPage struct{ shown }

// agent names a browser in a few words.
func agent(s string) string {
	for _, known := range [][2]string{{"Edg/", "Edge"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}} {
		if !strings.Contains(s, known[0]) {
			continue
		}
		for _, system := range []string{"Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux"} {
			if strings.Contains(s, system) {
				return known[1] + " on " + strings.Replace(system, "Mac OS X", "macOS", 1)
			}
		}
		return known[1]
	}
	if s == "" {
		return "A program that does not say its name"
	}
	return clip(s, 60)
}

var methodWords = map[string]string{"password": "password", "password_code": "password and code", "passkey": "passkey", "oidc": "account elsewhere"}

func method(m identity.Method) string { return words(methodWords, string(m)) }

// codeShown is an authenticator app's secret as people copy it: in groups of four.
type codeShown struct{ grouped, uri string }

func shownCode(s identity.CodeSecret) codeShown {
	var groups []string
	for rest := s.Secret; rest != ""; rest = rest[min(4, len(rest)):] {
		groups = append(groups, rest[:min(4, len(rest))])
	}
	return codeShown{strings.Join(groups, " "), s.URI}
}

func roleList(roles []identity.Role) string {
	var out []string
	for _, r := range roles {
		out = append(out, string(r))
	}
	return strings.Join(out, ", ")
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func queryEscape(s string) string { return url.QueryEscape(s) }
