package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/identity"
)

// ask is a request as it comes from an address, with what it says of X-Forwarded-For.
func ask(path, from string, forwarded ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr = from
	for _, f := range forwarded {
		r.Header.Add("X-Forwarded-For", f)
	}
	return r
}

func answered(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func newFront(next http.HandlerFunc, behindProxy bool) *frontDoor {
	return &frontDoor{next: next, behindProxy: behindProxy, places: make(chan struct{}, underWay), from: map[string]*visitor{}}
}

// One address has a burst and then a rate; another address is not concerned, and time gives back.
func TestFrontRate(t *testing.T) {
	f := newFront(func(http.ResponseWriter, *http.Request) {}, false)
	start := time.Date(2022, 9, 25, 9, 0, 0, 0, time.UTC)
	let := func(address string, at time.Time) (n int) {
		for f.enter(address, at) {
			f.leave(address)
			if n++; n > 2*rateBurst {
				t.Fatal("there is no limit")
			}
		}
		return n
	}
	if n := let("192.0.2.1", start); n != rateBurst {
		t.Errorf("a burst of %d was let in, want %d", n, rateBurst)
	}
	if n := let("192.0.2.2", start); n != rateBurst {
		t.Errorf("another address: %d, want %d", n, rateBurst)
	}
	if n := let("192.0.2.1", start.Add(time.Second)); n != ratePerSecond {
		t.Errorf("a second later: %d, want %d", n, ratePerSecond)
	}
	if n := let("192.0.2.1", start); n != 0 { // the machine's clock went back
		t.Errorf("with the clock set back: %d, want none", n)
	}
	if n := let("192.0.2.1", start.Add(time.Hour)); n != rateBurst {
		t.Errorf("an hour later: %d, want %d and no more", n, rateBurst)
	}
}

// Addresses that are quiet are forgotten when there are many, those at work are not.
func TestFrontForgets(t *testing.T) {
	f := newFront(func(http.ResponseWriter, *http.Request) {}, false)
	start := time.Date(2022, 9, 25, 9, 0, 0, 0, time.UTC)
	f.enter("192.0.2.1", start) // stays
	for i := range addressesKept {
		address := fmt.Sprint("address ", i)
		f.enter(address, start)
		f.leave(address)
	}
	f.enter("192.0.2.2", start.Add(time.Minute))
	if _, works := f.from["192.0.2.1"]; len(f.from) != 2 || !works {
		t.Errorf("%d addresses are kept, the one at work among them: %v", len(f.from), works)
	}
}

// hold fills a front with requests that stay until free is called.
func hold(t *testing.T, behindProxy bool, n int, request func(i int) *http.Request) (h http.Handler, free func()) {
	t.Helper()
	inside, leave := make(chan struct{}, n), make(chan struct{})
	f := front(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/stay" {
			return
		}
		inside <- struct{}{}
		<-leave
	}), behindProxy)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { answered(f, request(i)) })
	}
	for range n {
		<-inside
	}
	return f, func() { close(leave); wait.Wait() }
}

// One address has so many requests under way and no more; others come in, and when one ends the next is let in.
func TestFrontEach(t *testing.T) {
	h, free := hold(t, false, underWayEach, func(int) *http.Request { return ask("/stay", "192.0.2.1:5") })
	w := answered(h, ask("/", "192.0.2.1:6"))
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("one more: status %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if w := answered(h, ask("/", "192.0.2.2:6")); w.Code != http.StatusOK {
		t.Errorf("another address: status %d", w.Code)
	}
	free()
	if w := answered(h, ask("/", "192.0.2.1:6")); w.Code != http.StatusOK {
		t.Errorf("afterwards: status %d", w.Code)
	}
}

// The node as a whole has so many requests under way, from however many addresses, those of no known address included.
func TestFrontAll(t *testing.T) {
	h, free := hold(t, false, underWay, func(i int) *http.Request {
		if i%2 == 0 {
			return ask("/stay", "127.0.0.1:5")
		}
		return ask("/stay", fmt.Sprintf("192.0.2.%d:5", i%200))
	})
	for _, r := range []*http.Request{ask("/", "198.51.100.1:5"), ask("/", "127.0.0.1:5")} {
		if w := answered(h, r); w.Code != http.StatusTooManyRequests {
			t.Errorf("from %s: status %d", r.RemoteAddr, w.Code)
		}
	}
	free()
	if w := answered(h, ask("/", "198.51.100.1:5")); w.Code != http.StatusOK {
		t.Errorf("afterwards: status %d", w.Code)
	}
}

// A platform that screens with a token is not counted by address; without one it is.
func TestFrontScreening(t *testing.T) {
	screen := func(token string) func(int) *http.Request {
		return func(int) *http.Request {
			r := ask("/m/lookup", "192.0.2.1:5")
			if token != "" {
				r.Header.Set("Authorization", token)
			}
			return r
		}
	}
	f := newFront(func(http.ResponseWriter, *http.Request) {}, false)
	for range 2 * rateBurst {
		if w := answered(http.HandlerFunc(f.serve), screen("Bearer x")(0)); w.Code != http.StatusOK {
			t.Fatalf("with a token: status %d", w.Code)
		}
	}
	if len(f.from) != 0 {
		t.Errorf("counted: %v", f.from)
	}
	f.from["192.0.2.1"] = &visitor{at: time.Now().Add(time.Hour)} // has nothing left
	if w := answered(http.HandlerFunc(f.serve), screen("")(0)); w.Code != http.StatusTooManyRequests {
		t.Errorf("without one: status %d", w.Code)
	}
}

// X-Forwarded-For counts only with --proxy, only from this machine, and only its last element.
func TestFrontProxy(t *testing.T) {
	for _, c := range []struct {
		name      string
		proxy     bool
		from      string
		forwarded []string
		want      string
	}{
		{"a stranger", false, "192.0.2.1:5", nil, "192.0.2.1"},
		{"a stranger's header without a proxy", false, "192.0.2.1:5", []string{"203.0.113.9"}, "192.0.2.1"},
		{"a stranger's header beside the proxy", true, "192.0.2.1:5", []string{"203.0.113.9"}, "192.0.2.1"},
		{"this machine without a proxy", false, "127.0.0.1:5", []string{"203.0.113.9"}, ""},
		{"the proxy", true, "127.0.0.1:5", []string{"203.0.113.9"}, "203.0.113.9"},
		{"the proxy, IPv6", true, "[::1]:5", []string{"2001:db8::7"}, "2001:db8::7"},
		{"what the client claimed comes first", true, "127.0.0.1:5", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		{"in a header of its own", true, "127.0.0.1:5", []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		{"the proxy does not say", true, "127.0.0.1:5", nil, ""},
		{"the proxy says nonsense", true, "127.0.0.1:5", []string{"203.0.113.9, kite"}, ""},
	} {
		var got identity.Device
		h := front(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = identity.DeviceOf(r.Context()) }), c.proxy)
		if w := answered(h, ask("/", c.from, c.forwarded...)); w.Code != http.StatusOK || got.Address != c.want {
			t.Errorf("%s: status %d, address %q, want %q", c.name, w.Code, got.Address, c.want)
		}
	}
	// Behind the proxy each client has its own limit, whatever it claims.
	h, free := hold(t, true, underWayEach, func(i int) *http.Request {
		return ask("/stay", "127.0.0.1:5", fmt.Sprintf("198.51.100.%d, 203.0.113.9", i))
	})
	defer free()
	if w := answered(h, ask("/", "127.0.0.1:5", "198.51.100.250, 203.0.113.9")); w.Code != http.StatusTooManyRequests {
		t.Errorf("one client too often: status %d", w.Code)
	}
	if w := answered(h, ask("/", "127.0.0.1:5", "203.0.113.10")); w.Code != http.StatusOK {
		t.Errorf("another client: status %d", w.Code)
	}
}
