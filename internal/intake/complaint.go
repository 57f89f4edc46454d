package intake

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Complaint is a file of addresses as a complainant handed it in, with what was understood of it.
type Complaint struct {
	ID          int64  `json:"id"`
	Reference   string `json:"reference"`
	Complainant string `json:"complainant"`
	SHA256      string `json:"sha256"`
	Lines       int64  `json:"lines"`    // but titles
	Accounts    int64  `json:"accounts"` // distinct
	Duplicates  int64  `json:"duplicate_lines"`
	Unreadable  int64  `json:"unreadable"` // and not looked at by a person yet
	ReceivedAt  int64  `json:"received_at"`
}

// Import enters a complaint file: every line is kept as typed; the first line for an address becomes a tip, a further one
// is kept as its duplicate, and one that cannot be read waits for a person's correction.
func (t *Tips) Import(ctx context.Context, tx *store.Tx, reference, complainant string, content []byte) (Complaint, error) {
	if strings.TrimSpace(reference) == "" {
		return Complaint{}, fault.New(fault.Invalid, "a complaint needs a reference")
	}
	lines, err := t.Read(ctx, content)
	if err != nil {
		return Complaint{}, err
	}
	return t.ImportLines(ctx, tx, reference, complainant, content, lines)
}

// Read is ReadComplaint, a few at a time: a workbook takes many times its size while it is read.
func (t *Tips) Read(ctx context.Context, content []byte) ([]Line, error) {
	select {
	case t.reading <- struct{}{}:
		defer func() { <-t.reading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return ReadComplaint(ctx, content)
}

// ImportLines is Import of a file that was read before.
func (t *Tips) ImportLines(ctx context.Context, tx *store.Tx, reference, complainant string, content []byte, lines []Line) (Complaint, error) {
	if strings.TrimSpace(reference) == "" {
		return Complaint{}, fault.New(fault.Invalid, "a complaint needs a reference")
	}
	var there int64
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM complaint WHERE reference = $1", reference).Scan(&there); err != nil {
		return Complaint{}, err
	}
	if there > 0 {
		return Complaint{}, fault.New(fault.Conflict, "there is a complaint with the reference %.100q already; give this one another", reference)
	}
	sum := sha256.Sum256(content)
	id, err := t.log.Insert(ctx, tx, "complaint", "complaint.received", time.Time{}, record.Fields{"reference": reference, "complainant": complainant,
		"sha256": hex.EncodeToString(sum[:]), "received_at": t.clock.Now()})
	if err != nil {
		return Complaint{}, err
	}
	first := map[platforms.Locator]int64{}
	for _, line := range lines {
		f := record.Fields{"complaint_id": id, "n": line.N, "typed": line.Typed, "remarks": line.Remarks, "state": "tip", "sheet": line.Sheet, "sheet_row": line.Row,
			"formulas": line.Formulas, "note": line.Note, "heading": line.Heading}
		locator := line.Locator.Key()
		switch known := first[locator]; {
		case line.Err != "":
			f["state"], f["reason"] = "unreadable", line.Err
		case known != 0:
			f["state"], f["tip_id"] = "duplicate", known
		default:
			tip, err := t.fromLocator(ctx, tx, id, complainant, line.Locator)
			if err != nil {
				return Complaint{}, err
			}
			first[locator], f["tip_id"] = tip.ID, tip.ID
		}
		if _, err := t.log.Insert(ctx, tx, "complaint_line", "complaint.line", time.Time{}, f); err != nil {
			return Complaint{}, err
		}
	}
	return ComplaintByID(ctx, tx, id)
}

func (t *Tips) fromLocator(ctx context.Context, tx *store.Tx, complaintID int64, reporter string, l platforms.Locator) (Tip, error) {
	account, err := t.accountOf(ctx, tx, l)
	if err != nil {
		return Tip{}, err
	}
	return t.Enter(ctx, tx, Tip{Source: FromComplaint, Class: ClassMedia, Reporter: reporter, Locator: l.String(), AccountID: account, ComplaintID: complaintID})
}

// accountOf enters the account that an address names; 0 if it names none.
func (t *Tips) accountOf(ctx context.Context, tx *store.Tx, l platforms.Locator) (int64, error) {
	at := l.Account()
	if (at == platforms.Locator{}) {
		return 0, nil
	}
	a, err := t.register.EnsureAccount(ctx, tx, at.Host, at.Handle, at.ID)
	return a.ID, err
}

// ComplaintByID reads a complaint with its counts.
func ComplaintByID(ctx context.Context, q store.Queryer, id int64) (c Complaint, err error) {
	err = q.QueryRowContext(ctx, `SELECT c.id, c.reference, c.complainant, c.sha256, c.received_at,
		(SELECT COUNT(*) FROM complaint_line l WHERE l.complaint_id = c.id AND l.heading = 0),
		(SELECT COUNT(DISTINCT t.account_id) FROM tip t WHERE t.complaint_id = c.id),
		(SELECT COUNT(*) FROM complaint_line l WHERE l.complaint_id = c.id AND l.state = 'duplicate'),
		(SELECT COUNT(*) FROM complaint_line l WHERE l.complaint_id = c.id AND l.state = 'unreadable' AND l.heading = 0 AND l.corrected_at = 0)
		FROM complaint c WHERE c.id = $1`, id).Scan(&c.ID, &c.Reference, &c.Complainant, &c.SHA256, &c.ReceivedAt, &c.Lines, &c.Accounts, &c.Duplicates, &c.Unreadable)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no such complaint")
	}
	return c, err
}

// Complaints reads all complaints.
func Complaints(ctx context.Context, q store.Queryer) ([]Complaint, error) {
	ids, err := store.Collect(ctx, q, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) }, "SELECT id FROM complaint ORDER BY id")
	if err != nil {
		return nil, err
	}
	out := []Complaint{}
	for _, id := range ids {
		c, err := ComplaintByID(ctx, q, id)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}
