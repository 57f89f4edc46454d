package cybertip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
)

// Refusal is an answer with a response code other than success: the other side has done nothing.
type Refusal struct {
	Step        string // submit, upload, fileinfo, finish or retract
	Code        int
	Description string
}

// Error implements error.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%s was answered %d %s", r.Step, r.Code, r.Description)
}

// Code gives the response code of a refusal; false if err is none, and so what the other side did is not known.
func Code(err error) (int, bool) {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Code, true
	}
	return 0, false
}

// Temporary says of a response code that the same call may succeed later: errors of the server (1000 to 1999), and credentials and
// rights (2000, 3000), which somebody sets right.
func Temporary(code int) bool { return code >= 1000 && code < 4000 && code != 1210 }

// Client files with one holder of the API. Every call takes an idempotency key: NCMEC ignores it, nodes of this program answer a repeated
// call as they did the first.
type Client struct {
	HTTP           *http.Client // from fetch.New; redirects are not followed, so that reports go nowhere else
	Base           string       // such as https://exttest.cybertip.org/ispws
	User, Password string
}

// Status asks whether the credentials are taken.
func (c Client) Status(ctx context.Context) error {
	_, err := c.call(ctx, http.MethodGet, "status", "", "", nil)
	return err
}

// Submit opens a report and gives its number.
func (c Client) Submit(ctx context.Context, key string, report []byte) (int64, error) {
	r, err := c.call(ctx, http.MethodPost, "submit", key, "text/xml; charset=utf-8", bytes.NewReader(report))
	if err == nil && r.ReportID < 1 {
		err = fault.New(fault.Unavailable, "the report was answered without a number")
	}
	return r.ReportID, err
}

// Upload sends a file and gives its number there and the MD5 of what arrived. The bytes are streamed from content.
func (c Client) Upload(ctx context.Context, key string, report int64, name string, content io.Reader) (file, md5 string, err error) {
	in, out := io.Pipe()
	w := multipart.NewWriter(out)
	go func() {
		out.CloseWithError(func() error {
			if err := w.WriteField("id", strconv.FormatInt(report, 10)); err != nil {
				return err
			}
			h := textproto.MIMEHeader{}
			h.Set("Content-Disposition", `form-data; name="file"; filename="`+fileName(name)+`"`)
			h.Set("Content-Type", "application/octet-stream")
			part, err := w.CreatePart(h)
			if err != nil {
				return err
			}
			if _, err := io.Copy(part, content); err != nil {
				return err
			}
			return w.Close()
		}())
	}()
	defer in.Close()
	r, err := c.call(ctx, http.MethodPost, "upload", key, w.FormDataContentType(), in)
	if err == nil && r.FileID == "" {
		err = fault.New(fault.Unavailable, "the file was answered without a number")
	}
	return r.FileID, r.Hash, err
}

// fileName leaves of a name what needs no quoting.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == '"' || r == '\\' || r == 0x7f {
			return '_'
		}
		return r
	}, name)
}

// FileInfo describes a file.
func (c Client) FileInfo(ctx context.Context, key string, details []byte) error {
	_, err := c.call(ctx, http.MethodPost, "fileinfo", key, "text/xml; charset=utf-8", bytes.NewReader(details))
	return err
}

// Finish closes a report and gives the numbers of its files.
func (c Client) Finish(ctx context.Context, key string, report int64) ([]string, error) {
	r, err := c.form(ctx, "finish", key, report)
	return r.Files, err
}

// Retract takes an unfinished report back.
func (c Client) Retract(ctx context.Context, key string, report int64) error {
	_, err := c.form(ctx, "retract", key, report)
	return err
}

func (c Client) form(ctx context.Context, step, key string, report int64) (Response, error) {
	body := url.Values{"id": {strconv.FormatInt(report, 10)}}.Encode()
	return c.call(ctx, http.MethodPost, step, key, "application/x-www-form-urlencoded", strings.NewReader(body))
}

// call does one call. An error that is no *Refusal leaves open what the other side did.
func (c Client) call(ctx context.Context, method, step, key, kind string, body io.Reader) (Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Base, "/")+"/"+step, body)
	if err != nil {
		return Response{}, err
	}
	req.SetBasicAuth(c.User, c.Password)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	client := *c.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return Response{}, ctx.Err()
		}
		if fault.Of(err) != fault.Internal {
			return Response{}, err
		}
		return Response{}, fault.Wrap(err, fault.Unavailable, "%s got no answer: %v", step, err)
	}
	b, err := fetch.ReadAll(resp, maxAnswer)
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
		return Response{}, &Refusal{step, 2000, "the credentials are not taken"}
	}
	if err != nil {
		return Response{}, err
	}
	r, err := ParseResponse(bytes.NewReader(b))
	if err != nil {
		return Response{}, fault.Wrap(err, fault.Unavailable, "%s was answered with status %d and nothing that is understood", step, resp.StatusCode)
	}
	if r.Code != Success {
		return r, &Refusal{step, r.Code, r.Description}
	}
	if resp.StatusCode/100 != 2 {
		return r, fault.New(fault.Unavailable, "%s was answered with status %d", step, resp.StatusCode)
	}
	return r, nil
}
