package intake

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
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

// A filing in the manner of the CyberTipline: submit, then files with their details, then finish, which makes it a tip. An uploaded
// file waits as its hashes and becomes media, with its matches, when the filing is finished: what is never filed is never reviewed.
const (
	reportOpen      = "open"
	reportFinished  = "finished"
	reportRetracted = "retracted"
	reportExpired   = "expired"
)

// FileLimit is the size of one uploaded file in bytes.
const FileLimit = 64 << 20

const (
	filesLimit  = 1000 // of one filing
	clocksApart = 24 * time.Hour
)

// Submit opens a filing.
func (t *Tips) Submit(ctx context.Context, tx *store.Tx, reporter string, content []byte) (id int64, err error) {
	r, err := t.Filings.ParseReport(bytes.NewReader(content))
	if err != nil {
		return 0, err
	}
	now := t.clock.Now()
	if r.OccurredAt.After(now.Add(clocksApart)) {
		return 0, notValid("<incidentDateTime> lies in the future")
	}
	return t.log.Insert(ctx, tx, "report", "report.submitted", r.OccurredAt, record.Fields{"reporter": reporter, "state": reportOpen, "class": r.Class,
		"content": plainText(content), "opened_at": now, "changed_at": now})
}

// plainText keeps a document as text that every database takes. One in another encoding is kept in UTF-8, and its declaration, which
// would no longer be true, goes.
func plainText(content []byte) string {
	text, err := recode(content)
	if err != nil { // it was parsed, so it can be decoded
		return ""
	}
	return text
}

// filing is the head of a filing.
type filing struct {
	id                int64
	reporter, state   string
	opened, changedAt int64
}

// open reads a filing that its reporter may still change.
func (t *Tips) open(ctx context.Context, q store.Queryer, reporter string, id int64) error {
	var f filing
	err := q.QueryRowContext(ctx, "SELECT id, reporter, state, opened_at, changed_at FROM report WHERE id = $1", id).Scan(&f.id, &f.reporter, &f.state, &f.opened, &f.changedAt)
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && f.reporter != reporter:
		return fault.Coded(fault.NotFound, "5001", "report %d does not exist", id)
	case err != nil:
		return err
	case f.state == reportExpired || f.state == reportOpen && expired(f.opened, f.changedAt, store.Micros(t.clock.Now())):
		return fault.Coded(fault.NotFound, "5001", "report %d does not exist any more: it was not finished in time", id)
	case f.state == reportRetracted:
		return fault.Coded(fault.Conflict, "5101", "report %d was retracted", id)
	case f.state == reportFinished:
		return fault.Coded(fault.Conflict, "5102", "report %d is finished", id)
	}
	return nil
}

// Changeable says why a reporter may not change a filing any more; nil if they may.
func (t *Tips) Changeable(ctx context.Context, reporter string, id int64) error {
	return t.open(ctx, t.db.Reader(), reporter, id)
}

// File is an uploaded file as it was hashed; its bytes are discarded.
type File struct {
	Name string
	MD5  string

	hashed hashedFile
}

// hashedFile is what a filing keeps of a file until it is finished.
type hashedFile struct {
	Result  media.Result `json:"result"`
	Failure string       `json:"failure,omitempty"` // why it could not be decoded; its exact hashes stand
}

// Hash reads a file for an open filing. Attach enters it; hashing is slow and stays outside the write.
func (t *Tips) Hash(ctx context.Context, reporter string, id int64, name string, b []byte) (File, error) {
	if err := t.open(ctx, t.db.Reader(), reporter, id); err != nil {
		return File{}, err
	}
	switch {
	case len(b) > FileLimit:
		return File{}, fault.Coded(fault.TooLarge, "1111", "a file may have %d MiB at most", FileLimit>>20)
	case len(b) == 0:
		return File{}, fault.Coded(fault.Invalid, "4200", "the file is empty")
	}
	// Looked up and thrown away, so under the quick profile, as all that is only looked up: decoding the whole picture in colour would
	// take most of the time that a filing takes.
	r, err := t.pool.Survey(ctx, b, pdq.Fast)
	if fault.Of(err) == fault.Unavailable || fault.Of(err) == fault.Internal && err != nil {
		return File{}, err
	}
	f := File{Name: cleanName(name), MD5: r.MD5, hashed: hashedFile{Result: r}}
	if err != nil {
		f.hashed.Failure = fault.Message(err)
	}
	return f, nil
}

// cleanName keeps of a file's name what is text, at most 255 characters.
func cleanName(name string) string {
	name = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, strings.ToValidUTF8(name, "\ufffd"))
	if r := []rune(name); len(r) > 255 {
		name = string(r[:255])
	}
	return name
}

// Attach enters a hashed file with a filing and gives the file's id.
func (t *Tips) Attach(ctx context.Context, tx *store.Tx, reporter string, id int64, f File) (fileID string, err error) {
	raw := make([]byte, 16)
	rand.Read(raw)
	fileID = hex.EncodeToString(raw)
	if err := t.open(ctx, tx, reporter, id); err != nil {
		return "", err
	}
	var files int
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM report_file WHERE report_id = $1", id).Scan(&files); err != nil {
		return "", err
	}
	if files >= filesLimit {
		return "", fault.Coded(fault.TooLarge, "1111", "a report may have %d files at most; file the others with another report", filesLimit)
	}
	hashed, err := json.Marshal(f.hashed)
	if err != nil {
		return "", err
	}
	if _, err := t.log.Insert(ctx, tx, "report_file", "report.file", time.Time{}, record.Fields{"report_id": id, "file_id": fileID, "name": f.Name, "hashed": string(hashed)}); err != nil {
		return "", err
	}
	return fileID, t.touch(ctx, tx, id, "report.open", record.Fields{})
}

// FileInfo keeps the details that a reporter gives of an uploaded file.
func (t *Tips) FileInfo(ctx context.Context, tx *store.Tx, reporter string, content []byte) (reportID int64, err error) {
	d, err := t.Filings.ParseFileDetails(bytes.NewReader(content))
	if err != nil {
		return 0, err
	}
	if err := t.open(ctx, tx, reporter, d.ReportID); err != nil {
		return 0, err
	}
	var id int64
	err = tx.QueryRowContext(ctx, "SELECT id FROM report_file WHERE report_id = $1 AND file_id = $2", d.ReportID, d.FileID).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fault.Coded(fault.NotFound, "5002", "file %s does not exist in report %d", d.FileID, d.ReportID)
	}
	if err != nil {
		return 0, err
	}
	if err := t.log.Update(ctx, tx, "report_file", "report.file_info", time.Time{}, id, record.Fields{"details": plainText(content)}); err != nil {
		return 0, err
	}
	return d.ReportID, t.touch(ctx, tx, d.ReportID, "report.open", record.Fields{})
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

// touch changes a filing and says when.
func (t *Tips) touch(ctx context.Context, tx *store.Tx, id int64, kind string, f record.Fields) error {
	f["changed_at"] = t.clock.Now()
	return t.log.Update(ctx, tx, "report", kind, time.Time{}, id, f)
}

// Retract takes an open filing back and erases what it told.
func (t *Tips) Retract(ctx context.Context, tx *store.Tx, reporter string, id int64) error {
	if err := t.open(ctx, tx, reporter, id); err != nil {
		return err
	}
	if err := t.touch(ctx, tx, id, "report.retracted", record.Fields{"state": reportRetracted}); err != nil {
		return err
	}
	return t.forget(ctx, tx, id, "the reporter took the filing back")
}

// Finish makes a filing a tip and gives the ids of its files.
func (t *Tips) Finish(ctx context.Context, tx *store.Tx, reporter string, id int64) (files []string, err error) {
	if err := t.open(ctx, tx, reporter, id); err != nil {
		return nil, err
	}
	var content string
	if err := tx.QueryRowContext(ctx, "SELECT content FROM report WHERE id = $1", id).Scan(&content); err != nil {
		return nil, err
	}
	r, err := ParseReport(strings.NewReader(content)) // it was taken under the rules of its day
	if err != nil {
		return nil, err
	}
	if files, err = t.admit(ctx, tx, id); err != nil {
		return nil, err
	}
	tip := Tip{Source: FromReport, Class: r.Class, Reporter: reporter, ExternalRef: fmt.Sprintf("report %d", id), Hints: hints(r), Summary: r.Summary(), OccurredAt: store.Micros(r.OccurredAt), ReportID: id}
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
	return files, t.touch(ctx, tx, id, "report.finished", record.Fields{"state": reportFinished, "tip_id": tip.ID})
}

// admit makes media of the files that wait, and looks them up in the lists.
func (t *Tips) admit(ctx context.Context, tx *store.Tx, id int64) (files []string, err error) {
	type waiting struct {
		id                      int64
		fileID, hashed, details string
		media                   int64
	}
	all, err := store.Collect(ctx, tx, func(rows *sql.Rows) (w waiting, err error) {
		return w, rows.Scan(&w.id, &w.fileID, &w.hashed, &w.details, &w.media)
	}, "SELECT id, file_id, hashed, details, COALESCE(media_id, 0) FROM report_file WHERE report_id = $1 ORDER BY id", id)
	if err != nil {
		return nil, err
	}
	for _, w := range all {
		files = append(files, w.fileID)
		if w.media != 0 { // it was uploaded before files waited
			continue
		}
		var h hashedFile
		if err := json.Unmarshal([]byte(w.hashed), &h); err != nil {
			return nil, fmt.Errorf("hashes of file %s: %w", w.fileID, err)
		}
		row := platforms.HashedRow(h.Result, nil)
		row.NativeID, row.Failure, row.Viewed = w.fileID, h.Failure, viewed(nil)
		if w.details != "" {
			d, err := ParseFileDetails(strings.NewReader(w.details)) // it was taken under the rules of its day
			if err != nil {
				return nil, fmt.Errorf("details of file %s: %w", w.fileID, err)
			}
			row.Viewed = viewed(d.Viewed)
		}
		mediaID, err := t.register.AddMedia(ctx, tx, row)
		if err != nil {
			return nil, err
		}
		if t.matcher != nil {
			if _, err := t.matcher.KeepMatches(ctx, tx, mediaID, h.Result); err != nil {
				return nil, err
			}
		}
		if err := t.log.Update(ctx, tx, "report_file", "report.media", time.Time{}, w.id, record.Fields{"media_id": mediaID, "hashed": ""}); err != nil {
			return nil, err
		}
	}
	return files, nil
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
