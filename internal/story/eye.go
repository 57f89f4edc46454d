package story

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
)

// What an officer can say of a picture.
const (
	EyeListed = "listed" // it is what the list holds
	EyeOther  = "other"  // it resembles it, but is something else
	EyeUnsure = "unsure"
)

// Thresholds of the eye, over the points it looks at.
const (
	eyePoints  = 96  // along each side
	eyeChroma  = 22  // of 255: less is grey
	eyeReach   = 28  // degrees either side of a hue
	eyeColour  = 0.3 // part of the picture that must have colour
	eyeMastery = 0.6 // part of the coloured points that must be of one hue
)

// Eye is what a scripted officer sees in a picture, from its pixels alone: EyeListed when violet dominates, EyeOther when
// teal does, otherwise EyeUnsure. It knows nothing of how the picture was made.
func Eye(img image.Image) string {
	b := img.Bounds()
	if b.Empty() {
		return EyeUnsure
	}
	stepX, stepY := max(1, b.Dx()/eyePoints), max(1, b.Dy()/eyePoints)
	var all, coloured, listed, other float64
	for y := b.Min.Y; y < b.Max.Y; y += stepY {
		for x := b.Min.X; x < b.Max.X; x += stepX {
			all++
			hue, chroma := hueOf(color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA))
			if chroma < eyeChroma {
				continue
			}
			coloured++
			switch {
			case near(hue, hueListed):
				listed++
			case near(hue, hueLookAlike):
				other++
			}
		}
	}
	switch {
	case coloured < eyeColour*all:
		return EyeUnsure
	case listed >= eyeMastery*coloured:
		return EyeListed
	case other >= eyeMastery*coloured:
		return EyeOther
	}
	return EyeUnsure
}

// EyePNG is Eye on a PNG file, such as a node shows of a picture. What is no picture leaves the officer unsure.
func EyePNG(b []byte) string {
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return EyeUnsure
	}
	return Eye(img)
}

func near(hue, centre float64) bool { return hue > centre-eyeReach && hue < centre+eyeReach }

// hueOf gives the hue in degrees and the chroma of 255.
func hueOf(c color.NRGBA) (hue, chroma float64) {
	r, g, b := float64(c.R), float64(c.G), float64(c.B)
	most := max(r, g, b)
	chroma = most - min(r, g, b)
	switch {
	case chroma == 0:
		return 0, 0
	case most == r:
		hue = 60 * (g - b) / chroma
	case most == g:
		hue = 120 + 60*(b-r)/chroma
	default:
		hue = 240 + 60*(r-g)/chroma
	}
	if hue < 0 {
		hue += 360
	}
	return hue, chroma
}
