package spreadsheet

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"path"
	"strings"

	"github.com/xuri/excelize/v2"

	"raksha.example/raksha/internal/fault"
)

// Limits of the archive that a workbook is (ECMA-376 part 2).
const (
	maxUnpacked = 256 << 20 // bytes of all parts
	maxStrings  = 64 << 20  // of the table of strings, which the library holds several times over
	maxPart     = 8 << 20   // of any other part but a sheet
	maxParts    = 2000
	maxDepth    = 32 // of elements within elements
	maxKept     = 1000
	maxMarked   = 200_000 // formulas, links and merged cells that are looked at
)

// parts is the archive, looked at before the library sees it.
type parts struct {
	files  map[string]*zip.File
	sheets map[string]string // path of each sheet by its name
}

// Is tells whether bytes begin as a workbook's do, or as another archive's.
func Is(b []byte) bool { return bytes.HasPrefix(b, []byte("PK\x03\x04")) || bytes.HasPrefix(b, ole) }

var ole = []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") // the older container: workbooks until 2003, and encrypted ones of today ([MS-OFFCRYPTO])

// open refuses what is no plain workbook. The sizes that the archive states are held to when it is unpacked (archive/zip).
func open(b []byte) (*parts, error) {
	if bytes.HasPrefix(b, ole) {
		if bytes.Contains(b, utf16le("EncryptedPackage")) {
			return nil, fault.New(fault.Invalid, "this workbook is locked with a password; save it without one, or save the list as CSV")
		}
		return nil, fault.New(fault.Invalid, "this is a workbook of the old kind (.xls) or another old document; save it as .xlsx or the list as CSV")
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "this file begins as a workbook but is damaged or cut short; send it again, or save the list as CSV")
	}
	p := &parts{files: map[string]*zip.File{}, sheets: map[string]string{}}
	var total uint64
	if len(z.File) > maxParts {
		return nil, fault.New(fault.TooLarge, "the workbook has more than %d parts; save the list as CSV", maxParts)
	}
	for _, f := range z.File {
		name := strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(f.Name, "\\", "/"), "/"))
		if p.files[name] != nil {
			return nil, fault.New(fault.Invalid, "the workbook has one part twice; it is damaged or made to be read in two ways")
		}
		p.files[name] = f
		if f.Flags&1 != 0 {
			return nil, fault.New(fault.Invalid, "this archive is locked with a password; send the list without one")
		}
		limit := uint64(maxPart)
		switch {
		case strings.HasPrefix(name, "xl/worksheets/"), strings.HasPrefix(name, "xl/media/"):
			limit = maxUnpacked
		case name == "xl/sharedstrings.xml":
			limit = maxStrings
		}
		if total += f.UncompressedSize64; f.UncompressedSize64 > limit || total > maxUnpacked {
			return nil, fault.New(fault.TooLarge, "the workbook unpacks to more than is read (%d MiB in all); split it, or save the list as CSV", maxUnpacked>>20)
		}
	}
	return p, p.check()
}

// check tells a workbook from other archives, and refuses what runs or reaches elsewhere.
func (p *parts) check() error {
	has := func(prefix string) bool {
		for name := range p.files {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
		return false
	}
	switch {
	case has("word/"):
		return fault.New(fault.Invalid, "this is a text document; put the list into a spreadsheet, or save it as CSV")
	case has("ppt/"):
		return fault.New(fault.Invalid, "this is a presentation; put the list into a spreadsheet, or save it as CSV")
	case has("content.xml"):
		return fault.New(fault.Invalid, "this is an OpenDocument file; save it as .xlsx or the list as CSV")
	case p.files["[content_types].xml"] == nil || p.files["xl/workbook.xml"] == nil:
		if has("xl/workbook.bin") {
			return fault.New(fault.Invalid, "this is a binary workbook (.xlsb); save it as .xlsx or the list as CSV")
		}
		return fault.New(fault.Invalid, "this is an archive and no workbook; unpack it and send the list itself as .xlsx or CSV")
	case has("xl/vbaproject"), has("xl/macrosheets/"), has("xl/dialogsheets/"):
		return fault.New(fault.Invalid, "this workbook holds macros (programs); save it as .xlsx without them, or save the list as CSV")
	case has("xl/externallinks/"), has("xl/embeddings/"), has("xl/activex/"), has("xl/connections.xml"):
		return fault.New(fault.Invalid, "this workbook takes content from other files or places; copy the list as values into a new workbook, or save it as CSV")
	}
	for name := range p.files { // of every part that the library will parse
		if strings.HasSuffix(name, ".xml") || strings.HasSuffix(name, ".rels") {
			if err := p.shallow(name); err != nil {
				return err
			}
		}
	}
	return p.findSheets()
}

// shallow refuses declarations of entities, and elements nested deeper than a workbook's are.
func (p *parts) shallow(name string) error {
	if strings.HasPrefix(name, "xl/worksheets/sheet") || strings.HasPrefix(name, "xl/drawings/") || strings.HasPrefix(name, "xl/charts/") || strings.HasPrefix(name, "xl/diagrams/") {
		return nil // sheets are looked at when they are read; drawings never are
	}
	depth := 0
	return p.tokens(name, func(_ *xml.Decoder, t xml.Token) (bool, error) {
		switch t.(type) {
		case xml.Directive:
			return false, fault.New(fault.Invalid, "the workbook declares entities, as no spreadsheet program does; save the list as CSV")
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
		if depth > maxDepth {
			return false, fault.New(fault.Invalid, "a part of the workbook is nested deeper than a spreadsheet program does; save the list as CSV")
		}
		return true, nil
	})
}

// tokens reads a part token by token until fn says that it has seen enough.
func (p *parts) tokens(name string, fn func(*xml.Decoder, xml.Token) (bool, error)) error {
	f := p.files[strings.ToLower(name)]
	if f == nil {
		return nil
	}
	r, err := f.Open()
	if err != nil {
		return damaged(err)
	}
	defer r.Close()
	d := xml.NewDecoder(io.LimitReader(r, int64(f.UncompressedSize64)))
	for {
		t, err := d.RawToken()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return damaged(err)
		}
		if more, err := fn(d, t); err != nil || !more {
			return err
		}
	}
}

func damaged(err error) error {
	return fault.Wrap(err, fault.Invalid, "the workbook is damaged and cannot be read; open it, save it anew as .xlsx, or save the list as CSV")
}

// findSheets learns which part each sheet is.
func (p *parts) findSheets() error {
	targets, err := p.relations("xl/_rels/workbook.xml.rels", "xl")
	if err != nil {
		return err
	}
	return p.tokens("xl/workbook.xml", func(_ *xml.Decoder, t xml.Token) (bool, error) {
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == "sheet" {
			if to := targets[attr(e, "id")]; !to.outside {
				p.sheets[attr(e, "name")] = to.path
			}
		}
		return len(p.sheets) <= maxSheets, nil
	})
}

type relation struct {
	path    string
	outside bool // an address, not a part
}

// relations reads what the ids in a part stand for; folder is where the part lies.
func (p *parts) relations(name, folder string) (map[string]relation, error) {
	out := map[string]relation{}
	err := p.tokens(name, func(_ *xml.Decoder, t xml.Token) (bool, error) {
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == "Relationship" {
			r := relation{attr(e, "Target"), strings.EqualFold(attr(e, "TargetMode"), "External")}
			if !r.outside {
				if strings.HasPrefix(r.path, "/") {
					r.path = strings.TrimPrefix(r.path, "/")
				} else {
					r.path = path.Join(folder, r.path)
				}
			}
			out[attr(e, "Id")] = r
		}
		return len(out) < maxMarked, nil
	})
	return out, err
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// addTo adds what the library's stream does not tell: formulas, links behind cells, and what cells merged downwards hold.
func (p *parts) addTo(ctx context.Context, s *Sheet, name string) error {
	at := map[int]*Row{}
	for i := range s.Rows {
		at[s.Rows[i].N] = &s.Rows[i]
	}
	links, err := p.relations(path.Join(path.Dir(name), "_rels", path.Base(name)+".rels"), path.Dir(name))
	if err != nil {
		return err
	}
	column, row, depth, marked, seen := 0, 0, 0, 0, 0
	var formula *strings.Builder
	err = p.tokens(name, func(_ *xml.Decoder, t xml.Token) (bool, error) {
		if seen++; seen%4096 == 0 && ctx.Err() != nil {
			return false, tooLong(ctx)
		}
		switch t := t.(type) {
		case xml.Directive:
			return false, fault.New(fault.Invalid, "the workbook declares entities, as no spreadsheet program does; save the list as CSV")
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return false, fault.New(fault.Invalid, "a sheet is nested deeper than a spreadsheet program does; save the list as CSV")
			}
			switch t.Name.Local {
			case "c":
				column, row, _ = excelize.CellNameToCoordinates(attr(t, "r"))
			case "f":
				formula = &strings.Builder{}
			case "mergeCell":
				marked++
				fillDown(at, attr(t, "ref"))
			case "hyperlink":
				marked++
				from, _, _ := strings.Cut(attr(t, "ref"), ":")
				if to := links[attr(t, "id")]; to.outside {
					if c, r, err := excelize.CellNameToCoordinates(from); err == nil && at[r] != nil && c <= maxColumns {
						at[r].Links = put(at[r].Links, c-1, to.path)
					}
				}
			}
		case xml.CharData:
			if formula != nil && formula.Len() < maxKept {
				formula.Write(t[:min(len(t), maxKept)])
			}
		case xml.EndElement:
			depth--
			if t.Name.Local == "f" && formula != nil {
				marked++
				if r := at[row]; r != nil && column >= 1 && column <= maxColumns {
					r.Formulas = put(r.Formulas, column-1, "="+strings.ToValidUTF8(formula.String(), ""))
				}
				formula = nil
			}
		}
		return marked < maxMarked, nil
	})
	if err == nil && depth != 0 && marked < maxMarked { // cut off: the library would take the end for the end of the list
		return damaged(io.ErrUnexpectedEOF)
	}
	return err
}

func put(m map[int]string, k int, v string) map[int]string {
	if m == nil {
		m = map[int]string{}
	}
	m[k] = v
	return m
}

const longestMerge = 5000 // rows

// fillDown copies what stands at the top of cells that are merged over several rows, such as the platform of a group, into each row.
func fillDown(at map[int]*Row, ref string) {
	from, to, ok := strings.Cut(ref, ":")
	c1, r1, err1 := excelize.CellNameToCoordinates(from)
	c2, r2, err2 := excelize.CellNameToCoordinates(to)
	if !ok || err1 != nil || err2 != nil || c1 != c2 || r2 <= r1 || r2-r1 > longestMerge || c1 > maxColumns || at[r1] == nil || len(at[r1].Cells) < c1 {
		return
	}
	for r := r1 + 1; r <= r2; r++ {
		if row := at[r]; row != nil {
			for len(row.Cells) < c1 {
				row.Cells = append(row.Cells, "")
			}
			if row.Cells[c1-1] == "" {
				row.Cells[c1-1] = at[r1].Cells[c1-1]
			}
		}
	}
}

func utf16le(s string) []byte {
	out := make([]byte, 0, 2*len(s))
	for _, c := range []byte(s) {
		out = append(out, c, 0)
	}
	return out
}
