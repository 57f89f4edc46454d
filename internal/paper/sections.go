package paper

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/rules"
)

// acts are the names by which legal bases call the Acts, with the short names of the jurisdiction's file.
var acts = []struct{ name, short string }{
	{"Information Technology Act", "IT Act"}, {"IT Act", "IT Act"}, {"POCSO", "POCSO"}, {"Code of Criminal Procedure", "CrPC"}, {"CrPC", "CrPC"},
	{"Bharatiya Nagarik Suraksha Sanhita", "BNSS"}, {"BNSS", "BNSS"}, {"Bharatiya Nyaya Sanhita", "BNS"}, {"BNS", "BNS"}, {"IPC", "IPC"}, {"Indian Penal Code", "IPC"},
	{"Evidence Act", "Evidence Act"}, {"Bharatiya Sakshya Adhiniyam", "BSA"}, {"BSA", "BSA"}, {"Rules", ""}, {"CPCR", ""}, {"Commission for Women Act", ""},
}

var (
	cited   = regexp.MustCompile(`\bs\.\s?([0-9]+[A-Z]*(?:\([0-9a-z]+\))*)`)
	actName = regexp.MustCompile(actPattern())
)

func actPattern() string {
	var all []string
	for _, a := range acts {
		all = append(all, `\b`+regexp.QuoteMeta(a.name)+`\b`)
	}
	return strings.Join(all, "|") + "|" + cited.String()
}

// sections gives the sections that legal texts cite, as far as the jurisdiction's file has titles for them, by the law in
// force at an instant: "POCSO s.15: Punishment for ...".
func sections(law *rules.Jurisdiction, at time.Time, texts ...string) (out []string) {
	var known []rules.Section
	for _, class := range law.Classes() {
		known = append(known, law.Sections(class, at)...)
	}
	for _, step := range law.Steps() {
		if s := law.Procedure(step, at); s.Act != "" {
			known = append(known, s)
		}
	}
	for _, text := range texts {
		act := ""
		for _, m := range actName.FindAllStringSubmatch(text, -1) {
			if m[1] == "" {
				act = short(m[0])
				continue
			}
			if title := title(known, act, m[1]); act != "" && title != "" {
				line := act + " s." + m[1] + ": " + title
				if !slices.Contains(out, line) {
					out = append(out, line)
				}
			}
		}
	}
	return out
}

func short(name string) string {
	for _, a := range acts {
		if a.name == name {
			return a.short
		}
	}
	return ""
}

// title gives the title of a section; of one whose parts alone are on file, what their titles have in common.
func title(known []rules.Section, act, section string) string {
	for _, s := range known {
		if s.Act == act && s.Section == section {
			return s.Title
		}
	}
	for _, s := range known {
		if whole, _, parts := strings.Cut(s.Section, "("); parts && s.Act == act && whole == section {
			before, _, _ := strings.Cut(s.Title, ": ")
			return before
		}
	}
	return ""
}
