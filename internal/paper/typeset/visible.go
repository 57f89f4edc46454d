package typeset

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	zwnj      = '\u200c'
	zwj       = '\u200d'
	marksKept = 4 // combining marks on one letter: more than any word has
)

// Visible makes a text such that what is printed is all there is. A character that would not be seen, would move others
// about, or has no glyph here is written as its number: [U+202E]. Line ends stay, unless the text is an identifier: in one,
// every blank but a plain space is written as its number too.
func (f *Fonts) Visible(s string, identifier bool) string {
	if !identifier {
		s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\u0085", "\n", "\t", " ").Replace(s)
	}
	var out strings.Builder
	in := []rune(strings.ToValidUTF8(s, string(utf8.RuneError)))
	marks, base := 0, false // base: a mark has something to stand on
	for i, r := range in {
		last, next := at(in, i-1), at(in, i+1)
		shown := false
		switch {
		case r == '\n' && !identifier:
			shown, base = true, false
		case r == ' ':
			shown, base = true, false
		case r == '[' && next == 'U': // so that nobody writes by hand what is written here
		case r == zwj || r == zwnj: // Devanagari needs them; anywhere else they hide
			shown = !identifier && last == '\u094d' && isDevanagari(next)
		case unicode.Is(unicode.Zs, r) && !identifier:
			r, shown, base = ' ', true, false
		case isMark(r):
			marks++
			shown = base && marks <= marksKept && f.covers(r)
		case unicode.IsGraphic(r) && r != utf8.RuneError && !unicode.In(r, unicode.Zs, unicode.Co) && f.covers(r):
			shown, base = true, true
		}
		if !isMark(r) {
			marks = 0
		}
		if shown {
			out.WriteRune(r)
			continue
		}
		fmt.Fprintf(&out, "[U+%04X]", r)
	}
	return out.String()
}

func at(in []rune, i int) rune {
	if i < 0 || i >= len(in) {
		return 0
	}
	return in[i]
}

// Plain writes an identifier in ASCII: every other character as its number. Two identifiers that look alike differ in it.
func Plain(s string) string {
	var out strings.Builder
	for _, r := range s {
		if r < 0x7f {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, "[U+%04X]", r)
		}
	}
	return out.String()
}
