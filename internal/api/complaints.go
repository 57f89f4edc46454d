package api

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/spreadsheet"
	"raksha.example/raksha/internal/store"
)

// complaintBytes gives a complaint file of a body: its bytes, or its text.
func complaintBytes(file []byte, text string) ([]byte, error) {
	switch {
	case len(file) > 0 && text != "":
		return nil, fault.New(fault.Invalid, "give the file or its text, not both")
	case len(file) > 0:
		return file, nil
	case text != "":
		return []byte(text), nil
	}
	return nil, fault.New(fault.Invalid, "give the file: its bytes as file, or its text as csv")
}

type previewBody struct {
	File  []byte `json:"file,omitempty" doc:"The bytes of a CSV or XLSX file, in base64"`
	CSV   string `json:"csv,omitempty" doc:"The text of a CSV file, instead of its bytes"`
	Limit int    `json:"limit,omitempty" minimum:"1" maximum:"50000" doc:"Rows that are shown at most; 1000 if not given. All are counted"`
}

type complaintBody struct {
	Reference   string `json:"reference"`
	Complainant string `json:"complainant"`
	File        []byte `json:"file,omitempty" doc:"The bytes of a CSV or XLSX file, in base64"`
	CSV         string `json:"csv,omitempty" doc:"The text of a CSV file, instead of its bytes"`
}

// readFile is a complaint file that was read, before anything is entered.
type readFile struct {
	content []byte
	lines   []intake.Line
}

type correctionBody struct {
	Address string `json:"address,omitempty" maxLength:"2048" doc:"The address that the line means, or a handle with its platform's name"`
	None    string `json:"none,omitempty" maxLength:"2000" doc:"Why the line names no address, instead of one"`
}

type tableFile struct {
	Name    string `json:"name"`
	Content []byte `json:"content" doc:"In base64"`
}

// madeTable writes a table in a format: csv or xlsx.
func madeTable(name, format string, write func(intake.Table) error) (tableFile, error) {
	var b bytes.Buffer
	var w intake.Table = spreadsheet.NewCSV(&b)
	if format == "xlsx" {
		x, err := spreadsheet.NewXLSX(&b)
		if err != nil {
			return tableFile{}, err
		}
		w = x
	} else {
		format = "csv"
	}
	err := write(w)
	return tableFile{name + "." + format, b.Bytes()}, err
}

// exported puts on record that somebody took a table away.
func (a *api) exported(ctx context.Context, what string, rows int) error {
	return a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return a.Log.Note(ctx, tx, what, record.Fields{"person": acting(ctx), "rows": rows}, nil)
	})
}

func (a *api) registerComplaints() {
	q := a.DB.Reader()
	read(a, "/complaints", "Complaint files", func(ctx context.Context, _ *empty) ([]intake.Complaint, error) { return intake.Complaints(ctx, q) })
	act(a, "/complaints/preview", "What is understood of a complaint file, row by row; nothing is entered", func(ctx context.Context, in *with[previewBody]) (intake.Preview, error) {
		b, err := complaintBytes(in.Body.File, in.Body.CSV)
		if err != nil {
			return intake.Preview{}, err
		}
		limit := in.Body.Limit
		if limit == 0 {
			limit = 1000
		}
		p, _, err := a.Tips.Preview(ctx, q, b, limit)
		return p, err
	})
	write(a, "/complaints", "Import a complaint file", func(ctx context.Context, in *with[complaintBody]) (f readFile, err error) {
		if f.content, err = complaintBytes(in.Body.File, in.Body.CSV); err != nil {
			return f, err
		}
		f.lines, err = a.Tips.Read(ctx, f.content)
		return f, err
	}, func(ctx context.Context, tx *store.Tx, in *with[complaintBody], f readFile) (intake.Complaint, error) {
		return a.Tips.ImportLines(ctx, tx, in.Body.Reference, in.Body.Complainant, f.content, f.lines)
	})
	type page struct {
		Credentials
		ID    int64  `path:"id"`
		State string `query:"state" enum:"tip,duplicate,unreadable,waiting" doc:"waiting: unreadable and not looked at by a person yet"`
		After int64  `query:"after" doc:"The last number of the page before"`
		Limit int    `query:"limit" default:"1000" minimum:"1" maximum:"10000"`
	}
	read(a, "/complaints/{id}/lines", "Lines of a complaint, page by page", func(ctx context.Context, in *page) ([]intake.KeptLine, error) {
		if _, err := intake.ComplaintByID(ctx, q, in.ID); err != nil {
			return nil, err
		}
		return intake.Lines(ctx, q, in.ID, intake.LineFilter{State: in.State, After: in.After, Limit: in.Limit})
	})
	type lineOf struct {
		Credentials
		ID   int64 `path:"id"`
		N    int64 `path:"n"`
		Body correctionBody
	}
	write(a, "/complaints/{id}/lines/{n}/correction", "Say which address an unreadable line means, or that it names none", nil,
		func(ctx context.Context, tx *store.Tx, in *lineOf, _ nothing) (intake.KeptLine, error) {
			return a.Tips.Correct(ctx, tx, in.ID, in.N, acting(ctx), intake.Correction{Address: in.Body.Address, None: in.Body.None})
		})
	type linesExport struct {
		Credentials
		ID     int64  `path:"id"`
		Format string `query:"format" enum:"csv,xlsx"`
	}
	read(a, "/complaints/{id}/export", "The lines of a complaint as a table in which every cell is text; the export goes on record", func(ctx context.Context, in *linesExport) (f tableFile, err error) {
		c, err := intake.ComplaintByID(ctx, q, in.ID)
		if err != nil {
			return f, err
		}
		lines, err := intake.Lines(ctx, q, in.ID, intake.LineFilter{})
		if err != nil {
			return f, err
		}
		if f, err = madeTable(fmt.Sprintf("complaint-%d", c.ID), in.Format, func(w intake.Table) error { return intake.WriteLines(w, lines) }); err != nil {
			return f, err
		}
		return f, a.exported(ctx, "complaint.exported", len(lines))
	})
	type tipsExport struct {
		Credentials
		State  string `query:"state"`
		Source string `query:"source"`
		Format string `query:"format" enum:"csv,xlsx"`
	}
	read(a, "/tips/export", "Tips as a table in which every cell is text; the export goes on record", func(ctx context.Context, in *tipsExport) (f tableFile, err error) {
		tips, err := intake.List(ctx, q, intake.Filter{State: in.State, Source: in.Source})
		if err != nil {
			return f, err
		}
		if f, err = madeTable("tips-"+a.Clock.Now().UTC().Format(time.DateOnly), in.Format, func(w intake.Table) error { return intake.WriteTips(w, tips) }); err != nil {
			return f, err
		}
		return f, a.exported(ctx, "tips.exported", len(tips))
	})
}
