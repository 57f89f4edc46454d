package story

import (
	"image/color"
	"math"
)

// ramp gives a colour for every luma, all of one hue. PDQ looks at luma only, so two pictures of one pattern and
// different ramps have (nearly) one hash, and only an eye tells them apart.
type ramp [256]struct {
	rgb    color.NRGBA
	cb, cr uint8
}

// The hues, in degrees. Listed originals and their copies are violet, pictures that merely resemble them are teal, and
// ordinary pictures are neither.
const (
	hueListed    = 285
	hueLookAlike = 175
)

var (
	violet   = makeRamp(hueListed, 0.95)
	teal     = makeRamp(hueLookAlike, 0.95)
	ordinary = []*ramp{makeRamp(30, 0.9), makeRamp(105, 0.8), makeRamp(0, 0), makeRamp(225, 0.7), makeRamp(50, 0.85)}
)

// makeRamp mixes a pure hue with grey so that each step keeps its luma (BT.601) and stays within 0 to 255.
func makeRamp(hue, saturation float64) *ramp {
	r, g, b := pureHue(hue)
	luma := 0.299*r + 0.587*g + 0.114*b
	var out ramp
	for i := range out {
		y := float64(i) / 255
		s := saturation
		if y > 0 {
			if room := (1 - y) / y / (1/luma - 1); s > room {
				s = room
			}
		}
		mix := func(c float64) uint8 { return uint8(math.Round(255 * min(1, y*(1-s)+s*y*c/luma))) }
		out[i].rgb = color.NRGBA{mix(r), mix(g), mix(b), 255}
		_, out[i].cb, out[i].cr = color.RGBToYCbCr(out[i].rgb.R, out[i].rgb.G, out[i].rgb.B)
	}
	return &out
}

// pureHue gives red, green and blue from 0 to 1 at full saturation.
func pureHue(deg float64) (r, g, b float64) {
	part := func(shift float64) float64 {
		k := math.Mod(shift+deg/60, 6)
		return 1 - max(0, min(k, 4-k, 1))
	}
	return part(5), part(3), part(1)
}
