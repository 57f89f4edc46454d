package play

import (
	"context"
	"fmt"
	"strings"

	"raksha.example/raksha/internal/attribution"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/selector"
)

// accounting plays the unit's report to the commission, ten days into the story.
func (d *Demo) accounting(ctx context.Context) error {
	if err := d.at(d.when.report); err != nil {
		return err
	}
	c, err := d.theCase(ctx)
	if err != nil {
		return err
	}
	raghav, kavya := d.who("unit", "raghav"), d.who("unit", "kavya")
	if err := d.reportOutcomes(ctx, "case"); err != nil {
		return err
	}
	in, err := documents(ctx, raghav, courier.In, courier.Summons)
	if err != nil || len(in) == 0 {
		return err
	}
	if _, err := d.issue(ctx, raghav, kavya, "report", "/api/v1/action-taken-reports", map[string]any{"audience": in[0].Issuer, "case_id": c.ID, "in_reply_to": in[0].JTI}); err != nil {
		return err
	}
	f, err := figures(ctx, raghav, c.ID, d.when.report.In(d.zone).Format("2006-01-02"))
	if err != nil {
		return err
	}
	d.say("accounting", "%s: the unit reports to the commission: FIR %s, %d teams, %d blocked, %d arrested, %d leads", d.day(d.when.report), f.Case.FIR, f.Case.Teams, f.Case.Blocked, f.Case.Arrests, f.Case.Leads)
	return nil
}

// information plays the requests for who is behind the accounts: first to the platform, then to the holder of what they show.
func (d *Demo) information(ctx context.Context) error {
	c, err := d.theCase(ctx)
	if err != nil {
		return err
	}
	ids, err := d.offending(ctx, c)
	if err != nil || len(ids) == 0 {
		return err
	}
	if err := d.at(d.when.ask); err != nil {
		return err
	}
	raghav, kavya := d.who("unit", "raghav"), d.who("unit", "kavya")
	asked, err := d.issue(ctx, raghav, kavya, "information/platform", "/api/v1/information-requests", map[string]any{"audience": "platform", "case_id": c.ID,
		"account_ids": ids, "reasons": "Who holds these accounts is needed to find those who run them: registration data and logins with address, port and time."})
	if err != nil {
		return err
	}
	if err := d.at(d.when.answered); err != nil {
		return err
	}
	if err := d.comply(ctx, "platform", "lena", "vikram", asked.Document); err != nil {
		return err
	}
	d.say("information", "the platform produced what it holds on %d accounts", len(ids))

	if err := d.at(d.when.askHolder); err != nil {
		return err
	}
	seen, err := get[[]attribution.Seen](ctx, raghav, casePath(c, "selectors"))
	if err != nil {
		return err
	}
	var selectors []int64
	for _, s := range seen {
		if s.Offending > 0 && (s.Kind == string(selector.PaymentHandle) || s.Kind == string(selector.Phone)) {
			selectors = append(selectors, s.ID)
		}
	}
	if len(selectors) == 0 {
		return nil
	}
	asked, err = d.issue(ctx, raghav, kavya, "information/holder", "/api/v1/information-requests", map[string]any{"audience": "holder", "case_id": c.ID,
		"selector_ids": selectors, "reasons": "Accounts that spread CSEAM ask for payment by these handles or are reached by these numbers; who stands behind them is needed."})
	if err != nil {
		return err
	}
	if err := d.at(d.when.holderAnswered); err != nil {
		return err
	}
	if err := d.comply(ctx, "holder", "bela", "aloke", asked.Document); err != nil {
		return err
	}
	d.say("information", "the holder of payment handles and numbers answered on %d", len(selectors))
	return nil
}

// attribution plays the links, and the judgement that makes a lead of a cluster.
func (d *Demo) attribution(ctx context.Context) error {
	if err := d.at(d.when.judge); err != nil {
		return err
	}
	c, err := d.theCase(ctx)
	if err != nil {
		return err
	}
	raghav := d.who("unit", "raghav")
	if _, err := post[nothing](ctx, raghav, "clusters", casePath(c, "clusters"), nil); err != nil {
		return err
	}
	clusters, err := get[[]attribution.Cluster](ctx, raghav, casePath(c, "clusters"))
	if err != nil {
		return err
	}
	exhibits, named, err := d.exhibits(ctx, raghav)
	if err != nil {
		return err
	}
	leads := 0
	for _, v := range clusters {
		reason := fmt.Sprintf("%d accounts share %s; the answers of the holders say so", len(v.Accounts), kinds(v))
		if len(v.Accounts) == 1 {
			reason = "the holder's answer names who stands behind what this account shows"
		}
		if len(exhibits) == 0 || len(v.Accounts) == 1 && !named {
			continue
		}
		if _, err := post[nothing](ctx, raghav, fmt.Sprintf("cluster/%d/judgement", v.ID), fmt.Sprintf("/api/v1/clusters/%d/judgement", v.ID),
			map[string]any{"verdict": attribution.Positive, "exhibits": exhibits, "reason": reason}); err != nil {
			return err
		}
		leads++
	}
	d.say("attribution", "%d clusters; an officer judged %d of them: leads", len(clusters), leads)
	return nil
}

// exhibits gives the numbers of the answers to requests for information, and whether a holder named anybody behind a handle or number.
func (d *Demo) exhibits(ctx context.Context, o *officer) (numbers []string, named bool, err error) {
	asked, err := documents(ctx, o, courier.Out, courier.InformationRequest)
	if err != nil {
		return nil, false, err
	}
	for _, f := range asked {
		v, err := document(ctx, o, f.ID)
		if err != nil {
			return nil, false, err
		}
		for _, a := range v.Answers {
			numbers = append(numbers, a.Number)
		}
		for _, it := range v.Items {
			named = named || it.Kind != "account" && it.State == "produced"
		}
	}
	return numbers, named, nil
}

// kinds says by what kinds of selector a cluster's accounts hang together.
func kinds(c attribution.Cluster) string {
	var out []string
	seen := map[string]bool{}
	for _, l := range c.Links {
		if word := strings.ReplaceAll(l.Kind, "_", " "); !seen[word] {
			seen[word] = true
			out = append(out, word)
		}
	}
	return strings.Join(out, ", ")
}
