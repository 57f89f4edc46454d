package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/exchange"
	"raksha.example/raksha/internal/store"
)

// listCmd works on the lists of a node that runs. A list is named by its number, its bank name or its name.
type listCmd struct {
	Create  listCreateCmd  `cmd:"" help:"Create a list of this agency."`
	Add     listAddCmd     `cmd:"" help:"Add a hash to an own list, or lines of them from standard input."`
	Import  listImportCmd  `cmd:"" help:"Add a file of hashes to an own list; what is on it already is passed over."`
	Export  listExportCmd  `cmd:"" help:"Write an own list as a file. The session must be at most ten minutes old, or proved anew."`
	Entries listEntriesCmd `cmd:"" help:"Print the entries of a list, page by page."`
	Disable listDisableCmd `cmd:"" help:"Leave contents of a list out of look-ups, for good or until a time."`
	Enable  listEnableCmd  `cmd:"" help:"Take contents of a list into look-ups again."`
	Sync    listSyncCmd    `cmd:"" help:"Fetch exchanges now, until there is nothing more."`
	Status  listStatusCmd  `cmd:"" help:"Print how lists and exchanges stand."`
}

type listCreateCmd struct {
	runningNode
	Name          string   `arg:"" help:"Its name."`
	Bank          string   `help:"Its name for clients of the field's match service; without: made from the name."`
	Scheme        string   `help:"Of its labels: NCMEC, INHOPE, VICS/US, ..."`
	SchemeVersion string   `help:"The version of the scheme."`
	Provenance    string   `help:"Where its hashes come from and who vouches for them."`
	Threshold     *int     `help:"Bits up to which a PDQ on it matches, 0 to 31; without: 31."`
	Share         *float64 `help:"Of the look-ups in which it takes part, 0 (off) to 1; without: 1."`
}

// Run creates the list and prints it.
func (c listCreateCmd) Run(ctx context.Context, s streams) error {
	body := map[string]any{"name": c.Name}
	for key, v := range map[string]string{"bank": c.Bank, "scheme": c.Scheme, "scheme_version": c.SchemeVersion, "provenance": c.Provenance} {
		if v != "" {
			body[key] = v
		}
	}
	if c.Threshold != nil {
		body["threshold"] = *c.Threshold
	}
	if c.Share != nil {
		body["share"] = *c.Share
	}
	var made struct {
		ID int64 `json:"id"`
	}
	if err := c.ask(ctx, http.MethodPost, "/api/v1/lists", body, &made); err != nil {
		return err
	}
	var v lists.List
	if err := c.ask(ctx, http.MethodGet, listPath(made.ID, ""), nil, &v); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(v)
	}
	return printLists(s.out, []lists.List{v})
}

type listEntriesCmd struct {
	runningNode
	List  string `arg:"" help:"The list."`
	After int64  `help:"The last number of the page before."`
	Limit int    `default:"1000" help:"At most so many, up to 10000."`
}

// Run prints one page.
func (c listEntriesCmd) Run(ctx context.Context, s streams) error {
	v, err := c.find(ctx, c.List)
	if err != nil {
		return err
	}
	page := []lists.ListedEntry{}
	if err := c.ask(ctx, http.MethodGet, listPath(v.ID, fmt.Sprintf("/entries?after=%d&limit=%d", c.After, c.Limit)), nil, &page); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(page)
	}
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CONTENT\tKIND\tVALUE\tLABEL\tSTATE\tADDED")
	for _, e := range page {
		value := e.Value
		if e.Kind == lists.VPDQ {
			value = fmt.Sprintf("%d frames", strings.Count(strings.TrimSpace(value), "\n")+1)
		}
		fmt.Fprintf(t, "%d\t%s\t%.80s\t%s\t%s\t%s\n", e.Content, e.Kind, value, orNone(e.Label), entryState(e), instant(e.AddedAt))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(page) == c.Limit {
		fmt.Fprintf(s.err, "There may be more: --after %d\n", page[len(page)-1].ID)
	}
	return nil
}

func entryState(e lists.ListedEntry) string {
	switch {
	case e.Disabled && e.DisabledUntil != 0:
		return "off until " + instant(e.DisabledUntil)
	case e.Disabled:
		return "off"
	}
	return "matches"
}

type listStatusCmd struct{ runningNode }

type listStatus struct {
	Sequence  int64               `json:"sequence"`
	NewestAt  int64               `json:"newest_at,omitempty"`
	Kinds     map[string]int      `json:"kinds"`
	Lists     []lists.List        `json:"lists"`
	Exchanges []exchange.Standing `json:"exchanges"`
}

// Run prints counts by kind, lists and exchanges.
func (c listStatusCmd) Run(ctx context.Context, s streams) error {
	v := listStatus{Lists: []lists.List{}, Exchanges: []exchange.Standing{}}
	for path, into := range map[string]any{"/api/v1/lists/status": &v, "/api/v1/lists": &v.Lists, "/api/v1/exchanges": &v.Exchanges} {
		if err := c.ask(ctx, http.MethodGet, path, nil, into); err != nil {
			return err
		}
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(v)
	}
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "sequence\t%d\nnewest change\t%s\n", v.Sequence, instant(v.NewestAt))
	for _, kind := range []string{lists.PDQ, lists.VPDQ, lists.SHA256, lists.SHA1, lists.MD5, lists.PhotoDNA, lists.TMK} {
		if n := v.Kinds[kind]; n > 0 {
			fmt.Fprintf(t, "%s\t%d\n", kind, n)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	if err := printLists(s.out, v.Lists); err != nil || len(v.Exchanges) == 0 {
		return err
	}
	fmt.Fprintln(s.out)
	return printExchanges(s.out, v.Exchanges)
}

func printLists(w io.Writer, all []lists.List) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LIST\tNAME\tBANK\tHOLDER\tENTRIES\tTHRESHOLD\tSHARE\tSCHEME")
	for _, v := range all {
		holder := v.Holder
		if v.Own {
			holder += " (own)"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n", v.ID, v.Name, orNone(v.Bank), holder, v.Entries, v.Threshold, strconv.FormatFloat(v.Share, 'f', -1, 64),
			orNone(strings.TrimSpace(v.Scheme+" "+v.SchemeVersion)))
	}
	return t.Flush()
}

func printExchanges(w io.Writer, all []exchange.Standing) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "EXCHANGE\tNAME\tKIND\tSTATE\tLAST FETCH\tENTRIES\tSET ASIDE\tLAST ERROR")
	for _, e := range all {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%d\t%d\t%s\n", e.ID, e.Name, e.Kind, e.State(), instant(e.LastAt), e.Items, e.Open, orNone(e.Failure))
	}
	return t.Flush()
}

// find gives the list that a person names.
func (n runningNode) find(ctx context.Context, name string) (lists.List, error) {
	var all []lists.List
	if err := n.ask(ctx, http.MethodGet, "/api/v1/lists", nil, &all); err != nil {
		return lists.List{}, err
	}
	var found []lists.List
	for _, v := range all {
		if strconv.FormatInt(v.ID, 10) == name || v.Bank == name && name != "" {
			return v, nil
		}
		if v.Name == name {
			found = append(found, v)
		}
	}
	switch len(found) {
	case 0:
		return lists.List{}, fault.New(fault.NotFound, "there is no list %q; raksha list status prints them", name)
	case 1:
		return found[0], nil
	}
	return lists.List{}, fault.New(fault.Invalid, "%d lists are called %q; name the list by its number, which raksha list status prints", len(found), name)
}

func listPath(id int64, rest string) string { return fmt.Sprintf("/api/v1/lists/%d%s", id, rest) }

func instant(micros int64) string {
	if micros == 0 {
		return "never"
	}
	return store.Time(micros).UTC().Format(time.RFC3339)
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
