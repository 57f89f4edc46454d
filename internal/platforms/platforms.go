// Package platforms holds the shapes of accounts and posts on other people's servers, the addresses people write for
// them, and the connectors that read those servers and, with their owner's token, act on them.
//
// A platform has a public name (its host, such as chirp.example) that stands in every address people see, and a base
// URL at which this node reaches it. Handles are compared without case: everywhere in this package a handle is lower
// case, without a leading @.
package platforms

import "time"

// Account is a public profile.
type Account struct {
	Host        string // the platform's public name
	ID          string // the platform's own id
	Handle      string // canonical: lower case, no leading @; name@host for an account of another server
	URL         string // as the platform gives it
	DisplayName string
	Bio         string // plain text
	CreatedAt   time.Time
	Suspended   bool
}

// Locator gives the account's canonical address.
func (a Account) Locator() Locator { return accountLocator(a.Host, a.Handle) }

// The kinds of media.
const (
	Image = "image"
	Video = "video" // Mastodon: video and gifv
)

// Media is a picture or a video that a post shows.
type Media struct {
	ID   string
	Kind string // Image or Video
	URL  string // where its bytes are
}

// Post is one public post.
type Post struct {
	Host      string
	ID        string
	URL       string
	AccountID string
	Handle    string // of the author, canonical
	CreatedAt time.Time
	Text      string // plain text, HTML stripped; a content warning stands first on a line of its own
	Language  string // ISO 639-1, or empty
	Media     []Media
}

// Locator gives the post's canonical address.
func (p Post) Locator() Locator {
	return Locator{Kind: KindPost, Host: p.Host, Handle: p.Handle, PostID: p.ID}
}

// The events at which a holder keeps an address.
const (
	Registration = "registration"
	SignIn       = "login"
)

// Login is one trace of a network address: the port matters, since many subscribers share an address.
type Login struct {
	At    time.Time
	IP    string
	Port  int    // 0 when the holder does not keep it
	Event string // Registration or SignIn
}

// Holder is what a platform holds on the person behind an account. Name is mostly empty.
type Holder struct {
	Name      string
	Email     string
	Phone     string
	CreatedAt time.Time
	Logins    []Login
}

// The categories of a report to a platform (Mastodon documentation, methods/reports).
const (
	CategoryLegal     = "legal"
	CategoryViolation = "violation"
	CategorySpam      = "spam"
	CategoryOther     = "other"
)

// Report is a complaint filed with the platform itself.
type Report struct {
	AccountID string
	PostIDs   []string
	Comment   string // at most 1000 characters on Mastodon
	Category  string // one of the categories; empty means CategoryLegal
}
