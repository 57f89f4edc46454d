package platforms

import (
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"

	"raksha.example/raksha/internal/fault"
)

// names are what people call the sites.
var names = map[string]string{
	"x": XHost, "twitter": XHost, "tweet": XHost, "ट्विटर": XHost, "एक्स": XHost, "x twitter": XHost, "twitter x": XHost, "x formerly twitter": XHost,
	"instagram": InstagramHost, "insta": InstagramHost, "ig": InstagramHost, "इंस्टाग्राम": InstagramHost, "इन्स्टाग्राम": InstagramHost, "इंस्टा": InstagramHost,
	"telegram": TelegramHost, "tg": TelegramHost, "टेलीग्राम": TelegramHost, "टेलिग्राम": TelegramHost,
	"facebook": FacebookHost, "fb": FacebookHost, "फेसबुक": FacebookHost, "meta": FacebookHost,
	"youtube": YouTubeHost, "you tube": YouTubeHost, "yt": YouTubeHost, "यूट्यूब": YouTubeHost, "यू ट्यूब": YouTubeHost,
	"bluesky": BlueskyHost, "bsky": BlueskyHost, "ब्लूस्काई": BlueskyHost, "threads": ThreadsHost, "थ्रेड्स": ThreadsHost,
}

// SiteNamed gives the host of a platform that somebody calls by its name ("Twitter", "Insta", "फेसबुक", "t.me"), and whether it is one.
func SiteNamed(name string) (host string, ok bool) {
	if len(name) > 60 {
		return "", false
	}
	s := strings.ToLower(clean(name))
	s = strings.NewReplacer("\u093c", "", "(", " ", ")", " ", "/", " ", "-", " ", "_", " ").Replace(norm.NFD.String(s)) // without the nukta
	s = norm.NFC.String(strings.Join(strings.Fields(s), " "))
	for _, extra := range []string{" platform", " app", " link", " account", " id", " handle", " profile", " page", " channel", " group"} {
		s = strings.TrimSuffix(s, extra)
	}
	if host, ok = names[s]; ok {
		return host, true
	}
	if h, err := ParseHost(s); err == nil {
		for _, known := range names {
			if known == h {
				return h, true
			}
		}
	}
	return "", false
}

// ParseHandle reads a handle of a platform that was named apart from it.
func ParseHandle(host, typed string) (Locator, error) {
	s, ok := siteAt(host)
	if !ok {
		return Locator{}, fault.New(fault.Invalid, "%.80q is no platform whose handles are known", host)
	}
	handle := strings.ToLower(clean(typed))
	if handle == "" || strings.ContainsAny(handle, " /") {
		return Locator{}, badHandle(handle)
	}
	return s.handle(handle)
}

var (
	namedBefore = regexp.MustCompile(`^(.{1,40}?)\s*[:：|–—-]\s*@?([^\s@/]{2,64})$`)
	namedAt     = regexp.MustCompile(`^(.{1,40}?)\s+@([^\s@/]{2,64})$`)
	namedAfter  = regexp.MustCompile(`^@?([^\s@/]{2,64})\s*(?:\(|\[|,|\bon\b|–|—)\s*([^()\[\]]{1,40})[)\]]?$`)
)

// ParseNamed reads a handle with the platform's name beside it: "Instagram: kite", "twitter @kite", "kite (Telegram)".
func ParseNamed(typed string) (Locator, error) {
	if len(typed) <= 160 {
		s := clean(typed)
		for _, shape := range []*regexp.Regexp{namedBefore, namedAt} {
			if m := shape.FindStringSubmatch(s); m != nil {
				if host, ok := SiteNamed(m[1]); ok {
					return ParseHandle(host, m[2])
				}
			}
		}
		if m := namedAfter.FindStringSubmatch(s); m != nil {
			if host, ok := SiteNamed(m[2]); ok {
				return ParseHandle(host, m[1])
			}
		}
	}
	return Locator{}, fault.New(fault.Invalid, "this names no account; write it as @handle@platform or as the full address")
}
