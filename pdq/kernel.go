package pdq

// kernel is one way to run the inner loops. All give the same bits for luma of 0 to 255.
type kernel struct {
	name string
	// luma converts pixels of red, green and blue.
	luma func(dst []float32, rgb []byte)
	// rows filters stripRows rows along their length, from src to dst.
	rows func(src, dst []float32, stride int, across running, scratch []float32)
	// rowsAt is rows, of which it writes only the values at the centres: dst is stripRows x 64.
	rowsAt func(src, dst []float32, stride int, across running, scratch []float32, centres *[64]int)
	// column makes a step of all columns: the row in enters their sums, the row leave leaves, and dst gets the means of size values. All
	// are of one length, a multiple of 8.
	column func(sum, in, leave, dst []float32, size int)
	// transform computes basis * b * transpose(basis). Each sum runs upwards, with one rounding for each product and each addition.
	transform func(b *block, out *coefficients)
	// gradients sums the whole percents of 255 by which neighbours of a block differ.
	gradients func(b *block) int
}

// Kernel names the inner loops that this processor runs: "avx2" or "go". All give the same bits.
func Kernel() string { return best.name }

var portable = kernel{"go", lumaGo, rowsGo, rowsAtGo, columnGo, transformGo, gradientsGo}

// quality measures the gradients of a block: 0 to 100.
func (k *kernel) quality(b *block) int { return min(k.gradients(b)/90, 100) }

var lumaR, lumaG, lumaB = weighted(weightR), weighted(weightG), weighted(weightB)

func weighted(w float32) (t [256]float32) {
	for i := range t {
		t[i] = w * float32(i)
	}
	return t
}

func lumaGo(dst []float32, rgb []byte) {
	for len(dst) >= 4 && len(rgb) >= 12 {
		p, d := (*[12]byte)(rgb), (*[4]float32)(dst)
		d[0] = lumaR[p[0]] + lumaG[p[1]] + lumaB[p[2]]
		d[1] = lumaR[p[3]] + lumaG[p[4]] + lumaB[p[5]]
		d[2] = lumaR[p[6]] + lumaG[p[7]] + lumaB[p[8]]
		d[3] = lumaR[p[9]] + lumaG[p[10]] + lumaB[p[11]]
		dst, rgb = dst[4:], rgb[12:]
	}
	for i := range min(len(dst), len(rgb)/3) {
		dst[i] = lumaR[rgb[3*i]] + lumaG[rgb[3*i+1]] + lumaB[rgb[3*i+2]]
	}
}

// inverse gives 1/n if that is exact: then multiplying gives the same bits as dividing.
func inverse(n int) (float32, bool) { return 1 / float32(n), n&(n-1) == 0 }

func rowsGo(src, dst []float32, stride int, across running, _ []float32) {
	for y := 0; y < stripRows; y += 4 {
		box4(src[y*stride:], dst[y*stride:], stride, across)
	}
}

func rowsAtGo(src, dst []float32, stride int, across running, scratch []float32, centres *[64]int) {
	for y := 0; y < stripRows; y += 4 {
		box4(src[y*stride:], scratch, stride, across)
		for r := range 4 {
			row, to := scratch[r*stride:][:stride], dst[64*(y+r):][:64]
			for i, c := range centres {
				to[i] = row[c]
			}
		}
	}
}

// box4 filters four rows, so that their sums do not wait for each other.
func box4(src, dst []float32, stride int, r running) {
	n := r.n
	a0, a1, a2, a3 := src[:n], src[stride:][:n], src[2*stride:][:n], src[3*stride:][:n]
	b0, b1, b2, b3 := dst[:n], dst[stride:][:n], dst[2*stride:][:n], dst[3*stride:][:n]
	var s0, s1, s2, s3 float32
	step := 0
	end := func(until int) { // the steps near the ends, where the window is narrower
		for ; step < until; step++ {
			in, leave, due, size := r.at(step)
			if in >= 0 {
				s0, s1, s2, s3 = s0+a0[in], s1+a1[in], s2+a2[in], s3+a3[in]
			}
			if leave >= 0 {
				s0, s1, s2, s3 = s0-a0[leave], s1-a1[leave], s2-a2[leave], s3-a3[leave]
			}
			if due >= 0 {
				f := float32(size)
				b0[due], b1[due], b2[due], b3[due] = s0/f, s1/f, s2/f, s3/f
			}
		}
	}
	end(min(r.full, n))
	if m := n - r.full; m > 0 {
		i0, i1, i2, i3 := a0[r.full:][:m], a1[r.full:][:m], a2[r.full:][:m], a3[r.full:][:m]
		l0, l1, l2, l3 := a0[:m], a1[:m], a2[:m], a3[:m]
		from := r.full - r.half + 1
		d0, d1, d2, d3 := b0[from:][:m], b1[from:][:m], b2[from:][:m], b3[from:][:m]
		t0, t1, t2, t3 := s0, s1, s2, s3
		if inv, exact := inverse(r.full); exact {
			for i := range m {
				t0, t1, t2, t3 = t0+i0[i]-l0[i], t1+i1[i]-l1[i], t2+i2[i]-l2[i], t3+i3[i]-l3[i]
				d0[i], d1[i], d2[i], d3[i] = t0*inv, t1*inv, t2*inv, t3*inv
			}
		} else {
			f := float32(r.full)
			for i := range m {
				t0, t1, t2, t3 = t0+i0[i]-l0[i], t1+i1[i]-l1[i], t2+i2[i]-l2[i], t3+i3[i]-l3[i]
				d0[i], d1[i], d2[i], d3[i] = t0/f, t1/f, t2/f, t3/f
			}
		}
		s0, s1, s2, s3 = t0, t1, t2, t3
		step = n
	}
	end(r.steps())
}

func columnGo(sum, in, leave, dst []float32, size int) {
	n := len(sum)
	in, leave, dst = in[:n], leave[:n], dst[:n]
	if inv, exact := inverse(size); exact {
		for i, s := range sum {
			s = s + in[i] - leave[i]
			sum[i] = s
			dst[i] = s * inv
		}
		return
	}
	f := float32(size)
	for i, s := range sum {
		s = s + in[i] - leave[i]
		sum[i] = s
		dst[i] = s / f
	}
}

// The conversions around products keep compilers from fusing them with the addition.
func transformGo(b *block, out *coefficients) {
	var t [16][64]float32
	for i := range t {
		d := &basis[i]
		for j := 0; j < 64; j += 4 {
			var s0, s1, s2, s3 float32
			for k := range 64 {
				a := (*[4]float32)(b[k][j:])
				f := d[k]
				s0 += float32(f * a[0])
				s1 += float32(f * a[1])
				s2 += float32(f * a[2])
				s3 += float32(f * a[3])
			}
			t[i][j], t[i][j+1], t[i][j+2], t[i][j+3] = s0, s1, s2, s3
		}
	}
	for i := range out {
		for j := 0; j < 16; j += 4 {
			var s0, s1, s2, s3 float32
			for k := range 64 {
				a := (*[4]float32)(basisColumns[k][j:])
				f := t[i][k]
				s0 += float32(f * a[0])
				s1 += float32(f * a[1])
				s2 += float32(f * a[2])
				s3 += float32(f * a[3])
			}
			out[i][j], out[i][j+1], out[i][j+2], out[i][j+3] = s0, s1, s2, s3
		}
	}
}

func gradientsGo(b *block) int {
	sum := 0
	for i := range 64 {
		row := &b[i]
		for j := range 63 {
			sum += percent(row[j], row[j+1])
		}
		if i < 63 {
			below := &b[i+1]
			for j := range 64 {
				sum += percent(row[j], below[j])
			}
		}
	}
	return sum
}

func percent(u, v float32) int {
	d := int(float32((u-v)*100) / 255)
	return max(d, -d)
}
