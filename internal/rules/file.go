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
	Helplines []struct {
		For       string            `yaml:"for"`
		Number    string            `yaml:"number"`
		Name      map[string]string `yaml:"name"`
		Source    string            `yaml:"source"`
		Certainty string            `yaml:"certainty"`
	} `yaml:"helplines"`
	Numbering []struct {
		Series    string   `yaml:"series"`
		Per       []string `yaml:"per"`
		Format    string   `yaml:"format"`
		Source    string   `yaml:"source"`
		Certainty string   `yaml:"certainty"`
	} `yaml:"numbering"`
	Rules []struct {
		ID            string `yaml:"id"`
		Version       int    `yaml:"version"`
		Instrument    string `yaml:"instrument"`
		ValidFrom     string `yaml:"valid_from"`
		ValidTo       string `yaml:"valid_to"`
		Trigger       string `yaml:"trigger"`
		Duration      string `yaml:"duration"`
		Calendar      string `yaml:"calendar"`
		MinRank       string `yaml:"min_rank"`
		Authorisation string `yaml:"authorisation"`
		LegalBasis    string `yaml:"legal_basis"`
		Redress       string `yaml:"redress"`
		Source        string `yaml:"source"`
		Certainty     string `yaml:"certainty"`
	} `yaml:"rules"`
	Openings []struct {
		Condition  string `yaml:"condition"`
		ValidFrom  string `yaml:"valid_from"`
		ValidTo    string `yaml:"valid_to"`
		LegalBasis string `yaml:"legal_basis"`
		Source     string `yaml:"source"`
		Certainty  string `yaml:"certainty"`
	} `yaml:"openings"`
	Procedure []struct {
		Step     string        `yaml:"step"`
		Sections []fileSection `yaml:"sections"`
	} `yaml:"procedure"`
	Offences []struct {
		Class    string        `yaml:"class"`
		Sections []fileSection `yaml:"sections"`
	} `yaml:"offences"`
	Duties []fileDuty `yaml:"duties"`
}

type fileSection struct {
	Act       string `yaml:"act"`
	Section   string `yaml:"section"`
	ValidFrom string `yaml:"valid_from"`
	ValidTo   string `yaml:"valid_to"`
	Title     string `yaml:"title"`
	Source    string `yaml:"source"`
	Certainty string `yaml:"certainty"`
}

// Embedded loads the jurisdictions that were built in.
func Embedded() (*Book, error) { return Load(jurisdictions.Files) }

// Load reads every *.yaml of a folder. An error is fault.Invalid; it names the file and every thing wrong in it.
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
		b, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "%s cannot be read", name)
		}
		j, err := parse(b)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "%s: %v", name, err)
		}
		if _, twice := book.jurisdictions[j.Code]; twice {
			return nil, fault.New(fault.Invalid, "%s: the jurisdiction %q stands in another file too", name, j.Code)
		}
		book.jurisdictions[j.Code] = j
	}
	return book, nil
}

// parse reads one file and checks it whole.
func parse(b []byte) (*Jurisdiction, error) {
	var f file
	if err := Decode(b, &f); err != nil {
		return nil, err
	}
	return f.check()
}

// Decode reads a file of rules that people write: one YAML document of at most 256 KiB, not deeply nested, without anchors, aliases
// and tags, and with no member that into does not have. The error names the line.
func Decode(b []byte, into any) error {
	if err := limit(b); err != nil {
		return err
	}
	tree, err := parser.ParseBytes(b, 0)
	if err != nil {
		return fmt.Errorf("not YAML: %w", err)
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return fmt.Errorf("the file must hold one YAML document")
	}
	var wrong string
	if ast.Walk(shape{wrong: &wrong}, tree.Docs[0].Body); wrong != "" {
		return errors.New(wrong)
	}
	if err := yaml.NodeToValue(tree.Docs[0].Body, into, yaml.Strict()); err != nil {
		return errors.New(strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	return nil
}

// limit refuses, before the parser sees it, a file that could only be meant to exhaust the parser.
func limit(b []byte) error {
	if len(b) > maxFile {
		return fmt.Errorf("the file is larger than %d KiB", maxFile>>10)
	}
	for n, line := range bytes.Split(b, []byte("\n")) {
		if len(line) > maxLine {
			return fmt.Errorf("line %d is longer than %d bytes", n+1, maxLine)
		}
	}
	depth := 0
	for _, c := range b {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		if depth > maxDepth {
			return fmt.Errorf("brackets are nested deeper than %d", maxDepth)
		}
	}
	return nil
}

// shape walks the tree to refuse aliases, which could blow up, and deep nesting. wrong is shared by the whole walk.
type shape struct {
	depth int
	wrong *string
}

// Visit is called by ast.Walk for each node with the visitor that its parent's visit gave.
func (s shape) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.TagNode:
		*s.wrong = fmt.Sprintf("line %d: anchors, aliases and tags are not used in these files", n.GetToken().Position.Line)
	}
	s.depth++
	if s.depth > 3*maxDepth { // a mapping is three nodes: itself, its pair, the value
		*s.wrong = fmt.Sprintf("line %d: nested too deeply", n.GetToken().Position.Line)
	}
	if *s.wrong != "" {
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
