package spreadsheet

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/xuri/excelize/v2"

	"raksha.example/raksha/internal/fault"
)

// Limits of a workbook.
const (
	maxSheets  = 50
	maxRows    = 1_000_000 // that are not blank, in all sheets
	maxColumns = 256       // of a row; what stands further right is cut off, and the row says so
	maxCells   = 8_000_000 // that the file has, blank ones to the left of a filled one too
	maxCell    = 64 << 10  // bytes of a cell
	maxText    = 200 << 20 // bytes of all cells
	lastRow    = 1_048_576 // of the format
)

// Sheet is one sheet of a workbook.
type Sheet struct {
	Name string
	Rows []Row
}

// Row is one row that is not blank.
type Row struct {
	N        int            // as the program shows it, from 1
	Cells    []string       // as the program shows them; of a formula the value that was kept with it
	Cut      bool           // there were more cells than are read
	Formulas map[int]string // of the cells that are formulas, by column from 0; at most 1,000 bytes of each
	Links    map[int]string // addresses that lie behind the text of cells
}

// Read reads all sheets of a workbook. Nothing in it is run, followed or evaluated. What is refused is a fault.Invalid or a
// fault.TooLarge that says what it is and what to send instead: an encrypted or old workbook, one with macros or links to
// other files, another kind of file, one that unpacks to more than it should, or is damaged.
func Read(ctx context.Context, b []byte) (sheets []Sheet, err error) {
	defer func() { // the library was written for files of friends: what it stumbles over is damage, not ours
		if recover() != nil {
			sheets, err = nil, damaged(errors.New("the library panicked"))
		}
	}()
	p, err := open(b)
	if err != nil {
		return nil, err
	}
	f, err := excelize.OpenReader(bytes.NewReader(b), excelize.Options{UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: maxUnpacked})
	if err != nil {
		return nil, damaged(err)
	}
	defer f.Close()
	left := &budget{rows: maxRows, cells: maxCells, text: maxText}
	for _, name := range f.GetSheetList() {
		if len(sheets) == maxSheets {
			return nil, fault.New(fault.TooLarge, "the workbook has more than %d sheets; split it", maxSheets)
		}
		s, err := readSheet(ctx, f, name, left)
		if err != nil {
			return nil, err
		}
		if path := p.sheets[name]; path != "" {
			if err := p.addTo(ctx, &s, path); err != nil {
				return nil, err
			}
		}
		sheets = append(sheets, s)
	}
	return sheets, nil
}

// budget is what may still be read.
type budget struct{ rows, cells, text int }

func readSheet(ctx context.Context, f *excelize.File, name string, left *budget) (s Sheet, err error) {
	s.Name = name
	rows, err := f.Rows(name)
	var none excelize.ErrSheetNotExist
	if errors.As(err, &none) {
		return s, nil
	}
	if err != nil {
		return s, nil // a sheet of charts has no rows
	}
	defer rows.Close()
	for n := 1; rows.Next(); n++ {
		if n%64 == 0 && ctx.Err() != nil {
			return s, tooLong(ctx)
		}
		if n > lastRow {
			return s, fault.New(fault.TooLarge, "the sheet %.60q has more than %d rows; split it", name, lastRow)
		}
		cells, err := rows.Columns()
		if err != nil {
			return s, fault.Wrap(err, fault.Invalid, "row %d of the sheet %.60q is damaged; save the list as CSV", n, name)
		}
		if left.cells -= len(cells); left.cells < 0 {
			return s, fault.New(fault.TooLarge, "the workbook has more than %d cells; split it, and delete what stands far to the right of the list", maxCells)
		}
		row, blank := take(n, cells)
		if blank {
			continue
		}
		for _, c := range row.Cells {
			left.text -= len(c)
		}
		if left.rows--; left.rows < 0 {
			return s, fault.New(fault.TooLarge, "the workbook has more than %d rows; split it", maxRows)
		}
		if left.text < 0 {
			return s, fault.New(fault.TooLarge, "the workbook holds more than %d MiB of text; split it", maxText>>20)
		}
		s.Rows = append(s.Rows, row)
	}
	if err := rows.Error(); errors.Is(err, excelize.ErrMaxRows) {
		return s, fault.New(fault.TooLarge, "the sheet %.60q has more than %d rows; split it", name, lastRow)
	} else if err != nil {
		return s, fault.Wrap(err, fault.Invalid, "the sheet %.60q is damaged; save the list as CSV", name)
	}
	return s, nil
}

// take makes a row of what the library read.
func take(n int, cells []string) (row Row, blank bool) {
	row, blank = Row{N: n}, true
	if len(cells) > maxColumns {
		for _, c := range cells[maxColumns:] {
			row.Cut = row.Cut || strings.TrimSpace(c) != ""
		}
		cells = cells[:maxColumns]
	}
	for i, c := range cells {
		if len(c) > maxCell+1 {
			cells[i] = strings.ToValidUTF8(c[:maxCell+1], "") // one over the limit: whoever reads the row sees that it was longer
		}
		blank = blank && strings.TrimSpace(c) == ""
	}
	row.Cells = cells
	return row, blank && !row.Cut
}

func tooLong(ctx context.Context) error {
	return fault.Wrap(ctx.Err(), fault.TooLarge, "reading the workbook takes too long; split it, or save the list as CSV")
}
