package rules

import (
	"time"
)

// ViewedByProvider is the condition of an opening rule: a file that a provider reported is opened without legal process only if somebody
// at the provider has looked at it.
const ViewedByProvider = "viewed_by_provider"

// Opening is a rule on opening files that a provider reported, in force from ValidFrom until before ValidTo (zero: still in force).
type Opening struct {
	Condition  string    `json:"condition"` // ViewedByProvider
	LegalBasis string    `json:"legal_basis"`
	Source     string    `json:"source"`
	Certainty  string    `json:"certainty"`
	ValidFrom  time.Time `json:"valid_from"`
	ValidTo    time.Time `json:"valid_to,omitzero"`
}

// Opening gives the rule on opening reported files at an instant; false if the jurisdiction has none then.
func (j *Jurisdiction) Opening(at time.Time) (Opening, bool) {
	for _, o := range j.openings {
		if !at.Before(o.ValidFrom) && (o.ValidTo.IsZero() || at.Before(o.ValidTo)) {
			return o, true
		}
	}
	return Opening{}, false
}

func (f *file) checkOpenings(j *Jurisdiction, wrong *faults) {
	var spans []span
	for _, fo := range f.Openings {
		const what = "the rule on openings"
		o := Opening{Condition: fo.Condition, LegalBasis: fo.LegalBasis, Source: fo.Source, Certainty: fo.Certainty}
		o.ValidFrom, o.ValidTo = period(what, fo.ValidFrom, fo.ValidTo, j.location, wrong)
		if o.Condition != ViewedByProvider || o.LegalBasis == "" {
			wrong.add("%s needs the condition %s and its legal basis; found %q", what, ViewedByProvider, o.Condition)
		}
		cited(what, o.Source, o.Certainty, wrong)
		j.openings = append(j.openings, o)
		spans = append(spans, span{o.Condition, o.ValidFrom, o.ValidTo, false, wrong.line})
	}
	checkSeries("the rule on openings", spans, j.location, wrong)
}
