package platforms

import (
	"net/url"
	"regexp"
	"strings"
)

// The shapes of Telegram, YouTube and Bluesky.
var (
	telegramShape  = regexp.MustCompile(`^[a-z][a-z0-9_]{2,31}$`)
	telegramID     = regexp.MustCompile(`^([0-9]{1,20}|\+[0-9A-Za-z_-]{5,64})$`)
	telegramPost   = regexp.MustCompile(`^(story/)?[0-9]{1,12}$`)
	youTubeVideo   = regexp.MustCompile(`^[0-9A-Za-z_-]{11}$`)
	youTubeChannel = regexp.MustCompile(`^UC[0-9A-Za-z_-]{22}$`)
	youTubeShape   = regexp.MustCompile(`^[\p{L}\p{M}\p{Nd}_.\x{b7}-]{3,40}$`) // handles have letters of many scripts
	youTubeNamed   = regexp.MustCompile(`^(c|user)/[\p{L}\p{M}\p{Nd}_.-]{1,100}$`)
	youTubeOther   = regexp.MustCompile(`^(playlist|post)/[0-9A-Za-z_-]{2,100}$`)
	blueskyShape   = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.){1,8}[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	didShape       = regexp.MustCompile(`^did:(plc:[a-z2-7]{24}|web:[a-z0-9.-]{3,253})$`)
	recordShape    = regexp.MustCompile(`^[0-9A-Za-z_~.-]{1,64}$`)
)

// telegramReserved are the first path words of t.me that are no handles.
var telegramReserved = map[string]bool{"share": true, "addstickers": true, "addemoji": true, "proxy": true, "socks": true, "setlanguage": true, "bg": true, "addtheme": true,
	"invoice": true, "login": true, "confirmphone": true, "iv": true, "boost": true, "contact": true, "addlist": true, "giftcode": true, "nft": true, "msg": true}

const telegramForm = "/handle, /+INVITE or /handle/123"

// parseTelegram reads /handle, /handle/123, /handle/TOPIC/123, /handle/s/123 (a story), /s/handle[/123], /c/ID/123, /+INVITE, /joinchat/INVITE,
// handle.t.me, and web.telegram.org/k/#@handle.
func parseTelegram(a address) (Locator, error) {
	parts := a.parts
	if a.host == "web.telegram.org" {
		name := strings.TrimPrefix(a.fragment, "@")
		if id, ok := strings.CutPrefix(name, "-"); ok {
			if rest, long := strings.CutPrefix(id, "100"); long && len(id) > 12 {
				id = rest
			}
			return telegramByID(id)
		}
		parts = []string{name}
	} else if a.host == "telegram.org" {
		return Locator{}, noAccount(TelegramHost, telegramForm)
	} else if name, ok := strings.CutSuffix(a.host, "."+TelegramHost); ok {
		parts = append([]string{name}, parts...)
	}
	if len(parts) > 1 && strings.EqualFold(parts[0], "s") {
		parts = parts[1:]
	}
	if len(parts) == 0 || telegramReserved[strings.ToLower(parts[0])] {
		return Locator{}, noAccount(TelegramHost, telegramForm)
	}
	last := parts[len(parts)-1]
	switch first := strings.ToLower(parts[0]); {
	case first == "c" && len(parts) > 1:
		l, err := telegramByID(parts[1])
		if len(parts) > 2 {
			return posted(l, err, last, telegramPost)
		}
		return l, err
	case first == "joinchat" && len(parts) > 1:
		return telegramByID("+" + parts[1])
	case strings.HasPrefix(first, "+"):
		return telegramByID(parts[0])
	}
	l, err := handleAt(TelegramHost, telegramShape)(parts[0])
	switch {
	case len(parts) > 2 && strings.EqualFold(parts[1], "s"):
		return posted(l, err, "story/"+parts[2], telegramPost)
	case len(parts) > 1 && numeric(parts[1]):
		return posted(l, err, last, telegramPost)
	}
	return l, err
}

func telegramByID(id string) (Locator, error) {
	if !telegramID.MatchString(id) {
		return Locator{}, noAccount(TelegramHost, telegramForm)
	}
	return Locator{Kind: KindAccount, Host: TelegramHost, ID: id}, nil
}

// parseTelegramScheme reads resolve?domain=handle&post=123, join?invite=CODE and privatepost?channel=ID&post=123.
func parseTelegramScheme(s string) (Locator, error) {
	what, query, _ := strings.Cut(s, "?")
	a := address{query: query}
	var l Locator
	err := noAccount(TelegramHost, telegramForm)
	switch strings.ToLower(strings.Trim(what, "/")) {
	case "resolve":
		l, err = handleAt(TelegramHost, telegramShape)(a.get("domain"))
	case "join":
		l, err = telegramByID("+" + a.get("invite"))
	case "privatepost":
		l, err = telegramByID(a.get("channel"))
	}
	if post := a.get("post"); post != "" {
		return posted(l, err, post, telegramPost)
	}
	return l, err
}

func writeTelegram(l Locator) string {
	path := "/" + l.Handle
	if l.Handle == "" {
		path = "/c/" + l.ID
		if strings.HasPrefix(l.ID, "+") {
			path = "/" + l.ID
		}
	}
	if id, ok := strings.CutPrefix(l.PostID, "story/"); ok {
		return path + "/s/" + id
	}
	if l.PostID != "" {
		path += "/" + l.PostID
	}
	return path
}

const youTubeForm = "/@handle, /channel/UC... or /watch?v=..."

// parseYouTube reads /@handle, /channel/UC..., /c/NAME, /user/NAME and /NAME (three kinds of name that need not be one channel), and videos:
// /watch?v=ID, /shorts/ID, /live/ID, /embed/ID, /v/ID and youtu.be/ID, which all name one thing; /playlist?list=ID, /post/ID.
func parseYouTube(a address) (Locator, error) {
	none := Locator{Host: YouTubeHost}
	second := ""
	if len(a.parts) > 1 {
		second = a.parts[1]
	}
	switch first := a.part(0); {
	case a.host == "youtu.be":
		if len(a.parts) > 0 {
			return posted(none, nil, a.parts[0], youTubeVideo)
		}
	case first == "watch":
		if second != "" && a.get("v") == "" {
			return posted(none, nil, second, youTubeVideo)
		}
		return posted(none, nil, a.get("v"), youTubeVideo)
	case first == "shorts", first == "live", first == "embed", first == "v", first == "e":
		if second != "" {
			return posted(none, nil, second, youTubeVideo)
		}
	case first == "playlist":
		return posted(none, nil, "playlist/"+a.get("list"), youTubeOther)
	case first == "post":
		return posted(none, nil, "post/"+second, youTubeOther)
	case first == "channel":
		if youTubeChannel.MatchString(second) {
			return Locator{Kind: KindAccount, Host: YouTubeHost, ID: second}, nil
		}
	case first == "c", first == "user":
		return youTubeByName(first, second)
	case strings.HasPrefix(first, "@"):
		return youTubeHandle(first)
	case first != "" && !youTubeReserved[first] && (second == "" || youTubeViews[strings.ToLower(second)]):
		return youTubeByName("c", first)
	}
	return Locator{}, noAccount(YouTubeHost, youTubeForm)
}

var (
	youTubeReserved = map[string]bool{"results": true, "feed": true, "hashtag": true, "redirect": true, "about": true, "account": true, "premium": true, "gaming": true,
		"clip": true, "t": true, "howyoutubeworks": true, "creators": true, "ads": true, "signin": true, "attribution_link": true, "oembed": true, "oops": true, "kids": true}
	youTubeViews = map[string]bool{"videos": true, "shorts": true, "streams": true, "playlists": true, "community": true, "about": true, "featured": true, "channels": true, "posts": true}
)

func youTubeByName(kind, name string) (Locator, error) {
	id := kind + "/" + strings.ToLower(name)
	if !youTubeNamed.MatchString(id) {
		return Locator{}, badHandle(name)
	}
	return Locator{Kind: KindAccount, Host: YouTubeHost, ID: id}, nil
}

func youTubeHandle(handle string) (Locator, error) {
	return handleAt(YouTubeHost, youTubeShape)(handle)
}

func writeYouTube(l Locator) string {
	kind, id, kinds := strings.Cut(l.PostID, "/")
	switch {
	case l.Kind == KindPost && kind == "playlist":
		return "/playlist?list=" + id
	case l.Kind == KindPost && kinds:
		return "/" + l.PostID
	case l.Kind == KindPost:
		return "/watch?v=" + l.PostID
	case l.Handle != "":
		return "/@" + url.PathEscape(l.Handle)
	}
	if kind, name, ok := strings.Cut(l.ID, "/"); ok {
		return "/" + kind + "/" + url.PathEscape(name)
	}
	return "/channel/" + l.ID
}

// blueskyName tells whether a name is one that Bluesky itself gives out. Names of other domains look like any host.
func blueskyName(s string) bool {
	name, ok := strings.CutSuffix(strings.ToLower(s), ".bsky.social")
	return ok && name != "" && !strings.Contains(name, "/")
}

// blueskyAccount reads a handle, which is a domain name, or a DID.
func blueskyAccount(name string) (Locator, error) {
	name = strings.ToLower(strings.TrimPrefix(name, "@"))
	switch {
	case didShape.MatchString(name):
		return Locator{Kind: KindAccount, Host: BlueskyHost, ID: name}, nil
	case len(name) <= 253 && blueskyShape.MatchString(name):
		return Locator{Kind: KindAccount, Host: BlueskyHost, Handle: name}, nil
	}
	return Locator{}, badHandle(name)
}

// parseBluesky reads /profile/NAME and /profile/NAME/post/KEY, where NAME is a handle or a DID; and NAME.bsky.social as a host.
func parseBluesky(a address) (Locator, error) {
	if a.host != BlueskyHost && blueskyName(a.host) {
		return blueskyAccount(a.host)
	}
	if a.part(0) != "profile" || len(a.parts) < 2 {
		return Locator{}, noAccount(BlueskyHost, "/profile/handle or /profile/handle/post/KEY")
	}
	l, err := blueskyAccount(a.parts[1])
	switch kind := a.part(2); {
	case kind == "post" && len(a.parts) > 3:
		return posted(l, err, a.parts[3], recordShape)
	case kind != "" && !pages[kind] && kind != "follows" && kind != "known-followers" && kind != "search":
		return Locator{}, noAccount(BlueskyHost, "/profile/handle or /profile/handle/post/KEY")
	}
	return l, err
}

// parseRecord reads the parts of an at:// address: NAME[/app.bsky.feed.post/KEY] (AT Protocol, AT URI scheme).
func parseRecord(parts []string) (Locator, error) {
	if len(parts) == 0 {
		return Locator{}, noAccount(BlueskyHost, "/profile/handle or /profile/handle/post/KEY")
	}
	l, err := blueskyAccount(parts[0])
	if len(parts) > 2 && parts[1] == "app.bsky.feed.post" {
		return posted(l, err, parts[2], recordShape)
	}
	if len(parts) > 1 && parts[1] != "app.bsky.actor.profile" {
		return Locator{}, noAccount(BlueskyHost, "/profile/handle or /profile/handle/post/KEY")
	}
	return l, err
}

func writeBluesky(l Locator) string {
	name := l.Handle
	if name == "" {
		name = l.ID
	}
	if l.Kind == KindPost {
		return "/profile/" + name + "/post/" + l.PostID
	}
	return "/profile/" + name
}
