// Package ncmec speaks the NCMEC hash sharing protocol, version 2: XML over HTTP with Basic sign-in, entries asked for by ranges of
// time. It reads and writes both sides of it, so that a node takes lists from whoever serves them so and serves its own.
//
// Entries do not come in the order of time; a range is known only when its last page has been read. A removal is told as a
// tombstone, an entry of the same member and number without hashes.
package ncmec

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists/foreign"
)

// Namespace of the protocol's elements. Readers pass over it, as other clients do.
const Namespace = "https://hashsharing.ncmec.org/hashsharing/v2"

// TimeForm is the protocol's form of an instant: UTC, whole seconds.
const TimeForm = "2006-01-02T15:04:05Z"

// The limits of a reader.
const (
	maxDepth   = 24
	maxEntries = 20_000 // of one page; the protocol's own pages have 1000
	maxPrints  = 64     // of one entry
	maxID      = 200    // bytes of an entry's number
)

// Corrupt is the fault code of a page that cannot be read to its end.
const Corrupt = "corrupt"

// Print is one hash of an entry.
type Print struct {
	Type  string // the element's name: "md5", "pdq", ...
	Value string
	Href  string // where a large one is fetched, instead of Value
}

// Entry is one picture or film of a member, or the tombstone of one.
type Entry struct {
	Member  Member
	ID      string
	Film    bool
	Deleted bool
	Stamp   time.Time
	Class   string // A1, A2, B1, B2
	Prints  []Print
}

// Key names an entry for good: the member's number and the entry's.
func (e Entry) Key() string { return strconv.FormatInt(e.Member.ID, 10) + "-" + e.ID }

// Member is an organisation that puts entries on the list.
type Member struct {
	ID   int64
	Name string
}

// Page is one answer to a question for entries.
type Page struct {
	Entries []Entry
	Aside   []foreign.Aside // entries that are not sound by themselves
	Next    string          // path of the next page below the base address; "" after the last
}

type entryXML struct {
	Member    memberXML `xml:"member"`
	Timestamp string    `xml:"timestamp"`
	ID        string    `xml:"id"`
	Class     string    `xml:"classification"`
	Prints    struct {
		All []printXML `xml:",any"`
	} `xml:"fingerprints"`
}

type memberXML struct {
	ID   string `xml:"id,attr"`
	Name string `xml:",chardata"`
}

type printXML struct {
	XMLName xml.Name
	Value   string `xml:",chardata"`
	Href    string `xml:"href,attr"`
}

// ReadPage reads a page. If it is broken somewhere, it gives what came before and an error with the code Corrupt; entries that are
// wrong only in themselves are set aside and cost nothing else.
func ReadPage(b []byte) (p Page, err error) {
	r := newReader(b)
	root, err := r.root("queryResult")
	if err != nil {
		return p, err
	}
	for {
		start, err := r.child(root)
		if err != nil || start == nil {
			return p, err
		}
		switch start.Name.Local {
		case "images", "videos":
			err = r.entries(&p, *start)
		case "paging":
			var v struct {
				Next string `xml:"next"`
			}
			if err = r.decode(&v, start); err == nil {
				p.Next = strings.TrimSpace(v.Next)
			}
		default:
			err = r.skip()
		}
		if err != nil {
			return p, err
		}
	}
}

func (r *reader) entries(p *Page, group xml.StartElement) error {
	for {
		at := r.offset()
		start, err := r.child(group)
		if err != nil || start == nil {
			return err
		}
		var v entryXML
		if err := r.decode(&v, start); err != nil {
			return err
		}
		e, err := v.entry(start.Name.Local)
		if err != nil {
			place := "an entry"
			if v.ID != "" {
				place = fmt.Sprintf("entry %.80q of member %.20q", v.ID, v.Member.ID)
			}
			p.Aside = append(p.Aside, foreign.Aside{Place: place, Reason: fault.Message(err), Bytes: bytes.TrimSpace(r.b[at:r.offset()])})
		} else {
			p.Entries = append(p.Entries, e)
		}
		if len(p.Entries)+len(p.Aside) > maxEntries {
			return fault.New(fault.TooLarge, "a page has more than %d entries", maxEntries)
		}
	}
}

func (v entryXML) entry(name string) (e Entry, err error) {
	switch name {
	case "image":
	case "video":
		e.Film = true
	case "deletedImage":
		e.Deleted = true
	case "deletedVideo":
		e.Film, e.Deleted = true, true
	default:
		return e, fault.New(fault.Invalid, "an element %.40q is neither a picture nor a film", name)
	}
	if e.Member.ID, err = strconv.ParseInt(strings.TrimSpace(v.Member.ID), 10, 64); err != nil || e.Member.ID < 0 {
		return e, fault.New(fault.Invalid, "its member has no number")
	}
	e.Member.Name = strings.TrimSpace(v.Member.Name)
	if e.ID = strings.TrimSpace(v.ID); e.ID == "" || len(e.ID) > maxID {
		return e, fault.New(fault.Invalid, "it has no number, or one of more than %d bytes", maxID)
	}
	if text := strings.TrimSpace(v.Timestamp); text != "" {
		if e.Stamp, err = time.Parse(time.RFC3339, text); err != nil {
			return e, fault.New(fault.Invalid, "its timestamp is no time")
		}
	}
	e.Class = strings.TrimSpace(v.Class)
	if len(v.Prints.All) > maxPrints {
		return e, fault.New(fault.Invalid, "it has more than %d hashes", maxPrints)
	}
	for _, f := range v.Prints.All {
		e.Prints = append(e.Prints, Print{strings.ToLower(f.XMLName.Local), strings.TrimSpace(f.Value), f.Href})
	}
	return e, nil
}

// CheckNext refuses a path of a next page that leads elsewhere, or into another range than the one that is asked for.
func CheckNext(next string, from, to time.Time) error {
	u, err := url.Parse(next)
	if err != nil || len(next) > 4096 || u.Scheme != "" || u.Host != "" || u.User != nil || u.Path != "/v2/entries" || !strings.HasPrefix(next, "/v2/entries?") {
		return corrupt("the path of the next page, %.100q, is none of this protocol", next)
	}
	q := u.Query()
	for name, want := range map[string]time.Time{"from": from, "to": to} {
		if got := q.Get(name); got != "" && got != want.Format(TimeForm) {
			return corrupt("the next page belongs to another range: its %s is %.40q", name, got)
		}
	}
	return nil
}

// Left gives how many entries a next page says that there are after it, 0 if it does not say.
func Left(next string) int64 {
	u, err := url.Parse(next)
	if err != nil {
		return 0
	}
	start, err1 := strconv.ParseInt(u.Query().Get("start"), 10, 64)
	most, err2 := strconv.ParseInt(u.Query().Get("max"), 10, 64)
	if err1 != nil || err2 != nil || start < 0 || most < start {
		return 0
	}
	return most - start
}

func corrupt(format string, args ...any) error {
	return fault.Coded(fault.Invalid, Corrupt, format, args...)
}

// reader reads XML within limits of depth; its size is that of what was read before.
type reader struct {
	b     []byte
	raw   *xml.Decoder
	d     *xml.Decoder
	depth int
}

func newReader(b []byte) *reader {
	r := &reader{b: b, raw: xml.NewDecoder(bytes.NewReader(b))}
	r.d = xml.NewTokenDecoder(r)
	return r
}

// Token implements xml.TokenReader: what the decoder above is given.
func (r *reader) Token() (xml.Token, error) {
	t, err := r.raw.RawToken()
	if err != nil {
		return nil, err
	}
	switch v := t.(type) {
	case xml.StartElement:
		if r.depth++; r.depth > maxDepth || len(v.Attr) > maxPrints {
			return nil, errors.New("elements nest too deeply or have too many attributes")
		}
	case xml.EndElement:
		r.depth--
	case xml.Directive:
		return nil, errors.New("it declares a document type")
	}
	return t, nil
}

func (r *reader) offset() int64 { return r.raw.InputOffset() }

func (r *reader) broken(err error) error {
	if errors.Is(err, io.EOF) {
		return corrupt("the XML ends early, after %d bytes", len(r.b))
	}
	return corrupt("the XML is broken near byte %d: %v", r.offset(), err)
}

// root reads up to the root element, which must bear one of names.
func (r *reader) root(names ...string) (xml.StartElement, error) {
	for {
		t, err := r.d.Token()
		if err != nil {
			return xml.StartElement{}, r.broken(err)
		}
		start, is := t.(xml.StartElement)
		if !is {
			continue
		}
		for _, name := range names {
			if start.Name.Local == name {
				return start, nil
			}
		}
		return start, corrupt("its root is %.40q, not %s", start.Name.Local, names[0])
	}
}

// child gives the next element within parent, nil at its end.
func (r *reader) child(parent xml.StartElement) (*xml.StartElement, error) {
	for {
		t, err := r.d.Token()
		if err != nil {
			return nil, r.broken(err)
		}
		switch v := t.(type) {
		case xml.StartElement:
			return &v, nil
		case xml.EndElement:
			return nil, nil
		}
	}
}

func (r *reader) decode(v any, start *xml.StartElement) error {
	if err := r.d.DecodeElement(v, start); err != nil {
		return r.broken(err)
	}
	return nil
}

func (r *reader) skip() error {
	if err := r.d.Skip(); err != nil {
		return r.broken(err)
	}
	return nil
}
