// Package stopncii reads the JSON protocol by which StopNCII gives hashes of pictures and films that their owners do not want shared.
// Every record is a snapshot that replaces the one before it.
package stopncii

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/foreign"
)

// Corrupt is the fault code of a page that cannot be read to its end.
const Corrupt = "corrupt"

const (
	maxRecords = 20_000
	maxDepth   = 16
)

// Page is one answer of FetchHashes.
type Page struct {
	Items   []foreign.Item
	Aside   []foreign.Aside
	Next    string // token of the next page; "" if there is none
	Since   int64  // seconds: where the next set begins
	More    bool
	Newest  int64 // seconds: the newest change among Items
	Passed  int   // records of kinds that are no hash of a picture or film
	Records int
}

type record struct {
	Modified *int64  `json:"lastModtimestamp"`
	Kind     string  `json:"signalType"`
	Value    string  `json:"hashValue"`
	Status   *string `json:"hashStatus"`
}

// kinds are the protocol's names of hashes that can be carried here. Text, URL and Unknown are passed over.
var kinds = map[string]string{"ImagePDQ": lists.PDQ, "VideoMD5": lists.MD5, "VideoTMK": lists.TMK}

// ReadPage reads a page. If it is broken somewhere, it gives what came before, the token of the next page if that came before, and
// an error with the code Corrupt.
func ReadPage(b []byte) (p Page, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if err := depth(b); err != nil {
		return p, err
	}
	if err := open(d, '{'); err != nil {
		return p, err
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return p, broken(d, err)
		}
		switch t {
		case "nextPageToken":
			err = value(d, &p.Next)
		case "nextSetTimestamp":
			err = value(d, &p.Since)
		case "hasMoreRecords":
			err = value(d, &p.More)
		case "hashRecords":
			err = p.records(d, b)
		default:
			var skipped json.RawMessage
			err = value(d, &skipped)
		}
		if err != nil {
			return p, err
		}
	}
	if _, err := d.Token(); err != nil {
		return p, broken(d, err)
	}
	return p, nil
}

func (p *Page) records(d *json.Decoder, b []byte) error {
	if err := open(d, '['); err != nil {
		return err
	}
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return broken(d, err)
		}
		if p.Records++; p.Records > maxRecords {
			return fault.New(fault.TooLarge, "a page has more than %d records", maxRecords)
		}
		var r record
		err := json.Unmarshal(raw, &r)
		if err == nil {
			err = p.record(r)
		}
		if err != nil {
			reason := "it is not in the protocol's form"
			if fault.Of(err) == fault.Invalid {
				reason = fault.Message(err)
			}
			p.Aside = append(p.Aside, foreign.Aside{Place: fmt.Sprintf("record %d of a page", p.Records), Reason: reason, Bytes: bytes.Clone(raw)})
		}
	}
	if _, err := d.Token(); err != nil {
		return broken(d, err)
	}
	return nil
}

func (p *Page) record(r record) error {
	kind, known := kinds[r.Kind]
	if !known {
		switch r.Kind {
		case "Text", "URL", "Unknown":
			p.Passed++
			return nil
		}
		return fault.New(fault.Invalid, "there is no kind of signal %.40q", r.Kind)
	}
	if r.Modified == nil || *r.Modified < 0 || *r.Modified > 1<<40 {
		return fault.New(fault.Invalid, "it does not say when it was changed")
	}
	if r.Status == nil {
		return fault.New(fault.Invalid, "it has no status")
	}
	e := lists.Entry{Kind: kind, Value: r.Value}
	if err := e.Check(); err != nil {
		return err
	}
	item := foreign.Item{Key: key(r.Kind, e.Value), Stamp: time.Unix(*r.Modified, 0).UTC()}
	switch *r.Status {
	case "Received", "Active":
		item.Entries = []lists.Entry{e}
	case "Withdrawn", "Deleted":
		item.Gone = true
	default:
		return fault.New(fault.Invalid, "there is no status %.40q", *r.Status)
	}
	p.Items = append(p.Items, item)
	p.Newest = max(p.Newest, *r.Modified)
	return nil
}

// key names a record: its kind and hash, or the beginning of a long one.
func key(kind, value string) string {
	k := kind + ":" + value
	if len(k) > foreign.MaxKey {
		k = fmt.Sprintf("%s:%s", kind, lists.Digest(value))
	}
	return k
}

// depth refuses JSON that nests deeper than the protocol's does, before anything is made of it.
func depth(b []byte) error {
	n, text := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			if n++; n > maxDepth {
				return fault.Coded(fault.Invalid, Corrupt, "the JSON nests deeper than %d levels", maxDepth)
			}
		case c == '}' || c == ']':
			n--
		}
	}
	return nil
}

func open(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return broken(d, err)
	}
	if t != want {
		return fault.Coded(fault.Invalid, Corrupt, "the JSON is not in the protocol's form near byte %d", d.InputOffset())
	}
	return nil
}

// value reads a value; null leaves it as it is.
func value(d *json.Decoder, v any) error {
	if err := d.Decode(v); err != nil {
		return broken(d, err)
	}
	return nil
}

func broken(d *json.Decoder, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.Coded(fault.Invalid, Corrupt, "the JSON ends early")
	}
	return fault.Coded(fault.Invalid, Corrupt, "the JSON is broken near byte %d: %v", d.InputOffset(), err)
}
