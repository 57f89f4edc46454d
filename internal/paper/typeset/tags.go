package typeset

import (
	"fmt"
	"strings"
)

// element is a structure element (ISO 32000-1 14.7.2): its kids are elements or pieces of pages.
type element struct {
	tag, language, alt, attributes string
	parent                         *element
	kids                           []kid
	object                         int
}

// kid is an element, or the marked content of a page.
type kid struct {
	element    *element
	page, mcid int
}

func (e *element) child(tag string) *element {
	c := &element{tag: tag, parent: e}
	e.kids = append(e.kids, kid{element: c})
	return c
}

// structure writes the tree and gives the object of its root. pages are the page objects.
func (d *Document) structure(f *file, pages []int) int {
	root := f.reserve()
	owners := make([][]int, len(pages)) // by page and mcid: the element
	var number func(e *element)
	number = func(e *element) {
		e.object = f.reserve()
		for _, k := range e.kids {
			if k.element != nil {
				number(k.element)
				continue
			}
			for len(owners[k.page]) <= k.mcid {
				owners[k.page] = append(owners[k.page], 0)
			}
			owners[k.page][k.mcid] = e.object
		}
	}
	number(d.root)
	var write func(e *element, parent int)
	write = func(e *element, parent int) {
		var kids, rest strings.Builder
		for _, k := range e.kids {
			if k.element != nil {
				fmt.Fprintf(&kids, "%d 0 R ", k.element.object)
				write(k.element, e.object)
			} else {
				fmt.Fprintf(&kids, "<< /Type /MCR /Pg %d 0 R /MCID %d >> ", pages[k.page], k.mcid)
			}
		}
		if e.language != "" {
			fmt.Fprintf(&rest, " /Lang (%s)", e.language)
		}
		if e.alt != "" {
			rest.WriteString(" /Alt " + textString(e.alt))
		}
		if e.attributes != "" {
			rest.WriteString(" /A << " + e.attributes + " >>")
		}
		f.put(e.object, "<< /Type /StructElem /S /%s /P %d 0 R%s /K [%s] >>", e.tag, parent, rest.String(), strings.TrimSpace(kids.String()))
	}
	write(d.root, root)
	var numbers strings.Builder
	for page, elements := range owners {
		fmt.Fprintf(&numbers, "%d [", page)
		for _, e := range elements {
			fmt.Fprintf(&numbers, "%d 0 R ", e)
		}
		numbers.WriteString("] ")
	}
	f.put(root, "<< /Type /StructTreeRoot /K [%d 0 R] /ParentTree << /Nums [%s] >> /ParentTreeNextKey %d >>", d.root.object, strings.TrimSpace(numbers.String()), len(pages))
	return root
}
