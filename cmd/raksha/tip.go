package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
)

// tipCmd works on the tips of a node that runs.
type tipCmd struct {
	Import  tipImportCmd  `cmd:"" help:"Hand in a complaint file (CSV or XLSX), or see first what is understood of it."`
	List    tipListCmd    `cmd:"" help:"Print tips."`
	Lines   tipLinesCmd   `cmd:"" help:"Print the lines of a complaint."`
	Correct tipCorrectCmd `cmd:"" help:"Say which address a line means that could not be read, or that it names none."`
}

type tipImportCmd struct {
	runningNode
	File        string `arg:"" type:"existingfile" help:"The file."`
	Preview     bool   `help:"Print what is understood row by row, and enter nothing. The exit status is 1 if a row cannot be read."`
	Rows        int    `default:"1000" help:"Rows of a preview that are printed, up to 50000."`
	Reference   string `help:"The complaint's reference, which no other complaint has."`
	Complainant string `help:"Who complains."`
}

const maxComplaintFile = 48 << 20 // bytes; in base64 it still fits into one request

// Run previews or imports the file.
func (c tipImportCmd) Run(ctx context.Context, s streams) error {
	b, err := readAtMost(c.File, maxComplaintFile)
	if err != nil {
		return err
	}
	if c.Preview {
		return c.preview(ctx, s, b)
	}
	if c.Reference == "" || c.Complainant == "" {
		return fault.New(fault.Invalid, "give --reference and --complainant, or --preview to enter nothing")
	}
	var made intake.Complaint
	if err := c.ask(ctx, http.MethodPost, "/api/v1/complaints", map[string]any{"reference": c.Reference, "complainant": c.Complainant, "file": b}, &made); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(made)
	}
	fmt.Fprintf(s.out, "complaint %d: %d lines, %d accounts, %d duplicate lines, %d unreadable\n", made.ID, made.Lines, made.Accounts, made.Duplicates, made.Unreadable)
	if made.Unreadable > 0 {
		fmt.Fprintf(s.err, "Correct the unreadable ones: raksha tip lines %d --state waiting\n", made.ID)
	}
	return nil
}

func (c tipImportCmd) preview(ctx context.Context, s streams, b []byte) error {
	var p intake.Preview
	if err := c.ask(ctx, http.MethodPost, "/api/v1/complaints/preview", map[string]any{"file": b, "limit": c.Rows}, &p); err != nil {
		return err
	}
	var err error
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(p)
	} else {
		err = printPreview(s.out, p)
	}
	if err == nil && p.Unreadable > 0 {
		err = negative
	}
	return err
}

func printPreview(w io.Writer, p intake.Preview) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LINE\tWHERE\tSTATE\tADDRESS\tAS TYPED\tWHY")
	for _, u := range p.Rows {
		where, why := "-", []string{}
		if u.Row != 0 {
			where = fmt.Sprintf("%s:%d", u.Sheet, u.Row)
		}
		if u.DuplicateOf != 0 {
			why = append(why, fmt.Sprintf("same as line %d", u.DuplicateOf))
		}
		if u.KnownAs != "" {
			why = append(why, "known as "+u.KnownAs)
		}
		for _, s := range []string{u.Reason, u.Note} {
			if s != "" {
				why = append(why, s)
			}
		}
		if u.Formulas != "" {
			why = append(why, "formula "+u.Formulas)
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", u.N, where, u.State, orNone(u.Address), printable(u.Typed), orNone(printable(strings.Join(why, "; "))))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d lines: %d new tips (%d of them known), %d duplicates, %d unreadable; %d title rows. Nothing was entered.\n", p.Lines, p.Tips, p.Known, p.Duplicates, p.Unreadable, p.Headings)
	return err
}

// printable keeps what strangers typed from steering a terminal, and in one line.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > 120 {
		return string(runes[:119]) + "…"
	}
	return s
}

type tipListCmd struct {
	runningNode
	State   string `help:"received, actionable, informational, duplicate, insufficient, linked, referred, returned or closed."`
	Source  string `help:"complaint, scan, cybertipline, referral or form."`
	After   int64  `help:"The last number of the page before."`
	Limit   int    `default:"100" help:"At most so many."`
	Purpose string `required:"" help:"For what purpose the tips are read; the read is logged with it."`
}

// Run prints one page.
func (c tipListCmd) Run(ctx context.Context, s streams) error {
	q := url.Values{"state": {c.State}, "source": {c.Source}, "after_id": {fmt.Sprint(c.After)}, "limit": {fmt.Sprint(c.Limit)}}
	var tips []intake.Tip
	if err := c.askFor(ctx, c.Purpose, "/api/v1/tips?"+q.Encode(), &tips); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(tips)
	}
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TIP\tNUMBER\tSOURCE\tCLASS\tSTATE\tRECEIVED\tADDRESS")
	for _, v := range tips {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", v.ID, v.Number, v.Source, v.Class, v.State, instant(v.ReceivedAt), orNone(printable(v.Locator)))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(tips) == c.Limit {
		fmt.Fprintf(s.err, "There may be more: --after %d\n", tips[len(tips)-1].ID)
	}
	return nil
}

type tipLinesCmd struct {
	runningNode
	Complaint int64  `arg:"" help:"The complaint's number."`
	State     string `help:"tip, duplicate, unreadable, or waiting: unreadable and not corrected."`
	After     int64  `help:"The last line of the page before."`
	Limit     int    `default:"1000" help:"At most so many, up to 10000."`
	Purpose   string `required:"" help:"For what purpose the lines are read; the read is logged with it."`
}

// Run prints one page.
func (c tipLinesCmd) Run(ctx context.Context, s streams) error {
	q := url.Values{"after": {fmt.Sprint(c.After)}, "limit": {fmt.Sprint(c.Limit)}}
	if c.State != "" {
		q.Set("state", c.State)
	}
	var lines []intake.KeptLine
	if err := c.askFor(ctx, c.Purpose, fmt.Sprintf("/api/v1/complaints/%d/lines?%s", c.Complaint, q.Encode()), &lines); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(lines)
	}
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LINE\tSTATE\tTIP\tADDRESS\tAS TYPED\tWHY")
	for _, l := range lines {
		state := l.State
		if l.Heading {
			state = "title"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", l.N, state, orNone(l.TipNumber), orNone(printable(l.Address)), printable(l.Typed), orNone(printable(l.Reason)))
	}
	return t.Flush()
}

type tipCorrectCmd struct {
	runningNode
	Complaint int64  `arg:"" help:"The complaint's number."`
	Line      int64  `arg:"" help:"The line."`
	Address   string `arg:"" optional:"" help:"The address that it means, or a handle with its platform's name."`
	None      string `help:"Why it names no address, instead of one."`
}

// Run corrects the line and prints what became of it.
func (c tipCorrectCmd) Run(ctx context.Context, s streams) error {
	body := map[string]any{}
	for key, v := range map[string]string{"address": c.Address, "none": c.None} {
		if v != "" {
			body[key] = v
		}
	}
	var line intake.KeptLine
	if err := c.ask(ctx, http.MethodPost, fmt.Sprintf("/api/v1/complaints/%d/lines/%d/correction", c.Complaint, c.Line), body, &line); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(line)
	}
	_, err := fmt.Fprintf(s.out, "line %d: %s %s %s\n", line.N, line.State, orNone(line.TipNumber), orNone(line.Address))
	return err
}

// askFor reads restricted material for a purpose.
func (n runningNode) askFor(ctx context.Context, purpose, path string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	n.purpose = purpose
	resp, err := n.open(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(io.LimitReader(resp.Body, askLimit)).Decode(answer)
}

func readAtMost(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "%s cannot be read", filepath.Base(path))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "%s cannot be read", filepath.Base(path))
	}
	if int64(len(b)) > limit {
		return nil, fault.New(fault.TooLarge, "%s is larger than %d MiB; split it", filepath.Base(path), limit>>20)
	}
	return b, nil
}
