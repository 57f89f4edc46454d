package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/exchange"
	"raksha.example/raksha/internal/store"
)

type listAddCmd struct {
	runningNode
	List  string `arg:"" help:"The list."`
	Kind  string `arg:"" help:"pdq, vpdq, sha256, sha1, md5, photodna or tmk; or - to read lines from standard input: a hash a line, a label after a comma."`
	Value string `arg:"" optional:"" help:"The hash."`
	Label string `help:"Its label, of the list's scheme."`
}

// Run adds one hash, or lines.
func (c listAddCmd) Run(ctx context.Context, s streams) error {
	v, err := c.find(ctx, c.List)
	if err != nil {
		return err
	}
	if c.Kind == "-" {
		if c.Value != "" || c.Label != "" {
			return fault.New(fault.Invalid, "with - each line holds its own hash and label")
		}
		return c.send(ctx, s, v, exchange.Lines, s.in)
	}
	e := lists.Entry{Kind: c.Kind, Value: c.Value, Label: c.Label}
	if err := e.Check(); err != nil {
		return err
	}
	var added struct {
		IDs      []int64 `json:"ids"`
		Sequence int64   `json:"sequence"`
	}
	if err := c.ask(ctx, http.MethodPost, listPath(v.ID, "/entries"), map[string]any{"entries": []lists.Entry{e}}, &added); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(added)
	}
	if len(added.IDs) != 1 {
		return fault.New(fault.Internal, "the node answered with %d numbers for one hash", len(added.IDs))
	}
	fmt.Fprintf(s.out, "content %d is on %s\n", added.IDs[0], v.Name)
	return nil
}

type listImportCmd struct {
	runningNode
	List   string `arg:"" help:"The list."`
	File   string `arg:"" help:"The file; - is standard input."`
	Format string `default:"lines" enum:"lines,plain,vics,icse" help:"lines (or plain): a hash a line; vics: Project VIC JSON; icse: INTERPOL's CSV."`
}

// Run sends the file as a stream.
func (c listImportCmd) Run(ctx context.Context, s streams) (err error) {
	v, err := c.find(ctx, c.List)
	if err != nil {
		return err
	}
	format := c.Format
	if format == "plain" { // what others call it
		format = exchange.Lines
	}
	in := s.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "%v", err)
		}
		defer f.Close()
		in = f
	}
	return c.send(ctx, s, v, format, in)
}

// send imports a stream and tells what was taken; something unread is exit status 1.
func (n runningNode) send(ctx context.Context, s streams, v lists.List, format string, in io.Reader) error {
	ctx, cancel := context.WithTimeout(ctx, fileTime)
	defer cancel()
	resp, err := n.open(ctx, http.MethodPost, listPath(v.ID, "/import?format="+url.QueryEscape(format)), "application/octet-stream", io.NopCloser(in))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var report struct {
		exchange.Report
		First []struct {
			Place  string `json:"place"`
			Reason string `json:"reason"`
		} `json:"set_aside"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, askLimit)).Decode(&report); err != nil {
		return err
	}
	if n.JSON {
		if err := json.NewEncoder(s.out).Encode(report); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(s.out, "added    %d\npresent  %d\nunread   %d\n", report.Added, report.Present, report.Unread)
	}
	for _, a := range report.First {
		fmt.Fprintf(s.err, "raksha: not taken: %s: %s\n", a.Place, a.Reason)
	}
	if more := report.Unread - len(report.First); more > 0 {
		fmt.Fprintf(s.err, "raksha: not taken: %d more\n", more)
	}
	if report.Unread > 0 {
		return negative
	}
	return nil
}

type listExportCmd struct {
	runningNode
	List   string `arg:"" help:"The list."`
	File   string `arg:"" optional:"" help:"The file to write; without: standard output."`
	Format string `default:"lines" enum:"lines,plain,vics" help:"lines (or plain): a hash a line; vics: Project VIC JSON 2.0."`
}

type exported struct {
	List  string `json:"list"`
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

// Run writes the list. A file bears its name only once it is whole.
func (c listExportCmd) Run(ctx context.Context, s streams) error {
	if c.JSON && c.File == "" {
		return fault.New(fault.Invalid, "with --json name a file: the list itself would be on standard output")
	}
	v, err := c.find(ctx, c.List)
	if err != nil {
		return err
	}
	format := c.Format
	if format == "plain" {
		format = exchange.Lines
	}
	ctx, cancel := context.WithTimeout(ctx, fileTime)
	defer cancel()
	resp, err := c.open(ctx, http.MethodGet, listPath(v.ID, "/export?format="+url.QueryEscape(format)), "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if c.File == "" {
		if _, err := io.Copy(s.out, resp.Body); err != nil {
			return brokenOff(err)
		}
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(c.File), filepath.Base(c.File)+".*") // for its owner alone
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%v", err)
	}
	n, err := io.Copy(f, resp.Body)
	if err != nil {
		err = brokenOff(err)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), c.File)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(exported{v.Name, c.File, n})
	}
	fmt.Fprintf(s.out, "%s is in %s\n", v.Name, c.File)
	return nil
}

func brokenOff(err error) error {
	return fault.Wrap(err, fault.Unavailable, "the list broke off; what was written is not the whole: %v", err)
}

type listDisableCmd struct {
	runningNode
	List    string    `arg:"" help:"The list."`
	Content []int64   `arg:"" help:"The numbers of contents, see raksha list entries."`
	Until   time.Time `format:"2006-01-02T15:04:05Z07:00" placeholder:"TIME" help:"Until then, such as 2030-01-31T12:00:00Z; without: for good."`
}

// Run switches contents off.
func (c listDisableCmd) Run(ctx context.Context, s streams) error {
	body := map[string]any{}
	if !c.Until.IsZero() {
		body["until"] = store.Micros(c.Until)
	}
	return c.each(ctx, s, c.List, c.Content, "disabling", body)
}

type listEnableCmd struct {
	runningNode
	List    string  `arg:"" help:"The list."`
	Content []int64 `arg:"" help:"The numbers of contents."`
}

// Run switches contents on again.
func (c listEnableCmd) Run(ctx context.Context, s streams) error {
	return c.each(ctx, s, c.List, c.Content, "enabling", map[string]any{})
}

// each changes contents one after another, and prints how each stands then.
func (n runningNode) each(ctx context.Context, s streams, list string, contents []int64, act string, body any) error {
	v, err := n.find(ctx, list)
	if err != nil {
		return err
	}
	for _, id := range contents {
		path := listPath(v.ID, "/contents/"+strconv.FormatInt(id, 10))
		if err := n.ask(ctx, http.MethodPost, path+"/"+act, body, &struct{}{}); err != nil {
			return err
		}
		var c lists.Content
		if err := n.ask(ctx, http.MethodGet, path, nil, &c); err != nil {
			return err
		}
		switch {
		case n.JSON:
			if err := json.NewEncoder(s.out).Encode(c); err != nil {
				return err
			}
		case c.Disabled && c.DisabledUntil != 0:
			fmt.Fprintf(s.out, "content %d of %s is off until %s\n", id, v.Name, instant(c.DisabledUntil))
		case c.Disabled:
			fmt.Fprintf(s.out, "content %d of %s is off\n", id, v.Name)
		default:
			fmt.Fprintf(s.out, "content %d of %s matches\n", id, v.Name)
		}
	}
	return nil
}

type listSyncCmd struct {
	runningNode
	Exchange []string `arg:"" optional:"" help:"Names of exchanges; without: all that are switched on."`
}

// Run fetches each until it is up to date or fails; a failure of one is exit status 1 and stalls no other.
func (c listSyncCmd) Run(ctx context.Context, s streams) error {
	all := []exchange.Standing{}
	if err := c.ask(ctx, http.MethodGet, "/api/v1/exchanges", nil, &all); err != nil {
		return err
	}
	wanted, err := chosen(all, c.Exchange)
	if err != nil {
		return err
	}
	failed := false
	for i := range wanted {
		at := fmt.Sprintf("/api/v1/exchanges/%d/sync", wanted[i].ID)
		for more := true; more; more = wanted[i].LastOK && !wanted[i].UpToDate {
			var now exchange.Standing
			if err := c.ask(ctx, http.MethodPost, at, nil, &now); err != nil {
				return err
			}
			wanted[i] = now
		}
		failed = failed || !wanted[i].LastOK
	}
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(wanted)
	} else {
		err = printExchanges(s.out, wanted)
	}
	if err == nil && failed {
		return negative
	}
	return err
}

func chosen(all []exchange.Standing, names []string) (out []exchange.Standing, err error) {
	for _, name := range names {
		n := len(out)
		for _, e := range all {
			if e.Name == name {
				out = append(out, e)
			}
		}
		if len(out) == n {
			return nil, fault.New(fault.NotFound, "there is no exchange %q; raksha list status prints them", name)
		}
	}
	if len(names) > 0 {
		return out, nil
	}
	for _, e := range all {
		if e.Enabled {
			out = append(out, e)
		}
	}
	if len(out) == 0 {
		return nil, fault.New(fault.NotFound, "there is no exchange that is switched on")
	}
	return out, nil
}
