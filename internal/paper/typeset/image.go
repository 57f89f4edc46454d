package typeset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"raksha.example/raksha/internal/fault"
)

// Image is a picture that goes into the file as it is compressed already; it is never decoded here.
type Image struct {
	width, height, channels int
	data                    []byte // of the PNG's IDAT chunks: zlib, each row with its filter, which PDF calls predictor 15
}

const (
	maxImage = 64 << 10 // bytes of a logo
	maxSide  = 1000     // pixels
)

// ParsePNG takes a logo (PNG, ISO/IEC 15948): up to 64 KiB and 1,000 pixels a side, 8 bits of grey or RGB, not interlaced and
// without transparency, which are what PDF takes unchanged. Anything else is fault.Invalid.
func ParsePNG(b []byte) (*Image, error) {
	bad := func(format string, args ...any) (*Image, error) {
		return nil, fault.Coded(fault.Invalid, "logo", "the logo is no PNG that can be printed: "+format, args...)
	}
	if len(b) > maxImage {
		return bad("it has more than %d KiB", maxImage>>10)
	}
	rest, ok := bytes.CutPrefix(b, []byte("\x89PNG\r\n\x1a\n"))
	if !ok {
		return bad("it does not begin as a PNG does")
	}
	m := &Image{}
	for first := true; ; first = false {
		if len(rest) < 12 {
			return bad("it is cut short")
		}
		n := int(binary.BigEndian.Uint32(rest))
		if n > len(rest)-12 {
			return bad("it is cut short")
		}
		kind, body := string(rest[4:8]), rest[8:8+n]
		if crc32.ChecksumIEEE(rest[4:8+n]) != binary.BigEndian.Uint32(rest[8+n:]) {
			return bad("a checksum is wrong")
		}
		rest = rest[12+n:]
		if first != (kind == "IHDR") {
			return bad("its header is not at its beginning")
		}
		switch kind {
		case "IHDR":
			if n != 13 {
				return bad("its header has the wrong length")
			}
			w, h := binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
			if w == 0 || h == 0 || w > maxSide || h > maxSide {
				return bad("its sides must have 1 to %d pixels", maxSide)
			}
			m.width, m.height = int(w), int(h)
			switch {
			case body[8] == 8 && body[9] == 0:
				m.channels = 1
			case body[8] == 8 && body[9] == 2:
				m.channels = 3
			default:
				return bad("save it with 8 bits of grey or RGB, without palette and transparency")
			}
			if body[10] != 0 || body[11] != 0 || body[12] != 0 {
				return bad("save it without interlacing")
			}
		case "tRNS":
			return bad("save it without transparency")
		case "IDAT":
			m.data = append(m.data, body...)
		case "IEND":
			if len(m.data) == 0 {
				return bad("it holds no picture")
			}
			return m, nil
		}
	}
}

func (m *Image) put(f *file) int {
	space := "/DeviceRGB"
	if m.channels == 1 {
		space = "/DeviceGray"
	}
	n := f.reserve()
	f.raw(n, fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace %s /BitsPerComponent 8 /Filter /FlateDecode /DecodeParms << /Predictor 15 /Colors %d /BitsPerComponent 8 /Columns %d >>",
		m.width, m.height, space, m.channels, m.width), m.data)
	return n
}
