package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
)

// nameServer answers every question for an IPv4 address by UDP on loopback, as answer says.
func nameServer(t *testing.T, answer func(n int) []netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		asked := 0
		for buffer := make([]byte, 1500); ; {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if err := m.Unpack(buffer[:n]); err != nil || len(m.Questions) != 1 {
				continue
			}
			m.Header.Response, m.Header.RecursionAvailable, m.Additionals = true, true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				for _, a := range answer(asked) {
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: a.As4()}})
				}
				asked++
			}
			if b, err := m.Pack(); err == nil {
				conn.WriteTo(b, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp4", conn.LocalAddr().String())
	}}
}

// A name that is good when it is first looked up and leads into the machine afterwards reaches nothing there.
func TestRebinding(t *testing.T) {
	var outside, inside atomic.Int32
	count := func(n *atomic.Int32) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			n.Add(1)
			w.Header().Set("Connection", "close") // the next request dials again
			io.WriteString(w, "basket")
		}
	}
	first, err := net.Listen("tcp4", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	port := first.Addr().(*net.TCPAddr).Port
	second, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	for l, n := range map[net.Listener]*atomic.Int32{first: &outside, second: &inside} {
		s := &http.Server{Handler: count(n)}
		go s.Serve(l)
		t.Cleanup(func() { s.Close() })
	}
	open, closed := netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")
	resolver := nameServer(t, func(n int) []netip.Addr {
		switch n {
		case 0:
			return []netip.Addr{open}
		case 1:
			return []netip.Addr{closed}
		}
		return []netip.Addr{closed, netip.MustParseAddr("169.254.169.254")}
	})
	c := fetch.New(fetch.Options{Open: []netip.Prefix{netip.PrefixFrom(open, 32)}, Resolver: resolver})
	address := fmt.Sprintf("http://kite.test:%d/", port)
	resp, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := fetch.ReadAll(resp, 10); err != nil || string(b) != "basket" {
		t.Fatalf("%q, %v", b, err)
	}
	for range 3 {
		if _, err := c.Get(address); !errors.Is(err, fault.Refused) {
			t.Errorf("after the name changed: %v", err)
		}
	}
	if outside.Load() != 1 || inside.Load() != 0 {
		t.Errorf("%d requests outside, %d inside", outside.Load(), inside.Load())
	}
}

func TestPlaces(t *testing.T) {
	var now, most atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(20 * time.Millisecond) // long enough for others to come, were they let in
		now.Add(-1)
	})
	c := fetch.New(fetch.Options{AllowLoopback: true, Polite: fetch.Politeness{AtOnce: 2}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			resp, err := c.Get(s.URL)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
		})
	}
	wg.Wait()
	if most.Load() != 2 {
		t.Errorf("%d requests at one time, want 2", most.Load())
	}
}

// A place that a failed or abandoned exchange held is free again.
func TestPlacesAreFreed(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cut" {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, strings.Repeat("k", 1000))
	})
	c := fetch.New(fetch.Options{AllowLoopback: true, MaxBytes: 10, Polite: fetch.Politeness{AtOnce: 1}})
	for range 3 {
		if _, err := c.Get(s.URL + "/cut"); err == nil {
			t.Error("a cut connection gave an answer")
		}
		resp, err := c.Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); !errors.Is(err, fault.TooLarge) {
			t.Error(err)
		}
	}
}

func TestPace(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	c := fetch.New(fetch.Options{AllowLoopback: true, Timeout: 5 * time.Second, Polite: fetch.Politeness{AtOnce: 4, Rate: 1.0 / 3600, Burst: 2}})
	for i := range 3 {
		resp, err := c.Get(s.URL)
		if err == nil {
			resp.Body.Close()
		}
		if i < 2 && err != nil || i == 2 && !errors.Is(err, fault.Unavailable) {
			t.Errorf("request %d: %v", i, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	var hits atomic.Int32
	ask := "3600"
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		w.Header().Set("Retry-After", ask)
		w.WriteHeader(http.StatusTooManyRequests)
	})
	for _, ask = range []string{"3600", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)} {
		hits.Store(0)
		c := fetch.New(fetch.Options{AllowLoopback: true, Timeout: 5 * time.Second, Polite: fetch.Politeness{AtOnce: 1, Pause: 2 * time.Hour}})
		resp, err := c.Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if _, err := c.Get(s.URL); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "asked to be left alone") || hits.Load() != 1 {
			t.Errorf("after Retry-After %q: %v, %d requests", ask, err, hits.Load())
		}
	}
	// A short wish is waited for.
	ask = "1"
	hits.Store(0)
	c := fetch.New(fetch.Options{AllowLoopback: true, Polite: fetch.Politeness{AtOnce: 1, Pause: time.Hour}})
	for range 2 {
		resp, err := c.Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if hits.Load() != 2 {
		t.Errorf("%d requests", hits.Load())
	}
}

func TestNoCookiesNoProxy(t *testing.T) {
	var proxied atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	t.Cleanup(proxy.Close)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	var cookies []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cookies = append(cookies, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "kite", Value: "1", Path: "/"})
	})
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	resolver := nameServer(t, func(int) []netip.Addr { return []netip.Addr{netip.MustParseAddr("127.0.0.1")} })
	c := fetch.New(fetch.Options{AllowLoopback: true, Resolver: resolver})
	for range 2 {
		resp, err := c.Get("http://kite.test:" + port) // a name, since no proxy is ever asked for loopback addresses
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if proxied.Load() != 0 || len(cookies) != 2 || cookies[1] != "" {
		t.Errorf("%d by the proxy, cookies %q", proxied.Load(), cookies)
	}
}

func TestHTTPSOnly(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://unit.example/", http.StatusFound)
		}
	})
	c := fetch.New(fetch.Options{AllowLoopback: true, HTTPSOnly: true})
	resp, err := c.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for _, address := range []string{"http://unit.example/", s.URL + "/away"} {
		if _, err := c.Get(address); !errors.Is(err, fault.Refused) || !strings.Contains(err.Error(), "plain http") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestHeaderAndBombLimits(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/header" {
			w.Header().Set("Kite", strings.Repeat("k", 100<<10))
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed(t, 32<<20))
	})
	c := fetch.New(fetch.Options{AllowLoopback: true})
	if _, err := c.Get(s.URL + "/header"); err == nil {
		t.Error("a header of 100 KiB was read")
	}
	resp, err := c.Get(s.URL + "/bomb")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, fault.TooLarge) || n > 5<<20 {
		t.Errorf("%d bytes of a body that grows a thousand times, %v", n, err)
	}
}
