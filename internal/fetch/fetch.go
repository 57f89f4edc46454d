// Package fetch is the one guarded way out to the network: a client that cannot be talked into reaching this machine,
// the local network or anything else that is no public address.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"raksha.example/raksha/internal/fault"
)

// MaxRedirects is how many redirects are followed.
const MaxRedirects = 5

// Options of New. The zero value is what a node in the field uses.
type Options struct {
	AllowLoopback bool          // for nodes and sandboxes of one machine
	Timeout       time.Duration // of a whole exchange, body included; 0 means 30 s, negative none
	MaxBytes      int64         // of a response body, after decompression; 0 means 64 MiB, negative none; see Endless
}

// New makes a client. It judges the address that is really dialled, after the name is resolved, so a name that changes
// its mind between check and use is covered, and so is every redirect. It uses no proxy, since a proxy would dial
// unjudged addresses. A body over the limit ends in a fault.TooLarge; a refused address is a fault.Refused.
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
		ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
			return judge(network, address, o.AllowLoopback)
		},
	}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 1 << 20,
	}
	if o.Timeout > 0 {
		transport.ResponseHeaderTimeout = o.Timeout
	}
	return &http.Client{
		Transport:     guard{transport, o.MaxBytes},
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

// guard refuses other schemes and limits bodies.
type guard struct {
	next     *http.Transport
	maxBytes int64
}

// RoundTrip does one exchange.
func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, fault.New(fault.Refused, "only http and https addresses are fetched, not %.20q", req.URL.Scheme)
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	// A connection that has switched protocols has a body that must stay writable.
	if g.maxBytes >= 0 && req.Context().Value(endless{}) == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		resp.Body = &limited{body: resp.Body, left: g.maxBytes, limit: g.maxBytes}
	}
	return resp, nil
}

type endless struct{}

// Endless marks a request whose answer is a stream: MaxBytes does not apply to it, and its reader limits each message
// instead. Options.Timeout still does; take a copy of the client with Timeout 0.
func Endless(ctx context.Context) context.Context { return context.WithValue(ctx, endless{}, true) }

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (g guard) CloseIdleConnections() { g.next.CloseIdleConnections() }

// limited is a body that fails once more than limit bytes are read, where io.LimitReader would end as if complete.
type limited struct {
	body        io.ReadCloser
	left, limit int64
}

func (l *limited) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.body.Read(p)
	if int64(n) > l.left {
		n, l.left = int(l.left), 0
		return n, tooLarge(l.limit)
	}
	l.left -= int64(n)
	return n, err
}

func (l *limited) Close() error { return l.body.Close() }

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

// judge refuses addresses that are not public. address is what the dialer connects to: an IP and a port.
func judge(network, address string, allowLoopback bool) error {
	if network != "tcp4" && network != "tcp6" {
		return fault.New(fault.Refused, "only TCP is dialled, not %s", network)
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial address: %w", err)
	}
	if !allowed(ap.Addr(), allowLoopback) {
		return fault.New(fault.Refused, "%s is not a public address; this node does not connect to it", ap.Addr())
	}
	return nil
}

// allowed tells whether an address may be reached.
func allowed(a netip.Addr, allowLoopback bool) bool {
	a = a.WithZone("").Unmap()
	if nat64.Contains(a) { // networks without IPv4 reach it so: judge the address behind (RFC 6052 section 2.2)
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if a.IsLoopback() {
		return allowLoopback
	}
	for _, p := range exceptions {
		if p.Contains(a) {
			return false
		}
	}
	// IPv6: only what is handed out as global unicast (RFC 4291 section 2.4 and the IANA registry).
	return a.Is4() || globalUnicast.Contains(a)
}

var (
	globalUnicast = netip.MustParsePrefix("2000::/3")
	nat64         = netip.MustParsePrefix("64:ff9b::/96")
)

// exceptions are the ranges that are no public unicast addresses: the IANA special-purpose registries (RFC 6890 and
// its successors), multicast, and the IPv6 ranges that embed an IPv4 address and would lead around this list.
var exceptions = prefixes(
	"0.0.0.0/8",       // this network, RFC 791
	"10.0.0.0/8",      // private, RFC 1918
	"100.64.0.0/10",   // carrier-grade NAT, RFC 6598
	"169.254.0.0/16",  // link-local, RFC 3927; metadata services of hosting providers
	"172.16.0.0/12",   // private, RFC 1918
	"192.0.0.0/24",    // protocol assignments, RFC 6890
	"192.0.2.0/24",    // documentation, RFC 5737
	"192.88.99.0/24",  // 6to4 relays, RFC 7526
	"192.168.0.0/16",  // private, RFC 1918
	"198.18.0.0/15",   // benchmarks, RFC 2544
	"198.51.100.0/24", // documentation, RFC 5737
	"203.0.113.0/24",  // documentation, RFC 5737
	"224.0.0.0/4",     // multicast, RFC 5771
	"240.0.0.0/4",     // reserved and broadcast, RFC 1112 and 919
	"64:ff9b:1::/48",  // local translation, RFC 8215
	"2001::/23",       // protocol assignments, Teredo among them, RFC 2928
	"2001:db8::/32",   // documentation, RFC 3849
	"2002::/16",       // 6to4, RFC 3056
	"3fff::/20",       // documentation, RFC 9637
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, s := range texts {
		list[i] = netip.MustParsePrefix(s)
	}
	return list
}
