package media

import (
	"bytes"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"image/png"
	"slices"
	"testing"
	"time"

	"raksha.example/raksha/pdq"
)

// TestFilm paints a film in which every frame builds on the ones before in another way, and compares each sample with a picture that
// is painted without the decoder.
func TestFilm(t *testing.T) {
	p := newPool(t, 1)
	whole := image.Rect(0, 0, 160, 120)
	base := paletted(pattern(160, 120, 10))
	patch := func(seed uint64, area image.Rectangle) *image.Paletted {
		m := paletted(pattern(area.Dx(), area.Dy(), seed))
		m.Rect = area
		return m
	}
	left, middle, right := image.Rect(0, 0, 80, 120), image.Rect(40, 30, 120, 90), image.Rect(90, 10, 160, 120)
	holes := patch(13, right)
	holes.Palette = append(slices.Clone(palette.WebSafe), color.RGBA{})
	for i := range holes.Pix {
		if i%3 == 0 {
			holes.Pix[i] = uint8(len(palette.WebSafe)) // nothing
		}
	}
	g := &gif.GIF{
		Image:    []*image.Paletted{base, patch(11, left), patch(12, middle), holes, patch(14, left)},
		Delay:    []int{100, 100, 100, 100, 100},
		Disposal: []byte{gif.DisposalNone, gif.DisposalPrevious, gif.DisposalBackground, gif.DisposalNone, 0},
		Config:   image.Config{ColorModel: color.Palette(palette.WebSafe), Width: 160, Height: 120},
	}
	var want []image.Image
	canvas := image.NewNRGBA(whole)
	show := func(m *image.Paletted) {
		shown := image.NewNRGBA(whole)
		draw.Draw(shown, whole, canvas, image.Point{}, draw.Src)
		draw.Draw(shown, m.Rect, m, m.Rect.Min, draw.Over)
		want = append(want, shown)
	}
	keep := func() { canvas = want[len(want)-1].(*image.NRGBA) }
	show(g.Image[0])
	keep()
	show(g.Image[1]) // and back to what was before
	show(g.Image[2])
	keep()
	draw.Draw(canvas, middle, image.White, image.Point{}, draw.Src) // cleared; want[2] is the same picture, so keep a copy
	want[2] = image.NewNRGBA(whole)
	draw.Draw(want[2].(*image.NRGBA), whole, base, image.Point{}, draw.Src)
	draw.Draw(want[2].(*image.NRGBA), middle, g.Image[2], middle.Min, draw.Over)
	show(g.Image[3])
	keep()
	show(g.Image[4])

	r, err := p.Hash(t.Context(), encodeFilm(t, g))
	if err != nil {
		t.Fatal(err)
	}
	if r.Kind != Video || r.Format != "gif" || r.Width != 160 || r.Height != 120 || r.PDQ != "" || r.Damaged || len(r.Frames) != len(want) {
		t.Fatalf("%+v", r)
	}
	for i, f := range r.Frames {
		h := pdq.FromImage(want[i])
		if f.Index != i || f.At != time.Duration(i)*time.Second || f.Hash != h.Hash || f.Quality != h.Quality {
			t.Errorf("frame %d: %v; want %s with %d", i, f, h.Hash, h.Quality)
		}
	}
}

func TestSamples(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		delays []time.Duration
		count  int
		first  []int // indices of the first samples
		last   int   // index of the last
	}{
		"two short frames":     {[]time.Duration{100 * ms, 100 * ms}, 2, []int{0, 1}, 1},
		"no delays":            {make([]time.Duration, 10), 2, []int{0, 9}, 9},
		"one long frame first": {[]time.Duration{1900 * ms, 100 * ms}, 2, []int{0, 1}, 1},
		"a frame each second":  {slices.Repeat([]time.Duration{time.Second}, 5), 5, []int{0, 1, 2}, 4},
		"ten frames a second":  {slices.Repeat([]time.Duration{100 * ms}, 45), 5, []int{0, 10, 20}, 40},
		"a frame of a minute":  {[]time.Duration{time.Minute, time.Second}, 61, []int{0, 0, 0}, 1},
		"four minutes":         {slices.Repeat([]time.Duration{time.Second}, 240), 120, []int{0, 2, 4}, 238},
		"the longest":          {slices.Repeat([]time.Duration{655350 * ms}, maxGIFFrames), 120, []int{0, 83}, 9916},
	} {
		g := gifFile{}
		for _, d := range c.delays {
			g.frames = append(g.frames, gifFrame{delay: d})
		}
		s := g.samples()
		if len(s) != c.count || s[len(s)-1].Index != c.last {
			t.Errorf("%s: %d samples, last %v; want %d, last %d", name, len(s), s[len(s)-1], c.count, c.last)
			continue
		}
		for i, index := range c.first {
			if s[i].Index != index {
				t.Errorf("%s: sample %d is frame %d, want %d", name, i, s[i].Index, index)
			}
		}
	}
}

// TestDamagedFilm cuts a film everywhere. As long as one frame is whole, something is hashed, and the result says that the film is
// damaged.
func TestDamagedFilm(t *testing.T) {
	g := &gif.GIF{}
	for i := range 3 {
		g.Image, g.Delay = append(g.Image, paletted(pattern(24, 18, uint64(i)))), append(g.Delay, 100)
	}
	b := encodeFilm(t, g)
	whole, err := hash(b, 1<<20)
	if err != nil || len(whole.Frames) != 3 {
		t.Fatal(whole, err)
	}
	kinds := map[string]int{}
	for n := range b {
		r, err := hash(b[:n], 1<<20)
		switch {
		case err != nil && n > len(b)/2:
			t.Errorf("cut at %d of %d: %v", n, len(b), err)
		case err == nil && !r.Damaged:
			t.Errorf("cut at %d: not said to be damaged", n)
		case err == nil && r.Kind == Video && r.Frames[0].Hash != whole.Frames[0].Hash:
			t.Errorf("cut at %d: another first frame", n)
		}
		kinds[r.Kind]++
	}
	if kinds[Image] == 0 || kinds[Video] == 0 || kinds[""] == 0 {
		t.Errorf("%v: want all three", kinds)
	}
	junk := slices.Concat(b[:len(b)-1], []byte("kite"))
	if r, err := hash(junk, 1<<20); err != nil || !r.Damaged || len(r.Frames) != 3 {
		t.Errorf("with other bytes at the end: %+v, %v", r, err)
	}
}

// TestUnfinishedFilm plays a film that has no end: what is there is hashed.
func TestUnfinishedFilm(t *testing.T) {
	r, err := newPool(t, 1).Hash(t.Context(), endlessGIF(maxGIFFrames, 1))
	if err != nil || r.Kind != Video || !r.Damaged || len(r.Frames) == 0 {
		t.Errorf("%d frames, damaged %v, %v", len(r.Frames), r.Damaged, err)
	}
}

// TestOrientation stores one picture in each of the eight ways and sees that it is shown the same.
func TestOrientation(t *testing.T) {
	p := newPool(t, 1)
	m := pattern(96, 64, 20)
	want := pdq.FromImage(m).Hash
	for o := upright; o <= quarterLeft; o++ {
		inverse := o
		switch o {
		case quarterRight:
			inverse = quarterLeft
		case quarterLeft:
			inverse = quarterRight
		}
		b := withOrientation(encodeJPEG(t, turned(m, inverse)), byte(o))
		r, err := p.Hash(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if r.Width != 96 || r.Height != 64 || (r.Upright == "") != (o == upright) {
			t.Errorf("%d: %+v", o, r)
		}
		shown, stored := r.Upright, r.PDQ
		if o == upright {
			shown = stored
		} else if h, err := pdq.Parse(stored); err != nil || h.Distance(want) <= pdq.Threshold {
			t.Errorf("%d: the hash of the stored pixels is that of the shown ones", o)
		}
		if h, err := pdq.Parse(shown); err != nil || h.Distance(want) > 16 {
			t.Errorf("%d: %s, want about %s", o, shown, want)
		}
		small, err := p.Preview(t.Context(), b, 96)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := png.Decode(bytes.NewReader(small))
		if err != nil {
			t.Fatal(err)
		}
		if d := pdq.FromImage(decoded).Hash.Distance(want); d > 16 || decoded.Bounds() != m.Rect {
			t.Errorf("%d: the preview is %d bits away, %v", o, d, decoded.Bounds())
		}
	}
	for _, wrong := range []byte{0, 9, 255} {
		if r, err := p.Hash(t.Context(), withOrientation(encodeJPEG(t, m), wrong)); err != nil || r.Upright != "" {
			t.Errorf("orientation %d: %+v, %v", wrong, r, err)
		}
	}
}

// withOrientation adds an Exif segment that holds nothing else.
func withOrientation(file []byte, o byte) []byte {
	exif := append([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01"), 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, o, 0, 0, 0, 0, 0, 0)
	segment := append([]byte{0xff, 0xe1, 0, byte(len(exif) + 2)}, exif...)
	return slices.Concat(file[:2], segment, file[2:])
}

// TestTransparent sees that a picture with transparent parts is hashed as it looks on white.
func TestTransparent(t *testing.T) {
	p := newPool(t, 1)
	m := pattern(120, 90, 21)
	flat := image.NewNRGBA(m.Rect)
	for i := 0; i < len(m.Pix); i += 4 {
		m.Pix[i+3] = m.Pix[i]
	}
	draw.Draw(flat, flat.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(flat, flat.Rect, m, image.Point{}, draw.Over)
	r, err := p.Hash(t.Context(), encodePNG(t, m))
	if err != nil {
		t.Fatal(err)
	}
	h, err := pdq.Parse(r.PDQ)
	if want := pdq.FromImage(flat).Hash; err != nil || h.Distance(want) > 2 {
		t.Errorf("%s, want %s", r.PDQ, want)
	}
	if bare := pdq.FromImage(m).Hash; h == bare {
		t.Error("transparency was ignored")
	}
}
