package rules

import (
	"cmp"
	"regexp"
	"slices"
)

// Whom a helpline is for.
const (
	ForEmergency = "emergency"
	ForChild     = "child" // a child in distress, or whoever calls for one
)

// Helpline is a number that somebody rings when a child is in danger.
type Helpline struct {
	For       string
	Number    string            // as it is dialled
	Names     map[string]string // by language (BCP 47); English is always there
	Source    string
	Certainty string
}

// Name gives the name in a language, in English where it has none in that.
func (h Helpline) Name(language string) string { return cmp.Or(h.Names[language], h.Names["en"]) }

// Helplines gives the numbers of a jurisdiction, those for emergencies first.
func (j *Jurisdiction) Helplines() []Helpline { return slices.Clone(j.helplines) }

var dialled = regexp.MustCompile(`^[0-9+][0-9 -]{1,19}$`)

func (f *file) checkHelplines(j *Jurisdiction, wrong *faults) {
	for _, h := range f.Helplines {
		what := "the helpline " + h.Number
		if h.For != ForEmergency && h.For != ForChild {
			wrong.add("%s is for %q, which is neither emergency nor child", what, h.For)
		}
		if !dialled.MatchString(h.Number) || h.Name["en"] == "" {
			wrong.add("%s needs a number as it is dialled and a name in English", what)
		}
		cited(what, h.Source, h.Certainty, wrong)
		j.helplines = append(j.helplines, Helpline{h.For, h.Number, h.Name, h.Source, h.Certainty})
	}
	slices.SortStableFunc(j.helplines, func(a, b Helpline) int { return cmp.Compare(b.For, a.For) })
}
