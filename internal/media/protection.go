package media

import (
	"strings"

	"raksha.example/raksha/internal/fault"
)

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

// fault says that nothing is decoded without these protections.
func (ps Protections) fault() error {
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = p.Name
	}
	return fault.Coded(fault.Unavailable, "weak_confinement", "media are not decoded here, because this machine cannot confine the process that does it (missing: %s). "+
		"Run raksha doctor to see why, or allow weak confinement in the node's settings", strings.Join(names, ", "))
}
