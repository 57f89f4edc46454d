package selector

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"raksha.example/raksha/internal/fault"
)

var (
	schemeShape = regexp.MustCompile(`(?i)^(https?|hxxps?)://`)
	codeShape   = regexp.MustCompile(`^[A-Za-z0-9_-]{4,200}$`)
)

// stray are the characters that prose puts after a link.
const stray = ".,;:!?'\")]}>*/|"

// split gives the host of a web address and the rest, from the first slash, question mark or hash on.
func split(s string) (host, rest string, err error) {
	s = strings.TrimRight(schemeShape.ReplaceAllString(s, ""), stray)
	authority := s
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		authority, rest = s[:i], s[i:]
	}
	if strings.Contains(authority, "@") {
		return "", "", fault.New(fault.Invalid, "%.80q is no link: an @ before the first slash hides the true host", s)
	}
	host, err = hostname(authority)
	return host, rest, err
}

var portShape = regexp.MustCompile(`^[1-9][0-9]{0,4}$`)

// hostname gives the form in which hosts are compared: lower case, ASCII (IDNA), without www. and m. and without the
// ports 80 and 443. Package platforms reads hosts the same way, but brings a database along.
func hostname(s string) (string, error) {
	name, port, hasPort := strings.Cut(strings.TrimSuffix(strings.ToLower(s), "."), ":")
	if hasPort && !portShape.MatchString(port) {
		return "", fault.New(fault.Invalid, "%.80q is no host: the port is no number", s)
	}
	name = strings.TrimSuffix(name, ".")
	if _, err := netip.ParseAddr(name); err != nil {
		ascii, err := idna.Lookup.ToASCII(name)
		if err != nil || !domainShape.MatchString(ascii) {
			return "", fault.New(fault.Invalid, "%.80q is no host name", name)
		}
		name = ascii
	}
	for again := true; again; {
		again = false
		for _, prefix := range []string{"www.", "m.", "mobile."} {
			if rest, ok := strings.CutPrefix(name, prefix); ok && strings.Contains(rest, ".") {
				name, again = rest, true
			}
		}
	}
	if name == "twitter.com" {
		name = "x.com"
	}
	if port == "" || port == "80" || port == "443" {
		return name, nil
	}
	return name + ":" + port, nil
}

// link normalises a web address.
func link(s string) (string, error) {
	host, rest, err := split(s)
	if err != nil {
		return "", err
	}
	rest, _, _ = strings.Cut(rest, "#")
	return "https://" + host + escape(strings.TrimRight(rest, stray)), nil
}

// escape leaves the characters of RFC 3986 alone, brackets excepted, and writes every other byte as %XX.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("-._~:/?@!$&'*+,;=%", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// inviteLink normalises a link that lets its reader into a group: one form for each group, whatever the spelling.
func inviteLink(s string) (string, error) {
	if code, ok := strings.CutPrefix(s, "tg://join?invite="); ok {
		s = "https://t.me/+" + code
	}
	no := fault.New(fault.Invalid, "%.80q is no invitation to a group that Raksha knows", s)
	host, rest, err := split(s)
	if err != nil {
		return "", err
	}
	if host == "signal.group" {
		if code := strings.TrimLeft(rest, "/#"); codeShape.MatchString(code) {
			return "https://signal.group/#" + code, nil
		}
		return "", no
	}
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i]
	}
	parts := strings.Split(strings.Trim(rest, "/"), "/")
	code, way := parts[len(parts)-1], strings.ToLower(strings.Join(parts[:len(parts)-1], "/"))
	var head string
	switch host {
	case "t.me", "telegram.me", "telegram.dog":
		plus := strings.HasPrefix(code, "+") || strings.HasPrefix(code, "%2B") || strings.HasPrefix(code, "%2b")
		if plus == (way == "joinchat") || !plus && way == "" {
			return "", no
		}
		code = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(code, "+"), "%2B"), "%2b")
		head = "https://t.me/+"
	case "discord.gg":
		head = map[string]string{"": "https://discord.gg/"}[way]
	case "discord.com", "discordapp.com":
		head = map[string]string{"invite": "https://discord.gg/"}[way]
	case "chat.whatsapp.com":
		head = map[string]string{"": "https://chat.whatsapp.com/", "invite": "https://chat.whatsapp.com/"}[way]
	default: // Mastodon has /invite/CODE
		if way == "join" || way == "invite" {
			head = "https://" + host + "/" + way + "/"
		}
	}
	if head == "" || !codeShape.MatchString(code) {
		return "", no
	}
	return head + code, nil
}

// AtAddress makes the selector of a network address, a port (0: not known) and an instant.
func AtAddress(ip netip.Addr, port int, at time.Time) Selector {
	ip = ip.Unmap().WithZone("")
	host := ip.String()
	if port > 0 {
		host = netip.AddrPortFrom(ip, uint16(port)).String()
	}
	return Selector{IPPortTime, host + "@" + at.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)}
}

const (
	ipPattern   = `(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})`
	portPattern = `(?:(?::|[ \t,;]{1,3}port[ \t:]{1,3})([0-9]{1,5}))?`
	timePattern = `([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)[ ]?(Z|z|UTC|GMT|IST|[+-][0-9]{2}:?[0-9]{2})`
)

var instantShape = regexp.MustCompile(`^(` + ipPattern + `)` + portPattern + `(?:[ \t,;@]|at|on){1,6}` + timePattern + `$`)

// zones are the words for zones that logs in India use; others must be given as an offset.
var zones = map[string]string{"Z": "+00:00", "z": "+00:00", "UTC": "+00:00", "GMT": "+00:00", "IST": "+05:30"}

func ipPortTime(s string) (string, error) {
	m := instantShape.FindStringSubmatch(s)
	if m == nil {
		return "", fault.New(fault.Invalid, "%.100q is no network address at an instant; write 49.36.1.2:50123 2022-08-31 20:00:00 IST: without time and zone it names nobody", s)
	}
	ip, err := netip.ParseAddr(strings.Trim(m[1], "[]"))
	if err != nil {
		return "", fault.New(fault.Invalid, "%.80q is no network address", m[1])
	}
	port := 0
	if m[2] != "" {
		if port, err = strconv.Atoi(m[2]); err != nil || port < 1 || port > 65535 {
			return "", fault.New(fault.Invalid, "%s is no port; ports go from 1 to 65535", m[2])
		}
	}
	clock, zone := m[4], m[5]
	if len(clock) == len("15:04") {
		clock += ":00"
	}
	if offset, ok := zones[zone]; ok {
		zone = offset
	} else if len(zone) == len("+0530") {
		zone = zone[:3] + ":" + zone[3:]
	}
	at, err := time.Parse(time.RFC3339Nano, m[3]+"T"+clock+zone)
	if err != nil || at.UTC().Year() < 1 || at.UTC().Year() > 9999 {
		return "", fault.New(fault.Invalid, "%.80q holds no date and time that exist", s)
	}
	return AtAddress(ip, port, at).Value, nil
}
