// Package paper prints legal documents for people: one PDF for each document, from the bytes that were signed, and the
// question whether such a paper is genuine.
//
// Nothing that was signed is left off: a member of the content that this package does not know is printed under its own
// name. Addresses are defanged, data that a holder produced is not printed, and no media is anywhere in it.
package paper

import (
	"encoding/json"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/paper/typeset"
	"raksha.example/raksha/internal/rules"
)

// Sheet is what stands on a paper. The same sheet gives the same bytes.
type Sheet struct {
	Language   string // English or Hindi
	Instrument string
	Number     string
	Version    int64
	ID         string // the document's, within its issuer
	Draft      bool

	Letterhead string   // name of the issuer
	Address    []string // under the name
	Logo       *typeset.Image
	CopyBy     string // who printed it, if that is not the issuer
	To         string // name of the addressee
	Contact    []string

	Subject    string
	Supersedes string // number of the document whose place it takes
	InReplyTo  string // number of the document that it answers, or its id
	Sections   []string
	Rule       *rules.Rule
	RuleID     string
	Content    json.RawMessage
	Items      []courier.Item
	Answer     bool // its items say what became of them

	At         time.Time // signed; of a draft: drafted
	ReceivedAt time.Time // by the addressee; zero: not known yet
	DueAt      time.Time
	Zone       *time.Location

	Signatory, Authority  string
	OfficerKID, AgencyKID string
	Passkey               bool
	SHA256, Checkpoint    string

	CheckURL string // where the node answers whether a paper is genuine; empty: nowhere
	Code     string // with which it is asked
}

// content is what legal documents say beyond their items. It has the members of orders.Content and of a referral.
type content struct {
	LegalBasis    string            `json:"legal_basis"`
	Procedure     string            `json:"procedure"`
	Reasons       string            `json:"reasons"`
	CaseRef       string            `json:"case_ref"`
	Scope         string            `json:"scope"`
	Redress       string            `json:"redress"`
	Confidential  string            `json:"confidential"`
	PreserveFirst bool              `json:"preserve_first"`
	Preservation  string            `json:"preservation"`
	Text          string            `json:"text"`
	Matter        string            `json:"matter"`
	HearingAt     int64             `json:"hearing_at"`
	Place         string            `json:"place"`
	Asked         []string          `json:"asked"`
	Figures       json.RawMessage   `json:"figures"`
	Data          string            `json:"data"`
	Language      string            `json:"language"`
	Channel       string            `json:"channel"`
	Reason        string            `json:"reason"`
	Tips          []json.RawMessage `json:"tips"`
}

var contentKeys = []string{"legal_basis", "procedure", "reasons", "case_ref", "scope", "redress", "confidential", "preserve_first", "preservation", "text", "matter",
	"hearing_at", "place", "asked", "figures", "data", "language", "channel", "reason", "tips"}
