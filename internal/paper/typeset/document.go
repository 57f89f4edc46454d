package typeset

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"
)

// A4 in points, and where text stands on it.
const (
	pageWidth, pageHeight = 595.276, 841.89
	left, right           = 56.0, 56.0
	top, bottom           = 52.0, 62.0
	textWidth             = pageWidth - left - right
)

// Options are what a document says of itself. Created stands in its properties; nothing else in it depends on a clock.
type Options struct {
	Title, Author, Language string
	Created                 time.Time
	Watermark               string                       // across each page; empty: none
	Header                  string                       // on every page but the first
	Footer                  string                       // on every page, at the left
	PageOf                  func(page, pages int) string // at the right of the footer
}

// Document is pages being filled from top to bottom. It is used by one goroutine.
type Document struct {
	options Options
	fonts   *Fonts
	set     *setter
	pages   []*page
	y       float64 // of the next line's top, from the page's top
	root    *element
	used    [faceCount]*usage
	image   *Image
	full    bool // more pages than a document may have were asked for
}

type page struct {
	content bytes.Buffer
	mcids   int
	image   bool
}

const maxPages = 2000

// New begins a document with its first page.
func New(fonts *Fonts, o Options) *Document {
	d := &Document{options: o, fonts: fonts, set: newSetter(fonts), root: &element{tag: "Document", language: o.Language}}
	for i := range d.used {
		d.used[i] = newUsage()
	}
	d.newPage()
	return d
}

// Visible is Fonts.Visible.
func (d *Document) Visible(s string, identifier bool) string { return d.fonts.Visible(s, identifier) }

func (d *Document) page() *page { return d.pages[len(d.pages)-1] }

func (d *Document) newPage() {
	if len(d.pages) >= maxPages {
		d.full = true
		d.y = top
		return
	}
	d.pages = append(d.pages, &page{})
	d.y = top
	if d.options.Watermark != "" {
		st := Style{Size: 110, Bold: true, Gray: 0.88}
		wide := d.set.width(d.options.Watermark, st)
		c, s := math.Cos(math.Pi/4), math.Sin(math.Pi/4)
		d.artifact(func() {
			x, y := pageWidth/2-c*wide/2, pageHeight/2-s*wide/2
			d.paint(d.set.lines(d.options.Watermark, st, 10*pageWidth)[0], fmt.Sprintf("%s %s %s %s", num(c), num(s), num(-s), num(c)), x, y)
		})
	}
	if len(d.pages) > 1 && d.options.Header != "" {
		d.artifact(func() {
			d.paintAt(d.set.lines(d.options.Header, small, textWidth)[0], left, 34)
			d.rule(40, 0.7)
		})
	}
}

var small = Style{Size: 7.5, Gray: 0.3}

// left tells how much of the page is left, in points.
func (d *Document) room() float64 { return pageHeight - bottom - d.y }

// Keep begins a new page unless so many points are left on this one.
func (d *Document) Keep(points float64) {
	if d.room() < points && d.y > top {
		d.newPage()
	}
}

// Space leaves points free.
func (d *Document) Space(points float64) { d.y += points }

func (d *Document) artifact(draw func()) {
	d.page().content.WriteString("/Artifact BMC\n")
	draw()
	d.page().content.WriteString("EMC\n")
}

// marked draws content of an element on the current page.
func (d *Document) marked(e *element, draw func()) {
	p := d.page()
	e.kids = append(e.kids, kid{page: len(d.pages) - 1, mcid: p.mcids})
	fmt.Fprintf(&p.content, "/%s <</MCID %d>> BDC\n", e.tag, p.mcids)
	p.mcids++
	draw()
	p.content.WriteString("EMC\n")
}

// rule draws a line across the text; y is from the page's top.
func (d *Document) rule(y, gray float64) {
	fmt.Fprintf(&d.page().content, "%s G 0.5 w %s %s m %s %s l S\n", num(gray), num(left), num(pageHeight-y), num(pageWidth-right), num(pageHeight-y))
}

// paintAt writes a line with its baseline at y from the page's top.
func (d *Document) paintAt(l line, x, y float64) { d.paint(l, "1 0 0 1", x, pageHeight-y) }

// paint writes a line. matrix turns it.
func (d *Document) paint(l line, matrix string, x, y float64) {
	if len(l.words) == 0 {
		return
	}
	out := &d.page().content
	fmt.Fprintf(out, "BT %s g\n", num(l.style.Gray))
	fmt.Fprintf(out, "%s %s %s Tm\n", matrix, num(x), num(y))
	blank := d.set.shape(wordKey{text: " "})[0]
	for i, w := range l.words {
		known := true
		for _, r := range w.runs {
			known = d.used[r.face].spells(r, d.fonts.faces[r.face]) && known
		}
		if w.actual != nil {
			fmt.Fprintf(out, "/Span <</ActualText %s>> BDC\n", textString(*w.actual))
		} else if !known {
			fmt.Fprintf(out, "/Span <</ActualText %s>> BDC\n", textString(text(w.runs)))
		}
		for _, r := range w.runs {
			d.glyphs(r, l.style.Size)
		}
		if w.actual != nil || !known {
			out.WriteString("EMC\n")
		}
		if i < len(l.words)-1 {
			d.used[blank.face].spells(blank, d.fonts.faces[blank.face])
			d.glyphs(blank, l.style.Size)
		}
	}
	out.WriteString("ET\n")
}

func text(runs []run) string {
	var b strings.Builder
	for _, r := range runs {
		b.WriteString(string(r.text))
	}
	return b.String()
}

// glyphs writes the glyphs of a run, each where shaping put it.
func (d *Document) glyphs(r run, size float64) {
	out := &d.page().content
	fmt.Fprintf(out, "/F%d %s Tf ", r.face, num(size))
	rise, open, behind := 0.0, false, 0.0 // behind: how far the pen is to the right of where the reader believes it
	shut := func() {
		if open {
			out.WriteString("] TJ ")
			open = false
		}
	}
	for _, g := range r.glyphs {
		if g.dy != rise {
			shut()
			fmt.Fprintf(out, "%s Ts ", num(g.dy*size/1000))
			rise = g.dy
		}
		if !open {
			out.WriteString("[")
			open = true
		}
		if shift := behind + g.dx; math.Abs(shift) > 0.01 {
			out.WriteString(num(-shift))
			behind -= shift
		}
		fmt.Fprintf(out, "<%04X>", g.id)
		behind += g.advance - g.natural
	}
	if math.Abs(behind) > 0.01 {
		if !open {
			out.WriteString("[")
			open = true
		}
		out.WriteString(num(-behind))
	}
	shut()
	if rise != 0 {
		out.WriteString("0 Ts ")
	}
	out.WriteString("\n")
}

// Finish writes footers and gives the file.
func (d *Document) Finish() ([]byte, error) {
	if d.full {
		return nil, fmt.Errorf("the document would have more than %d pages", maxPages)
	}
	f := &file{}
	root, info, tree, fonts := f.reserve(), f.reserve(), f.reserve(), f.reserve()
	all := d.pages
	objects := make([]int, len(all))
	for i := range all {
		objects[i] = f.reserve()
		d.pages = all[:i+1]
		d.artifact(func() {
			d.rule(pageHeight-46, 0.7)
			d.paintAt(d.set.lines(d.options.Footer, small, textWidth*0.8)[0], left, pageHeight-34)
			of := d.options.PageOf(i+1, len(all))
			d.paintAt(d.set.lines(of, small, textWidth)[0], pageWidth-right-d.set.width(of, small), pageHeight-34)
		})
	}
	image := 0
	if d.image != nil {
		image = d.image.put(f)
	}
	var kids, resources strings.Builder
	for i, p := range all {
		content := f.reserve()
		f.stream(content, "", p.content.Bytes())
		picture := ""
		if p.image {
			picture = fmt.Sprintf(" /XObject << /Logo %d 0 R >>", image)
		}
		f.put(objects[i], "<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %s %s] /Resources << /Font %d 0 R%s >> /Contents %d 0 R /StructParents %d /Tabs /S >>",
			tree, num(pageWidth), num(pageHeight), fonts, picture, content, i)
		fmt.Fprintf(&kids, "%d 0 R ", objects[i])
	}
	f.put(tree, "<< /Type /Pages /Kids [%s] /Count %d >>", strings.TrimSpace(kids.String()), len(all))
	for i, u := range d.used {
		if len(u.glyphs) > 0 {
			n, err := d.fonts.faces[i].embed(f, u, strings.TrimSuffix(strings.ReplaceAll(faceFiles[i], "_", "-"), ".ttf"))
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&resources, "/F%d %d 0 R ", i, n)
		}
	}
	f.put(fonts, "<< %s >>", strings.TrimSpace(resources.String()))
	f.put(info, "<< /Title %s /Author %s /Producer (Raksha) /CreationDate %s /ModDate %s >>", textString(d.options.Title), textString(d.options.Author), date(d.options.Created), date(d.options.Created))
	structure := d.structure(f, objects)
	f.put(root, "<< /Type /Catalog /Pages %d 0 R /StructTreeRoot %d 0 R /MarkInfo << /Marked true >> /Lang (%s) /ViewerPreferences << /DisplayDocTitle true >> >>", tree, structure, d.options.Language)
	return f.bytes(root, info), nil
}
