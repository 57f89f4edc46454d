package platforms

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"raksha.example/raksha/internal/fault"
)

// Kind says what a locator points at.
type Kind string

// The kinds of locator.
const (
	KindAccount Kind = "account"
	KindPost    Kind = "post"
)

// Locator is the address of an account or a post. Two locators are the same address when they are equal.
type Locator struct {
	Kind   Kind
	Host   string // lower case, ASCII (IDNA), without www.; a port only when it is not the scheme's own
	Handle string // lower case; name@host for the author of a post that was seen on another server than its own
	ID     string // the platform's own id of the account, where the address holds that and no handle; case as written
	PostID string // empty for an account; where a platform has kinds of post with ids of their own, the kind stands before: story/12
}

// XHost is the canonical host of X, formerly Twitter.
const XHost = "x.com"

const maxLocator = 2048 // bytes of typed text

var (
	handleShape  = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_.-]{0,62}[a-z0-9_])?$`)
	xHandleShape = regexp.MustCompile(`^[a-z0-9_]{1,15}$`)
	postShape    = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)
	schemeShape  = regexp.MustCompile(`(?i)^(https?|hxxps?):/{1,3}`)
	otherScheme  = regexp.MustCompile(`(?i)^[a-z][a-z0-9+.-]*:/`)
	gapShape     = regexp.MustCompile(`\s*([/:@])\s*`)
	domainShape  = regexp.MustCompile(`\.[a-z][a-z0-9-]*$`) // the last label is no number: 12.04.2022 is a date
	portShape    = regexp.MustCompile(`^[1-9][0-9]{0,4}$`)
	encodedShape = regexp.MustCompile(`(?i)^h(tt|xx)ps?%3a%2f%2f`)
	fangs        = strings.NewReplacer("[:]", ":", "[://]", "://", "[/]", "/", "[@]", "@", "[at]", "@", "(at)", "@")
	dotShape     = regexp.MustCompile(`\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)`)
)

// pages are the views of one account or one post that address no other thing.
var pages = map[string]bool{
	"with_replies": true, "media": true, "followers": true, "following": true, "featured": true, "likes": true,
	"embed": true, "activity": true, "reblogs": true, "favourites": true, "photo": true, "video": true,
	"retweets": true, "quotes": true, "analytics": true, "tagged": true, "highlights": true, "about": true,
}

// xReserved are the first path words of X that are no handles.
var xReserved = map[string]bool{
	"home": true, "search": true, "explore": true, "i": true, "hashtag": true, "settings": true, "login": true,
	"intent": true, "share": true, "messages": true, "notifications": true, "compose": true, "tos": true,
	"privacy": true, "signup": true, "jobs": true, "download": true,
}

// String gives the canonical address, an https URL.
func (l Locator) String() string {
	if (l == Locator{}) {
		return ""
	}
	if s, ok := siteAt(l.Host); ok {
		return "https://" + l.Host + s.write(l)
	}
	switch {
	case l.Kind == KindPost:
		return "https://" + l.Host + "/@" + l.Handle + "/" + l.PostID
	default:
		return "https://" + l.Host + "/@" + l.Handle
	}
}

// Defanged gives the address for print: no program makes a link of it, and ParseLocator still reads it.
func (l Locator) Defanged() string {
	s := strings.Replace(l.String(), "https://", "hxxps://", 1)
	return strings.Replace(s, l.Host, strings.ReplaceAll(l.Host, ".", "[.]"), 1)
}

// Account gives the address of the account that a post's address names; the zero locator if it names none, such as youtu.be/ID.
func (l Locator) Account() Locator {
	if l.Handle == "" {
		if l.ID == "" {
			return Locator{}
		}
		return Locator{Kind: KindAccount, Host: l.Host, ID: l.ID}
	}
	return accountLocator(l.Host, l.Handle)
}

// accountLocator addresses an account at its home server.
func accountLocator(host, handle string) Locator {
	if name, home, ok := strings.Cut(handle, "@"); ok {
		host, handle = home, name
	}
	return Locator{Kind: KindAccount, Host: host, Handle: handle}
}

// CanonicalHandle gives the form in which handles are compared.
func CanonicalHandle(typed string) string {
	return strings.ToLower(strings.TrimPrefix(clean(typed), "@"))
}

// ParseLocator reads the address of an account or a post as people type it: with or without a scheme, in any case,
// with stray quotes and spaces, invisible characters, full-width forms, www. or m. before the host, a query, a
// fragment or a trailing slash, and defanged (hxxps, [.]). It knows the shapes of Mastodon (/@handle, /@handle/ID,
// /users/handle, /users/handle/statuses/ID, each also below /web; @handle@host; acct:handle@host) and of X
// (/handle, /handle/status/ID). An account of another server, seen as /@handle@host, is that server's account; a post
// seen so keeps the server it was seen on, since its id holds only there. The shapes of Instagram, Telegram, Facebook,
// YouTube, Bluesky and Threads stand with each site; at://, did: and tg: addresses are read too, and an address within a
// redirector's (l.facebook.com/l.php?u=...). Nothing is fetched: what a short link such as t.co hides is not known.
//
// Errors are fault.Invalid and say what is wrong.
func ParseLocator(typed string) (Locator, error) { return parseLocator(typed, 0) }

func parseLocator(typed string, depth int) (Locator, error) {
	if len(typed) > maxLocator {
		return Locator{}, fault.New(fault.Invalid, "the address is longer than %d bytes", maxLocator)
	}
	s := clean(typed)
	if s == "" {
		return Locator{}, fault.New(fault.Invalid, "no address given")
	}
	s = dotShape.ReplaceAllString(fangs.Replace(s), ".")
	if encodedShape.MatchString(s) {
		if plain, err := url.PathUnescape(s); err == nil {
			s = clean(plain)
		}
	}
	s = gapShape.ReplaceAllString(s, "$1")
	if strings.ContainsFunc(s, unicode.IsSpace) {
		return Locator{}, fault.New(fault.Invalid, "there is more here than one address; give each address by itself")
	}
	if rest, ok := strings.CutPrefix(strings.ToLower(s), "acct:"); ok {
		s = "@" + strings.TrimPrefix(rest, "@")
	}
	if rest, ok := strings.CutPrefix(s, "@"); ok {
		return parseAt(rest)
	}
	if l, ok, err := parseScheme(s); ok {
		return l, err
	}
	return parseURL(s, depth)
}

// clean brings text into one form: NFKC, no invisible characters, no quotes, brackets or punctuation around it.
func clean(typed string) string {
	s := norm.NFKC.String(strings.ToValidUTF8(typed, "\uFFFD"))
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r) || (unicode.IsControl(r) && !unicode.IsSpace(r)) {
			return -1
		}
		return r
	}, s)
	s = strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("\"'`<>“”‘’„«»()[]{}", r)
	})
	return strings.TrimRightFunc(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(".,;:!?)>]}\"'", r) })
}

// parseAt reads handle@host.
func parseAt(s string) (Locator, error) {
	handle, host, ok := strings.Cut(s, "@")
	if !ok && blueskyName(s) {
		return blueskyAccount(s)
	}
	if !ok {
		return Locator{}, fault.New(fault.Invalid, "this names a handle but no platform; write it as @handle@platform or as the full address")
	}
	host, err := ParseHost(host)
	if err != nil {
		return Locator{}, err
	}
	if s, ok := siteOf(host); ok {
		return s.handle(strings.ToLower(handle))
	}
	return locate(host, handle, "")
}

// parseURL reads an address with a host and a path.
func parseURL(s string, depth int) (Locator, error) {
	switch {
	case schemeShape.MatchString(s):
		s = schemeShape.ReplaceAllString(s, "")
	case otherScheme.MatchString(s):
		return Locator{}, fault.New(fault.Invalid, "only http and https addresses can be read")
	}
	s, fragment, _ := strings.Cut(s, "#")
	s, query, _ := strings.Cut(s, "?")
	authority, path, _ := strings.Cut(s, "/")
	if strings.Contains(authority, "@") {
		return Locator{}, fault.New(fault.Invalid, "the part before the first slash holds an @: this is an e-mail address or hides the true host")
	}
	host, err := ParseHost(authority)
	if err != nil {
		return Locator{}, err
	}
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	for i, p := range parts {
		q, err := url.PathUnescape(p)
		if err != nil {
			return Locator{}, fault.New(fault.Invalid, "the address has a broken %% sign in it; copy it again")
		}
		if parts[i] = clean(q); parts[i] == "" || strings.ContainsFunc(parts[i], unicode.IsSpace) || strings.Contains(parts[i], "/") {
			return Locator{}, fault.New(fault.Invalid, "the path of the address cannot be read; copy it again")
		}
	}
	a := address{host, parts, query, fragment}
	if target, ok := a.redirected(); ok && depth < maxRedirects {
		return parseLocator(target, depth+1)
	}
	if shorteners[host] {
		return Locator{}, fault.New(fault.Invalid, "%s is a short link and hides the address it leads to; write that address in full", host)
	}
	if s, ok := siteOf(host); ok {
		return s.read(a)
	}
	return parseMastodon(host, parts)
}

// parseX reads /handle, /handle/status/ID, /i/user/ID and /intent/user?user_id=ID. /i/status/ID is refused, since it does not say whose
// the post is.
func parseX(a address) (Locator, error) {
	parts := a.parts
	if rest, ok := strings.CutPrefix(a.fragment, "!/"); ok && len(parts) == 0 { // twitter.com/#!/handle, until 2012
		parts = strings.FieldsFunc(rest, func(r rune) bool { return r == '/' })
	}
	if len(parts) > 1 && strings.EqualFold(parts[0], "intent") {
		if name := a.get("screen_name"); name != "" {
			return locate(XHost, strings.TrimPrefix(name, "@"), "")
		}
		if id := a.get("user_id"); numeric(id) {
			return Locator{Kind: KindAccount, Host: XHost, ID: id}, nil
		}
	}
	if len(parts) > 2 && strings.EqualFold(parts[0], "i") && strings.EqualFold(parts[1], "user") && numeric(parts[2]) {
		return Locator{Kind: KindAccount, Host: XHost, ID: parts[2]}, nil
	}
	if len(parts) == 0 || xReserved[strings.ToLower(parts[0])] {
		return Locator{}, noAccount(XHost, "/handle or /handle/status/123")
	}
	if len(parts) >= 3 && (strings.EqualFold(parts[1], "status") || strings.EqualFold(parts[1], "statuses")) {
		return locate(XHost, strings.TrimPrefix(parts[0], "@"), parts[2])
	}
	if len(parts) > 1 && !pages[strings.ToLower(parts[1])] {
		return Locator{}, noAccount(XHost, "/handle or /handle/status/123")
	}
	return locate(XHost, strings.TrimPrefix(parts[0], "@"), "")
}

// parseMastodon reads /@handle[/ID] and /users/handle[/statuses/ID], also below /web and /deck.
func parseMastodon(host string, parts []string) (Locator, error) {
	if len(parts) > 0 && (strings.EqualFold(parts[0], "web") || strings.EqualFold(parts[0], "deck")) {
		parts = parts[1:]
	}
	if len(parts) == 0 {
		return Locator{}, noAccount(host, "/@handle or /@handle/123")
	}
	var handle string
	rest := parts[1:]
	if name, ok := strings.CutPrefix(parts[0], "@"); ok {
		handle = name
		if len(rest) > 0 && strings.EqualFold(rest[0], "statuses") {
			rest = rest[1:]
		}
	} else if strings.EqualFold(parts[0], "users") && len(rest) > 0 {
		handle, rest = rest[0], rest[1:]
		if len(rest) > 0 && strings.EqualFold(rest[0], "statuses") {
			rest = rest[1:]
		}
	} else {
		return Locator{}, noAccount(host, "/@handle or /@handle/123")
	}
	if len(rest) == 0 || pages[strings.ToLower(rest[0])] {
		return locate(host, handle, "")
	}
	if len(rest) > 1 && !pages[strings.ToLower(rest[1])] {
		return Locator{}, noAccount(host, "/@handle or /@handle/123")
	}
	return locate(host, handle, rest[0])
}

// locate checks the parts and puts them together.
func locate(host, handle, post string) (Locator, error) {
	handle = strings.ToLower(handle)
	if name, home, ok := strings.Cut(handle, "@"); ok {
		home, err := ParseHost(home)
		if err != nil {
			return Locator{}, err
		}
		switch {
		case home == host:
			handle = name
		case post == "":
			return locate(home, name, "")
		default:
			if !handleShape.MatchString(name) {
				return Locator{}, badHandle(name)
			}
			if !postID(post) {
				return Locator{}, badPost(post)
			}
			return Locator{Kind: KindPost, Host: host, Handle: name + "@" + home, PostID: post}, nil
		}
	}
	if host == XHost && !xHandleShape.MatchString(handle) || !handleShape.MatchString(handle) {
		return Locator{}, badHandle(handle)
	}
	if post == "" {
		return Locator{Kind: KindAccount, Host: host, Handle: handle}, nil
	}
	if !postID(post) {
		return Locator{}, badPost(post)
	}
	return Locator{Kind: KindPost, Host: host, Handle: handle, PostID: post}, nil
}

// postID tells whether s can be a post's id: one with no digit is a page of the site.
func postID(s string) bool { return postShape.MatchString(s) && strings.ContainsAny(s, "0123456789") }

// ParseHost checks a host name, with or without a port, and gives the form in which hosts are compared: lower case,
// ASCII (IDNA), without www., m. or mobile. and without the ports 80 and 443; twitter.com is x.com. IPv6 addresses are
// refused: nobody has a public profile there.
func ParseHost(s string) (string, error) {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	name, port, hasPort := strings.Cut(s, ":")
	name = strings.TrimSuffix(name, ".")
	if hasPort && port != "" && !portShape.MatchString(port) {
		return "", fault.New(fault.Invalid, "%.80q is not a host: the port is no number", s)
	}
	if port == "80" || port == "443" {
		port = ""
	}
	if _, err := netip.ParseAddr(name); err != nil && name != "localhost" {
		ascii, err := idna.Lookup.ToASCII(name)
		if err != nil || !domainShape.MatchString(ascii) {
			return "", fault.New(fault.Invalid, "this is not the address of an account or a post: %.80q is no host name", name)
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
		name = XHost
	}
	if port != "" {
		return name + ":" + port, nil
	}
	return name, nil
}

func noAccount(host, shape string) error {
	return fault.New(fault.Invalid, "the address names %.80s but neither an account nor a post there; write it as %.80s%s", host, host, shape)
}

func badHandle(h string) error {
	return fault.New(fault.Invalid, "%.80q is no handle: handles have Latin letters, digits, _ . and - only; copy the address from the browser", h)
}

func badPost(id string) error {
	return fault.New(fault.Invalid, "%.80q is no post id; copy the address of the post from the browser", id)
}
