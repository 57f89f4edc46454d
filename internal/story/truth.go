package story

// Truth is what the generator hid. It is read by tests only: nothing that plays or tells the story may ask for it,
// because the figures must be found, not looked up.
type Truth struct {
	Offending []string   `json:"offending"` // account IDs of the complaint that offend
	Operators [][]string `json:"operators"` // the same accounts, by who runs them
	Undecided []string   `json:"undecided"` // account IDs of the complaint that must not be blocked
	Gone      []string   `json:"gone"`      // account IDs of the complaint that are gone before the story starts
	Scanned   []string   `json:"scanned"`   // account IDs that the scan of the operation's month can find
	Reused    []Reuse    `json:"reused"`    // handles that passed from a gone account to another
	Listed    []string   `json:"listed"`    // media IDs that are a listed original or a copy of one
	LookAlike []string   `json:"lookalike"` // media IDs that only resemble a listed original
	Proxies   []string   `json:"proxies"`   // addresses that many unrelated accounts share
	Shops     []string   `json:"shops"`     // payment handles of ordinary shops
	Pictures  []string   `json:"pictures"`  // media IDs of the pictures given from outside, by file name
}

// Reuse is a handle that two accounts carried, one after the other.
type Reuse struct {
	Handle string `json:"handle"` // as the new account writes it
	OldID  string `json:"old_id"`
	NewID  string `json:"new_id"`
}

// Truth gives what the generator hid. For tests only.
func (w *World) Truth() Truth { return w.truth }
