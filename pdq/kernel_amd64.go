package pdq

import "golang.org/x/sys/cpu"

//go:noescape
func lumaAVX2(dst *float32, rgb *byte, groups int)

//go:noescape
func transposeAVX2(dst *float32, dstStride, dstStep int, src *float32, srcStride, srcStep, blocks int)

//go:noescape
func boxAVX2(dst, src *float32, first, growing, steady, shrinking int, inverse float32)

//go:noescape
func columnAVX2(sum, in, leave, dst *float32, n int, divisor, inverse float32)

//go:noescape
func leftAVX2(t *[16][64]float32, basis *[16][64]float32, b *block)

//go:noescape
func rightAVX2(out *coefficients, t *[16][64]float32, columns *[64][16]float32)

//go:noescape
func gradientsAVX2(b *block) int32

// kernels are those that this processor can run, the fastest first.
var kernels = func() []*kernel {
	if !cpu.X86.HasAVX2 {
		return []*kernel{&portable}
	}
	return []*kernel{{
		name: "avx2", luma: lumaWide, rows: rowsWide, rowsAt: rowsAtWide, column: columnWide, transform: transformWide,
		gradients: func(b *block) int { return int(gradientsAVX2(b)) },
	}, &portable}
}()

// best is the fastest kernel for this processor.
var best = kernels[0]

func lumaWide(dst []float32, rgb []byte) {
	n := min(len(dst), len(rgb)/3)
	groups := (n - 2) / 8 // the last two pixels are the bytes that may be read too
	if groups > 0 {
		lumaAVX2(&dst[0], &rgb[0], groups)
	} else {
		groups = 0
	}
	lumaGo(dst[8*groups:n], rgb[24*groups:])
}

// boxWide filters rows of src that lie side by side, 16 values for each column, and leaves the result in scratch.
func boxWide(src []float32, stride int, r running, scratch []float32) []float32 {
	columns, out := scratch[:stripRows*stride], scratch[stripRows*stride:][:stripRows*stride]
	_ = src[stripRows*stride-1]
	const lane = 4 * stripRows // bytes of a column
	for half := range stripRows / 8 {
		transposeAVX2(&columns[8*half], lane, 8*lane, &src[8*half*stride], 4*stride, 32, stride/8)
	}
	inv, exact := inverse(r.full)
	if !exact {
		inv = 0
	}
	boxAVX2(&out[0], &columns[0], r.half-1, r.full-r.half+1, r.n-r.full, r.half-1, inv)
	return out
}

func rowsWide(src, dst []float32, stride int, across running, scratch []float32) {
	out := boxWide(src, stride, across, scratch)
	_ = dst[stripRows*stride-1]
	const lane = 4 * stripRows
	for half := range stripRows / 8 {
		transposeAVX2(&dst[8*half*stride], 4*stride, 32, &out[8*half], lane, 8*lane, stride/8)
	}
}

func rowsAtWide(src, dst []float32, stride int, across running, scratch []float32, centres *[64]int) {
	out := boxWide(src, stride, across, scratch)
	var picked [64][stripRows]float32
	for i, c := range centres {
		picked[i] = [stripRows]float32(out[stripRows*c:])
	}
	_ = dst[64*stripRows-1]
	const lane = 4 * stripRows
	for half := range stripRows / 8 {
		transposeAVX2(&dst[8*64*half], 4*64, 32, &picked[0][8*half], lane, 8*lane, 8)
	}
}

func columnWide(sum, in, leave, dst []float32, size int) {
	n := len(sum)
	_, _, _ = in[n-1], leave[n-1], dst[n-1]
	inv, exact := inverse(size)
	if !exact {
		inv = 0
	}
	columnAVX2(&sum[0], &in[0], &leave[0], &dst[0], n, float32(size), inv)
}

func transformWide(b *block, out *coefficients) {
	var t [16][64]float32
	leftAVX2(&t, &basis, b)
	rightAVX2(out, &t, &basisColumns)
}
