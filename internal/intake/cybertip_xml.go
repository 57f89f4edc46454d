package intake

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"raksha.example/raksha/internal/fault"
)

// Response codes of the CyberTipline reporting API.
const (
	CodeSuccess        = 0
	CodeServerError    = 1000
	CodeAuthentication = 2000
	CodeNotAuthorized  = 3000
	CodeInvalidRequest = 4000
	CodeValidation     = 4100
	CodeMalformed      = 4110
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

// Limits of a CyberTipline document.
const (
	maxDocument = 5 << 20 // bytes
	maxDepth    = 32
	maxElements = 20_000
	maxAttrs    = 64 // of one element
	maxName     = 64 // bytes of an element's name: every path repeats those of its containers
)

// Attr is an attribute of an element.
type Attr struct{ Name, Value string }

// Element is one element of a document, containers too, in the order in which they begin.
type Element struct {
	Path  string // names from the root, such as report/incidentSummary/incidentType; namespaces are dropped
	Text  string // its own text without the space around it
	Attrs []Attr // without namespaces and schema locations
}

// node is an element while a document is read.
type node struct {
	name     string
	raw      []byte // text while the element is open
	text     string
	attrs    []Attr
	children []*node
}

// readXML reads a document whose root has a given name, and all its elements in order. There are no entities but the five
// that XML defines, no document type, and nothing outside the limits.
func readXML(r io.Reader, root string) (*node, []Element, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Unavailable, "the document cannot be read; send it again")
	}
	if len(b) > maxDocument {
		return nil, nil, fault.Coded(fault.TooLarge, strconv.Itoa(CodeInvalidRequest), "the document is larger than %d MiB", maxDocument>>20)
	}
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(string(b), "\ufeff")))
	d.CharsetReader = charset
	t := tree{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, malformed("%v", err)
		}
		if err := t.add(token); err != nil {
			return nil, nil, err
		}
	}
	if t.root == nil {
		return nil, nil, malformed("there is no element")
	}
	if t.root.name != root {
		return nil, nil, notValid("the root element is <%.40s>, not <%s>", t.root.name, root)
	}
	return t.root, t.elements, nil
}

// tree puts tokens together.
type tree struct {
	root     *node
	open     []*node
	places   []int // in elements, of the open ones
	elements []Element
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
		n.text, n.raw = strings.TrimSpace(string(n.raw)), nil
		t.elements[t.places[len(t.places)-1]].Text = n.text
		t.open, t.places = t.open[:len(t.open)-1], t.places[:len(t.places)-1]
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
func (n *node) write(piece []byte) {
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
	case len(t.elements) >= maxElements:
		return malformed("there are more than %d elements", maxElements)
	case len(v.Attr) > maxAttrs:
		return malformed("an element has more than %d attributes", maxAttrs)
	case len(v.Name.Local) > maxName:
		return notValid("there is an element with a name of %d bytes", len(v.Name.Local))
	}
	n := &node{name: v.Name.Local}
	for _, a := range v.Attr {
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" || strings.HasSuffix(a.Name.Space, "XMLSchema-instance") || a.Name.Space == "xsi" {
			continue
		}
		n.attrs = append(n.attrs, Attr{a.Name.Local, a.Value})
	}
	path := n.name
	if len(t.open) == 0 {
		t.root = n
	} else {
		parent := t.open[len(t.open)-1]
		parent.children = append(parent.children, n)
		path = t.elements[t.places[len(t.places)-1]].Path + "/" + path
	}
	t.open, t.places = append(t.open, n), append(t.places, len(t.elements))
	t.elements = append(t.elements, Element{Path: path, Attrs: n.attrs})
	return nil
}

// charset reads the encodings that clients declare.
func charset(name string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "utf-8", "utf8", "us-ascii", "ascii":
		return in, nil
	case "iso-8859-1", "latin1", "windows-1252":
		return charmap.Windows1252.NewDecoder().Reader(in), nil
	}
	return nil, fmt.Errorf("the encoding %.40q is not known; send UTF-8", name)
}

// all gives the descendants at a path of names.
func (n *node) all(path ...string) []*node {
	found := []*node{n}
	for _, name := range path {
		var next []*node
		for _, f := range found {
			for _, c := range f.children {
				if c.name == name {
					next = append(next, c)
				}
			}
		}
		found = next
	}
	return found
}

// one gives the only child of a name: more than one is not valid, none is an empty node.
func (n *node) one(name string) (*node, error) {
	found := n.all(name)
	switch len(found) {
	case 0:
		return &node{name: name}, nil
	case 1:
		return found[0], nil
	}
	return nil, notValid("<%s> stands %d times in <%s>", name, len(found), n.name)
}

// has tells whether there is a child of a name.
func (n *node) has(name string) bool { return len(n.all(name)) > 0 }

// first gives the text of the first descendant at a path, empty if there is none.
func (n *node) first(path ...string) string {
	if found := n.all(path...); len(found) > 0 {
		return found[0].text
	}
	return ""
}

// texts gives the texts at a path that are not empty.
func (n *node) texts(path ...string) []string {
	var out []string
	for _, f := range n.all(path...) {
		if f.text != "" {
			out = append(out, f.text)
		}
	}
	return out
}

func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// flags gives the names of the child elements that are set: an empty element counts as true.
func (n *node) flags() []string {
	var set []string
	for _, c := range n.children {
		if c.text == "" || isTrue(c.text) {
			set = append(set, c.name)
		}
	}
	return set
}

func isTrue(s string) bool { return s == "true" || s == "1" }
