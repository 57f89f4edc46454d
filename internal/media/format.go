package media

import "bytes"

// signature is how the files of a format begin.
type signature struct {
	format string
	offset int
	magic  string
}

// signatures, in the order they are tried. Formats that are not decoded are here so that a refusal can name them.
var signatures = []signature{
	{"jpeg", 0, "\xff\xd8\xff"},
	{"png", 0, "\x89PNG\r\n\x1a\n"},
	{"gif", 0, "GIF87a"},
	{"gif", 0, "GIF89a"},
	{"webp", 8, "WEBPVP8"},
	{"avi", 8, "AVI "},
	{"avif", 4, "ftypavif"},
	{"avif", 4, "ftypavis"},
	{"heic", 4, "ftyphei"},
	{"heic", 4, "ftyphev"},
	{"heic", 4, "ftypmif1"},
	{"heic", 4, "ftypmsf1"},
	{"quicktime", 4, "ftypqt"},
	{"mp4", 4, "ftyp"},
	{"webm or matroska", 0, "\x1a\x45\xdf\xa3"},
	{"flash video", 0, "FLV\x01"},
	{"mpeg", 0, "\x00\x00\x01\xba"},
	{"mpeg", 0, "\x00\x00\x01\xb3"},
	{"windows media", 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"},
	{"bmp", 0, "BM"},
	{"tiff", 0, "II*\x00"},
	{"tiff", 0, "MM\x00*"},
	{"jpeg xl", 0, "\xff\x0a"},
	{"jpeg xl", 4, "JXL \r\n"},
	{"jpeg 2000", 4, "jP  \r\n"},
	{"photoshop", 0, "8BPS"},
	{"icon", 0, "\x00\x00\x01\x00"},
	{"pdf", 0, "%PDF-"},
	{"zip", 0, "PK\x03\x04"},
	{"gzip", 0, "\x1f\x8b"},
	{"svg", 0, "<svg"},
	{"xml", 0, "<?xml"},
}

// unknownFormat is what Sniff says of bytes that begin like nothing it knows.
const unknownFormat = "unknown"

// Sniff names the format that the first bytes of a file announce, or "unknown". It reads no further and decodes nothing.
func Sniff(b []byte) string {
	for _, s := range signatures {
		if len(b) >= s.offset && bytes.HasPrefix(b[s.offset:], []byte(s.magic)) {
			return s.format
		}
	}
	return unknownFormat
}

// decodable tells whether a child can decode the format.
func decodable(format string) bool { return format == "jpeg" || format == "png" || format == "gif" }
