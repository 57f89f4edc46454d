// Package jpegluma decodes only the brightness of JPEG files, baseline and progressive, at full size or at a half, a quarter or an
// eighth of it, for hashing. Colour is parsed but not reconstructed, and coefficients that a smaller picture does not need are
// stepped over.
//
// It takes the usual kinds of files only and reports ErrUnusual for anything else, damaged files included: the caller then uses a
// complete decoder.
//
// Source: ITU-T T.81 (09/92).
package jpegluma

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// ErrUnusual says that a file is damaged or of a kind that is not decoded here.
var ErrUnusual = errors.New("not a usual JPEG file")

// Picture is the brightness of a picture.
type Picture struct {
	Pix                   []byte // rows of Width values of 0 to 255
	Width, Height         int
	FullWidth, FullHeight int // of the file
	Scale                 int // 8, 4, 2 or 1 eighths of the full size
}

const (
	maxScans  = 200 // a file of many empty scans costs a pass over the picture for each
	maxMarker = 1 << 16
)

type component struct {
	id     byte
	h, v   int // blocks in a unit of an interleaved scan
	quant  int
	dc, ac int // tables of the current scan
	pred   int // last DC value
}

type decoder struct {
	b        []byte
	at       int
	scale    int // 8, 4, 2, 1
	last     int // last coefficient in zigzag order that the scale needs
	quants   [4][64]int32
	hasQuant [4]bool
	dcTables [4]*table
	acTables [4]*table
	restart  int

	width, height int
	progressive   bool
	components    []component
	unitsX        int // units of interleaved scans in a row
	unitsY        int
	blocksX       int // blocks of luma in a row, whole units
	blocksY       int
	coefficients  []int16 // progressive: 64 for each luma block, zigzag order
	seen          bool    // a scan with luma DC
	adobe         int     // transform of an Adobe segment, or -1
	jfif          bool

	segment []byte // of the current restart interval, without stuffing
	out     Picture
}

// Decode decodes the luma of a file at the smallest scale of 1/1, 1/2, 1/4 and 1/8 at which the shorter side is at least minSide. It
// refuses pictures of more than maxPixels.
func Decode(b []byte, minSide, maxPixels int) (Picture, error) {
	d := &decoder{b: b, adobe: -1}
	if len(b) < 4 || b[0] != 0xff || b[1] != 0xd8 {
		return Picture{}, ErrUnusual
	}
	d.at = 2
	for scans := 0; ; {
		marker, body, ok := d.next()
		if !ok {
			return Picture{}, ErrUnusual
		}
		switch marker {
		case 0xd9: // end of image
			if !d.seen {
				return Picture{}, ErrUnusual
			}
			if d.progressive {
				if !d.render() {
					return Picture{}, ErrUnusual
				}
			}
			return d.out, nil
		case 0xc0, 0xc1, 0xc2:
			ok = d.frame(body, marker == 0xc2, minSide, maxPixels)
		case 0xc4:
			ok = d.huffman(body)
		case 0xdb:
			ok = d.quantisers(body)
		case 0xdd:
			if ok = len(body) == 2; ok {
				d.restart = int(binary.BigEndian.Uint16(body))
			}
		case 0xda:
			scans++
			ok = scans <= maxScans && d.scan(body)
		case 0xe0:
			d.jfif = d.jfif || bytes.HasPrefix(body, []byte("JFIF\x00"))
		case 0xee:
			if len(body) >= 12 && bytes.HasPrefix(body, []byte("Adobe")) {
				d.adobe = int(body[11])
			}
		default:
			ok = marker >= 0xe0 && marker <= 0xef || marker == 0xfe
		}
		if !ok {
			return Picture{}, ErrUnusual
		}
	}
}

// next reads a marker and its segment.
func (d *decoder) next() (marker byte, body []byte, ok bool) {
	if d.at+2 > len(d.b) || d.b[d.at] != 0xff {
		return 0, nil, false
	}
	for d.at+1 < len(d.b) && d.b[d.at+1] == 0xff { // fill bytes
		d.at++
	}
	if d.at+2 > len(d.b) {
		return 0, nil, false
	}
	marker = d.b[d.at+1]
	d.at += 2
	if marker == 0xd9 {
		return marker, nil, true
	}
	if d.at+2 > len(d.b) {
		return 0, nil, false
	}
	n := int(binary.BigEndian.Uint16(d.b[d.at:]))
	if n < 2 || d.at+n > len(d.b) {
		return 0, nil, false
	}
	body = d.b[d.at+2 : d.at+n]
	d.at += n
	return marker, body, true
}

func (d *decoder) quantisers(b []byte) bool {
	for len(b) > 0 {
		wide, id := int(b[0]>>4), b[0]&15
		if wide > 1 || id > 3 || len(b) < 1+64*(1+wide) {
			return false
		}
		for i := range 64 {
			if wide == 1 {
				d.quants[id][i] = int32(binary.BigEndian.Uint16(b[1+2*i:]))
			} else {
				d.quants[id][i] = int32(b[1+i])
			}
		}
		d.hasQuant[id] = true
		b = b[1+64*(1+wide):]
	}
	return true
}

func (d *decoder) huffman(b []byte) bool {
	for len(b) >= 17 {
		class, id := b[0]>>4, b[0]&15
		n := 0
		for _, c := range b[1:17] {
			n += int(c)
		}
		if class > 1 || id > 3 || n == 0 || n > 256 || len(b) < 17+n {
			return false
		}
		t := newTable([16]byte(b[1:17]), b[17:17+n], class == 0)
		if t == nil {
			return false
		}
		if class == 0 {
			d.dcTables[id] = t
		} else {
			d.acTables[id] = t
		}
		b = b[17+n:]
	}
	return len(b) == 0
}

// frame reads the header of the picture.
func (d *decoder) frame(b []byte, progressive bool, minSide, maxPixels int) bool {
	if len(b) < 6 || d.components != nil || b[0] != 8 || len(b) != 6+3*int(b[5]) {
		return false
	}
	d.height, d.width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	if d.width == 0 || d.height == 0 || d.width*d.height > maxPixels {
		return false
	}
	d.progressive = progressive
	for c := b[6:]; len(c) > 0; c = c[3:] {
		d.components = append(d.components, component{id: c[0], h: int(c[1] >> 4), v: int(c[1] & 15), quant: int(c[2])})
		if c[2] > 3 {
			return false
		}
	}
	switch y := &d.components[0]; len(d.components) {
	case 1:
		y.h, y.v = 1, 1
	case 3:
		cb, cr := d.components[1], d.components[2]
		rgb := y.id == 'R' && cb.id == 'G' && cr.id == 'B'
		distinct := y.id != cb.id && y.id != cr.id && cb.id != cr.id
		if d.adobe >= 0 && d.adobe != 1 || d.adobe < 0 && rgb && !d.jfif || !distinct {
			return false // the first component is not luma
		}
		if cb.h != 1 || cb.v != 1 || cr.h != 1 || cr.v != 1 {
			return false
		}
		if s := [2]int{y.h, y.v}; s != [2]int{1, 1} && s != [2]int{2, 1} && s != [2]int{1, 2} && s != [2]int{2, 2} && s != [2]int{4, 1} {
			return false
		}
	default:
		return false
	}
	y := d.components[0]
	d.unitsX, d.unitsY = up(d.width, 8*y.h), up(d.height, 8*y.v)
	d.blocksX, d.blocksY = d.unitsX*y.h, d.unitsY*y.v
	d.scale = 8
	for d.scale > 1 && up(min(d.width, d.height)*d.scale/2, 8) >= minSide {
		d.scale /= 2
	}
	d.last = map[int]int{8: 63, 4: 24, 2: 4, 1: 0}[d.scale]
	d.out = Picture{Width: up(d.width*d.scale, 8), Height: up(d.height*d.scale, 8), FullWidth: d.width, FullHeight: d.height, Scale: d.scale}
	return true
}

func up(a, b int) int { return (a + b - 1) / b }

// fill takes the bytes up to the next marker into segment, without stuffing and with room to read beyond the end.
func (d *decoder) fill() bool {
	d.segment = d.segment[:0]
	for {
		n := bytes.IndexByte(d.b[d.at:], 0xff)
		if n < 0 || d.at+n+1 >= len(d.b) {
			return false
		}
		d.segment = append(d.segment, d.b[d.at:d.at+n]...)
		d.at += n
		switch d.b[d.at+1] {
		case 0:
			d.segment = append(d.segment, 0xff)
			d.at += 2
			continue
		case 0xff:
			d.at++
			continue
		}
		d.segment = append(d.segment, make([]byte, beyond)...)
		return true
	}
}
