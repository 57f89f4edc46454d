package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"raksha.example/raksha/internal/api"
	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/statistics"
	"raksha.example/raksha/internal/store"
)

type statisticsCmd struct {
	Dir          string `required:"" type:"existingdir" help:"The node's folder."`
	Database     string `help:"PostgreSQL address; without it the SQLite file in the folder."`
	AsOf         string `name:"as-of" help:"An instant (RFC 3339), or a day, which counts to its end; without it all that is on record."`
	Case         int64  `help:"Number of a case whose figures are wanted too."`
	Jurisdiction string `default:"in" help:"Whose time zone a day is counted in."`
	JSON         bool   `name:"json" help:"Print one JSON object."`
}

// Run computes the figures from the node's record and prints them.
func (c statisticsCmd) Run(ctx context.Context, s streams) error {
	book, err := rules.Embedded()
	if err != nil {
		return err
	}
	law, err := book.Jurisdiction(c.Jurisdiction)
	if err != nil {
		return err
	}
	asOf, err := api.ParseAsOf(c.AsOf, law.Location())
	if err != nil {
		return err
	}
	dsn := c.Database
	if dsn == "" {
		dsn = app.DSN(c.Dir)
		if _, err := os.Stat(strings.TrimPrefix(dsn, "sqlite:")); err != nil {
			return fault.Wrap(err, fault.NotFound, "%s holds no node", c.Dir)
		}
	}
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	f, err := statistics.Compute(ctx, db.Reader(), asOf, c.Case, law.Location())
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(f)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "as of\t%s\n", store.Time(f.AsOf).In(law.Location()).Format("2 January 2006 15:04 MST"))
	fmt.Fprintf(w, "tips\t%d\nactionable\t%d\ncases\t%d\norders\t%d\nblocked\t%d\nleads\t%d\narrested\t%d\n",
		f.Funnel.Tips, f.Funnel.Actionable, f.Funnel.Cases, f.Funnel.Orders, f.Funnel.Blocked, f.Funnel.Identified, f.Funnel.Arrested)
	if v := f.Case; v != nil {
		fmt.Fprintf(w, "FIR %s\taccounts %d, posts %d of %d analysed, ordered %d, blocked %d, leads %d, arrested %d\n",
			v.FIR, v.Accounts, v.PostsAnalysed, v.Posts, v.Ordered, v.Blocked, v.Leads, v.Arrests)
	}
	for _, o := range f.Operations {
		fmt.Fprintf(w, "operation %s\t%d cases, %d arrests\n", o.Name, o.Cases, o.Arrests)
	}
	return w.Flush()
}
