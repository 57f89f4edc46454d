package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"raksha.example/raksha/bench/load"
)

type benchTipsCmd struct {
	Tips        int     `help:"Tips in the database before the filings begin; they are invented and have no files."`
	Seconds     float64 `default:"20" help:"Time of the filings."`
	Connections int     `default:"32" help:"Filings at once."`
	Dir         string  `help:"Folder of the node, kept for the next time; without it, a temporary one."`
	DSN         string  `name:"dsn" help:"PostgreSQL address (postgres://...) of an empty database; without it SQLite in the folder."`
	JSON        bool    `name:"json" help:"Print an object."`
}

// Run measures the intake of reports from a second process. Its answer is negative if any filing failed.
func (c benchTipsCmd) Run(ctx context.Context, s streams) error {
	log := s.err
	if c.JSON {
		log = io.Discard
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	t, err := load.RunTips(ctx, load.TipsOptions{Tips: c.Tips, Time: time.Duration(c.Seconds * float64(time.Second)), Connections: c.Connections, Dir: c.Dir, DSN: c.DSN,
		Executable: exe, Log: log})
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(t)
	} else {
		_, err = fmt.Fprintf(s.out, `%d tips before, %d filings at once, each of a report and a picture
filings      %8.0f a second, half under %.1f ms, 99 of 100 under %.1f ms
processor    %8.1f ms a filing in the node, %.1f ms in the reporters
queue page   %8.1f ms, 95 of 100
one thing    %8.1f ms, 95 of 100
stored       %8d
errors       %8d
`, t.Tips, c.Connections, t.FilingsPerS, t.P50MS, t.P99MS, t.NodeCPUMS, t.ClientCPUMS, t.QueueP95MS, t.BundleP95MS, t.Stored, t.Errors)
	}
	if err == nil && t.Errors > 0 {
		fmt.Fprintln(s.err, "the first problem:", t.FirstProblem)
		return negative
	}
	return err
}
