package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
)

// TipsOptions say what is measured.
type TipsOptions struct {
	Tips        int // in the database before the filings begin
	Time        time.Duration
	Connections int
	Dir         string // folder of the node; "" is a temporary one. A folder that holds a node with the tips is used as it is.
	DSN         string // "" is SQLite in the folder
	Executable  string
	Log         io.Writer // progress
}

// Tips is what reporters and officers see of a node that takes reports.
type Tips struct {
	Tips        int64   `json:"tips"` // in the database when the filings began
	FilingsPerS float64 `json:"filings_per_s"`
	P50MS       float64 `json:"p50_ms"` // of one filing: submit, upload and finish, each answered after its commit
	P99MS       float64 `json:"p99_ms"`
	Errors      int64   `json:"errors"` // filings of which a step was not answered with success
	Stored      int64   `json:"stored"` // tips that the filings left in the database; as many as were acknowledged

	// Milliseconds of processor time for one filing: of the node with the children that decode, and of the reporters. A PostgreSQL
	// server's own time is in neither. 0 where the system does not tell.
	NodeCPUMS   float64 `json:"node_cpu_ms"`
	ClientCPUMS float64 `json:"client_cpu_ms"`

	QueueP95MS  float64 `json:"queue_p95_ms"`  // of a page of 50 waiting tips in the order of work, anywhere in the queue
	BundleP95MS float64 `json:"bundle_p95_ms"` // of all tips of one thing: by bundle, by address and by account

	FirstProblem string `json:"first_problem,omitempty"`
}

// RunTips fills a node, starts it as a process of its own, files reports with it, and then reads as officers do.
func RunTips(ctx context.Context, o TipsOptions) (t Tips, err error) {
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "raksha-bench-"); err != nil {
			return t, err
		}
		defer os.RemoveAll(o.Dir)
	}
	secret, err := fillTips(ctx, o)
	if err != nil {
		return t, err
	}
	count := func() (n int64, err error) {
		return n, withDB(ctx, o, func(db *store.DB) error {
			return db.Reader().QueryRowContext(ctx, "SELECT COUNT(*) FROM tip").Scan(&n)
		})
	}
	if t.Tips, err = count(); err != nil {
		return t, err
	}
	server, err := startNode(ctx, ServeOptions{Dir: o.Dir, DSN: o.DSN, Executable: o.Executable, Log: o.Log}, "--desks", "clearinghouse")
	if err != nil {
		return t, err
	}
	fmt.Fprintf(o.Log, "filing for %s\n", o.Time)
	filings, err := fileAll(server, secret, o)
	server.stop()
	if err != nil {
		return t, err
	}
	t.FilingsPerS, t.P50MS, t.P99MS, t.Errors, t.FirstProblem = filings.PerS, filings.P50MS, filings.P99MS, filings.Fails, filings.Cause
	t.NodeCPUMS, t.ClientCPUMS = filings.nodeMS, filings.clientMS
	after, err := count()
	if err != nil {
		return t, err
	}
	if t.Stored = after - t.Tips; t.Stored < filings.done {
		return t, fmt.Errorf("%d filings were acknowledged and %d are stored", filings.done, t.Stored)
	}
	fmt.Fprintln(o.Log, "reading queues and bundles")
	return t, withDB(ctx, o, func(db *store.DB) (err error) {
		t.QueueP95MS, t.BundleP95MS, err = readTips(ctx, db)
		return err
	})
}

func withDB(ctx context.Context, o TipsOptions, fn func(*store.DB) error) error {
	dsn := o.DSN
	if dsn == "" {
		dsn = app.DSN(o.Dir)
	}
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return err
	}
	return errors.Join(fn(db), db.Close())
}

const benchReporter = "bench-reporter"

// fillTips makes the node with a reporter's credential, and the tips that it is to have.
func fillTips(ctx context.Context, o TipsOptions) (secret string, err error) {
	c := config(ServeOptions{Dir: o.Dir, DSN: o.DSN, Executable: o.Executable})
	c.Desks = []directory.Desk{directory.Clearinghouse}
	n, err := app.Start(ctx, c)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, n.Close(context.WithoutCancel(ctx))) }()
	err = n.Rooms.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		name := benchReporter + "-" + strconv.FormatInt(time.Now().UnixMicro(), 36)
		made, err := n.Rooms.People.AddService(ctx, tx, identity.NewService{Kind: identity.ReporterService, Name: name}, 0)
		secret = made.Username + ":" + made.Password
		return err
	})
	if err != nil {
		return "", err
	}
	return secret, storeTips(ctx, n.Rooms.DB, o.Tips, o.Log)
}

type filed struct {
	Result
	done             int64
	nodeMS, clientMS float64
}

// fileAll files over several connections for a time.
func fileAll(server *process, secret string, o TipsOptions) (f filed, err error) {
	pictures, err := picturesOf()
	if err != nil {
		return f, err
	}
	var mu sync.Mutex
	var all []float64
	var fails atomic.Int64
	var cause atomic.Value
	var wg sync.WaitGroup
	one := func(r *reporter, timed bool) {
		start := time.Now()
		if err := r.file(); err != nil {
			fails.Add(1)
			cause.CompareAndSwap(nil, err.Error())
		} else if timed {
			r.times = append(r.times, time.Since(start).Seconds()*1e3)
		}
	}
	reporters := make([]*reporter, o.Connections)
	for i := range reporters {
		reporters[i] = newReporter(server.address, secret, i, pictures)
	}
	before := int64(0)
	for _, r := range reporters[:min(4, len(reporters))] { // the decoders start with the first files
		wg.Go(func() { one(r, false) })
		before++
	}
	wg.Wait()
	if fails.Load() > 0 {
		return f, fmt.Errorf("a filing failed: %v", cause.Load())
	}
	node, own := cpuMS(server.pids()), ownCPUMS()
	begin := time.Now()
	for _, r := range reporters {
		wg.Go(func() {
			defer r.close()
			for time.Since(begin) < o.Time {
				one(r, true)
			}
			mu.Lock()
			all = append(all, r.times...)
			mu.Unlock()
		})
	}
	wg.Wait()
	took := time.Since(begin).Seconds()
	f.Fails = fails.Load()
	f.Cause, _ = cause.Load().(string)
	f.done, f.PerS = before+int64(len(all)), float64(len(all))/took
	if n := float64(len(all)); n > 0 {
		f.nodeMS, f.clientMS = (cpuMS(server.pids())-node)/n, (ownCPUMS()-own)/n
	}
	f.P50MS, f.P99MS = percentiles(all)
	return f, nil
}

func ownCPUMS() float64 { return cpuMS([]int{os.Getpid()}) }

// cpuMS gives the processor time that processes have used, with that of their children that have ended; 0 where that is not known.
func cpuMS(pids []int) (ms float64) {
	const tick = 10 // ms; Linux shows processor time in hundredths of a second
	for _, pid := range pids {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, after, _ := bytes.Cut(b, []byte(") "))
		words := bytes.Fields(after) // from field 3, the state, on: proc(5)
		for n := 14; n <= 17 && n-3 < len(words); n++ {
			v, _ := strconv.ParseFloat(string(words[n-3]), 64)
			ms += v * tick
		}
	}
	return ms
}
