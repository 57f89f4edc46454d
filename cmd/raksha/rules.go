package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"raksha.example/raksha/internal/api"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/rules"
)

type rulesCmd struct {
	Check rulesCheckCmd `cmd:"" help:"Check files of rules as a node would load them, and say line by line what is wrong."`
	Show  rulesShowCmd  `cmd:"" help:"Print the law in force at an instant: clocks, ranks, legal basis, source and how certain each is."`
}

type rulesCheckCmd struct {
	Path     []string `arg:"" optional:"" type:"existing" help:"Files, or folders with .yaml files; without any, the rules that are built in."`
	Holidays string   `type:"existingfile" placeholder:"FILE" help:"An own list of holidays, checked with them."`
	JSON     bool     `name:"json" help:"Print one JSON object."`
}

// checkedRules is what one path held, and what is wrong with it.
type checkedRules struct {
	Path          string   `json:"path"`
	Jurisdictions []string `json:"jurisdictions"`
	Wrong         []string `json:"wrong"`
}

// Run loads each path. Exit status 1: something is wrong.
func (c rulesCheckCmd) Run(_ context.Context, s streams) error {
	paths := c.Path
	if len(paths) == 0 {
		paths = []string{""}
	}
	out, bad := []checkedRules{}, false
	for _, path := range paths {
		r := checkedRules{Path: path, Jurisdictions: []string{}, Wrong: []string{}}
		book, err := loadRules(path, c.Holidays)
		if err != nil {
			bad = true
			r.Wrong = strings.Split(fault.Message(err), "\n")
		} else {
			r.Jurisdictions = book.Codes()
		}
		out = append(out, r)
	}
	if c.JSON {
		if err := json.NewEncoder(s.out).Encode(out); err != nil {
			return err
		}
	} else {
		for _, r := range out {
			for _, w := range r.Wrong {
				fmt.Fprintln(s.out, w)
			}
			if len(r.Wrong) == 0 {
				fmt.Fprintf(s.out, "%ssound: %s\n", named(r.Path), strings.Join(r.Jurisdictions, ", "))
			}
		}
	}
	if bad {
		return negative
	}
	return nil
}

func named(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

// loadRules reads a file or a folder, or what is built in, with an own list of holidays if there is one.
func loadRules(path, holidays string) (book *rules.Book, err error) {
	if path == "" {
		book, err = rules.Embedded()
	} else if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		book, err = rules.Load(os.DirFS(path))
	} else {
		book, err = rules.LoadFile(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	}
	if err != nil || holidays == "" {
		return book, err
	}
	data, err := os.ReadFile(holidays)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "%s cannot be read", holidays)
	}
	return book, book.ReplaceHolidays(filepath.Base(holidays), data)
}

type rulesShowCmd struct {
	At           string `help:"An instant (RFC 3339), or a day, which counts to its end; without it now."`
	Jurisdiction string `default:"in" help:"Whose rules."`
	Rules        string `type:"existing" placeholder:"PATH" help:"A file or a folder of rules; without it those that are built in."`
	Holidays     string `type:"existingfile" placeholder:"FILE" help:"An own list of holidays."`
	JSON         bool   `name:"json" help:"Print one JSON object."`
}

// Run prints the sheet of an instant.
func (c rulesShowCmd) Run(_ context.Context, s streams) error {
	book, err := loadRules(c.Rules, c.Holidays)
	if err != nil {
		return err
	}
	law, err := book.Jurisdiction(c.Jurisdiction)
	if err != nil {
		return err
	}
	at, err := api.ParseAsOf(c.At, law.Location())
	if err != nil {
		return err
	}
	if at.IsZero() {
		at = time.Now()
	}
	sheet := law.Sheet(at)
	if c.JSON {
		return json.NewEncoder(s.out).Encode(sheet)
	}
	day := func(t time.Time) string { return t.In(law.Location()).Format("2 Jan 2006") }
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s, %s\n\n", sheet.Name, at.In(law.Location()).Format("2 January 2006 15:04:05 MST"))
	for _, r := range sheet.Rules {
		name := rules.InstrumentWords(r.Instrument)
		if r.Rule == nil {
			fmt.Fprintf(w, "%s\tno rule in force; the next begins %s\n", name, nextDay(r.Next, day))
			continue
		}
		fmt.Fprintf(w, "%s\t%s\n\tsigned by %s\n\t%s\n", name, r.Clock, r.Signer, r.Rule.LegalBasis)
		for _, condition := range r.Conditions {
			fmt.Fprintf(w, "\tonly if %s\n", condition)
		}
		fmt.Fprintf(w, "\t%s since %s; %s: %s\n", r.Rule.Name(), day(r.Rule.ValidFrom), r.Rule.Certainty, r.Means)
		for _, change := range r.Changes {
			fmt.Fprintf(w, "\tfrom %s %s\n", day(r.Next.ValidFrom), change)
		}
	}
	fmt.Fprintln(w)
	for _, k := range sheet.Clocks {
		fmt.Fprintf(w, "%s\t%s\n\t%s\n\t%s; %s: %s\n", k.Title, k.Words, k.LegalBasis, k.Name(), k.Certainty, k.Means)
	}
	return w.Flush()
}

func nextDay(r *rules.Rule, day func(time.Time) string) string {
	if r == nil {
		return "never"
	}
	return day(r.ValidFrom)
}
