package triage

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Class is what the desk does with tips of one class: its template.
type Class struct {
	Name         string     `yaml:"-" json:"name"`
	Title        string     `yaml:"title" json:"title"`
	Exposes      bool       `yaml:"exposes" json:"exposes"` // working on it counts as exposure
	LookAt       []string   `yaml:"look_at" json:"look_at"`
	Questions    []Question `yaml:"questions" json:"questions"`
	Tasks        []string   `yaml:"tasks" json:"tasks"`
	Decisions    []string   `yaml:"decisions" json:"decisions"` // states that it may be decided to be
	Routing      string     `yaml:"routing" json:"routing"`
	RefusedDesks []string   `yaml:"refused_desks" json:"refused_desks,omitempty"` // agencies with such a desk get none by referral
}

// Question is one of the template's questions. The answers are kept with the decision.
type Question struct {
	ID        string   `yaml:"id" json:"id"`
	Ask       string   `yaml:"ask" json:"ask"`
	Choices   []string `yaml:"choices" json:"choices,omitempty"`       // empty: free text
	NeededFor []string `yaml:"needed_for" json:"needed_for,omitempty"` // decisions that need an answer
}

//go:embed classes.yaml
var classFile []byte

// classes are the templates by the names of the classes. TestClasses keeps the embedded file sound.
var classes = func() map[string]Class {
	var all map[string]Class
	if err := yaml.UnmarshalWithOptions(classFile, &all, yaml.Strict()); err != nil {
		return nil
	}
	for name, c := range all {
		c.Name = name
		all[name] = c
	}
	return all
}()

// ClassNames gives the names of all classes, in alphabetical order.
func ClassNames() []string { return slices.Sorted(maps.Keys(classes)) }

// ClassOf gives the template of a class; one that is not known has that of "other".
func ClassOf(name string) Class {
	if c, ok := classes[name]; ok {
		return c
	}
	return classes[intake.ClassOther]
}

// Exposes says whether working on tips of a class counts as exposure.
func Exposes(class string) bool { return ClassOf(class).Exposes }

const answerLimit = 500 // characters

// check refuses answers that the template does not ask for, and a decision that it does not allow or that lacks an answer.
func (c Class) check(state string, answers map[string]string) error {
	if !slices.Contains(c.Decisions, state) {
		return fault.New(fault.Invalid, "a tip of the class %q is decided to be %s", c.Title, strings.Join(c.Decisions, ", "))
	}
	known := map[string]bool{}
	for _, q := range c.Questions {
		known[q.ID] = true
		a := answers[q.ID]
		switch {
		case a != "" && len(q.Choices) > 0 && !slices.Contains(q.Choices, a):
			return fault.New(fault.Invalid, "%q takes one of: %s", q.Ask, strings.Join(q.Choices, ", "))
		case len(a) > answerLimit:
			return fault.New(fault.TooLarge, "an answer has at most %d characters", answerLimit)
		case strings.TrimSpace(a) == "" && slices.Contains(q.NeededFor, state):
			return fault.New(fault.Invalid, "answer first: %s", q.Ask)
		}
	}
	for id := range answers {
		if !known[id] {
			return fault.New(fault.Invalid, "the class %q does not ask %q", c.Title, id)
		}
	}
	return nil
}

// mayGo refuses a referral of a tip to an agency that must not get its class (design: material of adult sexual violence is not
// sent to child clearinghouses), and of one that another person works on. An agency with another desk takes it at that.
func (d *Desk) mayGo(ctx context.Context, q store.Queryer, t intake.Tip, audience string) error {
	if err := d.freeFor(ctx, q, t); err != nil {
		return err
	}
	c := ClassOf(t.Class)
	if len(c.RefusedDesks) == 0 {
		return nil
	}
	var listed string
	err := q.QueryRowContext(ctx, "SELECT desks FROM peer WHERE agency = $1", audience).Scan(&listed)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "the directory does not list %s: it cannot be told whether it takes tips of this class", audience)
	}
	if err != nil {
		return err
	}
	desks := strings.Fields(listed)
	if slices.ContainsFunc(desks, func(desk string) bool {
		return desk != string(directory.Holder) && !slices.Contains(c.RefusedDesks, desk)
	}) {
		return nil
	}
	for _, desk := range c.RefusedDesks {
		if slices.Contains(desks, desk) {
			return fault.Coded(fault.Refused, "wrong_desk", "tip %s tells of %s, which is not sent to a %s; %s is one. Refer it by its own routing: %s", t.Number, strings.ToLower(c.Title), desk, audience, c.Routing)
		}
	}
	return nil
}

// Reclassify says that a tip is of another class, and why. The person must hold the claim; the queue follows.
func (d *Desk) Reclassify(ctx context.Context, tx *store.Tx, p identity.Person, tipID int64, class, reason string) error {
	t, c, err := d.held(ctx, tx, p, tipID)
	if err != nil {
		return err
	}
	if _, ok := classes[class]; !ok {
		return fault.New(fault.Invalid, "there is no class %q; the classes are %v", class, ClassNames())
	}
	if class == t.Class {
		return fault.New(fault.Conflict, "tip %s is of this class already", t.Number)
	}
	if strings.TrimSpace(reason) == "" || len(reason) > noteLimit {
		return fault.New(fault.Invalid, "say in at most %d characters why tip %s is of another class", noteLimit, t.Number)
	}
	text := fmt.Sprintf("from %q to %q: %s", ClassOf(t.Class).Title, ClassOf(class).Title, strings.TrimSpace(reason))
	if err := d.note(ctx, tx, p, tipID, "class", text); err != nil {
		return err
	}
	if err := d.tips.Set(ctx, tx, tipID, "tip.reclassified", record.Fields{"class": class}); err != nil {
		return err
	}
	return d.active(ctx, tx, p, c)
}

// Relabel gives a tip a word of the desk's own to sort by; empty takes it away. The queue follows.
func (d *Desk) Relabel(ctx context.Context, tx *store.Tx, p identity.Person, tipID int64, label string) error {
	label = strings.TrimSpace(label)
	if len(label) > 120 {
		return fault.New(fault.Invalid, "a label has at most 120 characters")
	}
	t, err := intake.ByID(ctx, tx, tipID)
	if err != nil {
		return err
	}
	if err := d.freeFor(ctx, tx, t); err != nil {
		return err
	}
	if label == t.Label {
		return nil
	}
	if err := d.note(ctx, tx, p, tipID, "label", label); err != nil {
		return err
	}
	return d.tips.Set(ctx, tx, tipID, "tip.labelled", record.Fields{"label": label})
}

func (d *Desk) note(ctx context.Context, tx *store.Tx, p identity.Person, tipID int64, kind, text string) error {
	_, err := d.log.Insert(ctx, tx, "tip_note", "tip.note", time.Time{}, record.Fields{"tip_id": tipID, "person_id": p.ID, "kind": kind, "content": text, "written_at": d.clock.Now()})
	return err
}
