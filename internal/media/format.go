package media

import (
	"bytes"
	"encoding/binary"
	"slices"
)

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
	{"wave", 8, "WAVE"},
	{"webm or matroska", 0, "\x1a\x45\xdf\xa3"},
	{"flash video", 0, "FLV\x01"},
	{"mpeg", 0, "\x00\x00\x01\xba"},
	{"mpeg video", 0, "\x00\x00\x01\xb3"},
	{"windows media", 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"},
	{"ogg", 0, "OggS"},
	{"quicktime", 4, "moov"}, // from before there were brands
	{"quicktime", 4, "mdat"},
	{"quicktime", 4, "wide"},
	{"tiff", 0, "II*\x00"},
	{"tiff", 0, "MM\x00*"},
	{"jpeg xl", 0, "\xff\x0a"},
	{"jpeg xl", 4, "JXL \r\n"},
	{"jpeg 2000", 4, "jP  \r\n"},
	{"photoshop", 0, "8BPS"},
	{"icon", 0, "\x00\x00\x01\x00"},
	{"pdf", 0, "%PDF-"},
	{"zip", 0, "PK\x03\x04"},
	{"zip", 0, "PK\x05\x06"}, // an empty one
	{"rar", 0, "Rar!\x1a\x07"},
	{"7z", 0, "7z\xbc\xaf\x27\x1c"},
	{"gzip", 0, "\x1f\x8b"},
	{"tar", 257, "ustar"},
	{"svg", 0, "<svg"},
	{"xml", 0, "<?xml"},
}

// brands are the words by which files in the ISO base media format say what they are. Files of still pictures may begin with a word
// that says only "picture" and name the codec later. Source: ISO/IEC 14496-12 s.4.3, ISO/IEC 23008-12 s.10, the AV1 Image File Format.
var brands = map[string]string{
	"avif": "avif", "avis": "avif",
	"heic": "heic", "heix": "heic", "heim": "heic", "heis": "heic", "hevc": "heic", "hevx": "heic", "hevm": "heic", "hevs": "heic",
	"qt  ": "quicktime",
}

// unknownFormat is what Sniff says of bytes that begin like nothing it knows.
const unknownFormat = "unknown"

// Sniff names the format that the first bytes of a file announce, or "unknown". It reads no further and decodes nothing.
func Sniff(b []byte) string {
	if len(b) >= 12 && string(b[4:8]) == "ftyp" {
		return sniffBrand(b)
	}
	for _, s := range signatures {
		if len(b) >= s.offset && bytes.HasPrefix(b[s.offset:], []byte(s.magic)) {
			return s.format
		}
	}
	// Two letters are too little to go by: the rest of the header must look like one, too.
	if len(b) >= 18 && string(b[:2]) == "BM" && slices.Contains([]uint32{12, 40, 52, 56, 64, 108, 124}, binary.LittleEndian.Uint32(b[14:])) {
		return "bmp"
	}
	// A transport stream has a mark every 188 bytes (ISO/IEC 13818-1 s.2.4.3.2).
	if len(b) > 2*188 && b[0] == 'G' && b[188] == 'G' && b[2*188] == 'G' {
		return "mpeg stream"
	}
	return unknownFormat
}

// sniffBrand looks at the brands of a file type box; those after the first count for the general picture brands only.
func sniffBrand(b []byte) string {
	major := string(b[8:12])
	if f, ok := brands[major]; ok {
		return f
	}
	if major == "mif1" || major == "msf1" || major == "miaf" {
		end := min(int(binary.BigEndian.Uint32(b)), len(b), 256)
		for i := 16; i+4 <= end; i += 4 {
			if f, ok := brands[string(b[i:i+4])]; ok && f != "quicktime" {
				return f
			}
		}
		return "heic"
	}
	return "mp4"
}

// decodable tells whether a child can decode or list the format.
func decodable(format string) bool {
	_, still := stills[format]
	return still || format == "gif" || isFilm(format) || containers[format] != nil
}

// formatNames are all names that Sniff can give.
func formatNames() []string {
	names := []string{unknownFormat, "mp4", "bmp", "mpeg stream"}
	for _, s := range signatures {
		names = append(names, s.format)
	}
	for _, f := range brands {
		names = append(names, f)
	}
	return names
}
