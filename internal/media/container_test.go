package media

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"maps"
	"strings"
	"testing"
)

// held are files for the containers of the tests, by name.
func held(t testing.TB) map[string][]byte {
	m := pattern(16, 12, 1)
	return map[string][]byte{"a/kite.jpg": encodeJPEG(t, m), "river.txt": encodePNG(t, m), "basket.png": []byte("a note about a basket"), "b/second.png": encodePNG(t, m)}
}

// containerExamples are small containers of every kind, by format.
func containerExamples(t testing.TB) map[string][]byte {
	files := held(t)
	zipFile := zipped(t, func(z *zip.Writer) error {
		for name, b := range files {
			w, err := z.Create(name)
			if err != nil {
				return err
			}
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		_, err := z.Create("empty folder/")
		return err
	})
	var tarFile, gzipFile bytes.Buffer
	w := tar.NewWriter(&tarFile)
	for name, b := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(b)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	g := gzip.NewWriter(&gzipFile)
	if _, err := g.Write(tarFile.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	pdf := "%PDF-1.7\n1 0 obj\n<< /Type /XObject /Subtype /Image /Width 9 /Height 9 /Filter /DCTDecode /Length 3 >>\nstream\nabc\nendstream\nendobj\n" +
		"2 0 obj <</Subtype/Image/Filter[/FlateDecode]/Length 3>> stream\nabc\nendstream endobj\n" +
		"3 0 obj <</Subtype/Image/Filter/JPXDecode/Length 3>>stream\nabc\nendstream endobj\n" +
		"4 0 obj <</Length 3>>stream\nabc\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
	return map[string][]byte{"zip": zipFile, "tar": tarFile.Bytes(), "gzip": gzipFile.Bytes(), "pdf": []byte(pdf), "rar": rar5("a/kite.JPG", "river.mp4", "notes"),
		"7z": []byte("7z\xbc\xaf\x27\x1c\x00\x04")}
}

// rar5 makes an archive of empty files, with wrong checksums.
func rar5(names ...string) []byte {
	b := []byte(rar5Mark)
	block := func(body ...byte) {
		b = append(b, 0, 0, 0, 0)
		b = binary.AppendUvarint(b, uint64(len(body)))
		b = append(b, body...)
	}
	block(1, 0, 0) // the archive
	for _, n := range names {
		file := append([]byte{2, 2, 3, 0, 3, 0, 0, 0, byte(len(n))}, n...) // three bytes of data
		block(file...)
		b = append(b, "abc"...)
	}
	block(2, 0, 1, 0, 0, 0, 0, 4, 'f', 'o', 'l', 'd') // a folder
	block(5, 0, 0)                                    // the end
	return b
}

// rar4 makes an archive of the older kind.
func rar4(encrypted bool, names ...string) []byte {
	b := append([]byte(rar4Mark), 0, 0, 0x73, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0)
	if encrypted {
		b[len(rar4Mark)+3] = 0x80
	}
	for _, n := range names {
		b = append(b, 0, 0, 0x74, 0, 0x80, byte(32+len(n)), 0, 3, 0, 0, 0)
		b = append(b, make([]byte, 15)...)
		b = append(b, byte(len(n)), 0, 0, 0, 0, 0)
		b = append(append(b, n...), "abc"...)
	}
	return append(b, 0, 0, 0x7b, 0, 0x40, 7, 0)
}

func TestContainers(t *testing.T) {
	p := newPool(t, 1)
	examples := containerExamples(t)
	locked := bytes.Clone(examples["zip"])
	for _, mark := range []string{"PK\x03\x04", "PK\x01\x02"} {
		for i := bytes.Index(locked, []byte(mark)); i >= 0; {
			locked[i+map[string]int{"PK\x03\x04": 6, "PK\x01\x02": 8}[mark]] |= 1
			next := bytes.Index(locked[i+4:], []byte(mark))
			if i += 4 + next; next < 0 {
				i = -1
			}
		}
	}
	for name, c := range map[string]struct {
		format  string
		b       []byte
		want    entries
		damaged bool
	}{
		"zip":            {"zip", examples["zip"], entries{"jpeg": 1, "png": 2, "unknown": 1}, false},
		"encrypted zip":  {"zip", locked, entries{"encrypted": 4}, false},
		"empty zip":      {"zip", zipped(t, func(*zip.Writer) error { return nil }), nil, false},
		"tar":            {"tar", examples["tar"], entries{"jpeg": 1, "png": 2, "unknown": 1}, false},
		"packed tar":     {"gzip", examples["gzip"], entries{"tar": 1}, false},
		"pdf":            {"pdf", examples["pdf"], entries{"jpeg": 1, "jpeg 2000": 1, "raw pixels": 1}, false},
		"rar":            {"rar", examples["rar"], entries{"jpeg": 1, "mp4": 1, "unknown": 1}, false},
		"rar cut":        {"rar", examples["rar"][:40], entries{"jpeg": 1}, true},
		"older rar":      {"rar", rar4(false, "kite.png", "b\\river.webp"), entries{"png": 1, "webp": 1}, false},
		"encrypted rar":  {"rar", rar4(true, "kite.png"), entries{"encrypted": 1}, false},
		"7z":             {"7z", examples["7z"], nil, false},
		"a pdf cut":      {"pdf", examples["pdf"][:150], entries{"jpeg": 1}, true},
		"a zip in a zip": {"zip", zipped(t, func(z *zip.Writer) error { w, err := z.Create("x"); w.Write(examples["zip"]); return err }), entries{"zip": 1}, false},
	} {
		r, err := p.Hash(t.Context(), c.b)
		if err != nil || r.Kind != Container || r.Format != c.format || !maps.Equal(r.Entries, c.want) || r.Damaged != c.damaged || r.PDQ != "" || r.SHA256 == "" {
			t.Errorf("%s: %+v, %v; want %v", name, r, err, c.want)
		}
		if _, err := p.Preview(t.Context(), c.b, 64); err == nil || strings.Contains(err.Error(), "kite") {
			t.Errorf("%s: preview: %v", name, err)
		}
	}
}
