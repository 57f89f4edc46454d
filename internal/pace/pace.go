// Package pace holds how often somebody may do something: so many at once, and so many in a time after that. It keeps what it knows in memory
// only and names nobody: after a restart everybody begins anew.
package pace

import (
	"net/netip"
	"sync"
	"time"

	"raksha.example/raksha/internal/clock"
)

// Gate lets each key through so often. It is safe for concurrent use.
type Gate struct {
	clock clock.Clock
	burst float64
	per   time.Duration
	kept  int

	mu   sync.Mutex
	from map[string]*bucket // guarded by mu
	rest bucket             // guarded by mu: of all keys beyond kept
}

type bucket struct {
	left float64
	at   time.Time
}

// New makes a gate that lets each key through n times at once, and n times in each span after that. It remembers as many keys as kept says;
// when more come in one span, those beyond share one allowance.
func New(c clock.Clock, n int, per time.Duration, kept int) *Gate {
	g := &Gate{clock: c, burst: float64(n), per: per, kept: kept, from: map[string]*bucket{}}
	g.rest = bucket{g.burst, c.Now()}
	return g
}

// Allow tells whether a key may pass now, and counts it if so.
func (g *Gate) Allow(key string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	b := g.from[key]
	if b == nil {
		if len(g.from) >= g.kept {
			g.forget(now)
		}
		if b = &g.rest; len(g.from) < g.kept {
			b = &bucket{g.burst, now}
			g.from[key] = b
		}
	}
	g.fill(b, now)
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

func (g *Gate) fill(b *bucket, now time.Time) {
	b.left = min(g.burst, b.left+g.burst*max(0, now.Sub(b.at).Seconds())/g.per.Seconds())
	b.at = now
}

// forget drops keys that have their whole allowance again; it is called with mu held.
func (g *Gate) forget(now time.Time) {
	for k, b := range g.from {
		if g.fill(b, now); b.left >= g.burst {
			delete(g.from, k)
		}
	}
}

// AddressKey gives the key of a network address: itself, and of IPv6 the network of 64 bits, which one subscriber has whole.
func AddressKey(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Is4() || a.Is4In6() {
		return address
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
