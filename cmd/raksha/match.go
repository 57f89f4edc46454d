package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"raksha.example/raksha/hamming"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

type matchCmd struct {
	List                 string   `required:"" placeholder:"FILE" help:"Hashes to look for: one a line, with a label after a comma or tab if you like. The frames of a film stand one a line as index,quality,hash,seconds, and before them a line \"film LABEL\" if there are several films."`
	MinShare             float64  `default:"0.8" help:"Share of a film's frames that a film of the list must have, 0 to 1."`
	MinTargetShare       float64  `default:"0" help:"Share of the frames of the list's film that must be found, 0 to 1."`
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

	// Of a film: the frame that is nearest, and the play times in seconds of all frames that match.
	Frame *int      `json:"frame,omitempty"`
	At    []float64 `json:"at,omitempty"`
}

// Run looks pictures up in a list, in all eight orientations, and films frame by frame. It prints a line for each entry that a file
// matches, in the nearest orientation: file, hash, distance, label, orientation, and of a film the times of the frames. For a film of the
// list see filmLine. Its answer is negative if nothing matches.
func (c matchCmd) Run(ctx context.Context, s streams) error {
	if c.Threshold < 0 || c.Threshold > 63 {
		return fault.New(fault.Invalid, "the threshold is a distance in bits: choose 0 to 63, usually 31")
	}
	f, err := os.Open(c.List)
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "the list %s cannot be opened: %v", c.List, reachFault(err))
	}
	defer f.Close()
	l, err := readList(f)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the list %s: %v", c.List, err)
	}
	hashes := make([][32]byte, len(l.hashes))
	for i, e := range l.hashes {
		hashes[i] = e.hash
	}
	index := hamming.Build(hashes, nil)
	films := vpdq.NewIndex(vpdq.Rule{MaxDistance: c.Threshold, MinQuality: c.MinQuality, MinQueryShare: c.MinShare, MinTargetShare: c.MinTargetShare})
	for i, f := range l.films {
		films.Add(uint64(i), f.frames)
	}
	matched, failed := false, false
	out := json.NewEncoder(s.out)
	err = survey(ctx, s, c.AllowWeakConfinement, c.Media, pdq.Profile(c.Profile), func(file string, r media.Result, err error) error {
		if err != nil {
			failed = true
			fmt.Fprintf(s.err, "raksha: %s: %s\n", file, fault.Message(err))
			return nil
		}
		var lines []fmt.Stringer
		for _, m := range c.find(index, l.hashes, file, r, s.err) {
			lines = append(lines, m)
		}
		for _, m := range findFilms(films, l.films, file, r) {
			lines = append(lines, m)
		}
		for _, m := range lines {
			matched = true
			if c.JSON {
				err = out.Encode(m)
			} else {
				_, err = fmt.Fprintln(s.out, m)
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
	if r.Kind == media.Video {
		return c.findFrames(index, entries, file, r)
	}
	if r.Quality < c.MinQuality {
		fmt.Fprintf(warn, "raksha: %s: not compared, its quality is %d: such pictures match by accident (see --min-quality)\n", file, r.Quality)
		return nil
	}
	var queries [][32]byte
	for _, text := range r.Orientations {
		if h, err := pdq.Parse(text); err == nil { // the pool has checked it
			queries = append(queries, h)
		}
	}
	best := map[uint64]int{} // position in out
	for _, h := range index.SearchBatch(queries, c.Threshold, nil) {
		m := matchLine{File: file, Hash: entries[h.ID].hash.String(), Distance: h.Distance, Label: entries[h.ID].label, Orientation: pdq.Orientation(h.Query).String()}
		if at, ok := best[h.ID]; !ok {
			best[h.ID] = len(out)
			out = append(out, m)
		} else if h.Distance < out[at].Distance {
			out[at] = m
		}
	}
	return out
}

// String is the line for people.
func (m matchLine) String() string {
	line := fmt.Sprintf("%s\t%s\t%d\t%s\t%s", m.File, m.Hash, m.Distance, m.Label, m.Orientation)
	for i, at := range m.At {
		line += fmt.Sprintf("%c%.3f", "\t "[min(i, 1)], at)
	}
	return line
}
