package platforms

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Text makes plain text of a post's HTML: a new line for each paragraph, line break and list item, and after a link's
// text its address in brackets, unless the text is that address or a mention or hashtag that names the same thing.
func Text(markup string) string {
	var (
		out  strings.Builder
		href string // of the link that is open
		from int    // where its text starts in out
		skip atom.Atom
	)
	closeLink := func() {
		if href == "" {
			return
		}
		shown := strings.TrimSpace(out.String()[from:])
		switch {
		case shown == "":
			out.WriteString(href)
		case !sameThing(shown, href):
			out.WriteString(" (" + href + ")")
		}
		href = ""
	}
	z := html.NewTokenizer(strings.NewReader(markup))
	for {
		switch z.Next() {
		case html.ErrorToken: // strings.Reader has no error but its end
			closeLink()
			return tidy(out.String())
		case html.TextToken:
			if skip == 0 {
				out.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			switch t.DataAtom {
			case atom.Script, atom.Style:
				if t.Type == html.StartTagToken {
					skip = t.DataAtom
				}
			case atom.Br, atom.P, atom.Div, atom.Li, atom.Blockquote, atom.Pre, atom.Ul, atom.Ol, atom.H1, atom.H2, atom.H3, atom.H4:
				out.WriteByte('\n')
			case atom.A:
				closeLink()
				href, from = attribute(t, "href"), out.Len()
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			switch a := atom.Lookup(name); a {
			case atom.A:
				closeLink()
			case atom.P, atom.Div, atom.Blockquote, atom.Pre, atom.Ul, atom.Ol:
				out.WriteByte('\n')
			case skip:
				skip = 0
			}
		}
	}
}

func attribute(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return strings.TrimSpace(a.Val)
		}
	}
	return ""
}

// sameThing tells whether a link's text already says where it leads.
func sameThing(shown, href string) bool {
	if bare(shown) == bare(href) {
		return true
	}
	if shown[0] != '@' && shown[0] != '#' {
		return false
	}
	u, err := url.Parse(href)
	if err != nil {
		return false
	}
	last := u.Path[strings.LastIndexByte(u.Path, '/')+1:]
	name, _, _ := strings.Cut(shown[1:], "@") // a mention of another server's account may carry its host
	return strings.EqualFold(strings.TrimPrefix(last, "@"), name)
}

func bare(address string) string {
	_, rest, ok := strings.Cut(address, "://")
	if !ok {
		rest = address
	}
	return strings.TrimSuffix(rest, "/")
}

// tidy trims each line and leaves at most one line break between two.
func tidy(s string) string {
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(s, "\u00a0", " ")) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
