package api

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/pdq"
)

// upload is one file of a request, and the content type that the field's service tells by the name of its form field.
type upload struct {
	content string
	bytes   []byte
	form    map[string]string // the other fields
}

// uploaded reads the one file of a form.
func (a *api) uploaded(r *http.Request) (upload, error) {
	u := upload{form: map[string]string{}}
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "multipart/form-data" {
		return u, bad("Missing multipart/form-data file upload")
	}
	parts := multipart.NewReader(r.Body, params["boundary"])
	for n := 0; ; n++ {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return u, cutShort(err)
		}
		if n >= 16 {
			return u, bad("Only one file allowed per request")
		}
		if part.FileName() == "" && part.Header.Get("Content-Type") == "" {
			b, err := io.ReadAll(io.LimitReader(part, 1<<16))
			if err != nil {
				return u, cutShort(err)
			}
			u.form[part.FormName()] = string(b)
			continue
		}
		if u.content != "" {
			return u, bad("Only one file allowed per request")
		}
		u.content = part.FormName()
		var buffer bytes.Buffer
		if r.ContentLength > 0 {
			buffer.Grow(int(min(r.ContentLength, bodyLimit)) + bytes.MinRead)
		}
		if _, err := buffer.ReadFrom(part); err != nil {
			return u, cutShort(err)
		}
		u.bytes = buffer.Bytes()
	}
	if u.content == "" {
		return u, bad("Missing multipart/form-data file upload")
	}
	return u, nil
}

// cutShort tells a limit from a form that ends early.
func cutShort(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return large
	}
	return bad("the form is not readable or was cut short")
}

func (a *api) hashRoutes(handle func(string, identity.Permission, hmaHandler)) {
	handle("GET /h/hash", identity.LookUp, func(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
		v := r.URL.Query()
		if !v.Has("url") {
			return hmaAnswer{}, missing("url")
		}
		hashes, err := a.hashURL(ctx, v)
		return hmaAnswer{http.StatusOK, hashes}, err
	})
	handle("POST /h/hash", identity.LookUp, func(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
		f, err := a.uploaded(r)
		if err != nil {
			return hmaAnswer{}, err
		}
		hashes, err := a.hashFile(ctx, f, r.URL.Query())
		return hmaAnswer{http.StatusOK, hashes}, err
	})
}

// typesOf gives the signal types of a content type that are switched on, or those of them that the parameter types names.
func (a *api) typesOf(content string, v url.Values) ([]string, error) {
	var on []string
	known := false
	for _, s := range signals {
		if s.content == content {
			known = true
			if a.Lists.KindShare(s.kind) > 0 {
				on = append(on, s.name)
			}
		}
	}
	if !known {
		return nil, bad("no such content_type: '%s'", content)
	}
	if len(on) == 0 {
		return nil, &hmaError{status: http.StatusInternalServerError, message: "No signal types configured!"}
	}
	if !v.Has("types") {
		return on, nil
	}
	var out []string
	for _, name := range strings.Split(v.Get("types"), ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !slices.Contains(on, name) {
			return nil, bad("signal type '%s' doesn't exist or is disabled", name)
		}
		out = append(out, name)
	}
	if len(out) == 0 {
		return nil, bad("empty signal type selection")
	}
	return out, nil
}

// hashFile hashes a file to be kept: a picture at its whole size, as far as the profile has it.
func (a *api) hashFile(ctx context.Context, f upload, v url.Values) (map[string]string, error) {
	return a.hashes(ctx, f, v, a.Media.Hash)
}

// lookedUp hashes a file that is only looked up: of a JPEG, by luma alone and at a part of its size if it is large. That takes a
// fraction of the time and moves a few bits at most, see docs/matching.md.
func (a *api) lookedUp(ctx context.Context, b []byte) (media.Result, error) {
	return a.Media.Survey(ctx, b, pdq.Fast)
}

func (a *api) hashes(ctx context.Context, f upload, v url.Values, hash func(context.Context, []byte) (media.Result, error)) (map[string]string, error) {
	types, err := a.typesOf(f.content, v)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, name := range types {
		if name == signalMD5 {
			sum := md5.Sum(f.bytes)
			out[name] = hex.EncodeToString(sum[:])
			continue
		}
		r, err := hash(ctx, f.bytes)
		if err != nil {
			return nil, err
		}
		if out[name] = r.PDQ; r.Quality < pdq.MinQuality {
			out[name] = "" // as the field expects of a picture that says too little
		}
	}
	return out, nil
}

// hashURL fetches a file through the guarded way out and hashes it.
func (a *api) hashURL(ctx context.Context, v url.Values) (map[string]string, error) {
	u, err := url.Parse(v.Get("url"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, bad("Invalid URL: only http and https addresses are fetched")
	}
	content := v.Get("content_type")
	if content != "" {
		if _, err := a.typesOf(content, v); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, bad("Invalid URL: %s", v.Get("url"))
	}
	resp, err := a.Client.Do(req)
	if err != nil {
		return nil, unfetched(err)
	}
	b, err := fetch.ReadAll(resp, bodyLimit)
	if err != nil {
		return nil, unfetched(err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, bad("the URL could not be fetched: it answered with status %d", resp.StatusCode)
	}
	if content == "" {
		switch kind := strings.ToLower(resp.Header.Get("Content-Type")); {
		case strings.HasPrefix(kind, "image"):
			content = photo
		case strings.HasPrefix(kind, "video"):
			content = video
		default:
			return nil, bad("unsupported url ContentType: '%s', if you know the expected type, provide it with the content_type query param", kind)
		}
	}
	return a.hashFile(ctx, upload{content: content, bytes: b}, v)
}

func unfetched(err error) error {
	if fault.Of(err) == fault.TooLarge {
		return &hmaError{status: http.StatusRequestEntityTooLarge, message: "Content too large"}
	}
	if fault.Of(err) == fault.Refused {
		return bad("the URL is not fetched: %s", fault.Message(err))
	}
	return bad("the URL could not be fetched")
}
