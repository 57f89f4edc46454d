// Package rules holds the dated rule tables of jurisdictions/: which clock, rank, legal basis and section applied at an
// instant. Law is dated: substantive law by the date of the offence, procedure by the date of the step, evidence law by
// the proceeding. A document freezes the rule that it was made under.
package rules

import (
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
)

// The instruments: the kinds of document that a rule governs.
const (
	TakedownOrder          = "takedown_order"
	InformationRequest     = "information_request"
	EmergencyRequest       = "emergency_disclosure_request" // of data, while a life is in imminent danger
	PreservationRequest    = "preservation_request"
	FreezeRequest          = "account_freeze_request" // of a payment account
	Summons                = "summons"
	Notice                 = "notice"
	Referral               = "referral"
	Response               = "response"
	EffectReport           = "effect_report"            // what effect an order was given, and when
	RevocationNotice       = "revocation_notice"        // withdraws an order
	RestorationNotice      = "restoration_notice"       // has what a revoked order removed put back
	ActionTakenReport      = "action_taken_report"      // to whoever summoned or gave notice
	LegalAssistanceRequest = "legal_assistance_request" // to another country: a letter rogatory, a request under a treaty
	Certificate            = "certificate"
)

// Instruments lists every instrument.
func Instruments() []string {
	return []string{TakedownOrder, InformationRequest, EmergencyRequest, PreservationRequest, FreezeRequest, Summons, Notice, Referral, Response, EffectReport,
		RevocationNotice, RestorationNotice, ActionTakenReport, LegalAssistanceRequest, Certificate}
}

// Triggers: what starts the clock.
const (
	OnReceipt = "receipt" // the addressee's receipt of the document
	OnEvent   = "event"   // the event that the document names: a hearing, a reply-by day
	OnIssue   = "issue"   // the signing of the document
)

// Conditions that a rule asks for beyond the signature.
const (
	ImminentDanger = "imminent_danger" // to life, and the document says why
	CallBack       = "call_back"       // to a contact of the directory, never to one that the document gives
	SecondOfficer  = "second_officer"  // confirms the call-back
	FormalProcess  = "formal_process"  // follows within FollowUp
)

// Conditions lists every condition.
func Conditions() []string { return []string{ImminentDanger, CallBack, SecondOfficer, FormalProcess} }

// Ways in which an officer is authorised to sign.
const (
	ByReference        = "reference"          // states the order that authorises him or her
	ByRank             = "rank"               // MinRank or above
	ByRankAndReference = "rank_and_reference" // both
	ByAgency           = "agency"             // the agency's own signature is enough
)

// How certain a line of a jurisdiction's file is.
const (
	TextSeen      = "P" // the text of the Act or rule was seen
	SecondarySeen = "S" // news or commentary was seen
	Unseen        = "K" // general knowledge: have counsel check it
)

// Rule is one version of a rule, in force from ValidFrom until before ValidTo (zero: still in force).
type Rule struct {
	ID            string    `json:"id"` // such as "in.takedown_order", the same for every version
	Version       int       `json:"version"`
	Jurisdiction  string    `json:"jurisdiction"`
	Instrument    string    `json:"instrument"`
	ValidFrom     time.Time `json:"valid_from"`
	ValidTo       time.Time `json:"valid_to,omitzero"`
	Trigger       string    `json:"trigger"`
	Duration      string    `json:"duration"` // "36h", "180d", "2m" (months), "1y"
	Calendar      string    `json:"calendar"` // InHours, InDays, InWholeDays or InWorkingDays
	MinRank       string    `json:"min_rank,omitempty"`
	Authorisation string    `json:"authorisation"`
	Conditions    []string  `json:"conditions,omitempty"`
	FollowUp      string    `json:"follow_up,omitempty"` // within which FormalProcess follows, counted from issue
	LegalBasis    string    `json:"legal_basis"`
	Redress       string    `json:"redress"`
	Source        string    `json:"source"`
	Certainty     string    `json:"certainty"`

	of        *Jurisdiction
	rankSince time.Time // since when MinRank or a lower one has been asked without a break
}

// Due gives when the clock that started at from runs out, in UTC. It depends on from alone, in the jurisdiction's zone.
func (r Rule) Due(from time.Time) time.Time { return r.of.due(r.Duration, r.Calendar, from) }

// FollowUpDue gives by when the formal request must follow one that was issued at an instant, in UTC; zero if none must.
func (r Rule) FollowUpDue(issued time.Time) time.Time {
	if r.FollowUp == "" {
		return time.Time{}
	}
	return r.of.due(r.FollowUp, InDays, issued)
}

// Hours gives the length of the clock in hours, roughly: a day counts as 24, a month as 30 days, a year as 365.
func (r Rule) Hours() float64 {
	n, unit, err := parseSpan(r.Duration)
	if err != nil {
		return 0
	}
	return float64(n) * map[byte]float64{'h': 1, 'd': 24, 'm': 30 * 24, 'y': 365 * 24}[unit]
}

// Allows tells whether an officer of a rank, authorised by the order authorisationRef, may sign under this rule. The
// refusals are fault.Refused with the codes "under_ranked", "unknown_rank" and "no_authorisation".
func (r Rule) Allows(rank, authorisationRef string) error {
	if r.Authorisation == ByRank || r.Authorisation == ByRankAndReference {
		if err := r.allowsRank(rank); err != nil {
			return err
		}
	}
	if r.Authorisation == ByReference || r.Authorisation == ByRankAndReference {
		if strings.TrimSpace(authorisationRef) == "" {
			return fault.Coded(fault.Refused, "no_authorisation",
				"the officer states no order that authorises him or her to issue %s; %s asks for its reference",
				article(r.Instrument), r.Name())
		}
	}
	return nil
}

func (r Rule) allowsRank(rank string) error {
	if r.of == nil {
		return fault.New(fault.Internal, "the rule %s was not loaded from a jurisdiction's file, so its ranks are unknown", r.Name())
	}
	needed, _ := r.of.Rank(r.MinRank)
	since := r.rankSince.In(r.of.location).Format("2 January 2006")
	switch level, ok := r.of.Rank(rank); {
	case !ok:
		return fault.Coded(fault.Refused, "unknown_rank",
			"the rank %q is not a rank known in %s; %s must be issued by an officer of the rank of %s or above since %s",
			rank, r.of.Name, article(r.Instrument), r.MinRank, since)
	case level < needed:
		return fault.Coded(fault.Refused, "under_ranked",
			"%s must be issued by an officer of the rank of %s or above since %s (%s); the signing officer is %s %s",
			article(r.Instrument), r.MinRank, since, r.LegalBasis, indefinite(rank), rank)
	}
	return nil
}

// InForce tells whether the version is in force at an instant.
func (r Rule) InForce(at time.Time) bool {
	return !at.Before(r.ValidFrom) && (r.ValidTo.IsZero() || at.Before(r.ValidTo))
}

// Name is the rule's id and version, as documents cite it.
func (r Rule) Name() string { return versionName(r.ID, r.Version) }

// Section is one section of an Act, as a label.
type Section struct {
	Act       string    `json:"act"`
	Section   string    `json:"section"`
	Title     string    `json:"title"`
	Source    string    `json:"source"`
	Certainty string    `json:"certainty"`
	ValidFrom time.Time `json:"valid_from"`
	ValidTo   time.Time `json:"valid_to,omitzero"`
}

// String gives the short label, such as "CrPC s.154"; empty for the zero Section.
func (s Section) String() string {
	if s.Act == "" {
		return ""
	}
	return s.Act + " s." + s.Section
}

// Numbering is a series of numbers that an agency gives out without gaps.
type Numbering struct {
	Series    string   `json:"series"` // "fir"
	Per       []string `json:"per"`    // what the series starts anew for: "station", "year"
	Format    string   `json:"format"` // "FIR No. {serial}/{year}"
	Source    string   `json:"source"`
	Certainty string   `json:"certainty"`
}

// Rank is one rank with its level: a higher level outranks a lower one.
type Rank struct {
	Name  string
	Level int
}

// Jurisdiction is one jurisdiction's file, checked.
type Jurisdiction struct {
	Code, Name string
	location   *time.Location
	ranks      []Rank // lowest first
	levels     map[string]int
	rules      map[string][]Rule // by instrument, in the order of ValidFrom
	procedure  map[string][]Section
	offences   map[string][]Section // by class
	numbering  []Numbering
	helplines  []Helpline
	duties     []Duty      // in the file's order
	openings   []Opening   // in the order of the file
	clocks     []StepClock // in the file's order
	weekend    [7]bool     // by time.Weekday
	national   []Holiday   // always
	holidays   []Holiday   // national, and those that are listed
}

// Location gives the time zone in which the jurisdiction's days begin.
func (j *Jurisdiction) Location() *time.Location { return j.location }

// Rule gives the version of the instrument's rule that is in force at an instant: fault.Refused "no_rule" if there is none.
func (j *Jurisdiction) Rule(instrument string, at time.Time) (Rule, error) {
	versions, ok := j.rules[instrument]
	if !ok {
		return Rule{}, fault.Coded(fault.Refused, "no_rule", "%s has no rule for %q", j.Name, instrument)
	}
	for _, r := range versions {
		if r.InForce(at) {
			return r, nil
		}
	}
	return Rule{}, fault.Coded(fault.Refused, "no_rule", "%s has no rule for %s that is in force on %s; the first begins on %s",
		j.Name, article(instrument), at.In(j.location).Format("2 January 2006"), versions[0].ValidFrom.In(j.location).Format("2 January 2006"))
}

// Versions gives every version of an instrument's rule, oldest first.
func (j *Jurisdiction) Versions(instrument string) []Rule { return slices.Clone(j.rules[instrument]) }

// Sections gives the sections to tag an offence of a class with, by the date of the offence. The classes are those that
// Classes lists; an unknown class gives none.
func (j *Jurisdiction) Sections(class string, offenceAt time.Time) []Section {
	var in []Section
	for _, s := range j.offences[class] {
		if s.inForce(offenceAt) {
			in = append(in, s)
		}
	}
	return in
}

// Classes lists the offence classes, sorted.
func (j *Jurisdiction) Classes() []string { return sortedKeys(j.offences) }

// Procedure gives the section for a step (fir, zero_fir, production, electronic_evidence, ...) by the date of the step: the
// zero Section if the law knew no such step on that day.
func (j *Jurisdiction) Procedure(step string, at time.Time) Section {
	for _, s := range j.procedure[step] {
		if s.inForce(at) {
			return s
		}
	}
	return Section{}
}

// Steps lists the steps of procedure, sorted.
func (j *Jurisdiction) Steps() []string { return sortedKeys(j.procedure) }

// Rank gives the level of a rank by its name or one of its other names, in any case.
func (j *Jurisdiction) Rank(name string) (level int, ok bool) {
	level, ok = j.levels[rankKey(name)]
	return level, ok
}

// Ranks lists the ranks, lowest first.
func (j *Jurisdiction) Ranks() []Rank { return slices.Clone(j.ranks) }

// Numbering gives a series' numbering.
func (j *Jurisdiction) Numbering(series string) (Numbering, bool) {
	for _, n := range j.numbering {
		if n.Series == series {
			return n, true
		}
	}
	return Numbering{}, false
}

// Year gives the calendar year of an instant where the jurisdiction is.
func (j *Jurisdiction) Year(at time.Time) int { return at.In(j.location).Year() }

func (s Section) inForce(at time.Time) bool {
	return !at.Before(s.ValidFrom) && (s.ValidTo.IsZero() || at.Before(s.ValidTo))
}

// Book is every jurisdiction that was loaded.
type Book struct{ jurisdictions map[string]*Jurisdiction }

// Jurisdiction gives a jurisdiction by its code, such as "in".
func (b *Book) Jurisdiction(code string) (*Jurisdiction, error) {
	if j, ok := b.jurisdictions[code]; ok {
		return j, nil
	}
	return nil, fault.New(fault.NotFound, "no rules are held for the jurisdiction %q; held are: %s", code,
		strings.Join(b.Codes(), ", "))
}

// Codes lists the jurisdictions' codes, sorted.
func (b *Book) Codes() []string { return sortedKeys(b.jurisdictions) }

// Version gives one version of a rule by its id, to judge a document by the rule that it froze.
func (b *Book) Version(id string, version int) (Rule, error) {
	for _, j := range b.jurisdictions {
		for _, versions := range j.rules {
			for _, r := range versions {
				if r.ID == id && r.Version == version {
					return r, nil
				}
			}
		}
	}
	return Rule{}, fault.Coded(fault.Refused, "no_rule", "no rule %s is held here", versionName(id, version))
}
