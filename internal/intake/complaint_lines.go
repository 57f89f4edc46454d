package intake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// KeptLine is a line of a complaint as it was entered. Times are microseconds UTC.
type KeptLine struct {
	ID          int64  `json:"id"`
	N           int64  `json:"n"`
	Sheet       string `json:"sheet,omitempty"`
	Row         int64  `json:"row,omitempty"` // in the sheet
	Typed       string `json:"typed"`         // as it stood in the file, whatever was made of it
	Remarks     string `json:"remarks,omitempty"`
	State       string `json:"state"` // tip, duplicate, unreadable
	Heading     bool   `json:"heading,omitempty"`
	TipID       int64  `json:"tip_id,omitempty"`
	TipNumber   string `json:"tip_number,omitempty"`
	Address     string `json:"address,omitempty"` // of the tip
	Reason      string `json:"reason,omitempty"`  // why it could not be read
	Formulas    string `json:"formulas,omitempty"`
	Note        string `json:"note,omitempty"`
	Correction  string `json:"correction,omitempty"` // what a person wrote: an address, or why there is none
	CorrectedBy int64  `json:"corrected_by,omitempty"`
	CorrectedAt int64  `json:"corrected_at,omitempty"`
}

// Waits tells whether the line waits for a person.
func (l KeptLine) Waits() bool { return l.State == "unreadable" && !l.Heading && l.CorrectedAt == 0 }

// LineFilter narrows a listing of lines; empty members do not.
type LineFilter struct {
	State string // tip, duplicate, unreadable, or "waiting": unreadable and not looked at by a person
	After int64  // the last number of the page before
	Limit int    // 0: all
}

const lineColumns = `SELECT l.id, l.n, l.sheet, l.sheet_row, l.typed, l.remarks, l.state, l.heading, COALESCE(l.tip_id, 0), COALESCE(t.number, ''), COALESCE(t.locator, ''), l.reason,
	l.formulas, l.note, l.correction, COALESCE(l.corrected_by, 0), l.corrected_at FROM complaint_line l LEFT JOIN tip t ON t.id = l.tip_id `

func scanLine(scan func(...any) error) (l KeptLine, err error) {
	var heading int64
	err = scan(&l.ID, &l.N, &l.Sheet, &l.Row, &l.Typed, &l.Remarks, &l.State, &heading, &l.TipID, &l.TipNumber, &l.Address, &l.Reason, &l.Formulas, &l.Note, &l.Correction,
		&l.CorrectedBy, &l.CorrectedAt)
	l.Heading = heading != 0
	return l, err
}

// Lines reads the lines of a complaint in the order of the file.
func Lines(ctx context.Context, q store.Queryer, complaintID int64, f LineFilter) ([]KeptLine, error) {
	if f.Limit <= 0 {
		f.Limit = 1 << 30
	}
	return store.Collect(ctx, q, func(rows *sql.Rows) (KeptLine, error) { return scanLine(rows.Scan) },
		lineColumns+`WHERE l.complaint_id = $1 AND l.n > $2 AND ($3 = '' OR l.state = $3 OR $3 = 'waiting' AND l.state = 'unreadable' AND l.heading = 0 AND l.corrected_at = 0)
		ORDER BY l.n LIMIT $4`, complaintID, f.After, f.State, f.Limit)
}

// Correction is what a person makes of a line that could not be read: the address that was meant, or why there is none.
type Correction struct {
	Address string
	None    string // why the line names no address; only without one
}

const longestReason = 500 // characters

// Correct makes a tip of an unreadable line, or finds that it names what another line of the complaint does, or none. What stood in the
// file is kept. A line is corrected once.
func (t *Tips) Correct(ctx context.Context, tx *store.Tx, complaintID, n, person int64, c Correction) (KeptLine, error) {
	line, err := scanLine(tx.QueryRowContext(ctx, lineColumns+"WHERE l.complaint_id = $1 AND l.n = $2", complaintID, n).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return line, fault.New(fault.NotFound, "the complaint has no line %d", n)
	}
	if err != nil {
		return line, err
	}
	if line.State != "unreadable" || line.CorrectedAt != 0 {
		return line, fault.New(fault.Conflict, "line %d does not wait for a correction", n)
	}
	f := record.Fields{"corrected_by": person, "corrected_at": t.clock.Now()}
	switch address, none := strings.TrimSpace(c.Address), strings.TrimSpace(c.None); {
	case address != "" && none != "":
		return line, fault.New(fault.Invalid, "a correction is an address, or why there is none; not both")
	case address == "" && none == "":
		return line, fault.New(fault.Invalid, "write the address that the line means, or why it names none")
	case none != "":
		if len([]rune(none)) > longestReason {
			return line, fault.New(fault.TooLarge, "the reason is longer than %d characters", longestReason)
		}
		f["correction"] = none
	default:
		if err := t.correctTo(ctx, tx, complaintID, address, f); err != nil {
			return line, err
		}
	}
	if err := t.log.Update(ctx, tx, "complaint_line", "complaint.corrected", time.Time{}, line.ID, f); err != nil {
		return line, err
	}
	return scanLine(tx.QueryRowContext(ctx, lineColumns+"WHERE l.id = $1", line.ID).Scan)
}

// correctTo adds to the fields of a line what its address makes of it.
func (t *Tips) correctTo(ctx context.Context, tx *store.Tx, complaintID int64, typed string, f record.Fields) error {
	l, err := Understand(typed)
	if err != nil {
		return err
	}
	c, err := ComplaintByID(ctx, tx, complaintID)
	if err != nil {
		return err
	}
	f["correction"], f["state"] = typed, "duplicate"
	same, err := store.Collect(ctx, tx, func(rows *sql.Rows) (tip Tip, err error) { return tip, rows.Scan(&tip.ID, &tip.Locator) },
		"SELECT id, locator FROM tip WHERE complaint_id = $1 ORDER BY id", complaintID)
	if err != nil {
		return err
	}
	for _, tip := range same {
		if other, err := platforms.ParseLocator(tip.Locator); err == nil && other.Key() == l.Key() {
			f["tip_id"] = tip.ID
			return nil
		}
	}
	tip, err := t.fromLocator(ctx, tx, complaintID, c.Complainant, l)
	if err != nil {
		return err
	}
	f["state"], f["tip_id"] = "tip", tip.ID
	return nil
}

// Understand reads one address that a person typed, or a handle with its platform's name.
func Understand(typed string) (platforms.Locator, error) {
	l, err := platforms.ParseLocator(typed)
	if err == nil {
		return l, nil
	}
	if named, other := platforms.ParseNamed(typed); other == nil {
		return named, nil
	}
	if found := addressesIn(typed); len(found) == 1 {
		return found[0], nil
	}
	return l, err
}

// Table is what rows are written to: a spreadsheet.CSV or spreadsheet.XLSX, in which every cell is text.
type Table interface {
	Row(cells ...string) error
	Flush() error
}

// WriteLines writes the lines of a complaint as a table.
func WriteLines(w Table, lines []KeptLine) error {
	if err := w.Row("line", "sheet", "row", "state", "tip", "address", "as typed", "remarks", "reason", "formulas", "note", "correction", "corrected at"); err != nil {
		return err
	}
	for _, l := range lines {
		state := l.State
		if l.Heading {
			state = "heading"
		}
		row := ""
		if l.Row != 0 {
			row = fmt.Sprint(l.Row)
		}
		if err := w.Row(fmt.Sprint(l.N), l.Sheet, row, state, l.TipNumber, l.Address, l.Typed, l.Remarks, l.Reason, l.Formulas, l.Note, l.Correction, instant(l.CorrectedAt)); err != nil {
			return err
		}
	}
	return w.Flush()
}

// WriteTips writes tips as a table.
func WriteTips(w Table, tips []Tip) error {
	if err := w.Row("number", "source", "class", "state", "reporter", "address", "received at", "occurred at", "responsible", "outcome", "external reference", "language", "danger since", "summary"); err != nil {
		return err
	}
	for _, t := range tips {
		if err := w.Row(t.Number, t.Source, t.Class, t.State, t.Reporter, t.Locator, instant(t.ReceivedAt), instant(t.OccurredAt), t.Responsible, t.Outcome, t.ExternalRef, t.Language,
			instant(t.DangerAt), t.Summary); err != nil {
			return err
		}
	}
	return w.Flush()
}

func instant(micros int64) string {
	if micros == 0 {
		return ""
	}
	return store.Time(micros).UTC().Format(time.RFC3339)
}
