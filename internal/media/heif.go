package media

import (
	"encoding/binary"
	"errors"
	"image"
)

// AVIF and HEIC files share a container, which is read here for the size of the picture before anything is decoded, and for how
// it is to be turned. Source: ISO/IEC 14496-12 (boxes), ISO/IEC 23008-12 (items and their properties).

// heif is what the container says of its pictures.
type heif struct {
	width, height int // of the largest picture, tiles and thumbnails included
	turn          orientation
	alpha         bool // there is a plane of transparency
}

var errHEIF = errors.New("HEIF structure")

// maxProperties bounds the properties of a file; there are a handful.
const maxProperties = 4096

func heifSize(b []byte) (image.Config, error) {
	h, err := parseHEIF(b)
	return image.Config{Width: h.width, Height: h.height}, err
}

func heifOrientation(b []byte) orientation {
	h, err := parseHEIF(b)
	if err != nil {
		return upright
	}
	return h.turn
}

// boxes calls fn for each box in b. The last one may be cut off; then fn gets what is there and whole is false.
func boxes(b []byte, fn func(kind string, body []byte, whole bool) error) error {
	for len(b) >= 8 {
		size, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		switch size {
		case 0: // to the end
			size = uint64(len(b))
		case 1:
			if len(b) < 16 {
				return &failure{Code: failTruncated, cause: errHEIF}
			}
			size, head = binary.BigEndian.Uint64(b[8:]), 16
		}
		if size < head {
			return errHEIF
		}
		end := min(size, uint64(len(b)))
		if err := fn(string(b[4:8]), b[head:max(head, end)], end == size); err != nil {
			return err
		}
		b = b[end:]
	}
	return nil
}

// parseHEIF reads the description of the pictures.
func parseHEIF(b []byte) (heif, error) {
	h, found := heif{turn: upright}, false
	err := boxes(b, func(kind string, body []byte, whole bool) error {
		switch {
		case !whole:
			return &failure{Code: failTruncated, cause: errHEIF}
		case kind != "meta" || found || len(body) < 4:
			return nil
		}
		found = true
		return h.readMeta(body[4:], len(b))
	})
	switch {
	case err != nil:
		return heif{}, err
	case !found && len(b) < 64:
		return heif{}, &failure{Code: failTruncated, cause: errHEIF}
	case h.width == 0: // a film of pictures only
		return heif{}, &failure{Code: failFormat, cause: errHEIF}
	}
	return h, nil
}

func (h *heif) readMeta(b []byte, fileSize int) error {
	primary := -1
	var properties []property
	var uses []byte
	err := boxes(b, func(kind string, body []byte, whole bool) error {
		if !whole {
			return errHEIF
		}
		switch kind {
		case "pitm":
			if len(body) >= 6 && body[0] == 0 {
				primary = int(binary.BigEndian.Uint16(body[4:]))
			} else if len(body) >= 8 {
				primary = int(binary.BigEndian.Uint32(body[4:]))
			}
		case "iloc":
			return checkExtents(body, fileSize)
		case "iprp":
			return boxes(body, func(kind string, body []byte, whole bool) error {
				switch kind {
				case "ipco":
					return boxes(body, func(kind string, body []byte, _ bool) error {
						if len(properties) == maxProperties {
							return errHEIF
						}
						properties = append(properties, property{kind, body})
						return nil
					})
				case "ipma":
					uses = body
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range properties {
		h.readSize(p)
	}
	h.turn = turnOf(properties, propertiesOf(uses, primary))
	return nil
}

type property struct {
	kind string
	body []byte
}

// readSize keeps the largest size, and notes a plane of transparency.
func (h *heif) readSize(p property) {
	switch {
	case p.kind == "ispe" && len(p.body) >= 12:
		w, t := int(binary.BigEndian.Uint32(p.body[4:])), int(binary.BigEndian.Uint32(p.body[8:]))
		if uint64(w)*uint64(t) >= uint64(h.width)*uint64(h.height) {
			h.width, h.height = w, t
		}
	case p.kind == "auxC" && len(p.body) > 4:
		h.alpha = h.alpha || hasAlphaName(p.body[4:])
	}
}

// hasAlphaName looks for the names of planes of transparency: "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha" and
// "urn:mpeg:hevc:2015:auxid:1".
func hasAlphaName(b []byte) bool {
	for i, c := range b {
		if c == 0 {
			b = b[:i]
			break
		}
	}
	s := string(b)
	return s == "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha" || s == "urn:mpeg:hevc:2015:auxid:1"
}

// propertiesOf reads which properties an item has, as their places from 1, from the body of an ipma box.
func propertiesOf(b []byte, item int) (places []int) {
	if len(b) < 8 {
		return nil
	}
	version, long := b[0], b[3]&1 == 1
	count := binary.BigEndian.Uint32(b[4:])
	for b = b[8:]; count > 0; count-- {
		id := 0
		switch {
		case version == 0 && len(b) >= 3:
			id, b = int(binary.BigEndian.Uint16(b)), b[2:]
		case version != 0 && len(b) >= 5:
			id, b = int(binary.BigEndian.Uint32(b)), b[4:]
		default:
			return places
		}
		n := int(b[0])
		b = b[1:]
		for range n {
			place := 0
			switch {
			case long && len(b) >= 2:
				place, b = int(binary.BigEndian.Uint16(b)&0x7fff), b[2:]
			case !long && len(b) >= 1:
				place, b = int(b[0]&0x7f), b[1:]
			default:
				return places
			}
			if id == item {
				places = append(places, place)
			}
		}
	}
	return places
}

// turnOf puts rotation and mirroring together, in this order (ISO/IEC 23000-22 s.7.3.6.7).
func turnOf(all []property, places []int) orientation {
	angle, axis := 0, -1
	for _, place := range places {
		if place < 1 || place > len(all) || len(all[place-1].body) < 1 {
			continue
		}
		switch p := all[place-1]; p.kind {
		case "irot":
			angle = int(p.body[0] & 3) // quarters anticlockwise
		case "imir":
			axis = int(p.body[0] & 1) // 0 exchanges top and bottom, 1 left and right
		}
	}
	return [3][4]orientation{
		{upright, quarterLeft, upsideDown, quarterRight},
		{mirroredUpsideDown, transposed, mirrored, transversed},
		{mirrored, transversed, mirroredUpsideDown, transposed},
	}[axis+1][angle]
}

// checkExtents sees from the body of an iloc box that all data that items have in the file are there.
func checkExtents(b []byte, fileSize int) error {
	r := fields{b: b}
	version := r.number(1)
	r.number(3)
	sizes, index := r.number(1), r.number(1)
	offsetSize, lengthSize, baseSize, indexSize := int(sizes>>4), int(sizes&15), int(index>>4), int(index&15)
	if version == 0 {
		indexSize = 0
	}
	wide := 2
	if version >= 2 {
		wide = 4
	}
	for range r.number(wide) {
		r.number(wide) // the item
		method := uint64(0)
		if version >= 1 {
			method = r.number(2) & 15
		}
		r.number(2)
		base, extents := r.number(baseSize), r.number(2)
		if offsetSize+lengthSize+indexSize == 0 {
			extents = min(extents, 1) // they are all alike, and take no room in the file
		}
		for range extents {
			r.number(indexSize)
			offset, length := r.number(offsetSize), r.number(lengthSize)
			if r.short {
				return errHEIF
			}
			if end := base + offset + length; method == 0 && (end > uint64(fileSize) || end < base) {
				return &failure{Code: failTruncated, cause: errHEIF}
			}
		}
		if r.short {
			return errHEIF
		}
	}
	return nil
}

// fields reads numbers, most significant byte first.
type fields struct {
	b     []byte
	short bool // more was read than there is
}

func (f *fields) number(size int) (n uint64) {
	if size > 8 || size > len(f.b) {
		f.short, f.b = true, nil
		return 0
	}
	for _, c := range f.b[:size] {
		n = n<<8 | uint64(c)
	}
	f.b = f.b[size:]
	return n
}
