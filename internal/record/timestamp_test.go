package record_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	programs "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// authority is a real time-stamping authority: openssl ts behind a loopback address.
type authority struct {
	dir, url string
	root     []byte // PEM
	answer   func([]byte) []byte
}

func openssl(t testing.TB, dir string, args ...string) {
	t.Helper()
	cmd := programs.Command("openssl", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	config := `[tsa]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[req]
distinguished_name = dn
[dn]
`
	for file, text := range map[string]string{"tsa.cnf": config, "serial": "01\n"} {
		if err := os.WriteFile(filepath.Join(a.dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	openssl(t, a.dir, "req", "-config", "tsa.cnf", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
		"-subj", "/CN="+name+" root", "-addext", "basicConstraints=critical,CA:TRUE")
	openssl(t, a.dir, "req", "-config", "tsa.cnf", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN="+name)
	openssl(t, a.dir, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tsa.pem", "-days", "20", "-extfile", "tsa.cnf", "-extensions", "leaf")
	var err error
	if a.root, err = os.ReadFile(filepath.Join(a.dir, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	count := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		if err != nil || r.Header.Get("Content-Type") != "application/timestamp-query" {
			http.Error(w, "no query", http.StatusBadRequest)
			return
		}
		count++
		query, reply := filepath.Join(a.dir, fmt.Sprintf("%d.tsq", count)), filepath.Join(a.dir, fmt.Sprintf("%d.tsr", count))
		if err := os.WriteFile(query, b, 0o600); err != nil {
			t.Error(err)
		}
		cmd := programs.Command("openssl", "ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", query, "-out", reply)
		cmd.Dir = a.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("openssl ts: %v\n%s", err, out)
		}
		if b, err = os.ReadFile(reply); err != nil {
			t.Error(err)
		}
		if a.answer != nil {
			b = a.answer(b)
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		w.Write(b)
	}))
	t.Cleanup(s.Close)
	a.url = s.URL
	return a
}

var stampTables = append([]record.Table{record.TimestampTable}, tables...)

func (n *node) stamped(t testing.TB, a *authority) *record.Authority {
	t.Helper()
	n.log = record.New(n.db, n, n.signer, stampTables)
	out, err := record.NewAuthority(n.db, n.log, n, http.DefaultClient, a.url, a.root)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (n *node) checkStamps(t *testing.T, q store.Queryer, root []byte) (n2 int64, problems []string) {
	t.Helper()
	roots, err := record.PinnedRoots(root)
	if err != nil {
		t.Fatal(err)
	}
	n2, err = record.VerifyTimestamps(context.Background(), q, roots, func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) })
	if err != nil {
		t.Fatal(err)
	}
	return n2, problems
}

func TestTimestamps(t *testing.T) {
	tsa, stranger := newAuthority(t, "Kite Time"), newAuthority(t, "River Time")
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		n := newNode(t, db)
		a := n.stamped(t, tsa)
		if size, err := a.Stamp(ctx); size != 0 || err != nil {
			t.Errorf("an empty log: %d %v", size, err)
		}
		n.notes(t, 3, "kite")
		began := time.Now().Add(-2 * time.Second)
		if size, err := a.Stamp(ctx); size != 3 || err != nil {
			t.Fatalf("%d %v", size, err)
		}
		if size, err := a.Stamp(ctx); size != 0 || err != nil {
			t.Errorf("stamped its own stamp: %d %v", size, err)
		}
		n.notes(t, 2, "kite")
		if size, err := a.Stamp(ctx); size != 6 || err != nil {
			t.Fatalf("%d %v", size, err)
		}
		all, err := record.Timestamps(ctx, db.Reader())
		if err != nil || len(all) != 2 {
			t.Fatal(all, err)
		}
		if at := store.Time(all[0].StampedAt); at.Before(began) || at.After(time.Now().Add(2*time.Second)) {
			t.Errorf("stamped at %v", at)
		}
		if count, problems := n.checkStamps(t, db.Reader(), tsa.root); count != 2 || len(problems) != 0 {
			t.Errorf("%d %v", count, problems)
		}
		if _, problems := n.checkStamps(t, db.Reader(), stranger.root); len(problems) != 2 || !strings.Contains(problems[0], "not by the pinned authority") {
			t.Errorf("another's pin: %v", problems)
		}
		r, err := record.Verify(ctx, db.Reader(), stampTables, n.verifier)
		if err != nil || !r.Verified {
			t.Errorf("%v %v", r.Problems, err)
		}
		for what, query := range map[string]string{
			"another checkpoint":  "UPDATE record_timestamp SET size = 4 WHERE size = 3",
			"another's token":     "UPDATE record_timestamp SET token = (SELECT token FROM record_timestamp WHERE size = 6) WHERE size = 3",
			"the time":            "UPDATE record_timestamp SET stamped_at = stamped_at - 1 WHERE size = 3",
			"no token":            "UPDATE record_timestamp SET token = 'kite' WHERE size = 3",
			"the checkpoint gone": "DELETE FROM record_checkpoint WHERE size = 3",
		} {
			tx, err := db.Raw().Begin()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(query); err != nil {
				t.Fatal(err)
			}
			if _, problems := n.checkStamps(t, tx, tsa.root); len(problems) != 1 || !strings.HasPrefix(problems[0], "time-stamp 1") {
				t.Errorf("%s: %v", what, problems)
			}
			tx.Rollback()
		}
	})
}

// Whatever the authority answers, only a genuine time-stamp over this checkpoint is kept.
func TestTimestampRefusals(t *testing.T) {
	tsa := newAuthority(t, "Kite Time")
	n := newNode(t, storetest.SQLite(t))
	a := n.stamped(t, tsa)
	n.notes(t, 3, "kite")
	var first []byte
	tsa.answer = func(b []byte) []byte { first = bytes.Clone(b); b[len(b)-7] ^= 1; return b }
	if _, err := a.Stamp(context.Background()); fault.Of(err) != fault.Refused {
		t.Errorf("an altered answer: %v", err)
	}
	tsa.answer = func([]byte) []byte { return first } // a genuine one, but to an earlier request
	if _, err := a.Stamp(context.Background()); fault.Of(err) != fault.Refused || !strings.Contains(a.Failure(), "another request") {
		t.Errorf("replayed: %v", err)
	}
	for _, b := range [][]byte{nil, []byte("<html>"), {0x30, 0x05, 0x30, 0x03, 2, 1, 2}, make([]byte, 1<<20)} {
		tsa.answer = func([]byte) []byte { return b }
		if _, err := a.Stamp(context.Background()); fault.Of(err) != fault.Refused && fault.Of(err) != fault.TooLarge {
			t.Errorf("%d bytes of something else: %v", len(b), err)
		}
	}
	if all, err := record.Timestamps(context.Background(), n.db.Reader()); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
	tsa.answer = nil
	if size, err := a.Stamp(context.Background()); size != 3 || err != nil || a.Failure() != "" {
		t.Errorf("%d %v", size, err)
	}
	all, err := record.Timestamps(context.Background(), n.db.Reader())
	if err != nil {
		t.Fatal(err)
	}
	token, err := base64.StdEncoding.DecodeString(all[0].Token)
	if err != nil {
		t.Fatal(err)
	}
	roots, err := record.PinnedRoots(tsa.root)
	if err != nil {
		t.Fatal(err)
	}
	note := n.checkpoint(t, 3)
	if _, err := record.CheckToken(token, note, roots); err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for i := range token { // a byte that is signed or not: it must stay a time-stamp over this checkpoint, at the same time
		other := bytes.Clone(token)
		other[i] ^= 1
		if at, err := record.CheckToken(other, note, roots); err == nil {
			accepted++
			if store.Micros(at) != all[0].StampedAt {
				t.Errorf("byte %d changes the time", i)
			}
		}
	}
	t.Log(accepted, "of", len(token), "bytes are covered by no signature")
}

func FuzzToken(f *testing.F) {
	tsa := newAuthority(f, "Kite Time")
	n := newNode(f, storetest.SQLite(f))
	a := n.stamped(f, tsa)
	n.notes(f, 1, "kite")
	if _, err := a.Stamp(context.Background()); err != nil {
		f.Fatal(err)
	}
	all, err := record.Timestamps(context.Background(), n.db.Reader())
	if err != nil {
		f.Fatal(err)
	}
	token, err := base64.StdEncoding.DecodeString(all[0].Token)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add([]byte{0x30, 0x80})
	roots, err := record.PinnedRoots(tsa.root)
	if err != nil {
		f.Fatal(err)
	}
	note := n.checkpoint(f, 1)
	f.Fuzz(func(t *testing.T, b []byte) {
		if at, err := record.CheckToken(b, note, roots); err == nil && store.Micros(at) != all[0].StampedAt {
			t.Error("a forged time-stamp was taken")
		}
	})
}
