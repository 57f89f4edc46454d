// Package story holds the story file, which says in numbers what a demonstration retells, and the generator that makes
// a synthetic world from it: accounts, posts, pictures and motion media, a hash list, reports, and what holders of data
// know. Pictures are coloured patterns; people, handles and texts are invented; the same file gives the same world.
package story

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"raksha.example/raksha/internal/fault"
)

// File is a story in numbers. A valid one adds up: see Validate.
type File struct {
	Seed         uint64           `json:"seed"`         // everything synthetic derives from it
	Start        time.Time        `json:"start"`        // when the complaint comes in; its offset is the story's local time
	Jurisdiction string           `json:"jurisdiction"` // a file name of jurisdictions/, such as "in"
	Complaint    ComplaintNumbers `json:"complaint"`
	Teams        int              `json:"teams"`     // teams that share out the posts of the case
	Operators    int              `json:"operators"` // hidden groups behind the offending accounts
	Operation    Operation        `json:"operation"`
}

// ComplaintNumbers counts what the commission's complaint names. Accounts are distinct ones.
type ComplaintNumbers struct {
	Accounts       int `yaml:"accounts" json:"accounts"`
	Offending      int `yaml:"offending" json:"offending"`
	Undetermined   int `yaml:"undetermined" json:"undetermined"`
	Gone           int `yaml:"gone" json:"gone"`
	DuplicateLines int `yaml:"duplicate_lines" json:"duplicate_lines"`
}

// Operation counts the crackdown that went before: one case for each account that was found or reported in its period.
type Operation struct {
	Name    string `json:"name"`
	Cases   int    `json:"cases"`
	Arrests int    `json:"arrests"`
	Period  Period `json:"period"`
}

// Period is a calendar month of the story's local time.
type Period struct {
	Year  int
	Month time.Month
}

// String gives the month as 2021-12.
func (p Period) String() string { return fmt.Sprintf("%04d-%02d", p.Year, p.Month) }

// MarshalText gives the month as String does.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what String gives.
func (p *Period) UnmarshalText(b []byte) error {
	month, err := time.Parse("2006-01", string(b))
	if err != nil {
		return fault.New(fault.Invalid, "%q is not a month; write it as 2021-12", b)
	}
	*p = Period{month.Year(), month.Month()}
	return nil
}

// Span gives the first instant of the month and the first instant after it.
func (p Period) Span(zone *time.Location) (from, until time.Time) {
	return time.Date(p.Year, p.Month, 1, 0, 0, 0, 0, zone), time.Date(p.Year, p.Month+1, 1, 0, 0, 0, 0, zone)
}

// Limits of a story file. They keep a mistyped number from filling a disk.
const (
	maxFileBytes = 64 << 10
	maxAccounts  = 5000
	maxCases     = 5000
	maxTeams     = 50
	maxOperators = 500
	maxNameRunes = 40
)

// minGap is the least time between the end of the operation's month and the start: what happened between must fit.
const minGap = time.Hour

//go:embed default.yaml
var defaultYAML []byte

// Default gives the story that Raksha tells when it is given none.
func Default() File {
	f, err := Parse(defaultYAML)
	if err != nil {
		return File{} // TestDefault keeps the embedded file sound
	}
	return f
}

// Load reads a story file.
func Load(path string) (File, error) {
	r, err := os.Open(path)
	if err != nil {
		return File{}, fault.Wrap(err, fault.NotFound, "the story file %s cannot be opened: %v", path, err)
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return File{}, fault.Wrap(err, fault.Invalid, "the story file %s cannot be read: %v", path, err)
	}
	f, err := Parse(b)
	if err != nil {
		return File{}, fault.Wrap(err, fault.Invalid, "story file %s: %s", path, fault.Message(err))
	}
	return f, nil
}

// written is the file as typed, before instants and months are understood.
type written struct {
	Seed         uint64           `yaml:"seed"`
	Start        string           `yaml:"start"`
	Jurisdiction string           `yaml:"jurisdiction"`
	Complaint    ComplaintNumbers `yaml:"complaint"`
	Teams        int              `yaml:"teams"`
	Operators    int              `yaml:"operators"`
	Operation    struct {
		Name    string `yaml:"name"`
		Cases   int    `yaml:"cases"`
		Arrests int    `yaml:"arrests"`
		Period  string `yaml:"period"`
	} `yaml:"operation"`
}

// Parse reads a story in YAML. Unknown keys, and numbers that do not add up, are refused, saying which.
func Parse(b []byte) (f File, err error) {
	if len(b) > maxFileBytes {
		return File{}, fault.New(fault.TooLarge, "a story file has at most %d KiB", maxFileBytes>>10)
	}
	var w written
	if err := decode(b, &w); err != nil {
		return File{}, fault.Wrap(err, fault.Invalid, "this is not a story: %s", strings.TrimSpace(err.Error()))
	}
	f = File{Seed: w.Seed, Jurisdiction: w.Jurisdiction, Complaint: w.Complaint, Teams: w.Teams, Operators: w.Operators,
		Operation: Operation{Name: w.Operation.Name, Cases: w.Operation.Cases, Arrests: w.Operation.Arrests}}
	if f.Start, err = time.Parse(time.RFC3339, w.Start); err != nil {
		return File{}, fault.New(fault.Invalid, "start: %q is not an instant; write it as 2022-09-18T09:00:00+05:30", w.Start)
	}
	if err = f.Operation.Period.UnmarshalText([]byte(w.Operation.Period)); err != nil {
		return File{}, fault.New(fault.Invalid, "operation.period: %s", fault.Message(err))
	}
	return f, f.Validate()
}

// decode is the YAML reader with a fence: the library is known to panic on some malformed input.
func decode(b []byte, into any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed YAML: %v", r)
		}
	}()
	if err = yaml.UnmarshalWithOptions(b, into, yaml.Strict()); err != nil {
		return fmt.Errorf("%s", yaml.FormatError(err, false, false))
	}
	return nil
}
