package typeset

import (
	"strings"
)

// Style is how text looks. Size is in points; Gray is 0 (black) to 1.
type Style struct {
	Size       float64
	Bold, Mono bool
	Gray       float64
}

const leading = 1.38 // of the size: Devanagari has marks above and below

// word is a word of a line.
type word struct {
	runs   []run
	width  float64 // points
	actual *string // what it stands for, if that is more than it shows: the first piece of a broken word
}

// line is a broken line of one style.
type line struct {
	words []word
	style Style
}

func (l line) height() float64 { return l.style.Size * leading }

func (s *setter) word(text string, st Style) word {
	w := word{runs: s.shape(wordKey{text, st.Bold, st.Mono})}
	for _, r := range w.runs {
		w.width += r.width * st.Size / 1000
	}
	return w
}

// blank is the width of a space, in points.
func (s *setter) blank(st Style) float64 {
	return s.shape(wordKey{text: " "})[0].width * st.Size / 1000
}

func (s *setter) width(text string, st Style) (w float64) {
	for i, t := range strings.Fields(text) {
		if i > 0 {
			w += s.blank(st)
		}
		w += s.word(t, st).width
	}
	return w
}

// lines breaks a text at its blanks, and a word that is wider than the line between its letters.
func (s *setter) lines(text string, st Style, width float64) (out []line) {
	blank := s.blank(st)
	for _, paragraph := range strings.Split(text, "\n") {
		now, used := line{style: st}, 0.0
		for _, t := range strings.Fields(paragraph) {
			w := s.word(t, st)
			if used > 0 && used+blank+w.width > width {
				out, now, used = append(out, now), line{style: st}, 0
			}
			if w.width > width {
				pieces := s.pieces(t, st, width)
				for i := range pieces {
					part := ""
					if i == 0 {
						part = t
					}
					pieces[i].actual = &part
				}
				for _, p := range pieces[:len(pieces)-1] {
					out = append(out, line{words: []word{p}, style: st})
				}
				w = pieces[len(pieces)-1]
			}
			if used > 0 {
				used += blank
			}
			now.words, used = append(now.words, w), used+w.width
		}
		out = append(out, now)
	}
	return out
}

// pieces cuts a word into parts that fit, between what stands for whole letters. It looks at each letter once.
func (s *setter) pieces(text string, st Style, width float64) (out []word) {
	var part []rune
	used := 0.0
	flush := func() {
		if len(part) > 0 {
			w := word{runs: s.cut(string(part), st)}
			for _, r := range w.runs {
				w.width += r.width * st.Size / 1000
			}
			out = append(out, w)
		}
		part, used = nil, 0
	}
	for _, r := range s.shape(wordKey{text, st.Bold, st.Mono}) {
		for i := 0; i < len(r.glyphs); {
			g := r.glyphs[i]
			wide := 0.0
			for ; i < len(r.glyphs) && r.glyphs[i].cluster == g.cluster; i++ {
				wide += r.glyphs[i].advance * st.Size / 1000
			}
			if used > 0 && used+wide > width {
				flush()
			}
			part, used = append(part, r.text[g.cluster:g.cluster+g.runes]...), used+wide
		}
	}
	flush()
	return out
}

// cut shapes a piece of a word without remembering it.
func (s *setter) cut(text string, st Style) []run {
	k := wordKey{text, st.Bold, st.Mono}
	_, known := s.words[k]
	r := s.shape(k)
	if !known {
		delete(s.words, k)
	}
	return r
}
