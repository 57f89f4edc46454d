package media

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"strconv"

	"raksha.example/raksha/pdq"
)

// picture is one frame: three bytes a pixel, red, green and blue, in rows without gaps.
type picture struct {
	width, height int
	pixels        []byte
}

// readPicture reads one PPM picture as ffmpeg writes them: "P6", width, height and 255, each ended by one white space, then the pixels.
// At the end of the input, between two pictures, it returns io.EOF; everything else that is not a picture of at most limit pixels is
// an error. The pixels of into are used again if they suffice.
func readPicture(r *bufio.Reader, limit int, into picture) (picture, error) {
	magic := make([]byte, 3)
	switch _, err := io.ReadFull(r, magic); {
	case err == io.EOF:
		return picture{}, io.EOF
	case err != nil:
		return picture{}, fmt.Errorf("%w: a frame ends early: %w", errWire, err)
	case string(magic) != "P6\n":
		return picture{}, fmt.Errorf("%w: no frame begins like that", errWire)
	}
	var numbers [3]int
	for i := range numbers {
		n, err := readNumber(r)
		if err != nil {
			return picture{}, err
		}
		numbers[i] = n
	}
	width, height := numbers[0], numbers[1]
	if numbers[2] != 255 || width > limit/height {
		return picture{}, fmt.Errorf("%w: a frame of %dx%d pixels up to %d", errWire, width, height, numbers[2])
	}
	n := 3 * width * height
	m := picture{width, height, into.pixels}
	if cap(m.pixels) < n {
		m.pixels = make([]byte, n)
	}
	m.pixels = m.pixels[:n]
	if _, err := io.ReadFull(r, m.pixels); err != nil {
		return picture{}, fmt.Errorf("%w: a frame ends early: %w", errWire, err)
	}
	return m, nil
}

// readNumber reads a number from 1 of up to five digits and the white space behind it.
func readNumber(r *bufio.Reader) (int, error) {
	var digits []byte
	for {
		c, err := r.ReadByte()
		if err != nil {
			return 0, fmt.Errorf("%w: a frame ends early: %w", errWire, err)
		}
		if c == ' ' || c == '\n' {
			break
		}
		if digits = append(digits, c); c < '0' || c > '9' || len(digits) > 5 {
			return 0, fmt.Errorf("%w: no number in a frame's header", errWire)
		}
	}
	n, err := strconv.Atoi(string(digits))
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%w: no number in a frame's header", errWire)
	}
	return n, nil
}

// errFrame is what hashing can only meet if this package is wrong.
var errFrame = errors.New("a frame that was read does not fit its size")

// hash gives the PDQ hash as the field's program takes it: of every pixel at full resolution.
func (m picture) hash() (pdq.Result, error) {
	return m.hashWithin(image.Rect(0, 0, m.width, m.height))
}

func (m picture) hashWithin(r image.Rectangle) (pdq.Result, error) {
	stride := 3 * m.width
	from := m.pixels[r.Min.Y*stride+3*r.Min.X : (r.Max.Y-1)*stride+3*r.Max.X]
	h, err := pdq.Full.FromRGB(from, r.Dx(), r.Dy(), stride)
	if err != nil {
		return pdq.Result{}, fmt.Errorf("%w: %w", errFrame, err)
	}
	return h, nil
}

// What counts as a border: a row or column is one when nearly all of it has about the colour of the corner that it begins in. Coding
// smears a border's edge over a few pixels, and some levels.
const (
	borderLevels = 28  // by which a colour may differ from the corner's, of 255
	borderMisses = 50  // one pixel in so many may differ more
	borderLeast  = 40  // borders together must be at least one part in so many of a side, or they are not worth a hash
	innerLeast   = 4   // and leave at least a quarter of each side
	borderStep   = 512 // a side is looked at in about so many places
)

// inner gives the part of the frame within borders of one colour, and whether there are borders. What is found depends on the content
// alone: a film and its copy with bars have about the same inner part, even where the film itself is dark at the edges.
func (m picture) inner() (image.Rectangle, bool) {
	whole := image.Rect(0, 0, m.width, m.height)
	r := whole
	row := func(corner []byte, y int) bool { return m.plain(corner, 0, y, 1, 0, m.width) }
	column := func(corner []byte, x int) bool { return m.plain(corner, x, r.Min.Y, 0, 1, r.Dy()) }
	first, last := m.at(0, 0), m.at(m.width-1, m.height-1)
	for r.Min.Y < r.Max.Y && row(first, r.Min.Y) {
		r.Min.Y++
	}
	for r.Min.Y < r.Max.Y && row(last, r.Max.Y-1) {
		r.Max.Y--
	}
	for r.Min.X < r.Max.X && column(first, r.Min.X) {
		r.Min.X++
	}
	for r.Min.X < r.Max.X && column(last, r.Max.X-1) {
		r.Max.X--
	}
	across, down := whole.Dx()-r.Dx(), whole.Dy()-r.Dy()
	if r.Dx()*innerLeast < whole.Dx() || r.Dy()*innerLeast < whole.Dy() || across*borderLeast < whole.Dx() && down*borderLeast < whole.Dy() {
		return whole, false
	}
	return r, true
}

func (m picture) at(x, y int) []byte { i := 3 * (y*m.width + x); return m.pixels[i : i+3] }

// plain tells whether the n pixels from x, y on, in the direction dx, dy, have about one colour.
func (m picture) plain(colour []byte, x, y, dx, dy, n int) bool {
	step := max(1, n/borderStep)
	misses := 0
	for i := 0; i < n; i += step {
		p := m.at(x+i*dx, y+i*dy)
		for c := range p {
			if d := int(p[c]) - int(colour[c]); d > borderLevels || d < -borderLevels {
				misses += step
				break
			}
		}
		if misses*borderMisses > n {
			return false
		}
	}
	return true
}

// same tells whether two frames are one and the same.
func (m picture) same(o picture) bool {
	return m.width == o.width && m.height == o.height && bytes.Equal(m.pixels, o.pixels)
}
