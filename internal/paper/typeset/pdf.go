package typeset

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// file is a PDF being written: numbered objects, then a cross-reference table and a trailer (ISO 32000-1 7.5).
type file struct{ objects [][]byte }

// reserve gives the number of an object that is written later.
func (f *file) reserve() int {
	f.objects = append(f.objects, nil)
	return len(f.objects)
}

func (f *file) put(n int, format string, args ...any) {
	f.objects[n-1] = fmt.Appendf(nil, format, args...)
}

func (f *file) add(format string, args ...any) int {
	n := f.reserve()
	f.put(n, format, args...)
	return n
}

// stream writes a compressed stream. dict is what stands in its dictionary beside length and filter.
func (f *file) stream(n int, dict string, data []byte) {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write(data) // into memory: it cannot fail
	z.Close()
	f.raw(n, dict+" /Filter /FlateDecode", b.Bytes())
}

// raw writes a stream whose dictionary says how it is coded.
func (f *file) raw(n int, dict string, data []byte) {
	f.objects[n-1] = append(append(fmt.Appendf(nil, "<< %s /Length %d >>\nstream\n", dict, len(data)), data...), "\nendstream"...)
}

func (f *file) bytes(root, info int) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, len(f.objects))
	for i, o := range f.objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	sum := sha256.Sum256(b.Bytes())
	id := hex.EncodeToString(sum[:16])
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(f.objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R /ID [<%s> <%s>] >>\nstartxref\n%d\n%%%%EOF\n", len(f.objects)+1, root, info, id, id, start)
	return b.Bytes()
}

// textString writes a text as a PDF string in UTF-16BE.
func textString(s string) string {
	var b strings.Builder
	b.WriteString("<FEFF")
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, "%04X", u)
	}
	return b.String() + ">"
}

// date writes an instant as ISO 32000-1 7.9.4 has it.
func date(t time.Time) string { return t.UTC().Format("(D:20060102150405Z)") }

// num writes a number of points.
func num(v float64) string {
	s := strconv.FormatFloat(v, 'f', 3, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}
