package story

import (
	"unicode"
	"unicode/utf8"

	"raksha.example/raksha/internal/fault"
)

// jurisdictions are those whose people and numbers the generator can invent.
var jurisdictions = map[string]bool{"in": true}

// Validate refuses a story whose numbers do not add up, and says which.
func (f File) Validate() error {
	c, o := f.Complaint, f.Operation
	for _, n := range []struct {
		key              string
		value, min, most int
	}{
		{"complaint.accounts", c.Accounts, 1, maxAccounts},
		{"complaint.offending", c.Offending, 0, maxAccounts},
		{"complaint.undetermined", c.Undetermined, 0, maxAccounts},
		{"complaint.gone", c.Gone, 0, maxAccounts},
		{"complaint.duplicate_lines", c.DuplicateLines, 0, maxAccounts},
		{"teams", f.Teams, 1, maxTeams},
		{"operators", f.Operators, 0, maxOperators},
		{"operation.cases", o.Cases, 1, maxCases},
		{"operation.arrests", o.Arrests, 0, maxCases},
	} {
		if n.value < n.min || n.value > n.most {
			return fault.New(fault.Invalid, "%s is %d; it must be from %d to %d", n.key, n.value, n.min, n.most)
		}
	}
	if sum := c.Offending + c.Undetermined + c.Gone; c.Accounts != sum {
		return fault.New(fault.Invalid, "complaint.accounts is %d, but offending %d + undetermined %d + gone %d = %d",
			c.Accounts, c.Offending, c.Undetermined, c.Gone, sum)
	}
	if f.Operators > c.Offending {
		return fault.New(fault.Invalid, "operators is %d, more than the %d of complaint.offending: each runs at least one account", f.Operators, c.Offending)
	}
	if f.Operators == 0 && c.Offending > 0 {
		return fault.New(fault.Invalid, "operators is 0, but complaint.offending is %d: somebody must run these accounts", c.Offending)
	}
	if o.Arrests > o.Cases {
		return fault.New(fault.Invalid, "operation.arrests is %d, more than the %d of operation.cases", o.Arrests, o.Cases)
	}
	if !jurisdictions[f.Jurisdiction] {
		return fault.New(fault.Invalid, "jurisdiction %q is not known; the known one is \"in\"", f.Jurisdiction)
	}
	if err := checkName(o.Name); err != nil {
		return err
	}
	if y := f.Start.Year(); y < 2010 || y > 2100 {
		return fault.New(fault.Invalid, "start is in the year %d; it must be from 2010 to 2100", y)
	}
	if o.Period.Year < 2010 || o.Period.Month < 1 || o.Period.Month > 12 {
		return fault.New(fault.Invalid, "operation.period is %s; it must be a month of 2010 or later", o.Period)
	}
	if _, until := o.Period.Span(f.Start.Location()); f.Start.Sub(until) < minGap {
		return fault.New(fault.Invalid, "operation.period %s is not over by start %s; the operation goes before the complaint",
			o.Period, f.Start.Format("2006-01-02"))
	}
	return nil
}

func checkName(name string) error {
	if name == "" || utf8.RuneCountInString(name) > maxNameRunes {
		return fault.New(fault.Invalid, "operation.name must have from 1 to %d characters", maxNameRunes)
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return fault.New(fault.Invalid, "operation.name holds a character that cannot be printed")
		}
	}
	return nil
}
