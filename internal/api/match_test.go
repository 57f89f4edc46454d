package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"math"
	"mime/multipart"
	"net/http"
	"net/netip"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/store/storetest"
)

var update = flag.Bool("update", false, "write what the node answers into the golden files")

// TestMain is also the child that decodes pictures: a node starts its own program for that.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "media-child" {
		decoder := ""
		if len(os.Args) > 2 {
			decoder = os.Args[2]
		}
		if err := media.ChildMain(os.Stdin, os.Stdout, decoder); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv("RAKSHA_TEST_NODE"); dir != "" {
		runNode(dir, os.Getenv("RAKSHA_TEST_NODE_DSN"))
	}
	flag.Parse()
	os.Exit(m.Run())
}

var matchTime = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// matchNode is a node whose match service is open on loopback.
func matchNode(t *testing.T, dsn string, change func(*app.Config)) *app.Node {
	t.Helper()
	c := app.Config{Dir: t.TempDir(), DSN: dsn, Listen: "127.0.0.1:0", Desks: []directory.Desk{directory.Holder}, Jurisdiction: "in", Clock: clock.Fixed(matchTime), Simulated: true,
		AllowLoopback: true, OpenMatch: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Executable: os.Args[0], Version: "test", Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&c)
	}
	n, err := app.Start(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close(context.Background()) })
	return n
}

// TestMatchService plays every file of testdata/match against a node of its own on each engine. A file is a conversation:
//
//	> METHOD PATH [BODY]       a request; BODY is JSON, or @picture=FIELD[,FIELD=TEXT...] for a form
//	< STATUS BODY              what must come back; JSON is compared as JSON
//
// $DAY in a request is a day after the node's time, in seconds.
func TestMatchService(t *testing.T) {
	files, err := filepath.Glob("testdata/match/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no conversations")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			storetest.EachDSN(t, func(t *testing.T, fresh func() string) { converse(t, file, matchNode(t, fresh(), nil).URL) })
		})
	}
}

func converse(t *testing.T, file, base string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	var out []string
	for i := 0; i < len(lines); i++ {
		out = append(out, lines[i])
		request, is := strings.CutPrefix(lines[i], "> ")
		if !is {
			continue
		}
		got := exchange(t, base, request)
		want := ""
		if i+1 < len(lines) && strings.HasPrefix(lines[i+1], "< ") {
			i++
			want = lines[i][2:]
		}
		if *update {
			out = append(out, "< "+got)
		} else if !sameAnswer(got, want) {
			t.Errorf("%s:%d: %s\ngot  %s\nwant %s", file, i, request, got, want)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(out, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func sameAnswer(got, want string) bool {
	gotStatus, gotBody, _ := strings.Cut(got, " ")
	wantStatus, wantBody, _ := strings.Cut(want, " ")
	var a, b any
	if json.Unmarshal([]byte(gotBody), &a) != nil || json.Unmarshal([]byte(wantBody), &b) != nil {
		return got == want
	}
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return gotStatus == wantStatus && bytes.Equal(x, y)
}

func exchange(t *testing.T, base, request string) string {
	t.Helper()
	words := strings.SplitN(request, " ", 3)
	var body io.Reader
	kind := ""
	if len(words) == 3 {
		text := strings.ReplaceAll(words[2], "$DAY", fmt.Sprint(matchTime.Add(24*time.Hour).Unix()))
		body, kind = strings.NewReader(text), "application/json"
		if form, is := strings.CutPrefix(text, "@"); is {
			body, kind = formOf(t, form)
		}
	}
	req, err := http.NewRequest(words[0], base+words[1], body)
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	noRedirects := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := noRedirects.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimSpace(string(b))), " ")
}

// formOf makes a form of picture=FIELD,FIELD=TEXT,...: a part whose name is a content type holds the picture.
func formOf(t *testing.T, text string) (io.Reader, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, word := range strings.Split(text, ";") {
		name, value, _ := strings.Cut(word, "=")
		if picture := pictureOf(name); picture != nil {
			h := textproto.MIMEHeader{}
			h.Set("Content-Disposition", fmt.Sprintf(`form-data; name=%q; filename="a.png"`, value))
			h.Set("Content-Type", "image/png")
			part, err := w.CreatePart(h)
			if err != nil {
				t.Fatal(err)
			}
			part.Write(picture)
			continue
		}
		w.WriteField(name, value)
	}
	w.Close()
	return &b, w.FormDataContentType()
}

// pictureOf draws the test pictures.
func pictureOf(name string) []byte {
	shade := map[string]func(x, y int) uint8{
		"flat":  func(x, y int) uint8 { return 128 },
		"waves": func(x, y int) uint8 { return uint8(128 + 100*math.Sin(float64(x)/9)*math.Cos(float64(y*x)/700)) },
		"board": func(x, y int) uint8 { return uint8((x/8 + y/8) % 2 * 255) },
	}[name]
	if name == "garbage" {
		return []byte("this is no picture")
	}
	if shade == nil {
		return nil
	}
	m := image.NewGray(image.Rect(0, 0, 128, 128))
	for y := range 128 {
		for x := range 128 {
			m.SetGray(x, y, color.Gray{Y: shade(x, y)})
		}
	}
	var b bytes.Buffer
	png.Encode(&b, m)
	return b.Bytes()
}

func TestMatchServiceAsksWhoCalls(t *testing.T) {
	closed := matchNode(t, "", func(c *app.Config) { c.OpenMatch = nil })
	open := matchNode(t, "", nil)
	for _, path := range []string{"/m/lookup?signal=00&signal_type=pdq", "/m/raw_lookup", "/m/index/status", "/h/hash?url=x", "/c/banks", "/c/signal_type", "/site-map"} {
		if got := exchange(t, closed.URL, "GET "+path); !strings.HasPrefix(got, "401 ") {
			t.Errorf("%s without a caller: %s", path, got)
		}
		for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"} {
			req, _ := http.NewRequest(http.MethodGet, open.URL+path, nil)
			req.Header.Set(header, "127.0.0.1")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s through a proxy (%s): %d", path, header, resp.StatusCode)
			}
		}
		for _, host := range []string{"evil.example", "evil.example:80", "8.8.8.8", "localhost.evil.example", ""} {
			req, _ := http.NewRequest(http.MethodGet, open.URL+path, nil)
			if req.Host = host; host == "" {
				req.Host = "[2001:db8::1]:80"
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s under the name %q: %d", path, req.Host, resp.StatusCode)
			}
		}
		for _, host := range []string{"localhost", "LOCALHOST:1", "127.0.0.1:9", "127.1.2.3", "[::1]:80"} {
			req, _ := http.NewRequest(http.MethodGet, open.URL+path, nil)
			req.Host = host
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode == http.StatusUnauthorized {
				t.Errorf("%s under the loopback name %q: %d", path, host, resp.StatusCode)
			}
		}
		req, _ := http.NewRequest(http.MethodGet, open.URL+path, nil)
		req.Header.Set("Authorization", "Bearer wrong")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s with a wrong token: %d", path, resp.StatusCode)
		}
	}
	for _, path := range []string{"/status", "/status/live", "//status"} {
		if got := exchange(t, closed.URL, "GET "+path); got != "200 I-AM-ALIVE" {
			t.Errorf("%s: %s", path, got)
		}
	}
}
