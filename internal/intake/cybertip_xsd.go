package intake

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// XSD gives the schema that a document is held to, as XML Schema 1.0. It is written from the outline, so that what is served is what
// is checked.
var XSD = sync.OnceValue(func() []byte {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" elementFormDefault=\"qualified\">\n")
	for _, name := range roots {
		fmt.Fprintf(&b, "  <xs:element name=%q type=%q/>\n", name, name)
	}
	for _, line := range strings.Split(strings.TrimSpace(outline), "\n") {
		name, _, _ := strings.Cut(line, ":")
		writeStructure(&b, name, schema()[name])
	}
	writeSimple(&b)
	b.WriteString("</xs:schema>\n")
	return []byte(b.String())
})

// builtIn are the simple types that XML Schema has itself.
var builtIn = []string{"string", "token", "boolean", "int", "long", "dateTime", "date"}

func typeName(kind string) string {
	if slices.Contains(builtIn, kind) {
		return "xs:" + kind
	}
	return kind
}

func writeStructure(b *strings.Builder, name string, s structure) {
	fmt.Fprintf(b, "  <xs:complexType name=%q>\n", name)
	indent := "    "
	if s.text != "" {
		fmt.Fprintf(b, "    <xs:simpleContent>\n      <xs:extension base=%q>\n", typeName(s.text))
		indent = "        "
	}
	if len(s.parts) > 0 {
		model := "sequence"
		switch {
		case s.free:
			model = "all"
		case s.choice:
			model = "choice"
		}
		fmt.Fprintf(b, "    <xs:%s>\n", model)
		group := 0
		for _, p := range s.parts {
			if p.group != group && group != 0 {
				b.WriteString("      </xs:choice>\n")
			}
			if p.group != group && p.group != 0 {
				b.WriteString("      <xs:choice>\n")
			}
			group = p.group
			if group != 0 {
				b.WriteString("  ")
			}
			writePart(b, p)
		}
		fmt.Fprintf(b, "    </xs:%s>\n", model)
	}
	for _, a := range s.attrs {
		use := "optional"
		if a.least > 0 {
			use = "required"
		}
		fmt.Fprintf(b, "%s<xs:attribute name=%q type=%q use=%q/>\n", indent, a.name, typeName(a.kind), use)
	}
	if s.text != "" {
		b.WriteString("      </xs:extension>\n    </xs:simpleContent>\n")
	}
	b.WriteString("  </xs:complexType>\n")
}

func writePart(b *strings.Builder, p part) {
	occurs := ""
	if p.least != 1 {
		occurs = fmt.Sprintf(" minOccurs=\"%d\"", p.least)
	}
	if p.most < 0 {
		occurs += ` maxOccurs="unbounded"`
	}
	kind := typeName(p.kind)
	if p.kind == "flag" {
		kind = "xs:boolean\" fixed=\"true"
	}
	fmt.Fprintf(b, "      <xs:element name=%q type=\"%s\"%s/>\n", p.name, kind, occurs)
}

func writeSimple(b *strings.Builder) {
	simple := func(name, base, facets string) {
		fmt.Fprintf(b, "  <xs:simpleType name=%q>\n    <xs:restriction base=\"xs:%s\">\n%s    </xs:restriction>\n  </xs:simpleType>\n", name, base, facets)
	}
	for _, name := range sortedKeys(enums) {
		var facets strings.Builder
		for _, v := range enums[name] {
			fmt.Fprintf(&facets, "      <xs:enumeration value=%q/>\n", v)
		}
		simple(name, "string", facets.String())
	}
	for _, name := range sortedKeys(patterns) {
		simple(name, "string", fmt.Sprintf("      <xs:pattern value=\"%s\"/>\n", patterns[name]))
	}
	between := func(least, most string) string {
		return fmt.Sprintf("      <xs:minInclusive value=%q/>\n      <xs:maxInclusive value=%q/>\n", least, most)
	}
	simple("given", "string", "      <xs:minLength value=\"1\"/>\n")
	simple("latitude", "double", between("-90", "90"))
	simple("longitude", "double", between("-180", "180"))
	simple("port", "int", between("1", "65535"))
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
