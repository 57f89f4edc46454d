// Package fetch is the one guarded way out to the network: a client that cannot be talked into reaching this machine,
// the local network or anything else that is no public address.
package fetch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"raksha.example/raksha/internal/fault"
)

// MaxRedirects is how many redirects are followed.
const MaxRedirects = 5

const (
	maxHeader  = 64 << 10 // bytes of an answer's header
	keepPacked = 100      // how many times larger than its packed form a body may become, beyond the first MiB
)

// Options of New. The zero value is what a node in the field uses.
type Options struct {
	AllowLoopback bool           // for nodes and sandboxes of one machine
	Open          []netip.Prefix // networks that are reached though they are not public, such as a government's own
	HTTPSOnly     bool           // plain http to loopback addresses only
	Timeout       time.Duration  // of a whole exchange, body included; 0 means 30 s, negative none
	MaxBytes      int64          // of a response body, after decompression; 0 means 64 MiB, negative none; see Endless
	Polite        Politeness     // towards each host
	Resolver      *net.Resolver  // nil is the machine's
}

// New makes a client. It judges the address that is really dialled, after the name is resolved, so a name that changes
// its mind between check and use is covered, and so is every redirect. It uses no proxy, since a proxy would dial
// unjudged addresses, keeps no cookies, and waits its turn at every host. A body over the limit ends in a
// fault.TooLarge; a refused address is a fault.Refused; a host that asked to be left alone is a fault.Unavailable.
func New(o Options) *http.Client {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	dialer := &net.Dialer{
		Timeout:   10 * time.Second,
		KeepAlive: 30 * time.Second,
		Resolver:  o.Resolver,
		ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
			return judge(network, address, o)
		},
	}
	transport := &http.Transport{
		Proxy:                  nil, // not even one that the environment names
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // guard unpacks, and counts both sizes
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}
	if o.Timeout > 0 {
		transport.ResponseHeaderTimeout = o.Timeout
	}
	return &http.Client{
		Transport:     guard{next: transport, maxBytes: o.MaxBytes, httpsOnly: o.HTTPSOnly, queues: newQueues(o.Polite)},
		Timeout:       max(o.Timeout, 0),
		CheckRedirect: checkRedirect,
	}
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > MaxRedirects {
		return fault.New(fault.Unavailable, "%s redirects more than %d times", via[0].URL.Host, MaxRedirects)
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fault.New(fault.Refused, "%s redirects from https to %s", via[0].URL.Host, req.URL.Scheme)
	}
	return nil
}

// SafeURL refuses an address that is not http or https with a host and without a password, and plain http to any host but
// this machine: what travels between nodes is read by nobody on the way. Errors are fault.Invalid.
func SafeURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return fault.New(fault.Invalid, "%.100q is no http or https address", address)
	case u.User != nil:
		return fault.New(fault.Invalid, "an address must not hold a username or password")
	case u.Scheme == "http" && !loopbackName(u.Hostname()):
		return fault.New(fault.Invalid, "%s is reached by plain http; only https is used beyond this machine", u.Host)
	}
	return nil
}

func loopbackName(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback()
	}
	return host == "localhost"
}

// guard refuses other schemes, waits its turn and limits bodies.
type guard struct {
	next      *http.Transport
	maxBytes  int64
	httpsOnly bool
	queues    *queues
}

// RoundTrip does one exchange.
func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	err := g.allows(req.URL)
	var leave func()
	if err == nil {
		leave, err = g.queues.enter(req.Context(), req.URL.Host, loopbackName(req.URL.Hostname()))
	}
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	unpack := req.Header.Get("Accept-Encoding") == "" && req.Header.Get("Range") == "" && req.Method != http.MethodHead && req.Header.Get("Upgrade") == ""
	if unpack {
		req = req.Clone(req.Context())
		req.Header.Set("Accept-Encoding", "gzip")
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		leave()
		return nil, err
	}
	g.queues.heed(req.URL.Host, resp)
	if resp.StatusCode == http.StatusSwitchingProtocols { // its body must stay writable
		leave()
		return resp, nil
	}
	endless := req.Context().Value(endless{}) != nil
	body := resp.Body
	if unpack && strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		body = &unpacked{packed: body, bounded: !endless && g.maxBytes >= 0}
		resp.Header.Del("Content-Encoding")
		resp.Header.Del("Content-Length")
		resp.ContentLength, resp.Uncompressed = -1, true
	}
	if g.maxBytes >= 0 && !endless {
		body = &limited{body: body, left: g.maxBytes, limit: g.maxBytes}
	}
	resp.Body = &leaving{body, leave}
	if endless { // a stream does not hold a place in the queue for its whole life
		leave()
	}
	return resp, nil
}

func (g guard) allows(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return fault.New(fault.Refused, "only http and https addresses are fetched, not %.20q", u.Scheme)
	}
	if g.httpsOnly && u.Scheme == "http" && !loopbackName(u.Hostname()) {
		return fault.New(fault.Refused, "%s is reached by plain http; only https is used beyond this machine", u.Host)
	}
	return nil
}

type endless struct{}

// Endless marks a request whose answer is a stream: MaxBytes does not apply to it, and its reader limits each message
// instead. Options.Timeout still does; take a copy of the client with Timeout 0.
func Endless(ctx context.Context) context.Context { return context.WithValue(ctx, endless{}, true) }

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (g guard) CloseIdleConnections() { g.next.CloseIdleConnections() }

// ReadAll reads a response body of at most limit bytes and closes it. More is a fault.TooLarge, before anything is
// read if the sender states its length; a broken connection is a fault.Unavailable.
func ReadAll(resp *http.Response, limit int64) ([]byte, error) {
	defer resp.Body.Close()
	if resp.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	b, err := io.ReadAll(&limited{body: resp.Body, left: limit, limit: limit})
	switch {
	case errors.Is(err, fault.TooLarge):
		return nil, err
	case err != nil:
		return nil, fault.Wrap(err, fault.Unavailable, "the answer broke off; try again")
	}
	return b, nil
}

func tooLarge(limit int64) error {
	return fault.New(fault.TooLarge, "the answer is larger than the limit of %d bytes", limit)
}
