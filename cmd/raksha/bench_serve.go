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

type benchServeCmd struct {
	N           int     `default:"1000000" help:"Hashes on the list."`
	Seconds     float64 `default:"20" help:"Time of each of the two loads."`
	Connections int     `default:"32" help:"Clients at once."`
	Changes     int     `placeholder:"N" help:"List changes a second that are made meanwhile."`
	Dir         string  `help:"Folder of the node, kept for the next time; without it, a temporary one."`
	Database    string  `help:"PostgreSQL address (postgres://...) of an empty database; without it SQLite in the folder."`
	JSON        bool    `name:"json" help:"Print an object."`
}

// Run measures the match service from a second process. Its answer is negative if any request failed.
func (c benchServeCmd) Run(ctx context.Context, s streams) error {
	log := s.err
	if c.JSON {
		log = io.Discard
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	r, err := load.RunServe(ctx, load.ServeOptions{N: c.N, Time: time.Duration(c.Seconds * float64(time.Second)), Connections: c.Connections, Changes: c.Changes, Dir: c.Dir,
		DSN: c.Database, Executable: exe, Log: log})
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(r)
	} else {
		_, err = fmt.Fprintf(s.out, `%d hashes, %d connections
look-ups     %8.0f a second, half under %.2f ms, 99 of 100 under %.2f ms
uploads      %8.0f a second, half under %.2f ms, 99 of 100 under %.2f ms (JPEG of 1024x768, %d bytes)
changes      %8.0f a second, 99 of 100 calls under %.2f ms
memory       %8.0f MB at the start, %.0f MB at the end
start        %8.2f s to the first answer
errors       %8d
`, r.N, c.Connections, r.LookupsPerS, r.LookupP50MS, r.LookupP99MS, r.UploadsPerS, r.UploadP50MS, r.UploadP99MS, r.UploadBytes, r.ChangesPerS, r.ChangeP99MS,
			r.RSSStartMB, r.RSSMB, r.StartS, r.Errors)
	}
	if err == nil && r.Errors > 0 {
		fmt.Fprintln(s.err, "the first problem:", r.FirstProblem)
		return negative
	}
	return err
}
