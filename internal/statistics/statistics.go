// Package statistics computes a node's figures as of a time. They come from what the record's entries fold to and never
// from the tables, so that the figures of any day can be computed again later, by anybody who has the record.
package statistics

// Figures are the node's figures. What counts at AsOf is what had been recorded by then; when things happened only
// orders them by day.
type Figures struct {
	AsOf       int64              `json:"as_of"`          // microseconds UTC
	Case       *CaseFigures       `json:"case,omitempty"` // when a case was asked for
	Operations []OperationFigures `json:"operations"`
	Funnel     Funnel             `json:"funnel"`
	Documents  Documents          `json:"documents"`
	ByDay      []Day              `json:"by_day"` // days on which something happened, in order
}

// Funnel leads from tips to arrests. A cell that Suppress withholds is -1.
type Funnel struct {
	Tips       int64 `json:"tips"`
	Actionable int64 `json:"actionable"` // tips on which somebody decided to act: actionable, referred or linked to a case
	Cases      int64 `json:"cases"`      // registered
	Orders     int64 `json:"orders"`     // takedown orders signed
	Blocked    int64 `json:"blocked"`    // items of these orders that are suspended or removed
	Identified int64 `json:"identified"` // leads: clusters judged positive
	Arrested   int64 `json:"arrested"`
}

// Documents are the documents that the node issued.
type Documents struct {
	Sent         int64 `json:"sent"`         // signed
	Acknowledged int64 `json:"acknowledged"` // with a signed acknowledgement
	Refused      int64 `json:"refused"`      // with a signed refusal
	Overdue      int64 `json:"overdue"`      // acknowledged, unanswered and past due
}

// Day is one day in the jurisdiction's zone.
type Day struct {
	Day     string `json:"day"`     // 2006-01-02
	Tips    int64  `json:"tips"`    // received
	Cases   int64  `json:"cases"`   // registered
	Ordered int64  `json:"ordered"` // items of orders signed
	Blocked int64  `json:"blocked"` // items that took effect
	Arrests int64  `json:"arrests"`
}

// OperationFigures are those of a drive over many cases.
type OperationFigures struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Period  string `json:"period"` // year-month
	Tips    int64  `json:"tips"`   // linked to its cases
	Cases   int64  `json:"cases"`  // registered
	Arrests int64  `json:"arrests"`
}

// CaseFigures are those of one case.
type CaseFigures struct {
	CaseID               int64   `json:"case_id"`
	FIR                  string  `json:"fir,omitempty"`
	Teams                int64   `json:"teams"`
	Accounts             int64   `json:"accounts"`
	Offending            int64   `json:"offending"`
	Undetermined         int64   `json:"undetermined"`
	Gone                 int64   `json:"gone"`
	Posts                int64   `json:"posts"` // in the shares of the teams
	PostsAnalysed        int64   `json:"posts_analysed"`
	ListedMedia          int64   `json:"listed_media"`  // posts found to show listed media
	Ordered              int64   `json:"ordered"`       // items of signed takedown orders
	Blocked              int64   `json:"blocked"`       // of these: suspended, removed, or removed before
	NotFound             int64   `json:"not_found"`     //
	Refused              int64   `json:"refused"`       // the item, or the order that it stands in
	Pending              int64   `json:"pending"`       // not answered yet
	VerifiedGone         int64   `json:"verified_gone"` // of the blocked: the unit looked, and it was gone
	InformationRequested int64   `json:"information_requested"`
	InformationAnswered  int64   `json:"information_answered"`
	Clusters             int64   `json:"clusters"` // candidates and leads
	Leads                int64   `json:"leads"`
	Arrests              int64   `json:"arrests"`
	HoursAllowed         float64 `json:"hours_allowed"` // from receipt to due, of the order received last; 0: no clock yet
}
