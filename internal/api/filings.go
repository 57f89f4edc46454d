package api

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// registerFilings serves the CyberTipline-compatible API: HTTP Basic, XML answers, application errors as 200 with a code.
func (a *api) registerFilings(mux *http.ServeMux) {
	handle := func(pattern string, fn func(ctx context.Context, r *http.Request, reporter string) (xmlWriter, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			username, password, _ := r.BasicAuth()
			p, err := a.People.Basic(r.Context(), username, password)
			if err != nil || !p.Has(identity.Reporter) {
				w.Header().Set("WWW-Authenticate", `Basic realm="CyberTipline"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			ctx := record.WithActor(r.Context(), "reporter:"+p.Username)
			answer, err := fn(ctx, r, p.Username)
			if err != nil {
				answer = errorAnswer(err)
				if fault.Of(err) == fault.Internal {
					a.Logger.ErrorContext(ctx, "filing failed", "error", err)
				}
			}
			w.Header().Set("Content-Type", "application/xml;charset=UTF-8")
			answer.WriteXML(w)
		})
	}
	handle("GET /ispws/status", func(ctx context.Context, r *http.Request, reporter string) (xmlWriter, error) {
		return intake.Response{Description: "Remote User : " + reporter}, nil
	})
	handle("POST /ispws/submit", func(ctx context.Context, r *http.Request, reporter string) (xmlWriter, error) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		var id int64
		err = a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			id, err = a.Tips.Submit(ctx, tx, reporter, b)
			return err
		})
		return intake.Response{Description: "Success", ReportID: id}, err
	})
	handle("POST /ispws/fileinfo", func(ctx context.Context, r *http.Request, reporter string) (xmlWriter, error) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		var id int64
		err = a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			id, err = a.Tips.FileInfo(ctx, tx, reporter, b)
			return err
		})
		return intake.Response{Description: "Success", ReportID: id}, err
	})
	handle("POST /ispws/upload", a.upload)
	handle("POST /ispws/finish", func(ctx context.Context, r *http.Request, reporter string) (xmlWriter, error) {
		id, err := formID(r)
		if err != nil {
			return nil, err
		}
		var files []string
		err = a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			files, err = a.Tips.Finish(ctx, tx, reporter, id)
			return err
		})
		return intake.NewDoneResponse(id, files), err
	})
	handle("POST /ispws/retract", func(ctx context.Context, r *http.Request, reporter string) (xmlWriter, error) {
		id, err := formID(r)
		if err != nil {
			return nil, err
		}
		err = a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return a.Tips.Retract(ctx, tx, reporter, id) })
		return intake.Response{Description: "Success", ReportID: id}, err
	})
}

type xmlWriter interface{ WriteXML(io.Writer) error }

// errorAnswer gives an error the code that the field's clients know.
func errorAnswer(err error) xmlWriter {
	var f *fault.Fault
	if errors.As(err, &f) {
		if code, convErr := strconv.Atoi(f.Code); convErr == nil {
			return intake.Response{Code: code, Description: f.Message}
		}
	}
	return intake.ErrorResponse(err)
}

// formID reads the field id from a form of either encoding, or from a body without any type.
func formID(r *http.Request) (int64, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	text := ""
	if strings.HasPrefix(kind, "multipart/") {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			return 0, fault.Coded(fault.Invalid, "4000", "the form is not readable")
		}
		text = r.FormValue("id")
	} else {
		b, err := io.ReadAll(io.LimitReader(r.Body, 1<<12))
		if err != nil {
			return 0, err
		}
		_, text, _ = strings.Cut(string(b), "id=")
		text, _, _ = strings.Cut(text, "&")
	}
	id, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0, fault.Coded(fault.Invalid, "4000", "the field id must be a report's number")
	}
	return id, nil
}

// upload takes the parts id and file, in this order.
func (a *api) upload(ctx context.Context, r *http.Request, reporter string) (xmlWriter, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, fault.Coded(fault.Invalid, "4000", "an upload is a multipart form with id and file")
	}
	id := int64(0)
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return nil, fault.Coded(fault.Invalid, "4000", "the upload has no file")
		}
		if err != nil {
			return nil, fault.Coded(fault.Invalid, "4000", "the upload was cut short")
		}
		switch part.FormName() {
		case "id":
			b, _ := io.ReadAll(io.LimitReader(part, 32))
			if id, err = strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err != nil {
				return nil, fault.Coded(fault.Invalid, "4000", "the field id must be a report's number")
			}
		case "file":
			b, err := io.ReadAll(part)
			if err != nil {
				return nil, fault.Coded(fault.Invalid, "1111", "the file was cut short")
			}
			fileID, md5, err := a.Tips.Upload(ctx, reporter, id, part.FileName(), b)
			if _, bad := hex.DecodeString(md5); err == nil && bad != nil {
				err = bad
			}
			return intake.Response{Description: "Success", ReportID: id, FileID: fileID, Hash: md5}, err
		}
	}
}
