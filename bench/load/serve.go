package load

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"raksha.example/raksha/bench/measure"
	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
)

// ServeOptions say what is measured.
type ServeOptions struct {
	N           int           // hashes on the list
	Time        time.Duration // of each of the two loads
	Connections int
	Changes     int    // list changes a second that are made meanwhile, in bulk calls
	Dir         string // folder of the node; "" is a temporary one. A folder that holds a node with the hashes is used as it is.
	DSN         string // "" is SQLite in the folder
	Executable  string
	Log         io.Writer // progress
}

// Serve is what the clients of the match service see.
type Serve struct {
	N            int      `json:"n"`
	LookupsPerS  float64  `json:"lookups_per_s"`
	LookupP50MS  float64  `json:"lookup_p50_ms"`
	LookupP99MS  float64  `json:"lookup_p99_ms"`
	UploadsPerS  float64  `json:"uploads_per_s"`
	UploadP50MS  float64  `json:"upload_p50_ms"`
	UploadP99MS  float64  `json:"upload_p99_ms"`
	RSSMB        float64  `json:"rss_mb"`        // of the server and its decoders at the end
	RSSStartMB   float64  `json:"rss_start_mb"`  // before the loads
	Errors       int64    `json:"errors"`        // answers other than 200, and broken connections
	StartS       float64  `json:"start_s"`       // from the start of the program to its first answer
	Memory       []Memory `json:"memory"`        // twenty times during the loads, evenly
	ChangesPerS  float64  `json:"changes_per_s"` // that were acknowledged during the loads
	ChangeP99MS  float64  `json:"change_p99_ms"` // of one bulk call
	UploadBytes  int      `json:"upload_bytes"`  // of a picture
	FirstProblem string   `json:"first_problem,omitempty"`
}

const benchBank = "BENCH"

// RunServe fills a node, starts it as a process of its own, and asks it.
func RunServe(ctx context.Context, o ServeOptions) (s Serve, err error) {
	s.N = o.N
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "raksha-bench-"); err != nil {
			return s, err
		}
		defer os.RemoveAll(o.Dir)
	}
	if err := fill(ctx, o); err != nil {
		return s, err
	}
	begin := time.Now()
	server, err := start(ctx, o)
	if err != nil {
		return s, err
	}
	defer server.stop()
	s.StartS = time.Since(begin).Seconds()
	s.RSSStartMB = server.memory().rss()
	memory := server.watch(2*o.Time/20, begin)
	changes := server.change(ctx, o.Changes)

	fmt.Fprintf(o.Log, "looking up hashes for %s\n", o.Time)
	look := Run(server.address, o.Connections, o.Time, lookups(server.address, o))
	s.LookupsPerS, s.LookupP50MS, s.LookupP99MS = look.PerS, look.P50MS, look.P99MS

	fmt.Fprintf(o.Log, "uploading pictures for %s\n", o.Time)
	uploads, size, err := uploadsOf(server.address)
	if err != nil {
		return s, err
	}
	s.UploadBytes = size
	up := Run(server.address, min(o.Connections, 8), o.Time, func(connection, i int) []byte { return uploads[(connection*7+i)%len(uploads)] })
	s.UploadsPerS, s.UploadP50MS, s.UploadP99MS = up.PerS, up.P50MS, up.P99MS

	changed := changes()
	s.ChangesPerS, s.ChangeP99MS = changed.PerS, changed.P99MS
	s.Memory = memory()
	s.RSSMB = server.memory().rss()
	s.Errors = look.Fails + up.Fails + changed.Fails
	for _, cause := range []string{look.Cause, up.Cause, changed.Cause} {
		if s.FirstProblem == "" {
			s.FirstProblem = cause
		}
	}
	return s, nil
}

func config(o ServeOptions) app.Config {
	return app.Config{Dir: o.Dir, DSN: o.DSN, Listen: "127.0.0.1:0", Desks: []directory.Desk{directory.Holder}, Jurisdiction: "in", Clock: clock.System{}, AllowLoopback: true,
		OpenMatch: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Executable: o.Executable, Version: "bench", Logger: slog.New(slog.DiscardHandler)}
}

// fill puts the hashes into a node's database the way every other does: recorded and durable, in batches.
func fill(ctx context.Context, o ServeOptions) error {
	n, err := app.Start(ctx, config(o))
	if err != nil {
		return err
	}
	defer n.Close(context.WithoutCancel(ctx))
	l := n.Rooms.Lists
	have := l.Kinds()[lists.PDQ].Entries
	if have >= o.N {
		return l.KeepFiles()
	}
	var id int64
	if v, err := lists.ByBank(ctx, n.Rooms.DB.Reader(), benchBank); err == nil {
		id = v.ID
	} else if err := n.Rooms.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		id, err = l.CreateList(ctx, tx, lists.New{Name: benchBank, Bank: benchBank})
		return err
	}); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(uint64(have), 1))
	begin := time.Now()
	const batch = 20_000
	for done := have; done < o.N; {
		entries := make([]lists.Entry, min(batch, o.N-done))
		for i := range entries {
			entries[i] = lists.Entry{Kind: lists.PDQ, Value: randomHex(r)}
		}
		if err := n.Rooms.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return l.Add(ctx, tx, id, 0, entries) }); err != nil {
			return err
		}
		if done += len(entries); done%500_000 < batch {
			fmt.Fprintf(o.Log, "%d hashes stored, %.0f a second\n", done, float64(done-have)/time.Since(begin).Seconds())
		}
	}
	return l.KeepFiles()
}

func randomHex(r *rand.Rand) string {
	var b [32]byte
	for i := 0; i < len(b); i += 8 {
		v := r.Uint64()
		for j := range 8 {
			b[i+j] = byte(v >> (8 * j))
		}
	}
	return hex.EncodeToString(b[:])
}

// process is the node under load.
type process struct {
	cmd     *exec.Cmd
	address string
}

func start(ctx context.Context, o ServeOptions) (*process, error) {
	args := []string{"serve", "--dir", o.Dir, "--listen", "127.0.0.1:0", "--desks", "platform", "--open-match", "127.0.0.0/8"}
	if o.DSN != "" {
		args = append(args, "--database", o.DSN)
	}
	p := &process{cmd: exec.CommandContext(ctx, o.Executable, args...)}
	p.cmd.Stderr = o.Log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	b := make([]byte, 512)
	for {
		n, err := out.Read(b)
		text.Write(b[:n])
		if _, after, is := strings.Cut(text.String(), "listening on "); is && strings.Contains(after, "\n") {
			u, err := url.Parse(strings.TrimSpace(after[:strings.IndexByte(after, '\n')]))
			if err != nil {
				p.stop()
				return nil, err
			}
			p.address = u.Host
			go io.Copy(io.Discard, out)
			return p, nil
		}
		if err != nil {
			p.stop()
			return nil, fmt.Errorf("the node did not start: %s", text.String())
		}
	}
}

func (p *process) stop() {
	p.cmd.Process.Signal(os.Interrupt)
	p.cmd.Wait()
}

// lookups makes requests for random hashes: nearly all miss, which is the usual case and the slowest.
func lookups(address string, o ServeOptions) func(connection, i int) []byte {
	states := make([]*rand.Rand, o.Connections)
	for i := range states {
		states[i] = rand.New(rand.NewPCG(uint64(i), 77))
	}
	return func(connection, _ int) []byte {
		return []byte("GET /m/lookup?signal_type=pdq&signal=" + randomHex(states[connection]) + " HTTP/1.1\r\nHost: " + address + "\r\n\r\n")
	}
}

// uploadsOf makes requests that upload pictures of 1024x768 and about 100 KB, and gives the mean size of a picture.
func uploadsOf(address string) (requests [][]byte, size int, err error) {
	for i := range 16 {
		var file, body bytes.Buffer
		if err := jpeg.Encode(&file, measure.Photo(1024, 768, uint64(i)), &jpeg.Options{Quality: 80}); err != nil {
			return nil, 0, err
		}
		size += file.Len()
		w := multipart.NewWriter(&body)
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", `form-data; name="photo"; filename="photo.jpg"`)
		h.Set("Content-Type", "image/jpeg")
		part, err := w.CreatePart(h)
		if err != nil {
			return nil, 0, err
		}
		part.Write(file.Bytes())
		w.Close()
		head := fmt.Sprintf("POST /m/lookup HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", address, w.FormDataContentType(), body.Len())
		requests = append(requests, append([]byte(head), body.Bytes()...))
	}
	return requests, size / len(requests), nil
}

// change makes so many list changes a second, in calls of a tenth of it, half additions and half removals, until the function it
// gives is called.
func (p *process) change(ctx context.Context, perS int) func() Result {
	if perS <= 0 {
		return func() Result { return Result{} }
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan Result, 1)
	go func() {
		var times []float64
		var r Result
		begin := time.Now()
		changed := 0
		rnd := rand.New(rand.NewPCG(5, 5))
		base := "http://" + p.address
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			select {
			case <-ctx.Done():
				continue
			case <-tick.C:
			}
			start := time.Now()
			n, err := bulk(ctx, base, rnd, perS/20)
			if ctx.Err() != nil {
				break
			}
			if err != nil {
				r.Fails++
				r.Cause = err.Error()
			}
			changed += n
			times = append(times, time.Since(start).Seconds()*1e3)
		}
		r.PerS = float64(changed) / time.Since(begin).Seconds()
		r.P50MS, r.P99MS = percentiles(times)
		done <- r
	}()
	return func() Result { cancel(); return <-done }
}

// bulk adds n hashes in one call and removes them in another.
func bulk(ctx context.Context, base string, r *rand.Rand, n int) (changed int, err error) {
	type entry struct {
		Kind  string `json:"kind"`
		Value string `json:"value"`
	}
	entries := make([]entry, n)
	for i := range entries {
		entries[i] = entry{lists.PDQ, randomHex(r)}
	}
	var added struct {
		IDs []int64 `json:"ids"`
	}
	if err := post(ctx, base+"/c/bank/"+benchBank+"/signals", map[string]any{"entries": entries}, &added); err != nil {
		return 0, err
	}
	if err := post(ctx, base+"/c/bank/"+benchBank+"/remove", map[string]any{"ids": added.IDs}, nil); err != nil {
		return n, err
	}
	return 2 * n, nil
}

func post(ctx context.Context, address string, body, into any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %d: %s", address, resp.StatusCode, answer)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(answer, into)
	}
	return err
}
