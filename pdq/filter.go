package pdq

// plane is a picture of luma values of 0 to 255, row by row without gaps.
type plane struct {
	width, height int
	pix           []float32
}

// reduce blurs a plane with two rounds of box filters along rows and columns (Jarosz's approximation of a tent) and takes the
// 64x64 values at the centres. The plane's values are overwritten. A 64x64 plane is taken as it is.
func (p *plane) reduce(out *block) {
	if p.width == 64 && p.height == 64 {
		for i := range out {
			copy(out[i][:], p.pix[64*i:])
		}
		return
	}
	tmp := make([]float32, len(p.pix))
	across, down := window(p.width), window(p.height)
	for range 2 {
		for i := range p.height {
			box(p.pix[i*p.width:], tmp[i*p.width:], p.width, 1, across)
		}
		for j := range p.width {
			box(tmp[j:], p.pix[j:], p.height, p.width, down)
		}
	}
	for i := range out {
		row := p.pix[centre(i, p.height)*p.width:]
		for j := range out[i] {
			out[i][j] = row[centre(j, p.width)]
		}
	}
}

// window gives the box width for a side of n: two rounds of it cover one 64th of the side.
func window(n int) int { return (n + 127) / 128 }

// centre gives the sample of a side of n that stands for cell i of 64.
func centre(i, n int) int { return int((float64(i) + 0.5) * float64(n) / 64) }

// box writes the running mean of n values, step apart, over a window of full values around each, narrower at the ends. The sum
// is carried along with one addition and one subtraction a step, whose rounding is part of the result.
func box(in, out []float32, n, step, full int) {
	half := (full + 2) / 2
	var sum float32
	size := 0
	add, sub, to := 0, 0, 0
	for range half - 1 {
		sum += in[add]
		size++
		add += step
	}
	for range full - half + 1 {
		sum += in[add]
		size++
		out[to] = sum / float32(size)
		add += step
		to += step
	}
	for range n - full {
		sum += in[add]
		sum -= in[sub]
		out[to] = sum / float32(size)
		sub += step
		add += step
		to += step
	}
	for range half - 1 {
		sum -= in[sub]
		size--
		out[to] = sum / float32(size)
		sub += step
		to += step
	}
}
