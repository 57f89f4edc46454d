// Package vics reads and writes the JSON of Project VIC (VICS), versions 1.3 and 2.0: hash sets and the exports of cases, which
// forensic tools exchange. Only hashes and categories are read; miniatures and every other byte of a picture are passed over unread.
//
// What a category's number means differs from country to country. It is kept as a number beside the scheme that the file names, and
// never given a name.
package vics

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/foreign"
)

// Corrupt is the fault code of a file that cannot be read to its end.
const Corrupt = "corrupt"

// File is what a file says of itself.
type File struct {
	Version string // "2.0", "1.3", ...; "" if it does not say
	Scheme  string // of its categories: "VICS/US", "VICS/UK", ... or "VICS"
	Records int64
}

// Sink takes what is read. An error of a function ends the reading.
type Sink struct {
	Context func(File) error // once, before the first record, if the file names its context there
	Item    func(foreign.Item) error
	Aside   func(foreign.Aside) error
}

// record is what is read of a Media element.
type record struct {
	md5, sha1, category, id string
	more                    []lists.Entry
	odd                     []string // what is wrong with it
	media                   bool     // it has something of a Media element
}

type reader struct {
	*scanner
	sink  Sink
	file  File
	named bool
}

// Read reads a file as a stream, in memory that does not grow with it. A record that is not sound is set aside; if the JSON itself is
// broken, everything before was given and the error has the code Corrupt.
func Read(in io.Reader, sink Sink) (File, error) {
	r := &reader{scanner: newScanner(in), sink: sink, file: File{Scheme: "VICS"}}
	found := false
	one := func(key string) error {
		switch key {
		case "@odata.context", "odata.metadata", "odata.context":
			text, _, err := r.scalar()
			if err == nil {
				r.context(text)
			}
			return err
		case "value":
			found = true
			return r.array(r.element)
		}
		return r.skip()
	}
	c, err := r.peek()
	if err != nil {
		return r.file, err
	}
	if c == '[' { // some writers leave the envelope away
		found = true
		err = r.array(r.element)
	} else {
		err = r.object(one)
	}
	if err != nil {
		return r.file, err
	}
	if !found {
		return r.file, fault.Coded(fault.Invalid, Corrupt, "the file has no list of media")
	}
	if _, err := r.next(); fault.Code(err) != Corrupt {
		return r.file, errOr(err, r.fail("something follows its end"))
	}
	return r.file, nil
}

var (
	versionOf = regexp.MustCompile(`/DataModels/([0-9]+\.[0-9]+)\.xml`)
	countryOf = regexp.MustCompile(`\.xml/([A-Za-z]{2,16})/?\$metadata`)
)

func (r *reader) context(text string) {
	if m := versionOf.FindStringSubmatch(text); m != nil {
		r.file.Version = m[1]
	}
	if m := countryOf.FindStringSubmatch(text); m != nil && !strings.EqualFold(m[1], "default") {
		r.file.Scheme = "VICS/" + strings.ToUpper(m[1])
	}
}

// element reads one of the file's list: a Media, or a case that has some.
func (r *reader) element() error {
	if c, err := r.peek(); err != nil || c != '{' {
		if err != nil {
			return err
		}
		r.file.Records++
		if err := r.skip(); err != nil {
			return err
		}
		return r.aside(record{odd: []string{"it is no object"}})
	}
	isCase := false
	rec := record{}
	err := r.object(func(key string) error {
		if c, err := r.peek(); err == nil && key == "media" && c == '[' {
			isCase = true
			return r.array(r.element)
		}
		return r.field(&rec, key)
	})
	if err != nil || isCase {
		return err
	}
	r.file.Records++
	return r.give(rec)
}

func (r *reader) field(rec *record, key string) error {
	switch key {
	case "md5", "sha1", "category", "mediaid":
		v, ok, err := r.scalar()
		if err != nil {
			return err
		}
		if !ok {
			rec.odd = append(rec.odd, "its "+key+" is no value")
			return nil
		}
		rec.media = true
		switch key {
		case "md5":
			rec.md5 = v
		case "sha1":
			rec.sha1 = v
		case "category":
			rec.category = v
		default:
			rec.id = v
		}
		return nil
	case "alternativehashes":
		if c, err := r.peek(); err != nil || c != '[' {
			if err != nil {
				return err
			}
			return r.skip()
		}
		return r.array(func() error { return r.alternative(rec) })
	}
	return r.skip()
}

func (r *reader) alternative(rec *record) error {
	if c, err := r.peek(); err != nil || c != '{' {
		if err != nil {
			return err
		}
		return r.skip()
	}
	var name, value string
	err := r.object(func(key string) (err error) {
		switch key {
		case "hashname":
			name, _, err = r.scalar()
		case "hashvalue":
			value, _, err = r.scalar()
		default:
			err = r.skip()
		}
		return err
	})
	if err != nil || value == "" || len(rec.more) >= 16 {
		return err
	}
	kind := map[string]string{"photodna": lists.PhotoDNA, "pdq": lists.PDQ, "sha256": lists.SHA256, "sha-256": lists.SHA256, "md5": lists.MD5, "sha1": lists.SHA1,
		"tmk": lists.TMK, "tmk+pdqf": lists.TMK}[strings.ToLower(name)]
	if kind != "" {
		rec.more = append(rec.more, lists.Entry{Kind: kind, Value: value})
	}
	return nil
}

// give turns a record into an item, or sets it aside.
func (r *reader) give(rec record) error {
	if !r.named {
		r.named = true
		if r.sink.Context != nil {
			if err := r.sink.Context(r.file); err != nil {
				return err
			}
		}
	}
	item := foreign.Item{}
	add := func(e lists.Entry) {
		if e.Value == "" {
			return
		}
		if e.Kind == lists.MD5 || e.Kind == lists.SHA1 || e.Kind == lists.SHA256 || e.Kind == lists.PDQ {
			e.Value = unpack(e)
		}
		if err := e.Check(); err != nil {
			rec.odd = append(rec.odd, fault.Message(err))
			return
		}
		item.Entries = append(item.Entries, e)
	}
	label, err := r.label(rec.category)
	if err != nil {
		rec.odd = append(rec.odd, fault.Message(err))
	}
	for _, e := range append([]lists.Entry{{Kind: lists.MD5, Value: rec.md5}, {Kind: lists.SHA1, Value: rec.sha1}}, rec.more...) {
		e.Label = label
		add(e)
	}
	if len(item.Entries) == 0 && len(rec.odd) == 0 {
		rec.odd = append(rec.odd, "it has no hash")
	}
	if len(rec.odd) > 0 {
		if err := r.aside(rec); err != nil {
			return err
		}
	}
	if len(item.Entries) == 0 {
		return nil
	}
	first := item.Entries[0]
	item.Key = first.Kind + ":" + first.Value
	if len(item.Key) > foreign.MaxKey {
		item.Key = first.Kind + ":" + lists.Digest(first.Value)
	}
	return r.sink.Item(item)
}

// label keeps the number of a category; 0 and none are none.
func (r *reader) label(category string) (string, error) {
	if category == "" {
		return "", nil
	}
	n, err := strconv.ParseFloat(category, 64) // a number, or one as text
	if err != nil || n != float64(int64(n)) || n < 0 || n > 1000 {
		return "", fault.New(fault.Invalid, "its category %.20q is no number", category)
	}
	return strconv.FormatInt(int64(n), 10), nil
}

// aside tells of a record by what is read of it, so that nothing of a picture gets into a report.
func (r *reader) aside(rec record) error {
	text := fmt.Sprintf("MediaID %.40q MD5 %.64q SHA1 %.80q Category %.20q", rec.id, rec.md5, rec.sha1, rec.category)
	return r.sink.Aside(foreign.Aside{Place: fmt.Sprintf("record %d, before byte %d", r.file.Records, r.at), Reason: strings.Join(rec.odd, "; "), Bytes: []byte(text)})
}

// unpack turns a hash in base64 into hexadecimal digits, as some writers give it.
func unpack(e lists.Entry) string {
	size := map[string]int{lists.MD5: 16, lists.SHA1: 20, lists.SHA256: 32, lists.PDQ: 32}[e.Kind]
	if len(e.Value) == 2*size {
		return e.Value
	}
	if b, err := base64.StdEncoding.DecodeString(e.Value); err == nil && len(b) == size {
		return hex.EncodeToString(b)
	}
	return e.Value
}

// dated is the form of DateUpdated.
func dated(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
