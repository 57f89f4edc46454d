package media

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// needFFmpeg gives the path of ffmpeg. `make test` installs it; the test is left out where it is run without.
func needFFmpeg(t testing.TB) string {
	t.Helper()
	program, err := findFFmpeg()
	if err != nil {
		t.Skip("ffmpeg is not installed; make test installs it")
	}
	return program
}

// clip draws frames of w x h pixels and lets ffmpeg make a film of them, rate a second, with the arguments for its output.
func clip(t testing.TB, w, h, rate, frames int, draw func(i int) *image.NRGBA, output ...string) []byte {
	t.Helper()
	return convert(t, func(stdin *bytes.Buffer) {
		row := make([]byte, 3*w)
		for i := range frames {
			m := draw(i)
			for y := range h {
				for x := range w {
					copy(row[3*x:3*x+3], m.Pix[m.PixOffset(x, y):])
				}
				stdin.Write(row)
			}
		}
	}, []string{"-f", "rawvideo", "-pix_fmt", "rgb24", "-s", fmt.Sprintf("%dx%d", w, h), "-r", fmt.Sprint(rate), "-i", "pipe:0"}, output...)
}

// convert lets ffmpeg, unconfined and with the test's own input, make a file. The last of output gives the format as a file name does.
func convert(t testing.TB, feed func(*bytes.Buffer), input []string, output ...string) []byte {
	t.Helper()
	program := needFFmpeg(t)
	to := filepath.Join(t.TempDir(), "clip."+output[len(output)-1])
	args := append([]string{"-v", "error", "-y"}, input...)
	args = append(append(args, output[:len(output)-1]...), to)
	cmd := exec.CommandContext(t.Context(), program, args...)
	var in bytes.Buffer
	if feed != nil {
		feed(&in)
		cmd.Stdin = &in
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	b, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// again makes another film of a film.
func again(t testing.TB, film []byte, output ...string) []byte {
	t.Helper()
	from := filepath.Join(t.TempDir(), "film")
	if err := os.WriteFile(from, film, 0o600); err != nil {
		t.Fatal(err)
	}
	return convert(t, nil, []string{"-i", from}, output...)
}
