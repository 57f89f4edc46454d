package platforms_test

import (
	"strings"
	"testing"

	"raksha.example/raksha/internal/platforms"
)

func TestText(t *testing.T) {
	for markup, want := range map[string]string{
		"<p>kite &amp; river</p><p>basket<br/>red</p>":                                                      "kite & river\nbasket\nred",
		`see <a href="https://chirp.example/join/x?y=1&amp;z=2">this</a> now`:                               "see this (https://chirp.example/join/x?y=1&z=2) now",
		`<a href="https://a.example/b"><span class="invisible">https://</span><span>a.example/b</span></a>`: "https://a.example/b",
		`<a href="https://a.example/b">a.example/b</a>`:                                                     "a.example/b",
		`<a href="https://a.example/b"><img></a>`:                                                           "https://a.example/b",
		`<a href="https://chirp.example/@Kite" class="mention">@<span>kite</span></a> hi`:                   "@kite hi",
		`<a href="https://chirp.example/tags/kite" class="hashtag">#<span>kite</span></a>`:                  "#kite",
		`<a href="https://river.example/@basket">@kite</a>`:                                                 "@kite (https://river.example/@basket)",
		"a<script>b</script>c<style>d</style>e":                                                             "ace",
		`<a href="x">open`:                                                                                  "open (x)",
		"<ul><li>one</li><li>two</li></ul>":                                                                 "one\ntwo",
		"":                                                                                                  "",
		"<<p>< a & b &lt;p&gt;":                                                                             "<\n< a & b <p>",
	} {
		if got := platforms.Text(markup); got != want {
			t.Errorf("%q\n got %q\nwant %q", markup, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add(`<p>kite <a href="https://chirp.example/join/x">x</a></p><script>a`)
	f.Fuzz(func(t *testing.T, markup string) {
		got := platforms.Text(markup)
		if got != strings.TrimSpace(got) || strings.Contains(got, "\n\n") {
			t.Errorf("%q gives untidy %q", markup, got)
		}
	})
}
