package filing

import (
	"bytes"
	"context"
	"crypto/md5"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/filing/cybertip"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

const (
	most    = 50               // reports that are opened for one filing before it fails
	atLeast = 20 * time.Second // that a step is given; with less left, another job goes on
)

type args struct {
	ID int64 `json:"id"`
}

// Kind implements jobs.Args.
func (args) Kind() string { return "filing" }

// job does the steps of a filing until it is final. An error means that it is tried again later, from where it stands.
func (f *Filings) job(ctx context.Context, a args) error {
	ctx = record.WithActor(ctx, "filing")
	for {
		v, err := ByID(ctx, f.DB.Reader(), a.ID)
		if err != nil || Final(v.State) {
			return err
		}
		if end, ok := ctx.Deadline(); ok && time.Until(end) < atLeast {
			return f.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return f.Jobs.Enqueue(ctx, tx, a) })
		}
		if err := f.step(ctx, v); err != nil {
			return f.told(ctx, v.ID, err)
		}
	}
}

// told keeps why a filing does not go on, where people see it, and gives the error back.
func (f *Filings) told(ctx context.Context, id int64, why error) error {
	if errors.Is(why, errMoved) {
		return nil // another job goes on with it
	}
	text := fault.Message(why)
	var refused *cybertip.Refusal
	if errors.As(why, &refused) {
		text = refused.Error()
	}
	err := f.DB.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error {
		v, err := ByID(ctx, tx, id)
		if err != nil || v.Failure == text || Final(v.State) {
			return err
		}
		return f.set(ctx, tx, v, record.Fields{"failure": text})
	})
	return errors.Join(why, err)
}

var errMoved = errors.New("the filing has moved on")

// move commits a step's outcome, if the filing still stands where the step began, and gives it as it stands then.
func (f *Filings) move(ctx context.Context, v Filing, to record.Fields, also func(context.Context, *store.Tx) error) (now Filing, err error) {
	err = f.DB.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error {
		if now, err = ByID(ctx, tx, v.ID); err != nil {
			return err
		}
		if now.turn != v.turn || now.State != v.State {
			return errMoved
		}
		if also != nil {
			if err := also(ctx, tx); err != nil {
				return err
			}
		}
		if err := f.set(ctx, tx, now, to); err != nil {
			return err
		}
		now, err = ByID(ctx, tx, v.ID)
		return err
	})
	return now, err
}

// step does one step of a filing.
func (f *Filings) step(ctx context.Context, v Filing) error {
	d, err := byNumber(ctx, f.DB.Reader(), v.DestinationID)
	if err != nil {
		return jobs.Permanent(f.giveUp(ctx, v, "the destination was removed"))
	}
	s, err := f.secret(ctx, f.DB.Reader(), d)
	if err != nil {
		return err
	}
	c := clientOf(f.Client, d, s)
	switch v.State {
	case Prepared, Submitting:
		return f.submit(ctx, v, d, c)
	case Submitted:
		return f.files(ctx, v, d, c)
	case Finishing:
		return f.finish(ctx, v, c)
	case Retracting:
		return f.retract(ctx, v, c)
	}
	return fmt.Errorf("filing %d is in the state %q", v.ID, v.State)
}

func (f *Filings) giveUp(ctx context.Context, v Filing, why string) error {
	_, err := f.move(ctx, v, record.Fields{"state": Failed, "failure": why}, nil)
	return err
}

// submit opens a report. A report whose answer was lost stays unfinished there and expires, unless the other side knows the key.
func (f *Filings) submit(ctx context.Context, v Filing, d Destination, c cybertip.Client) (err error) {
	if v.Round >= most {
		return f.giveUp(ctx, v, fmt.Sprintf("%d reports were opened and none could be finished; last: %s", v.Round, v.Failure))
	}
	to := record.Fields{"state": Submitting}
	switch {
	case v.State == Prepared:
		to["round"] = v.Round + 1
	case !d.Repeats: // the answer to the last one never came
		to["round"], to["abandoned"] = v.Round+1, v.Abandoned+1
	}
	if v, err = f.move(ctx, v, to, nil); err != nil {
		return err
	}
	id, err := c.Submit(ctx, v.keyFor("submit"), []byte(v.content))
	if code, refused := cybertip.Code(err); refused {
		if cybertip.Temporary(code) {
			_, moved := f.move(ctx, v, record.Fields{"state": Prepared, "round": v.Round - 1, "failure": err.Error()}, nil)
			return errors.Join(err, moved)
		}
		return f.giveUp(ctx, v, err.Error())
	}
	if err != nil {
		return err
	}
	_, err = f.move(ctx, v, record.Fields{"state": Submitted, "report": id, "failure": ""}, func(ctx context.Context, tx *store.Tx) error {
		return f.eachFile(ctx, tx, v.ID, record.Fields{"state": "waiting", "file": ""})
	})
	return err
}

func (f *Filings) eachFile(ctx context.Context, tx *store.Tx, id int64, to record.Fields) error {
	all, err := filesOf(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, file := range all {
		if file.state == "waiting" {
			continue
		}
		if err := f.Log.Update(ctx, tx, "filing_file", "filing.file_again", time.Time{}, file.id, to); err != nil {
			return err
		}
	}
	return nil
}

type file struct {
	id                                 int64
	name, sha256, details, state, file string
}

func filesOf(ctx context.Context, q store.Queryer, filing int64) ([]file, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (v file, err error) {
		return v, rows.Scan(&v.id, &v.name, &v.sha256, &v.details, &v.state, &v.file)
	}, "SELECT id, name, sha256, details, state, file FROM filing_file WHERE filing_id = $1 ORDER BY id", filing)
}

// files does the next step of the next file, or goes on to finish.
func (f *Filings) files(ctx context.Context, v Filing, d Destination, c cybertip.Client) error {
	all, err := filesOf(ctx, f.DB.Reader(), v.ID)
	if err != nil {
		return err
	}
	for _, one := range all {
		switch one.state {
		case "described":
		case "sent":
			return f.describe(ctx, v, one, c)
		case "sending":
			if !d.Repeats { // it may be there or not, and twice it must not be: begin anew
				_, err := f.move(ctx, v, record.Fields{"state": Retracting, "ending": "again"}, nil)
				return err
			}
			fallthrough
		default:
			return f.upload(ctx, v, one, c)
		}
	}
	_, err = f.move(ctx, v, record.Fields{"state": Finishing}, nil)
	return err
}

func (f *Filings) upload(ctx context.Context, v Filing, one file, c cybertip.Client) error {
	b, err := f.Vault.Get(ctx, one.sha256)
	if fault.Of(err) == fault.NotFound {
		return f.refused(ctx, v, fault.New(fault.NotFound, "the file %s is no longer kept here; file the tip again, with its hashes alone", one.name))
	}
	if err != nil {
		return err
	}
	if v, err = f.moveFile(ctx, v, one, record.Fields{"state": "sending"}, "filing.sending"); err != nil {
		return err
	}
	id, sum, err := c.Upload(ctx, v.keyFor(fmt.Sprintf("upload %d", one.id)), v.Report, one.name, bytes.NewReader(b))
	if err != nil {
		return f.answered(ctx, v, err)
	}
	if own := md5.Sum(b); sum != "" && sum != hex.EncodeToString(own[:]) {
		_, err := f.move(ctx, v, record.Fields{"state": Retracting, "ending": "again", "failure": "the file arrived changed: the other side's MD5 differs"}, nil)
		return err
	}
	_, err = f.moveFile(ctx, v, one, record.Fields{"state": "sent", "file": id}, "filing.sent")
	return err
}

// moveFile commits a file's step together with the filing's turn.
func (f *Filings) moveFile(ctx context.Context, v Filing, one file, to record.Fields, kind string) (Filing, error) {
	return f.move(ctx, v, record.Fields{}, func(ctx context.Context, tx *store.Tx) error {
		return f.Log.Update(ctx, tx, "filing_file", kind, time.Time{}, one.id, to)
	})
}

func (f *Filings) describe(ctx context.Context, v Filing, one file, c cybertip.Client) error {
	var details cybertip.FileDetails
	if err := json.Unmarshal([]byte(one.details), &details); err != nil {
		return err
	}
	details.ReportID, details.FileID = v.Report, one.file
	b, err := cybertip.Document(details)
	if err != nil {
		return err
	}
	if err := c.FileInfo(ctx, v.keyFor(fmt.Sprintf("fileinfo %d", one.id)), b); err != nil { // saying the same again changes nothing
		return f.answered(ctx, v, err)
	}
	_, err = f.moveFile(ctx, v, one, record.Fields{"state": "described"}, "filing.described")
	return err
}

// answered turns a refusal on the way into what comes next; anything else is tried again.
func (f *Filings) answered(ctx context.Context, v Filing, err error) error {
	code, refused := cybertip.Code(err)
	switch {
	case !refused || cybertip.Temporary(code):
		return err
	case code == cybertip.NoReport || code == cybertip.AlreadyRetracted: // it expired there
		_, err := f.move(ctx, v, record.Fields{"state": Prepared, "report": 0, "failure": err.Error()}, nil)
		return err
	case code == cybertip.AlreadyFinished:
		return f.finished(ctx, v)
	}
	return f.refused(ctx, v, err)
}

// refused has the report taken back, so that no half of it stays there, and ends the filing as failed.
func (f *Filings) refused(ctx context.Context, v Filing, why error) error {
	text := fault.Message(why)
	var r *cybertip.Refusal
	if errors.As(why, &r) {
		text = r.Error()
	}
	_, err := f.move(ctx, v, record.Fields{"state": Retracting, "ending": Failed, "failure": text}, nil)
	return err
}

// finish asks to finish until it is answered: the answer to the second time tells what became of the first.
func (f *Filings) finish(ctx context.Context, v Filing, c cybertip.Client) error {
	if _, err := c.Finish(ctx, v.keyFor("finish"), v.Report); err != nil {
		return f.answered(ctx, v, err)
	}
	return f.finished(ctx, v)
}

func (f *Filings) finished(ctx context.Context, v Filing) error {
	_, err := f.move(ctx, v, record.Fields{"state": Finished, "failure": "", "ending": "", "finished_at": f.Clock.Now()}, nil)
	return err
}

// retract takes a report back until it is known to be gone.
func (f *Filings) retract(ctx context.Context, v Filing, c cybertip.Client) error {
	if v.Report != 0 {
		err := c.Retract(ctx, v.keyFor("retract"), v.Report)
		code, refused := cybertip.Code(err)
		switch {
		case err == nil, refused && (code == cybertip.NoReport || code == cybertip.AlreadyRetracted):
		case refused && code == cybertip.AlreadyFinished:
			return f.finished(ctx, v)
		default:
			return err
		}
	}
	to := record.Fields{"state": v.ending, "ending": "", "report": 0}
	if v.ending == "again" {
		to["state"] = Prepared
	}
	_, err := f.move(ctx, v, to, nil)
	return err
}
