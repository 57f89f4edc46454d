package statistics

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// The chart's measures, in units of its view box.
const (
	width, height       = 720, 320
	left, right         = 64, 116 // room for the figures of the axis and for the lines' names
	top, bottom         = 20, 52
	plotWidth           = width - left - right
	plotHeight          = height - top - bottom
	dateLabels, heights = 5, 4 // most labels along the two axes
)

// point is the state of a line from one day on.
type point struct {
	at    time.Time
	total int64
}

// Chart draws the tips received and the items blocked up to each day as two stepped lines, in a self-contained SVG for a page.
// It says the same in words for those who cannot see it, tells the lines apart by their dashes and their names, not by
// colour, and needs neither script nor style sheet: a strict content security policy lets it through. Days that are no
// dates are left out.
func Chart(days []Day) string {
	tips, blocked := lines(days)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="chart-title chart-desc" viewBox="0 0 %d %d" width="100%%" font-family="sans-serif" font-size="12" fill="#222222">`, width, height)
	b.WriteString(`<title id="chart-title">Tips received and accounts blocked</title>`)
	if len(tips) == 0 {
		b.WriteString(`<desc id="chart-desc">Nothing has happened yet.</desc>`)
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">Nothing has happened yet.</text></svg>`, width/2, height/2)
		return b.String()
	}
	first, last := tips[0].at, tips[len(tips)-1].at
	p := plot{from: first, until: last.AddDate(0, 0, 1), most: niceTop(max(tips[len(tips)-1].total, blocked[len(blocked)-1].total))}
	fmt.Fprintf(&b, `<desc id="chart-desc">From %s to %s: %d tips received in all, %d blocked in all.</desc>`,
		date(first), date(last), tips[len(tips)-1].total, blocked[len(blocked)-1].total)
	p.axes(&b)
	yTips, yBlocked := p.y(tips[len(tips)-1].total), p.y(blocked[len(blocked)-1].total)
	if math.Abs(yTips-yBlocked) < 30 { // the names must not cover each other
		if yTips <= yBlocked {
			yBlocked = yTips + 30
		} else {
			yTips = yBlocked + 30
		}
		if over := max(yTips, yBlocked) - (top + plotHeight); over > 0 {
			yTips, yBlocked = yTips-over, yBlocked-over
		}
	}
	p.line(&b, "tips", "", tips, yTips)
	p.line(&b, "blocked", "6 3", blocked, yBlocked)
	b.WriteString(`</svg>`)
	return b.String()
}

// lines adds the days up. Both lines have a point for each day, in the order given.
func lines(days []Day) (tips, blocked []point) {
	var t, b int64
	for _, d := range days {
		at, err := time.Parse(time.DateOnly, d.Day)
		if err != nil || len(tips) > 0 && !at.After(tips[len(tips)-1].at) {
			continue
		}
		t, b = t+d.Tips, b+d.Blocked
		tips, blocked = append(tips, point{at, t}), append(blocked, point{at, b})
	}
	return tips, blocked
}

// plot maps days and counts to places.
type plot struct {
	from, until time.Time
	most        int64
}

func (p plot) x(at time.Time) float64 {
	return left + plotWidth*at.Sub(p.from).Hours()/p.until.Sub(p.from).Hours()
}

func (p plot) y(n int64) float64 { return top + plotHeight*(1-float64(n)/float64(p.most)) }

// axes draws the frame, its figures and dates, and what they count.
func (p plot) axes(b *strings.Builder) {
	for i := range heights + 1 {
		n := p.most * int64(i) / heights
		fmt.Fprintf(b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#bbbbbb" stroke-width="%s"/>`, left, p.y(n), left+plotWidth, p.y(n), []string{"1.5", "0.5"}[min(i, 1)])
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end">%d</text>`, left-8, p.y(n)+4, n)
	}
	span := int(p.until.Sub(p.from).Hours()/24 + 0.5)
	labels := min(dateLabels, span)
	for i := range labels {
		at := p.from
		if labels > 1 {
			at = p.from.AddDate(0, 0, (span-1)*i/(labels-1))
		}
		fmt.Fprintf(b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#222222"/>`, p.x(at), top+plotHeight, p.x(at), top+plotHeight+5)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, p.x(at), top+plotHeight+19, date(at))
	}
	fmt.Fprintf(b, `<text class="axis" x="%d" y="%d" text-anchor="middle">day</text>`, left+plotWidth/2, height-10)
	fmt.Fprintf(b, `<text class="axis" x="14" y="%d" text-anchor="middle" transform="rotate(-90 14 %d)">number so far</text>`, top+plotHeight/2, top+plotHeight/2)
}

// line draws one stepped line with its name and last figure at its end.
func (p plot) line(b *strings.Builder, name, dashes string, points []point, labelY float64) {
	fmt.Fprintf(b, `<path class="line-%s" fill="none" stroke="#000000" stroke-width="2"`, name)
	if dashes != "" {
		fmt.Fprintf(b, ` stroke-dasharray="%s"`, dashes)
	}
	fmt.Fprintf(b, ` d="M%.1f %.1f`, p.x(p.from), p.y(0))
	for _, at := range points {
		fmt.Fprintf(b, "H%.1fV%.1f", p.x(at.at), p.y(at.total))
	}
	end := points[len(points)-1].total
	fmt.Fprintf(b, `H%d"/><text x="%d" y="%.1f">%s: %d</text>`, left+plotWidth, left+plotWidth+8, labelY+4, name, end)
}

// niceTop gives the end of the axis: a multiple of its steps, so that every figure on it is whole.
func niceTop(most int64) int64 {
	step := int64(1)
	for factor := int64(1); ; factor *= 10 {
		for _, n := range []int64{1, 2, 5} {
			if step = n * factor; step*heights >= most {
				return step * heights
			}
		}
	}
}

func date(t time.Time) string { return t.Format("2 Jan 2006") }
