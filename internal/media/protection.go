package media

// dataLimit is the private memory in bytes that a child may have; beyond it the child dies.
const dataLimit = 2 << 30

// Protection is one thing that a child gave up before it read any input.
type Protection struct {
	Name     string `json:"name"`     // "privileges", "files", "calls", "limits", "dumps" or "descriptors"
	Obtained bool   `json:"obtained"` // seen to work, not merely asked for
	Detail   string `json:"detail"`   // what was obtained, or why it was not; a sentence for the operator
}

// Protections is what a child reported of itself, before it was sent anything.
type Protections []Protection

// Missing gives the protections that this machine does not offer.
func (ps Protections) Missing() Protections {
	var missing Protections
	for _, p := range ps {
		if !p.Obtained {
			missing = append(missing, p)
		}
	}
	return missing
}
