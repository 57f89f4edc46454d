package intake

import "strings"

// sealedParts are the elements of a report that tell who a child is: the victim, and whom the material or the words were meant for.
var sealedParts = []string{"victim", "intendedRecipient"}

// Seal gives a report without what tells who a child is: such an element stays, empty and marked.
func (e *Element) Seal() *Element {
	out := *e
	out.Children = nil
	for _, c := range e.Children {
		if isSealed(c.Name) {
			c = &Element{Name: c.Name, Sealed: true}
		}
		out.Children = append(out.Children, c)
	}
	return &out
}

// SealedOnly gives what Seal takes out, under the same root.
func (e *Element) SealedOnly() *Element {
	out := &Element{Name: e.Name}
	for _, c := range e.Children {
		if isSealed(c.Name) {
			out.Children = append(out.Children, c)
		}
	}
	return out
}

func isSealed(name string) bool {
	for _, s := range sealedParts {
		if strings.EqualFold(s, name) { // a part that is misspelt only by its letters' case is the same
			return true
		}
	}
	return false
}

// Count gives the number of elements, this one included.
func (e *Element) Count() int {
	n := 1
	for _, c := range e.Children {
		n += c.Count()
	}
	return n
}
