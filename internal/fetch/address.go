package fetch

import (
	"fmt"
	"net/netip"

	"raksha.example/raksha/internal/fault"
)

// judge refuses addresses that are not public. address is what the dialer connects to: an IP and a port.
func judge(network, address string, o Options) error {
	if network != "tcp4" && network != "tcp6" {
		return fault.New(fault.Refused, "only TCP is dialled, not %s", network)
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial address: %w", err)
	}
	if !o.allowed(ap.Addr()) {
		return fault.New(fault.Refused, "%s is not a public address; this node does not connect to it", ap.Addr())
	}
	return nil
}

// allowed tells whether an address may be reached.
func (o Options) allowed(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	if nat64.Contains(a) { // networks without IPv4 reach it so: judge the address behind (RFC 6052 section 2.2)
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	for _, p := range o.Open {
		if p.Contains(a) {
			return true
		}
	}
	if a.IsLoopback() {
		return o.AllowLoopback
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
