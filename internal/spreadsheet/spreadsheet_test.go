package spreadsheet_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/spreadsheet"
)

// book makes a workbook.
func book(t testing.TB, fill func(f *excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	fill(f)
	var b bytes.Buffer
	if _, err := f.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// altered rewrites a workbook's parts: a nil value takes one away, a new name adds one.
func altered(t testing.TB, b []byte, parts map[string][]byte) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	add := func(name string, content []byte) {
		p, err := w.Create(name)
		if err == nil {
			_, err = p.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range z.File {
		if _, other := parts[f.Name]; other {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		add(f.Name, content)
	}
	for name, content := range parts {
		if content != nil {
			add(name, content)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// asFormula makes B5 of the first sheet a formula with a value that was kept.
func asFormula(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	must(t, err)
	f, err := z.Open("xl/worksheets/sheet1.xml")
	must(t, err)
	text, err := io.ReadAll(f)
	must(t, err)
	cell := regexp.MustCompile(`<c r="B5"[^>]*>.*?</c>`)
	if !cell.Match(text) {
		t.Fatalf("no such cell in %s", text)
	}
	text = cell.ReplaceAllLiteral(text, []byte(`<c r="B5" t="str"><f>HYPERLINK("https://chirp.example/@basket","the value")</f><v>the value</v></c>`))
	return altered(t, b, map[string][]byte{"xl/worksheets/sheet1.xml": text})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRead(t *testing.T) {
	b := book(t, func(f *excelize.File) {
		must(t, f.SetSheetRow("Sheet1", "A1", &[]any{"List of accounts", nil, nil}))
		must(t, f.MergeCell("Sheet1", "A1", "C1"))
		must(t, f.SetSheetRow("Sheet1", "A3", &[]any{"Twitter", "@kite", "क्रम"}))
		must(t, f.SetSheetRow("Sheet1", "A4", &[]any{nil, "@river", 12}))
		must(t, f.MergeCell("Sheet1", "A3", "A4"))
		must(t, f.SetCellValue("Sheet1", "B5", "FORMULA"))
		must(t, f.SetCellValue("Sheet1", "B6", "see here"))
		must(t, f.SetCellHyperLink("Sheet1", "B6", "https://chirp.example/@kite", "External"))
		_, err := f.NewSheet("दूसरी")
		must(t, err)
		must(t, f.SetSheetRow("दूसरी", "B2", &[]any{"basket"}))
	})
	b = asFormula(t, b)
	sheets, err := spreadsheet.Read(t.Context(), b)
	must(t, err)
	var out strings.Builder
	for _, s := range sheets {
		for _, r := range s.Rows {
			fmt.Fprintf(&out, "%s %d %q %v %v\n", s.Name, r.N, r.Cells, r.Formulas, r.Links)
		}
	}
	want := `Sheet1 1 ["List of accounts"] map[] map[]
Sheet1 3 ["Twitter" "@kite" "क्रम"] map[] map[]
Sheet1 4 ["Twitter" "@river" "12"] map[] map[]
Sheet1 5 ["" "the value"] map[1:=HYPERLINK("https://chirp.example/@basket","the value")] map[]
Sheet1 6 ["" "see here"] map[] map[1:https://chirp.example/@kite]
दूसरी 2 ["" "basket"] map[] map[]
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// bomb is a workbook whose sheet states one size and unpacks to another.
func bomb(t *testing.T, b []byte, stated uint64) []byte {
	t.Helper()
	content := bytes.Repeat([]byte("<row/>"), 1<<20)
	var deflated bytes.Buffer
	w := zip.NewWriter(&deflated)
	h := &zip.FileHeader{Name: "x", Method: zip.Deflate}
	p, err := w.CreateHeader(h)
	must(t, err)
	_, err = p.Write(content)
	must(t, err)
	must(t, w.Close())
	z, err := zip.NewReader(bytes.NewReader(deflated.Bytes()), int64(deflated.Len()))
	must(t, err)
	raw, err := z.File[0].OpenRaw()
	must(t, err)
	packed, err := io.ReadAll(raw)
	must(t, err)
	var out bytes.Buffer
	w = zip.NewWriter(&out)
	old, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	must(t, err)
	for _, f := range old.File {
		if f.Name != "xl/worksheets/sheet1.xml" {
			must(t, w.Copy(f))
		}
	}
	p, err = w.CreateRaw(&zip.FileHeader{Name: "xl/worksheets/sheet1.xml", Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(content), CompressedSize64: uint64(len(packed)), UncompressedSize64: stated})
	must(t, err)
	_, err = p.Write(packed)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}

func TestReadRefuses(t *testing.T) {
	plain := book(t, func(f *excelize.File) { must(t, f.SetCellValue("Sheet1", "A1", "https://chirp.example/@kite")) })
	sheet := func(rows string) []byte {
		return altered(t, plain, map[string][]byte{"xl/worksheets/sheet1.xml": []byte(`<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>` + rows + `</sheetData></worksheet>`)})
	}
	var locked bytes.Buffer
	f := excelize.NewFile()
	must(t, f.SetCellValue("Sheet1", "A1", "kite"))
	must(t, f.Write(&locked, excelize.Options{Password: "basket"}))
	must(t, f.Close())
	wide := func(r int) string {
		return fmt.Sprintf(`<row r="%d"><c r="XFD%d" t="inlineStr"><is><t>kite</t></is></c></row>`, r, r)
	}
	var manyWide strings.Builder
	for r := range 600 {
		manyWide.WriteString(wide(r + 1))
	}
	for name, c := range map[string]struct {
		b    []byte
		says string
	}{
		"encrypted":          {locked.Bytes(), "password"},
		"old kind":           {append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 600)...), ".xls"},
		"cut short":          {plain[:len(plain)/2], "damaged"},
		"macros":             {altered(t, plain, map[string][]byte{"xl/vbaProject.bin": []byte("kite")}), "macros"},
		"external links":     {altered(t, plain, map[string][]byte{"xl/externalLinks/externalLink1.xml": []byte("<externalLink/>")}), "other files"},
		"connections":        {altered(t, plain, map[string][]byte{"xl/connections.xml": []byte("<connections/>")}), "other files"},
		"text document":      {altered(t, plain, map[string][]byte{"xl/workbook.xml": nil, "word/document.xml": []byte("<document/>")}), "text document"},
		"OpenDocument":       {altered(t, plain, map[string][]byte{"xl/workbook.xml": nil, "content.xml": []byte("<a/>")}), "OpenDocument"},
		"an archive":         {altered(t, plain, map[string][]byte{"xl/workbook.xml": nil}), "no workbook"},
		"one part twice":     {altered(t, plain, map[string][]byte{"XL/Workbook.xml": []byte("<workbook/>")}), "twice"},
		"entities":           {altered(t, plain, map[string][]byte{"xl/sharedStrings.xml": []byte(`<!DOCTYPE sst [<!ENTITY a "kite"><!ENTITY b "&a;&a;&a;">]><sst><si><t>&b;</t></si></sst>`)}), "entities"},
		"entities in sheet":  {altered(t, plain, map[string][]byte{"xl/worksheets/sheet1.xml": []byte(`<!DOCTYPE x [<!ENTITY a "kite">]><worksheet><sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData></worksheet>`)}), "entities"},
		"nested":             {altered(t, plain, map[string][]byte{"xl/styles.xml": []byte(strings.Repeat("<a>", 5000) + strings.Repeat("</a>", 5000))}), "nested"},
		"nested sheet":       {sheet(`<row r="1"><c r="A1" t="inlineStr"><is>` + strings.Repeat("<r>", 3000) + strings.Repeat("</r>", 3000) + `</is></c></row>`), "nested"},
		"sheet cut off":      {altered(t, plain, map[string][]byte{"xl/worksheets/sheet1.xml": []byte(`<worksheet><sheetData><row r="1"><c r="A1"><v>1</v></c></row>`)}), "damaged"},
		"rows beyond format": {sheet(`<row r="10000000"><c r="A10000000"><v>1</v></c></row>`), "rows"},
		"a million rows and": {sheet(strings.Repeat("<row/>", 1_048_578)), "rows"},
		"wide rows":          {sheet(manyWide.String()), "cells"},
		"stated too large":   {bomb(t, plain, 300<<20), "unpacks to more"},
		"states too little":  {bomb(t, plain, 1000), "damaged"},
		"large strings":      {altered(t, plain, map[string][]byte{"xl/sharedStrings.xml": append([]byte("<sst>"), bytes.Repeat([]byte(" "), 65<<20)...)}), "unpacks to more"},
	} {
		sheets, err := spreadsheet.Read(t.Context(), c.b)
		if k := fault.Of(err); k != fault.Invalid && k != fault.TooLarge || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %d sheets; want a refusal that says %q", name, err, len(sheets), c.says)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := spreadsheet.Read(ended, sheet(strings.Repeat("<row/>", 1000))); err == nil {
		t.Error("a reading that was called off goes on")
	}
	if sheets, err := spreadsheet.Read(t.Context(), sheet(wide(1))); err != nil || len(sheets[0].Rows) != 1 || !sheets[0].Rows[0].Cut {
		t.Errorf("one wide row: %v, %v", sheets, err)
	}
}

var cells = []string{"=1+1", "+1", "-1", "@kite", "\t=1", "\r=1", "\n=1", " =1", "＝1", "=HYPERLINK(\"https://river.example\",\"kite\")", "kite", "क्रम", "a,b", "say \"no\"", "two\nlines", "", "12", "|x", "%x", "\xff=1"}

func TestText(t *testing.T) {
	for _, c := range cells {
		got := spreadsheet.Text(c)
		first := strings.TrimLeft(got, " ")
		if first != "" && strings.ContainsAny(first[:1], "=+-@\t\r\n|%") || strings.HasPrefix(first, "＝") {
			t.Errorf("%q is written as %q", c, got)
		}
		if !strings.HasSuffix(got, strings.ToValidUTF8(c, "\uFFFD")) {
			t.Errorf("%q became %q", c, got)
		}
	}
	if got := spreadsheet.Text("kite = river"); got != "kite = river" {
		t.Errorf("%q", got)
	}
}

func TestTables(t *testing.T) {
	var text, file bytes.Buffer
	c := spreadsheet.NewCSV(&text)
	x, err := spreadsheet.NewXLSX(&file)
	must(t, err)
	for _, w := range []interface {
		Row(...string) error
		Flush() error
	}{c, x} {
		must(t, w.Row(cells...))
		must(t, w.Flush())
	}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text.Bytes(), []byte("\ufeff")))).ReadAll()
	must(t, err)
	sheets, err := spreadsheet.Read(t.Context(), file.Bytes())
	must(t, err)
	if len(sheets[0].Rows) != 1 || len(sheets[0].Rows[0].Formulas) != 0 {
		t.Fatalf("%+v", sheets)
	}
	for i, cell := range cells {
		want := spreadsheet.Text(cell)
		if got := rows[0][i]; strings.ReplaceAll(got, "\r", "") != strings.ReplaceAll(want, "\r", "") {
			t.Errorf("CSV: %q became %q", cell, got)
		}
		if got := sheets[0].Rows[0].Cells[i]; strings.NewReplacer("\r", "\n").Replace(got) != strings.NewReplacer("\r", "\n").Replace(want) {
			t.Errorf("XLSX: %q became %q", cell, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	plain := book(f, func(x *excelize.File) {
		must(f, x.SetSheetRow("Sheet1", "A1", &[]any{"https://chirp.example/@kite", 1, "क्रम"}))
		must(f, x.SetCellFormula("Sheet1", "A2", "A1"))
		must(f, x.MergeCell("Sheet1", "A1", "A2"))
	})
	for _, rows := range []string{`<row r="1"><c r="A1"><v>1</v></c></row>`, `<row><c t="s"><v>9</v></c><c><f>A1</f></c></row>`, `<row r="x"><c r="?"/></row>`} {
		f.Add([]byte(rows))
	}
	f.Fuzz(func(t *testing.T, rows []byte) {
		b := altered(t, plain, map[string][]byte{"xl/worksheets/sheet1.xml": append(append([]byte("<worksheet><sheetData>"), rows...), "</sheetData></worksheet>"...)})
		for _, b := range [][]byte{b, append([]byte("PK\x03\x04"), rows...)} {
			_, err := spreadsheet.Read(t.Context(), b)
			if err != nil && !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.TooLarge) {
				t.Fatalf("kind of %v", err)
			}
		}
	})
}
