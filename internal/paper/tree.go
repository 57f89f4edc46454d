package paper

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"raksha.example/raksha/internal/paper/typeset"
	"raksha.example/raksha/internal/store"
)

const (
	treeDepth = 12
	treeRows  = 3000
)

// further prints the members of the content that this package has no place for.
func (p *press) further() {
	d := json.NewDecoder(bytes.NewReader(p.s.Content))
	d.UseNumber()
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return
	}
	var rows []typeset.Fact
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return
		}
		if name := fmt.Sprint(key); !slices.Contains(contentKeys, name) {
			rows = p.member(rows, name, value, 0)
		}
	}
	if len(rows) > 0 {
		p.Heading(2, p.v.word("further"))
		p.Facts(rows)
	}
}

// tree prints a JSON value as labels and values, in the order in which it was written.
func (p *press) tree(b json.RawMessage) { p.Facts(p.member(nil, "", b, 0)) }

// member adds the rows of one value. name is the path to it, in words.
func (p *press) member(rows []typeset.Fact, name string, b json.RawMessage, depth int) []typeset.Fact {
	label := func() string { return p.Visible(strings.ReplaceAll(name, "_", " "), false) }
	if len(rows) >= treeRows || depth > treeDepth {
		if len(rows) == treeRows || depth > treeDepth {
			rows = append(rows, typeset.Fact{Label: label(), Value: typeset.Cell{p.own(p.v.word("rest"), quiet)}})
		}
		return rows
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	token, err := d.Token()
	if err != nil {
		return rows
	}
	if token == json.Delim('{') || token == json.Delim('[') {
		for n := 1; d.More(); n++ {
			under := fmt.Sprint(n)
			if token == json.Delim('{') {
				key, err := d.Token()
				if err != nil {
					return rows
				}
				under = fmt.Sprint(key)
			}
			var value json.RawMessage
			if d.Decode(&value) != nil {
				return rows
			}
			if name != "" {
				under = name + " · " + under
			}
			rows = p.member(rows, under, value, depth+1)
		}
		return rows
	}
	value := typeset.Cell{}
	last := name[strings.LastIndex(name, " ")+1:]
	switch x := token.(type) {
	case string:
		if x != "" {
			value = p.value(last, x)
		}
	case json.Number:
		value = typeset.Cell{p.own(x.String(), body)}
		if n, err := x.Int64(); err == nil && n > 0 && (strings.HasSuffix(last, "_at") || last == "as_of") { // as everywhere in documents between nodes
			value = typeset.Cell{p.own(p.instant(store.Time(n)), body)}
		}
	case bool:
		value = typeset.Cell{p.own(p.v.word(map[bool]string{true: "yes", false: "no"}[x]), body)}
	}
	if len(value) > 0 {
		rows = append(rows, typeset.Fact{Label: label(), Value: value})
	}
	return rows
}

var hexadecimal = regexp.MustCompile(`^[0-9a-f]{16,}$`)

// value prints a text; what names something exactly, so that every character counts.
func (p *press) value(name, text string) typeset.Cell {
	switch {
	case strings.HasPrefix(text, "-----BEGIN AGE ENCRYPTED FILE"):
		return typeset.Cell{p.own(p.v.say("data_sealed", len(text)), body)}
	case hexadecimal.MatchString(text), name == "locator", name == "url", name == "native_id", name == "handle", name == "id", name == "number":
		return p.identifier(text)
	}
	return typeset.Cell{p.said(text, body)}
}

// locator writes an identifier as it was signed, but so that no program makes a link of it: of an address the host, of a
// mailbox or a handle what stands behind @. Nothing else is changed: capitals are part of it.
func locator(typed string) string {
	if urlShape.MatchString(typed) {
		return defang(typed)
	}
	before, host, after := "", typed, ""
	if i := strings.LastIndexByte(typed, '@'); i >= 0 && !strings.Contains(typed, "/") {
		before, host = typed[:i+1], typed[i+1:]
	} else if i := strings.IndexByte(typed, '/'); i >= 0 {
		host, after = typed[:i], typed[i:]
	}
	if !hostShape.MatchString(host) {
		return typed
	}
	return before + strings.ReplaceAll(host, ".", "[.]") + after
}

var hostShape = regexp.MustCompile(`^[\pL\pN_-]+(\.[\pL\pN_-]+)*\.[\pL][\pL\pN-]+(:[0-9]+)?$`)

var urlShape = regexp.MustCompile(`(?i)\b(https?|ftp)://([^\s/?#]*)`)

// defang makes every URL in a text unclickable.
func defang(text string) string {
	return urlShape.ReplaceAllStringFunc(text, func(u string) string {
		scheme, host, _ := strings.Cut(u, "://")
		if strings.ToLower(scheme) != scheme && strings.ToUpper(scheme) != scheme {
			scheme = strings.ToLower(scheme)
		}
		scheme = strings.NewReplacer("http", "hxxp", "HTTP", "HXXP", "ftp", "fxp", "FTP", "FXP").Replace(scheme)
		return scheme + "://" + strings.ReplaceAll(host, ".", "[.]")
	})
}
