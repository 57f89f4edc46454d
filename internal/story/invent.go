package story

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// inventor hands out things of which no two may be alike.
type inventor struct {
	rng     *rand.Rand
	ids     map[uint64]bool
	names   map[string]bool // handles, payment handles, e-mails, invite codes; in lower case
	sockets map[string]bool // address and port
	phones  int
	shift   int
}

func newInventor(seed uint64) *inventor {
	rng := source(seed, "inventor", 0)
	return &inventor{rng: rng, ids: map[uint64]bool{}, names: map[string]bool{}, sockets: map[string]bool{}, shift: rng.IntN(100000)}
}

// id makes a decimal id as Mastodon does: milliseconds since 1970, then 16 bits that keep it unique.
func (v *inventor) id(at time.Time) string {
	for {
		n := uint64(at.UnixMilli())<<16 | uint64(v.rng.IntN(1<<16))
		if !v.ids[n] {
			v.ids[n] = true
			return strconv.FormatUint(n, 10)
		}
	}
}

// fresh calls try until it gives a name that nobody has.
func (v *inventor) fresh(try func() string) string {
	for {
		s := try()
		if key := strings.ToLower(s); !v.names[key] {
			v.names[key] = true
			return s
		}
	}
}

func (v *inventor) handle() string {
	return v.fresh(func() string {
		a, n, d := pick(v.rng, adjectives), pick(v.rng, nouns), 10+v.rng.IntN(9990)
		switch v.rng.IntN(4) {
		case 0:
			return fmt.Sprintf("%s%s%d", title(a), title(n), d)
		case 1:
			return fmt.Sprintf("%s_%s%d", a, n, d)
		case 2:
			return fmt.Sprintf("%s_%d", title(n), d)
		}
		return fmt.Sprintf("%s%s%d", a, n, d)
	})
}

func (v *inventor) email() string {
	return v.fresh(func() string {
		return fmt.Sprintf("%s.%s%d@%s", pick(v.rng, adjectives), pick(v.rng, nouns), v.rng.IntN(10000), pick(v.rng, mail))
	})
}

// payment makes a payment handle: as short as kite.river@okpay while there are any.
func (v *inventor) payment() string {
	tries := 0
	return v.fresh(func() string {
		tries++
		s := pick(v.rng, nouns) + "." + pick(v.rng, nouns)
		if tries > 8 {
			s += strconv.Itoa(v.rng.IntN(10000))
		}
		return s + "@" + pick(v.rng, pays)
	})
}

func (v *inventor) invite() string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789"
	return v.fresh(func() string {
		b := make([]byte, 8)
		for i := range b {
			b[i] = letters[v.rng.IntN(len(letters))]
		}
		return "https://" + Host + "/join/" + string(b)
	})
}

// phone makes an Indian mobile number, E.164. The step visits all 100,000 of the block before one comes again.
func (v *inventor) phone() string {
	v.phones++
	return fmt.Sprintf("+9170000%05d", (v.shift+v.phones*61803)%100000)
}

// typedPhone writes a number as people do.
func typedPhone(rng *rand.Rand, e164 string) string {
	n := strings.TrimPrefix(e164, "+91")
	return pick(rng, []string{"+91 " + n[:5] + " " + n[5:], "+91-" + n, e164, "0" + n})
}

// ip gives an address from the ranges kept for documentation (RFC 5737, RFC 3849).
func ip(rng *rand.Rand) string {
	if chance(rng, 25) {
		return fmt.Sprintf("2001:db8:%x:%x::%x", 1+rng.IntN(0xffff), rng.IntN(0xffff), 1+rng.IntN(0xffff))
	}
	return pick(rng, []string{"192.0.2.", "198.51.100.", "203.0.113."}) + strconv.Itoa(1+rng.IntN(250))
}

// login makes one use from an address. No two accounts get one address and port by chance.
func (v *inventor) login(at time.Time, ip, event string) Login {
	for {
		port := 1024 + v.rng.IntN(64000)
		key := ip + "|" + strconv.Itoa(port)
		if !v.sockets[key] {
			v.sockets[key] = true
			return Login{At: at, IP: ip, Port: port, Event: event}
		}
	}
}

// wallet makes a syntactically valid segwit address (BIP 173) over random bytes; nobody has its key.
func (v *inventor) wallet() string {
	data := make([]byte, 33) // version 0, then 160 bits in groups of five
	for i := 1; i < len(data); i++ {
		data[i] = byte(v.rng.IntN(32))
	}
	return bech32("bc", data)
}

// bech32 writes groups of five bits with the checksum of BIP 173.
func bech32(prefix string, data []byte) string {
	const letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	var check uint32 = 1
	add := func(v byte) {
		top := check >> 25
		check = (check&0x1ffffff)<<5 ^ uint32(v)
		for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				check ^= g
			}
		}
	}
	for _, c := range []byte(prefix) {
		add(c >> 5)
	}
	add(0)
	for _, c := range []byte(prefix) {
		add(c & 31)
	}
	out := []byte(prefix + "1")
	for _, v := range data {
		add(v)
		out = append(out, letters[v])
	}
	for range 6 {
		add(0)
	}
	check ^= 1
	for i := range 6 {
		out = append(out, letters[check>>(5*(5-i))&31])
	}
	return string(out)
}
