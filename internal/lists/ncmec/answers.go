package ncmec

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
)

// Reason is one of those that a negative vote may give.
type Reason struct {
	GUID string `xml:"guid,attr" json:"guid"`
	Name string `xml:"name,attr" json:"name"`
	Type string `xml:"type,attr" json:"type"`
}

// Feedback is a member's vote on a hash of an entry.
type Feedback struct {
	Negative bool
	Reasons  []string // GUIDs, of a negative vote
}

const maxReasons = 32

// ReadStatus reads who the server takes the caller for.
func ReadStatus(b []byte) (username string, m Member, err error) {
	var v struct {
		Username string    `xml:"username"`
		Member   memberXML `xml:"member"`
	}
	if err := readWhole(b, "status", &v); err != nil {
		return "", m, err
	}
	m.ID, err = strconv.ParseInt(strings.TrimSpace(v.Member.ID), 10, 64)
	if err != nil {
		return "", m, corrupt("the status names no member")
	}
	m.Name = strings.TrimSpace(v.Member.Name)
	return v.Username, m, nil
}

// ReadMembers reads the members of a server. One without a number is passed over.
func ReadMembers(b []byte) (out []Member, err error) {
	var v struct {
		Members []memberXML `xml:"member"`
	}
	if err := readWhole(b, "", &v); err != nil {
		return nil, err
	}
	for _, m := range v.Members {
		if id, err := strconv.ParseInt(strings.TrimSpace(m.ID), 10, 64); err == nil {
			out = append(out, Member{id, strings.TrimSpace(m.Name)})
		}
	}
	return out, nil
}

// ReadReasons reads the reasons that a server knows.
func ReadReasons(b []byte) ([]Reason, error) {
	var v struct {
		Reasons []Reason `xml:"reason"`
	}
	err := readWhole(b, "availableFeedbackReasons", &v)
	return v.Reasons, err
}

// ReadFeedback reads a vote as a client sends it.
func ReadFeedback(b []byte) (f Feedback, err error) {
	var v struct {
		Affirmative *struct{} `xml:"affirmative"`
		Negative    *struct {
			GUIDs []string `xml:"reasonIds>guid"`
		} `xml:"negative"`
	}
	if err := readWhole(b, "feedbackSubmission", &v); err != nil {
		return f, err
	}
	if (v.Affirmative == nil) == (v.Negative == nil) {
		return f, fault.New(fault.Invalid, "a feedback is either affirmative or negative")
	}
	if v.Negative == nil {
		return f, nil
	}
	f.Negative = true
	for _, g := range v.Negative.GUIDs {
		f.Reasons = append(f.Reasons, strings.TrimSpace(g))
	}
	if len(f.Reasons) == 0 || len(f.Reasons) > maxReasons {
		return f, fault.New(fault.Invalid, "a negative feedback gives 1 to %d reasons", maxReasons)
	}
	return f, nil
}

// readWhole reads a small document whose root bears a name ("" any).
func readWhole(b []byte, name string, v any) error {
	r := newReader(b)
	for {
		t, err := r.d.Token()
		if err != nil {
			return r.broken(err)
		}
		start, is := t.(xml.StartElement)
		if !is {
			continue
		}
		if name != "" && start.Name.Local != name {
			return corrupt("its root is %.40q, not %s", start.Name.Local, name)
		}
		return r.decode(v, &start)
	}
}

// writer writes XML text; an error is told once, at the end.
type writer struct{ bytes.Buffer }

func begin(root string) *writer {
	w := &writer{}
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><%s xmlns="%s">`, root, Namespace)
	return w
}

func (w *writer) text(s string) { xml.EscapeText(&w.Buffer, []byte(s)) }

func (w *writer) element(name, text string) {
	w.WriteString("<" + name + ">")
	w.text(text)
	w.WriteString("</" + name + ">")
}

func (w *writer) member(m Member) {
	fmt.Fprintf(w, `<member id="%d">`, m.ID)
	w.text(m.Name)
	w.WriteString("</member>")
}

func (w *writer) end(root string, to io.Writer) error {
	w.WriteString("</" + root + ">")
	_, err := to.Write(w.Bytes())
	return err
}

// WriteStatus tells a caller who it is taken for. Clients expect one member.
func WriteStatus(to io.Writer, address, username string, m Member) error {
	w := begin("status")
	w.element("ipAddress", address)
	w.element("username", username)
	w.member(m)
	return w.end("status", to)
}

// WriteMembers tells whose entries are served.
func WriteMembers(to io.Writer, members []Member) error {
	w := begin("members")
	for _, m := range members {
		w.member(m)
	}
	return w.end("members", to)
}

// WriteReasons tells which reasons a negative vote may give.
func WriteReasons(to io.Writer, reasons []Reason) error {
	w := begin("availableFeedbackReasons")
	for _, r := range reasons {
		w.WriteString(`<reason guid="`)
		w.text(r.GUID)
		w.WriteString(`" name="`)
		w.text(r.Name)
		w.WriteString(`" type="`)
		w.text(r.Type)
		w.WriteString(`"/>`)
	}
	return w.end("availableFeedbackReasons", to)
}

// WriteFeedback makes the body of a vote.
func WriteFeedback(to io.Writer, f Feedback) error {
	w := begin("feedbackSubmission")
	if !f.Negative {
		w.WriteString("<affirmative/>")
	} else {
		w.WriteString("<negative><reasonIds>")
		for _, g := range f.Reasons {
			w.element("guid", g)
		}
		w.WriteString("</reasonIds></negative>")
	}
	return w.end("feedbackSubmission", to)
}

// WriteSubmitted answers a vote that was taken.
func WriteSubmitted(to io.Writer) error { return begin("submissionResult").end("submissionResult", to) }

// WritePage writes one answer to a question for entries. Clients read maxTimestamp of a group that is not empty, in TimeForm, and
// only there.
func WritePage(to io.Writer, p Page) error {
	w := begin("queryResult")
	for _, film := range []bool{false, true} {
		name, one, gone := "images", "image", "deletedImage"
		if film {
			name, one, gone = "videos", "video", "deletedVideo"
		}
		n := 0
		var newest time.Time
		for _, e := range p.Entries {
			if e.Film == film {
				n++
				if e.Stamp.After(newest) {
					newest = e.Stamp
				}
			}
		}
		if n == 0 {
			fmt.Fprintf(w, `<%s count="0"/>`, name)
			continue
		}
		fmt.Fprintf(w, `<%s count="%d" maxTimestamp="%s">`, name, n, newest.UTC().Format(TimeForm))
		for _, e := range p.Entries {
			if e.Film != film {
				continue
			}
			tag := one
			if e.Deleted {
				tag = gone
			}
			w.entry(tag, e)
		}
		w.WriteString("</" + name + ">")
	}
	if p.Next != "" {
		w.WriteString("<paging>")
		w.element("next", p.Next)
		w.WriteString("</paging>")
	}
	return w.end("queryResult", to)
}

func (w *writer) entry(tag string, e Entry) {
	w.WriteString("<" + tag + ">")
	w.member(e.Member)
	w.element("timestamp", e.Stamp.UTC().Format(TimeForm))
	w.element("id", e.ID)
	if !e.Deleted {
		if e.Class != "" {
			w.element("classification", e.Class)
		}
		w.WriteString("<fingerprints>")
		for _, f := range e.Prints {
			w.element(f.Type, f.Value)
		}
		w.WriteString("</fingerprints>")
	}
	w.WriteString("</" + tag + ">")
}
