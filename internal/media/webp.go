package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/draw"
	"io"
	"time"

	"golang.org/x/image/webp"

	"raksha.example/raksha/pdq"
)

// A WebP file is taken apart here; the pixels of a picture, and of each frame of a film by showing it a file that holds nothing
// else, are unpacked by a decoder that knows still pictures only. Source: RFC 9649 s.2.

// webpFile is a WebP film taken apart.
type webpFile struct {
	width, height int
	frames        []webpFrame
	damaged       bool
}

// webpFrame is one picture of a film.
type webpFrame struct {
	area     image.Rectangle // on the canvas
	chunks   []byte          // of the picture
	duration time.Duration
	replace  bool // what was below it, also where it is transparent
	clear    bool // its area afterwards
}

const (
	webpHeader    = 12 // RIFF, size, WEBP
	webpAnimation = 1 << 1
	webpAlpha     = 1 << 4
)

var errWebP = errors.New("WebP structure")

// chunks calls fn for each chunk. The last one may be cut off; then fn gets what is there and whole is false.
func chunks(b []byte, fn func(kind string, body []byte, whole bool) error) error {
	for len(b) >= 8 {
		n := int64(binary.LittleEndian.Uint32(b[4:]))
		end := min(8+n, int64(len(b)))
		if err := fn(string(b[:4]), b[8:end], end == 8+n); err != nil {
			return err
		}
		b = b[min(end+n&1, int64(len(b))):]
	}
	return nil
}

// webpBody gives the chunks of a file, and whether the file is as long as it says.
func webpBody(b []byte) (body []byte, whole bool) {
	if len(b) < webpHeader {
		return nil, false
	}
	n := int64(binary.LittleEndian.Uint32(b[4:])) - 4
	if n > int64(len(b)-webpHeader) {
		return b[webpHeader:], false
	}
	return b[webpHeader : webpHeader+max(n, 0)], true
}

// webpFlags gives the flags of a file of the extended kind, else 0.
func webpFlags(b []byte) byte {
	if body, _ := webpBody(b); len(body) >= 18 && string(body[:4]) == "VP8X" {
		return body[8]
	}
	return 0
}

func webpAnimated(b []byte) bool { return webpFlags(b)&webpAnimation != 0 }

func webpSize(b []byte) (image.Config, error) {
	c, err := webp.DecodeConfig(bytes.NewReader(b))
	return c, webpFailure(b, err)
}

func webpPixels(b []byte) (image.Image, error) {
	m, err := webp.Decode(bytes.NewReader(b))
	return m, webpFailure(b, err)
}

// webpFailure says of a file that ends early that it does; the decoder has other words for that.
func webpFailure(b []byte, err error) error {
	if _, whole := webpBody(b); err != nil && !whole {
		return &failure{Code: failTruncated, cause: err}
	}
	return err
}

func webpOrientation(b []byte) orientation {
	o := upright
	body, _ := webpBody(b)
	chunks(body, func(kind string, body []byte, whole bool) error {
		if kind != "EXIF" || !whole {
			return nil
		}
		body, _ = bytes.CutPrefix(body, []byte("Exif\x00\x00")) // some writers keep the mark that JPEG files need
		o = tiffOrientation(body)
		return io.EOF
	})
	return o
}

// scanWebP takes a film apart and decodes nothing. Frames after the first that is cut off are dropped, and the film is said to be
// damaged.
func scanWebP(b []byte, limit int64) (webpFile, error) {
	body, whole := webpBody(b)
	w := webpFile{damaged: !whole}
	if len(body) < 18 {
		return w, &failure{Code: failTruncated, cause: errWebP}
	}
	w.width, w.height = number24(body[12:])+1, number24(body[15:])+1
	if err := checkSize(w.width, w.height, limit); err != nil {
		return w, err
	}
	work := int64(0)
	err := chunks(body, func(kind string, body []byte, whole bool) error {
		if kind != "ANMF" {
			return nil
		}
		if !whole || len(body) < 16 {
			w.damaged = true
			return nil
		}
		f := readWebPFrame(body)
		size := f.area.Size()
		if !f.area.In(image.Rect(0, 0, w.width, w.height)) {
			return errWebP
		}
		if work += int64(size.X) * int64(size.Y); len(w.frames) == maxGIFFrames || work > limit*paintTimes {
			return &failure{Code: failFrames}
		}
		w.frames = append(w.frames, f)
		return nil
	})
	var f *failure
	switch {
	case err != nil && (errors.As(err, &f) || len(w.frames) == 0):
		return w, decodeFailure(err)
	case len(w.frames) == 0 && w.damaged:
		return w, &failure{Code: failTruncated, cause: errWebP}
	case len(w.frames) == 0:
		return w, &failure{Code: failMalformed, cause: errWebP}
	}
	w.damaged = w.damaged || err != nil
	return w, nil
}

func readWebPFrame(b []byte) webpFrame {
	x, y := 2*number24(b), 2*number24(b[3:])
	return webpFrame{
		area:     image.Rect(x, y, x+number24(b[6:])+1, y+number24(b[9:])+1),
		duration: time.Duration(number24(b[12:])) * time.Millisecond,
		clear:    b[15]&1 != 0,
		replace:  b[15]&2 != 0,
		chunks:   b[16:],
	}
}

func number24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// pixels decodes one frame, by making a file of it.
func (f webpFrame) pixels() (image.Image, error) {
	size := f.area.Size()
	head := []byte("RIFF----WEBPVP8X\x0a\x00\x00\x00")
	body := make([]byte, 0, len(f.chunks))
	flags := byte(0)
	chunks(f.chunks, func(kind string, b []byte, whole bool) error {
		if kind == "ALPH" {
			flags = webpAlpha
		}
		if kind == "ALPH" || kind == "VP8 " || kind == "VP8L" {
			body = append(body, kind...)
			body = binary.LittleEndian.AppendUint32(body, uint32(len(b)))
			body = append(body, b...)
			body = append(body, make([]byte, len(b)&1)...)
		}
		return nil
	})
	head = append(head, flags, 0, 0, 0)
	for _, n := range []int{size.X - 1, size.Y - 1} {
		head = append(head, byte(n), byte(n>>8), byte(n>>16))
	}
	file := append(head, body...)
	binary.LittleEndian.PutUint32(file[4:], uint32(len(file)-8))
	m, err := webp.Decode(bytes.NewReader(file))
	if err == nil && m.Bounds().Size() != size {
		err = errWebP
	}
	return m, err
}

func (w *webpFile) samples() []time.Duration {
	shown := make([]time.Duration, len(w.frames))
	for i, f := range w.frames {
		shown[i] = shownFor(f.duration)
	}
	return shown
}

// play paints the frames on a white canvas and calls show with what is to be seen at each of the wanted ones, given in ascending
// order. It stops after the last of them.
func (w *webpFile) play(wanted []int, show func(index int, canvas *image.NRGBA)) error {
	canvas := image.NewNRGBA(image.Rect(0, 0, w.width, w.height))
	fill(canvas, canvas.Rect)
	for i := 0; len(wanted) > 0; i++ {
		f := w.frames[i]
		m, err := f.pixels()
		if err != nil {
			if i == 0 {
				return decodeFailure(err)
			}
			w.damaged = true
			return nil
		}
		if f.replace {
			fill(canvas, f.area)
		}
		draw.Draw(canvas, f.area, m, m.Bounds().Min, draw.Over)
		if i == wanted[0] {
			show(i, canvas)
			wanted = wanted[1:]
		}
		if f.clear {
			fill(canvas, f.area)
		}
	}
	return nil
}

// hashWebP hashes a film.
func hashWebP(b []byte, limit int64) (Result, error) {
	w, err := scanWebP(b, limit)
	if err != nil {
		return Result{}, err
	}
	r := Result{Format: "webp", Width: w.width, Height: w.height, Profile: string(pdq.Meta512)}
	err = r.film(samples(w.samples()), w.play)
	r.Damaged = w.damaged
	return r, err
}

func firstWebP(b []byte, limit int64) (image.Image, error) {
	w, err := scanWebP(b, limit)
	if err != nil {
		return nil, err
	}
	var first image.Image
	err = w.play([]int{0}, func(_ int, canvas *image.NRGBA) { first = canvas })
	return first, err
}
