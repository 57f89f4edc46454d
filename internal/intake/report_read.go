package intake

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// Filing is a report as it was filed. Times are microseconds UTC.
type Filing struct {
	ID        int64       `json:"id"`
	Reporter  string      `json:"reporter"`
	State     string      `json:"state"` // open, finished, retracted or expired
	TipID     int64       `json:"tip_id,omitempty"`
	OpenedAt  int64       `json:"opened_at"`
	ChangedAt int64       `json:"changed_at"`
	Report    *Element    `json:"report,omitempty"`
	Files     []FiledFile `json:"files,omitempty"`
}

// FiledFile is a file of a filing: what the node found, and what the reporter says of it.
type FiledFile struct {
	FileID  string   `json:"file_id"`
	Name    string   `json:"name"`
	MediaID int64    `json:"media_id"` // 0 until the filing is finished
	Kind    string   `json:"kind,omitempty"`
	MD5     string   `json:"md5"`
	SHA256  string   `json:"sha256"`
	Size    int64    `json:"size"` // bytes
	Failure string   `json:"failure,omitempty"`
	Details *Element `json:"details,omitempty"` // <fileDetails> as it was last given
}

const filingColumns = "SELECT id, reporter, state, COALESCE(tip_id, 0), opened_at, changed_at FROM report "

func scanFiling(scan func(...any) error) (f Filing, err error) {
	return f, scan(&f.ID, &f.Reporter, &f.State, &f.TipID, &f.OpenedAt, &f.ChangedAt)
}

// OfTip reads the filing that a tip came by, with every element of its documents: fault.NotFound if it came by another way.
func OfTip(ctx context.Context, q store.Queryer, tipID int64) (f Filing, err error) {
	f, err = scanFiling(q.QueryRowContext(ctx, filingColumns+"WHERE tip_id = $1", tipID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return f, fault.New(fault.NotFound, "tip %d did not come as a report that a provider filed", tipID)
	}
	if err != nil {
		return f, err
	}
	var content string
	if err := q.QueryRowContext(ctx, "SELECT content FROM report WHERE id = $1", f.ID).Scan(&content); err != nil {
		return f, err
	}
	if f.Report, err = document(content, "report"); err != nil {
		return f, err
	}
	f.Files, err = FiledFiles(ctx, q, f.ID)
	return f, err
}

// ExpiresAt is when an open filing ends by itself.
func (f Filing) ExpiresAt() int64 {
	return max(f.OpenedAt+expireOpened.Microseconds(), f.ChangedAt+expireChanged.Microseconds())
}

// FiledFiles reads the files of a filing.
func FiledFiles(ctx context.Context, q store.Queryer, reportID int64) ([]FiledFile, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (FiledFile, error) {
		var x FiledFile
		var hashed, details string
		err := rows.Scan(&x.FileID, &x.Name, &x.MediaID, &hashed, &details, &x.Kind, &x.MD5, &x.SHA256, &x.Size, &x.Failure)
		if err != nil {
			return x, err
		}
		if x.MediaID == 0 && hashed != "" {
			var h hashedFile
			if err := json.Unmarshal([]byte(hashed), &h); err != nil {
				return x, err
			}
			x.Kind, x.MD5, x.SHA256, x.Size, x.Failure = h.Result.Kind, h.Result.MD5, h.Result.SHA256, h.Result.Bytes, h.Failure
		}
		x.Details, err = document(details, "fileDetails")
		return x, err
	}, `SELECT f.file_id, f.name, COALESCE(f.media_id, 0), f.hashed, f.details, COALESCE(m.kind, ''), COALESCE(m.md5, ''), COALESCE(m.sha256, ''), COALESCE(m.size, 0),
		COALESCE(m.failure, '') FROM report_file f LEFT JOIN media m ON m.id = f.media_id WHERE f.report_id = $1 ORDER BY f.id`, reportID)
}

// document reads a document that was kept and marks what the schema does not know; nil if it was erased or never given.
func document(content, root string) (*Element, error) {
	if content == "" {
		return nil, nil
	}
	e, err := readXML(strings.NewReader(content), root)
	if err != nil {
		return nil, err
	}
	return e, Schema{}.check(e, root)
}

// Filed reads a reporter's own filings with a number above after, in order of their numbers, without their content. An open one that is
// past its time shows as expired.
func (t *Tips) Filed(ctx context.Context, q store.Queryer, reporter string, after int64, limit int) ([]Filing, error) {
	list, err := store.Collect(ctx, q, func(rows *sql.Rows) (Filing, error) { return scanFiling(rows.Scan) },
		filingColumns+"WHERE reporter = $1 AND id > $2 ORDER BY id LIMIT $3", reporter, after, limit)
	now := store.Micros(t.clock.Now())
	for i, f := range list {
		if f.State == reportOpen && expired(f.OpenedAt, f.ChangedAt, now) {
			list[i].State = reportExpired
		}
	}
	return list, err
}

// FiledAs reads one filing of a reporter: fault.NotFound also for another's.
func (t *Tips) FiledAs(ctx context.Context, q store.Queryer, reporter string, id int64) (Filing, error) {
	list, err := t.Filed(ctx, q, reporter, id-1, 1)
	if err == nil && (len(list) == 0 || list[0].ID != id) {
		err = fault.Coded(fault.NotFound, "5001", "report %d does not exist", id)
	}
	if err != nil {
		return Filing{}, err
	}
	return list[0], nil
}
