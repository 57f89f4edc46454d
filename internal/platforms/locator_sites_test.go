package platforms_test

import (
	"errors"
	"strings"
	"testing"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
)

func TestParseLocatorOfSites(t *testing.T) {
	const (
		did    = "did:plc:abcdefghijklmnopqrstuvwx"
		uc     = "UCabcdefghijklmnopqrstuv"
		video  = "https://youtube.com/watch?v=kiteriver_A"
		reel   = "https://instagram.com/p/Kite-River1"
		pfbid  = "pfbid02KiteRiverBasketKite"
		handle = "https://instagram.com/kite.river"
	)
	for want, typed := range map[string][]string{
		"https://x.com/kite_river": {"https://mobile.twitter.com/#!/Kite_River", "twitter.com/intent/user?screen_name=kite_river", "https://x.com/kite_river?s=21&t=abc", "x[.]com[/]kite_river",
			"@kite_river@twitter.com", "hxxps[://]x[.]com/kite_river/with_replies", "https%3A%2F%2Ftwitter.com%2FKite_River"},
		"https://x.com/i/user/12345":            {"https://twitter.com/intent/user?user_id=12345", "x.com/i/user/12345"},
		"https://x.com/kite_river/status/12345": {"https://fxtwitter.com/kite_river/status/12345", "https://twitter.com/Kite_River/statuses/12345/video/1?s=20", "https://twitter.com/#!/kite_river/status/12345"},
		handle: {"https://www.instagram.com/Kite.River/?igshid=xyz==", "instagram.com/_u/kite.river", "https://instagram.com/kite.river/reels/", "instagr.am/kite.river", "https://ig.me/m/kite.river",
			"@kite.river@instagram.com", "https://www.instagram.com/accounts/login/?next=%2Fkite.river%2F", "https://l.instagram.com/?u=https%3A%2F%2Finstagram.com%2Fkite.river&e=x",
			"https://www.instagram.com/stories/kite.river/", "hi-in.instagram.com/kite.river", "https://instagram.com/kite.river)."},
		reel: {"https://www.instagram.com/reel/Kite-River1/?utm_source=ig_web_copy_link", "instagram.com/reels/Kite-River1", "https://instagram.com/tv/Kite-River1/", "https://instagram.com/p/Kite-River1#x"},
		"https://instagram.com/kite/p/Kite-River1":               {"https://www.instagram.com/kite/reel/Kite-River1/", "instagram.com/Kite/p/Kite-River1/?img_index=2"},
		"https://instagram.com/stories/kite/3012345":             {"https://instagram.com/stories/kite/3012345?utm=1"},
		"https://instagram.com/stories/highlights/1789":          {"https://www.instagram.com/stories/highlights/1789/"},
		"https://instagram.com/share/reel/BAKite1":               {"https://www.instagram.com/share/reel/BAKite1"},
		"https://threads.com/@kite/post/Ckite12":                 {"https://www.threads.net/@Kite/post/Ckite12?xmt=1"},
		"https://t.me/kite_river":                                {"t.me/kite_river", "https://telegram.me/Kite_River?start=1", "https://t.me/s/kite_river", "tg://resolve?domain=kite_river", "https://web.telegram.org/k/#@kite_river", "@kite_river@t.me"},
		"https://t.me/kiteriver":                                 {"kiteriver.t.me", "https://www.kiteriver.t.me/"},
		"https://t.me/kite_river/55":                             {"https://t.me/kite_river/55?single&comment=3", "t.me/s/kite_river/55", "https://t.me/kite_river/7/55", "tg:resolve?domain=kite_river&post=55"},
		"https://t.me/kite_river/s/5":                            {"https://t.me/kite_river/s/5"},
		"https://t.me/+AbCdEf_kite":                              {"https://t.me/joinchat/AbCdEf_kite", "t.me/+AbCdEf_kite", "tg://join?invite=AbCdEf_kite"},
		"https://t.me/c/1234567890":                              {"https://web.telegram.org/a/#-1001234567890"},
		"https://t.me/c/1234567890/55":                           {"https://t.me/c/1234567890/55", "t.me/c/1234567890/9/55", "tg://privatepost?channel=1234567890&post=55"},
		"https://facebook.com/kiteriver":                         {"https://www.facebook.com/Kite.River", "m.facebook.com/kiteriver/about?x=1", "fb.com/kite.river", "https://hi-in.facebook.com/kiteriver/", "https://mbasic.facebook.com/kiteriver?refid=1"},
		"https://facebook.com/profile.php?id=100012":             {"https://www.facebook.com/profile.php?id=100012&sk=about", "facebook.com/people/Kite-River/100012/", "m.facebook.com/100012", "https://l.facebook.com/l.php?u=https%3A%2F%2Ffacebook.com%2Fprofile.php%3Fid%3D100012&h=x"},
		"https://facebook.com/kiteriver/posts/" + pfbid:          {"https://www.facebook.com/kite.river/posts/" + pfbid + "?rdid=1"},
		"https://facebook.com/kiteriver/posts/987":               {"https://facebook.com/kiteriver/videos/987", "https://www.facebook.com/kiteriver/videos/a-kite-by-the-river/987/", "facebook.com/kiteriver/photos/a.12/987/?type=3"},
		"https://facebook.com/permalink.php?story_fbid=987&id=1": {"https://m.facebook.com/story.php?story_fbid=987&id=1&x=2", "facebook.com/permalink.php?id=1&story_fbid=987"},
		"https://facebook.com/photo.php?fbid=987":                {"https://www.facebook.com/photo/?fbid=987&set=a.1", "facebook.com/photo.php?fbid=987"},
		"https://facebook.com/reel/987":                          {"https://www.facebook.com/reel/987?s=1", "https://fb.com/watch/?v=987&ref=x"},
		"https://facebook.com/groups/kite":                       {"https://facebook.com/groups/Kite/?ref=share"},
		"https://facebook.com/groups/55/posts/987":               {"https://facebook.com/groups/55/permalink/987/", "https://facebook.com/groups/55?multi_permalinks=987"},
		"https://facebook.com/share/p/1Kite2":                    {"https://www.facebook.com/share/p/1Kite2/?mibextid=x"},
		"https://fb.watch/KiteRiver1":                            {"https://fb.watch/KiteRiver1/?mibextid=1"},
		"https://youtube.com/@kite.river":                        {"https://www.youtube.com/@Kite.River/videos", "youtube.com/@kite.river?si=abc", "@kite.river@youtube.com", "https://m.youtube.com/%40kite.river"},
		"https://youtube.com/@%E0%A4%95%E0%A4%AE%E0%A4%B2":       {"https://youtube.com/@कमल", "https://youtube.com/@%E0%A4%95%E0%A4%AE%E0%A4%B2/shorts"},
		"https://youtube.com/channel/" + uc:                      {"https://www.youtube.com/channel/" + uc + "/about", "music.youtube.com/channel/" + uc},
		"https://youtube.com/c/kite":                             {"https://youtube.com/c/Kite/videos", "https://www.youtube.com/Kite"},
		"https://youtube.com/user/kite":                          {"https://youtube.com/user/Kite"},
		video: {"https://youtu.be/kiteriver_A?si=abc&t=3", "https://www.youtube.com/watch?v=kiteriver_A&list=PL1", "m.youtube.com/watch?app=desktop&v=kiteriver_A", "youtube.com/shorts/kiteriver_A?feature=share",
			"https://www.youtube-nocookie.com/embed/kiteriver_A", "youtube.com/live/kiteriver_A", "https://www.google.com/url?q=https://youtu.be/kiteriver_A&sa=D", "hxxps://youtu[.]be/kiteriver_A"},
		"https://youtube.com/playlist?list=PLkite":               {"https://www.youtube.com/playlist?list=PLkite&si=1"},
		"https://bsky.app/profile/kite.bsky.social":              {"https://bsky.app/profile/Kite.bsky.social", "@kite.bsky.social", "kite.bsky.social", "at://kite.bsky.social", "https://bsky.app/profile/kite.bsky.social/followers", "@kite.bsky.social@bsky.app"},
		"https://bsky.app/profile/kite.example/post/3kite2river": {"https://bsky.app/profile/kite.example/post/3kite2river?ref=x", "at://kite.example/app.bsky.feed.post/3kite2river"},
		"https://bsky.app/profile/" + did:                        {did, "at://" + did, "https://bsky.app/profile/did%3Aplc%3Aabcdefghijklmnopqrstuvwx", "at://" + did + "/app.bsky.actor.profile/self"},
		"https://bsky.app/profile/" + did + "/post/3kite":        {"at://" + did + "/app.bsky.feed.post/3kite"},
		"https://chirp.example/@kite":                            {"@kite[at]chirp[.]example", "@kite(at)chirp.example"},
	} {
		for _, s := range typed {
			got, err := platforms.ParseLocator(s)
			if err != nil {
				t.Errorf("%q: %v", s, err)
				continue
			}
			if got.String() != want {
				t.Errorf("%q: got %s, want %s", s, got, want)
			}
			for _, again := range []string{got.String(), got.Defanged()} {
				if l, err := platforms.ParseLocator(again); err != nil || l != got {
					t.Errorf("%q reads back as %+v, %v (want %+v)", again, l, err, got)
				}
			}
			if strings.Contains(got.Defanged(), "://"+got.Host) {
				t.Errorf("%q is not defanged: %s", s, got.Defanged())
			}
		}
	}
}

func TestParseLocatorOfSitesRefuses(t *testing.T) {
	for typed, says := range map[string]string{
		"https://t.co/AbC123":                         "short link",
		"https://bit.ly/kite":                         "short link",
		"https://www.instagram.com/explore/tags/kite": "neither",
		"https://www.facebook.com/login.php":          "neither",
		"https://facebook.com/profile.php":            "neither",
		"https://facebook.com/marketplace/item/1":     "neither",
		"https://youtube.com/watch?list=PL1":          "no post id",
		"https://youtube.com/results?search_query=k":  "neither",
		"https://youtube.com/channel/kite":            "neither",
		"https://bsky.app/profile/kite":               "no handle",
		"https://bsky.app/search?q=kite":              "neither",
		"https://t.me/share/url?url=x":                "neither",
		"https://t.me/1":                              "no handle",
		"at://":                                       "neither",
		"tg://settings":                               "neither",
		"https://google.com/url?q=https://google.com/url?q=https://google.com/url?q=x": "neither",
	} {
		got, err := platforms.ParseLocator(typed)
		if err == nil || !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v %v, want a refusal that says %q", typed, got, err, says)
		}
	}
}

func TestAccountOfPost(t *testing.T) {
	for post, account := range map[string]string{
		"https://youtu.be/kiteriver_A":                        "",
		"https://instagram.com/p/Kite-River1":                 "",
		"https://instagram.com/kite/p/Kite-River1":            "https://instagram.com/kite",
		"https://facebook.com/story.php?story_fbid=987&id=12": "https://facebook.com/profile.php?id=12",
		"https://t.me/c/1234567890/55":                        "https://t.me/c/1234567890",
	} {
		l, err := platforms.ParseLocator(post)
		if err != nil || l.Account().String() != account {
			t.Errorf("%s: account %s, %v", post, l.Account(), err)
		}
	}
	one, _ := platforms.ParseLocator("https://instagram.com/reel/Kite-River1")
	other, _ := platforms.ParseLocator("https://instagram.com/kite/p/Kite-River1")
	if one.Key() != other.Key() {
		t.Errorf("%v and %v are one post", one, other)
	}
}

func TestParseNamed(t *testing.T) {
	for typed, want := range map[string]string{
		"Instagram: kite.river": "https://instagram.com/kite.river",
		"Twitter @Kite_River":   "https://x.com/kite_river",
		"X (Twitter) - kite":    "https://x.com/kite",
		"फ़ेसबुक: kite.river":   "https://facebook.com/kiteriver",
		"kite_river (Telegram)": "https://t.me/kite_river",
		"@kite on Insta":        "https://instagram.com/kite",
		"YouTube channel @kite": "https://youtube.com/@kite",
	} {
		if got, err := platforms.ParseNamed(typed); err != nil || got.String() != want {
			t.Errorf("%q: %v, %v", typed, got, err)
		}
	}
	for _, typed := range []string{"kite", "remark: kite", "seen on Monday", "", "Twitter", "Telegram: a b"} {
		if got, err := platforms.ParseNamed(typed); err == nil {
			t.Errorf("%q: %v", typed, got)
		}
	}
	for _, s := range []string{"Twitter", "X (formerly Twitter)", "ट्विटर", "twitter.com", "Twitter handle"} {
		if host, ok := platforms.SiteNamed(s); !ok || host != platforms.XHost {
			t.Errorf("%q: %s %v", s, host, ok)
		}
	}
}
