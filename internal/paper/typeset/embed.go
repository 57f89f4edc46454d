package typeset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"unicode/utf16"

	"github.com/go-text/typesetting/font/opentype"
)

// usage is what a document has set in one face: its glyphs, and the text that a reader is told each stands for.
type usage struct {
	glyphs map[uint16]float64 // advance in thousandths of an em
	text   map[uint16]string
}

func newUsage() *usage { return &usage{map[uint16]float64{}, map[uint16]string{}} }

// spells enters the glyphs of a run and says whether what they stand for, one by one, is the run's text. A word in Devanagari
// never counts as spelt: its signs stand in another order than its letters, and readers see blanks between them.
func (u *usage) spells(r run, t *typeface) bool {
	same := r.face != devanagari && r.face != devanagariBold
	for i, g := range r.glyphs {
		u.glyphs[g.id] = g.natural
		cluster := r.text[g.cluster : g.cluster+g.runes]
		alone := (i == 0 || r.glyphs[i-1].cluster != g.cluster) && (i == len(r.glyphs)-1 || r.glyphs[i+1].cluster != g.cluster)
		text := ""
		if alone {
			text = string(cluster)
		}
		for _, c := range cluster {
			if id, ok := t.font.NominalGlyph(c); !alone && ok && uint16(id) == g.id {
				text = string(c)
			}
		}
		if known, ok := u.text[g.id]; !ok {
			u.text[g.id] = text
		} else if known != text {
			same = false
		}
		same = same && alone
	}
	return same
}

// embed writes the face with those of its glyphs that are used, under the numbers that they have in the whole font.
func (t *typeface) embed(f *file, u *usage, name string) (fontObject int, err error) {
	program, err := t.subset(u)
	if err != nil {
		return 0, fmt.Errorf("font %s: %w", name, err)
	}
	name = "RKSHAA+" + name
	head, hhea, os2 := t.tables["head"], t.tables["hhea"], t.tables["OS/2"]
	scaled := func(b []byte) int { return int(float64(int16(binary.BigEndian.Uint16(b))) * 1000 / t.units) }
	capHeight := 714
	if len(os2) >= 90 {
		capHeight = scaled(os2[88:])
	}
	programObject := f.reserve()
	f.stream(programObject, fmt.Sprintf("/Length1 %d", len(program)), program)
	descriptor := f.add("<< /Type /FontDescriptor /FontName /%s /Flags 4 /FontBBox [%d %d %d %d] /ItalicAngle 0 /Ascent %d /Descent %d /CapHeight %d /StemV 80 /FontFile2 %d 0 R >>",
		name, scaled(head[36:]), scaled(head[38:]), scaled(head[40:]), scaled(head[42:]), scaled(hhea[4:]), scaled(hhea[6:]), capHeight, programObject)
	var widths strings.Builder
	for _, g := range slices.Sorted(maps.Keys(u.glyphs)) {
		fmt.Fprintf(&widths, "%d [%s] ", g, num(u.glyphs[g]))
	}
	descendant := f.add("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /%s /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor %d 0 R /CIDToGIDMap /Identity /DW 0 /W [%s] >>",
		name, descriptor, strings.TrimSpace(widths.String()))
	unicode := f.reserve()
	f.stream(unicode, "", u.toUnicode())
	return f.add("<< /Type /Font /Subtype /Type0 /BaseFont /%s /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>", name, descendant, unicode), nil
}

// toUnicode is the CMap from glyphs to text (ISO 32000-1 9.10.3).
func (u *usage) toUnicode() []byte {
	var b bytes.Buffer
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	ids := slices.Sorted(maps.Keys(u.text))
	ids = slices.DeleteFunc(ids, func(g uint16) bool { return u.text[g] == "" })
	for part := range slices.Chunk(ids, 100) {
		fmt.Fprintf(&b, "%d beginbfchar\n", len(part))
		for _, g := range part {
			fmt.Fprintf(&b, "<%04X> <", g)
			for _, c := range utf16.Encode([]rune(u.text[g])) {
				fmt.Fprintf(&b, "%04X", c)
			}
			b.WriteString(">\n")
		}
		b.WriteString("endbfchar\n")
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return b.Bytes()
}

// subset makes a TrueType font that holds the outlines of the used glyphs only; all others are there and empty.
func (t *typeface) subset(u *usage) ([]byte, error) {
	head, maxp, glyf := bytes.Clone(t.tables["head"]), t.tables["maxp"], t.tables["glyf"]
	if len(head) < 54 || len(maxp) < 6 {
		return nil, fmt.Errorf("a table is cut short")
	}
	count := int(binary.BigEndian.Uint16(maxp[4:]))
	outline := func(g int) ([]byte, error) {
		from, to, err := t.place(g, count)
		if err != nil || to > len(glyf) || from > to {
			return nil, fmt.Errorf("glyph %d lies outside its table", g)
		}
		return glyf[from:to], nil
	}
	used := map[int]bool{0: true}
	queue := []int{0}
	for g := range u.glyphs {
		if !used[int(g)] {
			used[int(g)] = true
			queue = append(queue, int(g))
		}
	}
	for len(queue) > 0 {
		g := queue[0]
		queue = queue[1:]
		b, err := outline(g)
		if err != nil {
			return nil, err
		}
		for _, c := range components(b) {
			if !used[c] {
				used[c] = true
				queue = append(queue, c)
			}
		}
	}
	var outlines bytes.Buffer
	loca := make([]byte, 0, 4*(count+1))
	for g := range count {
		loca = binary.BigEndian.AppendUint32(loca, uint32(outlines.Len()))
		if used[g] {
			b, err := outline(g)
			if err != nil {
				return nil, err
			}
			outlines.Write(b)
			outlines.Write(make([]byte, (4-len(b)%4)%4))
		}
	}
	loca = binary.BigEndian.AppendUint32(loca, uint32(outlines.Len()))
	binary.BigEndian.PutUint16(head[50:], 1) // indexToLocFormat: long
	binary.BigEndian.PutUint32(head[8:], 0)  // checkSumAdjustment is of the whole font
	tables := map[string][]byte{"head": head, "glyf": outlines.Bytes(), "loca": loca}
	for _, name := range []string{"cvt ", "fpgm", "prep", "hhea", "hmtx", "maxp"} {
		if b, ok := t.tables[name]; ok {
			tables[name] = b
		}
	}
	names := slices.Collect(maps.Keys(tables))
	sort.Strings(names)
	var out []opentype.Table
	for _, name := range names {
		b := bytes.Clone(tables[name])
		out = append(out, opentype.Table{Tag: opentype.MustNewTag(name), Content: append(b, make([]byte, (4-len(b)%4)%4)...)})
	}
	return opentype.WriteTTF(out), nil
}

// place gives where the outline of a glyph stands in glyf.
func (t *typeface) place(g, count int) (from, to int, err error) {
	loca := t.tables["loca"]
	long := binary.BigEndian.Uint16(t.tables["head"][50:]) == 1
	if g < 0 || g >= count || long && len(loca) < 4*(g+2) || !long && len(loca) < 2*(g+2) {
		return 0, 0, fmt.Errorf("there is no glyph %d", g)
	}
	if long {
		return int(binary.BigEndian.Uint32(loca[4*g:])), int(binary.BigEndian.Uint32(loca[4*g+4:])), nil
	}
	return 2 * int(binary.BigEndian.Uint16(loca[2*g:])), 2 * int(binary.BigEndian.Uint16(loca[2*g+2:])), nil
}

// components lists the glyphs that a composite glyph is made of.
func components(b []byte) (out []int) {
	if len(b) < 10 || int16(binary.BigEndian.Uint16(b)) >= 0 {
		return nil
	}
	const words, scale, more, xyScale, matrix = 0x1, 0x8, 0x20, 0x40, 0x80
	for at := 10; at+4 <= len(b); {
		flags := binary.BigEndian.Uint16(b[at:])
		out = append(out, int(binary.BigEndian.Uint16(b[at+2:])))
		at += 6
		if flags&words != 0 {
			at += 2
		}
		switch {
		case flags&scale != 0:
			at += 2
		case flags&xyScale != 0:
			at += 4
		case flags&matrix != 0:
			at += 8
		}
		if flags&more == 0 {
			break
		}
	}
	return out
}
