// Package cybertip speaks NCMEC's CyberTipline reporting API as its client: composing a report, and submit, upload, fileinfo, finish and
// retract (https://report.cybertip.org/ispws/documentation).
package cybertip

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// Response codes of the API that decide what a client does next.
const (
	Success          = 0
	NoReport         = 5001
	AlreadyRetracted = 5101
	AlreadyFinished  = 5102
)

// Response is a <reportResponse> or a <reportDoneResponse>.
type Response struct {
	Code        int
	Description string // at most 500 bytes
	ReportID    int64  // 0: none
	FileID      string
	Hash        string   // MD5 of an uploaded file, hex
	Files       []string // of a report that is finished
}

// Limits of an answer: it comes from outside.
const (
	maxAnswer      = 1 << 20 // bytes
	maxDepth       = 8
	maxElements    = 50_000
	maxDescription = 500 // bytes that are kept
	maxID          = 200 // bytes of a file's number
)

var errNoAnswer = errors.New("the answer is no report response")

// ParseResponse reads an answer of at most 1 MiB. It must have a response code.
func ParseResponse(in io.Reader) (r Response, err error) {
	limited := &io.LimitedReader{R: in, N: maxAnswer + 1}
	d := xml.NewDecoder(limited)
	d.CharsetReader = func(name string, in io.Reader) (io.Reader, error) {
		switch strings.ToLower(name) {
		case "utf-8", "utf8", "us-ascii":
			return in, nil
		case "iso-8859-1", "latin1", "windows-1252":
			return charmap.Windows1252.NewDecoder().Reader(in), nil
		}
		return nil, fmt.Errorf("the encoding %.40q is not known", name)
	}
	var path []string
	var text strings.Builder
	elements, coded, ended := 0, false, false
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Response{}, fmt.Errorf("%w: %v", errNoAnswer, err)
		}
		switch v := token.(type) {
		case xml.Directive:
			return Response{}, fmt.Errorf("%w: it declares a document type", errNoAnswer)
		case xml.StartElement:
			if elements++; len(path) >= maxDepth || elements > maxElements || ended {
				return Response{}, fmt.Errorf("%w: it has too many elements", errNoAnswer)
			}
			if len(path) == 0 && v.Name.Local != "reportResponse" && v.Name.Local != "reportDoneResponse" {
				return Response{}, fmt.Errorf("%w: it is a <%.40s>", errNoAnswer, v.Name.Local)
			}
			path = append(path, v.Name.Local)
			text.Reset()
		case xml.CharData:
			text.Write(v)
		case xml.EndElement:
			if len(path) == 0 || path[len(path)-1] != v.Name.Local {
				return Response{}, fmt.Errorf("%w: its elements do not match", errNoAnswer)
			}
			if err := r.take(path[1:], strings.TrimSpace(text.String())); err != nil {
				return Response{}, err
			}
			coded = coded || len(path) == 2 && v.Name.Local == "responseCode"
			path = path[:len(path)-1]
			ended = len(path) == 0
			text.Reset()
		}
	}
	switch {
	case limited.N <= 0:
		return Response{}, fmt.Errorf("%w: it is larger than %d bytes", errNoAnswer, maxAnswer)
	case !ended || !coded:
		return Response{}, fmt.Errorf("%w: it ends early or has no response code", errNoAnswer)
	}
	return r, nil
}

// take keeps the text of one element, whose path begins below the root.
func (r *Response) take(path []string, text string) (err error) {
	switch strings.Join(path, "/") {
	case "responseCode":
		r.Code, err = strconv.Atoi(text)
	case "responseDescription":
		r.Description = strings.ToValidUTF8(text[:min(len(text), maxDescription)], "")
	case "reportId":
		r.ReportID, err = strconv.ParseInt(text, 10, 64)
		if err == nil && r.ReportID < 0 {
			err = errors.New("a negative number")
		}
	case "fileId":
		r.FileID, err = text, short(text)
	case "hash":
		r.Hash, err = strings.ToLower(text), short(text)
	case "files/fileId":
		r.Files, err = append(r.Files, text), short(text)
	}
	if err != nil {
		return fmt.Errorf("%w: <%s>: %v", errNoAnswer, path[len(path)-1], err)
	}
	return nil
}

func short(text string) error {
	if len(text) > maxID {
		return fmt.Errorf("it has more than %d bytes", maxID)
	}
	return nil
}
