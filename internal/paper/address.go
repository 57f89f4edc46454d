package paper

import "net/netip"

// prefix64 gives the network that one subscriber has of an IPv6 address.
func prefix64(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil || a.Is4In6() {
		return address
	}
	return p.String()
}
