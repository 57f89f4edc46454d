package console

import (
	"context"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
)

// formsView is what came through the public form: what waits for a person, and the newest of all.
type formsView struct {
	show         show
	held, recent []intake.KeptForm
	may, on      bool
}

const recentForms = 50

func (o *console) publicForms(r *request) (string, templ.Component, error) {
	v := formsView{show: r.show, may: o.Tips != nil && r.person.May(identity.DecideTips), on: o.Form != nil}
	var err error
	if v.held, err = intake.Forms(r.ctx, r.q, "held", 200); err != nil {
		return "", nil, err
	}
	v.recent, err = intake.Forms(r.ctx, r.q, "", recentForms)
	return "Public form", formsPage(v), err
}

func (o *console) decideForm(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	return "/forms", o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := o.People.Check(ctx, tx, r.person, identity.Ask{Need: identity.DecideTips}); err != nil {
			return err
		}
		if r.PostForm.Get("act") == "discard" {
			return o.Tips.Discard(ctx, tx, id, r.person.ID, r.PostForm.Get("reason"))
		}
		return o.Tips.Release(ctx, tx, id, r.person.ID)
	})
}

var heldWords = map[string]string{
	intake.HeldNoProof: "it came without the browser's work: no script ran there",
	intake.HeldTrap:    "a field was filled in that people do not see",
}

func heldFor(key string) string { return words(heldWords, key) }

var formWords = map[string]string{"held": "waits for a person", "entered": "became tips", "discarded": "discarded"}

func formState(key string) string { return words(formWords, key) }

// formTone gives the look of a form's state.
func formTone(key string) string {
	switch key {
	case "held":
		return "pending"
	case "entered":
		return "linked"
	}
	return "plain"
}
