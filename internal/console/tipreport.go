package console

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/platforms"
)

// filed reads the report that a tip came by, with the parts about children sealed, and its files.
func (v *tipView) filed(r *request) error {
	if v.t.Source != intake.FromReport {
		return nil
	}
	f, err := intake.OfTip(r.ctx, r.q, v.t.ID)
	if fault.Of(err) == fault.NotFound && err != nil {
		return nil // it came by another node's report
	}
	if err != nil {
		return err
	}
	if f.Report != nil {
		f.Report = f.Report.Seal()
	}
	v.report = &f
	for _, x := range f.Files {
		m := tipMedia{MediaRow: platforms.MediaRow{ID: x.MediaID, Kind: x.Kind, SHA256: x.SHA256, MD5: x.MD5, Size: x.Size, Failure: x.Failure}}
		if m.match, err = lists.MatchOf(r.ctx, r.q, x.MediaID); err != nil {
			return err
		}
		v.media = append(v.media, m)
	}
	return nil
}

type victimView struct {
	t     intake.Tip
	parts []*intake.Element
}

// tipVictim shows what is sealed on the page of a tip. Reading it asks for a purpose of its own and is logged for itself.
func (o *console) tipVictim(r *request) (string, templ.Component, error) {
	id, err := r.id()
	if err != nil {
		return "", nil, err
	}
	v := victimView{}
	if v.t, err = intake.ByID(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	f, err := intake.OfTip(r.ctx, r.q, id)
	if err != nil {
		return "", nil, err
	}
	if f.Report != nil {
		v.parts = f.Report.SealedOnly().Children
	}
	return "Sealed parts of tip " + v.t.Number, victimPage(v), nil
}

// elementsShown is how many elements of a document a page shows. The longest report in use has some hundreds.
const elementsShown = 5000

// branch is an element as a page shows it.
type branch struct {
	*intake.Element
	children []branch
	cut      bool // there is more than the page shows
}

func branches(e *intake.Element) branch {
	left := elementsShown
	return grow(e, &left)
}

func grow(e *intake.Element, left *int) branch {
	b := branch{Element: e}
	for _, c := range e.Children {
		if *left--; *left < 0 {
			b.cut = true
			break
		}
		b.children = append(b.children, grow(c, left))
	}
	return b
}

var capital = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// elementName writes a name of the schema in words: incidentDateTime becomes "incident date time".
func elementName(name string) string {
	return strings.ToLower(capital.ReplaceAllString(name, "$1 $2"))
}

// elementText writes what an element holds, so that no program makes a link of it.
func elementText(e *intake.Element) string {
	if strings.HasSuffix(strings.ToLower(e.Name), "url") {
		return locator(e.Text)
	}
	return defang(e.Text)
}

// isFlag says whether what an element holds are flags: an empty one is set.
func isFlag(container string) bool { return strings.HasSuffix(container, "Annotations") }

func attributes(e *intake.Element) string {
	var said []string
	for _, a := range e.Attrs {
		said = append(said, elementName(a.Name)+": "+defang(a.Value))
	}
	return strings.Join(said, ", ")
}

func fileTitle(f intake.FiledFile) string {
	if f.Name == "" {
		return "File " + f.FileID
	}
	return fmt.Sprintf("File %s", defang(f.Name))
}
