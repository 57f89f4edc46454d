// Package foreign holds what the readers of other parties' lists have in common: how they ask, and the forms in which they give what they
// read.
package foreign

import (
	"time"

	"raksha.example/raksha/internal/lists"
)

// MaxKey is the most bytes of a key.
const MaxKey = 512

// Item is one picture or film as the other party tells it.
type Item struct {
	Key     string        // by which the other party knows it, the same at every change
	Stamp   time.Time     // of its last change there; zero if it says none
	Gone    bool          // it is no longer on the list
	Entries []lists.Entry // its hashes, not yet checked
}

// Aside is something that could not be read, and why.
type Aside struct {
	Place  string // where it stood, for a person who looks for it
	Reason string
	Bytes  []byte // what stood there, or its beginning
	Size   int64  // bytes of the whole; 0 is len(Bytes)
	Span   string // what to ask for again, in the exchange's own words; "" if that cannot help
}
