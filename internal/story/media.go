package story

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/pdq"
)

// Content types of the world's media.
const (
	typeJPEG = "image/jpeg"
	typeGIF  = "image/gif"
)

type mediaKind uint8

const (
	exactCopy       mediaKind = iota + 1 // the original's own bytes
	alteredCopy                          // recompressed, resized or lightly cropped
	lookAlike                            // (nearly) the luma of an original, another hue
	ordinaryPicture                      // far from every original
	ordinaryClip                         // the same, moving
	givenPicture                         // a file from outside, unchanged
)

// mediaSpec says how one file is made, when somebody asks for it.
type mediaSpec struct {
	kind  mediaKind
	index int    // of the original, or of the given picture
	seed  uint64 // of its own random choices
}

// Limits that hold the generator to what the story needs, as PDQ distances. They are judged on a small rendering and
// leave room for what encoding changes.
const (
	closeEnough = 22 // copies and look-alikes end at most 31 from the original
	farEnough   = 72 // ordinary pictures end more than 60 from every original
	maxRedraws  = 40
)

// maxPictureBytes bounds a picture given from outside.
const maxPictureBytes = 20 << 20

// Size of the rendering that distances are judged on.
const printW, printH = 128, 96

// fingerprint gives the hash of what crop c leaves of g.
func (g *grid) fingerprint(c crop) pdq.Hash {
	y := g.sample(printW, printH, c)
	f := make([]float32, len(y))
	for i, v := range y {
		f[i] = float32(v)
	}
	r, err := pdq.FromLuma(f, printW, printH)
	if err != nil {
		return pdq.Hash{} // the size always fits
	}
	return r.Hash
}

// MediaType gives the content type of a file without making it.
func (w *World) MediaType(id string) (string, bool) {
	m, ok := w.media[id]
	switch {
	case !ok:
		return "", false
	case m.kind == ordinaryClip, (m.kind == exactCopy || m.kind == alteredCopy) && w.originals[m.index].moving():
		return typeGIF, true
	}
	return typeJPEG, true
}

// Media makes the bytes of one file: the same ones each time. An unknown id is fault.NotFound.
func (w *World) Media(id string) (contentType string, b []byte, err error) {
	m, ok := w.media[id]
	if !ok {
		return "", nil, fault.New(fault.NotFound, "there is no media %s", id)
	}
	contentType, _ = w.MediaType(id)
	rng := rand.New(rand.NewPCG(m.seed, uint64(m.kind)))
	switch m.kind {
	case exactCopy:
		b = w.originals[m.index].bytes
	case alteredCopy:
		b, err = w.originals[m.index].altered(rng)
	case lookAlike:
		b, err = w.originals[m.index].resembling(rng)
	case ordinaryPicture:
		b, err = w.ordinary(rng)
	case ordinaryClip:
		b, err = w.ordinaryMoving(rng)
	case givenPicture:
		b, err = readPicture(w.pictures[m.index])
	}
	return contentType, b, err
}

func encodeJPEG(g *grid, w, h int, c crop, r *ramp, quality int) ([]byte, error) {
	var out bytes.Buffer
	err := jpeg.Encode(&out, paint(g.sample(w, h, c), w, h, r), &jpeg.Options{Quality: quality})
	return out.Bytes(), err
}

func encodeGIF(frames []*grid, w, h int, r *ramp) ([]byte, error) {
	palette := make(color.Palette, len(r))
	for i := range r {
		palette[i] = r[i].rgb
	}
	m := gif.GIF{Config: image.Config{ColorModel: palette, Width: w, Height: h}}
	for _, g := range frames {
		m.Image = append(m.Image, &image.Paletted{Pix: g.sample(w, h, crop{}), Stride: w, Rect: image.Rect(0, 0, w, h), Palette: palette})
		m.Delay = append(m.Delay, 100*clipSeconds)
	}
	var out bytes.Buffer
	err := gif.EncodeAll(&out, &m)
	return out.Bytes(), err
}

// altered gives a copy as people pass it on.
func (o *original) altered(rng *rand.Rand) ([]byte, error) {
	if o.moving() {
		frames := o.frames
		if rng.IntN(3) == 0 {
			frames = frames[:len(frames)-1]
		}
		w := clipW * (60 + rng.IntN(70)) / 100
		return encodeGIF(frames, w, w*clipH/clipW, violet)
	}
	w, h, quality, c := pictureW, pictureH, 85, crop{}
	switch rng.IntN(4) {
	case 0:
		quality = 35 + rng.IntN(35)
	case 1:
		w = pictureW * (45 + rng.IntN(85)) / 100
		h = w * pictureH / pictureW
	case 2:
		c = o.lightCrop(rng)
	case 3:
		w, quality = pictureW*(60+rng.IntN(30))/100, 50+rng.IntN(30)
		h = w * pictureH / pictureW
	}
	return encodeJPEG(o.frames[0], w, h, c, violet, quality)
}

// lightCrop cuts up to 3.5 in 100 off each side, or as much less as keeps the copy close.
func (o *original) lightCrop(rng *rand.Rand) crop {
	side := func() float32 { return 0.01 + 0.025*rng.Float32() }
	c := crop{side(), side(), side(), side()}
	for range 6 {
		if o.frames[0].fingerprint(c).Distance(o.prints[0]) <= closeEnough {
			return c
		}
		c = crop{c.left * 0.7, c.top * 0.7, c.right * 0.7, c.bottom * 0.7}
	}
	return crop{}
}

// resembling gives a picture of nearly the same luma and another hue: PDQ cannot tell, an eye can.
func (o *original) resembling(rng *rand.Rand) ([]byte, error) {
	base, other := o.frames[0], drawPattern(rng)
	for part := float32(0.3); part > 0.02; part /= 2 {
		f := make([]float32, len(base))
		for i := range f {
			f[i] = float32(base[i])*(1-part) + float32(other[i])*part
		}
		if g := level(f); g.fingerprint(crop{}).Distance(o.prints[0]) <= closeEnough {
			return encodeJPEG(g, pictureW, pictureH, crop{}, teal, 82)
		}
	}
	return encodeJPEG(base, pictureW, pictureH, crop{}, teal, 82)
}

// ordinary gives a picture that no list holds.
func (w *World) ordinary(rng *rand.Rand) ([]byte, error) {
	width := pictureW * (80 + rng.IntN(30)) / 100
	return encodeJPEG(w.farPattern(rng), width, width*pictureH/pictureW, crop{}, ordinary[rng.IntN(len(ordinary))], 75+rng.IntN(15))
}

func (w *World) ordinaryMoving(rng *rand.Rand) ([]byte, error) {
	a, b := w.farPattern(rng), w.farPattern(rng)
	frames := make([]*grid, clipFrames)
	for i := range frames {
		frames[i] = blend(a, b, i)
	}
	return encodeGIF(frames, clipW, clipH, ordinary[rng.IntN(len(ordinary))])
}

// farPattern draws until the pattern is far from every original.
func (w *World) farPattern(rng *rand.Rand) *grid {
	for range maxRedraws {
		if g := drawPattern(rng); w.distance(g.fingerprint(crop{})) >= farEnough {
			return g
		}
	}
	return drawPattern(rng) // forty misses in a row do not happen: the distances lie around 128
}

// distance gives how far a hash is from the nearest original.
func (w *World) distance(h pdq.Hash) int {
	nearest := 256
	for i := range w.originals {
		for _, p := range w.originals[i].prints {
			nearest = min(nearest, p.Distance(h))
		}
	}
	return nearest
}

func readPicture(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "the picture %s cannot be opened", path)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPictureBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read picture %s: %w", path, err)
	}
	if len(b) > maxPictureBytes {
		return nil, fault.New(fault.TooLarge, "the picture %s is over %d MiB", path, maxPictureBytes>>20)
	}
	return b, nil
}
