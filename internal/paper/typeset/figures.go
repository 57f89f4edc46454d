package typeset

import (
	"fmt"

	"rsc.io/qr"
)

// Letterhead writes who a document is from: a name, lines under it, and a logo at the left if there is one.
func (d *Document) Letterhead(name string, lines []string, logo *Image) {
	x := left
	start := d.y
	if logo != nil {
		h := 44.0
		w := min(h*float64(logo.width)/float64(logo.height), 120)
		h = w * float64(logo.height) / float64(logo.width)
		d.image, d.page().image = logo, true
		e := d.root.child("Figure")
		e.alt = name
		e.attributes = fmt.Sprintf("/O /Layout /Placement /Block /BBox [%s %s %s %s]", num(left), num(pageHeight-start-h), num(left+w), num(pageHeight-start))
		d.marked(e, func() {
			fmt.Fprintf(&d.page().content, "q %s 0 0 %s %s %s cm /Logo Do Q\n", num(w), num(h), num(left), num(pageHeight-start-h))
		})
		x += w + 12
	}
	d.block(d.root.child("P"), Part{Text: name, Style: Style{Size: 13, Bold: true}}, x, pageWidth-right-x)
	for _, l := range lines {
		d.block(d.root.child("P"), Part{Text: l, Style: Style{Size: 8.5, Gray: 0.25}}, x, pageWidth-right-x)
	}
	if logo != nil {
		d.y = max(d.y, start+48)
	}
	d.Space(4)
	d.artifact(func() { d.rule(d.y, 0) })
	d.Space(8)
}

// QR writes a text as a QR code at the right, and parts beside it. alt says what it is to whoever cannot see it.
func (d *Document) QR(text, alt string, beside Cell) error {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return err
	}
	const size = 92.0
	d.Keep(size + 16)
	start := d.y
	parts := d.lay(beside, textWidth-size-20)
	var texts []*element
	for _, p := range beside {
		e := d.root.child("P")
		e.language = p.Language
		texts = append(texts, e)
	}
	used := d.pour(&parts, texts, left, start, d.room())
	e := d.root.child("Figure")
	x, y := pageWidth-right-size, pageHeight-start-size
	e.alt, e.attributes = alt, fmt.Sprintf("/O /Layout /Placement /Block /BBox [%s %s %s %s]", num(x), num(y), num(x+size), num(y+size))
	d.marked(e, func() {
		out := &d.page().content
		out.WriteString("0 g\n")
		module := size / float64(code.Size)
		for row := range code.Size {
			for column := 0; column < code.Size; column++ {
				n := 0
				for column+n < code.Size && code.Black(column+n, row) {
					n++
				}
				if n > 0 {
					fmt.Fprintf(out, "%s %s %s %s re\n", num(x+float64(column)*module), num(y+size-float64(row+1)*module), num(float64(n)*module), num(module))
					column += n
				}
			}
		}
		out.WriteString("f\n")
	})
	d.y = start + max(used, size) + 6
	return nil
}
