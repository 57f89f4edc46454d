package media

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Children that only this test binary knows: filmAttempt is confined as ffmpeg is and then becomes this binary again, which makes the
// attempt that the film's bytes name; filmFree is confined likewise and becomes ffmpeg with a command line of the test's choice.
const (
	filmAttempt = "film-attempt"
	filmFree    = "film-free"
)

// tryFilm runs what the main function of the test binary finds to be meant for it, and tells whether it was that.
func tryFilm() bool {
	switch {
	case len(os.Args) == 2 && os.Args[0] == filmAttempt:
		if err := attempt(os.Args[1]); err != nil {
			fmt.Println(err)
		} else {
			fmt.Println("done")
		}
	case len(os.Args) > 2 && os.Args[1] == childArgument && (os.Args[2] == filmAttempt || os.Args[2] == filmFree):
		var o freeOrder
		err := json.NewDecoder(os.Stdin).Decode(&o)
		if err == nil {
			for _, p := range confineFilm(filmOrder{Program: o.Program, Time: waitTime}) {
				if !p.Obtained && err == nil {
					err = fmt.Errorf("%s: %s", p.Name, p.Detail)
				}
			}
		}
		if err == nil {
			err = unix.Exec(o.Program, o.Arguments, []string{})
		}
		fmt.Println("not started:", err)
	default:
		return false
	}
	return true
}

type freeOrder struct {
	Program   string
	Arguments []string
}

// free starts a child of the kind with a film and gives what it wrote.
func free(t *testing.T, kind string, film []byte, program string, arguments ...string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	order, err := json.Marshal(freeOrder{program, arguments})
	if err != nil {
		t.Fatal(err)
	}
	f, err := memoryFile(film)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.CommandContext(t.Context(), exe, childArgument, kind)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles, cmd.Env = bytes.NewReader(order), &out, &out, []*os.File{f}, []string{}
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(&out, err)
	}
	return strings.TrimSpace(out.String())
}

// TestFilmConfinement tries, in the place of ffmpeg, what a decoder that was taken over would try.
func TestFilmConfinement(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"open": unix.EACCES, "write": unix.EPERM, "list": unix.EACCES, "remove": unix.EPERM, "openat2": unix.EPERM, "memfd": unix.EPERM,
		"dial": unix.EPERM, "socket unix": unix.EPERM, "connect": unix.EPERM, "bind": unix.EPERM, "io_uring": unix.EPERM,
		"exec": unix.EACCES, "execveat": unix.EPERM, "command": unix.EACCES,
		"fork": unix.EPERM, "fork in new namespaces": unix.EPERM, "clone3": unix.ENOSYS, "thread": unix.EACCES,
		"ptrace": unix.EPERM, "read the parent's memory": unix.EPERM, "write the parent's memory": unix.EPERM,
		"mount": unix.EPERM, "kill": unix.EPERM, "tgkill": unix.EPERM, "map code": unix.EPERM, "make code": unix.EPERM,
		"raise a limit": unix.EPERM, "another filter": unix.EPERM,
	} {
		if said := free(t, filmAttempt, nil, exe, filmAttempt, name); !strings.HasSuffix(said, want.Error()) {
			t.Errorf("%s: %q; want %v", name, said, want)
		}
	}
}

// TestFFmpegConfinement lets ffmpeg itself be told to reach for what is none of its business. Each line of command works without the
// confinement, which is tried too: otherwise the test would show nothing.
func TestFFmpegConfinement(t *testing.T) {
	program := needFFmpeg(t)
	const secret = "the river is deep"
	dir := t.TempDir()
	secrets := filepath.Join(dir, "secret.txt")
	if err := os.WriteFile(secrets, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	still := filepath.Join(dir, "still.png")
	if err := os.WriteFile(still, encodePNG(t, pattern(64, 48, 3)), 0o600); err != nil {
		t.Fatal(err)
	}
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	reached := make(chan string, 100)
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			c.Write([]byte(secret))
			c.Close()
			reached <- "reached"
		}
	}()
	raw := func(input string) []string { // a file's bytes, as if they were sound
		return []string{"-v", "error", "-f", "u8", "-ar", "8000", "-i", input, "-f", "u8", "pipe:1"}
	}
	concat := []byte("ffconcat version 1.0\nfile " + still + "\n")
	ppm := []string{"-frames:v", "1", "-c:v", "ppm", "-f", "image2pipe", "pipe:1"}
	for name, c := range map[string]struct {
		film      []byte
		arguments []string
		got       string // what the output begins with where nothing stops it
	}{
		"read":     {nil, raw(secrets), secret},
		"connect":  {nil, raw("tcp://" + server.Addr().String()), secret},
		"concat":   {concat, append([]string{"-v", "error", "-f", "concat", "-safe", "0", "-i", filmInputName}, ppm...), "P6"},
		"filter":   {nil, append([]string{"-v", "error", "-f", "lavfi", "-i", "movie=" + still}, ppm...), "P6"},
		"pictures": {nil, append([]string{"-v", "error", "-f", "image2", "-i", filepath.Join(dir, "%*.png")}, ppm...), ""},
		"write":    {nil, []string{"-v", "error", "-f", "lavfi", "-i", "color=s=16x16", "-frames:v", "1", "-y", filepath.Join(dir, "written.bmp")}, ""},
		"the film": {[]byte(secret), raw(filmInputName), secret},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := memoryFile(c.film)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			open := exec.CommandContext(t.Context(), program, c.arguments...)
			open.ExtraFiles = []*os.File{f}
			if out, err := open.CombinedOutput(); name != "pictures" && err != nil || !strings.HasPrefix(string(out), c.got) {
				t.Fatalf("without confinement: %q, %v", out, err)
			}
			if name == "connect" {
				<-reached
			}
			os.Remove(filepath.Join(dir, "written.bmp"))
			said := free(t, filmFree, c.film, program, append([]string{"ffmpeg"}, c.arguments...)...)
			switch {
			case name == "the film":
				if said != secret {
					t.Errorf("its own film is not read: %q", said)
				}
			case strings.Contains(said, secret) || strings.HasPrefix(said, "P6") || !strings.Contains(said, "exit status"):
				t.Errorf("not stopped: %.200q", said)
			}
			if _, err := os.Stat(filepath.Join(dir, "written.bmp")); err == nil {
				t.Error("a file was written")
			}
			if len(reached) > 0 {
				t.Error("a server was reached")
			}
		})
	}
}

// TestFilmProtections prints what ffmpeg gives up here. Landlock may be off in a kernel; everything else must be there.
func TestFilmProtections(t *testing.T) {
	needFFmpeg(t)
	obtained, err := newPool(t, 1).FilmProtections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range obtained {
		t.Logf("%-12s %v  %s", o.Name, o.Obtained, o.Detail)
		if !o.Obtained && o.Name != "files" {
			t.Errorf("missing: %s", o.Name)
		}
	}
}
