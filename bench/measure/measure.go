// Package measure times hashing and matching on one thread. The figures are medians over blocks of queries, so that another process
// that runs for a moment does not count.
package measure

import (
	"slices"
	"time"
)

// timed gives the medians over blocks of the mean time of a call, and the 99th percentile of the calls, in seconds. It calls do(i) for
// about the given time, and for at least three blocks.
func timed(block int, atLeast time.Duration, do func(i int)) (median, p99 float64) {
	var means, all []float64
	for i := range block { // warm up
		do(i)
	}
	begin := time.Now()
	for i := 0; len(means) < 3 || time.Since(begin) < atLeast; {
		start := time.Now()
		last := start
		for range block {
			do(i)
			i++
			now := time.Now()
			all = append(all, now.Sub(last).Seconds())
			last = now
		}
		means = append(means, last.Sub(start).Seconds()/float64(block))
	}
	slices.Sort(means)
	slices.Sort(all)
	return means[len(means)/2], all[len(all)*99/100]
}

// alternating gives the medians of a and b, called n times by turns, in seconds: a machine that slows down slows both.
func alternating(n int, a, b func()) (medianA, medianB float64) {
	var all [2][]float64
	a()
	b()
	for range n {
		for i, do := range []func(){a, b} {
			start := time.Now()
			do()
			all[i] = append(all[i], time.Since(start).Seconds())
		}
	}
	for _, s := range all {
		slices.Sort(s)
	}
	return all[0][n/2], all[1][n/2]
}

// round gives v with three significant digits or so, for printing.
func round(v float64) float64 {
	unit := 1000.0
	switch {
	case v >= 100:
		unit = 1
	case v >= 10:
		unit = 10
	case v >= 1:
		unit = 100
	}
	return float64(int(v*unit+0.5)) / unit
}
