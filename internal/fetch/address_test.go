package fetch

import (
	"net/netip"
	"testing"
)

func TestAllowed(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "49.36.1.2": true, "2606:4700::1111": true, "2405:200::1": true, "::ffff:8.8.8.8": true,
		"10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "172.32.0.1": true, "192.168.1.1": false,
		"100.64.0.1": false, "169.254.169.254": false, "0.0.0.0": false, "0.1.2.3": false, "255.255.255.255": false,
		"224.0.0.1": false, "239.255.255.255": false, "240.0.0.1": false, "192.0.2.1": false, "198.51.100.1": false,
		"203.0.113.1": false, "198.18.0.1": false, "192.0.0.8": false, "::": false, "fe80::1%eth0": false, "fc00::1": false,
		"fd12:3456::1": false, "ff02::1": false, "2001:db8::1": false, "3fff::1": false, "2002:a00:1::": false,
		"64:ff9b::a00:1": false, "64:ff9b::808:808": true, "::ffff:10.0.0.1": false, "::10.0.0.1": false, "2001::1": false, "100::1": false,
	} {
		if got := allowed(netip.MustParseAddr(text), true); got != want {
			t.Errorf("%s: allowed %v", text, got)
		}
	}
	for _, text := range []string{"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"} {
		a := netip.MustParseAddr(text)
		if allowed(a, false) || !allowed(a, true) {
			t.Errorf("%s: loopback is not opened by the option alone", text)
		}
	}
}
