package main

import (
	"context"
	"fmt"
	"os"

	"raksha.example/raksha/internal/play"
)

type demoCmd struct {
	Dir   string `default:"demo-data" help:"Folder of the demonstration; started again, it goes on where it stopped."`
	Story string `help:"Story file; without it the built-in one."`
	Once  bool   `help:"Stop after the set-up instead of staying up."`
}

// Run starts the organisations, sets them up and stays until it is told to stop.
func (c demoCmd) Run(ctx context.Context, s streams) (err error) {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	d, err := play.Open(play.Config{Exe: exe, Dir: c.Dir, Story: c.Story, Progress: func(stage, text string) { fmt.Fprintf(s.err, "%-10s %s\n", stage, text) }})
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := d.Close(); err == nil {
			err = closeErr
		}
	}()
	if err := d.Start(ctx); err != nil {
		return err
	}
	if err := d.Play(ctx); err != nil {
		return err
	}
	for _, v := range d.Consoles() {
		fmt.Fprintf(s.out, "console %-14s %s user %s password %s\n", v.Name, v.URL, v.Username, v.Password)
	}
	fmt.Fprintln(s.out, "The story itself is not played yet: sign in and work by the API or look at the pages.")
	if !c.Once {
		<-ctx.Done()
	}
	return nil
}
