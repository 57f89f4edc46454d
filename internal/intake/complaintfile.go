package intake

import (
	"bytes"
	"context"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/spreadsheet"
)

// Limits of a complaint file.
const (
	maxComplaint = 50 << 20  // bytes
	maxRows      = 1_000_000 // that are not blank
	maxCell      = 64 << 10  // bytes
	maxCells     = 256       // in a row
	maxWords     = 200       // of a cell, in which an address is looked for
	readingTime  = 2 * time.Minute
)

// Line is one row of a complaint file.
type Line struct {
	N       int               // 1 for the first row of data; blank rows and the header do not count
	Typed   string            // the cell that holds the address, as typed; of an unreadable row what stands there instead
	Remarks string            // the other cells but a serial number, joined by "; "
	Locator platforms.Locator // zero if Err is not empty
	Err     string            // why the row cannot be read

	Sheet    string // of a workbook
	Row      int    // as a spreadsheet program shows it; 0 in a text file
	Formulas string // which cells are formulas, and what they say, one a line: "B5 =A5"
	Note     string // what a person should know of how the row was read
	Heading  bool   // an unreadable row that is a title: above the column titles, or one of them again
}

// ReadComplaint reads a list of addresses as people make it. A text file is comma, semicolon or tab separated, or one address a
// line; with or without a header, byte order mark and quotes; UTF-8, UTF-16 with its mark, or Windows-1252. A workbook (XLSX) may
// have several sheets, titles above the column titles, and merged cells. Columns stand in any order, and a handle is read when the row,
// its column or its sheet names the platform. In each row the address is looked for first in the column that holds most addresses. No
// row is lost: one without a readable address is kept with Err.
//
// A file over 50 MiB or 1,000,000 rows is a fault.TooLarge; one that is neither text nor workbook, or holds no row, is a fault.Invalid.
func ReadComplaint(ctx context.Context, b []byte) ([]Line, error) {
	if len(b) > maxComplaint {
		return nil, fault.New(fault.TooLarge, "the complaint file is larger than %d MiB; split it", maxComplaint>>20)
	}
	ctx, cancel := context.WithTimeout(ctx, readingTime)
	defer cancel()
	var lines []Line
	if spreadsheet.Is(b) {
		sheets, err := spreadsheet.Read(ctx, b)
		if err != nil {
			return nil, err
		}
		for _, s := range sheets {
			if lines, err = readRows(ctx, lines, sheetRows(s), s.Name); err != nil {
				return nil, err
			}
		}
	} else {
		text, err := complaintText(b)
		if err != nil {
			return nil, err
		}
		if lines, err = readRows(ctx, lines, newTable(text).rows(), ""); err != nil {
			return nil, err
		}
	}
	if len(lines) == 0 {
		return nil, fault.New(fault.Invalid, "the complaint file holds no row with an address")
	}
	return lines, nil
}

// complaintText gives the file as UTF-8 without a mark.
func complaintText(b []byte) (string, error) {
	for magic, is := range map[string]string{"%PDF": "a PDF", "\x89PNG": "a picture", "\xff\xd8\xff": "a picture", "GIF8": "a picture", "PK": "an archive", "Rar!": "an archive",
		"7z\xbc\xaf": "an archive", "\x1f\x8b": "an archive", "MZ": "a program", "\x7fELF": "a program", "{\\rtf": "a text document"} {
		if bytes.HasPrefix(b, []byte(magic)) {
			return "", fault.New(fault.Invalid, "this is %s, whatever it is called; save the list as .xlsx or CSV and send that", is)
		}
	}
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return fromUTF16(b[2:], binary.LittleEndian), nil
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return fromUTF16(b[2:], binary.BigEndian), nil
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if bytes.IndexByte(b, 0) >= 0 {
		return "", fault.New(fault.Invalid, "this is no text file and no workbook; save the list as CSV and send that")
	}
	if utf8.Valid(b) {
		return string(b), nil
	}
	s, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "the encoding of the complaint file is not known; save it as UTF-8")
	}
	return string(s), nil
}

func fromUTF16(b []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

// readRow finds the address in a row.
func readRow(row tableRow, seen layout) Line {
	column := seen.address
	order := make([]int, 0, len(row.cells))
	if column < len(row.cells) {
		order = append(order, column)
	}
	for i := range row.cells {
		if i != column {
			order = append(order, i)
		}
	}
	fail := func(at int, why string) Line {
		return Line{Typed: shorten(row.cells[at]), Remarks: remarks(row.cells, at), Err: why}
	}
	why, at := "", -1
	for _, i := range order {
		if len(row.cells[i]) > maxCell {
			return fail(i, "a cell of this row is longer than 64 KiB")
		}
		if !mayBeAddress(row.cells[i]) {
			continue
		}
		l, err := platforms.ParseLocator(row.cells[i])
		if err == nil {
			return Line{Typed: row.cells[i], Remarks: remarks(row.cells, i), Locator: l}
		}
		if why == "" {
			why, at = fault.Message(err), i
		}
	}
	if row.cut {
		return fail(order[0], "this row has more than 256 cells")
	}
	// No cell is an address: look for one in the words of the cells.
	var found []platforms.Locator
	from := 0
	for _, i := range order {
		if len(found) > 1 {
			break
		}
		for _, l := range addressesIn(row.cells[i]) {
			if !slices.Contains(found, l) {
				found, from = append(found, l), i
			}
		}
	}
	named, in := seen.named(row)
	if len(found) == 0 && len(named) > 0 {
		found, from = named, in
	}
	if len(found) == 0 {
		for _, i := range order {
			if l, err := platforms.ParseLocator(row.links[i]); err == nil && !slices.Contains(found, l) {
				found, from = append(found, l), i
			}
		}
		if len(found) == 1 {
			return Line{Typed: row.cells[from], Remarks: remarks(row.cells, from), Locator: found[0], Note: "the address lies behind the text of the cell, as a link"}
		}
	}
	switch {
	case len(found) == 1:
		return Line{Typed: row.cells[from], Remarks: remarks(row.cells, from), Locator: found[0]}
	case len(found) > 1:
		return fail(from, "this row names more than one address; give each its own row")
	case at >= 0:
		return fail(at, why)
	}
	for _, i := range order {
		if strings.TrimSpace(row.cells[i]) != "" {
			at = i
			break
		}
	}
	return fail(max(at, 0), "no cell of this row is the address of an account or a post")
}

// mayBeAddress tells in passing whether ParseLocator is worth its time: every address has an @ or a slash.
func mayBeAddress(cell string) bool {
	return strings.ContainsAny(cell, "@/") || strings.Contains(cell, "%40") || strings.ContainsAny(cell, "＠／﹫") || strings.Contains(cell, "did:") ||
		strings.Contains(cell, ".bsky.social") || strings.Contains(cell, "%2F%2F") || strings.Contains(cell, "%2f%2f") || strings.Contains(cell, "[at]")
}

// addressesIn gives the addresses among the words of a cell, two at most: more are as good.
func addressesIn(cell string) (found []platforms.Locator) {
	if !mayBeAddress(cell) {
		return nil
	}
	words := strings.FieldsFunc(cell, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`"'<>,;|`, r) })
	for _, word := range words[:min(len(words), maxWords)] {
		if len(found) == 2 {
			break
		}
		if mayBeAddress(word) {
			if l, err := platforms.ParseLocator(strings.TrimLeft(word, "=:(")); err == nil && !slices.Contains(found, l) {
				found = append(found, l)
			}
		}
	}
	return found
}

var serialNumber = regexp.MustCompile(`^[0-9]{1,7}[.)]?$`)

// remarks joins the cells but one; a serial number at the start of the row says nothing.
func remarks(cells []string, but int) string {
	var kept []string
	size := 0
	for i, c := range cells {
		c = strings.TrimSpace(c)
		if i == but || c == "" || i == 0 && serialNumber.MatchString(c) {
			continue
		}
		if size += len(c); size > maxCell {
			break
		}
		kept = append(kept, c)
	}
	return strings.Join(kept, "; ")
}

// shorten keeps an overlong cell within the limit.
func shorten(cell string) string {
	if len(cell) <= maxCell {
		return cell
	}
	return strings.ToValidUTF8(cell[:maxCell], "")
}
