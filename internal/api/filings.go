package api

import (
	"context"
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

// filing is one call of the CyberTipline-compatible API.
type filing struct {
	reporter identity.Person
	path     string
	key      string // Idempotency-Key: the field's clients send none; one that does may repeat a call safely
}

// registerFilings serves the CyberTipline-compatible API: HTTP Basic, XML answers, application errors as 200 with a code.
func (a *api) registerFilings(mux *routes) {
	handle := func(method, path string, fn func(ctx context.Context, r *http.Request, f filing) (xmlWriter, error)) {
		mux.HandleFunc(method+" "+path, func(w http.ResponseWriter, r *http.Request) {
			username, password, _ := r.BasicAuth()
			p, err := a.People.Basic(r.Context(), username, password)
			if err != nil || !p.May(identity.FileReports) {
				w.Header().Set("WWW-Authenticate", `Basic realm="CyberTipline"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			ctx := record.WithActor(r.Context(), "reporter:"+p.Username) // a service of another organisation, not of this one
			answer, err := fn(ctx, r, filing{p, path, r.Header.Get("Idempotency-Key")})
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
	handle(http.MethodGet, "/ispws/status", func(_ context.Context, _ *http.Request, f filing) (xmlWriter, error) {
		return intake.Response{Description: "Remote User : " + f.reporter.Username}, nil
	})
	handle(http.MethodPost, "/ispws/submit", func(ctx context.Context, r *http.Request, f filing) (xmlWriter, error) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		return filed(ctx, a, f, func(ctx context.Context, tx *store.Tx) (intake.Response, error) {
			id, err := a.Tips.Submit(ctx, tx, f.reporter.Username, b)
			return intake.Response{Description: "Success", ReportID: id}, err
		})
	})
	handle(http.MethodPost, "/ispws/fileinfo", func(ctx context.Context, r *http.Request, f filing) (xmlWriter, error) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		return filed(ctx, a, f, func(ctx context.Context, tx *store.Tx) (intake.Response, error) {
			id, err := a.Tips.FileInfo(ctx, tx, f.reporter.Username, b)
			return intake.Response{Description: "Success", ReportID: id}, err
		})
	})
	handle(http.MethodPost, "/ispws/upload", a.upload)
	handle(http.MethodPost, "/ispws/finish", func(ctx context.Context, r *http.Request, f filing) (xmlWriter, error) {
		id, err := formID(r)
		if err != nil {
			return nil, err
		}
		return filed(ctx, a, f, func(ctx context.Context, tx *store.Tx) (intake.DoneResponse, error) {
			files, err := a.Tips.Finish(ctx, tx, f.reporter.Username, id)
			return intake.NewDoneResponse(id, files), err
		})
	})
	handle(http.MethodPost, "/ispws/retract", func(ctx context.Context, r *http.Request, f filing) (xmlWriter, error) {
		id, err := formID(r)
		if err != nil {
			return nil, err
		}
		return filed(ctx, a, f, func(ctx context.Context, tx *store.Tx) (intake.Response, error) {
			return intake.Response{Description: "Success", ReportID: id}, a.Tips.Retract(ctx, tx, f.reporter.Username, id)
		})
	})
}

// filed runs a change of a filing, or gives the stored answer of its idempotency key.
func filed[O xmlWriter](ctx context.Context, a *api, f filing, fn func(context.Context, *store.Tx) (O, error)) (xmlWriter, error) {
	var out O
	err := a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		return a.keyed(ctx, tx, f.key, f.reporter.ID, f.path, &out, func() (err error) {
			out, err = fn(ctx, tx)
			return err
		})
	})
	return out, err
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
func (a *api) upload(ctx context.Context, r *http.Request, f filing) (xmlWriter, error) {
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
			var known intake.Response
			if f.key != "" {
				if done, err := a.replied(ctx, a.DB.Reader(), f.key, f.reporter.ID, f.path, &known); done || err != nil {
					return known, err
				}
			}
			file, err := a.Tips.Hash(ctx, f.reporter.Username, id, part.FileName(), b)
			if err != nil {
				return nil, err
			}
			return filed(ctx, a, f, func(ctx context.Context, tx *store.Tx) (intake.Response, error) {
				fileID, err := a.Tips.Attach(ctx, tx, f.reporter.Username, id, file)
				return intake.Response{Description: "Success", ReportID: id, FileID: fileID, Hash: file.MD5}, err
			})
		}
	}
}
