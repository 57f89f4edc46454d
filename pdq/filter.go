package pdq

import "sync"

// stripRows is how many rows pass through the filter together. Running sums depend on the step before; several rows at once hide
// that delay.
const stripRows = 16

// window gives the box width for a side of n: two rounds of it cover one 64th of the side.
func window(n int) int { return (n + 127) / 128 }

// centre gives the sample of a side of n that stands for cell i of 64.
func centre(i, n int) int { return int((float64(i) + 0.5) * float64(n) / 64) }

// running describes the mean over a window that moves along n values: at each of n+half-1 steps one value enters, one leaves, and
// one mean is due, except at the ends. The sum is carried along with one addition and one subtraction a step, whose rounding is
// part of the result.
type running struct{ n, full, half int }

func runningOver(n int) running {
	full := window(n)
	return running{n, full, (full + 2) / 2}
}

func (r running) steps() int { return r.n + r.half - 1 }

// at gives, for a step, the indices of the value that enters, the one that leaves and the mean that is due, or -1 for none, and the
// number of values in the sum.
func (r running) at(step int) (in, out, due, size int) {
	in, out, due = step, step-r.full, step-r.half+1
	size = min(step+1, r.n) - max(0, out+1)
	if in >= r.n {
		in = -1
	}
	return in, max(out, -1), max(due, -1), size
}

// reducer blurs a picture with two rounds of box filters along rows and columns (Jarosz's approximation of a tent) and takes 64x64
// values. Only what the 64x64 need is computed, strip by strip, in memory for a few dozen rows.
type reducer struct {
	k             *kernel
	width, height int
	stride        int       // of rows, in values: width rounded up to the 8 that kernels take at once, or more
	strip         []float32 // stripRows rows: luma
	blurred       []float32 // stripRows rows that have passed the first round
	scratch       []float32 // of the row filter, two strips
	zero, drop    []float32 // a row of zeros, a row to throw away
	first, second round
	centres       [64]int // columns of the 64
	out           *block
	filled, taken int // rows that have passed the first round, rows of out that are done
}

// round is one round of the filter: a history of rows that were filtered along their length, and the running sums of its columns.
type round struct {
	rows   []float32 // a ring of depth rows, a multiple of stripRows
	depth  int
	stride int
	sum    []float32
	step   int
}

var reducers sync.Pool

func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

func newReducer(k *kernel, width, height int) *reducer {
	r, _ := reducers.Get().(*reducer)
	if r == nil {
		r = new(reducer)
	}
	r.k, r.width, r.height = k, width, height
	if r.stride = (width + 7) &^ 7; r.stride%128 == 0 {
		r.stride += 16 // rows a multiple of 512 bytes apart would crowd the same lines of the cache
	}
	r.strip = grow(r.strip, stripRows*r.stride)
	r.blurred = grow(r.blurred, stripRows*r.stride)
	r.scratch = grow(r.scratch, 2*stripRows*r.stride)
	r.zero, r.drop = grow(r.zero, max(64, r.stride)), grow(r.drop, max(64, r.stride))
	clear(r.zero)
	depth := (window(height) + 2*stripRows - 1) / stripRows * stripRows
	r.first.start(depth, r.stride)
	r.second.start(depth, 64)
	for i := range r.centres {
		r.centres[i] = centre(i, width)
	}
	r.filled, r.taken = 0, 0
	return r
}

func (r *round) start(depth, stride int) {
	r.depth, r.stride, r.step = depth, stride, 0
	r.rows = grow(r.rows, depth*stride)
	r.sum = grow(r.sum, stride)
	clear(r.sum)
}

// row gives n rows of the history, from row y on; they do not wrap around if y is a multiple of stripRows.
func (r *round) row(y, n int) []float32 { return r.rows[y%r.depth*r.stride:][:n*r.stride] }

// reduce reads luma row by row, in order: row(y, dst) fills dst with the values of row y. The reducer may not be used afterwards.
func (r *reducer) reduce(row func(y int, dst []float32), out *block) {
	defer reducers.Put(r)
	if r.width == 64 && r.height == 64 {
		for y := range out {
			row(y, out[y][:])
		}
		return
	}
	r.out = out
	across, down := runningOver(r.width), runningOver(r.height)
	for y := 0; y < r.height; y += stripRows {
		n := min(stripRows, r.height-y)
		for i := range n {
			row(y+i, r.strip[i*r.stride:][:r.width])
		}
		r.k.rows(r.strip, r.first.row(y, stripRows), r.stride, across, r.scratch)
		r.blur(across, down, y+n)
	}
	r.blur(across, down, down.steps())
	r.take(down, down.steps())
	r.out = nil
}

// blur runs the columns of the first round up to a step. Whenever a strip is full it is filtered along its rows for the second round.
func (r *reducer) blur(across, down running, until int) {
	for f := &r.first; f.step < until; f.step++ {
		in, leave, due, size := down.at(f.step)
		dst := r.drop
		if due >= 0 {
			dst = r.blurred[due%stripRows*r.stride:]
		}
		r.k.column(f.sum, r.history(f, in), r.history(f, leave), dst[:r.stride], size)
		if due < 0 {
			continue
		}
		r.filled = due + 1
		if r.filled%stripRows == 0 || r.filled == r.height {
			r.k.rowsAt(r.blurred, r.second.row(due&^(stripRows-1), stripRows), r.stride, across, r.scratch, &r.centres)
			r.take(down, r.filled)
		}
	}
}

// take runs the 64 columns of the second round up to a step, and keeps the 64 rows at the centres.
func (r *reducer) take(down running, until int) {
	for s := &r.second; s.step < until; s.step++ {
		in, leave, due, size := down.at(s.step)
		dst := r.drop[:64]
		keep := r.taken < 64 && due == centre(r.taken, r.height)
		if keep {
			dst = r.out[r.taken][:]
		}
		r.k.column(s.sum, r.history(s, in), r.history(s, leave), dst, size)
		if !keep {
			continue
		}
		for r.taken++; r.taken < 64 && centre(r.taken, r.height) == due; r.taken++ { // a side under 64 repeats rows
			r.out[r.taken] = r.out[r.taken-1]
		}
	}
}

// history gives a row of a round, or zeros for none: adding or subtracting zero changes no sum.
func (r *reducer) history(f *round, y int) []float32 {
	if y < 0 {
		return r.zero[:f.stride]
	}
	return f.row(y, 1)
}
