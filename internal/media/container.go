package media

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
)

// Archives and documents are listed, not opened: the formats of what they hold are counted, one level deep, and nothing is hashed.
// Where the first bytes of an entry can be had they decide; where they cannot, the ending of its name does. Names go no further than this file.

// entries counts the entries of a container by format.
type entries map[string]int

// listing fills in what a container holds and tells whether the file ends early or goes wrong.
type listing func(b []byte, found entries) (damaged bool, err error)

var containers = map[string]listing{
	"zip":  listZIP,
	"tar":  listTAR,
	"gzip": listGzip,
	"rar":  listRAR,
	"7z":   func([]byte, entries) (bool, error) { return false, nil }, // what it holds is packed
	"pdf":  listPDF,
}

const (
	sniffed        = 512 // bytes of an entry that are looked at: as many as the longest signature needs
	encryptedEntry = "encrypted"
	rawEntry       = "raw pixels" // of a picture in a PDF file
	faxEntry       = "fax"        // likewise
)

// entryNames are all names that entries may have.
func entryNames() []string { return append(formatNames(), encryptedEntry, rawEntry, faxEntry) }

func listContainer(b []byte, format string, list listing) (Result, error) {
	found := entries{}
	damaged, err := list(b, found)
	if err != nil {
		return Result{}, decodeFailure(err)
	}
	if len(found) == 0 {
		found = nil
	}
	return Result{Kind: Container, Format: format, Entries: found, Damaged: damaged}, nil
}

// count looks at the first bytes of an entry.
func (e entries) count(r io.Reader) {
	b := make([]byte, sniffed)
	n, _ := io.ReadFull(r, b) // what cannot be read is not known
	e[Sniff(b[:n])]++
}

func listZIP(b []byte, found entries) (bool, error) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // paths are not used
		return false, zipFailure(err)
	}
	for i, f := range z.File {
		switch {
		case f.FileInfo().IsDir():
		case f.Flags&1 != 0:
			found[encryptedEntry]++
		case i >= maxEntries:
			found[unknownFormat]++
		default:
			r, err := f.Open()
			if err != nil { // packed in a way that is not known here
				found[unknownFormat]++
				continue
			}
			found.count(r)
			r.Close()
		}
	}
	return false, nil
}

// zipFailure takes a file without a directory, which stands at the end, for one that ends early.
func zipFailure(err error) error {
	if errors.Is(err, zip.ErrFormat) {
		return &failure{Code: failTruncated, cause: err}
	}
	return err
}

func listTAR(b []byte, found entries) (bool, error) {
	t := tar.NewReader(bytes.NewReader(b))
	for range maxEntries {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case err != nil && len(found) == 0:
			return false, err
		case err != nil:
			return true, nil
		case h.Typeflag == tar.TypeReg:
			found.count(t)
		}
	}
	return false, nil
}

func listGzip(b []byte, found entries) (bool, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return false, err
	}
	found.count(z)
	return false, nil
}

// listPDF looks for streams that are pictures. The dictionary of a stream is never packed or encrypted (ISO 32000-1 s.7.5.7, s.7.6.1),
// so that every picture shows, whoever wrote the file.
func listPDF(b []byte, found entries) (bool, error) {
	whole := bytes.Contains(b[max(0, len(b)-1024):], []byte("%%EOF"))
	n := 0
	for n < maxEntries {
		i := bytes.Index(b, []byte("stream"))
		if i < 0 {
			break
		}
		if end := bytes.HasSuffix(b[:i], []byte("end")); !end {
			if format, ok := pdfPicture(b[max(0, i-maxDictionary):i]); ok {
				found[format]++
				n++
			}
		}
		b = b[i+len("stream"):]
	}
	return !whole, nil
}

// maxDictionary is how much of a dictionary before its stream is looked at, in bytes.
const maxDictionary = 4096

// pdfPicture tells from a dictionary's end whether its stream is a picture, and of which format.
func pdfPicture(b []byte) (format string, ok bool) {
	if i := bytes.LastIndex(b, []byte(" obj")); i >= 0 {
		b = b[i:]
	}
	b = slices.DeleteFunc(slices.Clone(b), func(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' })
	if !bytes.Contains(b, []byte("/Subtype/Image")) {
		return "", false
	}
	for filter, format := range map[string]string{"/DCTDecode": "jpeg", "/JPXDecode": "jpeg 2000", "/CCITTFaxDecode": faxEntry, "/JBIG2Decode": faxEntry} {
		if bytes.Contains(b, []byte(filter)) {
			return format, true
		}
	}
	return rawEntry, true
}
