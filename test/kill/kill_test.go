// Package kill holds the test that kills a node at random points while it writes: what it acknowledged is there once, what it did not
// acknowledge is there whole or not at all, numbers have no gaps, and the record is sound.
package kill

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

const (
	childEnv = "RAKSHA_KILL_TEST_CHILD" // folder and database of the child, a line each
	serveEnv = "RAKSHA_KILL_TEST_SERVE" // the same, of a child that only serves
	longest  = 400 * time.Millisecond   // from the first acknowledgement to the kill
	ofOneDB  = 20                       // kills that one database suffers; then a new one
)

func TestMain(m *testing.M) {
	if v := os.Getenv(childEnv); v != "" {
		dir, dsn, _ := strings.Cut(v, "\n")
		fmt.Fprintln(os.Stderr, child(dir, dsn, os.Stdout)) // it ends only if a write fails that should not
		os.Exit(1)
	}
	if v := os.Getenv(serveEnv); v != "" {
		dir, dsn, _ := strings.Cut(v, "\n")
		fmt.Fprintln(os.Stderr, serve(dir, dsn, os.Stdout))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// points is how often a node is killed: 200 times on each engine with RAKSHA_LONG=1 (make test-long).
func points() int {
	if os.Getenv("RAKSHA_LONG") == "1" {
		return 200
	}
	return 5
}

func TestKilledWhileWriting(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, fresh func() string) {
		acknowledged, kills := 0, 0
		for kills < points() {
			dir, dsn := t.TempDir(), fresh()
			all := map[string]string{} // what this database acknowledged: kind by key
			for range min(ofOneDB, points()-kills) {
				acks := kill(t, dir, dsn, rand.N(longest))
				kills++
				acknowledged += len(acks)
				for key, kind := range acks {
					all[key] = kind
				}
				check(t, dir, dsn, all)
				if t.Failed() {
					t.Fatalf("at kill %d", kills)
				}
			}
			t.Logf("killed %d times; %d acknowledged writes are there once", kills, acknowledged)
		}
		if acknowledged < kills {
			t.Errorf("only %d writes were acknowledged before %d kills", acknowledged, kills)
		}
	})
}

// kill runs a child, kills it some time after its first acknowledgement, and gives what it acknowledged.
func kill(t *testing.T, dir, dsn string, after time.Duration) map[string]string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir+"\n"+dsn)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hung := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer hung.Stop()
	acks := map[string]string{}
	killed := false
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			break // also a line that was cut off: it may be no acknowledgement
		}
		kind, key, _ := strings.Cut(strings.TrimSpace(line), " ")
		acks[key] = kind
		if !killed {
			killed = true
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
	}
	cmd.Wait()
	if cmd.ProcessState.Exited() || !killed {
		t.Fatalf("the child was not killed while it wrote: %v", cmd.ProcessState)
	}
	return acks
}

// check opens what the killed node left.
func check(t *testing.T, dir, dsn string, acks map[string]string) {
	t.Helper()
	n, err := app.Start(context.Background(), config(dir, dsn))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	verify(t, n)
	q := n.Rooms.DB.Reader()
	found := map[string]map[string]int{
		importList: countBy(t, q, "SELECT label, COUNT(*) FROM list_entry GROUP BY label"),
		enterTip:   countBy(t, q, "SELECT external_ref, COUNT(*) FROM tip WHERE external_ref NOT LIKE 'of %' GROUP BY external_ref"),
		register:   countBy(t, q, "SELECT title, COUNT(*) FROM case_file WHERE serial > 0 GROUP BY title"),
	}
	for kind, keys := range found {
		want := 1
		if kind == importList {
			want = ofImport
		}
		for key, n := range keys {
			if n != want || strings.HasPrefix(key, "undone") {
				t.Errorf("%s %s is there %d times", kind, key, n)
			}
		}
	}
	blobs := 0
	for key, kind := range acks {
		if kind != keepBlob {
			if found[kind][key] == 0 {
				t.Errorf("%s %s was acknowledged and is lost", kind, key)
			}
			continue
		}
		if blobs++; blobs > 50 { // each is decrypted; the others have their rows, which the record proves
			continue
		}
		sum := sha256.Sum256(content(key))
		if b, err := n.Rooms.Vault.Get(context.Background(), hex.EncodeToString(sum[:])); err != nil || string(b) != string(content(key)) {
			t.Errorf("blob %s was acknowledged: %q, %v", key, b, err)
		}
	}
	gapless(t, q, "SELECT serial FROM case_file WHERE serial > 0 ORDER BY serial")
	gapless(t, q, "SELECT CAST(SUBSTR(number, 8) AS BIGINT) FROM tip ORDER BY number")
	if n := countBy(t, q, "SELECT 'cases', COUNT(*) FROM case_file WHERE serial = 0")["cases"]; n != 0 {
		t.Errorf("%d cases are half registered", n)
	}
}

func verify(t *testing.T, n *app.Node) {
	t.Helper()
	verifier, err := note.NewVerifier(n.Rooms.Self.CheckpointVerifier)
	if err != nil {
		t.Fatal(err)
	}
	r, err := record.Verify(context.Background(), n.Rooms.DB.Reader(), app.Tables(), verifier)
	if err != nil || !r.Verified || r.Entries == 0 {
		t.Errorf("the record is not sound: %v %q", err, r.Problems)
	}
}

func countBy(t *testing.T, q store.Queryer, query string) map[string]int {
	t.Helper()
	out := map[string]int{}
	_, err := store.Collect(context.Background(), q, func(rows *sql.Rows) (key string, err error) {
		var n int
		err = rows.Scan(&key, &n)
		out[key] = n
		return key, err
	}, query)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// gapless holds that numbers are 1, 2, 3 and so on.
func gapless(t *testing.T, q store.Queryer, query string) {
	t.Helper()
	numbers, err := store.Collect(context.Background(), q, func(rows *sql.Rows) (n int64, err error) { return n, rows.Scan(&n) }, query)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range numbers {
		if n != int64(i+1) {
			t.Fatalf("%s: %d stands where %d belongs", query, n, i+1)
		}
	}
}
