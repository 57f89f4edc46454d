// Package spreadsheet reads the workbooks (XLSX) that people send, which are hostile bytes, and writes tables for people to
// keep: CSV and XLSX in which no cell is anything but text.
package spreadsheet

import (
	"encoding/csv"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// Text gives the form of a cell in which no spreadsheet program evaluates it: what would begin a formula (= + - @, also in
// full width, a tab or a line end, with or without space before it) has an apostrophe before it, which programs take for "this
// is text". OWASP, CSV injection. Broken UTF-8 and zero bytes become U+FFFD.
func Text(cell string) string {
	if !utf8.ValidString(cell) || strings.IndexByte(cell, 0) >= 0 {
		cell = strings.ReplaceAll(strings.ToValidUTF8(cell, "\uFFFD"), "\x00", "\uFFFD")
	}
	if cell == "" {
		return cell
	}
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(cell, " \u00a0\u3000\ufeff"))
	if strings.ContainsRune("=+-@\t\r\n＝＋－＠|%", first) && first != utf8.RuneError {
		return "'" + cell
	}
	return cell
}

// CSV writes rows in which every cell is text, as RFC 4180 has it, with a byte order mark: without one, spreadsheet programs take
// Hindi for something else.
type CSV struct {
	w       *csv.Writer
	to      io.Writer
	started bool
}

// NewCSV makes a writer; Flush ends it.
func NewCSV(w io.Writer) *CSV {
	c := &CSV{w: csv.NewWriter(w), to: w}
	c.w.UseCRLF = true
	return c
}

// Row writes one row.
func (c *CSV) Row(cells ...string) error {
	if !c.started {
		c.started = true
		if _, err := io.WriteString(c.to, "\ufeff"); err != nil {
			return err
		}
	}
	safe := make([]string, len(cells))
	for i, s := range cells {
		safe[i] = Text(s)
	}
	return c.w.Write(safe)
}

// Flush writes what is still kept back.
func (c *CSV) Flush() error {
	c.w.Flush()
	return c.w.Error()
}

const maxWritten = 32_767 // characters of a cell, the limit of the format

// XLSX writes one sheet in which every cell is text.
type XLSX struct {
	f   *excelize.File
	w   *excelize.StreamWriter
	row int
	to  io.Writer
}

// NewXLSX makes a writer; Flush ends it and writes the file.
func NewXLSX(w io.Writer) (*XLSX, error) {
	f := excelize.NewFile()
	s, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		f.Close()
		return nil, err
	}
	return &XLSX{f: f, w: s, to: w}, nil
}

// Row writes one row.
func (x *XLSX) Row(cells ...string) error {
	x.row++
	at, err := excelize.CoordinatesToCellName(1, x.row)
	if err != nil {
		return err
	}
	row := make([]any, len(cells))
	for i, s := range cells {
		s = Text(s)
		if utf8.RuneCountInString(s) > maxWritten {
			s = string([]rune(s)[:maxWritten-1]) + "…"
		}
		row[i] = s
	}
	return x.w.SetRow(at, row)
}

// Flush writes the file.
func (x *XLSX) Flush() error {
	defer x.f.Close()
	if err := x.w.Flush(); err != nil {
		return err
	}
	_, err := x.f.WriteTo(x.to)
	return err
}
