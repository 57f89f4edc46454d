package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/pdq"
)

type hashCmd struct {
	JSON                 bool     `name:"json" help:"Print an object a line."`
	VPDQ                 bool     `name:"vpdq" help:"Print the frames of films as index,quality,hash,seconds, the form in which lists of films are exchanged; of several films each begins with a line \"film FILE\"."`
	Profile              string   `default:"meta-512" enum:"meta-512,full,fast" help:"How a picture is brought to the size that is hashed: meta-512 compares with other programs' lists, full filters every pixel, fast decodes JPEG files at a part of their size."`
	AllowWeakConfinement bool     `help:"Decode media though this machine lacks a protection of the process that does it; raksha doctor names it."`
	Files                []string `arg:"" name:"file" help:"Pictures and films; a folder is walked; - is standard input."`
}

// hashLine is what --json prints of a file.
type hashLine struct {
	File    string         `json:"file"`
	SHA256  string         `json:"sha256,omitempty"`
	MD5     string         `json:"md5,omitempty"`
	PDQ     string         `json:"pdq,omitempty"`
	Quality *int           `json:"quality,omitempty"`
	Width   int            `json:"width,omitempty"`
	Height  int            `json:"height,omitempty"`
	Format  string         `json:"format,omitempty"`
	Profile string         `json:"profile,omitempty"`
	Frames  []frameLine    `json:"frames,omitempty"`
	Inner   []frameLine    `json:"inner,omitempty"`   // frames that have borders, hashed without them
	Damaged bool           `json:"damaged,omitempty"` // the file ends early or goes wrong
	Cut     bool           `json:"cut,omitempty"`     // the film goes on after the last frame
	Entries map[string]int `json:"entries,omitempty"` // of a container, by format
	Error   string         `json:"error,omitempty"`
}

type frameLine struct {
	Index   int     `json:"index"`
	PDQ     string  `json:"pdq"`
	Quality int     `json:"quality"`
	At      float64 `json:"at"` // play time in seconds
}

// Run hashes files and prints a line for each, in their order: `pdq HASH QUALITY FILE`, and for each hashed frame of a film
// `frame HASH QUALITY FILE INDEX SECONDS`, or `inner` for such a frame without its borders. An archive or document gives one line, `container FORMAT FILE`, and behind it how many files of each
// format it holds; those are not hashed. Its answer is negative if any failed.
func (c hashCmd) Run(ctx context.Context, s streams) error {
	failed := false
	out := json.NewEncoder(s.out)
	err := survey(ctx, s, c.AllowWeakConfinement, c.Files, pdq.Profile(c.Profile), func(file string, r media.Result, err error) error {
		failed = failed || err != nil
		switch {
		case c.JSON:
			return out.Encode(lineOf(file, r, err))
		case err != nil:
			fmt.Fprintf(s.err, "raksha: %s: %s\n", file, fault.Message(err))
			return nil
		case r.Kind == media.Video:
			return c.printFilm(s.out, file, r)
		case c.VPDQ:
			fmt.Fprintf(s.err, "raksha: %s: not a film\n", file)
			failed = true
			return nil
		case r.Kind == media.Container:
			_, err = fmt.Fprintf(s.out, "container %s %s%s\n", r.Format, file, counts(r.Entries))
			return err
		}
		_, err = fmt.Fprintf(s.out, "pdq %s %d %s\n", r.PDQ, r.Quality, file)
		return err
	})
	if err == nil && failed {
		return negative
	}
	return err
}

func lineOf(file string, r media.Result, err error) hashLine {
	l := hashLine{File: file, SHA256: r.SHA256, MD5: r.MD5, PDQ: r.PDQ, Width: r.Width, Height: r.Height, Format: r.Format, Profile: r.Profile, Entries: r.Entries}
	if err != nil {
		l.Error = fault.Message(err)
		return l
	}
	if r.Kind == media.Image {
		l.Quality = &r.Quality
	}
	l.Frames, l.Inner, l.Damaged, l.Cut = frameLines(r.Frames), frameLines(r.Inner), r.Damaged, r.Cut
	return l
}

// counts lists the entries of a container: " jpeg=3 png=1".
func counts(entries map[string]int) string {
	var b strings.Builder
	for _, format := range slices.Sorted(maps.Keys(entries)) {
		fmt.Fprintf(&b, " %s=%d", strings.ReplaceAll(format, " ", "-"), entries[format])
	}
	return b.String()
}

// survey reads and hashes files, a few at a time, and gives the results in the order of the files. An error of use ends it.
func survey(ctx context.Context, s streams, allowWeak bool, names []string, profile pdq.Profile, use func(file string, r media.Result, err error) error) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	workers := runtime.GOMAXPROCS(0)
	pool := media.NewPool(exe, workers)
	pool.AllowWeak = allowWeak
	defer pool.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()

	type answer struct {
		r   media.Result
		err error
	}
	type question struct {
		file   string
		answer chan answer
	}
	questions := make(chan question, 2*workers) // in order; holds back the walk
	turns := make(chan struct{}, workers)       // files in memory
	go func() {
		defer close(questions)
		for file, err := range walk(names) {
			q := question{file, make(chan answer, 1)}
			select {
			case questions <- q:
			case <-ctx.Done():
				return
			}
			if err != nil {
				q.answer <- answer{err: err}
				continue
			}
			turns <- struct{}{}
			go func() {
				defer func() { <-turns }()
				b, err := readFile(s.in, file)
				if err != nil {
					q.answer <- answer{err: err}
					return
				}
				r, err := pool.Survey(ctx, b, profile)
				q.answer <- answer{r, err}
			}()
		}
	}()
	done := 0
	show := progress(s.err)
	defer show(-1)
	for q := range questions {
		a := <-q.answer
		if ctx.Err() != nil {
			return fault.Wrap(ctx.Err(), fault.Unavailable, "stopped after %d files", done)
		}
		show(-1)
		if err := use(q.file, a.r, a.err); err != nil {
			return err
		}
		done++
		show(done)
	}
	return nil
}

// walk gives the files that names stand for: itself, or all files below a folder. An error stands for a file that cannot be reached.
func walk(names []string) func(yield func(string, error) bool) {
	return func(yield func(string, error) bool) {
		for _, name := range names {
			if name == "-" {
				if !yield(name, nil) {
					return
				}
				continue
			}
			err := filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() || err == nil && path != name && !d.Type().IsRegular() {
					return nil
				}
				if err != nil {
					err = reachFault(err)
				}
				if !yield(path, err) {
					return fs.SkipAll
				}
				return nil
			})
			if err != nil {
				return
			}
		}
	}
}

func reachFault(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(err, fault.NotFound, "no such file or folder")
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(err, fault.Forbidden, "you may not read it")
	}
	return fault.Wrap(err, fault.Unavailable, "it cannot be read: %v", errors.Unwrap(err))
}

// maxFile is one byte more than the largest file that is hashed: the pool refuses it with its own words.
const maxFile = 64<<20 + 1

func readFile(in io.Reader, name string) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, reachFault(err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxFile))
	if err != nil {
		return nil, reachFault(err)
	}
	return b, nil
}

// progress shows how many files are done, if w is a terminal. A negative number takes the display away.
func progress(w io.Writer) func(done int) {
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return func(int) {}
	}
	return func(done int) {
		if done < 0 {
			fmt.Fprint(w, "\r\x1b[K")
			return
		}
		fmt.Fprintf(w, "\r%d files hashed", done)
	}
}
