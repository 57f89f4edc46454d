package intake

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Schema reads CyberTipline documents. The zero value takes what clients in use send: elements in any order, elements and attributes
// that the schema does not know, which are kept, empty elements for what is not known, and several ipCaptureEvent of a file. Strict
// holds a document to the letter of the schema.
type Schema struct{ Strict bool }

// check holds an element and all below it to the schema, and marks what the schema does not know.
func (s Schema) check(n *Element, kind string) error {
	of, ok := schema()[kind]
	if !ok {
		of = structure{text: kind}
	}
	if err := s.checkAttributes(n, of); err != nil {
		return err
	}
	if of.text != "" {
		if err := s.checkValue("<"+n.Name+">", of.text, n.Text, true); err != nil {
			return err
		}
	} else if s.Strict && n.Text != "" {
		return notValid("<%s> holds text beside its elements", n.Name)
	}
	return s.checkParts(n, of)
}

func (s Schema) checkParts(n *Element, of structure) error {
	count := make([]int, len(of.parts))
	last := 0
	for _, c := range n.Children {
		p, i := of.part(c.Name)
		if i < 0 {
			if s.Strict {
				return notValid("the schema has no <%.40s> in <%s>", c.Name, n.Name)
			}
			c.Unknown = true
			continue
		}
		if s.Strict && !of.free && !of.choice && i < last {
			return notValid("<%s> stands after <%s> in <%s>; the schema wants it before", c.Name, of.parts[last].name, n.Name)
		}
		last = i
		count[i]++
		if err := s.check(c, p.kind); err != nil {
			return err
		}
	}
	known := 0
	for i, p := range of.parts {
		known += count[i]
		most := p.most
		if !s.Strict && n.Name == "fileDetails" && p.name == "ipCaptureEvent" {
			most = -1
		}
		switch {
		case most >= 0 && count[i] > most:
			return notValid("<%s> stands %d times in <%s>; at most %d may", p.name, count[i], n.Name, most)
		case count[i] < p.least && !of.choice:
			return notValid("<%s> is missing in <%s>", p.name, n.Name)
		case s.Strict && p.group != 0 && count[i] > 0 && excluded(of, count, i):
			return notValid("<%s> excludes another element of <%s>", p.name, n.Name)
		}
	}
	if of.choice && (known > 1 || len(n.Children) == 0) {
		return notValid("<%s> must hold exactly one element", n.Name)
	}
	return nil
}

// excluded says whether another part of the same group is there.
func excluded(of structure, count []int, i int) bool {
	for j, p := range of.parts {
		if j != i && p.group == of.parts[i].group && count[j] > 0 {
			return true
		}
	}
	return false
}

func (s Schema) checkAttributes(n *Element, of structure) error {
	for _, a := range n.Attrs {
		i := slices.IndexFunc(of.attrs, func(p part) bool { return p.name == a.Name })
		if i < 0 {
			if s.Strict {
				return notValid("the schema has no attribute %.40s of <%s>", a.Name, n.Name)
			}
			continue
		}
		if err := s.checkValue("the attribute "+a.Name+" of <"+n.Name+">", of.attrs[i].kind, strings.TrimSpace(a.Value), false); err != nil {
			return err
		}
	}
	for _, p := range of.attrs {
		if p.least > 0 && n.attr(p.name) == "" {
			return notValid("<%s> has no %s", n.Name, p.name)
		}
	}
	return nil
}

// emptyRefused are the types whose value may not be left empty, also where an empty element otherwise stands for what is not known.
var emptyRefused = []string{"incidentType", "given", "batchedReportReason", "associatedAccountType"}

// checkValue holds a text to a simple type. An empty boolean element means true: clients send <viral/>.
func (s Schema) checkValue(where, kind, v string, element bool) error {
	if v == "" && (kind == "flag" && element || !s.Strict && !slices.Contains(emptyRefused, kind) && !required(where)) {
		return nil
	}
	switch kind {
	case "string", "token":
		return nil
	case "given":
		if v == "" {
			return notValid("%s is empty", where)
		}
		return nil
	case "flag":
		if isTrue(v) || !s.Strict && (v == "false" || v == "0") {
			return nil
		}
		return notValid("%s can only be true", where)
	case "boolean":
		if isTrue(v) || v == "false" || v == "0" {
			return nil
		}
		return notValid("%s is neither true nor false", where)
	case "dateTime":
		_, err := parseDateTime(where, v)
		return err
	case "date":
		return checkDate(where, v)
	}
	if ok, err := checkNumber(where, kind, v); ok {
		return err
	}
	if values, ok := enums[kind]; ok {
		if _, alias := incidentAliases[v]; !slices.Contains(values, v) && !(alias && kind == "incidentType") {
			return notValid("%s holds no value of the schema", where)
		}
		return nil
	}
	if kind == "url" && strings.ContainsFunc(v, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }) {
		return notValid("%s holds a space or a control character", where)
	}
	if m := matchers()[kind]; m != nil && !m.MatchString(v) {
		return notValid("%s does not have the form %s", where, patterns[kind])
	}
	return nil
}

// required names the values without which a document says nothing.
func required(where string) bool {
	return where == "<incidentDateTime>" || where == "<reportId>" || where == "<fileId>"
}

// checkNumber says whether a type is a number, and whether the text is one of it.
func checkNumber(where, kind, v string) (number bool, err error) {
	switch kind {
	case "int":
		if _, err := strconv.ParseInt(v, 10, 32); err != nil {
			return true, notValid("%s is no whole number", where)
		}
	case "long":
		if _, err := strconv.ParseInt(v, 10, 64); err != nil {
			return true, notValid("%s is no whole number", where)
		}
	case "port":
		if n, err := strconv.Atoi(v); err != nil || n < 1 || n > 65535 {
			return true, notValid("%s is no number from 1 to 65535", where)
		}
	case "latitude", "longitude":
		most := 90.0
		if kind == "longitude" {
			most = 180
		}
		if f, err := strconv.ParseFloat(v, 64); err != nil || !(math.Abs(f) <= most) {
			return true, notValid("%s is no number of degrees from -%g to %g", where, most, most)
		}
	default:
		return false, nil
	}
	return true, nil
}

// checkDate reads an xs:date; it may carry a zone.
func checkDate(where, v string) error {
	for _, layout := range []string{"2006-01-02", "2006-01-02Z07:00"} {
		if _, err := time.Parse(layout, v); err == nil {
			return nil
		}
	}
	return notValid("%s holds no date such as 2010-05-31", where)
}

// parseDateTime reads an xs:dateTime. One without a zone is taken as UTC; 24:00:00 is the end of the day (XML Schema part 2, 3.2.7.1).
func parseDateTime(where, v string) (time.Time, error) {
	at, end := strings.Replace(v, "T24:00:00", "T00:00:00", 1), time.Duration(0)
	if at != v {
		end = 24 * time.Hour
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, at); err == nil && !strings.Contains(at, ",") {
			return t.Add(end).UTC().Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, notValid("%s holds no date and time such as 2021-12-03T10:00:00Z", where)
}
