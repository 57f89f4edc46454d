package fetch_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
)

// serve starts a real server on loopback.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestLoopbackOnlyWhenAllowed(t *testing.T) {
	var hits atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { hits.Add(1); fmt.Fprint(w, "basket") })
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		_, err := fetch.New(fetch.Options{}).Get("http://" + net.JoinHostPort(strings.Trim(host, "[]"), port))
		if !errors.Is(err, fault.Refused) {
			t.Errorf("%s: %v, want a refusal", host, err)
		}
	}
	if hits.Load() != 0 {
		t.Fatal("a refused address was reached")
	}
	resp, err := fetch.New(fetch.Options{AllowLoopback: true}).Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := fetch.ReadAll(resp, 6); err != nil || string(b) != "basket" {
		t.Errorf("body %q, %v", b, err)
	}
}

func TestRedirects(t *testing.T) {
	var s *httptest.Server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		var n int
		switch {
		case r.URL.Path == "/private":
			http.Redirect(w, r, "http://10.1.2.3/", http.StatusFound)
		case r.URL.Path == "/metadata":
			http.Redirect(w, r, "http://169.254.169.254/latest", http.StatusFound)
		case r.URL.Path == "/file":
			http.Redirect(w, r, "file:///etc/hostname", http.StatusFound)
		default:
			fmt.Sscanf(r.URL.Path, "/%d", &n)
			if n > 0 {
				http.Redirect(w, r, fmt.Sprintf("%s/%d", s.URL, n-1), http.StatusFound)
			}
		}
	})
	c := fetch.New(fetch.Options{AllowLoopback: true})
	for path, want := range map[string]error{
		"/private": fault.Refused, "/metadata": fault.Refused, "/file": fault.Refused, "/6": fault.Unavailable, "/5": nil,
	} {
		resp, err := c.Get(s.URL + path)
		if err == nil {
			resp.Body.Close()
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if _, err := c.Get("gopher://127.0.0.1/"); !errors.Is(err, fault.Refused) {
		t.Errorf("gopher: %v", err)
	}
}

func TestBodyLimits(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/stated":
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, strings.Repeat("k", 1000))
		case "/packed": // 1 MiB that travels as about 1 KiB
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			io.WriteString(z, strings.Repeat("k", 1<<20))
			z.Close()
		case "/broken":
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "kite")
		default:
			io.WriteString(w, strings.Repeat("k", 100))
			w.(http.Flusher).Flush()
		}
	})
	get := func(path string, o fetch.Options) *http.Response {
		o.AllowLoopback = true
		resp, err := fetch.New(o).Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	for _, c := range []struct {
		path  string
		limit int64
		want  error
	}{
		{"/stated", 999, fault.TooLarge}, {"/stated", 1000, nil}, {"/packed", 1<<20 - 1, fault.TooLarge}, {"/packed", 1 << 20, nil},
		{"/streamed", 99, fault.TooLarge}, {"/streamed", 100, nil}, {"/broken", 1000, fault.Unavailable},
	} {
		if _, err := fetch.ReadAll(get(c.path, fetch.Options{}), c.limit); !errors.Is(err, c.want) {
			t.Errorf("%s up to %d: %v, want %v", c.path, c.limit, err, c.want)
		}
	}
	resp := get("/packed", fetch.Options{MaxBytes: 1000})
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, fault.TooLarge) || n != 1000 {
		t.Errorf("the client's own limit: %d bytes, %v", n, err)
	}
	req, _ := http.NewRequestWithContext(fetch.Endless(t.Context()), http.MethodGet, s.URL+"/packed", nil)
	resp, err := fetch.New(fetch.Options{AllowLoopback: true, MaxBytes: 1000}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != 1<<20 {
		t.Errorf("a stream: %d bytes, %v", n, err)
	}
}

// packed gives n equal bytes as gzip.
func packed(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.CopyN(z, zeros{}, int64(n)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
