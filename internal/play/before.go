package play

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/scan"
	"raksha.example/raksha/internal/story"
	"raksha.example/raksha/internal/triage"
)

// referralSize is how many tips one referral carries at most.
const referralSize = 40

// channel is the legal channel by which tips leave the clearinghouse for the bureau.
const channel = "Memorandum of understanding between clearinghouse and bureau, 26 April 2019"

// before plays the month of the operation: scan and reports, referral to the unit by way of the bureau, cases, arrests and what is
// reported back.
func (d *Demo) before(ctx context.Context) error {
	for _, step := range []struct {
		at  time.Time
		run func(context.Context) error
	}{
		{d.when.scan, d.scan}, {d.when.scan, d.report}, {d.when.review, d.triage}, {d.when.refer, d.refer}, {d.when.route, d.route},
		{d.when.register, d.register}, {d.when.arrestsUntil, d.arrest},
	} {
		if err := d.at(step.at); err != nil {
			return err
		}
		if err := step.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// scan examines the platform's public posts of the month.
func (d *Demo) scan(ctx context.Context) error {
	s, err := post[scan.State](ctx, d.who("clearinghouse", "owen"), "scan", "/api/v1/scans", map[string]string{"host": story.Host})
	if err == nil {
		d.say("before", "%s: the clearinghouse scanned %d posts, %d pictures and videos match its list", d.kept.Story.Operation.Period, s.Posts, s.Matched)
	}
	return err
}

// report files what online services report.
func (d *Demo) report(ctx context.Context) error {
	reporter := d.who("clearinghouse", "services")
	err := each(ctx, d.world.Reports, func(ctx context.Context, r story.Report) error { return d.file(ctx, reporter, r) })
	if err == nil {
		d.say("before", "online services filed %d reports", len(d.world.Reports))
	}
	return err
}

// tips reads a node's tips.
func tips(ctx context.Context, o *officer, filter url.Values) ([]intake.Tip, error) {
	return get[[]intake.Tip](ctx, o, "/api/v1/tips?"+filter.Encode())
}

// triage decides the clearinghouse's matches and then its tips. Tips that no standing match is behind are left.
func (d *Demo) triage(ctx context.Context) error {
	owen := d.who("clearinghouse", "owen")
	sent, err := documents(ctx, owen, courier.Out, courier.Referral)
	if err != nil || len(sent) > 0 { // what follows the triage has begun: who could not tell then is not asked again
		return err
	}
	r, err := d.review(ctx, d.who("clearinghouse", "grace"), d.who("clearinghouse", "peter"), "Whether the file of a scanned post is the listed one")
	if err != nil {
		return err
	}
	d.say("before", "two reviewers opened pictures: %d confirmed, %d rejected, %d left in the queue; %d came with reports and are discarded", r.confirmed, r.rejected, r.unsure, r.closed)
	all, err := tips(ctx, owen, url.Values{"state": {"received"}})
	if err != nil {
		return err
	}
	return each(ctx, all, func(ctx context.Context, t intake.Tip) error {
		_, err := post[nothing](ctx, owen, fmt.Sprintf("tip/%d/decision", t.ID), "/api/v1/tips/decisions",
			map[string]any{"tip_ids": []int64{t.ID}, "state": "actionable"})
		if refusedWith(err, http.StatusForbidden) { // only a perceptual match that was rejected, or that nobody decided, is behind it
			return nil
		}
		return err
	})
}

// refer sends the tips that a hint ties to the country to its bureau.
func (d *Demo) refer(ctx context.Context) error {
	owen := d.who("clearinghouse", "owen")
	all, err := tips(ctx, owen, nil)
	if err != nil {
		return err
	}
	var ids []int64
	for _, t := range all {
		if (t.State == "actionable" || t.OnwardID != 0) && d.points(t) {
			ids = append(ids, t.ID)
		}
	}
	n, err := d.referAll(ctx, owen, d.who("clearinghouse", "ruth"), "refer", ids, "bureau", channel, "Phone numbers, network addresses or profiles point to India")
	if err == nil {
		d.say("before", "%d of %d tips went to the bureau in %d referrals", len(ids), len(all), n)
	}
	return err
}

// points tells whether a tip has a hint of the country. Network addresses do, since the services say so for those they give.
func (d *Demo) points(t intake.Tip) bool {
	for _, hint := range strings.Split(t.Hints, "\n") {
		kind, value, _ := strings.Cut(hint, ":")
		if kind == "ip" || kind == "country" && value == "IN" || kind == "phone" && strings.HasPrefix(value, "+91") {
			return true
		}
	}
	return false
}

// referAll refers tips in documents of a limited size. The chunks are the same whenever it is played again.
func (d *Demo) referAll(ctx context.Context, drafter, authoriser *officer, key string, ids []int64, audience, channel, reason string) (n int, err error) {
	for ; len(ids) > 0; n++ {
		size := min(len(ids), referralSize)
		if _, err := d.issue(ctx, drafter, authoriser, fmt.Sprintf("%s/%d", key, n+1), "/api/v1/referrals",
			map[string]any{"tip_ids": ids[:size], "audience": audience, "channel": channel, "reason": reason}); err != nil {
			return n, err
		}
		ids = ids[size:]
	}
	return n, nil
}

// accept takes up every referral that waits at a node.
func accept(ctx context.Context, o *officer) ([]courier.Filed, error) {
	all, err := documents(ctx, o, courier.In, courier.Referral)
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		if _, err := post[nothing](ctx, o, fmt.Sprintf("accept/%d", f.ID), documentPath(f.ID)+"/acceptance", nil); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// route lets the bureau find out which unit is responsible, and refer on.
func (d *Demo) route(ctx context.Context) error {
	shreya, manoj := d.who("bureau", "shreya"), d.who("bureau", "manoj")
	if _, err := accept(ctx, shreya); err != nil {
		return err
	}
	sent, err := documents(ctx, shreya, courier.Out, courier.Referral)
	if err != nil {
		return err
	}
	if err := d.resume(ctx, manoj, sent); err != nil {
		return err
	}
	routed, err := get[[]triage.Routed](ctx, shreya, "/api/v1/routing")
	if err != nil {
		return err
	}
	byAgency, agencies, lost := map[string][]int64{}, []string{}, 0
	for _, r := range routed {
		if r.Agency == "" {
			lost++
			continue
		}
		if byAgency[r.Agency] == nil {
			agencies = append(agencies, r.Agency)
		}
		byAgency[r.Agency] = append(byAgency[r.Agency], r.TipID)
	}
	for _, agency := range agencies {
		ids := byAgency[agency]
		if _, err := d.referAll(ctx, shreya, manoj, fmt.Sprintf("onward/%d", ids[0]), ids, agency, "Routing by jurisdiction", "The hints in the tips lie in the unit's area"); err != nil {
			return err
		}
	}
	if len(routed) > lost {
		d.say("before", "the bureau routed %d tips to the unit", len(routed)-lost)
	}
	if lost > 0 {
		d.say("before", "%d tips fit no route and stay at the bureau", lost)
	}
	return nil
}

// resume signs what was drafted when the demonstration was cut off.
func (d *Demo) resume(ctx context.Context, authoriser *officer, sent []courier.Filed) error {
	for _, f := range sent {
		var err error
		if f.State == "draft" {
			_, err = d.sign(ctx, authoriser, fmt.Sprintf("resume/%d", f.ID), f.ID)
		} else {
			_, err = d.delivered(ctx, authoriser, f.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// register makes each account that the tips speak of a registered case of the operation.
func (d *Demo) register(ctx context.Context) error {
	raghav := d.who("unit", "raghav")
	if _, err := accept(ctx, raghav); err != nil {
		return err
	}
	operation := d.kept.Story.Operation
	made, err := post[struct {
		ID int64 `json:"id"`
	}](ctx, raghav, "operation", "/api/v1/operations", map[string]string{"name": operation.Name, "period": operation.Period.String()})
	if err != nil {
		return err
	}
	all, err := tips(ctx, raghav, url.Values{"source": {intake.FromReferral}})
	if err != nil {
		return err
	}
	for _, group := range byAccount(all) {
		ids := make([]int64, len(group))
		for i, t := range group {
			ids[i] = t.ID
		}
		c, err := post[casework.Case](ctx, raghav, fmt.Sprintf("operation/case/%d", ids[0]), "/api/v1/cases",
			map[string]any{"title": operation.Name + ": tip " + group[0].Number, "tip_ids": ids, "operation_id": made.ID})
		if err != nil {
			return err
		}
		if _, err := post[nothing](ctx, raghav, fmt.Sprintf("case/%d/fir", c.ID), fmt.Sprintf("/api/v1/cases/%d/fir", c.ID), nil); err != nil {
			return err
		}
	}
	return nil
}

// byAccount gathers the tips of the operation that speak of one account; a tip that names no account stands alone.
func byAccount(all []intake.Tip) (groups [][]intake.Tip) {
	at := map[int64]int{}
	for _, t := range all {
		if t.ComplaintID != 0 || t.Reporter != "bureau" {
			continue
		}
		i, known := at[t.AccountID]
		if t.AccountID == 0 || !known {
			at[t.AccountID] = len(groups)
			groups = append(groups, []intake.Tip{t})
			continue
		}
		groups[i] = append(groups[i], t)
	}
	return groups
}

// operationCases gives the cases of the operation in the order in which they were opened.
func (d *Demo) operationCases(ctx context.Context) (out []casework.Case, err error) {
	all, err := get[[]casework.Case](ctx, d.who("unit", "raghav"), "/api/v1/cases")
	for i := len(all) - 1; i >= 0; i-- { // newest first
		if all[i].OperationID != 0 {
			out = append(out, all[i])
		}
	}
	return out, err
}

// arrest enters the arrests of the days after, and reports every outcome back to where the tips came from.
func (d *Demo) arrest(ctx context.Context) error {
	raghav := d.who("unit", "raghav")
	cases, err := d.operationCases(ctx)
	if err != nil {
		return err
	}
	step := d.when.arrestsUntil.Sub(d.when.arrestsFrom) / time.Duration(len(cases)+1)
	arrests := 0
	for i, c := range cases {
		if !d.world.Arrests(i) {
			continue
		}
		at := d.when.arrestsFrom.Add(time.Duration(i+1) * step)
		if _, err := post[nothing](ctx, raghav, fmt.Sprintf("case/%d/arrest", c.ID), fmt.Sprintf("/api/v1/cases/%d/arrests", c.ID),
			map[string]any{"name": arrestedName(arrests), "place": "Capital", "grounds": d.world.PlannedOutcome(i), "arrested_at": at.UnixMicro()}); err != nil {
			return err
		}
		arrests++
	}
	if err := d.reportOutcomes(ctx, "operation"); err != nil {
		return err
	}
	d.say("before", "operation %s: %d cases with FIR, %d arrests", d.kept.Story.Operation.Name, len(cases), arrests)
	return d.heard(ctx)
}

// reportOutcomes sends what came of tips to whoever referred them, and waits until it has arrived.
func (d *Demo) reportOutcomes(ctx context.Context, occasion string) error {
	raghav := d.who("unit", "raghav")
	sent, err := post[[]courier.Filed](ctx, raghav, "outcomes/"+occasion, "/api/v1/outcome-reports", nil)
	if err != nil {
		return err
	}
	for _, f := range sent {
		if _, err := d.delivered(ctx, raghav, f.ID); err != nil {
			return err
		}
	}
	return nil
}

// heard waits until the bureau has passed the outcomes on to the clearinghouse.
func (d *Demo) heard(ctx context.Context) error {
	shreya := d.who("bureau", "shreya")
	sent, err := documents(ctx, shreya, courier.Out, courier.OutcomeReport)
	if err != nil {
		return err
	}
	for _, f := range sent {
		if _, err := d.delivered(ctx, shreya, f.ID); err != nil {
			return err
		}
	}
	all, err := tips(ctx, d.who("clearinghouse", "owen"), nil)
	if err != nil {
		return err
	}
	registered, arrested := 0, 0
	for _, t := range all {
		switch t.Outcome {
		case "arrest":
			arrested++
		case "fir_registered":
			registered++
		}
	}
	d.say("before", "the clearinghouse knows of %d tips: %d with FIR, %d with an arrest", registered+arrested, registered, arrested)
	return nil
}
