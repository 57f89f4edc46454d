package triage

import (
	"net/netip"
	"testing"

	"raksha.example/raksha/internal/fault"
)

// A broken or hostile file of addresses is refused, or answers; it never ends the node.
func FuzzGeo(f *testing.F) {
	f.Add([]byte("kite"))
	f.Add([]byte("\xab\xcd\xefMaxMind.com"))
	f.Add([]byte("\x00\x00\x00\xab\xcd\xefMaxMind.com\xe3JnodecountA\x01Krecord_size\xa1\x18Jip_version\xa1\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := openGeo(b)
		if err != nil {
			if fault.Of(err) != fault.Invalid || fault.Message(err) == "" {
				t.Fatalf("refused as %v", err)
			}
			return
		}
		for _, ip := range []string{"203.0.113.9", "2001:db8::1"} {
			g.lookup(netip.MustParseAddr(ip))
		}
	})
}

func FuzzCircles(f *testing.F) {
	f.Add([]byte("prefix,region\n+9198100,IN-DL\n"))
	f.Add([]byte("\ufeff9198100,in-dl,Capital\n\"+91,IN-DL"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseCircles(b)
		if (err == nil) != (len(m) > 0) {
			t.Fatalf("%d prefixes, %v", len(m), err)
		}
		for prefix, region := range m {
			if !patterns["phone"].shape.MatchString(prefix) || !patterns["region"].shape.MatchString(region) {
				t.Fatalf("%q %q", prefix, region)
			}
		}
	})
}
