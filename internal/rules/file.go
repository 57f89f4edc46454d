package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
	_ "time/tzdata" // a small machine may have no time zone files, and the law's days must begin all the same

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/jurisdictions"
)

// Limits on a jurisdiction's file: it is written by hand.
const (
	maxFile  = 256 << 10
	maxLine  = 1000 // also bounds how deep block style can nest
	maxDepth = 12
)

// file is the shape of a jurisdiction's file; jurisdictions/in.yaml explains it.
type file struct {
	Jurisdiction string `yaml:"jurisdiction"`
	Name         string `yaml:"name"`
	Location     string `yaml:"location"`
	Ranks        []struct {
		Name  string   `yaml:"name"`
		Level int      `yaml:"level"`
		Also  []string `yaml:"also"`
	} `yaml:"ranks"`
	Numbering []struct {
		Series    string   `yaml:"series"`
		Per       []string `yaml:"per"`
		Format    string   `yaml:"format"`
		Source    string   `yaml:"source"`
		Certainty string   `yaml:"certainty"`
	} `yaml:"numbering"`
	Weekend          fileWeekend   `yaml:"weekend"`
	NationalHolidays []fileHoliday `yaml:"national_holidays"`
	Holidays         []fileHoliday `yaml:"holidays"`
	Rules            []fileRule    `yaml:"rules"`
	Procedure        []struct {
		Step     string        `yaml:"step"`
		Sections []fileSection `yaml:"sections"`
	} `yaml:"procedure"`
	Offences []struct {
		Class    string        `yaml:"class"`
		Sections []fileSection `yaml:"sections"`
	} `yaml:"offences"`
	Clocks    []fileClock `yaml:"clocks"`
	Duties    []fileDuty  `yaml:"duties"`
	Helplines []struct {
		For       string            `yaml:"for"`
		Number    string            `yaml:"number"`
		Name      map[string]string `yaml:"name"`
		Source    string            `yaml:"source"`
		Certainty string            `yaml:"certainty"`
	} `yaml:"helplines"`
	Openings []struct {
		Condition  string `yaml:"condition"`
		ValidFrom  string `yaml:"valid_from"`
		ValidTo    string `yaml:"valid_to"`
		LegalBasis string `yaml:"legal_basis"`
		Source     string `yaml:"source"`
		Certainty  string `yaml:"certainty"`
	} `yaml:"openings"`

	body ast.Node // to tell lines
}

type fileRule struct {
	ID            string   `yaml:"id"`
	Version       int      `yaml:"version"`
	Instrument    string   `yaml:"instrument"`
	ValidFrom     string   `yaml:"valid_from"`
	ValidTo       string   `yaml:"valid_to"`
	Ends          bool     `yaml:"ends"`
	Trigger       string   `yaml:"trigger"`
	Duration      string   `yaml:"duration"`
	Calendar      string   `yaml:"calendar"`
	MinRank       string   `yaml:"min_rank"`
	Authorisation string   `yaml:"authorisation"`
	Conditions    []string `yaml:"conditions"`
	FollowUp      string   `yaml:"follow_up"`
	LegalBasis    string   `yaml:"legal_basis"`
	Redress       string   `yaml:"redress"`
	Source        string   `yaml:"source"`
	Certainty     string   `yaml:"certainty"`
}

type fileSection struct {
	Act       string `yaml:"act"`
	Section   string `yaml:"section"`
	ValidFrom string `yaml:"valid_from"`
	ValidTo   string `yaml:"valid_to"`
	Ends      bool   `yaml:"ends"`
	Title     string `yaml:"title"`
	Source    string `yaml:"source"`
	Certainty string `yaml:"certainty"`
}

type fileWeekend struct {
	Days      []string `yaml:"days"`
	Source    string   `yaml:"source"`
	Certainty string   `yaml:"certainty"`
}

type fileHoliday struct {
	Name      string `yaml:"name"`
	On        string `yaml:"on"`
	Observed  bool   `yaml:"observed"`
	ValidFrom string `yaml:"valid_from"`
	ValidTo   string `yaml:"valid_to"`
	Source    string `yaml:"source"`
	Certainty string `yaml:"certainty"`
}

// holidayFile is an operator's own list of holidays; it takes the place of the jurisdiction's list, never of its national holidays.
type holidayFile struct {
	Jurisdiction string        `yaml:"jurisdiction"`
	Weekend      fileWeekend   `yaml:"weekend"`
	Holidays     []fileHoliday `yaml:"holidays"`

	body ast.Node
}

// Embedded loads the jurisdictions that were built in.
func Embedded() (*Book, error) { return Load(jurisdictions.Files) }

// Load reads every *.yaml of a folder. An error is fault.Invalid; it names file, line and what to change for every thing wrong.
func Load(folder fs.FS) (*Book, error) {
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fault.New(fault.Invalid, "the folder of jurisdictions holds no .yaml file")
	}
	book := &Book{jurisdictions: map[string]*Jurisdiction{}}
	for _, name := range names {
		if err := book.read(folder, name); err != nil {
			return nil, err
		}
	}
	return book, nil
}

// LoadFile reads one file of a folder as Load does.
func LoadFile(folder fs.FS, name string) (*Book, error) {
	book := &Book{jurisdictions: map[string]*Jurisdiction{}}
	return book, book.read(folder, name)
}

func (b *Book) read(folder fs.FS, name string) error {
	data, err := fs.ReadFile(folder, name)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be read", name)
	}
	j, err := parse(data)
	if err != nil {
		return named(name, err)
	}
	if _, twice := b.jurisdictions[j.Code]; twice {
		return fault.New(fault.Invalid, "%s: the jurisdiction %q stands in another file too; keep one of the two", name, j.Code)
	}
	b.jurisdictions[j.Code] = j
	return nil
}

// ReplaceHolidays puts an operator's own list of holidays, and its own weekend if the file has one, into the place of the
// jurisdiction's list. National holidays stay. To be called before the book is used.
func (b *Book) ReplaceHolidays(name string, data []byte) error {
	var f holidayFile
	body, err := decode(data, &f)
	if err != nil {
		return named(name, err)
	}
	f.body = body
	j, err := b.Jurisdiction(f.Jurisdiction)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s: %s", name, fault.Message(err))
	}
	wrong := &faults{}
	listed := checkHolidays(body, "holidays", f.Holidays, wrong)
	if len(f.Weekend.Days) > 0 {
		wrong.line = lineOf(body, "weekend")
		j.weekend = f.Weekend.check(wrong)
	}
	checkEnough(append(listed, j.national...), wrong)
	if err := wrong.err(); err != nil {
		return named(name, err)
	}
	j.holidays = append(listed, j.national...)
	return nil
}

// named puts a file's name before every thing that is wrong in it.
func named(name string, err error) error {
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	var lines []string
	for _, e := range list {
		var p problem
		if errors.As(e, &p) && p.line > 0 {
			lines = append(lines, fmt.Sprintf("%s:%d: %v", name, p.line, p.err))
		} else {
			lines = append(lines, fmt.Sprintf("%s: %v", name, e))
		}
	}
	return fault.Wrap(err, fault.Invalid, "%s", strings.Join(lines, "\n"))
}

// problem is one thing wrong, with the line that it stands on; 0: the file as a whole.
type problem struct {
	line int
	err  error
}

// Error names the line.
func (p problem) Error() string {
	if p.line == 0 {
		return p.err.Error()
	}
	return fmt.Sprintf("line %d: %v", p.line, p.err)
}

// Unwrap gives what is wrong.
func (p problem) Unwrap() error { return p.err }

// parse reads one file and checks it whole.
func parse(b []byte) (*Jurisdiction, error) {
	var f file
	body, err := decode(b, &f)
	if err != nil {
		return nil, err
	}
	f.body = body
	return f.check()
}

// Decode reads a file of rules that people write: one YAML document of at most 256 KiB, not deeply nested, without anchors, aliases
// and tags, and with no member that into does not have. The error names the line.
func Decode(b []byte, into any) error {
	_, err := decode(b, into)
	return err
}

func decode(b []byte, into any) (ast.Node, error) {
	if err := limit(b); err != nil {
		return nil, err
	}
	tree, err := parser.ParseBytes(b, 0)
	if err != nil {
		return nil, atToken(err, "not YAML: ")
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return nil, fmt.Errorf("the file must hold one YAML document")
	}
	var wrong error
	if ast.Walk(shape{wrong: &wrong}, tree.Docs[0].Body); wrong != nil {
		return nil, wrong
	}
	if err := yaml.NodeToValue(tree.Docs[0].Body, into, yaml.Strict()); err != nil {
		return nil, atToken(err, "")
	}
	return tree.Docs[0].Body, nil
}

// atToken gives an error of the YAML package its line.
func atToken(err error, before string) error {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
		hint := ""
		if strings.HasPrefix(y.GetMessage(), "unknown field") {
			hint = "; mend its spelling or take it out"
		}
		return problem{y.GetToken().Position.Line, fmt.Errorf("%s%s%s", before, y.GetMessage(), hint)}
	}
	return fmt.Errorf("%s%s", before, strings.TrimSpace(yaml.FormatError(err, false, false)))
}

// lineOf gives the line of what stands at a path of member names (string) and places (int) below a node; if the end of the path is
// missing, of what is nearest to it.
func lineOf(n ast.Node, path ...any) int {
	line := 0
	if n != nil && n.GetToken() != nil && n.GetToken().Position != nil {
		line = n.GetToken().Position.Line
	}
	for _, step := range path {
		var next ast.Node
		switch key := step.(type) {
		case int:
			if list, ok := n.(*ast.SequenceNode); ok && key < len(list.Values) {
				next = list.Values[key]
			}
		case string:
			for _, pair := range pairs(n) {
				if pair.Key.GetToken() != nil && pair.Key.GetToken().Value == key {
					next = pair.Value
					line = pair.Key.GetToken().Position.Line
				}
			}
		}
		if next == nil {
			return line
		}
		n = next
		if p := pairs(n); len(p) > 0 && p[0].Key.GetToken() != nil {
			line = p[0].Key.GetToken().Position.Line
		}
	}
	return line
}

func pairs(n ast.Node) []*ast.MappingValueNode {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}
	}
	return nil
}

func (f *file) lineOf(path ...any) int { return lineOf(f.body, path...) }

// limit refuses, before the parser sees it, a file that could only be meant to exhaust the parser.
func limit(b []byte) error {
	if len(b) > maxFile {
		return fmt.Errorf("the file is larger than %d KiB; split off what is another jurisdiction's", maxFile>>10)
	}
	for n, line := range bytes.Split(b, []byte("\n")) {
		if len(line) > maxLine {
			return problem{n + 1, fmt.Errorf("the line is longer than %d bytes; break it", maxLine)}
		}
	}
	depth, line := 0, 1
	for _, c := range b {
		switch c {
		case '\n':
			line++
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		if depth > maxDepth {
			return problem{line, fmt.Errorf("brackets are nested deeper than %d", maxDepth)}
		}
	}
	return nil
}

// shape walks the tree to refuse aliases, which could blow up, and deep nesting. wrong is shared by the whole walk.
type shape struct {
	depth int
	wrong *error
}

// Visit is called by ast.Walk for each node with the visitor that its parent's visit gave.
func (s shape) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.TagNode:
		*s.wrong = problem{lineOf(n), fmt.Errorf("anchors, aliases and tags are not used in these files; write the text out")}
	}
	s.depth++
	if s.depth > 3*maxDepth { // a mapping is three nodes: itself, its pair, the value
		*s.wrong = problem{lineOf(n), fmt.Errorf("nested too deeply")}
	}
	if *s.wrong != nil {
		return nil
	}
	return s
}

// parseDay reads a day, which begins at midnight in loc, or an RFC 3339 instant. Empty gives the zero time.
func parseDay(s string, loc *time.Location) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, s, loc); err == nil {
		return t.UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a day (2026-02-20) nor an instant (2026-02-20T00:00:00+05:30)", s)
	}
	return t.UTC(), nil
}
