package play

import (
	"context"
	"fmt"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/platforms"
)

// caseTitle is what the unit calls the case of the complaint.
const caseTitle = "Accounts that spread CSEAM, on the Commission's complaint"

// caseWork plays the unit's investigation up to a finding on every account.
func (d *Demo) caseWork(ctx context.Context) error {
	if err := d.at(d.when.accept); err != nil {
		return err
	}
	c, err := d.openCase(ctx)
	if err != nil {
		return err
	}
	if err := d.at(d.when.divide); err != nil {
		return err
	}
	if err := d.divide(ctx, c); err != nil {
		return err
	}
	if err := d.at(d.when.analyse); err != nil {
		return err
	}
	if err := d.analyse(ctx, c); err != nil {
		return err
	}
	if err := d.at(d.when.find); err != nil {
		return err
	}
	return d.find(ctx, c)
}

// openCase accepts the commission's referrals and registers one case over all their tips.
func (d *Demo) openCase(ctx context.Context) (casework.Case, error) {
	raghav := d.who("unit", "raghav")
	referrals, err := accept(ctx, raghav)
	if err != nil {
		return casework.Case{}, err
	}
	var ids []int64
	for _, f := range referrals {
		if f.Issuer != "commission" {
			continue
		}
		of, err := tips(ctx, raghav, map[string][]string{"referral_id": {fmt.Sprint(f.ID)}})
		if err != nil {
			return casework.Case{}, err
		}
		for _, t := range of {
			ids = append(ids, t.ID)
		}
	}
	c, err := post[casework.Case](ctx, raghav, "case", "/api/v1/cases", map[string]any{"title": caseTitle, "tip_ids": ids})
	if err != nil {
		return c, err
	}
	if c, err = post[casework.Case](ctx, raghav, fmt.Sprintf("case/%d/fir", c.ID), casePath(c, "fir"), nil); err != nil {
		return c, err
	}
	if err := d.letIn(ctx, c); err != nil {
		return c, err
	}
	d.say("case", "%s: FIR %s under %s", d.day(d.when.accept), c.FIR, c.Procedure)
	return c, nil
}

// letIn names those whom the case concerns: the lead grants, and nobody else sees it, not even who administers the node.
func (d *Demo) letIn(ctx context.Context, c casework.Case) error {
	members := map[string]identity.Relation{"kavya": identity.Reader, "harish": identity.Reader, "noor": identity.Reader, "devika": identity.Reader}
	for i := range d.kept.Story.Teams {
		members[analyst(i)] = identity.Writer
	}
	for username, relation := range members {
		if _, err := post[nothing](ctx, d.who("unit", "raghav"), fmt.Sprintf("case/%d/member/%s", c.ID, username), casePath(c, "members"),
			map[string]any{"username": username, "relation": relation}); err != nil {
			return err
		}
	}
	return nil
}

func casePath(c casework.Case, rest string) string {
	return fmt.Sprintf("/api/v1/cases/%d/%s", c.ID, rest)
}

// theCase finds the case of the complaint.
func (d *Demo) theCase(ctx context.Context) (casework.Case, error) {
	all, err := get[[]casework.Case](ctx, d.who("unit", "raghav"), "/api/v1/cases")
	if err != nil {
		return casework.Case{}, err
	}
	for _, c := range all {
		if c.Title == caseTitle {
			return c, nil
		}
	}
	return casework.Case{}, fault.New(fault.NotFound, "the unit has no case on the complaint")
}

// divide forms the teams, looks at every account's public page and shares the posts out.
func (d *Demo) divide(ctx context.Context, c casework.Case) error {
	raghav := d.who("unit", "raghav")
	for i := range d.kept.Story.Teams {
		if _, err := post[nothing](ctx, raghav, fmt.Sprintf("team/%d", i+1), casePath(c, "teams"), map[string]string{"name": fmt.Sprintf("Team %d", i+1)}); err != nil {
			return err
		}
	}
	accounts, err := get[[]casework.Account](ctx, raghav, casePath(c, "accounts"))
	if err != nil {
		return err
	}
	err = each(ctx, accounts, func(ctx context.Context, a casework.Account) error {
		if a.LookedAt >= d.when.divide.UnixMicro() { // it was looked at, or joined the case when another was
			return nil
		}
		_, err := post[nothing](ctx, raghav, fmt.Sprintf("account/%d/look", a.ID), casePath(c, fmt.Sprintf("accounts/%d/look", a.ID)), nil)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := post[nothing](ctx, raghav, "division", casePath(c, "division"), nil); err != nil {
		return err
	}
	teams, err := get[[]casework.Team](ctx, raghav, casePath(c, "teams"))
	if err != nil {
		return err
	}
	posts := int64(0)
	for _, t := range teams {
		posts += t.Posts
	}
	d.say("case", "%d accounts looked at; %d teams share %d posts", len(accounts), len(teams), posts)
	return nil
}

// analyse lets each team examine and judge every post of its share.
func (d *Demo) analyse(ctx context.Context, c casework.Case) error {
	raghav := d.who("unit", "raghav")
	teams, err := get[[]casework.Team](ctx, raghav, casePath(c, "teams"))
	if err != nil {
		return err
	}
	type task struct {
		casework.Assignment
		analyst *officer
		matches []lists.Match
	}
	var open []*task
	for i, t := range teams {
		analyst := d.who("unit", analyst(i))
		share, err := get[[]casework.Assignment](ctx, analyst, casePath(c, fmt.Sprintf("assignments?team_id=%d&open=true", t.ID)))
		if err != nil {
			return err
		}
		for _, a := range share {
			open = append(open, &task{Assignment: a, analyst: analyst})
		}
	}
	if err := each(ctx, open, func(ctx context.Context, t *task) error {
		v, err := post[struct {
			Matches []lists.Match `json:"matches"`
		}](ctx, t.analyst, fmt.Sprintf("assignment/%d/examination", t.ID), fmt.Sprintf("/api/v1/assignments/%d/examination", t.ID), nil)
		t.matches = v.Matches
		return err
	}); err != nil {
		return err
	}
	noor := d.who("unit", "noor")
	r, err := d.review(ctx, noor, d.who("unit", "devika"), "Whether the file of a post in the case is the listed one")
	if err != nil {
		return err
	}
	all, err := get[[]lists.Match](ctx, noor, "/api/v1/matches")
	if err != nil {
		return err
	}
	states := map[int64]lists.Match{}
	for _, m := range all {
		states[m.ID] = m
	}
	if err := each(ctx, open, func(ctx context.Context, t *task) error {
		finding, note := judge(t.matches, states)
		if finding == "" {
			return nil
		}
		_, err := post[nothing](ctx, t.analyst, fmt.Sprintf("assignment/%d/analysis", t.ID), fmt.Sprintf("/api/v1/assignments/%d/analysis", t.ID),
			map[string]string{"finding": finding, "note": note})
		return err
	}); err != nil {
		return err
	}
	if teams, err = get[[]casework.Team](ctx, raghav, casePath(c, "teams")); err != nil {
		return err
	}
	posts, analysed, shows := int64(0), int64(0), int64(0)
	for _, t := range teams {
		posts, analysed, shows = posts+t.Posts, analysed+t.Analysed, shows+t.Listed
	}
	d.say("case", "%d of %d posts analysed, %d show listed media; pictures opened by two reviewers: %d confirmed, %d rejected", analysed, posts, shows, r.confirmed, r.rejected)
	return nil
}

// judge gives an analyst's finding on a post; none while somebody must still decide one of its matches.
func judge(matches []lists.Match, states map[int64]lists.Match) (finding, note string) {
	finding = "nothing"
	for _, m := range matches {
		switch now := states[m.ID]; {
		case now.Stands():
			finding, note = "listed_media", "a file is on "+m.List
		case now.State == lists.Unconfirmed:
			return "", ""
		case finding == "nothing":
			finding, note = "weak_signal", "a file resembles a listed one; a reviewer looked and it is another"
		}
	}
	return finding, note
}

// find enters the investigator's finding on every account.
func (d *Demo) find(ctx context.Context, c casework.Case) error {
	raghav := d.who("unit", "raghav")
	accounts, err := get[[]casework.Account](ctx, raghav, casePath(c, "accounts"))
	if err != nil {
		return err
	}
	if err := each(ctx, accounts, func(ctx context.Context, a casework.Account) error {
		if a.Finding != casework.Pending {
			return nil
		}
		finding, basis := finding(a)
		_, err := post[nothing](ctx, raghav, fmt.Sprintf("account/%d/finding", a.ID), casePath(c, fmt.Sprintf("accounts/%d/finding", a.ID)),
			map[string]string{"finding": finding, "basis": basis})
		return err
	}); err != nil {
		return err
	}
	if accounts, err = get[[]casework.Account](ctx, raghav, casePath(c, "accounts")); err != nil {
		return err
	}
	found := map[string]int{}
	for _, a := range accounts {
		found[a.Finding]++
	}
	d.say("case", "%s: %d accounts offend, %d are undetermined, %d are gone", d.day(d.when.find), found[casework.Offending], found[casework.Undetermined], found[casework.Gone])
	return nil
}

// finding is what an investigator makes of what was seen of an account.
func finding(a casework.Account) (finding, basis string) {
	switch {
	case a.Listed > 0:
		return casework.Offending, fmt.Sprintf("%d of its %d posts show listed media, by exact hash or confirmed by a reviewer", a.Listed, a.Posts)
	case a.State == platforms.Gone && a.PriorCases > 0:
		return casework.Offending, "the page is gone or its handle belongs to another account now, but an earlier registered case concerns this account; its data must be kept"
	case a.State == platforms.Gone:
		return casework.Gone, "the page was gone when it was looked at"
	case a.Analysed < a.Posts:
		return casework.Undetermined, fmt.Sprintf("%d of its %d posts are not decided", a.Posts-a.Analysed, a.Posts)
	}
	return casework.Undetermined, "no post shows listed media"
}
