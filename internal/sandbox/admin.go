package sandbox

import (
	"encoding/json"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"unicode/utf8"

	"raksha.example/raksha/internal/story"
)

func (v view) adminAccount(a story.Account) adminEntity {
	e := adminEntity{ID: a.ID, Username: a.Handle, CreatedAt: stamp(a.CreatedAt), Email: a.Email, Phone: a.Phone, Name: a.RealName, Locale: "en",
		Confirmed: true, Approved: true, Suspended: v.suspended[a.ID], Account: v.account(a), IPs: []adminIP{}}
	for _, l := range slices.Backward(a.Logins) {
		if !l.At.After(v.now) {
			e.IPs = append(e.IPs, adminIP{l.IP, stamp(l.At), l.Port, l.Event})
		}
	}
	if len(e.IPs) > 0 {
		e.IP = &e.IPs[0].IP
	}
	return e
}

func (s *Server) adminAccount(w http.ResponseWriter, r *http.Request) {
	v := s.view()
	a, ok := v.exists(r.PathValue("id"))
	if !ok {
		notFound(w)
		return
	}
	answer(w, v.adminAccount(a))
}

// action suspends. The other types that Mastodon knows are refused: nothing here would carry them out.
func (s *Server) action(w http.ResponseWriter, r *http.Request) {
	form, ok := fields(w, r)
	if !ok {
		return
	}
	switch form.Get("type") {
	case actSuspend:
		s.act(w, r, Act{Act: actSuspend, Text: form.Get("text"), ReportID: form.Get("report_id")})
	case "none", "sensitive", "disable", "silence":
		refuse(w, http.StatusUnprocessableEntity, "Validation failed: this server only suspends")
	default:
		refuse(w, http.StatusUnprocessableEntity, "Validation failed: Type is not included in the list")
	}
}

func (s *Server) unsuspend(w http.ResponseWriter, r *http.Request) {
	s.act(w, r, Act{Act: actUnsuspend})
}

// act carries out an act on the account of the path. Doing it again changes nothing, and is on record as such. Mastodon answers an
// action with {} and unsuspend with the account.
func (s *Server) act(w http.ResponseWriter, r *http.Request, a Act) {
	v := s.view()
	target, ok := v.exists(r.PathValue("id"))
	if !ok {
		notFound(w)
		return
	}
	a.AccountID, a.At = target.ID, v.now
	if _, ok := s.record(w, a); !ok {
		return
	}
	if a.Act == actSuspend {
		answer(w, struct{}{})
		return
	}
	answer(w, s.view().adminAccount(target))
}

// record brings an act to disk before anybody is told of it.
func (s *Server) record(w http.ResponseWriter, a Act) (Act, bool) {
	s.mu.Lock()
	a, err := s.acts.add(a)
	s.mu.Unlock()
	if err != nil {
		slog.Error("sandbox: an act could not be kept", "error", err)
		refuse(w, http.StatusInternalServerError, "the act could not be kept; nothing was done")
		return a, false
	}
	return a, true
}

type reportEntity struct {
	ID            string        `json:"id"`
	ActionTaken   bool          `json:"action_taken"`
	ActionTakenAt *string       `json:"action_taken_at"`
	Category      string        `json:"category"`
	Comment       string        `json:"comment"`
	Forwarded     bool          `json:"forwarded"`
	CreatedAt     string        `json:"created_at"`
	StatusIDs     []string      `json:"status_ids"`
	RuleIDs       []string      `json:"rule_ids"`
	Target        accountEntity `json:"target_account"`
}

const maxComment = 1000 // characters, as in Mastodon

func (s *Server) report(w http.ResponseWriter, r *http.Request) {
	form, ok := fields(w, r)
	if !ok {
		return
	}
	v := s.view()
	target, ok := v.exists(form.Get("account_id"))
	if !ok {
		notFound(w)
		return
	}
	a := Act{At: v.now, Act: actReport, AccountID: target.ID, Text: form.Get("comment"), Category: form.Get("category"),
		StatusIDs: append(form["status_ids[]"], form["status_ids"]...)}
	if a.Category == "" {
		a.Category = "other"
	}
	if !slices.Contains([]string{"spam", "legal", "violation", "other"}, a.Category) {
		refuse(w, http.StatusUnprocessableEntity, "Validation failed: Category is not included in the list")
		return
	}
	if utf8.RuneCountInString(a.Text) > maxComment {
		refuse(w, http.StatusUnprocessableEntity, "Validation failed: Comment is too long (maximum is "+strconv.Itoa(maxComment)+" characters)")
		return
	}
	for _, id := range a.StatusIDs {
		if i, ok := v.posts[id]; !ok || v.world.Posts[i].AccountID != target.ID || v.world.Posts[i].CreatedAt.After(v.now) {
			notFound(w)
			return
		}
	}
	if a, ok = s.record(w, a); !ok {
		return
	}
	answer(w, reportEntity{ID: strconv.Itoa(a.Seq), Category: a.Category, Comment: a.Text, CreatedAt: stamp(a.At), StatusIDs: append([]string{}, a.StatusIDs...), Target: v.account(target)})
}

// fields reads what a client sends: a form, or JSON with text values.
func fields(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/json" {
		if err := r.ParseMultipartForm(maxBody); err != nil && err != http.ErrNotMultipart {
			refuse(w, http.StatusBadRequest, "the form cannot be read")
			return nil, false
		}
		return r.Form, true
	}
	var m map[string]any
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		refuse(w, http.StatusBadRequest, "the JSON cannot be read")
		return nil, false
	}
	form := url.Values{}
	for k, v := range m {
		switch x := v.(type) {
		case string:
			form.Add(k, x)
		case []any:
			for _, one := range x {
				if text, ok := one.(string); ok {
					form.Add(k, text)
				}
			}
		}
	}
	return form, true
}

// listActs gives everything that was done to accounts, in order, so that a test can prove that nothing was.
func (s *Server) listActs(w http.ResponseWriter, _ *http.Request) {
	answer(w, s.Acts())
}

func (s *Server) listReports(w http.ResponseWriter, _ *http.Request) {
	answer(w, s.entries(true))
}

// Acts gives what was done to accounts, in order; repeated acts too, as not Changed.
func (s *Server) Acts() []Act { return s.entries(false) }

func (s *Server) entries(reports bool) []Act {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := []Act{}
	for _, a := range s.acts.acts {
		if (a.Act == actReport) == reports {
			out = append(out, a)
		}
	}
	return out
}
