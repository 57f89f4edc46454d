package script

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
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
	serve := exec.Command(filepath.Join(bin, "raksha"), "serve", "--dir", dir, "--desks", "unit", "--listen", "127.0.0.1:0", "--allow-weak-confinement")
	out, err := serve.StdoutPipe()
	ts.Check(err)
	var problems bytes.Buffer
	serve.Stderr = &problems
	ts.Check(serve.Start())
	defer func() {
		serve.Process.Signal(syscall.SIGTERM)
		if err := serve.Wait(); err != nil {
			ts.Logf("the node ended: %v: %s", err, problems.String())
		}
	}()
	var code, base string
	for lines := bufio.NewScanner(out); base == "" && lines.Scan(); {
		code = cmpPrefix(lines.Text(), "set-up code: ", code)
		base = cmpPrefix(lines.Text(), "listening on ", base)
	}
	if base == "" {
		ts.Fatalf("the node did not start: %s", problems.String())
	}
	body, err := json.Marshal(map[string]string{"code": code, "agency": agency, "name": "Agency " + agency, "url": "https://" + agency + ".example", "jurisdiction": "in",
		"username": "admin", "password": "a long test password", "person_name": "Asha Rao"})
	ts.Check(err)
	var answer struct{ Fingerprint string }
	ts.Check(json.Unmarshal(call(ts, http.MethodPost, base+"/api/v1/setup", "application/json", body), &answer))
	ts.Setenv(strings.ToUpper(agency), answer.Fingerprint)
	ts.Check(os.WriteFile(ts.MkAbs(agency+".entry"), call(ts, http.MethodGet, base+"/courier/v1/directory", "", nil), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(agency+".jws"), call(ts, http.MethodPost, base+"/courier/v1/documents", "application/jose+json", []byte("kite")), 0o600))
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
