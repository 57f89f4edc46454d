package intake

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/selector"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/pdq"
)

// A filing in the manner of the CyberTipline: submit, then files with their details, then finish, which makes it a tip.
const (
	reportOpen      = "open"
	reportFinished  = "finished"
	reportRetracted = "retracted"
)

// fileLimit is the size of one uploaded file in bytes.
const fileLimit = 64 << 20

// Submit opens a filing.
func (t *Tips) Submit(ctx context.Context, tx *store.Tx, reporter string, content []byte) (id int64, err error) {
	r, err := ParseReport(bytes.NewReader(content))
	if err != nil {
		return 0, err
	}
	now := t.clock.Now()
	return t.log.Insert(ctx, tx, "report", "report.submitted", r.OccurredAt, record.Fields{"reporter": reporter, "state": reportOpen, "class": r.Class,
		"content": string(content), "opened_at": now, "changed_at": now})
}

type filing struct {
	id                       int64
	reporter, state, content string
	class                    string
}

// open reads a filing that its reporter may still change.
func (t *Tips) open(ctx context.Context, q store.Queryer, reporter string, id int64) (f filing, err error) {
	err = q.QueryRowContext(ctx, "SELECT id, reporter, state, content, class FROM report WHERE id = $1", id).Scan(&f.id, &f.reporter, &f.state, &f.content, &f.class)
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && f.reporter != reporter:
		return f, fault.Coded(fault.NotFound, "5001", "report %d does not exist", id)
	case err != nil:
		return f, err
	case f.state == reportRetracted:
		return f, fault.Coded(fault.Conflict, "5101", "report %d was retracted", id)
	case f.state == reportFinished:
		return f, fault.Coded(fault.Conflict, "5102", "report %d is finished", id)
	}
	return f, nil
}

// File is an uploaded file as it was hashed; its bytes are discarded.
type File struct {
	Name string
	MD5  string

	result media.Result
	failed error
}

// Hash reads a file for an open filing. Attach enters it; hashing is slow and stays outside the write.
func (t *Tips) Hash(ctx context.Context, reporter string, id int64, name string, b []byte) (File, error) {
	if _, err := t.open(ctx, t.db.Reader(), reporter, id); err != nil {
		return File{}, err
	}
	if len(b) > fileLimit {
		return File{}, fault.Coded(fault.TooLarge, "1111", "a file may have %d MiB at most", fileLimit>>20)
	}
	// Looked up and thrown away, so under the quick profile, as all that is only looked up: decoding the whole picture in colour would
	// take most of the time that a filing takes.
	r, err := t.pool.Survey(ctx, b, pdq.Fast)
	if fault.Of(err) == fault.Unavailable {
		return File{}, err
	}
	return File{name, r.MD5, r, err}, nil
}

// Attach enters a hashed file with a filing and gives the file's id.
func (t *Tips) Attach(ctx context.Context, tx *store.Tx, reporter string, id int64, f File) (fileID string, err error) {
	raw := make([]byte, 16)
	rand.Read(raw)
	fileID = hex.EncodeToString(raw)
	if _, err := t.open(ctx, tx, reporter, id); err != nil {
		return "", err
	}
	mediaID, err := t.register.AddMedia(ctx, tx, hashedRow(f.result, f.failed, fileID))
	if err != nil {
		return "", err
	}
	if t.matcher != nil {
		if _, err := t.matcher.KeepMatches(ctx, tx, mediaID, f.result); err != nil {
			return "", err
		}
	}
	if _, err := t.log.Insert(ctx, tx, "report_file", "report.file", time.Time{}, record.Fields{"report_id": id, "file_id": fileID, "name": f.Name, "media_id": mediaID}); err != nil {
		return "", err
	}
	return fileID, t.touch(ctx, tx, id, reportOpen)
}

func hashedRow(r media.Result, err error, nativeID string) platforms.MediaRow {
	m := platforms.HashedRow(r, err)
	m.NativeID = nativeID
	return m
}

// FileInfo keeps the details that a reporter gives of an uploaded file.
func (t *Tips) FileInfo(ctx context.Context, tx *store.Tx, reporter string, content []byte) (reportID int64, err error) {
	d, err := ParseFileDetails(bytes.NewReader(content))
	if err != nil {
		return 0, err
	}
	if _, err := t.open(ctx, tx, reporter, d.ReportID); err != nil {
		return 0, err
	}
	var id, mediaID int64
	err = tx.QueryRowContext(ctx, "SELECT id, COALESCE(media_id, 0) FROM report_file WHERE report_id = $1 AND file_id = $2", d.ReportID, d.FileID).Scan(&id, &mediaID)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fault.Coded(fault.NotFound, "5002", "file %s does not exist in report %d", d.FileID, d.ReportID)
	}
	if err != nil {
		return 0, err
	}
	if err := t.register.Viewed(ctx, tx, mediaID, viewed(d.Viewed)); err != nil {
		return 0, err
	}
	if err := t.log.Update(ctx, tx, "report_file", "report.file_info", time.Time{}, id, record.Fields{"details": string(content)}); err != nil {
		return 0, err
	}
	return d.ReportID, t.touch(ctx, tx, d.ReportID, reportOpen)
}

// viewed says what the provider says of a file: that somebody there looked at it (fileViewedByEsp), or not.
func viewed(said *bool) string {
	switch {
	case said == nil:
		return "unknown"
	case *said:
		return "yes"
	}
	return "no"
}

func (t *Tips) touch(ctx context.Context, tx *store.Tx, id int64, state string) error {
	return t.log.Update(ctx, tx, "report", "report."+state, time.Time{}, id, record.Fields{"state": state, "changed_at": t.clock.Now()})
}

// Retract takes an open filing back.
func (t *Tips) Retract(ctx context.Context, tx *store.Tx, reporter string, id int64) error {
	if _, err := t.open(ctx, tx, reporter, id); err != nil {
		return err
	}
	return t.touch(ctx, tx, id, reportRetracted)
}

// Finish makes a filing a tip and gives the ids of its files.
func (t *Tips) Finish(ctx context.Context, tx *store.Tx, reporter string, id int64) (files []string, err error) {
	f, err := t.open(ctx, tx, reporter, id)
	if err != nil {
		return nil, err
	}
	r, err := ParseReport(strings.NewReader(f.content))
	if err != nil {
		return nil, err
	}
	if files, err = store.Collect(ctx, tx, func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) },
		"SELECT file_id FROM report_file WHERE report_id = $1 ORDER BY id", id); err != nil {
		return nil, err
	}
	tip := Tip{Source: FromReport, Class: r.Class, Reporter: reporter, ExternalRef: fmt.Sprintf("report %d", id), Hints: hints(r), Summary: r.Summary(), OccurredAt: store.Micros(r.OccurredAt)}
	if l, ok := r.Locator(); ok {
		a, err := t.register.EnsureAccount(ctx, tx, l.Host, l.Handle, r.AccountID())
		if err != nil {
			return nil, err
		}
		tip.Locator, tip.AccountID = l.String(), a.ID
	}
	if tip, err = t.Enter(ctx, tx, tip); err != nil {
		return nil, err
	}
	if err := t.log.Update(ctx, tx, "report", "report.tip", time.Time{}, id, record.Fields{"tip_id": tip.ID}); err != nil {
		return nil, err
	}
	return files, t.touch(ctx, tx, id, reportFinished)
}

// hints lists what in a report tells the jurisdiction: network addresses and phone numbers of the person reported, one
// "ip:..." or "phone:..." a line.
func hints(r Report) string {
	var out []string
	for _, p := range r.Reported {
		for _, ip := range p.IPs {
			out = append(out, "ip:"+ip.IP)
		}
		for _, phone := range p.Phones {
			if s, err := selector.Normalise(selector.Phone, phone); err == nil {
				out = append(out, "phone:"+s.Value)
			}
		}
	}
	return strings.Join(out, "\n")
}
