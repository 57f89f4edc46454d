package typeset

import (
	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"
)

// glyph is one glyph as it is placed; lengths in thousandths of an em.
type glyph struct {
	id             uint16
	advance        float64
	dx, dy         float64 // off the pen
	natural        float64 // the advance in the font, which a reader of the PDF assumes
	cluster, runes int     // the characters of the run that it stands for
}

// run is a piece of a word in one face.
type run struct {
	face   int
	text   []rune
	glyphs []glyph
	width  float64 // thousandths of an em
}

type wordKey struct {
	text       string
	bold, mono bool
}

// setter shapes words and remembers them. It belongs to one document.
type setter struct {
	fonts  *Fonts
	faces  [faceCount]*font.Face
	shaper shaping.HarfbuzzShaper
	words  map[wordKey][]run
}

func newSetter(f *Fonts) *setter {
	s := &setter{fonts: f, words: map[wordKey][]run{}}
	for i := range s.faces {
		s.faces[i] = font.NewFace(f.faces[i].font)
	}
	return s
}

// shape gives the runs of a word, from left to right. Text must be Visible.
func (s *setter) shape(k wordKey) []run {
	if r, ok := s.words[k]; ok {
		return r
	}
	var out []run
	text := []rune(k.text)
	hindi := false
	for _, r := range text {
		hindi = hindi || isDevanagari(r)
	}
	for start := 0; start < len(text); {
		face := s.face(text[start], hindi, k)
		end := start + 1
		for end < len(text) && (s.face(text[end], hindi, k) == face || isMark(text[end]) && s.fonts.faces[face].has(text[end])) {
			end++
		}
		out = append(out, s.run(face, text[start:end]))
		start = end
	}
	if len(s.words) < 50000 { // a hostile text has as many words as it likes
		s.words[k] = out
	}
	return out
}

// face chooses the face of a character. In a word with Devanagari, all that its face has is set in it.
func (s *setter) face(r rune, hindi bool, k wordKey) int {
	first, second := sans, devanagari
	if k.bold {
		first, second = sansBold, devanagariBold
	}
	switch {
	case k.mono && !isDevanagari(r) && s.fonts.faces[mono].has(r):
		return mono
	case isDevanagari(r), r == zwj, r == zwnj, hindi && !k.mono && s.fonts.faces[second].has(r), !s.fonts.faces[first].has(r):
		return second
	}
	return first
}

var noLigatures = []shaping.FontFeature{{Tag: opentype.MustNewTag("liga")}, {Tag: opentype.MustNewTag("clig")}}

func (s *setter) run(face int, text []rune) run {
	in := shaping.Input{Text: text, RunEnd: len(text), Direction: di.DirectionLTR, Face: s.faces[face], Size: fixed.I(1000), Script: language.Latin, Language: "en"}
	if face == devanagari || face == devanagariBold {
		in.Script, in.Language = language.Devanagari, "hi"
	} else {
		in.FontFeatures = noLigatures
	}
	shaped := s.shaper.Shape(in)
	r := run{face: face, text: text}
	for _, g := range shaped.Glyphs {
		natural := float64(s.faces[face].HorizontalAdvance(g.GlyphID)) * 1000 / s.fonts.faces[face].units
		r.glyphs = append(r.glyphs, glyph{id: uint16(g.GlyphID), advance: unfix(g.Advance), dx: unfix(g.XOffset), dy: unfix(g.YOffset), natural: natural,
			cluster: g.TextIndex(), runes: g.RunesCount()})
		r.width += unfix(g.Advance)
	}
	return r
}

func unfix(v fixed.Int26_6) float64 { return float64(v) / 64 }
