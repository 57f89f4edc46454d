package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"raksha.example/raksha/hamming"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/pdq"
)

type matchCmd struct {
	List                 string   `required:"" placeholder:"FILE" help:"Hashes to look for: one a line, with a label after a comma or tab if you like."`
	Threshold            int      `default:"31" help:"Largest distance that counts as a match, in bits, 0 to 63."`
	MinQuality           int      `default:"50" help:"Pictures of a lower quality are not compared: flat ones resemble each other."`
	JSON                 bool     `name:"json" help:"Print an object a line."`
	Profile              string   `default:"meta-512" enum:"meta-512,full,fast" help:"As for hash. Lists are mostly made under meta-512."`
	AllowWeakConfinement bool     `help:"Decode media though this machine lacks a protection of the process that does it; raksha doctor names it."`
	Media                []string `arg:"" help:"Pictures and films; a folder is walked; - is standard input."`
}

// matchLine is one match as --json prints it.
type matchLine struct {
	File        string `json:"file"`
	Hash        string `json:"hash"` // of the list
	Distance    int    `json:"distance"`
	Label       string `json:"label,omitempty"`
	Orientation string `json:"orientation"`
	Frame       *int   `json:"frame,omitempty"` // of a film
}

type listEntry struct {
	hash  pdq.Hash
	label string
}

// Run looks pictures up in a list, in all eight orientations, and films frame by frame. It prints a line for each entry that a file
// matches, in the nearest orientation: file, hash, distance, label and orientation. Its answer is negative if nothing matches.
func (c matchCmd) Run(ctx context.Context, s streams) error {
	if c.Threshold < 0 || c.Threshold > 63 {
		return fault.New(fault.Invalid, "the threshold is a distance in bits: choose 0 to 63, usually 31")
	}
	f, err := os.Open(c.List)
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "the list %s cannot be opened: %v", c.List, reachFault(err))
	}
	defer f.Close()
	entries, err := readList(f)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the list %s: %v", c.List, err)
	}
	hashes := make([][32]byte, len(entries))
	for i, e := range entries {
		hashes[i] = e.hash
	}
	index := hamming.Build(hashes, nil)
	matched, failed := false, false
	out := json.NewEncoder(s.out)
	err = survey(ctx, s, c.AllowWeakConfinement, c.Media, pdq.Profile(c.Profile), func(file string, r media.Result, err error) error {
		if err != nil {
			failed = true
			fmt.Fprintf(s.err, "raksha: %s: %s\n", file, fault.Message(err))
			return nil
		}
		for _, m := range c.find(index, entries, file, r, s.err) {
			matched = true
			if c.JSON {
				err = out.Encode(m)
			} else {
				_, err = fmt.Fprintf(s.out, "%s\t%s\t%d\t%s\t%s\n", m.File, m.Hash, m.Distance, m.Label, m.Orientation)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && (!matched || failed) {
		return negative
	}
	return err
}

// find gives the matches of one file: each entry once, where it is nearest.
func (c matchCmd) find(index *hamming.Index, entries []listEntry, file string, r media.Result, warn io.Writer) (out []matchLine) {
	if r.Kind == media.Container {
		fmt.Fprintf(warn, "raksha: %s: not compared: what a %s file holds is not opened; unpack it first\n", file, r.Format)
		return nil
	}
	var queries [][32]byte
	var frames []int
	add := func(text string) {
		h, err := pdq.Parse(text)
		if err == nil { // the pool has checked it
			queries = append(queries, h)
		}
	}
	low := false
	if r.Kind == media.Video {
		for _, f := range r.Frames {
			if low = f.Quality < c.MinQuality; !low {
				queries, frames = append(queries, f.Hash), append(frames, f.Index)
			}
		}
	} else if low = r.Quality < c.MinQuality; !low {
		for _, o := range r.Orientations {
			add(o)
		}
	}
	if low && len(queries) == 0 {
		fmt.Fprintf(warn, "raksha: %s: not compared, its quality is %d: such pictures match by accident (see --min-quality)\n", file, r.Quality)
		return nil
	}
	best := map[uint64]int{} // position in out
	for _, h := range index.SearchBatch(queries, c.Threshold, nil) {
		m := matchLine{File: file, Hash: entries[h.ID].hash.String(), Distance: h.Distance, Label: entries[h.ID].label}
		if frames != nil {
			m.Frame, m.Orientation = &frames[h.Query], pdq.Upright.String()
		} else {
			m.Orientation = pdq.Orientation(h.Query).String()
		}
		if at, ok := best[h.ID]; !ok {
			best[h.ID] = len(out)
			out = append(out, m)
		} else if h.Distance < out[at].Distance {
			out[at] = m
		}
	}
	return out
}

// readList reads a list of hashes. Empty lines and those that begin with # are passed over.
func readList(r io.Reader) ([]listEntry, error) {
	var out []listEntry
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		text, label := line, ""
		if i := strings.IndexAny(line, ",\t"); i >= 0 {
			text, label = strings.TrimSpace(line[:i]), strings.TrimSpace(line[i+1:])
		}
		h, err := pdq.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, listEntry{h, label})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("a line is longer than a megabyte, or the file cannot be read: %w", err)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("there is no hash in it")
	}
	return out, nil
}
