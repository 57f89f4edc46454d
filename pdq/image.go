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

const (
	squash  = 512 // side to which Meta512 brings larger pictures
	minSide = 5   // below it, the reference gives a zero hash of quality 0
)

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
func (p Profile) FromImage(img image.Image) Result { return p.result(p.image(best, img)) }

// FromRGB is the function of that name under the profile p.
func (p Profile) FromRGB(pix []byte, width, height, stride int) (Result, error) {
	if err := fits(len(pix), width, height, stride, 3); err != nil {
		return Result{}, err
	}
	return p.result(p.rgb(best, pix, width, height, stride)), nil
}

// FromLuma is the function of that name under the profile p.
func (p Profile) FromLuma(pix []float32, width, height int) (Result, error) {
	if err := fits(len(pix), width, height, width, 1); err != nil {
		return Result{}, err
	}
	return p.result(p.luma(best, pix, width, height)), nil
}

// DihedralFromImage is the function of that name under the profile p.
func (p Profile) DihedralFromImage(img image.Image) (Result, [8]Hash) {
	return p.dihedral(p.image(best, img))
}

// reading is what is known of a picture before its hashes: nil coefficients if it is too small.
type reading struct {
	c       *coefficients
	quality int
}

func (p Profile) result(r reading) Result {
	if r.c == nil {
		return Result{Profile: p}
	}
	return Result{r.c.hash(), r.quality, p}
}

func (p Profile) dihedral(r reading) (Result, [8]Hash) {
	if r.c == nil {
		return Result{Profile: p}, [8]Hash{}
	}
	all := r.c.dihedral()
	return Result{all[Upright], r.quality, p}, all
}

// fits checks that height rows of width pixels of size units, stride apart, lie within n units.
func fits(n, width, height, stride, size int) error {
	if width <= 0 || height <= 0 || width > n/size || stride < width*size || height-1 > (n-width*size)/stride {
		return fmt.Errorf("%w: %dx%d, stride %d, %d values", ErrPixels, width, height, stride, n)
	}
	return nil
}

// size gives the size at which a picture is filtered.
func (p Profile) size(width, height int) (w, h int) {
	if p == Meta512 && (width > squash || height > squash) {
		return squash, squash
	}
	return width, height
}

// read filters and transforms a picture of w x h values that row gives.
func read(k *kernel, w, h int, row func(y int, dst []float32)) reading {
	if w < minSide || h < minSide {
		return reading{}
	}
	var b block
	newReducer(k, w, h).reduce(row, &b)
	c := new(coefficients)
	k.transform(&b, c)
	return reading{c, k.quality(&b)}
}

func (p Profile) luma(k *kernel, pix []float32, width, height int) reading {
	if width < minSide || height < minSide {
		return reading{}
	}
	w, h := p.size(width, height)
	return read(k, w, h, func(y int, dst []float32) {
		row := pix[y*height/h*width:][:width]
		if w == width {
			copy(dst, row)
			return
		}
		for x := range dst {
			dst[x] = row[x*width/w]
		}
	})
}

func (p Profile) rgb(k *kernel, pix []byte, width, height, stride int) reading {
	if width < minSide || height < minSide {
		return reading{}
	}
	w, h := p.size(width, height)
	if w == width {
		return read(k, w, h, func(y int, dst []float32) { k.luma(dst, pix[y*height/h*stride:][:3*width]) })
	}
	return p.sampled(k, width, height, func(y int, columns []int, rgb []byte) {
		row := pix[y*stride:][:3*width]
		for i, x := range columns {
			copy(rgb[3*i:3*i+3], row[3*x:3*x+3])
		}
	})
}

// sampled reads pixels through a function that writes to rgb those of row y at the given columns.
func (p Profile) sampled(k *kernel, width, height int, pixels func(y int, columns []int, rgb []byte)) reading {
	if width < minSide || height < minSide {
		return reading{}
	}
	w, h := p.size(width, height)
	columns, rgb := make([]int, w), make([]byte, 3*w)
	for x := range columns {
		columns[x] = x * width / w
	}
	return read(k, w, h, func(y int, dst []float32) {
		pixels(y*height/h, columns, rgb)
		k.luma(dst, rgb)
	})
}

func (p Profile) image(k *kernel, img image.Image) reading {
	b := img.Bounds()
	var pixels func(y int, columns []int, rgb []byte)
	switch m := img.(type) {
	case *image.Gray:
		pixels = func(y int, columns []int, rgb []byte) {
			row := m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):]
			for i, x := range columns {
				put(rgb, i, row[x], row[x], row[x])
			}
		}
	case *image.NRGBA:
		pixels = func(y int, columns []int, rgb []byte) {
			row := m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):]
			for i, x := range columns {
				put(rgb, i, row[4*x], row[4*x+1], row[4*x+2])
			}
		}
	case *image.RGBA:
		pixels = func(y int, columns []int, rgb []byte) {
			row := m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):]
			for i, x := range columns {
				s := row[4*x : 4*x+4]
				if s[3] == 0xff {
					put(rgb, i, s[0], s[1], s[2])
				} else {
					putColor(rgb, i, m.RGBAAt(b.Min.X+x, b.Min.Y+y))
				}
			}
		}
	case *image.YCbCr:
		pixels = func(y int, columns []int, rgb []byte) {
			for i, x := range columns {
				c := m.COffset(b.Min.X+x, b.Min.Y+y)
				r, g, bl := color.YCbCrToRGB(m.Y[m.YOffset(b.Min.X+x, b.Min.Y+y)], m.Cb[c], m.Cr[c])
				put(rgb, i, r, g, bl)
			}
		}
	default:
		pixels = func(y int, columns []int, rgb []byte) {
			for i, x := range columns {
				putColor(rgb, i, img.At(b.Min.X+x, b.Min.Y+y))
			}
		}
	}
	return p.sampled(k, b.Dx(), b.Dy(), pixels)
}

func put(rgb []byte, i int, r, g, b byte) {
	s := rgb[3*i : 3*i+3]
	s[0], s[1], s[2] = r, g, b
}

func putColor(rgb []byte, i int, c color.Color) {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	put(rgb, i, n.R, n.G, n.B)
}
