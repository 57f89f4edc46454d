package intake

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// wide writes a document in UTF-16.
func wide(text string, little, mark bool) string {
	var b []byte
	if mark {
		text = "\ufeff" + text
	}
	for _, u := range utf16.Encode([]rune(text)) {
		if little {
			b = append(b, byte(u), byte(u>>8))
		} else {
			b = append(b, byte(u>>8), byte(u))
		}
	}
	return string(b)
}

// Hostile documents are refused with a code and a reason, or read in the one way that there is.
func TestHostileDocuments(t *testing.T) {
	note := report("<additionalInfo>caf\u00e9</additionalInfo>")
	declared := func(encoding string) string { return `<?xml version="1.0" encoding="` + encoding + `"?>` + note }
	var attributes strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&attributes, " a%d=''", i)
	}
	bomb := `<!DOCTYPE r [<!ENTITY a "kite">`
	for i := range 10 {
		bomb += fmt.Sprintf(`<!ENTITY a%d "&a;&a;&a;&a;&a;&a;&a;&a;">`, i)
	}
	for name, c := range map[string]struct {
		doc  string
		code int // 0: it is read, and says café
	}{
		"UTF-16 little":               {wide(declared("UTF-16"), true, true), 0},
		"UTF-16 big":                  {wide(declared("UTF-16"), false, true), 0},
		"UTF-16 without a mark":       {wide(declared("UTF-16"), true, false), 0},
		"UTF-16 that says UTF-8":      {wide(declared("UTF-8"), false, true), 0},
		"UTF-16 that says Latin-1":    {wide(declared("ISO-8859-1"), false, true), CodeMalformed},
		"UTF-8 that says UTF-16":      {declared("UTF-16"), CodeMalformed},
		"UTF-8 that says ASCII":       {declared("US-ASCII"), CodeMalformed},
		"Latin-1 that says UTF-8":     {strings.ReplaceAll(declared("UTF-8"), "\u00e9", "\xe9"), CodeMalformed},
		"Latin-1 that says nothing":   {strings.ReplaceAll(note, "\u00e9", "\xe9"), CodeMalformed},
		"Latin-1":                     {strings.ReplaceAll(declared("ISO-8859-1"), "\u00e9", "\xe9"), 0},
		"UTF-32":                      {"\xff\xfe\x00\x00<\x00\x00\x00", CodeMalformed},
		"UTF-7":                       {declared("UTF-7"), CodeMalformed},
		"half a character of UTF-16":  {wide(note, true, true) + "x", CodeMalformed},
		"entities in entities":        {bomb + "]>" + report("&a9;"), CodeMalformed},
		"parameter entity":            {`<!DOCTYPE r [<!ENTITY % k SYSTEM "http://127.0.0.1/x"> %k;]>` + note, CodeMalformed},
		"XInclude":                    {report(`<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/hostname"/><additionalInfo>caf` + "\u00e9</additionalInfo>"), 0},
		"a style sheet":               {`<?xml-stylesheet href="x"?>` + note, CodeMalformed},
		"an instruction within":       {report("<?kite red?>"), CodeMalformed},
		"comments":                    {"<!-- kite -->" + strings.Replace(note, "caf", "c<!-- -->af", 1) + "<!-- river -->", 0},
		"a NUL":                       {strings.Replace(note, "caf", "caf\x00", 1), CodeMalformed},
		"a NUL in a comment":          {note + "<!-- \x00 -->", CodeMalformed},
		"a NUL as a reference":        {strings.Replace(note, "caf", "caf&#0;", 1), CodeMalformed},
		"no UTF-8 in a comment":       {note + "<!-- \xff -->", CodeMalformed},
		"a flood of attributes":       {report("<a" + attributes.String() + "/>"), CodeMalformed},
		"an attribute twice":          {report(`<a b="1" b="2"/>`), CodeMalformed},
		"elements that cross":         {report("<a><b></a></b>"), CodeMalformed},
		"an element twice":            {report("<additionalInfo>a</additionalInfo><additionalInfo>b</additionalInfo>"), CodeValidation},
		"a foreign attribute":         {strings.Replace(note, "<reportingPerson/>", `<reportingPerson xmlns:k="urn:k" k:type="x"/>`, 1), 0},
		"XML 1.1":                     {strings.Replace(declared("UTF-8"), "1.0", "1.1", 1), CodeMalformed},
		"a declaration in the middle": {report(`<?xml version="1.0"?>`), CodeMalformed},
		"deep":                        {report(strings.Repeat("<a>", 1_000_000)), CodeMalformed},
	} {
		r, err := ParseReport(strings.NewReader(c.doc))
		if c.code == 0 && (err != nil || r.AdditionalInfo != "caf\u00e9") || c.code != 0 && ResponseCode(err) != c.code {
			t.Errorf("%s: %q, %v", name, r.AdditionalInfo, err)
		}
		if err == nil { // what is kept is read again as the same
			kept, err := ParseReport(strings.NewReader(plainText([]byte(c.doc))))
			if err != nil || strings.Join(flat(kept.Root, ""), "\n") != strings.Join(flat(r.Root, ""), "\n") {
				t.Errorf("%s is kept as something else: %v", name, err)
			}
		}
	}
}

// The parts that tell who a child is are taken out, and are all that the other half holds.
func TestSeal(t *testing.T) {
	r, err := ParseReport(strings.NewReader(report("<intendedRecipient><screenName>kite</screenName></intendedRecipient><victim><victimPerson><firstName>river</firstName></victimPerson></victim><additionalInfo>basket</additionalInfo>")))
	if err != nil {
		t.Fatal(err)
	}
	sealed, alone := strings.Join(flat(r.Root.Seal(), ""), "\n"), strings.Join(flat(r.Root.SealedOnly(), ""), "\n")
	if strings.Contains(sealed, "kite") || strings.Contains(sealed, "river") || !strings.Contains(sealed, "report/victim") || !strings.Contains(sealed, "basket") {
		t.Errorf("sealed:\n%s", sealed)
	}
	if !strings.Contains(alone, "kite") || !strings.Contains(alone, "river") || strings.Contains(alone, "basket") {
		t.Errorf("alone:\n%s", alone)
	}
	if strings.Contains(r.Summary(), "kite") || strings.Contains(r.Summary(), "river") {
		t.Errorf("the summary tells who a child is: %s", r.Summary())
	}
}
