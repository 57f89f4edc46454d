package console

import (
	"context"
	"fmt"
	"strings"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

type rulesView struct {
	show    show
	all     []triage.RulesVersion
	people  map[int64]string
	decides bool
}

func (o *console) rulesVersions(r *request) (string, templ.Component, error) {
	v := rulesView{show: r.show, decides: r.person.May(identity.DecideTips)}
	var err error
	if v.all, err = triage.AllRules(r.ctx, r.q); err != nil {
		return "", nil, err
	}
	v.people, err = o.names(r)
	return "Priority rules", rulesPage(v), err
}

type versionView struct {
	show    show
	v       triage.RulesVersion
	shadow  triage.ShadowReport
	people  map[int64]string
	decides bool
	own     bool // drafted by who reads
}

const rulesLimit = 256 << 10 // bytes of a form with rules, encoded

func versionAddress(id int64) string { return fmt.Sprintf("/priority/%d", id) }

func (o *console) rulesVersion(r *request) (string, templ.Component, error) {
	id, err := r.id()
	if err != nil {
		return "", nil, err
	}
	v := versionView{show: r.show, decides: r.person.May(identity.DecideTips)}
	if v.v, err = triage.RulesByID(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	v.own = v.v.DraftedBy == r.person.ID
	if v.v.State == triage.Shadow {
		if v.shadow, err = triage.ShadowOf(r.ctx, r.q, id); err != nil {
			return "", nil, err
		}
	}
	v.people, err = o.names(r)
	return fmt.Sprintf("Priority rules, version %d", id), versionPage(v), err
}

func (o *console) draftRules(r *request) (next string, err error) {
	err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		v, err := o.Triage.DraftRules(ctx, tx, []byte(strings.ReplaceAll(r.PostForm.Get("yaml"), "\r\n", "\n")), r.person.ID)
		next = versionAddress(v.ID)
		return err
	})
	return next, err
}

func (o *console) shadowRules(r *request) (string, error) {
	return o.onID(r, versionAddress, func(ctx context.Context, tx *store.Tx, id int64) error {
		if err := o.Triage.ShadowRules(ctx, tx, id); err != nil {
			return err
		}
		return o.Triage.RecomputeSoon(ctx, tx)
	})
}

func (o *console) testRules(r *request) (string, error) {
	return o.onID(r, versionAddress, func(ctx context.Context, tx *store.Tx, id int64) error {
		_, err := o.Triage.TestRules(ctx, tx, id)
		return err
	})
}

func (o *console) liveRules(r *request) (string, error) {
	if err := o.People.NeedFresh(r.person); err != nil {
		return "", err
	}
	return o.onID(r, versionAddress, func(ctx context.Context, tx *store.Tx, id int64) error {
		if err := o.Triage.GoLive(ctx, tx, id, r.person.ID); err != nil {
			return err
		}
		return o.Triage.RecomputeSoon(ctx, tx)
	})
}

var rulesWords = map[string]string{"draft": "draft: used for nothing", "shadow": "in the shadow: computed, not used", "live": "live", "retired": "retired"}

// signed writes points with their sign.
func signed(n int64) string {
	if n < 0 {
		return fmt.Sprintf("−%d", -n)
	}
	return fmt.Sprintf("+%d", n)
}

// ranking writes how good an order is, or that it cannot be told.
func ranking(auc float64) string {
	if auc == 0 {
		return "cannot be told: there are not both kinds"
	}
	return fmt.Sprintf("%.2f", auc)
}

func rulesTone(state string) string {
	switch state {
	case triage.Live:
		return "complied"
	case triage.Shadow:
		return "pending"
	}
	return state + "_rules"
}
