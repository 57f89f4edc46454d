package main

import (
	"fmt"
	"io"

	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/vpdq"
)

func frameLines(frames []vpdq.Frame) (out []frameLine) {
	for _, f := range frames {
		out = append(out, frameLine{f.Index, f.Hash.String(), f.Quality, f.At.Seconds()})
	}
	return out
}

// printFilm prints the frames of a film for people, or as a list for matching.
func (c hashCmd) printFilm(w io.Writer, file string, r media.Result) error {
	if c.VPDQ {
		if len(c.Files) > 1 || c.Files[0] != file {
			fmt.Fprintf(w, "film %s\n", file)
		}
		return vpdq.Write(w, r.Frames)
	}
	print := func(word string, f vpdq.Frame) error {
		_, err := fmt.Fprintf(w, "%s %v %d %s %d %.3f\n", word, f.Hash, f.Quality, file, f.Index, f.At.Seconds())
		return err
	}
	inner := r.Inner
	for _, f := range r.Frames {
		if err := print("frame", f); err != nil {
			return err
		}
		if len(inner) > 0 && inner[0].At == f.At {
			if err := print("inner", inner[0]); err != nil {
				return err
			}
			inner = inner[1:]
		}
	}
	return nil
}
