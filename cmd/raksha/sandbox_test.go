package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"raksha.example/raksha/internal/fault"
)

func TestSandboxServes(t *testing.T) {
	dir := t.TempDir()
	token, now := filepath.Join(dir, "token"), filepath.Join(dir, "clock")
	for path, text := range map[string]string{token: "a-long-enough-token\n", now: "2022-06-06T10:30:00+05:30\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, w := io.Pipe()
	status := make(chan int, 1)
	var errs bytes.Buffer
	go func() {
		status <- run(ctx, []string{"sandbox", "--story", "../../internal/story/testdata/small.yaml", "--dir", filepath.Join(dir, "acts"), "--clock", now,
			"--admin-token-file", token}, streams{strings.NewReader(""), w, &errs})
		w.Close()
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	base, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok || err != nil {
		t.Fatalf("first line %q, %v, %s", line, err, &errs)
	}
	resp, err := http.Get(base + "/api/v1/timelines/public?limit=3")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var posts []struct{ URL string }
	if err := json.NewDecoder(resp.Body).Decode(&posts); err != nil || len(posts) != 3 || !strings.HasPrefix(posts[0].URL, "https://chirp.example/@") {
		t.Errorf("timeline: %+v %v", posts, err)
	}
	stop()
	if got := <-status; got != fault.ExitDone {
		t.Errorf("exit status %d: %s", got, &errs)
	}
}

func TestSandboxRefuses(t *testing.T) {
	dir := t.TempDir()
	good, short := filepath.Join(dir, "good"), filepath.Join(dir, "short")
	for path, text := range map[string]string{good: "a-long-enough-token\n", short: "tiny\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"everybody's address": {[]string{"--dir", dir, "--admin-token-file", good, "--listen", "0.0.0.0:0"}, fault.ExitNegative, "loopback"},
		"no host":             {[]string{"--dir", dir, "--admin-token-file", good, "--listen", ":0"}, fault.ExitNegative, "loopback"},
		"no port":             {[]string{"--dir", dir, "--admin-token-file", good, "--listen", "127.0.0.1"}, fault.ExitNegative, "address"},
		"a name":              {[]string{"--dir", dir, "--admin-token-file", good, "--listen", "chirp.example:0"}, fault.ExitNegative, "loopback"},
		"a short token":       {[]string{"--dir", dir, "--admin-token-file", short}, fault.ExitNegative, "shorter than 16"},
		"no token":            {[]string{"--dir", dir, "--admin-token-file", dir + "/none"}, fault.ExitNegative, "token"},
		"no clock":            {[]string{"--dir", dir, "--admin-token-file", good, "--clock", dir + "/none"}, fault.ExitNegative, "clock"},
		"no story":            {[]string{"--dir", dir, "--admin-token-file", good, "--story", dir + "/none"}, fault.ExitNegative, "story"},
		"no folder":           {[]string{"--admin-token-file", good}, fault.ExitUsage, "--dir"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			status := run(t.Context(), append([]string{"sandbox"}, c.args...), streams{strings.NewReader(""), &out, &errs})
			if status != c.status || !strings.Contains(errs.String(), c.says) || strings.Contains(out.String(), "listening") {
				t.Errorf("status %d, %q, %q", status, &errs, &out)
			}
		})
	}
}
