package measure

import "math/rand/v2"

// sceneSeconds is how long a scene of a drawn film lasts.
const sceneSeconds = 2

// shape is a disc or a bar; lengths are parts of the frame's width and height.
type shape struct {
	x, y, across, down float64 // of the middle, and half the size
	dx, dy             float64 // a second
	round              bool
	colour             [3]byte
}

// film draws frames: every two seconds a new set of coloured discs and bars, large and small, which drift.
type film struct {
	width, height int
	seed          uint64
	scene         int
	shapes        []shape
	pixels        []byte // red, green and blue, of the frame drawn last
}

func newFilm(width, height int, seed uint64) *film {
	return &film{width: width, height: height, seed: seed, scene: -1, pixels: make([]byte, 3*width*height)}
}

// draw draws what is seen at a time in seconds. The pixels are good until the next call.
func (f *film) draw(at float64) []byte {
	if scene := int(at / sceneSeconds); scene != f.scene {
		f.scene, f.shapes = scene, f.shapes[:0]
		r := rand.New(rand.NewPCG(f.seed, uint64(scene)))
		for k := range 60 {
			size := 0.5 / (1 + float64(k)/4)
			f.shapes = append(f.shapes, shape{r.Float64(), r.Float64(), size * (0.3 + r.Float64()), size * (0.3 + r.Float64()),
				(r.Float64() - 0.5) * 0.04, (r.Float64() - 0.5) * 0.04, r.IntN(2) == 0, [3]byte{byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))}})
		}
	}
	for i := range f.pixels {
		f.pixels[i] = 0xff
	}
	w, h := float64(f.width), float64(f.height)
	for _, s := range f.shapes {
		since := at - float64(f.scene*sceneSeconds)
		x, y, across, down := (s.x+s.dx*since)*w, (s.y+s.dy*since)*h, s.across*w, s.down*h
		for py := max(0, int(y-down)); py < min(f.height, int(y+down)+1); py++ {
			for px := max(0, int(x-across)); px < min(f.width, int(x+across)+1); px++ {
				u, v := (float64(px)-x)/across, (float64(py)-y)/down
				if !s.round || u*u+v*v <= 1 {
					copy(f.pixels[3*(py*f.width+px):], s.colour[:])
				}
			}
		}
	}
	return f.pixels
}
