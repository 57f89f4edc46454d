package media

import (
	"encoding/binary"
	"errors"
	"strings"
)

// Entries of a RAR archive are packed in a way that is not known here, so that only their names can tell what they are. Both kinds
// of archive are a chain of blocks. Source: the technical note of the RAR archive format, versions 4 and 5.

var errRAR = errors.New("RAR structure")

const (
	rar4Mark   = "Rar!\x1a\x07\x00"
	rar5Mark   = "Rar!\x1a\x07\x01\x00"
	maxRARHead = 1 << 16 // a longer header is not read
)

func listRAR(b []byte, found entries) (bool, error) {
	switch {
	case strings.HasPrefix(string(b[:min(len(b), 8)]), rar5Mark):
		return listRAR5(b[len(rar5Mark):], found)
	case strings.HasPrefix(string(b[:min(len(b), 8)]), rar4Mark):
		return listRAR4(b[len(rar4Mark):], found)
	case len(b) < 8:
		return false, &failure{Code: failTruncated, cause: errRAR}
	}
	return false, errRAR
}

func listRAR4(b []byte, found entries) (bool, error) {
	for range maxEntries {
		if len(b) < 7 {
			return true, nil
		}
		kind, flags, size := b[2], binary.LittleEndian.Uint16(b[3:]), int(binary.LittleEndian.Uint16(b[5:]))
		if kind == 0x7b { // the end
			return false, nil
		}
		if size < 7 || size > len(b) {
			return true, nil
		}
		packed := uint64(0)
		if (flags&0x8000 != 0 || kind == 0x74) && size >= 11 {
			packed = uint64(binary.LittleEndian.Uint32(b[7:]))
		}
		switch {
		case kind == 0x73 && flags&0x80 != 0: // all that follows is encrypted
			found[encryptedEntry]++
			return false, nil
		case kind == 0x74 && flags&0xe0 != 0xe0: // a file and no folder
			found.rar4File(b[:size], flags, &packed)
		}
		if packed > uint64(len(b)-size) {
			return true, nil
		}
		b = b[size+int(packed):]
	}
	return false, nil
}

// rar4File counts a file by its header; packed grows if the header says that the file is very large.
func (e entries) rar4File(head []byte, flags uint16, packed *uint64) {
	name := 32
	if len(head) < name {
		e[unknownFormat]++
		return
	}
	n := int(binary.LittleEndian.Uint16(head[26:]))
	if flags&0x100 != 0 {
		if len(head) >= name+8 {
			*packed |= uint64(binary.LittleEndian.Uint32(head[name:])) << 32
		}
		name += 8
	}
	switch {
	case flags&4 != 0:
		e[encryptedEntry]++
	case name+n > len(head):
		e[unknownFormat]++
	default:
		plain, _, _ := strings.Cut(string(head[name:name+n]), "\x00") // a second spelling may follow
		e[formatOfName(plain)]++
	}
}

func listRAR5(b []byte, found entries) (bool, error) {
	for range maxEntries {
		if len(b) < 5 {
			return true, nil
		}
		b = b[4:] // the checksum
		size, n := binary.Uvarint(b)
		if n <= 0 || size == 0 || size > maxRARHead || size > uint64(len(b)-n) {
			return true, nil
		}
		head := varints{b: b[n : n+int(size)]}
		b = b[n+int(size):]
		kind, flags := head.next(), head.next()
		if flags&1 != 0 {
			head.next() // length of the extra area
		}
		packed := uint64(0)
		if flags&2 != 0 {
			packed = head.next()
		}
		switch {
		case head.short:
			return true, nil
		case kind == 5: // the end
			return false, nil
		case kind == 4: // all that follows is encrypted
			found[encryptedEntry]++
			return false, nil
		case kind == 2:
			found.rar5File(&head)
		}
		if packed > uint64(len(b)) {
			return true, nil
		}
		b = b[packed:]
	}
	return false, nil
}

func (e entries) rar5File(head *varints) {
	flags := head.next()
	head.next() // size
	head.next() // attributes
	if flags&2 != 0 {
		head.skip(4) // time
	}
	if flags&4 != 0 {
		head.skip(4) // checksum
	}
	head.next() // how it is packed
	head.next() // system
	n := head.next()
	switch {
	case flags&1 != 0: // a folder
	case head.short || n > uint64(len(head.b)):
		e[unknownFormat]++
	default:
		e[formatOfName(string(head.b[:n]))]++
	}
}

// varints reads numbers of seven bits a byte.
type varints struct {
	b     []byte
	short bool
}

func (v *varints) next() uint64 {
	x, n := binary.Uvarint(v.b)
	if n <= 0 {
		v.b, v.short = nil, true
		return 0
	}
	v.b = v.b[n:]
	return x
}

func (v *varints) skip(n int) {
	if n > len(v.b) {
		v.b, v.short = nil, true
		return
	}
	v.b = v.b[n:]
}

// formatOfName tells what a name's ending claims.
func formatOfName(name string) string {
	ending := strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
	if f, ok := endings[ending]; ok {
		return f
	}
	return unknownFormat
}

var endings = map[string]string{
	"jpg": "jpeg", "jpeg": "jpeg", "jpe": "jpeg", "jfif": "jpeg", "png": "png", "gif": "gif", "webp": "webp", "bmp": "bmp", "tif": "tiff", "tiff": "tiff",
	"avif": "avif", "heic": "heic", "heif": "heic", "mp4": "mp4", "m4v": "mp4", "mov": "quicktime", "avi": "avi", "mkv": "webm or matroska",
	"webm": "webm or matroska", "wmv": "windows media", "mpg": "mpeg", "mpeg": "mpeg", "flv": "flash video", "pdf": "pdf", "zip": "zip", "rar": "rar", "7z": "7z",
}
