package intake

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

var prolog = regexp.MustCompile(`^<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([^"'>]{0,60})["'][^>]{0,100}\?>`)

// recode gives a document as UTF-8, as it is kept: without a byte order mark, and without a declaration of an encoding that it is not
// in any more. A document whose bytes are not what it declares is refused; a NUL stands in none.
func recode(b []byte) (string, error) {
	text, wide, err := decodeWide(b)
	if err != nil {
		return "", err
	}
	declared := ""
	if m := prolog.FindStringSubmatch(text); m != nil {
		declared = strings.ToLower(m[1])
	}
	other := func() error {
		return malformed("the encoding %.40q is declared, and the bytes are in another", declared)
	}
	switch declared {
	case "", "utf-8", "utf8":
	case "us-ascii", "ascii":
		if strings.ContainsFunc(text, func(c rune) bool { return c >= 0x80 }) {
			return "", other()
		}
	case "iso-8859-1", "latin1", "windows-1252":
		if wide {
			return "", other()
		}
		if text, err = charmap.Windows1252.NewDecoder().String(text); err != nil {
			return "", malformed("the document is no sound %s", declared)
		}
	case "utf-16", "utf-16le", "utf-16be":
		if !wide {
			return "", other()
		}
	default:
		return "", malformed("the encoding %.40q is not known; send UTF-8", declared)
	}
	if wide || declared != "" && declared != "utf-8" {
		text = prolog.ReplaceAllString(text, "")
	}
	switch {
	case !utf8.ValidString(text):
		return "", malformed("the document is no sound UTF-8; declare the encoding that it is in")
	case strings.IndexByte(text, 0) >= 0:
		return "", malformed("there is a NUL in the document")
	}
	return text, nil
}

// decodeWide turns a document in UTF-16, which a byte order mark or its first two characters show (XML 1.0, appendix F), into UTF-8,
// and takes a mark away.
func decodeWide(b []byte) (text string, wide bool, err error) {
	order := unicode.BigEndian
	switch {
	case bytes.HasPrefix(b, []byte{0, 0, 0xfe, 0xff}), bytes.HasPrefix(b, []byte{0xff, 0xfe, 0, 0}), bytes.HasPrefix(b, []byte("\x00\x00\x00<")), bytes.HasPrefix(b, []byte("<\x00\x00\x00")):
		return "", false, malformed("the encoding UTF-32 is not accepted; send UTF-8")
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}), bytes.HasPrefix(b, []byte("<\x00")):
		order = unicode.LittleEndian
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}), bytes.HasPrefix(b, []byte("\x00<")):
	default:
		return strings.TrimPrefix(string(b), "\ufeff"), false, nil
	}
	if len(b)%2 != 0 {
		return "", false, malformed("the document in UTF-16 ends within a character")
	}
	out, err := unicode.UTF16(order, unicode.UseBOM).NewDecoder().Bytes(b)
	if err != nil {
		return "", false, malformed("the document is no sound UTF-16")
	}
	return string(out), true, nil
}
