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
		"64:ff9b::a00:1": false, "64:ff9b::7f00:1": true, "64:ff9b::a9fe:a9fe": false, "fd00:ec2::254": false, "100.100.100.200": false, "64:ff9b::808:808": true, "::ffff:10.0.0.1": false, "::10.0.0.1": false, "2001::1": false, "100::1": false,
	} {
		if got := (Options{AllowLoopback: true}).allowed(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: allowed %v", text, got)
		}
	}
	for _, text := range []string{"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"} {
		a := netip.MustParseAddr(text)
		if (Options{}).allowed(a) || !(Options{AllowLoopback: true}).allowed(a) {
			t.Errorf("%s: loopback is not opened by the option alone", text)
		}
	}
}

func TestOpenNetworks(t *testing.T) {
	o := Options{Open: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd12:3456::/32")}}
	for text, want := range map[string]bool{"10.20.1.1": true, "::ffff:10.20.1.1": true, "64:ff9b::a14:101": true, "10.21.0.1": false, "fd12:3456::9": true,
		"fd12:3457::9": false, "127.0.0.1": false, "169.254.169.254": false, "8.8.8.8": true} {
		if got := o.allowed(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: allowed %v", text, got)
		}
	}
}

func TestSafeURL(t *testing.T) {
	for address, want := range map[string]bool{
		"https://unit.example": true, "https://10.0.0.1:8443/x": true, "http://127.0.0.1:8470": true, "http://localhost:1": true, "http://[::1]:1": true,
		"http://[::ffff:127.0.0.1]:1": true, "http://unit.example": false, "http://10.0.0.1": false, "http://localhost.unit.example": false,
		"http://127.0.0.1.unit.example": false, "https://": false, "ftp://unit.example": false, "https://a:b@unit.example": false, "unit.example": false, "": false, "https://:443": false,
	} {
		if err := SafeURL(address); (err == nil) != want {
			t.Errorf("%q: %v", address, err)
		}
	}
}
