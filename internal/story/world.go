package story

import (
	"time"
)

// Host is the public name of the social server in the story. It stands in every address that people see.
const Host = "chirp.example"

// World is everything synthetic that a story needs. It does not change after Generate, and is safe for concurrent use.
type World struct {
	File     File        `json:"file"`
	Accounts []Account   `json:"accounts"` // by time of creation, so by ID
	Posts    []Post      `json:"posts"`    // by time, so by ID
	List     []ListEntry `json:"list"`     // the clearinghouse's own hash list
	Reports  []Report    `json:"reports"`  // by time: what the clearinghouse receives in the operation's month

	media     map[string]mediaSpec
	originals []original
	pictures  []string // paths of the pictures given from outside
	complaint []byte
	holdings  []Holding
	arrested  []bool // by index of case
	truth     Truth
}

// Account is one account of the social server, with what the server holds on it.
type Account struct {
	ID          string    `json:"id"`     // decimal, increasing with CreatedAt
	Handle      string    `json:"handle"` // without @ and host; no two accounts that exist at one time differ only in case
	DisplayName string    `json:"display_name"`
	Bio         string    `json:"bio"`
	CreatedAt   time.Time `json:"created_at"`
	GoneAt      time.Time `json:"gone_at,omitzero"` // when it was deleted; zero: never

	// What only the server knows.
	Email    string  `json:"email"`
	Phone    string  `json:"phone"`               // E.164, may be empty
	RealName string  `json:"real_name,omitempty"` // mostly empty
	Logins   []Login `json:"logins"`              // oldest first
}

// Login is one use of an account as the server logged it.
type Login struct {
	At    time.Time `json:"at"`
	IP    string    `json:"ip"` // from the ranges kept for documentation
	Port  int       `json:"port"`
	Event string    `json:"event"` // "registration" or "login"
}

// Exists tells whether the account can be seen in public at an instant.
func (a Account) Exists(at time.Time) bool {
	return !a.CreatedAt.After(at) && (a.GoneAt.IsZero() || a.GoneAt.After(at))
}

// Post is one public post.
type Post struct {
	ID        string    `json:"id"` // decimal, increasing with CreatedAt
	AccountID string    `json:"account_id"`
	CreatedAt time.Time `json:"created_at"`
	Text      string    `json:"text"`
	Language  string    `json:"language"` // ISO 639-1
	Media     []string  `json:"media,omitempty"`
}

// ListEntry is one line of the clearinghouse's hash list.
type ListEntry struct {
	Kind  string `json:"kind"`  // "pdq", "sha256", "md5" or "vpdq"
	Value string `json:"value"` // hex; for vpdq one line a frame: number,quality,hash,seconds
	Label string `json:"label"` // the original's name; its entries share it
}

// Report is what an online service sends the clearinghouse about one person.
type Report struct {
	ID         string       `json:"id"`
	Class      string       `json:"class"` // "media", "enticement" or "contact"
	XML        []byte       `json:"xml"`   // a CyberTipline <report>
	Files      []ReportFile `json:"files,omitempty"`
	OccurredAt time.Time    `json:"occurred_at"`
	SentAt     time.Time    `json:"sent_at"`
}

// ReportFile is one file of a report. Its bytes are World.Media(MediaID).
type ReportFile struct {
	Name       string    `json:"name"`
	MediaID    string    `json:"media_id"`
	IP         string    `json:"ip"`
	UploadedAt time.Time `json:"uploaded_at"`
	Viewed     bool      `json:"viewed"` // whether the service looked at the file itself
}

// Holding is what a telecom, bank or payment service knows about one selector.
type Holding struct {
	Selector string    `json:"selector"` // a payment handle in lower case, or an E.164 number
	Kind     string    `json:"kind"`     // "payment" or "phone"
	Name     string    `json:"name"`
	Phone    string    `json:"phone"`    // contact number given at opening, E.164
	Account  string    `json:"account"`  // the holder's own number for the customer
	BankRef  string    `json:"bank_ref"` // branch code of the account behind a payment handle; empty for a number
	OpenedAt time.Time `json:"opened_at"`
	Logins   []Login   `json:"logins,omitempty"`
}

// Options say what goes into a world beside the story's own numbers.
type Options struct {
	PicturesDir string // a folder whose *.jpg are posted unchanged in the operation's month; empty: none
}

// Complaint gives the CSV file as a commission would type it.
func (w *World) Complaint() []byte { return append([]byte(nil), w.complaint...) }

// Holdings gives what holders outside the platform know, in order of selector.
func (w *World) Holdings() []Holding { return append([]Holding(nil), w.holdings...) }

// Arrests tells whether the case with an index from 0 ends with an arrest. Of the operation's cases exactly
// File.Operation.Arrests do, whatever order the cases come in.
func (w *World) Arrests(caseIndex int) bool {
	return caseIndex >= 0 && caseIndex < len(w.arrested) && w.arrested[caseIndex]
}

// PlannedOutcome gives the words in which the case with an index from 0 is to be reported back.
func (w *World) PlannedOutcome(caseIndex int) string {
	if w.Arrests(caseIndex) {
		return []string{
			"One person arrested; devices seized and sent for examination.",
			"One person arrested and produced before the court; charge sheet to follow.",
		}[caseIndex%2]
	}
	return []string{
		"Account holder traced; investigation continues.",
		"No holder identified yet; replies from the telecom operator are awaited.",
		"Number registered on another person's papers; enquiry continues.",
	}[((caseIndex%3)+3)%3]
}
