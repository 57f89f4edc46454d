package play

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"time"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/scan"
	"raksha.example/raksha/internal/statistics"
)

// Summary is what came of a story, as the nodes answer it at the end.
type Summary struct {
	Complaint struct {
		Lines          int64 `json:"lines"`
		Accounts       int64 `json:"accounts"` // distinct
		DuplicateLines int64 `json:"duplicate_lines"`
		Gone           int64 `json:"gone"` // accounts whose address leads nowhere
	} `json:"complaint"`
	Summonses struct {
		Served int64 `json:"served"`
	} `json:"summonses"`
	Case struct {
		FIR                string `json:"fir"`
		Teams              int64  `json:"teams"`
		Posts              int64  `json:"posts"`
		PostsAnalysed      int64  `json:"posts_analysed"`
		ListedMediaMatched int64  `json:"listed_media_matched"` // pictures and videos, exact or confirmed
	} `json:"case"`
	Takedown struct {
		Ordered      int64   `json:"ordered"`
		Blocked      int64   `json:"blocked"`
		NotFound     int64   `json:"not_found"`
		Refused      int64   `json:"refused"`
		VerifiedGone int64   `json:"verified_gone"` // of the blocked ones
		HoursAllowed float64 `json:"hours_allowed"`
	} `json:"takedown"`
	Information struct {
		Requested int64 `json:"requested"` // accounts, payment handles and numbers asked about
		Answered  int64 `json:"answered"`
	} `json:"information"`
	Attribution struct {
		Clusters int64 `json:"clusters"`
		Leads    int64 `json:"leads"`
	} `json:"attribution"`
	Operation struct {
		Name    string `json:"name"`
		Cases   int64  `json:"cases"`
		Arrests int64  `json:"arrests"`
	} `json:"operation"`
	Record struct {
		Entries  int64 `json:"entries"` // of all nodes
		Verified bool  `json:"verified"`
	} `json:"record"`
	Scan struct {
		Posts   int64 `json:"posts"`
		Matched int64 `json:"matched"`
		Tips    int64 `json:"tips"`
	} `json:"scan"`
	ElapsedS float64 `json:"elapsed_s"`
}

// figures reads a node's figures, as of a day to its end or, with no day, as of now.
func figures(ctx context.Context, o *officer, caseID int64, day string) (statistics.Figures, error) {
	return get[statistics.Figures](ctx, o, fmt.Sprintf("/api/v1/statistics?case_id=%d&as_of=%s", caseID, day))
}

// AsOf gives the unit's figures of the complaint's case as of a day (2006-01-02) to its end.
func (d *Demo) AsOf(ctx context.Context, day string) (statistics.Figures, error) {
	c, err := d.theCase(ctx)
	if err != nil {
		return statistics.Figures{}, err
	}
	return figures(ctx, d.who("unit", "raghav"), c.ID, day)
}

// ReportDay is the day of the unit's report to the commission.
func (d *Demo) ReportDay() time.Time { return d.when.report.In(d.zone) }

// summarise asks the nodes for the figures and verifies their records.
func (d *Demo) summarise(ctx context.Context) (s Summary, err error) {
	for _, part := range []func(context.Context, *Summary) error{d.sumComplaint, d.sumCase, d.sumOrders, d.sumScan, d.sumRecord} {
		if err := part(ctx, &s); err != nil {
			return s, err
		}
	}
	s.ElapsedS = math.Round(time.Since(d.started).Seconds()*10) / 10
	return s, nil
}

func (d *Demo) sumComplaint(ctx context.Context, s *Summary) error {
	mallika := d.who("commission", "mallika")
	all, err := get[[]intake.Complaint](ctx, mallika, "/api/v1/complaints")
	if err != nil {
		return err
	}
	for _, c := range all {
		s.Complaint.Lines += c.Lines
		s.Complaint.Accounts += c.Accounts
		s.Complaint.DuplicateLines += c.Duplicates
	}
	sent, err := documents(ctx, mallika, courier.Out, courier.Summons)
	for _, f := range sent {
		if f.ReceivedAt != 0 {
			s.Summonses.Served++
		}
	}
	return err
}

func (d *Demo) sumCase(ctx context.Context, s *Summary) error {
	raghav := d.who("unit", "raghav")
	c, err := d.theCase(ctx)
	if err != nil {
		return err
	}
	f, err := figures(ctx, raghav, c.ID, "")
	if err != nil {
		return err
	}
	if f.Case == nil {
		return fault.New(fault.NotFound, "the unit gives no figures of case %d", c.ID)
	}
	s.Case.FIR, s.Case.Teams, s.Case.Posts, s.Case.PostsAnalysed = f.Case.FIR, f.Case.Teams, f.Case.Posts, f.Case.PostsAnalysed
	s.Takedown.HoursAllowed = f.Case.HoursAllowed
	s.Information.Requested, s.Information.Answered = f.Case.InformationRequested, f.Case.InformationAnswered
	s.Attribution.Clusters, s.Attribution.Leads = f.Case.Clusters, f.Case.Leads
	for _, o := range f.Operations {
		if o.Name == d.kept.Story.Operation.Name {
			s.Operation.Name, s.Operation.Cases, s.Operation.Arrests = o.Name, o.Cases, o.Arrests
		}
	}
	matches, err := get[[]lists.Match](ctx, raghav, "/api/v1/matches")
	if err != nil {
		return err
	}
	for _, m := range matches {
		if m.Stands() {
			s.Case.ListedMediaMatched++
		}
	}
	accounts, err := get[[]casework.Account](ctx, raghav, casePath(c, "accounts"))
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, a := range accounts {
		there[a.Handle] = there[a.Handle] || a.State != platforms.Gone
	}
	for _, live := range there { // a handle that somebody else carries now is not gone
		if !live {
			s.Complaint.Gone++
		}
	}
	return nil
}

func (d *Demo) sumOrders(ctx context.Context, s *Summary) error {
	raghav := d.who("unit", "raghav")
	sent, err := documents(ctx, raghav, courier.Out, courier.TakedownOrder)
	if err != nil {
		return err
	}
	for _, f := range sent {
		v, err := document(ctx, raghav, f.ID)
		if err != nil {
			return err
		}
		for _, it := range v.Items {
			s.Takedown.Ordered++
			switch {
			case blocked(it):
				s.Takedown.Blocked++
				if it.Verified == "gone" {
					s.Takedown.VerifiedGone++
				}
			case it.State == "not_found":
				s.Takedown.NotFound++
			case it.State == "refused":
				s.Takedown.Refused++
			}
		}
	}
	return nil
}

func (d *Demo) sumScan(ctx context.Context, s *Summary) error {
	owen := d.who("clearinghouse", "owen")
	scans, err := get[[]scan.State](ctx, owen, "/api/v1/scans")
	if err != nil {
		return err
	}
	for _, v := range scans {
		s.Scan.Posts += v.Posts
		s.Scan.Matched += v.Matched
	}
	found, err := tips(ctx, owen, map[string][]string{"source": {intake.FromScan}})
	s.Scan.Tips = int64(len(found))
	return err
}

// sumRecord verifies every node's record offline, by the command that anybody can run.
func (d *Demo) sumRecord(ctx context.Context, s *Summary) error {
	s.Record.Verified = true
	for _, name := range nodeNames {
		var out, errs bytes.Buffer
		cmd := exec.CommandContext(ctx, d.cfg.Exe, append([]string{"record", "verify", "--json"}, d.place(name)...)...)
		cmd.Stdout, cmd.Stderr = &out, &errs
		runErr := cmd.Run()
		var v struct {
			Entries  int64    `json:"entries"`
			Verified bool     `json:"verified"`
			Problems []string `json:"problems"`
		}
		if err := json.Unmarshal(out.Bytes(), &v); err != nil {
			return fmt.Errorf("verify the record of %s: %w: %s", name, runErr, errs.Bytes())
		}
		s.Record.Entries += v.Entries
		s.Record.Verified = s.Record.Verified && v.Verified
		for _, p := range v.Problems {
			d.say("record", "WRONG in %s: %s", filepath.Join(d.cfg.Dir, name), p)
		}
	}
	return nil
}
