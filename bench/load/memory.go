package load

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Memory is what a server and the children that decode for it hold at an instant. Pages of the index file count as FileMB; the kernel
// takes them back when it needs them, so that growth shows in AnonMB.
type Memory struct {
	AtS    float64 `json:"at_s"`    // since the start of the server
	AnonMB float64 `json:"anon_mb"` // heap and stacks: RssAnon of proc(5)
	FileMB float64 `json:"file_mb"` // mapped files and shared memory: RssFile and RssShmem
}

func (m Memory) rss() float64 { return m.AnonMB + m.FileMB }

// memory gives the present memory; zero where that is not known.
func (p *process) memory() (m Memory) {
	pids := map[int]bool{p.cmd.Process.Pid: true}
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.cmd.Process.Pid))
	for _, t := range tasks {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", p.cmd.Process.Pid, t.Name()))
		for _, word := range strings.Fields(string(b)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids[pid] = true
			}
		}
	}
	for pid := range pids {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		m.AnonMB += megabytes(string(b), "RssAnon:")
		m.FileMB += megabytes(string(b), "RssFile:") + megabytes(string(b), "RssShmem:")
	}
	return m
}

func megabytes(status, name string) float64 {
	_, after, _ := strings.Cut(status, name)
	words := strings.Fields(after)
	if len(words) == 0 {
		return 0
	}
	n, _ := strconv.ParseFloat(words[0], 64) // KiB
	return float64(int(n/102.4)) / 10
}

// watch samples the memory at an interval until the function it gives is called.
func (p *process) watch(interval time.Duration, since time.Time) func() []Memory {
	stop, done := make(chan struct{}), make(chan []Memory, 1)
	go func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		var samples []Memory
		for {
			select {
			case <-stop:
				done <- samples
				return
			case <-tick.C:
				m := p.memory()
				m.AtS = float64(int(time.Since(since).Seconds()*10)) / 10
				samples = append(samples, m)
			}
		}
	}()
	return func() []Memory { close(stop); return <-done }
}
