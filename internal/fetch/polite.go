package fetch

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"raksha.example/raksha/internal/fault"
)

// Politeness is how a host is treated. The zero value is PoliteDefault; hosts on this machine are then not waited for.
type Politeness struct {
	AtOnce int           // requests under way at one time
	Rate   float64       // requests per second, over time
	Burst  int           // requests that may come at once after a silence
	Pause  time.Duration // how long a host may ask to be left alone at most
}

// PoliteDefault is what a busy public server bears without noticing.
var PoliteDefault = Politeness{AtOnce: 8, Rate: 10, Burst: 20, Pause: 10 * time.Minute}

const maxHosts = 4096 // whose queues are remembered

// queues keeps a queue for each host.
type queues struct {
	polite   Politeness
	loopback bool // whether hosts on this machine wait too

	mu    sync.Mutex
	hosts map[string]*queue // guarded by mu
}

type queue struct {
	places chan struct{}
	pace   *rate.Limiter
	until  time.Time // guarded by queues.mu: the host asked to be left alone until then
	using  int       // guarded by queues.mu: requests that wait or are under way
}

func newQueues(p Politeness) *queues {
	q := &queues{polite: p, loopback: p != Politeness{}, hosts: map[string]*queue{}}
	if !q.loopback {
		q.polite = PoliteDefault
	}
	q.polite.AtOnce, q.polite.Burst = max(q.polite.AtOnce, 1), max(q.polite.Burst, 1)
	return q
}

// enter waits for a place at a host and gives the function that leaves it. A host that asked for a longer pause than the
// request may wait for is a fault.Unavailable at once.
func (q *queues) enter(ctx context.Context, host string, loopback bool) (leave func(), err error) {
	if loopback && !q.loopback {
		return func() {}, nil
	}
	h, until := q.take(host)
	done := once(func() { q.mu.Lock(); h.using--; q.mu.Unlock() })
	if wait := time.Until(until); wait > 0 {
		if deadline, ok := ctx.Deadline(); ok && until.After(deadline) {
			done()
			return nil, fault.New(fault.Unavailable, "%s asked to be left alone for another %s; try again then", host, wait.Round(time.Second))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			done()
			return nil, context.Cause(ctx)
		}
	}
	select {
	case h.places <- struct{}{}:
	case <-ctx.Done():
		done()
		return nil, context.Cause(ctx)
	}
	leave = once(func() { <-h.places; done() })
	if err := h.pace.Wait(ctx); err != nil {
		leave()
		if ctx.Err() == nil { // the limiter sees that the deadline would pass
			return nil, fault.New(fault.Unavailable, "too many requests wait for %s; try again later", host)
		}
		return nil, context.Cause(ctx)
	}
	return leave, nil
}

func (q *queues) take(host string) (*queue, time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	h := q.hosts[host]
	if h == nil {
		if len(q.hosts) >= maxHosts {
			for name, other := range q.hosts {
				if other.using == 0 && !time.Now().Before(other.until) {
					delete(q.hosts, name)
				}
			}
		}
		limit := rate.Limit(q.polite.Rate)
		if q.polite.Rate <= 0 {
			limit = rate.Inf
		}
		h = &queue{places: make(chan struct{}, q.polite.AtOnce), pace: rate.NewLimiter(limit, q.polite.Burst)}
		q.hosts[host] = h
	}
	h.using++
	return h, h.until
}

// heed notes a host's wish to be left alone (RFC 9110 s.10.2.3, RFC 6585 s.4).
func (q *queues) heed(host string, resp *http.Response) {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return
	}
	now := time.Now()
	until, ok := retryAfter(resp.Header.Get("Retry-After"), now)
	if !ok {
		return
	}
	if limit := now.Add(q.polite.Pause); until.After(limit) {
		until = limit
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if h := q.hosts[host]; h != nil && until.After(h.until) {
		h.until = until
	}
}

// retryAfter reads seconds or a date.
func retryAfter(value string, now time.Time) (time.Time, bool) {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return now.Add(time.Duration(n) * time.Second), true
	}
	at, err := http.ParseTime(value)
	return at, err == nil
}
