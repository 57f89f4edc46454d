package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"raksha.example/raksha/hamming"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

// filmLine is a film of the list that a file matches, as --json prints it.
type filmLine struct {
	File  string `json:"file"`
	Label string `json:"label,omitempty"`
	vpdq.Shares
	Frames []pairLine `json:"frames"`
}

// pairLine is a frame of the file and the one of the list that it matches.
type pairLine struct {
	At       float64 `json:"at"`      // play time in seconds
	ListAt   float64 `json:"list_at"` // likewise, of the list's film
	Distance int     `json:"distance"`
}

// String is the line for people: file, the word film, how much of the file's frames was found, label, how much of the list's film, and
// for each frame its time and that of the list's frame.
func (m filmLine) String() string {
	pairs := make([]string, len(m.Frames))
	for i, p := range m.Frames {
		pairs[i] = fmt.Sprintf("%.3f=%.3f", p.At, p.ListAt)
	}
	return fmt.Sprintf("%s\tfilm\t%.0f%%\t%s\t%.0f%%\t%s", m.File, 100*m.Query, m.Label, 100*m.Target, strings.Join(pairs, " "))
}

// findFilms looks a film up as it is and without its borders, and gives each film of the list with the larger share.
func findFilms(index *vpdq.Index, films []listFilm, file string, r media.Result) []filmLine {
	if r.Kind != media.Video || len(films) == 0 {
		return nil
	}
	hits := index.Query(r.Frames)
	if len(r.Inner) > 0 {
		hits = append(hits, index.Query(vpdq.Cropped(r.Frames, r.Inner))...)
	}
	slices.SortStableFunc(hits, func(a, b vpdq.Hit) int { return cmp.Compare(b.Query, a.Query) })
	var out []filmLine
	seen := map[uint64]bool{}
	for _, h := range hits {
		if seen[h.ID] {
			continue
		}
		seen[h.ID] = true
		m := filmLine{File: file, Label: films[h.ID].label, Shares: h.Shares}
		for _, p := range h.Pairs {
			m.Frames = append(m.Frames, pairLine{p.Query.At.Seconds(), p.Target.At.Seconds(), p.Distance})
		}
		out = append(out, m)
	}
	return out
}

// findFrames looks the frames of a film up among pictures, as they are and without their borders.
func (c matchCmd) findFrames(index *hamming.Index, entries []listEntry, file string, r media.Result) (out []matchLine) {
	var queries [][32]byte
	var frames []vpdq.Frame
	for _, f := range slices.Concat(r.Frames, r.Inner) {
		if f.Quality >= c.MinQuality {
			queries, frames = append(queries, f.Hash), append(frames, f)
		}
	}
	place := map[uint64]int{} // in out
	for _, h := range index.SearchBatch(queries, c.Threshold, nil) {
		f := frames[h.Query]
		i, ok := place[h.ID]
		if !ok {
			i = len(out)
			place[h.ID] = i
			out = append(out, matchLine{File: file, Hash: entries[h.ID].hash.String(), Distance: h.Distance + 1, Label: entries[h.ID].label, Orientation: pdq.Upright.String()})
		}
		m := &out[i]
		if h.Distance < m.Distance {
			m.Distance, m.Frame = h.Distance, &f.Index
		}
		m.At = append(m.At, f.At.Seconds())
	}
	for i := range out {
		slices.Sort(out[i].At)
		out[i].At = slices.Compact(out[i].At)
	}
	return out
}
