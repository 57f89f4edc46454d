package intake

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// samples are values of each simple type: a good one, and one that is not of the type ("" if there is none).
var samples = map[string][2]string{
	"string": {"kite", ""}, "token": {"ab12", ""}, "given": {"203.0.113.7", ""}, "boolean": {"true", "perhaps"}, "flag": {"true", "perhaps"},
	"int": {"7", "seven"}, "long": {"7", "9223372036854775808"}, "port": {"443", "70000"}, "latitude": {"18.52", "90.5"}, "longitude": {"73.85", "NaN"},
	"dateTime": {"2021-12-03T10:00:00Z", "yesterday"}, "date": {"2010-05-31", "2010-02-30"}, "url": {"https://lantern.example/share/1", "https://lantern.example/a b"},
	"phoneCountryCallingCode": {"+91", "91"}, "phoneExtension": {"12", "x1"},
}

func sample(kind string) [2]string {
	if s, ok := samples[kind]; ok {
		return s
	}
	for _, v := range enums[kind] {
		if v != "" {
			return [2]string{v, "Kite"}
		}
	}
	return [2]string{}
}

// full builds an element with everything that it may hold. alternative chooses among parts that exclude each other.
func full(name, kind string, alternative int) *Element {
	e := &Element{Name: name}
	of, ok := schema()[kind]
	if !ok {
		e.Text = sample(kind)[0]
		return e
	}
	if of.text != "" {
		e.Text = sample(of.text)[0]
	}
	for _, a := range of.attrs {
		e.Attrs = append(e.Attrs, Attr{a.name, sample(a.kind)[0]})
	}
	groups := 0
	for i, p := range of.parts {
		if of.choice && i != alternative%len(of.parts) {
			continue
		}
		if p.group != 0 {
			if groups++; (groups+alternative)%2 == 0 {
				continue
			}
		}
		e.Children = append(e.Children, full(p.name, p.kind, alternative))
	}
	return e
}

func (e *Element) clone() *Element {
	out := *e
	out.Attrs, out.Children = slices.Clone(e.Attrs), nil
	for _, c := range e.Children {
		out.Children = append(out.Children, c.clone())
	}
	return &out
}

func (e *Element) encode(b *bytes.Buffer) {
	b.WriteString("<" + e.Name)
	for _, a := range e.Attrs {
		b.WriteString(" " + a.Name + `="`)
		xml.EscapeText(b, []byte(a.Value))
		b.WriteString(`"`)
	}
	b.WriteString(">")
	xml.EscapeText(b, []byte(e.Text))
	for _, c := range e.Children {
		c.encode(b)
	}
	b.WriteString("</" + e.Name + ">")
}

func (e *Element) document() string {
	var b bytes.Buffer
	e.encode(&b)
	return b.String()
}

// variant is a document with one thing done to it.
type variant struct {
	name, doc      string
	lenient, valid bool   // what the lenient schema and the strict one must say
	says           string // in the refusal
	kept           string // a line of flat that must be there if it is taken
}

// variants does everything to every element of a document: it is there, has a bad value, stands too often, is missing, stands in
// another order, and holds what the schema does not know.
func variants(root *Element, kind string) []variant {
	out := []variant{{name: kind, doc: root.document(), lenient: true, valid: true}}
	var walk func(at []int, kind, path string)
	walk = func(at []int, kind, path string) {
		of, ok := schema()[kind]
		if !ok {
			of = structure{text: kind}
		}
		add := func(what string, lenient, valid bool, says, kept string, do func(e *Element)) {
			doc := root.clone()
			e := doc
			for _, i := range at {
				e = e.Children[i]
			}
			do(e)
			out = append(out, variant{path + ": " + what, doc.document(), lenient, valid, says, kept})
		}
		e := root
		for _, i := range at {
			e = e.Children[i]
		}
		if of.text != "" {
			if bad := sample(of.text)[1]; bad != "" {
				add("bad value", false, false, "<"+e.Name+">", "", func(e *Element) { e.Text = bad })
			}
			empty := of.text == "string" || of.text == "token" || of.text == "url" || of.text == "flag" || slices.Contains(enums[of.text], "")
			refused := slices.Contains(emptyRefused, of.text) || required("<"+e.Name+">")
			if of.text != "token" {
				add("empty", !refused, empty, "<"+e.Name+">", "", func(e *Element) { e.Text = "" })
			}
		}
		for i, a := range of.attrs {
			if bad := sample(a.kind)[1]; bad != "" {
				add("bad "+a.name, false, false, a.name, "", func(e *Element) { e.Attrs[i].Value = bad })
			}
			if a.least > 0 {
				add("without "+a.name, false, false, a.name, "", func(e *Element) { e.Attrs = slices.Delete(e.Attrs, i, i+1) })
			}
		}
		add("unknown attribute", true, false, "kite", path, func(e *Element) { e.Attrs = append(e.Attrs, Attr{"kite", "red"}) })
		add("unknown element", true, false, "kite", path+"/kite: red", func(e *Element) { e.Children = append(e.Children, &Element{Name: "kite", Text: "red"}) })
		for i, c := range e.Children {
			p, _ := of.part(c.Name)
			if p.most == 1 {
				lenient := e.Name == "fileDetails" && p.name == "ipCaptureEvent"
				add("two "+c.Name, lenient, false, c.Name, "", func(e *Element) { e.Children = slices.Insert(e.Children, i, e.Children[i].clone()) })
			}
			if p.least > 0 && !of.choice {
				add("without "+c.Name, false, false, c.Name, "", func(e *Element) { e.Children = slices.Delete(e.Children, i, i+1) })
			}
			walk(append(slices.Clone(at), i), p.kind, path+"/"+c.Name)
		}
		if n := len(e.Children); n > 1 {
			add("other order", true, of.free, "stands after", "", func(e *Element) { slices.Reverse(e.Children) })
		}
		if of.choice {
			add("nothing", false, false, "exactly one", "", func(e *Element) { e.Children = nil })
			other := of.parts[0]
			if e.Children[0].Name == other.name {
				other = of.parts[1]
			}
			add("two kinds", false, false, "exactly one", "", func(e *Element) { e.Children = append(e.Children, full(other.name, other.kind, 0)) })
		}
	}
	walk(nil, kind, kind)
	return out
}

// allVariants are those of whole reports, one for each kind of incident, and of file details.
func allVariants() (out []variant) {
	seen := map[string]bool{}
	for i := range schema()["internetDetails"].parts {
		for _, kind := range []string{"report", "fileDetails"} {
			for _, v := range variants(full(kind, kind, i), kind) {
				if !seen[v.name] {
					seen[v.name] = true
					out = append(out, v)
				}
			}
		}
	}
	return out
}

func (s Schema) parse(doc string) (*Element, error) {
	if strings.HasPrefix(doc, "<report") {
		r, err := s.ParseReport(strings.NewReader(doc))
		return r.Root, err
	}
	d, err := s.ParseFileDetails(strings.NewReader(doc))
	return d.Root, err
}

func TestEveryElement(t *testing.T) {
	all := allVariants()
	for _, v := range all {
		for _, s := range []Schema{{}, {Strict: true}} {
			want := v.lenient
			if s.Strict {
				want = v.valid
			}
			root, err := s.parse(v.doc)
			switch {
			case want && err != nil:
				t.Errorf("%s, strict %v: %v", v.name, s.Strict, err)
			case !want && (err == nil || ResponseCode(err) != CodeValidation || !strings.Contains(err.Error(), v.says)):
				t.Errorf("%s, strict %v: %v, want a refusal that says %q", v.name, s.Strict, err, v.says)
			case want && v.kept != "" && !slices.ContainsFunc(flat(root, ""), func(l string) bool { return strings.HasPrefix(l, v.kept) }):
				t.Errorf("%s is not kept", v.name)
			}
		}
	}
	if len(all) < 1500 {
		t.Errorf("only %d variants", len(all))
	}
	t.Logf("%d documents", len(all))
}

// The schema that is served stands in testdata, and another program finds every document valid or not as the strict schema does.
func TestServedSchema(t *testing.T) {
	golden := filepath.Join("testdata", "cybertip.xsd")
	if *update {
		if err := os.WriteFile(golden, XSD(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(want, XSD()) {
		t.Fatalf("the schema is not the one in %s; run with -update if it should change (%v)", golden, err)
	}
	dir := t.TempDir()
	args := []string{"--noout", "--schema", golden}
	all := allVariants()
	for i, v := range all {
		path := filepath.Join(dir, fmt.Sprintf("%05d.xml", i))
		if err := os.WriteFile(path, []byte(v.doc), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Fatal("xmllint is not installed; run: make setup")
	}
	said, _ := exec.Command(xmllint, args...).CombinedOutput() // its status is that of the worst document
	verdicts := map[string]bool{}
	for _, line := range strings.Split(string(said), "\n") {
		if path, ok := strings.CutSuffix(line, " validates"); ok {
			verdicts[path] = true
		} else if path, ok := strings.CutSuffix(line, " fails to validate"); ok {
			verdicts[path] = false
		}
	}
	for i, v := range all {
		valid, judged := verdicts[args[i+3]]
		if !judged || valid != v.valid {
			t.Errorf("%s: xmllint says %v (judged %v), we %v", v.name, valid, judged, v.valid)
		}
	}
}

// The classes of incident are those of the schema, each with a class, and nothing else.
func TestIncidentClassesAreOfTheSchema(t *testing.T) {
	if got, want := sortedKeys(incidentClasses), slices.Sorted(slices.Values(enums["incidentType"])); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if n := len(enums["country"]); n != 258 {
		t.Errorf("%d countries", n)
	}
}
