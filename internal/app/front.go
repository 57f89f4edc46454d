package app

import (
	"net"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"raksha.example/raksha/internal/identity"
)

const (
	underWay        = 512 // requests at the same time
	underWayEach    = 64  // from one address
	ratePerSecond   = 200 // from one address, in the long run
	rateBurst       = 1000
	addressesKept   = 10000
	requestTime     = 10 * time.Minute // for the longest request: a scan that somebody waits for
	maxPathAndQuery = 8 << 10          // bytes
)

// front is what every request passes first: it refuses paths that are written to be read two ways, says where the request
// comes from, and keeps one address from taking the whole node. behindProxy says that a proxy on this machine adds
// X-Forwarded-For; otherwise the header is what a stranger wrote, and counts for nothing.
func front(next http.Handler, behindProxy bool) http.Handler {
	f := &frontDoor{next: next, behindProxy: behindProxy, places: make(chan struct{}, underWay), from: map[string]*visitor{}}
	return http.HandlerFunc(f.serve)
}

type frontDoor struct {
	next        http.Handler
	behindProxy bool
	places      chan struct{}

	mu   sync.Mutex
	from map[string]*visitor // guarded by mu: by address
}

// visitor is what is known of an address.
type visitor struct {
	underWay int
	left     float64 // requests that may still come at once
	at       time.Time
}

func (f *frontDoor) serve(w http.ResponseWriter, r *http.Request) {
	if !plainPath(r) {
		http.Error(w, "this address is not written plainly; nothing is served at it", http.StatusBadRequest)
		return
	}
	address := clientAddress(r, f.behindProxy)
	if screening(r) {
		address = "" // a platform's servers ask about every upload, from one address
	}
	select {
	case f.places <- struct{}{}:
		defer func() { <-f.places }()
	default:
		busy(w)
		return
	}
	if address != "" {
		if !f.enter(address, time.Now()) {
			busy(w)
			return
		}
		defer f.leave(address)
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(requestTime))
	f.next.ServeHTTP(w, r.WithContext(identity.WithDevice(r.Context(), identity.Device{Address: address, Agent: r.UserAgent()})))
}

// screening says whether a request asks the match service with a token: it is refused cheaply if the token is none.
func screening(r *http.Request) bool {
	return (strings.HasPrefix(r.URL.Path, "/m/") || strings.HasPrefix(r.URL.Path, "/h/")) && strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")
}

func busy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, "too many requests at once; try again in a moment", http.StatusTooManyRequests)
}

// plainPath says whether a path has one meaning only: as its bytes stand, already clean, nothing of it encoded that would
// change its shape.
func plainPath(r *http.Request) bool {
	p := r.URL.EscapedPath()
	if len(r.URL.RequestURI()) > maxPathAndQuery || !strings.HasPrefix(p, "/") || strings.ContainsAny(r.URL.Path, "\\\x00") {
		return false
	}
	lower := strings.ToLower(p)
	for _, s := range []string{"%2e", "%2f", "%5c", "%00", "//", ";"} {
		if strings.Contains(lower, s) {
			return false
		}
	}
	clean := path.Clean(p)
	return clean == p || clean+"/" == p
}

// clientAddress gives who asks, "" where that cannot be told: behind a proxy that does not say, everybody comes from this
// machine, and counting that address would let one stranger shut everybody out.
func clientAddress(r *http.Request, behindProxy bool) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	ip := net.ParseIP(host)
	if ip == nil || !ip.IsLoopback() {
		return host
	}
	if !behindProxy {
		return ""
	}
	// Proxies append: the last element is what our own one saw, all before it is what the client claimed.
	all := r.Header.Values("X-Forwarded-For")
	if len(all) == 0 {
		return ""
	}
	parts := strings.Split(all[len(all)-1], ",")
	if ip := net.ParseIP(strings.TrimSpace(parts[len(parts)-1])); ip != nil {
		return ip.String()
	}
	return ""
}

// enter lets a request of an address in, if it has not too many already.
func (f *frontDoor) enter(address string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.from[address]
	if v == nil {
		if len(f.from) >= addressesKept {
			f.forget(now)
		}
		v = &visitor{left: rateBurst, at: now}
		f.from[address] = v
	}
	v.left = min(rateBurst, v.left+ratePerSecond*max(0, now.Sub(v.at).Seconds()))
	v.at = now
	if v.left < 1 || v.underWay >= underWayEach {
		return false
	}
	v.left--
	v.underWay++
	return true
}

func (f *frontDoor) leave(address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if v := f.from[address]; v != nil {
		v.underWay--
	}
}

// forget drops addresses that are quiet; it is called with mu held.
func (f *frontDoor) forget(now time.Time) {
	for a, v := range f.from {
		if v.underWay == 0 && now.Sub(v.at) > rateBurst/ratePerSecond*time.Second {
			delete(f.from, a)
		}
	}
}
