package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"raksha.example/raksha/bench/measure"
	"raksha.example/raksha/internal/fault"
)

type benchMediaCmd struct {
	Turns int  `default:"5" help:"How often each of the two is measured for a second."`
	JSON  bool `name:"json" help:"Print an object."`
}

// Run measures decoding and hashing in confined processes against the same work in this one, on all processors.
func (c benchMediaCmd) Run(ctx context.Context, s streams) error {
	if c.Turns < 1 || c.Turns > 1000 {
		return fault.New(fault.Invalid, "choose 1 to 1000 turns")
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	m, err := measure.RunMedia(ctx, exe, c.Turns)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(m)
	}
	_, err = fmt.Fprintf(s.out, `%dx%d JPEG of %d bytes, by turns of %.0f s
in this process  %8.1f pictures a second, %d at once
confined         %8.1f pictures a second, in %d processes
ratio            %8.3f (%.3f to %.3f)
processor time   %8.2f ms a picture in this process, %.2f ms confined, start of the child and all
first picture    %8.1f ms after a process is asked for
`, m.Width, m.Height, m.Bytes, m.TurnSeconds, m.InProcessPerS, m.Children, m.PoolPerS, m.Children, m.Ratio, m.RatioWorst, m.RatioBest, m.InProcessMS, m.PoolMS, m.StartMS)
	return err
}
