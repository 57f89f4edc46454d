package pdq

import (
	"errors"
	"fmt"
	"image"
	"image/color"
)

// Weights of red, green and blue in luma, rounded to float32 before use as in the reference (ITU-R BT.601).
const (
	weightR = float32(0.299)
	weightG = float32(0.587)
	weightB = float32(0.114)
)

// squash is the side to which Meta512 brings larger pictures.
const squash = 512

// ErrPixels is wrapped by the errors of FromRGB and FromLuma: the sizes do not fit the pixels.
var ErrPixels = errors.New("pixels do not fit the size")

// FromImage hashes a picture under the profile Meta512. Transparency is ignored, as in the reference.
func FromImage(img image.Image) Result { return Meta512.FromImage(img) }

// FromRGB hashes 8-bit pixels of red, green and blue, three bytes each, rows stride bytes apart, under the profile Meta512.
func FromRGB(pix []byte, width, height, stride int) (Result, error) {
	return Meta512.FromRGB(pix, width, height, stride)
}

// FromLuma hashes luma values of 0 to 255, row by row without gaps, under the profile Meta512. The values are not changed.
func FromLuma(pix []float32, width, height int) (Result, error) {
	return Meta512.FromLuma(pix, width, height)
}

// DihedralFromImage hashes the eight orientations of a picture in one pass, under the profile Meta512. The result describes the
// upright one; the array is indexed by Orientation.
func DihedralFromImage(img image.Image) (Result, [8]Hash) { return Meta512.DihedralFromImage(img) }

// FromImage is the function of that name under the profile p.
func (p Profile) FromImage(img image.Image) Result {
	c, quality, ok := p.image(img)
	return p.result(c, quality, ok)
}

// FromRGB is the function of that name under the profile p.
func (p Profile) FromRGB(pix []byte, width, height, stride int) (Result, error) {
	if err := fits(len(pix), width, height, stride, 3); err != nil {
		return Result{}, err
	}
	c, quality, ok := p.pixels(width, height, func(x, y int) float32 {
		o := y*stride + 3*x
		return luma(pix[o], pix[o+1], pix[o+2])
	})
	return p.result(c, quality, ok), nil
}

// FromLuma is the function of that name under the profile p.
func (p Profile) FromLuma(pix []float32, width, height int) (Result, error) {
	if err := fits(len(pix), width, height, width, 1); err != nil {
		return Result{}, err
	}
	c, quality, ok := p.pixels(width, height, func(x, y int) float32 { return pix[y*width+x] })
	return p.result(c, quality, ok), nil
}

// DihedralFromImage is the function of that name under the profile p.
func (p Profile) DihedralFromImage(img image.Image) (Result, [8]Hash) {
	c, quality, ok := p.image(img)
	if !ok {
		return p.result(c, quality, ok), [8]Hash{}
	}
	all := c.dihedral()
	return Result{all[Upright], quality, p}, all
}

func (p Profile) result(c coefficients, quality int, ok bool) Result {
	if !ok {
		return Result{Profile: p}
	}
	return Result{c.hash(), quality, p}
}

// fits checks that height rows of width pixels of size units, stride apart, lie within n units.
func fits(n, width, height, stride, size int) error {
	if width <= 0 || height <= 0 || width > n/size || stride < width*size || height-1 > (n-width*size)/stride {
		return fmt.Errorf("%w: %dx%d, stride %d, %d values", ErrPixels, width, height, stride, n)
	}
	return nil
}

func luma(r, g, b uint8) float32 {
	return float32(weightR*float32(r)) + float32(weightG*float32(g)) + float32(weightB*float32(b))
}

func (p Profile) image(img image.Image) (coefficients, int, bool) {
	b := img.Bounds()
	var at func(x, y int) float32
	switch m := img.(type) {
	case *image.Gray:
		at = func(x, y int) float32 { return float32(m.Pix[m.PixOffset(b.Min.X+x, b.Min.Y+y)]) }
	case *image.NRGBA:
		at = func(x, y int) float32 {
			s := m.Pix[m.PixOffset(b.Min.X+x, b.Min.Y+y):]
			return luma(s[0], s[1], s[2])
		}
	case *image.YCbCr:
		at = func(x, y int) float32 {
			x, y = b.Min.X+x, b.Min.Y+y
			c := m.COffset(x, y)
			return luma(color.YCbCrToRGB(m.Y[m.YOffset(x, y)], m.Cb[c], m.Cr[c]))
		}
	default:
		at = func(x, y int) float32 {
			n := color.NRGBAModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			return luma(n.R, n.G, n.B)
		}
	}
	return p.pixels(b.Dx(), b.Dy(), at)
}

// pixels gathers luma values, squashes where the profile says so, and transforms. It reports false for pictures too small to hash.
func (p Profile) pixels(width, height int, at func(x, y int) float32) (c coefficients, quality int, ok bool) {
	if width < 5 || height < 5 {
		return c, 0, false
	}
	w, h := width, height
	if p == Meta512 && (w > squash || h > squash) {
		w, h = squash, squash
	}
	pl := plane{w, h, make([]float32, w*h)}
	for y := range h {
		for x := range w {
			pl.pix[y*w+x] = at(x*width/w, y*height/h)
		}
	}
	var b block
	pl.reduce(&b)
	return b.transform(), b.quality(), true
}
