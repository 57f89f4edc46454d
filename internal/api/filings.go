package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
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

// answer is what a call gives back.
type answer interface{ WriteXML(io.Writer) error }

const keyLimit = 200 // bytes of an Idempotency-Key

// filingCalls are the calls and their methods.
var filingCalls = map[string]string{
	"/ispws/status": http.MethodGet, "/ispws/xsd": http.MethodGet, "/ispws/submit": http.MethodPost, "/ispws/upload": http.MethodPost, "/ispws/fileinfo": http.MethodPost,
	"/ispws/finish": http.MethodPost, "/ispws/retract": http.MethodPost,
}

// registerFilings serves the CyberTipline-compatible API: HTTP Basic, XML answers, errors of the caller's as 200 with a code.
func (a *api) registerFilings(mux *routes) {
	for path, fn := range map[string]func(context.Context, *http.Request, filing) (answer, error){
		"/ispws/status":   a.filingStatus,
		"/ispws/xsd":      func(context.Context, *http.Request, filing) (answer, error) { return xsd{}, nil },
		"/ispws/submit":   a.submit,
		"/ispws/upload":   a.upload,
		"/ispws/fileinfo": a.fileInfo,
		"/ispws/finish":   a.finish,
		"/ispws/retract":  a.retract,
	} {
		mux.HandleFunc(filingCalls[path]+" "+path, a.reporting(xmlError, func(w http.ResponseWriter, r *http.Request, f filing) error {
			out, err := fn(r.Context(), r, f)
			if err != nil {
				return err
			}
			writeAnswer(w, http.StatusOK, out)
			return nil
		}))
	}
	mux.HandleFunc("/ispws/", a.reporting(xmlError, func(w http.ResponseWriter, r *http.Request, _ filing) error {
		if method, ok := filingCalls[r.URL.Path]; ok {
			w.Header().Set("Allow", method)
			writeAnswer(w, http.StatusMethodNotAllowed, intake.Response{Code: intake.CodeInvalidRequest, Description: "this is called with " + method})
			return nil
		}
		writeAnswer(w, http.StatusNotFound, intake.Response{Code: intake.CodeNoResource, Description: "there is nothing at this address"})
		return nil
	}))
	mux.HandleFunc("GET /ispws/reports", a.reporting(jsonError, a.filedReports))
	mux.HandleFunc("GET /ispws/reports/{id}", a.reporting(jsonError, a.filedReport))
}

// reporting lets reporters in and answers errors in the form of fail.
func (a *api) reporting(fail func(http.ResponseWriter, error), fn func(http.ResponseWriter, *http.Request, filing) error) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		raw := make([]byte, 16)
		rand.Read(raw)
		id := hex.EncodeToString(raw)
		w.Header().Set("Request-ID", id)
		err := func() error {
			p, err := a.reporterOf(r)
			if err != nil {
				return err
			}
			f := filing{p, r.URL.Path, r.Header.Get("Idempotency-Key")}
			if len(f.key) > keyLimit {
				return fault.Coded(fault.Invalid, "4000", "an Idempotency-Key has %d bytes at most", keyLimit)
			}
			return fn(w, r.WithContext(record.WithActor(r.Context(), "reporter:"+p.Username)), f) // a service of another organisation, not of this one
		}()
		if err == nil {
			return
		}
		if fault.Of(err) == fault.Internal {
			a.Logger.ErrorContext(r.Context(), "filing failed", "request", id, "error", err)
		}
		fail(w, err)
	}
}

// reporterOf finds the reporter by HTTP Basic.
func (a *api) reporterOf(r *http.Request) (identity.Person, error) {
	username, password, ok := r.BasicAuth()
	if !ok {
		return identity.Person{}, fault.New(fault.Unsigned, "sign in with HTTP Basic, as this organisation told you")
	}
	p, err := a.People.Basic(r.Context(), username, password)
	if err == nil && !p.May(identity.FileReports) {
		code := intake.CodeNotAuthorized
		if r.Method == http.MethodPost {
			code = intake.CodeNoSubmit
		}
		err = fault.Coded(fault.Forbidden, strconv.Itoa(code), "this credential may not file reports")
	}
	return p, err
}

// xmlError answers an error: 401 and 403 for who may not, 5xx for what is not the caller's fault, otherwise 200 with the code, as the
// field's clients expect.
func xmlError(w http.ResponseWriter, err error) {
	status := fault.HTTPStatus(err)
	switch fault.Of(err) {
	case fault.Unsigned:
		w.Header().Set("WWW-Authenticate", `Basic realm="CyberTipline"`)
	case fault.Unavailable:
		w.Header().Set("Retry-After", "5")
	case fault.Forbidden, fault.Internal, fault.Tampered:
	default:
		status = http.StatusOK
	}
	writeAnswer(w, status, intake.ErrorResponse(err))
}

func writeAnswer(w http.ResponseWriter, status int, out answer) {
	w.Header().Set("Content-Type", "application/xml;charset=UTF-8")
	w.WriteHeader(status)
	out.WriteXML(w)
}

func jsonError(w http.ResponseWriter, err error) {
	status := fault.HTTPStatus(err)
	if fault.Of(err) == fault.Unsigned {
		w.Header().Set("WWW-Authenticate", `Basic realm="CyberTipline"`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(&problem{Title: http.StatusText(status), Status: status, Detail: fault.Message(err), Code: fault.Code(err)})
}

// xsd is the schema as an answer.
type xsd struct{}

// WriteXML writes the schema.
func (xsd) WriteXML(w io.Writer) error {
	_, err := w.Write(intake.XSD())
	return err
}

func (a *api) filingStatus(ctx context.Context, r *http.Request, f filing) (answer, error) {
	address := identity.DeviceOf(ctx).Address
	if address == "" {
		address, _, _ = net.SplitHostPort(r.RemoteAddr)
	}
	return intake.Response{Description: "Remote User : " + f.reporter.Username + ", Remote Ip : " + address}, nil
}

func (a *api) submit(ctx context.Context, r *http.Request, f filing) (answer, error) {
	b, err := readDocument(r)
	if err != nil {
		return nil, err
	}
	return filed(ctx, a, f, b, func(ctx context.Context, tx *store.Tx) (intake.Response, error) {
		id, err := a.Tips.Submit(ctx, tx, f.reporter.Username, b)
		return intake.Response{Description: "Success", ReportID: id}, err
	})
}

func (a *api) fileInfo(ctx context.Context, r *http.Request, f filing) (answer, error) {
	b, err := readDocument(r)
	if err != nil {
		return nil, err
	}
	return filed(ctx, a, f, b, func(ctx context.Context, tx *store.Tx) (intake.Response, error) {
		id, err := a.Tips.FileInfo(ctx, tx, f.reporter.Username, b)
		return intake.Response{Description: "Success", ReportID: id}, err
	})
}

func (a *api) finish(ctx context.Context, r *http.Request, f filing) (answer, error) {
	id, err := formID(r)
	if err != nil {
		return nil, err
	}
	out, err := filed(ctx, a, f, decimal(id), func(ctx context.Context, tx *store.Tx) (intake.DoneResponse, error) {
		files, err := a.Tips.Finish(ctx, tx, f.reporter.Username, id)
		return intake.NewDoneResponse(id, files), err
	})
	switch code := intake.ResponseCode(err); code {
	case intake.CodeNoReport, intake.CodeRetracted, intake.CodeFinished: // clients read nothing but a reportDoneResponse here
		return intake.DoneResponse{Code: code, ReportID: id}, nil
	}
	return out, err
}

func (a *api) retract(ctx context.Context, r *http.Request, f filing) (answer, error) {
	id, err := formID(r)
	if err != nil {
		return nil, err
	}
	return filed(ctx, a, f, decimal(id), func(ctx context.Context, tx *store.Tx) (intake.Response, error) {
		return intake.Response{Description: "Success", ReportID: id}, a.Tips.Retract(ctx, tx, f.reporter.Username, id)
	})
}

// upload hashes a file outside the write and enters it.
func (a *api) upload(ctx context.Context, r *http.Request, f filing) (answer, error) {
	early := func(id int64) error { return a.Tips.Changeable(ctx, f.reporter.Username, id) }
	if f.key != "" {
		early = nil // a repeated call has its answer, whatever became of the report since
	}
	form, err := readForm(r, a.large, early)
	if err != nil {
		io.Copy(io.Discard, r.Body) // a client that is still sending would never read the answer
		return nil, err
	}
	said := slices.Concat(decimal(form.id), []byte{0}, form.file)
	var known intake.Response
	if f.key != "" {
		if done, err := a.replied(ctx, a.DB.Reader(), f.key, f.reporter.ID, f.operation(said), &known); done || err != nil {
			return known, err
		}
	}
	file, err := a.Tips.Hash(ctx, f.reporter.Username, form.id, form.name, form.file)
	if err != nil {
		return nil, err
	}
	return filed(ctx, a, f, said, func(ctx context.Context, tx *store.Tx) (intake.Response, error) {
		fileID, err := a.Tips.Attach(ctx, tx, f.reporter.Username, form.id, file)
		return intake.Response{Description: "Success", ReportID: form.id, FileID: fileID, Hash: file.MD5}, err
	})
}

// operation names a call with what it said, so that a key that comes with something else is refused.
func (f filing) operation(said []byte) string {
	sum := sha256.Sum256(said)
	return f.path + " " + hex.EncodeToString(sum[:])
}

// filed runs a change of a filing, or gives the stored answer of its idempotency key.
func filed[O answer](ctx context.Context, a *api, f filing, said []byte, fn func(context.Context, *store.Tx) (O, error)) (answer, error) {
	var out O
	operation := ""
	if f.key != "" {
		operation = f.operation(said)
	}
	err := a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		return a.keyed(ctx, tx, f.key, f.reporter.ID, operation, &out, func() (err error) {
			out, err = fn(ctx, tx)
			return err
		})
	})
	return out, err
}

func decimal(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

// readDocument reads an XML document, of whatever type it is said to be.
func readDocument(r *http.Request) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, intake.DocumentLimit+1))
	switch {
	case err != nil:
		return nil, notWhole("4000", "the document", err)
	case len(b) > intake.DocumentLimit:
		return nil, fault.Coded(fault.TooLarge, "4000", "a document may have %d MiB at most", intake.DocumentLimit>>20)
	}
	return b, nil
}

// notWhole says why a body could not be read.
func notWhole(code, what string, err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return fault.Coded(fault.TooLarge, code, "%s is too large; a request may have %d MiB at most", what, large.Limit>>20)
	}
	return fault.Coded(fault.Invalid, code, "%s was cut short; send it again", what)
}

func parseID(text string) (int64, error) {
	id, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || id < 1 {
		return 0, fault.Coded(fault.Invalid, "4000", "the field id must be a report's number")
	}
	return id, nil
}
