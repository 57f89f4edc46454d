package script

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// node sets up a node in a folder, runs it for a moment and stops it: `node FOLDER AGENCY`. It leaves the node's directory
// entry in AGENCY.entry and a document of its own in AGENCY.jws (the signed answer to a delivery that is none), and sets
// $AGENCY to the fingerprint of its root key.
func node(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: node FOLDER AGENCY")
	}
	dir, agency := ts.MkAbs(args[0]), args[1]
	ts.Check(os.MkdirAll(dir, 0o700))
	code, base, stop := start(ts, dir)
	defer stop()
	body, err := json.Marshal(map[string]string{"code": code, "agency": agency, "name": "Agency " + agency, "url": "https://" + agency + ".example", "jurisdiction": "in",
		"username": "admin", "password": "a long test password", "person_name": "Asha Rao"})
	ts.Check(err)
	var answer struct{ Fingerprint string }
	ts.Check(json.Unmarshal(call(ts, http.MethodPost, base+"/api/v1/setup", "application/json", body), &answer))
	ts.Setenv(strings.ToUpper(agency), answer.Fingerprint)
	ts.Check(os.WriteFile(ts.MkAbs(agency+".entry"), call(ts, http.MethodGet, base+"/courier/v1/directory", "", nil), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(agency+".jws"), call(ts, http.MethodPost, base+"/courier/v1/documents", "application/jose+json", []byte("kite")), 0o600))
}

// start runs a node until stop, and gives its set-up code, if it is not set up, and its URL.
func start(ts *testscript.TestScript, dir string) (code, base string, stop func()) {
	serve := exec.Command(filepath.Join(bin, "raksha"), "serve", "--dir", dir, "--desks", "unit", "--listen", "127.0.0.1:0", "--allow-weak-confinement", "--allow-loopback")
	out, err := serve.StdoutPipe()
	ts.Check(err)
	var problems bytes.Buffer
	serve.Stderr = &problems
	ts.Check(serve.Start())
	stop = func() {
		serve.Process.Signal(syscall.SIGTERM)
		if err := serve.Wait(); err != nil {
			ts.Logf("the node ended: %v: %s", err, problems.String())
		}
	}
	for lines := bufio.NewScanner(out); base == "" && lines.Scan(); {
		code = cmpPrefix(lines.Text(), "set-up code: ", code)
		base = cmpPrefix(lines.Text(), "listening on ", base)
	}
	if base == "" {
		stop()
		ts.Fatalf("the node did not start: %s", problems.String())
	}
	return code, base, stop
}

// serve runs a node that `node` has set up, until the script ends: `serve FOLDER`. It sets $URL, and $RAKSHA_TOKEN to a session of
// its administrator.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: serve FOLDER")
	}
	_, base, stop := start(ts, ts.MkAbs(args[0]))
	ts.Defer(stop)
	var session struct{ Token string }
	ts.Check(json.Unmarshal(call(ts, http.MethodPost, base+"/api/v1/session", "application/json", []byte(`{"username":"admin","password":"a long test password"}`)), &session))
	ts.Setenv("URL", base)
	ts.Setenv("RAKSHA_TOKEN", session.Token)
}

// web serves a folder of files as another party does, until the script ends: `web FOLDER`. It sets $WEB.
func web(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: web FOLDER")
	}
	s := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(s.Close)
	ts.Setenv("WEB", s.URL)
}

// post sends JSON to the node that `serve` runs, with its administrator's session: `post PATH JSON`.
func post(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: post PATH JSON")
	}
	req, err := http.NewRequest(http.MethodPost, ts.Getenv("URL")+args[0], strings.NewReader(args[1]))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+ts.Getenv("RAKSHA_TOKEN"))
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode >= 300 {
		ts.Fatalf("%s: %d %s", args[0], resp.StatusCode, b)
	}
}

func cmpPrefix(line, prefix, otherwise string) string {
	if rest, ok := strings.CutPrefix(line, prefix); ok {
		return strings.TrimSpace(rest)
	}
	return otherwise
}

func call(ts *testscript.TestScript, method, address, kind string, body []byte) []byte {
	req, err := http.NewRequest(method, address, bytes.NewReader(body))
	ts.Check(err)
	req.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode >= 400 && resp.StatusCode != http.StatusForbidden {
		ts.Check(fmt.Errorf("%s %s: %d %s", method, address, resp.StatusCode, b))
	}
	return b
}
