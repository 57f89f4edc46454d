package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/play"
)

// demoDir is where a demonstration that stays up keeps its nodes.
const demoDir = "demo-data"

type demoCmd struct {
	Story    string `placeholder:"FILE" help:"Story file; without it the built-in one, or the one that the folder holds."`
	Dir      string `placeholder:"DIR" help:"Folder of the demonstration; started again, it goes on where it stopped. Default: demo-data, with --once a temporary one."`
	Pictures string `placeholder:"DIR" help:"Folder of JPEG pictures that are posted beside the story's own."`
	List     string `placeholder:"FILE" help:"Further hashes for the clearinghouse's list, one a line, with an optional label after a comma."`
	Once     bool   `help:"Play, print what came of it and end, instead of staying up."`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

// Run plays the story and prints what came of it.
func (c demoCmd) Run(ctx context.Context, s streams) (err error) {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	temporary := c.Dir == "" && c.Once
	switch {
	case temporary:
		if c.Dir, err = os.MkdirTemp("", "raksha-demo-"); err != nil {
			return err
		}
	case c.Dir == "":
		c.Dir = demoDir
	}
	progress := func(stage, text string) { fmt.Fprintf(s.err, "%-11s  %s\n", stage, text) }
	if c.JSON && !terminal(s.err) {
		progress = nil
	}
	d, err := play.Open(play.Config{Exe: exe, Dir: c.Dir, Story: c.Story, Pictures: c.Pictures, List: c.List, Progress: progress})
	if err != nil {
		if temporary {
			os.RemoveAll(c.Dir)
		}
		return err
	}
	defer func() {
		err = errors.Join(err, d.Close())
		if temporary && err == nil {
			err = os.RemoveAll(c.Dir)
		}
	}()
	summary, err := c.play(ctx, d)
	if err != nil {
		return fault.Wrap(err, fault.Of(err), "%v\nThe story stopped here. Run the command again with --dir %s to go on; the logs of the nodes are there.", err, d.Dir())
	}
	if err := c.print(ctx, s.out, d, summary); err != nil {
		return err
	}
	if !c.Once {
		if !c.JSON {
			fmt.Fprintln(s.out, "\nThe consoles stay up until Ctrl-C.")
		}
		select {
		case <-ctx.Done():
		case err := <-d.Failed():
			return err
		}
	}
	if !summary.Record.Verified {
		return negative
	}
	return nil
}

func (c demoCmd) play(ctx context.Context, d *play.Demo) (play.Summary, error) {
	if err := d.Start(ctx); err != nil {
		return play.Summary{}, err
	}
	if err := d.KeepConsoles(); err != nil {
		return play.Summary{}, err
	}
	return d.Play(ctx)
}

func (c demoCmd) print(ctx context.Context, w io.Writer, d *play.Demo, s play.Summary) error {
	if c.JSON {
		return json.NewEncoder(w).Encode(s)
	}
	day := d.ReportDay()
	then, err := d.AsOf(ctx, day.Format("2006-01-02"))
	if err != nil {
		return err
	}
	line := func(what, format string, args ...any) {
		fmt.Fprintf(w, "  %-12s  %s\n", what, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(w, "\nWhat came of it, as the nodes answer")
	line("operation", "%s: %d cases, %d arrests", s.Operation.Name, s.Operation.Cases, s.Operation.Arrests)
	line("", "%d public posts scanned, %d files on the list, %d tips", s.Scan.Posts, s.Scan.Matched, s.Scan.Tips)
	line("complaint", "%d lines, %d of them twice: %d accounts, %d gone; %d summonses served", s.Complaint.Lines, s.Complaint.DuplicateLines, s.Complaint.Accounts, s.Complaint.Gone, s.Summonses.Served)
	line("case", "FIR %s; %d teams; %d of %d posts analysed; %d listed files matched", s.Case.FIR, s.Case.Teams, s.Case.PostsAnalysed, s.Case.Posts, s.Case.ListedMediaMatched)
	line("orders", "%d accounts ordered within %g hours: %d blocked, %d not found, %d refused; %d seen gone", s.Takedown.Ordered, s.Takedown.HoursAllowed, s.Takedown.Blocked, s.Takedown.NotFound, s.Takedown.Refused, s.Takedown.VerifiedGone)
	if then.Case != nil {
		line("as of", "%s: %d blocked, %d arrested, %d leads in this case", day.Format("2 January 2006"), then.Case.Blocked, then.Case.Arrests, then.Case.Leads)
	}
	line("information", "asked about %d accounts, payment handles and numbers; %d answered", s.Information.Requested, s.Information.Answered)
	line("attribution", "%d clusters, %d leads", s.Attribution.Clusters, s.Attribution.Leads)
	proof := "verified offline, node by node"
	if !s.Record.Verified {
		proof = "NOT SOUND; see above"
	}
	line("record", "%d entries, %s", s.Record.Entries, proof)
	line("time", "%.1f seconds", s.ElapsedS)
	fmt.Fprintf(w, "\nFolder %s\n", d.Dir())
	if c.Once {
		return nil
	}
	for _, v := range d.Consoles() {
		fmt.Fprintf(w, "console %-13s %s user %s password %s\n", v.Name, v.URL, v.Username, v.Password)
	}
	return nil
}

// terminal tells whether a person watches.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
