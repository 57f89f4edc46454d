package pdq

import (
	"bytes"
	"fmt"
	"image/jpeg"

	"raksha.example/raksha/pdq/internal/jpegluma"
)

// MaxPixels is the largest picture that FromJPEG decodes, as width times height.
const MaxPixels = 100_000_000

// FromJPEG hashes a JPEG file under the profile Fast: it decodes only the luma, at a half, a quarter or an eighth of the size while the
// shorter side stays at least 512. Files that its own decoder does not take are decoded by image/jpeg, whose errors it gives.
// The decoders are safe with any bytes; give them time and memory limits all the same where files come from strangers.
func FromJPEG(b []byte) (Result, error) {
	r, err := readJPEG(best, b)
	if err != nil {
		return Result{}, err
	}
	return Fast.result(r), nil
}

// DihedralFromJPEG is FromJPEG for the eight orientations of the picture.
func DihedralFromJPEG(b []byte) (Result, [8]Hash, error) {
	r, err := readJPEG(best, b)
	if err != nil {
		return Result{}, [8]Hash{}, err
	}
	result, all := Fast.dihedral(r)
	return result, all, nil
}

func readJPEG(k *kernel, b []byte) (reading, error) {
	p, err := jpegluma.Decode(b, squash, MaxPixels)
	if err != nil {
		return readAnyJPEG(k, b)
	}
	return read(k, p.Width, p.Height, func(y int, dst []float32) {
		for i, v := range p.Pix[y*p.Width:][:len(dst)] {
			dst[i] = float32(v)
		}
	}), nil
}

func readAnyJPEG(k *kernel, b []byte) (reading, error) {
	c, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return reading{}, fmt.Errorf("pdq: %w", err)
	}
	if c.Width*c.Height > MaxPixels {
		return reading{}, fmt.Errorf("pdq: a picture of %dx%d is larger than %d pixels", c.Width, c.Height, MaxPixels)
	}
	img, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		return reading{}, fmt.Errorf("pdq: %w", err)
	}
	return Fast.image(k, img), nil
}
