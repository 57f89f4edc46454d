package platforms

import (
	"net/url"
	"regexp"
	"strings"

	"raksha.example/raksha/internal/fault"
)

// site is a platform whose addresses have shapes of their own.
type site struct {
	name   string                               // for people
	read   func(a address) (Locator, error)     // an address below one of its hosts
	handle func(handle string) (Locator, error) // a lower-case handle alone
	write  func(l Locator) string               // the path of a locator, which read reads back
}

// address is an address taken apart.
type address struct {
	host     string   // as ParseHost gives it
	parts    []string // of the path, decoded, without empty ones
	query    string   // raw
	fragment string
}

// get gives a value of the query, cleaned; empty if it is not there or can be no part of an address.
func (a address) get(name string) string {
	for pair := range strings.SplitSeq(a.query, "&") {
		k, v, _ := strings.Cut(pair, "=")
		if k != name {
			continue
		}
		if v, err := url.QueryUnescape(v); err == nil {
			return clean(v)
		}
	}
	return ""
}

// part gives a part of the path in lower case; empty if there are fewer.
func (a address) part(n int) string {
	if n >= len(a.parts) {
		return ""
	}
	return strings.ToLower(a.parts[n])
}

// Hosts under which the sites' addresses are kept.
const (
	InstagramHost = "instagram.com"
	TelegramHost  = "t.me"
	FacebookHost  = "facebook.com"
	YouTubeHost   = "youtube.com"
	BlueskyHost   = "bsky.app"
	ThreadsHost   = "threads.com"
	fbWatchHost   = "fb.watch" // its codes are known to Facebook alone
)

// siteAt gives the site that keeps its addresses under a host.
func siteAt(host string) (site, bool) {
	switch host {
	case XHost:
		return site{"X", parseX, handleAt(XHost, xHandleShape), writeX}, true
	case InstagramHost:
		return site{"Instagram", parseInstagram, handleAt(InstagramHost, instagramShape), writeInstagram}, true
	case TelegramHost:
		return site{"Telegram", parseTelegram, handleAt(TelegramHost, telegramShape), writeTelegram}, true
	case FacebookHost:
		return site{"Facebook", parseFacebook, facebookAccount, writeFacebook}, true
	case fbWatchHost:
		return site{"Facebook", parseFacebookWatch, facebookAccount, func(l Locator) string { return "/" + l.PostID }}, true
	case YouTubeHost:
		return site{"YouTube", parseYouTube, youTubeHandle, writeYouTube}, true
	case BlueskyHost:
		return site{"Bluesky", parseBluesky, blueskyAccount, writeBluesky}, true
	case ThreadsHost:
		return site{"Threads", parseThreads, handleAt(ThreadsHost, instagramShape), writeThreads}, true
	}
	return site{}, false
}

// siteOf gives the site that a host belongs to, whichever of its names it is.
func siteOf(host string) (site, bool) {
	switch host {
	case "fxtwitter.com", "vxtwitter.com", "fixupx.com": // show posts of X to chat programs
		return siteAt(XHost)
	case "instagr.am", "ig.me":
		return siteAt(InstagramHost)
	case "telegram.me", "telegram.dog", "telegram.org", "web.telegram.org":
		return siteAt(TelegramHost)
	case "fb.com", "fb.me", "fb.gg":
		return siteAt(FacebookHost)
	case "youtu.be", "youtube-nocookie.com":
		return siteAt(YouTubeHost)
	case "staging.bsky.app", "bsky.social":
		return siteAt(BlueskyHost)
	case "threads.net":
		return siteAt(ThreadsHost)
	}
	if s, ok := siteAt(host); ok {
		return s, ok
	}
	for _, home := range []string{InstagramHost, FacebookHost, YouTubeHost, TelegramHost} { // of a language, or of a device
		if strings.HasSuffix(host, "."+home) {
			return siteAt(home)
		}
	}
	if blueskyName(host) {
		return siteAt(BlueskyHost)
	}
	return site{}, false
}

// Platform names the platform of an address for people: the site's own name, otherwise the host.
func (l Locator) Platform() string {
	if s, ok := siteAt(l.Host); ok {
		return s.name
	}
	return l.Host
}

// Key gives the form in which addresses are compared for being one thing: on sites whose post ids are unique by themselves, whose post it is
// does not count, since one address names the account and another does not.
func (l Locator) Key() Locator {
	if l.Kind == KindPost && (l.Host == InstagramHost || l.Host == XHost || l.Host == ThreadsHost) {
		l.Handle, l.ID = "", ""
	}
	return l
}

const maxRedirects = 2 // an address within an address within an address

// redirected gives the address that a redirector's address holds.
func (a address) redirected() (string, bool) {
	name := ""
	switch {
	case (a.host == "l.facebook.com" || a.host == "lm.facebook.com" || a.host == "l.instagram.com" || a.host == "l.threads.com" || a.host == "l.threads.net") && a.query != "":
		name = "u"
	case a.host == "google.com" && a.part(0) == "url":
		if name = "url"; a.get(name) == "" {
			name = "q"
		}
	case a.host == "youtube.com" && a.part(0) == "redirect":
		name = "q"
	case (a.host == "facebook.com" || a.host == "instagram.com") && (a.part(0) == "login" || a.part(0) == "login.php" || a.part(0) == "accounts"):
		name = "next"
	case a.host == "facebook.com" && (a.part(0) == "sharer" || a.part(0) == "sharer.php"):
		name = "u"
	default:
		return "", false
	}
	target := a.get(name)
	if strings.HasPrefix(target, "/") {
		target = a.host + target
	}
	return target, target != ""
}

// shorteners hide an address behind a code.
var shorteners = map[string]bool{"t.co": true, "bit.ly": true, "tinyurl.com": true, "goo.gl": true, "is.gd": true, "ow.ly": true, "cutt.ly": true, "rb.gy": true,
	"buff.ly": true, "shorturl.at": true, "go.bsky.app": true, "linktr.ee": true, "rebrand.ly": true, "tiny.cc": true, "s.id": true}

var numberShape = regexp.MustCompile(`^[0-9]{1,20}$`)

func numeric(s string) bool { return numberShape.MatchString(s) }

// handleAt reads the handles of one site.
func handleAt(host string, shape *regexp.Regexp) func(string) (Locator, error) {
	return func(handle string) (Locator, error) {
		handle = strings.ToLower(strings.TrimPrefix(handle, "@"))
		if !shape.MatchString(handle) {
			return Locator{}, badHandle(handle)
		}
		return Locator{Kind: KindAccount, Host: host, Handle: handle}, nil
	}
}

// posted makes an account's locator that of a post.
func posted(l Locator, err error, id string, shape *regexp.Regexp) (Locator, error) {
	if err != nil {
		return Locator{}, err
	}
	if !shape.MatchString(id) {
		return Locator{}, badPost(id)
	}
	l.Kind, l.PostID = KindPost, id
	return l, nil
}

func writeX(l Locator) string {
	switch {
	case l.Kind == KindPost:
		return "/" + l.Handle + "/status/" + l.PostID
	case l.Handle == "":
		return "/i/user/" + l.ID
	}
	return "/" + l.Handle
}

// parseScheme reads the addresses that programs write with a scheme of their own; ok is false when it is none.
func parseScheme(s string) (l Locator, ok bool, err error) {
	lower := strings.ToLower(s)
	switch {
	case strings.HasPrefix(lower, "at://"):
		rest, _, _ := strings.Cut(s[len("at://"):], "?")
		l, err = parseRecord(strings.FieldsFunc(rest, func(r rune) bool { return r == '/' }))
		return l, true, err
	case strings.HasPrefix(lower, "did:plc:"), strings.HasPrefix(lower, "did:web:"):
		l, err = blueskyAccount(lower)
		return l, true, err
	case strings.HasPrefix(lower, "tg:"):
		l, err = parseTelegramScheme(strings.TrimLeft(s[len("tg:"):], "/"))
		return l, true, err
	}
	return l, false, fault.New(fault.Invalid, "only http and https addresses can be read")
}
