package media

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
)

// orientation is how a stored picture is to be shown, numbered as in the Exif standard (JEITA CP-3451, tag 0x0112).
type orientation int

const (
	upright orientation = iota + 1
	mirrored
	upsideDown
	mirroredUpsideDown
	transposed
	quarterRight // turned clockwise to be shown
	transversed
	quarterLeft
)

// jpegOrientation finds the orientation in a JPEG file's Exif segment. Whatever is missing or wrong counts as upright, as in every
// viewer.
func jpegOrientation(b []byte) orientation {
	for i := 2; i+4 <= len(b) && b[i] == 0xff; {
		marker := b[i+1]
		if marker == 0xff { // a fill byte
			i++
			continue
		}
		n := int(binary.BigEndian.Uint16(b[i+2:]))
		if marker == 0xda || n < 2 || i+2+n > len(b) { // pixels begin, or the segment is cut
			return upright
		}
		if body, ok := bytes.CutPrefix(b[i+4:i+2+n], []byte("Exif\x00\x00")); ok && marker == 0xe1 {
			return tiffOrientation(body)
		}
		i += 2 + n
	}
	return upright
}

// pngOrientation finds the orientation in a PNG file's eXIf chunk. Source: PNG specification, third edition, s.11.3.4.5.
func pngOrientation(b []byte) orientation {
	for i := 8; i+12 <= len(b); {
		n := int64(binary.BigEndian.Uint32(b[i:]))
		if n > int64(len(b)-i-12) {
			return upright
		}
		switch string(b[i+4 : i+8]) {
		case "eXIf":
			return tiffOrientation(b[i+8 : i+8+int(n)])
		case "IEND":
			return upright
		}
		i += 12 + int(n)
	}
	return upright
}

// tiffOrientation reads the tag from the first directory of a TIFF structure, which is how Exif data are laid out in every format.
func tiffOrientation(b []byte) orientation {
	if len(b) < 8 {
		return upright
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(b[:4]) {
	case "II*\x00":
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return upright
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return upright
	}
	entries := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(entries) < 12 {
			break
		}
		if tag, kind := order.Uint16(entries), order.Uint16(entries[2:]); tag == 0x0112 && kind == 3 { // a 16-bit number
			if o := orientation(order.Uint16(entries[8:])); o >= upright && o <= quarterLeft {
				return o
			}
			break
		}
		entries = entries[12:]
	}
	return upright
}

// turned gives the picture as it is to be shown. Pixels are looked up when they are asked for.
func turned(m image.Image, o orientation) image.Image {
	if o == upright {
		return m
	}
	return turnedImage{m, m.Bounds(), o}
}

type turnedImage struct {
	image.Image
	stored image.Rectangle
	how    orientation
}

// Bounds begins at 0,0.
func (t turnedImage) Bounds() image.Rectangle {
	if t.how >= transposed {
		return image.Rect(0, 0, t.stored.Dy(), t.stored.Dx())
	}
	return image.Rect(0, 0, t.stored.Dx(), t.stored.Dy())
}

func (t turnedImage) At(x, y int) color.Color {
	right, bottom := t.stored.Dx()-1, t.stored.Dy()-1
	switch t.how {
	case mirrored:
		x = right - x
	case upsideDown:
		x, y = right-x, bottom-y
	case mirroredUpsideDown:
		y = bottom - y
	case transposed:
		x, y = y, x
	case quarterRight:
		x, y = y, bottom-x
	case transversed:
		x, y = right-y, bottom-x
	case quarterLeft:
		x, y = right-y, x
	}
	return t.Image.At(t.stored.Min.X+x, t.stored.Min.Y+y)
}
