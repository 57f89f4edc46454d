package media

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
)

// peaks keeps the most memory that children had.
type peaks struct {
	mu  sync.Mutex // guards all
	all map[string]int64
}

func (p *peaks) see(decoder string, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[decoder] = max(p.all[decoder], bytes)
}

// watch makes a pool keep the peaks of the children it stops. What a child had at its start counts the parent's memory, too, and
// tells nothing; see outOfMemory.
func watch(p *Pool) *peaks {
	seen := &peaks{all: map[string]int64{}}
	p.retired = func(c *process) {
		if n := peakMemory(c.cmd.ProcessState); n > c.atStart {
			seen.see(c.decoder, n)
		}
	}
	return seen
}

// living adds the children that still run.
func (p *peaks) living(pool *Pool) {
	for range cap(pool.slots) {
		s := <-pool.slots
		for decoder, c := range s {
			b, err := os.ReadFile("/proc/" + strconv.Itoa(c.cmd.Process.Pid) + "/status")
			if err != nil {
				continue
			}
			if _, after, ok := strings.Cut(string(b), "VmHWM:"); ok {
				if n, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64); err == nil {
					p.see(decoder, n<<10)
				}
			}
		}
		defer func() { pool.slots <- s }()
	}
}

// outcome says in a word how a hostile file ended, or that it did not end well.
func outcome(r Result, err error, size int, limits Limits) (string, error) {
	switch kind := fault.Of(err); {
	case err == nil && r.Kind == "":
		return "", fmt.Errorf("no error and no result")
	case err == nil && int64(r.Width)*int64(r.Height) > limits.Pixels:
		return "", fmt.Errorf("a result of %dx%d pixels", r.Width, r.Height)
	case err == nil:
		return r.Kind, nil
	case kind == fault.Invalid || kind == fault.TooLarge || kind == fault.NotSupported:
		if r.Bytes != int64(size) || size > 0 && r.SHA256 == "" {
			return "", fmt.Errorf("without exact hashes: %+v", r)
		}
		return fault.Code(err), nil
	}
	return "", err
}

// maxPeak is what a child may have in memory: its private data, and what it shares with others, which is the program itself.
const maxPeak = dataLimit + 128<<20

// TestHostile sends the corpus to one pool. Each file ends in a typed error or a result within the limits, the pool works afterwards,
// and no child ever had more memory than it may.
func TestHostile(t *testing.T) {
	p := newPool(t, 2)
	p.Limits.Time = 20 * time.Second
	limits := p.Limits.withDefaults()
	seen := watch(p)
	ended := map[string]int{}
	for _, f := range hostileFiles() {
		b := f.make(t)
		began := time.Now()
		r, err := p.Hash(t.Context(), b)
		how, wrong := outcome(r, err, len(b), limits)
		if wrong != nil {
			t.Errorf("%s: %v", f.name, wrong)
		}
		t.Logf("%-48s %9d bytes  %-18s %6.0f ms", f.name, len(b), how, time.Since(began).Seconds()*1e3)
		ended[how]++
		if _, err := p.Preview(t.Context(), b, 64); fault.Of(err) == fault.Internal && err != nil {
			t.Errorf("%s: preview: %v", f.name, err)
		}
		runtime.GC()
	}
	working(t, p)
	seen.living(p)
	t.Logf("how they ended: %v", ended)
	seen.check(t)
}

func (p *peaks) check(t *testing.T) {
	t.Helper()
	for decoder, n := range p.all {
		t.Logf("most memory of a child %-8s %5d MiB of %d", decoder+":", n>>20, int64(dataLimit)>>20)
		if n > maxPeak {
			t.Errorf("a child had %d MiB", n>>20)
		}
	}
}

// TestTruncation cuts a file of each format at every hundredth part.
func TestTruncation(t *testing.T) {
	p := newPool(t, 2)
	limits := p.Limits.withDefaults()
	seen := watch(p)
	for _, name := range []string{"small.png", "progressive.jpg", "cmyk.jpg", "interlaced.gif", "lossy.webp", "lossless.webp", "alpha.webp", "film.webp", "palette.bmp",
		"lzw.tif", "tiles.tif", "420.avif", "alpha.avif", "420.heic", "alpha.heic"} {
		b := fixture(t, name)
		ended := map[string]int{}
		var all sync.WaitGroup
		var mu sync.Mutex
		next := make(chan int)
		for range 2 {
			all.Go(func() {
				for i := range next {
					cut := b[:len(b)*i/100]
					r, err := p.Hash(t.Context(), cut)
					how, wrong := outcome(r, err, len(cut), limits)
					if i == 0 && fault.Code(err) == "empty" {
						how, wrong = "empty", nil
					}
					if wrong != nil {
						t.Errorf("%s cut at %d %%: %v", name, i, wrong)
					}
					if how == "decoder_failed" || how == "time" || how == "memory" {
						t.Errorf("%s cut at %d %%: %s", name, i, how)
					}
					mu.Lock()
					ended[how]++
					mu.Unlock()
				}
			})
		}
		for i := range 100 {
			next <- i
		}
		close(next)
		all.Wait()
		t.Logf("%-16s %v", name, ended)
	}
	working(t, p)
	seen.living(p)
	seen.check(t)
}
