package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

// matchList is what a list file holds.
type matchList struct {
	hashes []listEntry
	films  []listFilm
}

type listEntry struct {
	hash  pdq.Hash
	label string
}

type listFilm struct {
	label  string
	frames []vpdq.Frame // at least one
}

// readList reads a list of hashes and films. Empty lines and those that begin with # are passed over. A line is a hash, with a label
// after a comma or a tab; or a frame of a film in the form of package vpdq; or "film" and a label, before the frames of a film. The
// frames of a film stand together, in the order of their times: a time that is not later begins another film.
func readList(r io.Reader) (matchList, error) {
	var l matchList
	label, begun := "", false // of the film whose frames come next
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		if rest, ok := strings.CutPrefix(line, "film "); ok {
			label, begun = strings.TrimSpace(rest), false
			continue
		}
		if isFrameLine(line) {
			frames, err := vpdq.Parse(strings.NewReader(line))
			if err != nil {
				return matchList{}, fmt.Errorf("line %d: %w", n, err)
			}
			if last := len(l.films) - 1; !begun || frames[0].At <= l.films[last].frames[len(l.films[last].frames)-1].At {
				l.films = append(l.films, listFilm{label: label})
				begun = true
			}
			film := &l.films[len(l.films)-1]
			if film.frames = append(film.frames, frames...); len(film.frames) > vpdq.MaxFrames {
				return matchList{}, fmt.Errorf("line %d: a film of more than %d frames", n, vpdq.MaxFrames)
			}
			continue
		}
		label, begun = "", false
		text, name := line, ""
		if i := strings.IndexAny(line, ",\t"); i >= 0 {
			text, name = strings.TrimSpace(line[:i]), strings.TrimSpace(line[i+1:])
		}
		h, err := pdq.Parse(text)
		if err != nil {
			return matchList{}, fmt.Errorf("line %d: %w", n, err)
		}
		l.hashes = append(l.hashes, listEntry{h, name})
	}
	if err := lines.Err(); err != nil {
		return matchList{}, fmt.Errorf("a line is longer than a megabyte, or the file cannot be read: %w", err)
	}
	if len(l.hashes) == 0 && len(l.films) == 0 {
		return matchList{}, fmt.Errorf("there is no hash in it")
	}
	return l, nil
}

// isFrameLine tells whether a line begins with two numbers: a hash has 64 digits.
func isFrameLine(line string) bool {
	fields := strings.SplitN(line, ",", 4)
	if len(fields) < 4 {
		return false
	}
	for _, f := range fields[:2] {
		if f = strings.TrimSpace(f); f == "" || len(f) > 10 || strings.Trim(f, "0123456789") != "" {
			return false
		}
	}
	return true
}
