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

// round1 and round2 are added before the shifts that end the two passes of a transform: half, and in the second the level shift of 128.
const (
	shift1 = fraction - 3 // leaves three digits after the point
	shift2 = fraction + 3
	round1 = 1 << (shift1 - 1)
	round2 = 1<<(shift2-1) + 128<<shift2
)

// paint transforms a block of coefficients and paints it. Set has a bit for each place that may not be zero.
func (d *decoder) paint(bx, by int, f *[64]int32, set uint64) {
	n := d.scale
	x0, y0 := bx*n, by*n
	w, h := min(n, d.out.Width-x0), min(n, d.out.Height-y0)
	if w <= 0 || h <= 0 {
		return
	}
	if w < n || h < n {
		var all [64]byte // a block over the edge
		transform(n, f, set, all[:], 8)
		for y := range h {
			copy(d.out.Pix[(y0+y)*d.out.Width+x0:][:w], all[8*y:])
		}
		return
	}
	transform(n, f, set, d.out.Pix[y0*d.out.Width+x0:], d.out.Width)
}

// transform writes the block of n x n values that f stands for to rows of out, stride apart. Every value is a sum of products that is
// rounded once in each pass, so that no order of the sums changes it.
func transform(n int, f *[64]int32, set uint64, out []byte, stride int) {
	switch n {
	case 2:
		transform2(f, out, stride)
	case 4:
		transform4(f, set, out, stride)
	case 8:
		if !transform8Wide(f, out, stride) {
			transform8(f, set, out, stride)
		}
	}
}

func transform2(f *[64]int32, out []byte, stride int) {
	const c = 5793 // cosines[2][0][0]
	a0, a1, b0, b1 := c*int64(f[0]), c*int64(f[1]), c*int64(f[8]), c*int64(f[9])
	g0, g1 := (a0+b0+round1)>>shift1, (a1+b1+round1)>>shift1
	h0, h1 := (a0-b0+round1)>>shift1, (a1-b1+round1)>>shift1
	above, below := out[:2], out[stride:][:2]
	above[0], above[1] = clamp((c*(g0+g1)+round2)>>shift2), clamp((c*(g0-g1)+round2)>>shift2)
	below[0], below[1] = clamp((c*(h0+h1)+round2)>>shift2), clamp((c*(h0-h1)+round2)>>shift2)
}

// column has the bits of a column in a set of places.
const column = 0x0101010101010101

func transform4(f *[64]int32, set uint64, out []byte, stride int) {
	const c, c1, c3 = 5793, 7568, 3135 // cosines[4]: of 0 and 2, and of 1 and 3
	var g [4][4]int64
	for k := range 4 {
		in := set >> k & column
		if in <= 1 {
			v := (c*int64(f[k]&-int32(in)) + round1) >> shift1
			g[0][k], g[1][k], g[2][k], g[3][k] = v, v, v, v
			continue
		}
		v0, v1, v2, v3 := int64(f[k]), int64(f[8+k]), int64(f[16+k]), int64(f[24+k])
		e0, e1 := c*(v0+v2)+round1, c*(v0-v2)+round1
		o0, o1 := c1*v1+c3*v3, c3*v1-c1*v3
		g[0][k], g[1][k], g[2][k], g[3][k] = (e0+o0)>>shift1, (e1+o1)>>shift1, (e1-o1)>>shift1, (e0-o0)>>shift1
	}
	for y := range g {
		r := &g[y]
		e0, e1 := c*(r[0]+r[2])+round2, c*(r[0]-r[2])+round2
		o0, o1 := c1*r[1]+c3*r[3], c3*r[1]-c1*r[3]
		to := (*[4]byte)(out[y*stride:])
		to[0], to[1], to[2], to[3] = clamp((e0+o0)>>shift2), clamp((e1+o1)>>shift2), clamp((e1-o1)>>shift2), clamp((e0-o0)>>shift2)
	}
}

func transform8(f *[64]int32, set uint64, out []byte, stride int) {
	var g [8][8]int64
	for k := range 8 {
		in := set >> k & column
		if in <= 1 {
			v := (5793*int64(f[k]&-int32(in)) + round1) >> shift1
			for y := range g {
				g[y][k] = v
			}
			continue
		}
		e, o := eight(int64(f[k]), int64(f[8+k]), int64(f[16+k]), int64(f[24+k]), int64(f[32+k]), int64(f[40+k]), int64(f[48+k]), int64(f[56+k]))
		for y := range 4 {
			g[y][k], g[7-y][k] = (e[y]+o[y]+round1)>>shift1, (e[y]-o[y]+round1)>>shift1
		}
	}
	for y := range g {
		r := &g[y]
		e, o := eight(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7])
		to := (*[8]byte)(out[y*stride:])
		for x := range 4 {
			to[x], to[7-x] = clamp((e[x]+o[x]+round2)>>shift2), clamp((e[x]-o[x]+round2)>>shift2)
		}
	}
}

// eight gives the even and the odd parts of the first four values of eight coefficients. The others are their differences.
func eight(f0, f1, f2, f3, f4, f5, f6, f7 int64) (e, o [4]int64) {
	const c0, c1, c2, c3, c5, c6, c7 = 5793, 8035, 7568, 6811, 4551, 3135, 1598 // cosines[8]; that of 4 is that of 0
	a, b := c0*(f0+f4), c0*(f0-f4)
	s, t := c2*f2+c6*f6, c6*f2-c2*f6
	e = [4]int64{a + s, b + t, b - t, a - s}
	o = [4]int64{
		c1*f1 + c3*f3 + c5*f5 + c7*f7,
		c3*f1 - c7*f3 - c1*f5 - c5*f7,
		c5*f1 - c1*f3 + c7*f5 + c3*f7,
		c7*f1 - c5*f3 + c3*f5 - c1*f7,
	}
	return e, o
}
