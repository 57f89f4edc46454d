package story

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
)

func TestDefault(t *testing.T) {
	f := Default()
	want := File{Seed: 7, Start: f.Start, Jurisdiction: "in", Complaint: ComplaintNumbers{96, 23, 58, 15, 10}, Teams: 4, Operators: 3,
		Operation: Operation{"MASOOM", 160, 50, Period{2021, time.December}}}
	if f != want || f.Start.Format(time.RFC3339) != "2022-09-18T09:00:00+05:30" {
		t.Errorf("got %+v", f)
	}
}

func TestLoad(t *testing.T) {
	for _, name := range []string{"small", "today"} {
		if f, err := Load(filepath.Join("testdata", name+".yaml")); err != nil || f == Default() {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load("testdata/none.yaml"); !errors.Is(err, fault.NotFound) {
		t.Errorf("a missing file: %v", err)
	}
	long := filepath.Join(t.TempDir(), "long.yaml")
	if err := os.WriteFile(long, append(defaultYAML, make([]byte, maxFileBytes)...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(long); err == nil {
		t.Error("a file over the limit was read")
	}
}

// TestRefusals changes one thing of the default and asks for a message that names it.
func TestRefusals(t *testing.T) {
	for _, c := range []struct{ old, new, says string }{
		{"accounts: 96", "accounts: 97", "complaint.accounts is 97, but offending 23 + undetermined 58 + gone 15 = 96"},
		{"gone: 15", "gone: -15", "complaint.gone is -15"},
		{"accounts: 96", "accounts: 5001", "complaint.accounts is 5001"},
		{"duplicate_lines: 10", "duplicate_lines: -1", "complaint.duplicate_lines"},
		{"teams: 4", "teams: 0", "teams is 0"},
		{"teams: 4", "", "teams is 0"},
		{"operators: 3", "operators: 24", "operators is 24, more than the 23 of complaint.offending"},
		{"operators: 3", "operators: 0", "operators is 0"},
		{"arrests: 50", "arrests: 161", "operation.arrests is 161, more than the 160 of operation.cases"},
		{"cases: 160", "cases: 0", "operation.cases is 0"},
		{"cases: 160", "cases: 5001", "operation.cases is 5001"},
		{"name: MASOOM", "name: ''", "operation.name"},
		{"name: MASOOM", `name: "a\x07b"`, "operation.name"},
		{"period: 2021-12", "period: 2022-10", "operation.period 2022-10 is not over by start 2022-09-18"},
		{"period: 2021-12", "period: 2022-09", "operation.period 2022-09"},
		{"period: 2021-12", "period: December", "operation.period"},
		{"period: 2021-12", "period: 2021-13", "operation.period"},
		{"jurisdiction: in", "jurisdiction: zz", `jurisdiction "zz"`},
		{"start: 2022-09-18T09:00:00+05:30", "start: yesterday", "start"},
		{"start: 2022-09-18T09:00:00+05:30", "", "start"},
		{"start: 2022", "start: 9022", "start"},
		{"seed: 7", "seed: seven", "[2:7]"},
		{"teams: 4", "teams: 4\nweather: fine", "weather"},
		{"gone: 15,", "gone: 15, lost: 2,", "lost"},
		{"teams: 4", "teams: 4\nteams: 5", "teams"},
	} {
		text := strings.Replace(string(defaultYAML), c.old, c.new, 1)
		if text == string(defaultYAML) {
			t.Fatalf("%q is not in the default", c.old)
		}
		_, err := Parse([]byte(text))
		if !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), c.says) {
			t.Errorf("%q: %v", c.new, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(defaultYAML)
	for _, name := range []string{"small", "today"} {
		b, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			return
		}
		if err := s.Validate(); err != nil {
			t.Errorf("parsed but not valid: %v", err)
		}
	})
}
