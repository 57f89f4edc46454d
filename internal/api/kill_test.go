package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/store/storetest"
)

// runNode is a node in a process of its own, until it is killed.
func runNode(dir, dsn string) {
	n, err := app.Start(context.Background(), app.Config{Dir: dir, DSN: dsn, Listen: "127.0.0.1:0", Desks: []directory.Desk{directory.Holder}, Jurisdiction: "in", Clock: clock.System{},
		AllowLoopback: true, OpenMatch: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Executable: os.Args[0], Version: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(n.URL)
	n.Wait()
}

type nodeProcess struct {
	cmd  *exec.Cmd
	base string
}

func startNode(t *testing.T, dir, dsn string) *nodeProcess {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "RAKSHA_TEST_NODE="+dir, "RAKSHA_TEST_NODE_DSN="+dsn)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.HasPrefix(line, "error:") {
		t.Fatalf("the node does not start: %s%v", line, err)
	}
	return &nodeProcess{cmd, strings.TrimSpace(line)}
}

func (n *nodeProcess) kill() {
	n.cmd.Process.Kill()
	n.cmd.Wait()
}

// call sends JSON and reads the answer into out; false if there was none.
func call(base, method, path string, body, out any) (status int, answered bool) {
	b, _ := json.Marshal(body)
	req, _ := http.NewRequest(method, base+path, bytes.NewReader(b))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, false
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, false
	}
	if out != nil && resp.StatusCode == http.StatusOK && json.Unmarshal(answer, out) != nil {
		return resp.StatusCode, false
	}
	return resp.StatusCode, true
}

func randomPDQ(r *rand.Rand) string {
	return fmt.Sprintf("%016x%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
}

// TestKilledWhileListsChange kills a node while lists change and looks, after its restart, whether all that it had acknowledged is
// there, and every other change wholly or not at all.
func TestKilledWhileListsChange(t *testing.T) {
	rounds := 2
	if os.Getenv("RAKSHA_LONG") != "" {
		rounds = 20
	}
	storetest.EachDSN(t, func(t *testing.T, fresh func() string) {
		dir, dsn := t.TempDir(), fresh()
		const batch = 10
		var mu sync.Mutex
		live := map[int64]string{}      // acknowledged
		gone := map[int64]string{}      // acknowledged as removed
		unsure := map[string][]string{} // batches without an answer, by their first hash
		maybe := map[int64]string{}     // removals without an answer
		cut := 0                        // changes without an answer, in all
		for round := range rounds {
			n := startNode(t, dir, dsn)
			if status, answered := call(n.base, http.MethodPost, "/c/banks", map[string]any{"name": "BANK_A"}, nil); !answered || status != http.StatusCreated && status != http.StatusForbidden {
				t.Fatalf("no bank: %d", status)
			}
			check(t, n.base, live, gone, unsure, maybe)
			var wg sync.WaitGroup
			stop := make(chan struct{})
			enough := len(gone) + 10
			for w := range 4 {
				wg.Go(func() {
					r := rand.New(rand.NewPCG(uint64(round), uint64(w)))
					for {
						select {
						case <-stop:
							return
						default:
						}
						hashes := make([]string, batch)
						entries := make([]map[string]string, batch)
						for i := range hashes {
							hashes[i] = randomPDQ(r)
							entries[i] = map[string]string{"kind": "pdq", "value": hashes[i]}
						}
						var added struct {
							IDs []int64 `json:"ids"`
						}
						_, answered := call(n.base, http.MethodPost, "/c/bank/BANK_A/signals", map[string]any{"entries": entries}, &added)
						mu.Lock()
						if !answered || len(added.IDs) != batch {
							unsure[hashes[0]] = hashes
							mu.Unlock()
							return
						}
						for i, id := range added.IDs {
							live[id] = hashes[i]
						}
						mu.Unlock()
						half := added.IDs[:batch/2]
						var removed struct{ Deleted int }
						_, answered = call(n.base, http.MethodPost, "/c/bank/BANK_A/remove", map[string]any{"ids": half}, &removed)
						mu.Lock()
						for i, id := range half {
							delete(live, id)
							if answered && removed.Deleted == len(half) {
								gone[id] = hashes[i]
							} else {
								maybe[id] = hashes[i]
							}
						}
						mu.Unlock()
						if !answered {
							return
						}
					}
				})
			}
			for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
				mu.Lock()
				done := len(gone) >= enough
				mu.Unlock()
				if done {
					break
				}
			}
			time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
			n.kill()
			close(stop)
			wg.Wait()
			cut += len(unsure) + len(maybe)
		}
		n := startNode(t, dir, dsn)
		check(t, n.base, live, gone, unsure, maybe)
		t.Logf("%d acknowledged and there, %d removed, %d hashes in changes without an answer", len(live), len(gone), cut)
		if len(live) == 0 || len(gone) == 0 {
			t.Error("nothing was changed")
		}
	})
}

// check asks the node for every hash. What was unsure is sure afterwards.
func check(t *testing.T, base string, live, gone map[int64]string, unsure map[string][]string, maybe map[int64]string) {
	t.Helper()
	ids := func(hash string) (out []int64) {
		var found struct{ Matches []int64 }
		if _, answered := call(base, http.MethodGet, "/m/raw_lookup?signal_type=pdq&signal="+hash, nil, &found); !answered {
			t.Fatal("no answer to a look-up")
		}
		return found.Matches
	}
	for id, hash := range live {
		if got := ids(hash); len(got) != 1 || got[0] != id {
			t.Fatalf("an acknowledged entry %d is found as %v", id, got)
		}
	}
	for id, hash := range gone {
		if got := ids(hash); len(got) > 0 {
			t.Fatalf("an entry %d whose removal was acknowledged is found: %v", id, got)
		}
	}
	for first, hashes := range unsure {
		have := 0
		for _, hash := range hashes {
			for _, id := range ids(hash) {
				live[id] = hash
				have++
			}
		}
		if have != 0 && have != len(hashes) {
			t.Fatalf("%d of the %d hashes of one change are there", have, len(hashes))
		}
		delete(unsure, first)
	}
	for id, hash := range maybe {
		if len(ids(hash)) == 1 {
			live[id] = hash
		} else {
			gone[id] = hash
		}
		delete(maybe, id)
	}
}

// TestOddLists asks lists of no entry, of one, and of very many equal ones.
func TestOddLists(t *testing.T) {
	n := matchNode(t, "", nil)
	same := randomPDQ(rand.New(rand.NewPCG(1, 1)))
	for _, name := range []string{"EMPTY", "ONE", "EQUAL"} {
		call(n.URL, http.MethodPost, "/c/banks", map[string]any{"name": name}, nil)
	}
	if got := exchange(t, n.URL, "GET /m/lookup?signal_type=pdq&signal="+same); got != "200 {}" {
		t.Errorf("empty: %s", got)
	}
	call(n.URL, http.MethodPost, "/c/bank/ONE/signal", map[string]any{"pdq": same}, nil)
	if got := exchange(t, n.URL, "GET /m/lookup?signal_type=pdq&signal="+same); got != `200 {"ONE":[{"bank_content_id":1,"distance":"0"}]}` {
		t.Errorf("one: %s", got)
	}
	calls := 1
	if os.Getenv("RAKSHA_LONG") != "" {
		calls = 50 // a million
	}
	entries := make([]map[string]string, 20_000)
	for i := range entries {
		entries[i] = map[string]string{"kind": "pdq", "value": same}
	}
	equal := calls * len(entries)
	for range calls {
		if status, _ := call(n.URL, http.MethodPost, "/c/bank/EQUAL/signals", map[string]any{"entries": entries}, nil); status != http.StatusOK {
			t.Fatalf("equal hashes: status %d", status)
		}
	}
	var found map[string][]any
	if _, answered := call(n.URL, http.MethodGet, "/m/lookup?signal_type=pdq&signal="+same, nil, &found); !answered || len(found["EQUAL"]) != equal || len(found["ONE"]) != 1 {
		t.Errorf("equal: %d and %d", len(found["EQUAL"]), len(found["ONE"]))
	}
	other := randomPDQ(rand.New(rand.NewPCG(2, 2)))
	if got := exchange(t, n.URL, "GET /m/lookup?signal_type=pdq&signal="+other); got != "200 {}" {
		t.Errorf("another hash: %s", got)
	}
}

// TestUploadLimits sends too much, too slowly and too little.
func TestUploadLimits(t *testing.T) {
	n := matchNode(t, "", nil)
	head := "--x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a\"\r\nContent-Type: image/png\r\n\r\n"
	large := io.MultiReader(strings.NewReader(head), io.LimitReader(zeros{}, 100<<20), strings.NewReader("\r\n--x--\r\n"))
	resp, err := http.Post(n.URL+"/m/lookup", "multipart/form-data; boundary=x", large)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(b), "Content too large") {
		t.Errorf("100 MB: %d %s", resp.StatusCode, b)
	}
	for name, body := range map[string]string{"cut short": head + "abc", "no boundary": "abc", "empty": ""} {
		resp, err := http.Post(n.URL+"/m/lookup", "multipart/form-data; boundary=x", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(b), `"message"`) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, b)
		}
	}
	if got := exchange(t, n.URL, "GET /status"); got != "200 I-AM-ALIVE" {
		t.Error(got)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
