package rules

import (
	"strings"
	"testing"
	"testing/fstest"

	"raksha.example/raksha/jurisdictions"
)

// The duties to a child in danger bind the police from the day on which the Act came into force, within 24 hours.
func TestDuties(t *testing.T) {
	j := india(t)
	for _, c := range []struct {
		at, desk, want string
	}{
		{"2012-11-13T23:59:59+05:30", "unit", ""},
		{"2012-11-14T00:00:00+05:30", "unit", "in.child_welfare_committee in.special_court in.child_care"},
		{"2022-09-25T09:00:00Z", "unit", "in.child_welfare_committee in.special_court in.child_care"},
		{"2022-09-25T09:00:00Z", "clearinghouse", ""},
	} {
		var got []string
		for _, d := range j.Duties(at(t, c.at), c.desk) {
			got = append(got, d.ID)
			if due := d.Due(at(t, c.at)); due.Sub(at(t, c.at)).Hours() != 24 {
				t.Errorf("%s is due %s", d.Name(), due)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s for the %s: %v, want %q", c.at, c.desk, got, c.want)
		}
	}
}

// A file with a duty that cannot be meant is refused, and says why.
func TestDutiesRefused(t *testing.T) {
	whole, err := jurisdictions.Files.ReadFile("in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"bound: [unit]", "bound: [lighthouse]", `"lighthouse" is none of the desks`},
		{"bound: [unit]", "bound: []", "binds no desk"},
		{"id: in.special_court\n    version: 1", "id: in.special_court\n    version: 2", "versions that count 1, 2, 3"},
		{"title: \"See to", "colour: red\n    title: \"See to", "colour"},
	} {
		_, err := Load(fstest.MapFS{"in.yaml": {Data: []byte(strings.Replace(string(whole), c.old, c.new, 1))}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.new, err, c.want)
		}
	}
	duties := string(whole)[strings.Index(string(whole), "\nduties:"):]
	for _, c := range []struct{ old, new, want string }{
		{"duration: 24h", "duration: 1d", "must be above 0 and go with the calendar"},
		{"trigger: receipt", "trigger: moon", "neither receipt nor event"},
		{"certainty: P", "certainty: X", "is not P, S or K"},
	} {
		changed := strings.TrimSuffix(string(whole), duties) + strings.Replace(duties, c.old, c.new, 1)
		_, err := Load(fstest.MapFS{"in.yaml": {Data: []byte(changed)}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.new, err, c.want)
		}
	}
}
