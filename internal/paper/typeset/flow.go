package typeset

import (
	"fmt"
)

// Part is a piece of text in one style. Texts that were written by others must be Visible.
type Part struct {
	Text     string
	Style    Style
	Language string // if it is not the document's
}

// Cell is what stands in one place of a table, one part under the other.
type Cell []Part

// Heading writes a heading of level 1 to 3 and keeps it with what follows.
func (d *Document) Heading(level int, text string) {
	st := []Style{{Size: 16, Bold: true}, {Size: 11.5, Bold: true}, {Size: 10, Bold: true}}[level-1]
	d.Space([]float64{4, 9, 6}[level-1])
	d.Keep(st.Size*leading + 40)
	d.block(d.root.child(fmt.Sprintf("H%d", level)), Part{Text: text, Style: st}, left, textWidth)
	d.Space(2)
}

// Paragraph writes a paragraph.
func (d *Document) Paragraph(p Part) {
	e := d.root.child("P")
	d.block(e, p, left, textWidth)
	d.Space(3)
}

// Boxed writes a paragraph between two lines, for what must not be overlooked.
func (d *Document) Boxed(p Part) {
	d.Keep(40)
	d.artifact(func() { d.rule(d.y, 0.2) })
	d.Space(3)
	d.block(d.root.child("P"), p, left, textWidth)
	d.Space(3)
	d.artifact(func() { d.rule(d.y, 0.2) })
	d.Space(6)
}

// block writes lines from page to page.
func (d *Document) block(e *element, p Part, x, width float64) {
	e.language = p.Language
	lines := d.set.lines(p.Text, p.Style, width)
	for len(lines) > 0 {
		h := lines[0].height()
		n := min(len(lines), int((d.room()+0.001)/h))
		if n == 0 {
			if d.full {
				return
			}
			d.newPage()
			continue
		}
		d.marked(e, func() {
			for _, l := range lines[:n] {
				d.paintAt(l, x, d.y+ascent(l.style))
				d.y += h
			}
		})
		lines = lines[n:]
	}
}

// ascent is from the top of a line to its baseline.
func ascent(s Style) float64 { return s.Size * 1.06 }

// Facts writes labels with their values beside them.
func (d *Document) Facts(rows []Fact) {
	const label = 128.0
	t := Table{Widths: []float64{label, textWidth - label}, Labels: true}
	for _, r := range rows {
		if len(r.Value) > 0 {
			t.Rows = append(t.Rows, []Cell{{{Text: r.Label, Style: Style{Size: 9, Gray: 0.3}}}, r.Value})
		}
	}
	if len(t.Rows) > 0 {
		d.Table(t)
	}
}

// Fact is a label with its value; one without value is left out.
type Fact struct {
	Label string
	Value Cell
}

// Table is a table. Widths are in points and sum to at most TextWidth; Head is repeated on each page. Labels says that the
// first cell of each row names it.
type Table struct {
	Widths []float64
	Head   []string
	Rows   [][]Cell
	Labels bool
}

// TextWidth is the width of the text, in points.
const TextWidth = textWidth

const gap = 6.0 // right of a column

// laid is a cell broken into lines, each with the part that it belongs to.
type laid struct {
	lines []line
	part  []int
}

func (d *Document) lay(c Cell, width float64) (out laid) {
	for i, p := range c {
		for _, l := range d.set.lines(p.Text, p.Style, width-gap) {
			out.lines, out.part = append(out.lines, l), append(out.part, i)
		}
	}
	return out
}

// Table writes a table; a row that is higher than a page goes on on the next one.
func (d *Document) Table(t Table) {
	table := d.root.child("Table")
	head := func() {
		if len(t.Head) == 0 {
			return
		}
		var cells []Cell
		for _, h := range t.Head {
			cells = append(cells, Cell{{Text: h, Style: Style{Size: 8, Bold: true}}})
		}
		d.row(table, t, cells, "Column", nil)
	}
	d.Keep(60)
	head()
	for _, r := range t.Rows {
		scope := ""
		if t.Labels {
			scope = "Row"
		}
		d.row(table, t, r, scope, head)
		if d.full {
			return
		}
	}
	d.Space(5)
}

// row writes one row. scope says which of its cells are headings: "Column" all, "Row" the first, "" none.
func (d *Document) row(table *element, t Table, cells []Cell, scope string, again func()) {
	row := table.child("TR")
	parts := make([]laid, len(cells))
	kids := make([]*element, len(cells))
	texts := make([][]*element, len(cells))
	whole := 0.0
	for i, c := range cells {
		parts[i] = d.lay(c, t.Widths[i])
		tag := "TD"
		if scope == "Column" || scope == "Row" && i == 0 {
			tag = "TH"
		}
		kids[i] = row.child(tag)
		if tag == "TH" {
			kids[i].attributes = "/O /Table /Scope /" + scope
		}
		for _, p := range c {
			e := kids[i].child("P")
			e.language = p.Language
			texts[i] = append(texts[i], e)
		}
		whole = max(whole, heightOf(parts[i].lines))
	}
	const pad = 2.5
	if d.room() < whole+2*pad && (whole < 200 || d.room() < 80) && d.y > top {
		d.newPage()
		if again != nil {
			again()
		}
	}
	for {
		start, deepest, more := d.y+pad, 0.0, false
		for i := range parts {
			x := left
			for _, w := range t.Widths[:i] {
				x += w
			}
			deepest = max(deepest, d.pour(&parts[i], texts[i], x, start, d.room()-2*pad))
			more = more || len(parts[i].lines) > 0
		}
		d.y = start + deepest + pad
		d.artifact(func() { d.rule(d.y, 0.82) })
		if !more || d.full {
			return
		}
		d.newPage()
		if again != nil {
			again()
		}
	}
}

// pour writes as many lines of a cell as there is room for, takes them from it, and gives their height.
func (d *Document) pour(c *laid, texts []*element, x, y, room float64) (used float64) {
	for len(c.lines) > 0 {
		n, h, part := 0, 0.0, c.part[0]
		for n < len(c.lines) && c.part[n] == part && used+h+c.lines[n].height() <= room {
			h += c.lines[n].height()
			n++
		}
		if n == 0 {
			return used
		}
		d.marked(texts[part], func() {
			at := y + used
			for _, l := range c.lines[:n] {
				d.paintAt(l, x, at+ascent(l.style))
				at += l.height()
			}
		})
		used += h
		c.lines, c.part = c.lines[n:], c.part[n:]
	}
	return used
}

func heightOf(lines []line) (h float64) {
	for _, l := range lines {
		h += l.height()
	}
	return h
}
