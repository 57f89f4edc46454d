package platforms

import (
	"regexp"
	"strings"
)

// The shapes of what Meta runs: Instagram, Threads and Facebook.
var (
	instagramShape = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_.]{0,28}[a-z0-9_])?$`)
	codeShape      = regexp.MustCompile(`^[0-9A-Za-z_-]{5,64}$`)
	facebookShape  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,78}[a-z0-9]$`)
	facebookPost   = regexp.MustCompile(`^([0-9]{1,20}|pfbid[0-9A-Za-z]{10,100})$`)
	storyShape     = regexp.MustCompile(`^(story|highlight)/[0-9A-Za-z_-]{1,64}$`)
	shareShape     = regexp.MustCompile(`^share/((p|r|v|g|reel)/)?[0-9A-Za-z_-]{5,64}$`)
	groupShape     = regexp.MustCompile(`^groups/[a-z0-9.-]{1,80}$`)
	placedShape    = regexp.MustCompile(`^(reel|photo)/[0-9]{1,20}$`)
)

// instagramReserved are the first path words of Instagram that are no handles.
var instagramReserved = map[string]bool{"explore": true, "accounts": true, "direct": true, "about": true, "developer": true, "legal": true, "web": true,
	"challenge": true, "emails": true, "s": true, "m": true, "reels": true, "p": true, "reel": true, "tv": true, "stories": true, "share": true, "api": true}

const instagramForm = "/handle or /p/CODE"

// parseInstagram reads /handle, /p/CODE, /reel/CODE, /reels/CODE, /tv/CODE (also below a handle: all name one thing), /stories/handle/ID,
// /stories/highlights/ID, /share/CODE and /_u/handle.
func parseInstagram(a address) (Locator, error) {
	home := func(handle string) (Locator, error) { return handleAt(InstagramHost, instagramShape)(handle) }
	parts := a.parts
	if len(parts) > 1 && (a.part(0) == "_u" || a.part(0) == "m" && a.host == "ig.me") {
		parts = parts[1:]
	}
	word := func(n int) string { return address{parts: parts}.part(n) }
	switch word(0) {
	case "p", "reel", "reels", "tv":
		if len(parts) > 1 && word(1) != "audio" && word(1) != "videos" {
			return posted(Locator{Host: InstagramHost}, nil, parts[1], codeShape)
		}
	case "stories":
		if len(parts) > 2 && word(1) == "highlights" {
			return posted(Locator{Host: InstagramHost}, nil, "highlight/"+parts[2], storyShape)
		}
		if len(parts) > 2 {
			l, err := home(parts[1])
			return posted(l, err, "story/"+parts[2], storyShape)
		}
		if len(parts) == 2 {
			return home(parts[1])
		}
	case "share":
		return posted(Locator{Host: InstagramHost}, nil, strings.Join(parts, "/"), shareShape)
	}
	if len(parts) == 0 || instagramReserved[word(0)] {
		return Locator{}, noAccount(InstagramHost, instagramForm)
	}
	l, err := home(parts[0])
	switch kind := word(1); {
	case len(parts) > 2 && (kind == "p" || kind == "reel" || kind == "reels" || kind == "tv"):
		return posted(l, err, parts[2], codeShape)
	case kind != "" && !pages[kind] && kind != "reels" && kind != "tv" && kind != "channel" && kind != "guides" && kind != "saved":
		return Locator{}, noAccount(InstagramHost, instagramForm)
	}
	return l, err
}

func writeInstagram(l Locator) string {
	kind, id, kinds := strings.Cut(l.PostID, "/")
	switch {
	case l.Kind == KindAccount:
		return "/" + l.Handle
	case kind == "share":
		return "/" + l.PostID
	case kind == "highlight":
		return "/stories/highlights/" + id
	case kinds:
		return "/stories/" + l.Handle + "/" + id
	case l.Handle != "":
		return "/" + l.Handle + "/p/" + l.PostID
	}
	return "/p/" + l.PostID
}

// parseThreads reads /@handle, /@handle/post/CODE and /t/CODE.
func parseThreads(a address) (Locator, error) {
	if a.part(0) == "t" && len(a.parts) > 1 {
		return posted(Locator{Host: ThreadsHost}, nil, a.parts[1], codeShape)
	}
	if !strings.HasPrefix(a.part(0), "@") {
		return Locator{}, noAccount(ThreadsHost, "/@handle or /@handle/post/CODE")
	}
	l, err := handleAt(ThreadsHost, instagramShape)(a.parts[0])
	if a.part(1) == "post" && len(a.parts) > 2 {
		return posted(l, err, a.parts[2], codeShape)
	}
	return l, err
}

func writeThreads(l Locator) string {
	switch {
	case l.Kind == KindAccount:
		return "/@" + l.Handle
	case l.Handle == "":
		return "/t/" + l.PostID
	}
	return "/@" + l.Handle + "/post/" + l.PostID
}

// facebookReserved are the first path words of Facebook that are no handles.
var facebookReserved = map[string]bool{"login": true, "login.php": true, "help": true, "policies": true, "marketplace": true, "events": true, "gaming": true, "hashtag": true,
	"search": true, "settings": true, "messages": true, "notifications": true, "privacy": true, "terms": true, "sharer": true, "dialog": true, "plugins": true,
	"ads": true, "business": true, "home": true, "bookmarks": true, "friends": true, "watch": true, "reel": true, "reels": true, "stories": true, "share": true,
	"photo": true, "photos": true, "media": true, "groups": true, "pages": true, "people": true, "public": true, "story": true, "permalink": true, "profile": true,
	"l": true, "fundraisers": true, "recover": true, "checkpoint": true, "about": true}

const facebookForm = "/handle, /profile.php?id=123 or /handle/posts/123"

// facebookAccount reads a handle or an id. Facebook does not tell handles with and without dots apart, nor do we.
func facebookAccount(handle string) (Locator, error) {
	handle = strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(handle, "@")), ".", "")
	switch {
	case numeric(handle):
		return Locator{Kind: KindAccount, Host: FacebookHost, ID: handle}, nil
	case !facebookShape.MatchString(handle):
		return Locator{}, badHandle(handle)
	}
	return Locator{Kind: KindAccount, Host: FacebookHost, Handle: handle}, nil
}

// facebookID reads the id of a profile, or a group as groups/name.
func facebookID(id string) (Locator, error) {
	if !numeric(id) && !groupShape.MatchString(id) {
		return Locator{}, noAccount(FacebookHost, facebookForm)
	}
	return Locator{Kind: KindAccount, Host: FacebookHost, ID: id}, nil
}

// parseFacebook reads /handle, /profile.php?id=, /people/Name/ID, /groups/NAME, and posts: /handle/posts/ID (also /videos/, /photos/, with a
// title before the ID), /permalink.php?story_fbid=&id=, /story.php, /photo.php?fbid=, /watch?v=, /reel/ID, /stories/ID/CODE, /share/... .
func parseFacebook(a address) (Locator, error) {
	last := ""
	if len(a.parts) > 0 {
		last = a.parts[len(a.parts)-1]
	}
	none := Locator{Host: FacebookHost}
	switch a.part(0) {
	case "profile.php":
		l, err := facebookID(a.get("id"))
		if story := a.get("story_fbid"); story != "" {
			return posted(l, err, story, facebookPost)
		}
		return l, err
	case "permalink.php", "story.php":
		l, err := facebookID(a.get("id"))
		return posted(l, err, a.get("story_fbid"), facebookPost)
	case "photo.php", "photo":
		return posted(none, nil, "photo/"+a.get("fbid"), placedShape)
	case "watch", "video.php":
		return posted(none, nil, "reel/"+a.get("v"), placedShape)
	case "reel", "reels":
		return posted(none, nil, "reel/"+last, placedShape)
	case "share":
		return posted(none, nil, strings.Join(a.parts, "/"), shareShape)
	case "stories":
		if len(a.parts) > 2 {
			l, err := facebookID(a.parts[1])
			return posted(l, err, "story/"+strings.TrimRight(a.parts[2], "="), storyShape)
		}
	case "people", "pages":
		if len(a.parts) > 2 {
			return facebookID(last)
		}
	case "groups":
		if len(a.parts) > 1 {
			l, err := facebookID("groups/" + a.part(1))
			if k := a.part(2); len(a.parts) > 3 && (k == "posts" || k == "permalink") {
				return posted(l, err, a.parts[3], facebookPost)
			}
			if id := a.get("multi_permalinks"); id != "" {
				return posted(l, err, id, facebookPost)
			}
			return l, err
		}
	}
	if len(a.parts) == 0 || facebookReserved[a.part(0)] || strings.HasSuffix(a.part(0), ".php") {
		return Locator{}, noAccount(FacebookHost, facebookForm)
	}
	l, err := facebookAccount(a.parts[0])
	switch a.part(1) {
	case "posts", "videos", "photos", "reel", "activity", "permalink", "video":
		if len(a.parts) > 2 {
			return posted(l, err, last, facebookPost)
		}
	}
	return l, err
}

func writeFacebook(l Locator) string {
	kind, id, kinds := strings.Cut(l.PostID, "/")
	switch {
	case l.Kind == KindAccount && l.Handle != "":
		return "/" + l.Handle
	case l.Kind == KindAccount && strings.HasPrefix(l.ID, "groups/"):
		return "/" + l.ID
	case l.Kind == KindAccount:
		return "/profile.php?id=" + l.ID
	case kind == "photo":
		return "/photo.php?fbid=" + id
	case kind == "story":
		return "/stories/" + l.ID + "/" + id
	case kinds: // reel, share
		return "/" + l.PostID
	case l.Handle != "":
		return "/" + l.Handle + "/posts/" + l.PostID
	case strings.HasPrefix(l.ID, "groups/"):
		return "/" + l.ID + "/posts/" + l.PostID
	}
	return "/permalink.php?story_fbid=" + l.PostID + "&id=" + l.ID
}

// parseFacebookWatch reads fb.watch/CODE.
func parseFacebookWatch(a address) (Locator, error) {
	if len(a.parts) == 0 {
		return Locator{}, noAccount(fbWatchHost, "/CODE")
	}
	return posted(Locator{Host: fbWatchHost}, nil, a.parts[0], codeShape)
}
