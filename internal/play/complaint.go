package play

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/intake"
)

// act is the law by which the commission summons.
const act = "Delhi Commission for Women Act 1994 s.10 (powers of a civil court)"

// complaint plays what the commission does with the list of accounts that it was given.
func (d *Demo) complaint(ctx context.Context) error {
	if err := d.at(d.when.start); err != nil {
		return err
	}
	// Officers are posted to the matter, so every agency publishes a new entry of its directory, and the others take it.
	if err := d.enrol(ctx, true); err != nil {
		return err
	}
	if err := d.pin(ctx, "complaint"); err != nil {
		return err
	}
	mallika, ira := d.who("commission", "mallika"), d.who("commission", "ira")
	year := d.when.start.In(d.zone).Year()
	c, err := post[intake.Complaint](ctx, mallika, "complaint", "/api/v1/complaints", map[string]string{"reference": fmt.Sprintf("CCW/%d/0091", year),
		"complainant": "Capital Commission for Women, media cell", "csv": string(d.world.Complaint())})
	if err != nil {
		return err
	}
	d.say("complaint", "%s: the commission read %d lines: %d accounts, %d lines twice", d.day(d.when.start), c.Lines, c.Accounts, c.Duplicates)

	if err := d.at(d.when.notice); err != nil {
		return err
	}
	if _, err := d.issue(ctx, mallika, ira, "notice", "/api/v1/notices", map[string]string{"audience": "platform", "subject": "Accounts that spread CSEAM",
		"text": fmt.Sprintf("The Commission has received a list of %d accounts on your service that are said to spread pictures and videos of sexual violence against children and women. Say within five days what you do to find and remove such accounts, and what you have reported to the authorities.", c.Accounts)}); err != nil {
		return err
	}
	d.say("complaint", "notice to the platform, received and acknowledged")

	if err := d.at(d.when.summons); err != nil {
		return err
	}
	for _, s := range []struct{ audience, matter, asked string }{
		{"platform", "Policy on CSEAM: summons to the policy head", "Why these accounts were not found before the complaint"},
		{"unit", "Action on CSEAM: summons to the cyber unit", "Copy of the FIR, and who has been arrested"},
	} {
		if _, err := d.issue(ctx, mallika, ira, "summons/"+s.audience, "/api/v1/summonses", map[string]any{"audience": s.audience, "matter": s.matter, "act": act,
			"hearing_at": d.when.hearing.UnixMicro(), "place": "The Commission's hearing room", "asked": []string{s.asked, "What has been done since the notice"}}); err != nil {
			return err
		}
	}
	d.say("complaint", "summonses to the platform and to the unit, for %s", d.day(d.when.hearing))

	all, err := tips(ctx, mallika, url.Values{"source": {intake.FromComplaint}})
	if err != nil {
		return err
	}
	ids := make([]int64, len(all))
	for i, t := range all {
		ids[i] = t.ID
	}
	n, err := d.referAll(ctx, mallika, ira, "refer", ids, "unit", "Complaint under "+act, "The complaint was made in the capital; the unit has jurisdiction")
	if err == nil {
		d.say("complaint", "%d tips referred to the unit in %d referrals", len(ids), n)
	}
	return err
}

// day writes a day as the story's people say it.
func (d *Demo) day(t time.Time) string { return t.In(d.zone).Format("2 January 2006") }

// answers plays the replies to notice and summonses and the hearing.
func (d *Demo) answers(ctx context.Context) error {
	if err := d.at(d.when.reply); err != nil {
		return err
	}
	lena, vikram := d.who("platform", "lena"), d.who("platform", "vikram")
	raghav, kavya := d.who("unit", "raghav"), d.who("unit", "kavya")
	for _, r := range []struct {
		drafter, signer        *officer
		instrument, key, reply string
	}{
		{lena, vikram, courier.Notice, "reply/notice", "The accounts that the police ordered us to block are suspended and their data preserved. We ask for time until the hearing for the other questions."},
		{lena, vikram, courier.Summons, "reply/summons", "Our policy head will appear. Every order of the police was answered account by account."},
		{raghav, kavya, courier.Summons, "reply/summons", "The FIR is registered and teams are at work; a report of the action taken follows."},
	} {
		in, err := documents(ctx, r.drafter, courier.In, r.instrument)
		if err != nil {
			return err
		}
		for _, f := range in {
			if _, err := d.issue(ctx, r.drafter, r.signer, fmt.Sprintf("%s/%d", r.key, f.ID), "/api/v1/replies", map[string]any{"document_id": f.ID, "text": r.reply}); err != nil {
				return err
			}
		}
	}
	if err := d.at(d.when.meeting); err != nil {
		return err
	}
	_, err := post[nothing](ctx, d.who("commission", "mallika"), "meeting", "/api/v1/meetings", map[string]any{
		"subject":   "Hearing on accounts that spread CSEAM",
		"attendees": "Ira Banerji and Mallika Deshmukh, Commission; Vikram Sethi, policy head of Chirp; DCP Kavya Nambiar, Cyber Crime Unit",
		"asked":     "Platform: find such accounts before others complain; say how many were removed and reported\nPlatform: tell the police who holds the accounts\nUnit: arrest those who run them; report every ten days",
		"held_at":   d.when.hearing.UnixMicro()})
	if err == nil {
		d.say("answers", "platform and unit replied; the hearing of %s is on record with what was asked", d.day(d.when.hearing))
	}
	return err
}
