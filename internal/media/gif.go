package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"time"

	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

// maxGIFFrames bounds the table of frames, not the hashing: 10,000 frames are a quarter of an hour at the usual speed.
const maxGIFFrames = 10_000

// gifFile is a GIF taken apart into blocks; the pixels are still packed.
type gifFile struct {
	width, height int
	flags         byte   // of the logical screen
	palette       []byte // global
	frames        []gifFrame
	damaged       bool
}

// gifFrame is one picture of a GIF.
type gifFrame struct {
	control     []byte          // the graphic control extension with its end; may be nil
	block       []byte          // the image descriptor and what follows, up to its end
	area        image.Rectangle // on the logical screen
	delay       time.Duration
	disposal    byte
	transparent int // index in the palette, or -1
}

var errGIF = errors.New("GIF structure")

// gifHeader is the length of the signature and the logical screen descriptor.
const gifHeader = 13

// scanGIF takes a GIF apart. It follows lengths and decodes nothing, so that it costs no more than reading the file. If the file ends
// early or goes wrong after a frame that is whole, the frames before are kept, as a viewer would show them.
func scanGIF(b []byte, limit int64) (gifFile, error) {
	if len(b) < gifHeader {
		return gifFile{}, &failure{Code: failTruncated}
	}
	g := gifFile{width: int(binary.LittleEndian.Uint16(b[6:])), height: int(binary.LittleEndian.Uint16(b[8:])), flags: b[10]}
	if err := checkSize(g.width, g.height, limit); err != nil {
		return gifFile{}, err
	}
	n := colourTable(g.flags)
	if len(b) < gifHeader+n {
		return gifFile{}, &failure{Code: failTruncated}
	}
	g.palette = b[gifHeader : gifHeader+n]
	err := g.scanBlocks(b, gifHeader+n, limit)
	var f *failure
	switch {
	case err == nil:
		return g, nil
	case errors.As(err, &f) && (f.Code == failFrames || f.Code == failPixels), len(g.frames) == 0:
		return gifFile{}, err
	}
	g.damaged = true
	return g, nil
}

// colourTable gives the length in bytes of the colour table that flags announce.
func colourTable(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

func (g *gifFile) scanBlocks(b []byte, i int, limit int64) error {
	next := gifFrame{transparent: -1}
	work := int64(0)
	for {
		if i >= len(b) {
			return &failure{Code: failTruncated}
		}
		switch start := i; b[i] {
		case 0x3b: // the end
			if len(g.frames) == 0 {
				return &failure{Code: failMalformed, cause: errGIF}
			}
			return nil
		case 0x21: // an extension
			end, ok := subBlocks(b, i+2)
			if !ok {
				return &failure{Code: failTruncated}
			}
			if c := b[start:end]; c[1] == 0xf9 && len(c) == 8 && c[2] == 4 {
				next.setControl(c)
			}
			i = end
		case 0x2c: // a picture
			if len(b) < i+10 {
				return &failure{Code: failTruncated}
			}
			x, y := int(binary.LittleEndian.Uint16(b[i+1:])), int(binary.LittleEndian.Uint16(b[i+3:]))
			w, h := int(binary.LittleEndian.Uint16(b[i+5:])), int(binary.LittleEndian.Uint16(b[i+7:]))
			end, ok := subBlocks(b, i+10+colourTable(b[i+9])+1) // one byte says how the pixels are packed
			if !ok {
				return &failure{Code: failTruncated}
			}
			if err := checkSize(w, h, limit); err != nil {
				return err
			}
			if work += int64(w) * int64(h); len(g.frames) == maxGIFFrames || work > limit*paintTimes {
				return &failure{Code: failFrames}
			}
			next.area, next.block = image.Rect(x, y, x+w, y+h), b[start:end]
			g.frames = append(g.frames, next)
			next = gifFrame{transparent: -1}
			i = end
		default:
			return &failure{Code: failMalformed, cause: errGIF}
		}
	}
}

// subBlocks gives the index after the chain of sub-blocks that begins at i, and whether it ends within b.
func subBlocks(b []byte, i int) (int, bool) {
	for i < len(b) {
		n := int(b[i])
		i += 1 + n
		if n == 0 {
			return i, true
		}
	}
	return 0, false
}

// setControl reads a graphic control extension.
func (f *gifFrame) setControl(c []byte) {
	f.control, f.disposal = c, c[3]>>2&7
	f.delay = time.Duration(binary.LittleEndian.Uint16(c[4:])) * 10 * time.Millisecond
	if c[3]&1 != 0 {
		f.transparent = int(c[6])
	}
}

// shownFor is how long browsers show a frame: they take the shortest delays for mistakes.
func shownFor(delay time.Duration) time.Duration {
	if delay <= 10*time.Millisecond {
		return 100 * time.Millisecond
	}
	return delay
}

// pixels unpacks one frame with the standard decoder, by showing it a file that holds nothing else. The logical screen
// is made as large as can be, since viewers do not mind frames that reach beyond it and the decoder does.
func (g gifFile) pixels(f gifFrame) (*image.Paletted, error) {
	b := make([]byte, 0, gifHeader+len(g.palette)+len(f.control)+len(f.block)+1)
	b = append(b, "GIF89a\xff\xff\xff\xff"...)
	b = append(b, g.flags, 0, 0)
	b = append(b, g.palette...)
	b = append(b, f.control...)
	b = append(append(b, f.block...), 0x3b)
	m, err := gif.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, decodeFailure(err)
	}
	p, ok := m.(*image.Paletted)
	if !ok {
		return nil, &failure{Code: failMalformed, cause: errGIF}
	}
	return p, nil
}

// play paints the frames one after the other on a white canvas and calls fn with what is shown at each of the wanted frames, which
// are given in ascending order. It stops after the last of them.
func (g *gifFile) play(wanted []int, fn func(index int, canvas *image.NRGBA)) error {
	canvas := image.NewNRGBA(image.Rect(0, 0, g.width, g.height))
	fill(canvas, canvas.Rect)
	for i := 0; len(wanted) > 0; i++ {
		f := g.frames[i]
		m, err := g.pixels(f)
		if err != nil {
			if i == 0 {
				return err
			}
			g.damaged = true // what was painted before is still there to be seen
			return nil
		}
		area := f.area.Intersect(canvas.Rect)
		var before []byte
		if f.disposal == 3 {
			before = cut(canvas, area)
		}
		paint(canvas, m, area, f.transparent)
		if i == wanted[0] {
			fn(i, canvas)
			wanted = wanted[1:]
		}
		switch f.disposal {
		case 2: // the background: every viewer shows nothing there, whatever colour the file names
			fill(canvas, area)
		case 3:
			paste(canvas, area, before)
		}
	}
	return nil
}

func fill(m *image.NRGBA, area image.Rectangle) {
	for y := area.Min.Y; y < area.Max.Y; y++ {
		row := m.Pix[m.PixOffset(area.Min.X, y):][:4*area.Dx()]
		for i := range row {
			row[i] = 0xff
		}
	}
}

func cut(m *image.NRGBA, area image.Rectangle) []byte {
	b := make([]byte, 0, 4*area.Dx()*area.Dy())
	for y := area.Min.Y; y < area.Max.Y; y++ {
		b = append(b, m.Pix[m.PixOffset(area.Min.X, y):][:4*area.Dx()]...)
	}
	return b
}

func paste(m *image.NRGBA, area image.Rectangle, b []byte) {
	for y := area.Min.Y; y < area.Max.Y; y++ {
		b = b[copy(m.Pix[m.PixOffset(area.Min.X, y):][:4*area.Dx()], b):]
	}
}

func paint(m *image.NRGBA, p *image.Paletted, area image.Rectangle, transparent int) {
	var colours [256][4]byte
	for i, c := range p.Palette {
		if n, ok := color.NRGBAModel.Convert(c).(color.NRGBA); ok {
			colours[i] = [4]byte{n.R, n.G, n.B, 0xff}
		}
	}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		from := p.Pix[p.PixOffset(area.Min.X, y):][:area.Dx()]
		to := m.Pix[m.PixOffset(area.Min.X, y):][:4*area.Dx()]
		for i, index := range from {
			if int(index) != transparent {
				copy(to[4*i:], colours[index][:])
			}
		}
	}
}

// hashGIF hashes a still GIF as a picture and an animated one as a film.
func hashGIF(b []byte, limit int64) (Result, error) {
	g, err := scanGIF(b, limit)
	if err != nil {
		return Result{}, err
	}
	r := Result{Kind: Image, Format: "gif", Width: g.width, Height: g.height, Profile: string(pdq.Meta512)}
	if len(g.frames) == 1 {
		err = g.play([]int{0}, func(_ int, canvas *image.NRGBA) { r.setHash(pdq.FromImage(canvas)) })
		r.Damaged = g.damaged
		return r, err
	}
	err = r.film(g.samples(), g.play)
	r.Damaged = g.damaged
	return r, err
}

// film hashes the sampled frames of a film. play shows the frames of the given indices, in ascending order.
func (r *Result) film(samples []vpdq.Frame, play func(wanted []int, show func(index int, canvas *image.NRGBA)) error) error {
	r.Kind = Video
	var wanted []int
	for _, s := range samples {
		if len(wanted) == 0 || wanted[len(wanted)-1] != s.Index {
			wanted = append(wanted, s.Index)
		}
	}
	return play(wanted, func(index int, canvas *image.NRGBA) {
		h := pdq.FromImage(canvas)
		for len(samples) > 0 && samples[0].Index == index {
			r.Frames = append(r.Frames, vpdq.Frame{Index: index, Hash: h.Hash, Quality: h.Quality, At: samples[0].At})
			samples = samples[1:]
		}
	})
}

// samples chooses the frames of a GIF to hash.
func (g gifFile) samples() []vpdq.Frame {
	shown := make([]time.Duration, len(g.frames))
	for i, f := range g.frames {
		shown[i] = shownFor(f.delay)
	}
	return samples(shown)
}

// samples chooses the frames to hash, from how long each is shown: those shown at each full second, or at 120 equal steps of a longer film. A film of
// up to two seconds gives its first and its last frame.
func samples(shown []time.Duration) []vpdq.Frame {
	starts := make([]time.Duration, len(shown))
	total := time.Duration(0)
	for i, d := range shown {
		starts[i] = total
		total += d
	}
	if last := len(starts) - 1; total <= minFrames*time.Second {
		return []vpdq.Frame{{Index: 0}, {Index: last, At: starts[last]}}
	}
	n := time.Duration(min((total+time.Second-1)/time.Second, maxFrames))
	step := time.Second
	if total > maxFrames*time.Second {
		step = total / maxFrames
	}
	chosen, index := make([]vpdq.Frame, 0, n), 0
	for i := range n {
		at := i * step
		for index+1 < len(starts) && starts[index+1] <= at {
			index++
		}
		chosen = append(chosen, vpdq.Frame{Index: index, At: at})
	}
	return chosen
}

// firstFrame paints the first frame of a GIF.
func firstFrame(b []byte, limit int64) (image.Image, error) {
	g, err := scanGIF(b, limit)
	if err != nil {
		return nil, err
	}
	var first image.Image
	err = g.play([]int{0}, func(_ int, canvas *image.NRGBA) { first = canvas })
	return first, err
}
