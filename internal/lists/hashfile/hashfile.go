// Package hashfile reads lists of hashes from plain files: a hash a line, a kind and a hash a line, or the CSV that INTERPOL's
// ICSE gives. All are read as streams, in memory that does not grow with the file.
package hashfile

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/foreign"
)

// Corrupt is the fault code of a file that cannot be read to its end.
const Corrupt = "corrupt"

const (
	maxLine   = 1 << 20 // bytes: a vPDQ text is long
	maxRecord = 64 << 10
)

// Sink takes what is read. An error of a function ends the reading.
type Sink struct {
	Item  func(foreign.Item) error
	Aside func(foreign.Aside) error
}

// kinds are the names of hashes at the beginning of a line, as the field's clients write them, and ours.
var kinds = map[string]string{"pdq": lists.PDQ, "video_md5": lists.MD5, "md5": lists.MD5, "sha1": lists.SHA1, "sha256": lists.SHA256, "video_sha256": lists.SHA256,
	"vpdq": lists.VPDQ, "photodna": lists.PhotoDNA, "tmk": lists.TMK, "tmk_pdqf": lists.TMK}

// ReadLines reads a hash a line, of the kind that its length tells or that stands before it, with a label after a comma or a tab.
// Lines that start with # are comments. A line that is none of these is set aside.
func ReadLines(in io.Reader, sink Sink) error {
	r := bufio.NewReaderSize(in, 64<<10)
	for n := 1; ; n++ {
		line, long, err := readLine(r)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if long {
			if err := sink.Aside(foreign.Aside{Place: fmt.Sprintf("line %d", n), Reason: fmt.Sprintf("it is longer than %d bytes", maxLine), Bytes: []byte(line[:2048])}); err != nil {
				return err
			}
		} else if text := strings.TrimSpace(line); text != "" && text[0] != '#' {
			if err := one(text, n, sink); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// readLine reads a line of at most maxLine bytes and the rest of a longer one.
func readLine(r *bufio.Reader) (line string, long bool, err error) {
	var out []byte
	for {
		part, err := r.ReadSlice('\n')
		if room := maxLine - len(out); len(part) > room {
			part, long = part[:room], true
		}
		out = append(out, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return string(out), long, err
		}
	}
}

func one(text string, n int, sink Sink) error {
	e, err := entry(text)
	if err != nil {
		return sink.Aside(foreign.Aside{Place: fmt.Sprintf("line %d", n), Reason: fault.Message(err), Bytes: []byte(text)})
	}
	return sink.Item(foreign.Item{Key: key(e), Entries: []lists.Entry{e}})
}

func key(e lists.Entry) string {
	if k := e.Kind + ":" + e.Value; len(k) <= foreign.MaxKey {
		return k
	}
	return e.Kind + ":" + lists.Digest(e.Value)
}

func entry(text string) (lists.Entry, error) {
	if i := strings.IndexAny(text, " \t"); i > 0 {
		if kind := kinds[strings.ToLower(text[:i])]; kind != "" {
			value := strings.TrimSpace(text[i:])
			label := ""
			if j := strings.IndexAny(value, ",\t"); j >= 0 && kind != lists.VPDQ {
				value, label = value[:j], value[j+1:]
			}
			e := lists.Entry{Kind: kind, Value: value, Label: label}
			return e, e.Check()
		}
	}
	all, err := lists.ParseEntries(text)
	if err != nil || len(all) != 1 {
		var f *fault.Fault
		if errors.As(err, &f) { // without the number of the line, which is told beside it
			return lists.Entry{}, fault.New(fault.Invalid, "%s", strings.TrimPrefix(f.Message, "line 1: "))
		}
		return lists.Entry{}, errOr(err, fault.New(fault.Invalid, "it holds no hash"))
	}
	return all[0], nil
}

func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// budget refuses a record that is too long: the CSV reader below would gather it whole.
type budget struct {
	r    io.Reader
	left int
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fault.Coded(fault.Invalid, Corrupt, "a record is longer than %d bytes", maxRecord)
	}
	if len(p) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= n
	return n, err
}

// ReadICSE reads INTERPOL's CSV: fields separated by semicolons, named by a first line that has MD5, SHA1 or PhotoDNA among others. The
// label of an entry of the baseline is "baseline".
func ReadICSE(in io.Reader, sink Sink) error {
	limited := &budget{r: in, left: maxRecord}
	r := csv.NewReader(limited)
	r.Comma, r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = ';', true, -1, true
	columns := map[string]int{}
	for n := 0; ; n++ {
		limited.left = maxRecord
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			if err := sink.Aside(foreign.Aside{Place: fmt.Sprintf("line %d", broken.Line), Reason: "it is no record of fields: " + broken.Err.Error()}); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			for i, name := range fields {
				columns[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))] = i + 1
			}
			if columns["md5"]+columns["sha1"]+columns["photodna"] == 0 {
				return fault.Coded(fault.Invalid, Corrupt, "the first line names neither MD5 nor SHA1 nor PhotoDNA; fields are separated by semicolons")
			}
			continue
		}
		line, _ := r.FieldPos(0)
		if err := icse(fields, columns, line, sink); err != nil {
			return err
		}
	}
	if len(columns) == 0 {
		return fault.Coded(fault.Invalid, Corrupt, "the file is empty")
	}
	return nil
}

func icse(fields []string, columns map[string]int, line int, sink Sink) error {
	field := func(name string) string {
		if i := columns[name]; i > 0 && i <= len(fields) {
			return strings.TrimSpace(fields[i-1])
		}
		return ""
	}
	label := ""
	switch strings.ToLower(field("baseline")) {
	case "yes", "true", "1", "y":
		label = "baseline"
	}
	var item foreign.Item
	var odd []string
	for _, e := range []lists.Entry{{Kind: lists.MD5, Value: field("md5")}, {Kind: lists.SHA1, Value: field("sha1")}, {Kind: lists.PhotoDNA, Value: field("photodna")}} {
		if e.Value == "" {
			continue
		}
		e.Label = label
		if err := e.Check(); err != nil {
			odd = append(odd, fault.Message(err))
			continue
		}
		item.Entries = append(item.Entries, e)
	}
	if len(item.Entries) == 0 && len(odd) == 0 {
		odd = append(odd, "it has no hash")
	}
	if len(odd) > 0 {
		text := fmt.Sprintf("MD5 %.64q SHA1 %.80q Image ID %.40q", field("md5"), field("sha1"), field("image id"))
		if err := sink.Aside(foreign.Aside{Place: fmt.Sprintf("line %d", line), Reason: strings.Join(odd, "; "), Bytes: []byte(text)}); err != nil {
			return err
		}
	}
	if len(item.Entries) == 0 {
		return nil
	}
	item.Key = key(item.Entries[0])
	return sink.Item(item)
}

// WriteLines writes entries in the form that ReadLines reads: a kind and a hash a line, with the label after a tab.
func WriteLines(w io.Writer, entries []lists.Entry) error {
	for _, e := range entries {
		line := e.Kind + " " + e.Value
		if e.Kind == lists.VPDQ {
			continue // its text has lines of its own
		}
		if e.Label != "" {
			line += "\t" + strings.NewReplacer("\n", " ", "\r", " ").Replace(e.Label)
		}
		if _, err := io.WriteString(w, line+"\n"); err != nil {
			return err
		}
	}
	return nil
}
