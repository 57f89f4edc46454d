package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
)

// Limits of a form.
const (
	formParts   = 16
	formField   = 64      // bytes of the field id
	formEncoded = 4 << 10 // bytes of a form without a file
	smallFile   = 1 << 20 // bytes of a file that needs no place among the large ones
	largeFiles  = 8       // large files that are read at once: each may take intake.FileLimit of memory
)

// uploaded is a form as it was read.
type uploaded struct {
	id   int64
	name string // as the client calls the file; "" if it does not
	file []byte
}

// formID reads the field id from a form of either encoding, or from a body without any type.
func formID(r *http.Request) (int64, error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); strings.HasPrefix(kind, "multipart/") {
		form, err := readForm(r, nil, nil)
		return form.id, err
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, formEncoded+1))
	if err != nil {
		return 0, notWhole("4000", "the form", err)
	}
	fields, err := url.ParseQuery(strings.TrimSpace(string(b)))
	if err != nil || len(b) > formEncoded || len(fields["id"]) != 1 {
		return 0, fault.Coded(fault.Invalid, "4000", "the form must hold one field id, with a report's number")
	}
	return parseID(fields.Get("id"))
}

// readForm reads a multipart form: the field id once, and once a file if large is given, in either order. Fields of other names are
// passed over. Once id is known, and before the file is read, early may end it.
func readForm(r *http.Request, large chan struct{}, early func(id int64) error) (form uploaded, err error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return form, fault.Coded(fault.Invalid, "4000", "the call takes a multipart form with the field id and, for an upload, the part file")
	}
	seen := map[string]bool{}
	for range formParts {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return form, form.complete(seen, large != nil)
		case err != nil:
			return form, notWhole("1110", "the form", err)
		}
		name := part.FormName()
		if name != "id" && name != "file" {
			continue // the next turn skips what it holds
		}
		if seen[name] {
			return form, fault.Coded(fault.Invalid, "4000", "the form holds %s more than once", name)
		}
		seen[name] = true
		if name == "file" {
			if large == nil {
				return form, fault.Coded(fault.Invalid, "4000", "this call takes no file")
			}
			form.name = part.FileName()
			if form.file, err = uploadedFile(r, part, large); err != nil {
				return form, err
			}
			continue
		}
		if form.id, err = readID(part); err != nil {
			return form, err
		}
		if early != nil {
			if err := early(form.id); err != nil {
				return form, err
			}
		}
	}
	return form, fault.Coded(fault.Invalid, "4000", "the form has more than %d parts", formParts-1)
}

func (f uploaded) complete(seen map[string]bool, file bool) error {
	switch {
	case !seen["id"]:
		return fault.Coded(fault.Invalid, "4000", "the form has no field id")
	case file && !seen["file"]:
		return fault.Coded(fault.Invalid, "4000", "the upload has no file")
	}
	return nil
}

func readID(part *multipart.Part) (int64, error) {
	b, err := io.ReadAll(io.LimitReader(part, formField+1))
	if err != nil {
		return 0, notWhole("1110", "the form", err)
	}
	return parseID(string(b)) // a longer one is no number
}

// uploadedFile reads a file of at most intake.FileLimit. A large one takes a place first, so that many at once do not take all memory.
func uploadedFile(r *http.Request, part io.Reader, large chan struct{}) ([]byte, error) {
	var b bytes.Buffer
	_, err := io.CopyN(&b, part, smallFile)
	if err == nil { // there is more
		select {
		case large <- struct{}{}:
			defer func() { <-large }()
		case <-r.Context().Done():
			return nil, fault.Wrap(r.Context().Err(), fault.Unavailable, "the file was not read: the request was given up")
		}
		_, err = io.CopyN(&b, part, intake.FileLimit+1-smallFile)
	}
	switch {
	case b.Len() > intake.FileLimit:
		return nil, fault.Coded(fault.TooLarge, "1111", "a file may have %d MiB at most", intake.FileLimit>>20)
	case err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, notWhole("1111", "the file", err)
	}
	return b.Bytes(), nil
}
