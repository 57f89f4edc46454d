package vics

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"raksha.example/raksha/internal/fault"
)

// The limits of a reader.
const (
	maxDepth = 32
	maxText  = 16 << 10 // bytes of a text that is kept; longer ones are passed over
)

// scanner reads JSON as a stream. Texts are only kept when they are asked for, so that a miniature picture of any size is passed over
// without ever standing in memory.
type scanner struct {
	r     *bufio.Reader
	at    int64 // bytes read
	depth int
}

func newScanner(r io.Reader) *scanner {
	s := &scanner{r: bufio.NewReaderSize(r, 64<<10)}
	if b, err := s.r.Peek(3); err == nil && string(b) == "\xef\xbb\xbf" { // a byte order mark
		s.r.Discard(3)
		s.at = 3
	}
	return s
}

func (s *scanner) fail(what string) error {
	return fault.Coded(fault.Invalid, Corrupt, "the JSON is broken near byte %d: %s", s.at, what)
}

func (s *scanner) byte() (byte, error) {
	c, err := s.r.ReadByte()
	if errors.Is(err, io.EOF) {
		return 0, fault.Coded(fault.Invalid, Corrupt, "the JSON ends early, after %d bytes", s.at)
	}
	if err != nil {
		return 0, err
	}
	s.at++
	return c, nil
}

func (s *scanner) back() { s.r.UnreadByte(); s.at-- }

// next gives the next byte that is no space.
func (s *scanner) next() (byte, error) {
	for {
		c, err := s.byte()
		if err != nil || c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c, err
		}
	}
}

// object reads an object and calls fn for each key, lower-case; fn reads the value.
func (s *scanner) object(fn func(key string) error) error {
	return s.members('{', '}', func() error {
		key, err := s.text()
		if err != nil {
			return err
		}
		if c, err := s.next(); err != nil || c != ':' {
			return errOr(err, s.fail("a colon is missing"))
		}
		return fn(strings.ToLower(key))
	})
}

// array reads an array and calls fn for each element; fn reads it.
func (s *scanner) array(fn func() error) error { return s.members('[', ']', fn) }

func (s *scanner) members(first, last byte, fn func() error) error {
	if c, err := s.next(); err != nil || c != first {
		return errOr(err, s.fail("another kind of value was expected"))
	}
	if s.depth++; s.depth > maxDepth {
		return s.fail("it nests too deeply")
	}
	defer func() { s.depth-- }()
	if c, err := s.next(); err != nil || c == last {
		return err
	}
	s.back()
	for {
		if err := fn(); err != nil {
			return err
		}
		switch c, err := s.next(); {
		case err != nil:
			return err
		case c == last:
			return nil
		case c != ',':
			return s.fail("a comma is missing")
		}
	}
}

func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// peek tells what kind of value comes: the first byte of it.
func (s *scanner) peek() (byte, error) {
	c, err := s.next()
	if err == nil {
		s.back()
	}
	return c, err
}

// text reads a text. One that is too long to keep comes back cut.
func (s *scanner) text() (string, error) {
	if c, err := s.next(); err != nil || c != '"' {
		return "", errOr(err, s.fail("a text was expected"))
	}
	var out []byte
	err := s.chars(func(c byte) {
		if len(out) < maxText {
			out = append(out, c)
		}
	})
	return string(out), err
}

// chars reads a text up to its end and calls keep, if there is one, with each byte.
func (s *scanner) chars(keep func(byte)) error {
	for {
		c, err := s.byte()
		if err != nil {
			return err
		}
		switch {
		case c == '"':
			return nil
		case c < ' ':
			return s.fail("a control character stands in a text")
		case c == '\\':
			if err := s.escape(keep); err != nil {
				return err
			}
		case keep != nil:
			keep(c)
		}
	}
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (s *scanner) escape(keep func(byte)) error {
	c, err := s.byte()
	if err != nil {
		return err
	}
	if v, ok := escapes[c]; ok {
		if keep != nil {
			keep(v)
		}
		return nil
	}
	if c != 'u' {
		return s.fail("an escape is unknown")
	}
	var digits [4]byte
	for i := range digits {
		if digits[i], err = s.byte(); err != nil {
			return err
		}
	}
	n, err := strconv.ParseUint(string(digits[:]), 16, 16)
	if err != nil {
		return s.fail("an escape is no number")
	}
	if keep != nil { // halves of a pair become U+FFFD: nothing that is kept needs them
		for _, b := range utf8.AppendRune(nil, rune(n)) {
			keep(b)
		}
	}
	return nil
}

// scalar reads a text, a number, true or false as text, and null as "". Anything else is passed over and told by ok.
func (s *scanner) scalar() (v string, ok bool, err error) {
	c, err := s.peek()
	if err != nil {
		return "", false, err
	}
	switch c {
	case '"':
		v, err = s.text()
		return strings.TrimSpace(v), err == nil, err
	case '{', '[':
		return "", false, s.skip()
	}
	v, err = s.word()
	if v == "null" {
		v = ""
	}
	return v, err == nil, err
}

// word reads a number, true, false or null.
func (s *scanner) word() (string, error) {
	if _, err := s.next(); err != nil {
		return "", err
	}
	s.back()
	var out []byte
	for len(out) <= 64 {
		c, err := s.r.ReadByte()
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if err == nil {
			s.at++
		}
		if err != nil || strings.IndexByte("+-.0123456789abcdefghijklmnopqrstuvwxyzE", c) < 0 {
			if err == nil {
				s.back()
			}
			break
		}
		out = append(out, c)
	}
	switch v := string(out); v {
	case "true", "false", "null":
		return v, nil
	default:
		if _, err := strconv.ParseFloat(v, 64); err != nil || v[0] == '+' || v[0] == 'i' || v[0] == 'n' {
			return "", s.fail("a value is neither text nor number nor true, false or null")
		}
		return v, nil
	}
}

// skip passes over a value without keeping any of it.
func (s *scanner) skip() error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	switch c {
	case '{':
		return s.object(func(string) error { return s.skip() })
	case '[':
		return s.array(s.skip)
	case '"':
		s.next()
		return s.chars(nil)
	}
	_, err = s.word()
	return err
}
