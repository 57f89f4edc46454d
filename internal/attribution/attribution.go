// Package attribution ties accounts together over what they share: payment handles, wallets, phones, e-mail addresses,
// invitations, and network addresses at an instant, as accounts show them and as holders of data answer about them.
//
// A link is a lead and nothing more. Accounts that links tie together make a cluster; only a person's judgement, with
// reasons and exhibits, makes a subject of it, and a later judgement can take it back. Nothing is ever deleted: clusters
// that no longer hold are superseded and stay on record.
package attribution

import (
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Tables tell the record which rows to answer for.
var Tables = []record.Table{
	{Name: "selector", Sealed: []string{"value"}},
	{Name: "sighting", Sealed: []string{"name"}},
	{Name: "cluster"},
	{Name: "cluster_member"},
	{Name: "link_assertion", Sealed: []string{"basis"}},
	{Name: "judgement", Sealed: []string{"reason"}},
	{Name: "subject", Sealed: []string{"name"}},
}

// States of a cluster.
const (
	Candidate  = "candidate"  // computed; nobody has judged it, or somebody was unsure
	Lead       = "lead"       // judged positive: it has a subject
	Rejected   = "rejected"   // judged negative
	Superseded = "superseded" // computed anew with another result, or taken into a wider lead
)

// Verdicts of a judgement.
const (
	Positive = "positive"
	Negative = "negative"
	Unsure   = "unsure"
)

// Where a selector was seen.
const (
	inPost   = "post"
	inBio    = "bio"
	inAnswer = "answer"
)

// Links finds selectors, links and clusters of a node's cases. It implements casework.SelectorSink.
type Links struct {
	db     *store.DB
	log    *record.Log
	clock  clock.Clock
	region string
}

// New makes the attribution of a node. region (ISO 3166-1, such as IN) is where phones without a country code are from.
func New(db *store.DB, log *record.Log, c clock.Clock, region string) *Links {
	return &Links{db, log, c, region}
}

// Answer is what a holder produced about an account, or about a selector, such as the customer behind a payment handle.
// Exactly one of AccountID and SelectorID is set.
type Answer struct {
	AccountID  int64
	SelectorID int64
	DocumentID int64 // the answer as filed; 0 if there is none
	Name       string
	Email      string
	Phone      string
	Account    string // the holder's own number for the customer
	BankRef    string // branch code of the account behind a payment handle
	Logins     []platforms.Login
}

// Seen is one selector of a case.
type Seen struct {
	ID        int64  `json:"id"`
	Kind      string `json:"kind"`
	Value     string `json:"value"`
	Accounts  int64  `json:"accounts"`  // of the case, that show it or whose selector's holder it belongs to
	Sources   string `json:"sources"`   // of post, bio, answer: those where it was seen, with commas
	Offending int64  `json:"offending"` // of these, found to offend
	Asked     bool   `json:"asked"`     // whether its holder was asked
}

// Cluster is a set of accounts that links tie together. Times are microseconds UTC.
type Cluster struct {
	ID         int64       `json:"id"`
	CaseID     int64       `json:"case_id"`
	Label      string      `json:"label"`
	State      string      `json:"state"`
	Accounts   []int64     `json:"accounts"`
	Handles    []string    `json:"handles"` // of the accounts, in the same order
	Links      []Link      `json:"links"`
	Judgements []Judgement `json:"judgements"`        // oldest first
	Subject    string      `json:"subject,omitempty"` // of a lead
	ComputedAt int64       `json:"computed_at"`
}

// Link says that two accounts share a selector, directly or through the holder's answer about one that they show.
type Link struct {
	AccountID  int64  `json:"account_id"`
	OtherID    int64  `json:"other_id"`
	SelectorID int64  `json:"selector_id"`
	Kind       string `json:"kind"`
	Value      string `json:"value"`
	Weight     int64  `json:"weight"` // 0 to 100; from Threshold on it ties
	Basis      string `json:"basis"`  // in words
}

// Judgement is what a person made of a cluster. Times are microseconds UTC.
type Judgement struct {
	ID       int64    `json:"id"`
	Verdict  string   `json:"verdict"`
	Reason   string   `json:"reason"`
	Exhibits []string `json:"exhibits"` // numbers of documents of the case
	JudgedBy int64    `json:"judged_by"`
	JudgedAt int64    `json:"judged_at"`
	Subject  string   `json:"subject,omitempty"`
}
