package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/pace"
	"raksha.example/raksha/internal/proof"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
)

// PublicForm is the door for everybody: a form at /report and its state at /report/status. It asks nobody who they are.
type PublicForm struct {
	proof  *proof.Issuer
	random io.Reader
	// From one address, and from all: a flood from everywhere is slowed too.
	forms, held, previews, looks, everyForm, everyLook *pace.Gate
}

// NewPublicForm makes the form's limits. c is the real time, whatever the node's clock shows; zeroBits is what the proof of work asks for (package proof).
func NewPublicForm(random io.Reader, c clock.Clock, zeroBits int) (*PublicForm, error) {
	p, err := proof.New(random, c, zeroBits)
	if err != nil {
		return nil, err
	}
	return &PublicForm{proof: p, random: random, forms: pace.New(c, 20, time.Hour, 20_000), held: pace.New(c, 5, time.Hour, 20_000), previews: pace.New(c, 120, 10*time.Minute, 20_000),
		looks: pace.New(c, 30, 10*time.Minute, 20_000), everyForm: pace.New(c, 2000, time.Hour, 1), everyLook: pace.New(c, 6000, 10*time.Minute, 1)}, nil
}

const publicLimit = 64 << 10 // bytes of a form

// public stands before the pages for everybody.
func (o *console) public(next func(http.ResponseWriter, *http.Request, said)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if o.Form == nil || o.Tips == nil {
			o.fail(w, r, identity.Person{}, fault.New(fault.NotFound, "there is no such page"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, publicLimit)
		next(w, r, languageOf(r))
	}
}

// languageOf gives the words of the language that was chosen, otherwise that the browser asks for.
func languageOf(r *http.Request) said {
	switch asked := r.URL.Query().Get("lang"); {
	case asked == "hi":
		return hindi
	case asked == "" && strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Header.Get("Accept-Language"))), "hi"):
		return hindi
	}
	return english
}

// from gives the key of the address that a request comes from; empty where it cannot be told, and then only the limits for all hold.
func from(r *http.Request) string { return pace.AddressKey(identity.DeviceOf(r.Context()).Address) }

func allowed(one *pace.Gate, r *http.Request) bool { return from(r) == "" || one.Allow(from(r)) }

// publicView is what stands around every page for everybody.
type publicView struct {
	said     said
	title    string
	node     string
	clock    string // of a demonstration
	path     string
	helpline []rules.Helpline
	scripted bool
}

func (o *console) publicView(r *http.Request, s said, title string) publicView {
	v := publicView{said: s, title: title, node: o.Self.Profile().Name, path: r.URL.Path}
	if o.Law != nil {
		v.helpline = o.Law.Helplines()
	}
	if o.Simulated {
		show := o.show()
		v.clock = show.full(show.now)
	}
	return v
}

type reportView struct {
	publicView
	f         intake.Form
	typed     string // the addresses
	problem   string
	challenge string
}

func (o *console) reportPage(w http.ResponseWriter, r *http.Request, s said) {
	o.showReport(w, r, http.StatusOK, reportView{publicView: o.publicView(r, s, s.title)})
}

// showReport writes the form with a new challenge.
func (o *console) showReport(w http.ResponseWriter, r *http.Request, status int, v reportView) {
	var err error
	if v.challenge, err = o.Form.proof.Challenge(); err != nil {
		o.fail(w, r, identity.Person{}, err)
		return
	}
	v.scripted = true
	scripted(w)
	o.write(w, r, status, publicLayout(v.publicView, reportPage(v)))
}

// sentForm is a form with what stands beside it.
type sentForm struct {
	form              intake.Form
	typed             string // the addresses, as they stood in the field
	challenge, answer string
	trap              bool // the field that people do not see was filled in
}

// decodeForm reads a posted form of at most publicLimit bytes.
func decodeForm(contentType string, body io.Reader) (f sentForm, err error) {
	if kind, _, err := mime.ParseMediaType(contentType); err != nil || kind != "application/x-www-form-urlencoded" {
		return f, fault.Coded(fault.Invalid, "form_text", "the form takes text alone, no files")
	}
	b, err := io.ReadAll(body)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return f, fault.Coded(fault.TooLarge, "form_long", "the form is larger than %d KiB", publicLimit>>10)
	}
	if err != nil || bytes.Count(b, []byte("&")) > 100 {
		return f, fault.Coded(fault.Invalid, "form_text", "the form could not be read")
	}
	values, err := url.ParseQuery(string(b))
	if err != nil {
		return f, fault.Coded(fault.Invalid, "form_text", "the form could not be read")
	}
	for name, all := range values {
		for _, v := range append(all, name) {
			if !utf8.ValidString(v) || strings.IndexByte(v, 0) >= 0 {
				return f, fault.Coded(fault.Invalid, "form_text", "the text of the form is in no encoding that can be read; send it as UTF-8")
			}
		}
	}
	f.typed = values.Get("addresses")
	f.challenge, f.answer, f.trap = values.Get("challenge"), values.Get("answer"), values.Get("homepage") != ""
	f.form = intake.Form{Addresses: strings.FieldsFunc(f.typed, func(r rune) bool { return r == '\n' || r == '\r' }), What: values.Get("what"), Happened: values.Get("happened"),
		Class: values.Get("class"), Danger: values.Get("danger") != "", Contact: values.Get("contact")}
	return f, nil
}

// report takes a form. Without a proof it is held for a person; with a wrong one it is not taken, and asked for again.
func (o *console) report(w http.ResponseWriter, r *http.Request, s said) {
	v := reportView{publicView: o.publicView(r, s, s.title)}
	refuse := func(err error) {
		if fault.Of(err) == fault.Internal {
			slog.ErrorContext(r.Context(), "a report could not be taken", "error", err)
		}
		v.problem = s.failure(fault.Code(err))
		o.showReport(w, r, publicStatus(err), v)
	}
	f, err := decodeForm(r.Header.Get("Content-Type"), r.Body)
	if err != nil {
		refuse(err)
		return
	}
	v.f, v.typed = f.form, f.typed
	f.form.Language = s.code
	if err := f.form.Check(); err != nil {
		refuse(err)
		return
	}
	switch {
	case f.trap:
		f.form.HeldFor = intake.HeldTrap
	case f.answer == "":
		f.form.HeldFor = intake.HeldNoProof
	default:
		if err := o.Form.proof.Check(f.challenge, f.answer); err != nil {
			refuse(err)
			return
		}
	}
	lane := o.Form.forms
	if f.form.HeldFor != "" {
		lane = o.Form.held
	}
	var receipt intake.FormReceipt
	if !allowed(lane, r) || !o.Form.everyForm.Allow("") {
		err = fault.Coded(fault.Unavailable, "form_often", "too many reports come from here at once")
	} else {
		err = o.DB.Write(r.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
			receipt, err = o.Tips.File(ctx, tx, f.form, o.Form.random)
			return err
		})
	}
	if err != nil {
		if f.form.HeldFor == "" {
			o.Form.proof.Undo(f.challenge)
		}
		refuse(err)
		return
	}
	o.write(w, r, http.StatusOK, publicLayout(o.publicView(r, s, s.received), receiptPage(receiptView{o.publicView(r, s, s.received), receipt, f.form.Danger, understoodAddresses(f.form.Addresses)})))
}

type receiptView struct {
	publicView
	receipt intake.FormReceipt
	danger  bool
	rows    []readAddress
}

// readAddress is how one address of a form is understood. It tells what was typed and nothing that the node knows.
type readAddress struct {
	Typed    string `json:"typed"`
	Address  string `json:"address,omitempty"` // defanged
	Platform string `json:"platform,omitempty"`
	Post     bool   `json:"post,omitempty"`
}

func understoodAddresses(typed []string) []readAddress {
	out := []readAddress{}
	for _, s := range typed {
		if s = strings.TrimSpace(s); s == "" || len(out) > intake.MaxFormAddresses {
			continue
		}
		row := readAddress{Typed: clip(s, 300)}
		if l, err := intake.Understand(s); err == nil {
			row.Address, row.Platform, row.Post = l.Defanged(), l.Platform(), l.PostID != ""
		}
		out = append(out, row)
	}
	return out
}

// reportPreview says how the addresses in a text are understood, one a line; the page asks while somebody writes.
func (o *console) reportPreview(w http.ResponseWriter, r *http.Request, _ said) {
	if !allowed(o.Form.previews, r) {
		http.Error(w, "too many at once", http.StatusTooManyRequests)
		return
	}
	b, err := io.ReadAll(r.Body)
	if err != nil || !utf8.Valid(b) {
		http.Error(w, "this cannot be read", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err := json.NewEncoder(w).Encode(understoodAddresses(strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' || r == '\r' }))); err != nil {
		slog.DebugContext(r.Context(), "a preview was not taken", "error", err)
	}
}

// publicStatus gives the HTTP status of a refusal.
func publicStatus(err error) int {
	if fault.Code(err) == "form_often" {
		return http.StatusTooManyRequests
	}
	return fault.HTTPStatus(err)
}

type statusView struct {
	publicView
	problem string
	state   *intake.FormState
	at      string
}

func (o *console) statusPage(w http.ResponseWriter, r *http.Request, s said) {
	o.showStatus(w, r, http.StatusOK, statusView{publicView: o.publicView(r, s, s.statusTitle)})
}

func (o *console) showStatus(w http.ResponseWriter, r *http.Request, status int, v statusView) {
	o.write(w, r, status, publicLayout(v.publicView, statusPage(v)))
}

// status tells how a report stands. An unknown number and a wrong code get one answer, which repeats neither.
func (o *console) status(w http.ResponseWriter, r *http.Request, s said) {
	v := statusView{publicView: o.publicView(r, s, s.statusTitle)}
	refuse := func(err error) {
		v.problem = s.failure(fault.Code(err))
		o.showStatus(w, r, publicStatus(err), v)
	}
	if err := r.ParseForm(); err != nil {
		refuse(fault.Coded(fault.Invalid, "form_text", "the form could not be read"))
		return
	}
	if !allowed(o.Form.looks, r) || !o.Form.everyLook.Allow("") {
		refuse(fault.Coded(fault.Unavailable, "form_often", "too many look-ups come from here at once"))
		return
	}
	state, err := o.Tips.FormState(r.Context(), o.DB.Reader(), r.PostForm.Get("number"), r.PostForm.Get("code"))
	if err != nil {
		refuse(err)
		return
	}
	v.state, v.at = &state, o.show().day(state.ReceivedAt)
	o.showStatus(w, r, http.StatusOK, v)
}
