// Command ring draws docs/ring.svg, the picture in docs/matching.md of why a search looks where it does. Run `go generate ./docs/ring`
// after changing it; its test compares.
package main

import (
	"fmt"
	"math"
	"math/bits"
	"os"
	"strings"

	"raksha.example/raksha/hamming"
)

//go:generate go run . ../ring.svg

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: ring FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], []byte(draw()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const (
	chunks = 16
	radius = 31
)

// differing is an example: in how many bits two hashes differ in each chunk, 31 in all.
var differing = [chunks]int{3, 1, 2, 4, 0, 3, 2, 1, 5, 1, 2, 0, 1, 2, 1, 3}

// pair gives two hashes that differ as in the example.
func pair() (a, b [32]byte) {
	for i := range a {
		a[i] = byte(37*i + 11)
	}
	b = a
	for t, d := range differing {
		for k := range d {
			bit := (5*k + 3*t) % 16
			b[2*t+bit/8] ^= 1 << (bit % 8)
		}
	}
	return a, b
}

// measured gives the differences of the pair chunk by chunk, and all together.
func measured() (d [chunks]int, total int) {
	a, b := pair()
	for t := range d {
		d[t] = bits.OnesCount8(a[2*t]^b[2*t]) + bits.OnesCount8(a[2*t+1]^b[2*t+1])
	}
	return d, hamming.Distance(&a, &b)
}

// start gives the chunk behind the highest point of the path: from there on no run differs more than its share.
func start(d [chunks]int) int {
	best, at, sum := math.Inf(-1), 0, 0.0
	for t := range d {
		if sum += float64(d[t]) - float64(radius)/chunks; sum >= best {
			best, at = sum, (t+1)%chunks
		}
	}
	return at
}

const (
	ink    = "#1f2933"
	quiet  = "#7b8794"
	good   = "#0b7285"
	pale   = "#d0ebf0"
	strong = "#c92a2a"
)

type canvas struct{ strings.Builder }

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

func (c *canvas) text(x, y float64, size int, fill, anchor, s string) {
	c.add(`<text x="%.1f" y="%.1f" font-size="%d" fill="%s" text-anchor="%s">%s</text>`, x, y, size, fill, anchor, s)
}

func draw() string {
	d, total := measured()
	from := start(d)
	c := new(canvas)
	c.add(`<svg xmlns="http://www.w3.org/2000/svg" width="960" height="640" viewBox="0 0 960 640" font-family="Helvetica, Arial, sans-serif" role="img">`)
	c.add(`<title>Why one look-up of a search must meet every hash within %d bits</title>`, radius)
	c.add(`<desc>Left: 16 chunks in a ring with the number of bits in which two hashes differ, %d in all. Right: the running total against its fair share; from behind its highest point it never rises above the line. Below: the look-up.</desc>`, total)
	c.add(`<rect width="960" height="640" fill="#ffffff"/>`)
	ring(c, d, total, from)
	path(c, d, from)
	lookup(c, d, from)
	c.add(`</svg>`)
	return c.String()
}

// ring draws the chunks and, around them, the run that starts where the lemma says.
func ring(c *canvas, d [chunks]int, total, from int) {
	const cx, cy, inner, outer = 220.0, 225.0, 80.0, 140.0
	c.text(cx, 34, 17, ink, "middle", fmt.Sprintf("Two hashes that differ in %d of 256 bits", total))
	at := func(r, turn float64) (float64, float64) {
		a := 2*math.Pi*turn/chunks - math.Pi/2
		return cx + r*math.Cos(a), cy + r*math.Sin(a)
	}
	for t := range d {
		fill, number := "#f1f3f5", ink
		switch t {
		case from:
			fill, number = good, "#ffffff"
		case (from + 1) % chunks:
			fill = pale
		}
		x0, y0 := at(outer, float64(t))
		x1, y1 := at(outer, float64(t+1))
		x2, y2 := at(inner, float64(t+1))
		x3, y3 := at(inner, float64(t))
		c.add(`<path d="M%.1f %.1f A%.0f %.0f 0 0 1 %.1f %.1f L%.1f %.1f A%.0f %.0f 0 0 0 %.1f %.1f Z" fill="%s" stroke="%s"/>`,
			x0, y0, outer, outer, x1, y1, x2, y2, inner, inner, x3, y3, fill, ink)
		x, y := at((inner+outer)/2, float64(t)+0.5)
		c.text(x, y+7, 20, number, "middle", fmt.Sprint(d[t]))
		x, y = at(outer+16, float64(t)+0.5)
		c.text(x, y+4, 11, quiet, "middle", fmt.Sprint("chunk ", t)[len("chunk "):])
	}
	c.text(cx, cy-8, 13, ink, "middle", "bits that differ")
	c.text(cx, cy+10, 13, ink, "middle", "in each chunk")
	c.text(cx, cy+28, 13, ink, "middle", "of 16 bits")
	c.text(cx, 412, 14, good, "middle", fmt.Sprintf("From chunk %d on: %s", from, runs(d, from)))
}

// runs says what the first runs differ in, and what they may.
func runs(d [chunks]int, from int) string {
	var out []string
	sum := 0
	for l := 1; l <= 4; l++ {
		sum += d[(from+l-1)%chunks]
		out = append(out, fmt.Sprintf("%d &#8804; %d", sum, l*radius/chunks))
	}
	return strings.Join(out, ", ") + ", &#8230;"
}

// path draws the running total less its share, once around.
func path(c *canvas, d [chunks]int, from int) {
	const left, zero, step, unit = 470.0, 200.0, 27.0, 25.0
	c.text(left+8*step, 34, 17, ink, "middle", "The same, added up")
	c.text(left+8*step, 56, 13, quiet, "middle", fmt.Sprintf("running total less %d/16 a chunk, from chunk 0 on", radius))
	c.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`, left, zero, left+16*step, zero, quiet)
	sum, peak := 0.0, 0.0
	points := []string{fmt.Sprintf("%.1f,%.1f", left, zero)}
	for t := range d {
		sum += float64(d[t]) - float64(radius)/chunks
		points = append(points, fmt.Sprintf("%.1f,%.1f", left+float64(t+1)*step, zero-unit*sum))
		if t+1 == from {
			peak = sum
		}
		c.text(left+(float64(t)+0.5)*step, 352, 11, quiet, "middle", fmt.Sprint(t))
	}
	x, y := left+float64(from)*step, zero-unit*peak
	c.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" opacity="0.55"/>`, x, y, left+16*step-x, 335-y, pale)
	c.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-dasharray="5 4"/>`, left, y, left+16*step, y, strong)
	c.add(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`, strings.Join(points, " "), ink)
	for _, p := range points {
		px, py, _ := strings.Cut(p, ",")
		c.add(`<circle cx="%s" cy="%s" r="3" fill="%s"/>`, px, py, ink)
	}
	c.add(`<circle cx="%.1f" cy="%.1f" r="6" fill="%s"/>`, x, y, good)
	c.text(left, y-9, 12, strong, "start", "highest point")
	c.text(left+8*step, 375, 13, ink, "middle", "Behind the highest point the path never rises above it again, nor when it")
	c.text(left+8*step, 393, 13, ink, "middle", "goes round, because once around it ends no higher than it began: so every")
	c.text(left+8*step, 411, 13, ink, "middle", fmt.Sprintf("run of l chunks from chunk %d on differs in at most l&#215;%d/16 bits.", from, radius))
}

// lookup draws one look-up of a search: a bucket, its entries, and what is left of them.
func lookup(c *canvas, d [chunks]int, from int) {
	const y, h = 490.0, 38.0
	two := 2 * radius / chunks
	c.add(`<line x1="30" y1="436" x2="930" y2="436" stroke="#e4e7eb"/>`)
	c.text(480, 466, 17, ink, "middle", "So one of 16 &#215; 17 look-ups meets it")
	box := func(x, w float64, fill, first, second string) {
		colour := ink
		if fill == good {
			colour = "#ffffff"
		}
		c.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="4" fill="%s" stroke="%s"/>`, x, y, w, h, fill, ink)
		c.text(x+w/2, y+16, 12, colour, "middle", first)
		c.text(x+w/2, y+31, 12, colour, "middle", second)
	}
	arrow := func(x float64) {
		c.add(`<path d="M%.1f %.1f h22 m-7 -5 l7 5 l-7 5" fill="none" stroke="%s" stroke-width="1.5"/>`, x, y+h/2, ink)
	}
	box(40, 190, good, fmt.Sprintf("chunk %d of the query,", from), "with 0 or 1 bit changed")
	arrow(236)
	box(266, 180, "#f1f3f5", "a bucket: all hashes with", "just this chunk")
	arrow(452)
	box(482, 210, pale, fmt.Sprintf("their chunk %d, side by side:", (from+1)%chunks), fmt.Sprintf("at most %d bits less those", two))
	arrow(698)
	box(728, 190, "#f1f3f5", "few are left: read the", "whole hash and compare")
	ways, pass := 0, 0 // of 2^16 values of the next chunk
	for n := range two + 1 {
		ways += choose(16, n)
		if n < two {
			pass += choose(16, n)
		}
	}
	mean := (float64(ways) + 16*float64(pass)) / 17 / 65536
	c.text(480, 562, 13, ink, "middle", fmt.Sprintf("Of random hashes 17 &#215; 16 of every 65,536 lie in a bucket that is asked, and of those entries one in %.0f passes.", 1/mean))
	c.text(480, 584, 13, quiet, "middle", "The entries of a bucket are 2 bytes each, in one piece of memory: 32 are judged at a time where the processor can.")
	c.text(480, 606, 13, quiet, "middle", fmt.Sprintf("Here chunk %d differs in %d and chunk %d in %d bits: found.", from, d[from], (from+1)%chunks, d[(from+1)%chunks]))
}

func choose(n, k int) int {
	out := 1
	for i := range k {
		out = out * (n - i) / (i + 1)
	}
	return out
}
