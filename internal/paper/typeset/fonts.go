// Package typeset lays text out on A4 pages and writes them as tagged PDF (ISO 32000-1), with Devanagari shaped as it is
// read. It knows nothing of what it prints.
//
// Shaping is go-text/typesetting's; the pages and the file are written here, because what people copy out of a page must be
// what was written: every word whose glyphs do not spell it carries its text (ActualText, ISO 32000-1 14.9.4), and every
// piece of text stands in a structure tree (14.7). The same text gives the same bytes.
package typeset

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"unicode"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"

	"raksha.example/raksha/internal/fault"
)

// The faces, in the order of their files.
const (
	sans = iota
	sansBold
	devanagari
	devanagariBold
	mono
	faceCount
)

var faceFiles = [faceCount]string{"NotoSans_400Regular.ttf", "NotoSans_700Bold.ttf", "NotoSansDevanagari_400Regular.ttf", "NotoSansDevanagari_700Bold.ttf", "NotoSansMono_400Regular.ttf"}

// Fonts are the fonts that pages are set in. They are only read and may be shared.
type Fonts struct{ faces [faceCount]*typeface }

type typeface struct {
	font   *font.Font
	tables map[string][]byte
	units  float64 // in an em
}

var tablesKept = []string{"cvt ", "fpgm", "glyf", "head", "hhea", "hmtx", "loca", "maxp", "prep", "OS/2"}

// Load reads the fonts of a folder: fault.NotSupported "no_fonts" if they are not there.
func Load(folder fs.FS) (*Fonts, error) {
	out := &Fonts{}
	for i, name := range faceFiles {
		b, err := fs.ReadFile(folder, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault.Coded(fault.NotSupported, "no_fonts", "this program was built without fonts; run make build")
		}
		if err != nil {
			return nil, err
		}
		if out.faces[i], err = read(b); err != nil {
			return nil, fmt.Errorf("font %s: %w", name, err)
		}
	}
	return out, nil
}

func read(b []byte) (*typeface, error) {
	loader, err := opentype.NewLoader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	f, err := font.NewFont(loader)
	if err != nil {
		return nil, err
	}
	t := &typeface{font: f, tables: map[string][]byte{}, units: float64(f.Upem())}
	for _, name := range tablesKept {
		table, err := loader.RawTable(opentype.MustNewTag(name))
		switch {
		case err == nil:
			t.tables[name] = table
		case name == "cvt " || name == "fpgm" || name == "prep":
		default:
			return nil, err
		}
	}
	return t, nil
}

func (t *typeface) has(r rune) bool {
	_, ok := t.font.NominalGlyph(r)
	return ok
}

// covers says whether a character can be printed.
func (f *Fonts) covers(r rune) bool { return f.faces[sans].has(r) || f.faces[devanagari].has(r) }

func isDevanagari(r rune) bool {
	return r >= 0x900 && r <= 0x97f || r >= 0xa8e0 && r <= 0xa8ff || r >= 0x1cd0 && r <= 0x1cff
}

func isMark(r rune) bool { return unicode.In(r, unicode.Mn, unicode.Mc, unicode.Me) }
