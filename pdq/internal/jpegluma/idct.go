package jpegluma

import "math"

// fraction is the number of binary digits after the point in the cosines.
const fraction = 14

// maxCoefficient is the largest magnitude of a coefficient that pictures of 8 bits have, with room to spare. Files beyond it are
// unusual: decoders differ in what they make of them.
const maxCoefficient = 1 << 14

// cosines[n][k][x] is the share of coefficient k in value x of n: half a cosine, or sqrt(1/8) for k = 0. It is the same for all n, so
// that the lowest n x n of 8 x 8 coefficients give the block at n eighths of its size.
var cosines = func() (t [9][8][8]int64) {
	for _, n := range []int{1, 2, 4, 8} {
		for k := range n {
			for x := range n {
				v := math.Sqrt(0.125)
				if k > 0 {
					v = 0.5 * math.Cos(float64(2*x+1)*float64(k)*math.Pi/float64(2*n))
				}
				t[n][k][x] = int64(math.Round(v * (1 << fraction)))
			}
		}
	}
	return t
}()

// zigzag gives the place (row*8 + column) of a coefficient: T.81 figure A.6.
var zigzag = func() (t [64]uint8) {
	x, y := 0, 0
	for i := range t {
		t[i] = uint8(8*y + x)
		switch up := (x+y)%2 == 0; {
		case up && x == 7, !up && y < 7 && x == 0:
			y++
		case up && y == 0, !up && y == 7:
			x++
		case up:
			x, y = x+1, y-1
		default:
			x, y = x-1, y+1
		}
	}
	return t
}()

func (d *decoder) start() {
	d.out.Pix = make([]byte, d.out.Width*d.out.Height)
}

func clamp(v int64) byte { return byte(max(0, min(v, 255))) }

// flat paints a block of one value at an eighth of the size.
func (d *decoder) flat(bx, by, dc int) bool {
	if dc < -maxCoefficient || dc > maxCoefficient {
		return false
	}
	if bx < d.out.Width && by < d.out.Height {
		d.out.Pix[by*d.out.Width+bx] = clamp(int64((dc+4)>>3) + 128)
	}
	return true
}

// paint transforms a block of coefficients in zigzag order and paints it. It reports false for coefficients that no picture has.
func (d *decoder) paint(bx, by int, c *[64]int32, quant *[64]int32) bool {
	n := d.scale
	var f [64]int64 // by row and column
	var columns, high uint
	for i, v := range c[:d.last+1] {
		if v == 0 {
			continue
		}
		place := uint(zigzag[i])
		w := int64(v) * int64(quant[i])
		if w < -maxCoefficient || w > maxCoefficient {
			return false
		}
		f[place] = w
		columns |= 1 << (place & 7)
		if place >= 8 {
			high |= 1 << (place & 7)
		}
	}
	x0, y0 := bx*n, by*n
	w, h := min(n, d.out.Width-x0), min(n, d.out.Height-y0)
	if w <= 0 || h <= 0 {
		return true
	}
	t := &cosines[n]
	// Columns first: g[y][k] is value y of column k, with 3 digits after the point.
	var g [64]int64
	for k := range n {
		if columns>>k&1 == 0 {
			continue
		}
		if high>>k&1 == 0 {
			v := (f[k]*t[0][0] + 1<<(fraction-4)) >> (fraction - 3)
			for y := range n {
				g[8*y+k] = v
			}
			continue
		}
		for y := range n / 2 {
			var even, odd int64
			for j := 0; j < n; j += 2 {
				even += f[8*j+k] * t[j][y]
				odd += f[8*j+8+k] * t[j+1][y]
			}
			g[8*y+k] = (even + odd + 1<<(fraction-4)) >> (fraction - 3)
			g[8*(n-1-y)+k] = (even - odd + 1<<(fraction-4)) >> (fraction - 3)
		}
	}
	const half = 1<<(fraction+2) + 128<<(fraction+3)
	for y := range h {
		row := (*[8]int64)(g[8*y:])
		var out [8]byte
		for x := range n / 2 {
			var even, odd int64
			for j := 0; j < n; j += 2 {
				even += row[j] * t[j][x]
				odd += row[j+1] * t[j+1][x]
			}
			out[x&7] = clamp((even + odd + half) >> (fraction + 3))
			out[(n-1-x)&7] = clamp((even - odd + half) >> (fraction + 3))
		}
		copy(d.out.Pix[(y0+y)*d.out.Width+x0:][:w], out[:w])
	}
	return true
}
