package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/media"
)

type doctorCmd struct {
	Dir  string `default:"." placeholder:"DIR" help:"The node's folder, to see whether it can be written and how much room it has."`
	JSON bool   `name:"json" help:"Print an object."`
}

// finding is one thing that was looked at.
type finding struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Required bool   `json:"required"` // exit status 1 without it
	Detail   string `json:"detail"`   // a sentence: what there is, or what is wrong and what to do
}

// examination is what --json prints.
type examination struct {
	OK       bool      `json:"ok"`       // nothing required is missing
	Pictures []finding `json:"pictures"` // protections of the process that decodes pictures
	Films    []finding `json:"films"`    // ffmpeg, and the protections of the process that it runs in
	Node     []finding `json:"node"`
}

// Run tells what this machine offers. Each protection is tried and not merely asked for. Its answer is negative if a required one
// is missing.
func (c doctorCmd) Run(ctx context.Context, s streams) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	pool := media.NewPool(exe, 1)
	pool.AllowWeak = true // to see what is missing
	defer pool.Close()
	var e examination
	e.Pictures = protections(pool.Protections(ctx))
	e.Films = films(ctx, pool)
	e.Node = []finding{folder(c.Dir)}
	e.OK = true
	for _, f := range e.all() {
		e.OK = e.OK && (f.OK || !f.Required)
	}
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(e)
	} else {
		err = e.print(s.out)
	}
	if err == nil && !e.OK {
		return negative
	}
	return err
}

func (e examination) all() []finding {
	return append(append(append([]finding(nil), e.Pictures...), e.Films...), e.Node...)
}

func (e examination) print(w io.Writer) error {
	var b strings.Builder
	part := func(title string, all []finding) {
		fmt.Fprintf(&b, "%s\n", title)
		for _, f := range all {
			word := "ok"
			switch {
			case !f.OK && f.Required:
				word = "MISSING"
			case !f.OK:
				word = "absent"
			}
			fmt.Fprintf(&b, "  %-8s %-12s %s\n", word, f.Name, f.Detail)
		}
	}
	part("The process that decodes pictures", e.Pictures)
	part("The process that decodes films", e.Films)
	part("The node", e.Node)
	if !e.OK {
		b.WriteString("\nSomething required is missing: raksha serve refuses to start. With --allow-weak-confinement it decodes media all the same;\n" +
			"then run it on a machine of its own, because a picture that takes over the decoder can do more than it should.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// protections puts what a child said of itself into findings.
func protections(all media.Protections, err error) (out []finding) {
	if err != nil {
		return []finding{{"start", false, true, "the process cannot be started: " + causeOf(err)}}
	}
	for _, p := range all {
		out = append(out, finding{p.Name, p.Obtained, true, p.Detail})
	}
	return out
}

// causeOf is for a person at a terminal, to whom the cause of an internal error helps.
func causeOf(err error) string {
	if cause := errors.Unwrap(err); fault.Of(err) == fault.Internal && cause != nil {
		return cause.Error()
	}
	return fault.Message(err)
}

// folder sees whether files can be made where the node keeps its own, and how much room there is.
func folder(dir string) finding {
	f := finding{Name: "folder", Required: true}
	path, err := filepath.Abs(dir)
	if err != nil {
		path = dir
	}
	probe, err := os.CreateTemp(path, ".raksha-doctor-*")
	if err != nil {
		f.Detail = fmt.Sprintf("no file can be made in %s: %v", path, err)
		return f
	}
	defer os.Remove(probe.Name())
	defer probe.Close()
	if _, err := probe.WriteString("raksha\n"); err == nil {
		err = probe.Sync()
	}
	if err != nil {
		f.Detail = fmt.Sprintf("%s cannot be written to the disk: %v", path, err)
		return f
	}
	f.OK, f.Detail = true, path+" can be written"
	if free, ok := freeBytes(path); ok {
		f.Detail += fmt.Sprintf(", %.1f GiB are free", float64(free)/(1<<30))
		if free < 1<<30 {
			f.OK, f.Detail = false, f.Detail+": a node needs at least one"
		}
	}
	return f
}
