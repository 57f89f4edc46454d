package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

// What a reporter may look up: its own filings, and what became of them. It is an extension: the CyberTipline has none.

const (
	reportsOnPage = 100
	reportsAtMost = 500
)

// ownReport is a filing as its reporter sees it. Times are RFC 3339, UTC.
type ownReport struct {
	ReportID  int64     `json:"report_id"`
	State     string    `json:"state"` // open, finished, retracted or expired
	OpenedAt  string    `json:"opened_at"`
	ChangedAt string    `json:"changed_at"`
	ExpiresAt string    `json:"expires_at,omitempty"` // of an open one
	Files     []ownFile `json:"files,omitempty"`      // of a single filing, unless it expired or was retracted
	Tip       *ownTip   `json:"tip,omitempty"`        // of a finished one
}

type ownFile struct {
	FileID  string `json:"file_id"`
	Name    string `json:"name,omitempty"`
	MD5     string `json:"md5"`
	Details bool   `json:"details"` // fileinfo was given
}

// ownTip says what became of a report. What an outcome says beyond its kind is not the reporter's to know: it may name people.
type ownTip struct {
	Number   string       `json:"number"`
	State    string       `json:"state"`
	Outcomes []ownOutcome `json:"outcomes"`
}

type ownOutcome struct {
	Kind       string `json:"kind"`
	HappenedAt string `json:"happened_at"`
}

func (a *api) filedReport(w http.ResponseWriter, r *http.Request, f filing) error {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return fault.Coded(fault.NotFound, "5001", "there is no such report")
	}
	q := a.DB.Reader()
	filed, err := a.Tips.FiledAs(r.Context(), q, f.reporter.Username, id)
	if err != nil {
		return err
	}
	out, err := a.own(r.Context(), q, filed)
	if err != nil {
		return err
	}
	if out.State == "open" || out.State == "finished" {
		files, err := intake.FiledFiles(r.Context(), q, id)
		if err != nil {
			return err
		}
		for _, x := range files {
			out.Files = append(out.Files, ownFile{x.FileID, x.Name, x.MD5, x.Details != nil})
		}
	}
	return writeJSON(w, out)
}

func (a *api) filedReports(w http.ResponseWriter, r *http.Request, f filing) error {
	after, limit := int64(0), int64(reportsOnPage)
	for name, v := range map[string]*int64{"after": &after, "limit": &limit} {
		if text := r.URL.Query().Get(name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 {
				return fault.Coded(fault.Invalid, "4000", "%s must be a number", name)
			}
			*v = n
		}
	}
	q := a.DB.Reader()
	list, err := a.Tips.Filed(r.Context(), q, f.reporter.Username, after, int(max(1, min(limit, reportsAtMost))))
	if err != nil {
		return err
	}
	var page struct {
		Reports []ownReport `json:"reports"`
	}
	page.Reports = []ownReport{}
	for _, filed := range list {
		out, err := a.own(r.Context(), q, filed)
		if err != nil {
			return err
		}
		page.Reports = append(page.Reports, out)
	}
	return writeJSON(w, page)
}

func (a *api) own(ctx context.Context, q store.Queryer, f intake.Filing) (ownReport, error) {
	at := func(micros int64) string { return store.Time(micros).UTC().Format(time.RFC3339Nano) }
	out := ownReport{ReportID: f.ID, State: f.State, OpenedAt: at(f.OpenedAt), ChangedAt: at(f.ChangedAt)}
	if f.State == "open" {
		out.ExpiresAt = at(f.ExpiresAt())
	}
	if f.TipID == 0 {
		return out, nil
	}
	tip, err := intake.ByID(ctx, q, f.TipID)
	if err != nil {
		return out, err
	}
	outcomes, err := triage.Outcomes(ctx, q, tip.ID)
	if err != nil {
		return out, err
	}
	out.Tip = &ownTip{Number: tip.Number, State: tip.State, Outcomes: []ownOutcome{}}
	for _, o := range outcomes {
		out.Tip.Outcomes = append(out.Tip.Outcomes, ownOutcome{o.Kind, at(o.HappenedAt)})
	}
	return out, nil
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}
