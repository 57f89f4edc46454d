package platforms_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
)

func TestParseLocator(t *testing.T) {
	const account, post = "https://chirp.example/@kite_river", "https://chirp.example/@kite_river/110000000000000007"
	for typed, want := range map[string]string{
		"https://chirp.example/@kite_river":                                    account,
		"http://chirp.example/@kite_river/":                                    account,
		"HTTPS://WWW.Chirp.Example/@Kite_River?lang=hi#top":                    account,
		"m.chirp.example/@kite_river":                                          account,
		"www.m.chirp.example/@kite_river":                                      account,
		"chirp.example./@kite_river":                                           account,
		"chirp.example:443/@kite_river":                                        account,
		"  \"https://chirp.example/@kite_river\" ":                             account,
		"“https://chirp.example/@kite_river”,":                                 account,
		"<https://chirp.example/@kite_river>.":                                 account,
		"https://chirp.example / @kite_river":                                  account,
		"https:/chirp.example/@kite_river":                                     account,
		"https://chirp.example/%40kite_river":                                  account,
		"https://chirp.example/@kite\u200b_river\ufeff":                        account,
		"\uff48ttps://chirp.example\uff0f\uff20kite_river":                     account, // full-width forms
		"https://chirp.example/users/kite_river":                               account,
		"https://chirp.example/web/@kite_river":                                account,
		"https://chirp.example/@kite_river/with_replies":                       account,
		"@kite_river@chirp.example":                                            account,
		"@Kite_River @ chirp.example":                                          account,
		"acct:kite_river@chirp.example":                                        account,
		"hxxps://chirp[.]example/@kite_river":                                  account,
		"https://other.example/@kite_river@chirp.example":                      account,
		"https://chirp.example/@kite_river@chirp.example":                      account,
		"https://chirp.example/@kite_river/110000000000000007":                 post,
		"https://chirp.example/@kite_river/110000000000000007/embed":           post,
		"https://chirp.example/users/kite_river/statuses/110000000000000007":   post,
		"https://chirp.example/web/@kite_river/110000000000000007":             post,
		"https://chirp.example/@kite_river@chirp.example/110000000000000007":   post,
		"https://chirp.example/@kite@river.example/12":                         "https://chirp.example/@kite@river.example/12",
		"http://127.0.0.1:8080/@kite":                                          "https://127.0.0.1:8080/@kite",
		"https://bücher.example/@kite":                                         "https://xn--bcher-kva.example/@kite",
		"https://twitter.com/Kite_River":                                       "https://x.com/kite_river",
		"https://mobile.twitter.com/kite_river/status/1561234567890123456?s=2": "https://x.com/kite_river/status/1561234567890123456",
		"https://x.com/kite_river/status/1561234567890123456/photo/1":          "https://x.com/kite_river/status/1561234567890123456",
	} {
		got, err := platforms.ParseLocator(typed)
		if err != nil {
			t.Errorf("%q: %v", typed, err)
		} else if got.String() != want {
			t.Errorf("%q: got %s, want %s", typed, got, want)
		}
	}
}

func TestParseLocatorRefuses(t *testing.T) {
	for typed, says := range map[string]string{
		"":                                     "no address",
		" \u200b\t":                            "no address",
		"kite":                                 "no host",
		"@kite":                                "no platform",
		"kite@river.example":                   "e-mail",
		"https://chirp.example":                "neither an account nor a post",
		"https://chirp.example/about":          "neither an account nor a post",
		"https://chirp.example/@kite/abc/def":  "neither an account nor a post",
		"https://chirp.example/@kite/pinned":   "no post id",
		"https://chirp.example/@кite":          "no handle", // a Cyrillic letter that looks Latin
		"https://chirp.example/@kite%zz":       "broken %",
		"https://chirp.example@river.example/": "true host",
		"javascript:alert(1)":                  "is not a host",
		"ftp://chirp.example/@kite":            "only http",
		"chirp.example/@kite chirp.example/@r": "more here than one",
		"12.04.2022/@kite":                     "no host name",
		"https://chirp.example:x/@kite":        "port",
		"https://x.com/search":                 "neither",
		"https://x.com/i/web/status/156123456": "neither",
		"https://x.com/a_handle_that_is_long":  "no handle",
		strings.Repeat("a", 3000):              "longer than",
	} {
		got, err := platforms.ParseLocator(typed)
		if err == nil {
			t.Errorf("%q: accepted as %s", typed, got)
			continue
		}
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v (want an invalid fault that says %q)", typed, err, says)
		}
	}
}

func TestDefangedReadsBack(t *testing.T) {
	l, err := platforms.ParseLocator("https://chirp.example/@kite/12")
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Defanged(); got != "hxxps://chirp[.]example/@kite/12" {
		t.Error("defanged:", got)
	}
	if again, err := platforms.ParseLocator(l.Defanged()); err != nil || again != l {
		t.Errorf("read back as %v, %v", again, err)
	}
	if got := l.Account().String(); got != "https://chirp.example/@kite" {
		t.Error("account:", got)
	}
}

func FuzzParseLocator(f *testing.F) {
	for _, s := range []string{"https://chirp.example/@kite/12", "@kite@chirp.example", "x.com/kite/status/1", "hxxp://a[.]b/@c",
		"https://chirp.example/users/kite/statuses/12", "https://chirp.example/@a@b.example/1", "1.2.3.4:8/@a", "[::1]/@a", "https://youtu.be/kiteriver_A", "facebook.com/profile.php?id=1&story_fbid=2",
		"at://did:plc:abcdefghijklmnopqrstuvwx/app.bsky.feed.post/3k", "https://l.facebook.com/l.php?u=t.me%2Fc%2F1%2F2", "tg://resolve?domain=kite&post=1", "instagram.com/stories/kite/1", "https%3A%2F%2Fyoutube.com%2F%40कमल",
		"facebook.com/groups/a/posts/1", "t.me/+AbCdEf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		l, err := platforms.ParseLocator(typed)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Fatalf("%q: kind of %v", typed, err)
			}
			return
		}
		for _, again := range []string{l.String(), l.Defanged(), " " + l.String() + " "} {
			if m, err := platforms.ParseLocator(again); err != nil || m != l {
				t.Fatalf("%q gives %#v, but %q gives %#v, %v", typed, l, again, m, err)
			}
		}
		if strings.ContainsFunc(l.String(), func(r rune) bool { return unicode.IsSpace(r) || r > 126 }) || strings.ContainsFunc(l.Handle+l.Host, unicode.IsUpper) {
			t.Fatalf("%q gives the odd address %q", typed, l.String())
		}
	})
}
