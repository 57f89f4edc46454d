package selector

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// folded is text in the form that patterns are matched against, with the way back to the original.
type folded struct {
	text     []byte
	from, to []int32 // for each byte of text, the bytes of the original that it comes from; nil: the same places
}

// span gives the bytes of the original behind text[start:end].
func (f folded) span(start, end int) (int, int) {
	if f.from == nil || start >= end {
		return start, end
	}
	return int(f.from[start]), int(f.to[end-1])
}

// defanged are the ways in which people make addresses harmless; the longest first.
var defanged = []struct{ typed, means string }{
	{"[dot]", "."}, {"(dot)", "."}, {"[at]", "@"}, {"(at)", "@"}, {"[.]", "."}, {"(.)", "."}, {"{.}", "."}, {"[@]", "@"}, {"[:]", ":"},
}

// zeros are the zeros of the scripts of India and its neighbours; nine more digits follow each.
var zeros = []rune("०০੦૦୦௦౦೦൦٠۰๐༠၀")

// fold applies NFKC rune by rune, digits of every script to 0-9, drops invisible characters and undoes defanging.
func fold(s string) folded {
	if plain(s) {
		return folded{text: []byte(s)}
	}
	f := folded{text: make([]byte, 0, len(s)), from: make([]int32, 0, len(s)), to: make([]int32, 0, len(s))}
	for i := 0; i < len(s); {
		out, size := unit(s[i:])
		for range len(out) {
			f.from = append(f.from, int32(i))
			f.to = append(f.to, int32(i+size))
		}
		f.text = append(f.text, out...)
		i += size
	}
	return f
}

// plain tells whether s folds to itself.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || c == '[' || c == '(' || c == '{' || c == 0x7f || c < ' ' && c != '\n' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

// unit folds the first character, or defanged sign, of s and gives how many bytes of s that took.
func unit(s string) (out string, size int) {
	if c := s[0]; c == '[' || c == '(' || c == '{' {
		for _, d := range defanged {
			if len(s) >= len(d.typed) && strings.EqualFold(s[:len(d.typed)], d.typed) {
				return d.means, len(d.typed)
			}
		}
	}
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError:
		return "\uFFFD", size
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r), unicode.IsControl(r) && !unicode.IsSpace(r):
		return "", size
	case r < utf8.RuneSelf:
		return s[:1], size
	}
	for _, zero := range zeros {
		if r >= zero && r <= zero+9 {
			return string('0' + r - zero), size
		}
	}
	return norm.NFKC.String(string(r)), size
}
