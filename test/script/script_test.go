// Package script runs the binary as people do: each .txtar file here is a session at a command line.
package script

import (
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what commands print into the scripts")

// bin holds the binary, which is built once: media are decoded in child processes of the same binary, so that a command inside the
// test would not do.
var bin string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "raksha-script")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "raksha"), "raksha.example/raksha/cmd/raksha")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	bin = dir
	return m.Run()
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 ".",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("RAKSHA", bin)
			e.Setenv("PATH", bin+string(filepath.ListSeparator)+e.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"picture": picture, "node": node, "serve": serve, "web": web, "post": post},
	})
}

// picture draws a synthetic pattern: picture FILE PATTERN [WIDTH HEIGHT] [ORIENTATION]. The pattern is a word that chooses waves, or
// "flat"; the format is that of the name; the orientations are those of package pdq. Width and height are those of the file.
func picture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: picture FILE PATTERN [WIDTH HEIGHT] [ORIENTATION]")
	}
	w, h := 320, 240
	if len(args) >= 4 {
		w, _ = strconv.Atoi(args[2])
		h, _ = strconv.Atoi(args[3])
	}
	seed := 0.0
	for i, c := range args[1] {
		seed += float64(c) * float64(i+3) / 7
	}
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	last := args[len(args)-1]
	for y := range h {
		for x := range w {
			u, v := float64(x)/float64(w), float64(y)/float64(h)
			switch last {
			case "rotate90":
				u, v = 1-v, u
			case "rotate180":
				u, v = 1-u, 1-v
			case "rotate270":
				u, v = v, 1-u
			case "flipx":
				v = 1 - v
			case "flipy":
				u = 1 - u
			case "flipplus1":
				u, v = v, u
			case "flipminus1":
				u, v = 1-v, 1-u
			}
			g := 127.0
			if args[1] != "flat" {
				for k := range 5 {
					f := seed + float64(k)
					g += 40 * math.Sin(f+(3+math.Mod(f*1.7, 9))*u*2+(2+math.Mod(f*2.3, 11))*v*2+4*math.Sin(f)*u*v)
				}
			}
			m.SetNRGBA(x, y, color.NRGBA{byte(max(0, min(255, g))), byte(max(0, min(255, 0.9*g))), byte(max(0, min(255, 240-g/2))), 255})
		}
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	switch {
	case strings.HasSuffix(args[0], ".png"):
		err = png.Encode(f, m)
	case strings.HasSuffix(args[0], ".gif"):
		err = gif.Encode(f, m, nil)
	default:
		err = jpeg.Encode(f, m, &jpeg.Options{Quality: 90})
	}
	ts.Check(err)
	ts.Check(f.Close())
}
