package pdq

// What follows is a direct transcription of the published algorithm, step by step and without any care for speed. Everything else
// must give the same bits.

type referencePlane struct {
	width, height int
	pix           []float32
}

func referenceReduce(p referencePlane, out *block) {
	if p.width == 64 && p.height == 64 {
		for i := range out {
			copy(out[i][:], p.pix[64*i:])
		}
		return
	}
	pix, tmp := append([]float32(nil), p.pix...), make([]float32, len(p.pix))
	across, down := (p.width+127)/128, (p.height+127)/128
	for range 2 {
		for i := range p.height {
			referenceBox(pix[i*p.width:], tmp[i*p.width:], p.width, 1, across)
		}
		for j := range p.width {
			referenceBox(tmp[j:], pix[j:], p.height, p.width, down)
		}
	}
	for i := range out {
		y := int((float64(i) + 0.5) * float64(p.height) / 64)
		for j := range out[i] {
			out[i][j] = pix[y*p.width+int((float64(j)+0.5)*float64(p.width)/64)]
		}
	}
}

// referenceBox writes the running mean of n values, step apart, over a window of full values around each, narrower at the ends. The sum
// is carried along with one addition and one subtraction a step, whose rounding is part of the result.
func referenceBox(in, out []float32, n, step, full int) {
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

func referenceTransform(b *block) (out coefficients) {
	var t [16][64]float32
	for i := range 16 {
		for j := range 64 {
			var sum float32
			for k := range 64 {
				sum += float32(basis[i][k] * b[k][j])
			}
			t[i][j] = sum
		}
	}
	for i := range 16 {
		for j := range 16 {
			var sum float32
			for k := range 64 {
				sum += float32(t[i][k] * basis[j][k])
			}
			out[i][j] = sum
		}
	}
	return out
}

func referenceQuality(b *block) int {
	sum := 0
	add := func(u, v float32) {
		d := int(float32((u-v)*100) / 255)
		sum += max(d, -d)
	}
	for i := range 63 {
		for j := range 64 {
			add(b[i][j], b[i+1][j])
			add(b[j][i], b[j][i+1])
		}
	}
	return min(sum/90, 100)
}

// referenceMedian is the search by bisection that the reference uses (Torben Mogensen's).
func referenceMedian(c *coefficients) float32 {
	lo, hi := c[0][0], c[0][0]
	for i := range c {
		for _, v := range c[i] {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	for {
		guess := (lo + hi) / 2
		less, greater, equal := 0, 0, 0
		below, above := lo, hi
		for i := range c {
			for _, v := range c[i] {
				switch {
				case v < guess:
					less++
					below = max(below, v)
				case v > guess:
					greater++
					above = min(above, v)
				default:
					equal++
				}
			}
		}
		switch {
		case less <= 128 && greater <= 128 && less >= 128:
			return below
		case less <= 128 && greater <= 128 && less+equal >= 128:
			return guess
		case less <= 128 && greater <= 128:
			return above
		case less > greater:
			hi = below
		default:
			lo = above
		}
	}
}

func referenceHash(c *coefficients) (h Hash) {
	m := referenceMedian(c)
	for k := range 256 {
		if c[k/16][k%16] > m {
			h[31-k/8] |= 1 << (k % 8)
		}
	}
	return h
}
