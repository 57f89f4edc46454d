package courier

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits on a document's JSON. Signed bytes must mean one thing to every reader, so what readers treat differently
// (RFC 8259 section 4: duplicate names; numbers beyond a double's exact integers) is refused.
const (
	maxDocument = 8 << 20
	maxDepth    = 16
	maxInteger  = 1<<53 - 1
	maxNumber   = 32 // characters
)

// StrictJSON tells whether b is one JSON value that every reader understands alike. It refuses what the signature alone
// would let through: duplicate keys ("duplicate_key"), keys that differ only in case ("case_variant_key"), depth over 16
// ("too_deep"), more than 8 MiB ("too_large"), numbers beyond 2^53-1 ("number_too_large"), invalid UTF-8 ("not_utf8"), data
// after the end ("trailing_data"), and lone surrogates, NUL characters or any other breach of RFC 8259 ("malformed"). Every error is fault.Refused.
func StrictJSON(b []byte) error {
	if len(b) > maxDocument {
		return refuse(TooLarge, "the document has %d bytes; the limit is %d", len(b), maxDocument)
	}
	if !utf8.Valid(b) {
		return refuse(NotUTF8, "the document is not valid UTF-8")
	}
	s := scanner{b: b}
	s.space()
	if err := s.value(1); err != nil {
		return err
	}
	if s.space(); s.at < len(b) {
		return refuse(TrailingData, "the document has data after its end, at byte %d", s.at)
	}
	return nil
}

// scanner reads JSON by RFC 8259; at is the next byte to read.
type scanner struct {
	b  []byte
	at int
}

func (s *scanner) space() {
	for s.at < len(s.b) {
		switch s.b[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// peek gives the next byte, or 0 at the end: no JSON token begins with 0.
func (s *scanner) peek() byte {
	if s.at < len(s.b) {
		return s.b[s.at]
	}
	return 0
}

func (s *scanner) unexpected(wanted string) error {
	if s.at >= len(s.b) {
		return refuse(Malformed, "the document ends where %s should stand", wanted)
	}
	return refuse(Malformed, "the document has %q at byte %d where %s should stand", s.b[s.at], s.at, wanted)
}

func (s *scanner) value(depth int) error {
	if depth > maxDepth {
		return refuse(TooDeep, "the document is nested deeper than %d levels", maxDepth)
	}
	switch c := s.peek(); {
	case c == '{':
		return s.object(depth)
	case c == '[':
		return s.array(depth)
	case c == '"':
		_, err := s.text()
		return err
	case c == '-' || (c >= '0' && c <= '9'):
		return s.number()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return s.unexpected("a value")
}

func (s *scanner) word(w string) error {
	if !bytes.HasPrefix(s.b[s.at:], []byte(w)) {
		return s.unexpected(w)
	}
	s.at += len(w)
	return nil
}

func (s *scanner) object(depth int) error {
	s.at++
	exact, folded := map[string]bool{}, map[string]string{}
	if s.space(); s.peek() == '}' {
		s.at++
		return nil
	}
	for {
		if s.space(); s.peek() != '"' {
			return s.unexpected("a key")
		}
		key, err := s.text()
		if err != nil {
			return err
		}
		if exact[key] {
			return refuse(DuplicateKey, "the document has the key %q twice in one object", key)
		}
		exact[key] = true
		f := fold(key)
		if other, ok := folded[f]; ok {
			return refuse(CaseVariantKey, "the document has the keys %q and %q, which differ only in case, in one object", other, key)
		}
		folded[f] = key
		if s.space(); s.peek() != ':' {
			return s.unexpected("a colon")
		}
		s.at++
		s.space()
		if err := s.value(depth + 1); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case ',':
			s.at++
		case '}':
			s.at++
			return nil
		default:
			return s.unexpected("a comma or a closing brace")
		}
	}
}

func (s *scanner) array(depth int) error {
	s.at++
	if s.space(); s.peek() == ']' {
		s.at++
		return nil
	}
	for {
		s.space()
		if err := s.value(depth + 1); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case ',':
			s.at++
		case ']':
			s.at++
			return nil
		default:
			return s.unexpected("a comma or a closing bracket")
		}
	}
}

// text reads a string and gives what it stands for.
func (s *scanner) text() (string, error) {
	s.at++
	var out []byte
	for s.at < len(s.b) {
		switch c := s.b[s.at]; {
		case c == '"':
			s.at++
			return string(out), nil
		case c < 0x20:
			return "", refuse(Malformed, "the document has a bare control character at byte %d", s.at)
		case c != '\\':
			out = append(out, c)
			s.at++
		default:
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		}
	}
	return "", s.unexpected("the end of a string")
}

func (s *scanner) escape() (rune, error) {
	s.at++
	c := s.peek()
	if i := bytes.IndexByte([]byte(`"\/bfnrt`), c); i >= 0 && c != 0 {
		s.at++
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	if c != 'u' {
		return 0, s.unexpected("an escape")
	}
	r, err := s.hex4()
	if err != nil {
		return 0, err
	}
	if utf16.IsSurrogate(r) {
		low := rune(-1)
		if bytes.HasPrefix(s.b[s.at:], []byte(`\u`)) {
			s.at++
			if low, err = s.hex4(); err != nil {
				return 0, err
			}
		}
		if r = utf16.DecodeRune(r, low); r == unicode.ReplacementChar {
			return 0, refuse(Malformed, "the document has half a surrogate pair before byte %d", s.at)
		}
	}
	if r == 0 {
		return 0, refuse(Malformed, "the document has a NUL character before byte %d", s.at)
	}
	return r, nil
}

// hex4 reads uXXXX.
func (s *scanner) hex4() (rune, error) {
	s.at++
	if s.at+4 > len(s.b) {
		s.at = len(s.b)
		return 0, s.unexpected("four hexadecimal digits")
	}
	n, err := strconv.ParseUint(string(s.b[s.at:s.at+4]), 16, 16)
	if err != nil {
		return 0, s.unexpected("four hexadecimal digits")
	}
	s.at += 4
	return rune(n), nil
}

func (s *scanner) digits() bool {
	from := s.at
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at > from
}

func (s *scanner) number() error {
	from := s.at
	if s.peek() == '-' {
		s.at++
	}
	zero := s.peek() == '0'
	first := s.at
	if !s.digits() || (zero && s.at > first+1) {
		return s.unexpected("a number without leading zeros")
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return s.unexpected("a digit")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if !s.digits() {
			return s.unexpected("a digit")
		}
	}
	n, err := strconv.ParseFloat(string(s.b[from:min(s.at, from+maxNumber)]), 64)
	if err != nil || s.at-from > maxNumber || math.Abs(n) > maxInteger {
		return refuse(NumberTooLarge, "the document has a number at byte %d that is too large or too long to be read alike everywhere", from)
	}
	return nil
}

// fold maps a key to one form for all its case variants, by the same simple folding that encoding/json matches names with.
func fold(key string) string {
	out := make([]byte, 0, len(key))
	for _, r := range key {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		out = utf8.AppendRune(out, least)
	}
	return string(out)
}

// DecodeStrict reads the body of a document into a struct: strict JSON, and no member that the struct does not name, in
// exactly its case ("unknown_member"). Every error is fault.Refused.
func DecodeStrict(b []byte, into any) error {
	if err := StrictJSON(b); err != nil {
		return err
	}
	if err := exactNames(b, into); err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return refuse(WrongKind, "the document's members are not as its type has them: %v", err)
	}
	return nil
}
