package intake

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"

	"raksha.example/raksha/internal/fault"
)

// Response codes of the CyberTipline reporting API.
const (
	CodeSuccess        = 0
	CodeServerError    = 1000
	CodeUploadFailed   = 1110
	CodeFileFailed     = 1111
	CodeNoResource     = 1210
	CodeAuthentication = 2000
	CodeNotAuthorized  = 3000
	CodeNoSubmit       = 3100
	CodeInvalidRequest = 4000
	CodeValidation     = 4100
	CodeMalformed      = 4110
	CodeMalformedFile  = 4200
	CodeNoReport       = 5001
	CodeNoFile         = 5002
	CodeRetracted      = 5101
	CodeFinished       = 5102
)

// ResponseCode gives the CyberTipline response code of an error: the number that its fault carries, or what its kind
// comes nearest to.
func ResponseCode(err error) int {
	if err == nil {
		return CodeSuccess
	}
	if n, convErr := strconv.Atoi(fault.Code(err)); convErr == nil {
		return n
	}
	switch fault.Of(err) {
	case fault.Unsigned:
		return CodeAuthentication
	case fault.Forbidden, fault.Refused:
		return CodeNotAuthorized
	case fault.NotFound:
		return CodeNoReport
	case fault.Invalid, fault.TooLarge, fault.NotSupported, fault.Conflict:
		return CodeInvalidRequest
	default:
		return CodeServerError
	}
}

func malformed(format string, args ...any) error {
	return fault.Coded(fault.Invalid, strconv.Itoa(CodeMalformed), "malformed XML: "+format, args...)
}

func notValid(format string, args ...any) error {
	return fault.Coded(fault.Invalid, strconv.Itoa(CodeValidation), "validation failed: "+format, args...)
}

// DocumentLimit is the size of a CyberTipline document in bytes.
const DocumentLimit = 5 << 20

// Further limits of a document.
const (
	maxDepth    = 32
	maxElements = 20_000
	maxAttrs    = 64 // of one element
	maxName     = 64 // bytes of an element's name: every path repeats those of its containers
)

// Attr is an attribute of an element.
type Attr struct {
	Name  string `json:"name"` // one of a namespace of its own has that before it: "urn:x level"
	Value string `json:"value"`
}

// Element is one element of a document with all that it holds. Names stand without their namespaces.
type Element struct {
	Name     string     `json:"name"`
	Text     string     `json:"text,omitempty"`       // its own text without the space around it
	Attrs    []Attr     `json:"attributes,omitempty"` // without namespaces and schema locations
	Children []*Element `json:"elements,omitempty"`
	Unknown  bool       `json:"unknown,omitempty"` // the schema has no such element here
	Sealed   bool       `json:"sealed,omitempty"`  // what it holds was taken out: see Seal

	raw []byte // text while the element is open
}

// readXML reads a document whose root has a given name. There are no entities but the five that XML defines, no document type, and
// nothing outside the limits.
func readXML(r io.Reader, root string) (*Element, error) {
	b, err := io.ReadAll(io.LimitReader(r, DocumentLimit+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the document cannot be read; send it again")
	}
	if len(b) > DocumentLimit {
		return nil, fault.Coded(fault.TooLarge, strconv.Itoa(CodeInvalidRequest), "the document is larger than %d MiB", DocumentLimit>>20)
	}
	text, err := recode(b)
	if err != nil {
		return nil, err
	}
	d := xml.NewDecoder(strings.NewReader(text))
	t := tree{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, malformed("%v", err)
		}
		if err := t.add(token); err != nil {
			return nil, err
		}
	}
	if t.root == nil {
		return nil, malformed("there is no element")
	}
	if t.root.Name != root {
		return nil, notValid("the root element is <%.40s>, not <%s>", t.root.Name, root)
	}
	return t.root, nil
}

// tree puts tokens together.
type tree struct {
	root  *Element
	open  []*Element
	count int // elements
}

func (t *tree) add(token xml.Token) error {
	switch v := token.(type) {
	case xml.Directive:
		return malformed("document types and entity declarations are not accepted")
	case xml.ProcInst:
		if v.Target != "xml" || t.root != nil {
			return malformed("processing instructions are not accepted")
		}
	case xml.StartElement:
		return t.start(v)
	case xml.EndElement: // the decoder has checked that it matches
		n := t.open[len(t.open)-1]
		n.Text, n.raw = strings.TrimSpace(string(n.raw)), nil
		t.open = t.open[:len(t.open)-1]
	case xml.CharData:
		if len(t.open) > 0 {
			t.open[len(t.open)-1].write(v)
		} else if strings.TrimSpace(string(v)) != "" {
			return malformed("there is text outside the root element")
		}
	}
	return nil
}

// write adds a piece of text. Space between child elements is layout: the first of it is enough.
func (n *Element) write(piece []byte) {
	layout := len(bytes.TrimSpace(piece)) == 0
	if layout && (len(n.raw) == 0 || bytes.IndexByte([]byte(" \t\r\n"), n.raw[len(n.raw)-1]) >= 0) {
		return
	}
	n.raw = append(n.raw, piece...)
}

func (t *tree) start(v xml.StartElement) error {
	switch {
	case t.root != nil && len(t.open) == 0:
		return malformed("there is more than one root element")
	case len(t.open) >= maxDepth:
		return malformed("elements are nested deeper than %d", maxDepth)
	case t.count >= maxElements:
		return malformed("there are more than %d elements", maxElements)
	case len(v.Attr) > maxAttrs:
		return malformed("an element has more than %d attributes", maxAttrs)
	case len(v.Name.Local) > maxName:
		return notValid("there is an element with a name of %d bytes", len(v.Name.Local))
	}
	n := &Element{Name: v.Name.Local}
	seen := map[xml.Name]bool{}
	for _, a := range v.Attr {
		if seen[a.Name] { // XML 1.0, 3.1: no attribute name may appear more than once in a tag
			return malformed("an element has the attribute %.40s twice", a.Name.Local)
		}
		seen[a.Name] = true
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" || strings.HasSuffix(a.Name.Space, "XMLSchema-instance") || a.Name.Space == "xsi" {
			continue
		}
		name := a.Name.Local
		if a.Name.Space != "" {
			name = a.Name.Space + " " + name
		}
		n.Attrs = append(n.Attrs, Attr{name, a.Value})
	}
	if len(t.open) == 0 {
		t.root = n
	} else {
		parent := t.open[len(t.open)-1]
		parent.Children = append(parent.Children, n)
	}
	t.open = append(t.open, n)
	t.count++
	return nil
}

// all gives the descendants at a path of names.
func (n *Element) all(path ...string) []*Element {
	found := []*Element{n}
	for _, name := range path {
		var next []*Element
		for _, f := range found {
			for _, c := range f.Children {
				if c.Name == name {
					next = append(next, c)
				}
			}
		}
		found = next
	}
	return found
}

// one gives the first child of a name; none is an empty element.
func (n *Element) one(name string) *Element {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return &Element{Name: name}
}

// has tells whether there is a child of a name.
func (n *Element) has(name string) bool { return len(n.all(name)) > 0 }

// first gives the text of the first descendant at a path, empty if there is none.
func (n *Element) first(path ...string) string {
	if found := n.all(path...); len(found) > 0 {
		return found[0].Text
	}
	return ""
}

// texts gives the texts at a path that are not empty.
func (n *Element) texts(path ...string) []string {
	var out []string
	for _, f := range n.all(path...) {
		if f.Text != "" {
			out = append(out, f.Text)
		}
	}
	return out
}

func (n *Element) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// flags gives the names of the child elements that are set: an empty element counts as true.
func (n *Element) flags() []string {
	var set []string
	for _, c := range n.Children {
		if c.Text == "" || isTrue(c.Text) {
			set = append(set, c.Name)
		}
	}
	return set
}

func isTrue(s string) bool { return s == "true" || s == "1" }
