package pdq

import "math"

// block is the picture reduced to 64x64 luma values of 0 to 255.
type block [64][64]float32

// coefficients are the 16x16 lowest frequencies of a block without its mean: row and column 1 to 16 of its DCT.
type coefficients [16][16]float32

// basis holds the first 16 cosine rows after the constant one, scaled by sqrt(2/64), rounded to float32 as the reference does.
var basis = func() (d [16][64]float32) {
	scale := float64(float32(math.Sqrt(2.0 / 64)))
	for i := range d {
		for j := range d[i] {
			d[i][j] = float32(scale * math.Cos(math.Pi/2/64*float64(i+1)*float64(2*j+1)))
		}
	}
	return d
}()

// basisColumns is basis transposed.
var basisColumns = func() (t [64][16]float32) {
	for i := range basis {
		for j, v := range basis[i] {
			t[j][i] = v
		}
	}
	return t
}()

// hash sets the bits of the coefficients that are greater than the median, which is the 128th smallest of the 256.
func (c *coefficients) hash() (h Hash) {
	m := c.median()
	for k := range 256 {
		if c[k>>4][k&15] > m {
			h[31-k>>3] |= 1 << (k & 7)
		}
	}
	return h
}

// median gives the 128th smallest value, by quickselect on a copy.
func (c *coefficients) median() float32 {
	var a [256]float32
	for i := range c {
		copy(a[16*i:], c[i][:])
	}
	const want = 127
	lo, hi := 0, 255
	for lo < hi {
		p := a[(lo+hi)/2]
		i, j := lo, hi
		for i <= j {
			for a[i] < p {
				i++
			}
			for p < a[j] {
				j--
			}
			if i <= j {
				a[i], a[j] = a[j], a[i]
				i++
				j--
			}
		}
		switch {
		case want <= j:
			hi = j
		case want >= i:
			lo = i
		default:
			return a[want]
		}
	}
	return a[want]
}

// Orientation names what was done to a picture before it was hashed.
type Orientation int

// The orientations, in the order of the arrays that Dihedral functions give. Rotations are anticlockwise.
const (
	Upright    Orientation = iota
	Rotate90               // a quarter turn anticlockwise
	Rotate180              // half a turn
	Rotate270              // a quarter turn clockwise
	FlipX                  // mirrored top to bottom
	FlipY                  // mirrored left to right
	FlipPlus1              // mirrored along the main diagonal
	FlipMinus1             // mirrored along the other diagonal
)

var orientationNames = [8]string{"upright", "rotate90", "rotate180", "rotate270", "flipx", "flipy", "flipplus1", "flipminus1"}

// String gives the name in lower case, as the command line prints it.
func (o Orientation) String() string {
	if o < 0 || int(o) >= len(orientationNames) {
		return "unknown"
	}
	return orientationNames[o]
}

// dihedral derives the hashes of all eight orientations: turning and mirroring a picture transposes its transform and changes
// the sign of every other row or column.
func (c *coefficients) dihedral() (out [8]Hash) {
	var v [8]coefficients
	for i := range 16 {
		for j := range 16 {
			a := c[i][j]
			oddI, oddJ := a, a // negated where the row, the column, is even in this count from zero
			if i&1 == 0 {
				oddI = -a
			}
			if j&1 == 0 {
				oddJ = -a
			}
			both := a
			if (i+j)&1 == 1 {
				both = -a
			}
			v[Upright][i][j] = a
			v[Rotate90][j][i] = oddJ
			v[Rotate180][i][j] = both
			v[Rotate270][j][i] = oddI
			v[FlipX][i][j] = oddI
			v[FlipY][i][j] = oddJ
			v[FlipPlus1][j][i] = a
			v[FlipMinus1][j][i] = both
		}
	}
	for o := range v {
		out[o] = v[o].hash()
	}
	return out
}
