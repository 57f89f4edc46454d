package paper

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/paper/typeset"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
)

var (
	body  = typeset.Style{Size: 9.5}
	exact = typeset.Style{Size: 8.5, Mono: true}
	quiet = typeset.Style{Size: 8, Gray: 0.3}
	loud  = typeset.Style{Size: 9.5, Bold: true}
)

// press is a sheet being printed.
type press struct {
	*typeset.Document
	s Sheet
	c content
	v *vocabulary
}

// Compose prints a sheet.
func Compose(fonts *typeset.Fonts, s Sheet) ([]byte, error) {
	v, ok := vocabularies[s.Language]
	if !ok {
		return nil, fault.New(fault.Invalid, "paper is printed in %s or %s, not in %q", English, Hindi, s.Language)
	}
	p := &press{s: s, v: v}
	if len(s.Content) > 0 {
		if err := json.Unmarshal(s.Content, &p.c); err != nil { // a member of another kind than ours: all of it is printed as it stands
			p.c = content{}
		}
	}
	visible := func(text string) string { return fonts.Visible(text, false) }
	o := typeset.Options{Title: visible(v.word(s.Instrument) + " " + s.Number), Author: visible(s.Letterhead), Language: s.Language, Created: s.At,
		Header: visible(s.Letterhead + " · " + v.word(s.Instrument) + " " + s.Number), Footer: visible(s.Number + " · " + v.say("version", s.Version)),
		PageOf: func(n, of int) string { return v.say("page", n, of) }}
	if s.Draft {
		o.Watermark = v.word("draft")
	} else if s.Code != "" {
		o.Footer += " · " + s.Code
	}
	if v.unvetted != "" {
		o.Footer += " · " + v.word("unvetted")
	}
	p.Document = typeset.New(fonts, o)
	p.head()
	p.law()
	p.says()
	p.items()
	p.clock()
	p.terms()
	p.further()
	p.signature()
	if err := p.proof(); err != nil {
		return nil, err
	}
	return p.Finish()
}

// own is a text of the paper itself; said is one that people wrote: made visible, defanged, and in its own language.
func (p *press) own(text string, st typeset.Style) typeset.Part {
	return typeset.Part{Text: text, Style: st}
}

func (p *press) said(text string, st typeset.Style) typeset.Part {
	out := typeset.Part{Text: p.Visible(defang(text), false), Style: st}
	if p.s.Language == Hindi && !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x900 && r < 0x980 }) {
		out.Language = English
	} else if p.s.Language == English && strings.ContainsFunc(text, func(r rune) bool { return r >= 0x900 && r < 0x980 }) {
		out.Language = Hindi
	}
	return out
}

// identifier is a text of which every character counts.
func (p *press) identifier(text string) typeset.Cell {
	shown := p.Visible(locator(text), true)
	out := typeset.Cell{{Text: shown, Style: exact}}
	if ascii := typeset.Plain(shown); ascii != shown {
		out = append(out, p.own(p.v.say("in_ascii", ascii), typeset.Style{Size: 7.5, Mono: true, Gray: 0.2}))
	}
	return out
}

func (p *press) fact(key, text string) typeset.Fact {
	f := typeset.Fact{Label: p.v.word(key)}
	if strings.TrimSpace(text) != "" {
		f.Value = typeset.Cell{p.said(text, body)}
	}
	return f
}

func (p *press) ownFact(key, text string) typeset.Fact {
	f := typeset.Fact{Label: p.v.word(key)}
	if text != "" {
		f.Value = typeset.Cell{p.own(text, body)}
	}
	return f
}

func (p *press) instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return p.v.instant(t, p.s.Zone)
}

func (p *press) head() {
	s := p.s
	var under []string
	for _, l := range s.Address {
		under = append(under, p.Visible(l, false))
	}
	p.Letterhead(p.Visible(s.Letterhead, false), under, s.Logo)
	if s.CopyBy != "" {
		p.Paragraph(p.own(p.Visible(p.v.say("received_copy", s.CopyBy), false), quiet))
	}
	p.Heading(1, p.v.word(s.Instrument))
	if s.Draft {
		p.Boxed(p.own(p.v.word("draft_note"), loud))
	}
	if p.v.unvetted != "" {
		p.Boxed(p.own(p.v.unvetted, quiet))
	}
	number := typeset.Fact{Label: p.v.word("number"), Value: typeset.Cell{{Text: p.Visible(s.Number, true), Style: typeset.Style{Size: 9.5, Mono: true}}, p.own(p.v.say("version", s.Version), body)}}
	date := p.instant(s.At)
	if s.Draft {
		date = p.v.word("not_signed")
	}
	to := typeset.Cell{p.said(s.To, loud)}
	for _, l := range s.Contact {
		to = append(to, p.own(p.Visible(l, false), body))
	}
	p.Facts([]typeset.Fact{number, p.ownFact("date", date), {Label: p.v.word("to"), Value: to}, p.fact("subject", s.Subject), p.fact("case", p.c.CaseRef),
		p.fact("supersedes", s.Supersedes), p.fact("in_reply_to", s.InReplyTo)})
}

func (p *press) law() {
	facts := []typeset.Fact{p.fact("basis", p.c.LegalBasis), p.fact("procedure", p.c.Procedure)}
	if len(p.s.Sections) > 0 {
		f := typeset.Fact{Label: p.v.word("sections")}
		for _, t := range p.s.Sections {
			f.Value = append(f.Value, p.said(t, body))
		}
		facts = append(facts, f)
	}
	if !slices.ContainsFunc(facts, func(f typeset.Fact) bool { return len(f.Value) > 0 }) {
		return
	}
	p.Heading(2, p.v.word("law"))
	p.Facts(facts)
	if p.s.Draft && p.s.Rule != nil && p.s.Rule.Certainty == rules.Unseen {
		p.Boxed(p.own(p.v.word("rule_unseen"), loud))
	}
}

// says prints what the document says in words.
func (p *press) says() {
	section := func(key, text string) {
		if strings.TrimSpace(text) != "" {
			p.Heading(2, p.v.word(key))
			for _, t := range strings.Split(text, "\n\n") {
				p.Paragraph(p.said(t, body))
			}
		}
	}
	section("matter", p.c.Matter)
	if p.c.HearingAt != 0 || p.c.Place != "" {
		p.Facts([]typeset.Fact{p.ownFact("hearing_at", p.micros(p.c.HearingAt)), p.fact("place", p.c.Place)})
	}
	section("reasons", p.c.Reasons)
	section("text", p.c.Text)
	if len(p.c.Asked) > 0 {
		p.Heading(2, p.v.word("asked"))
		for i, a := range p.c.Asked {
			t := p.said(a, body)
			t.Text = fmt.Sprintf("%d. %s", i+1, t.Text)
			p.Paragraph(t)
		}
	}
	if p.c.Channel != "" || p.c.Reason != "" {
		p.Facts([]typeset.Fact{p.fact("channel", p.c.Channel), p.fact("jurisdiction", p.c.Reason)})
	}
	if len(p.c.Figures) > 0 {
		p.Heading(2, p.v.word("figures"))
		p.tree(p.c.Figures)
	}
}

func (p *press) micros(at int64) string {
	if at == 0 {
		return ""
	}
	return p.instant(store.Time(at))
}

func (p *press) items() {
	if len(p.s.Items) == 0 {
		p.tips()
		return
	}
	head := []string{"n", "identifier", "action"}
	widths := []float64{30, 330, typeset.TextWidth - 360}
	if p.s.Answer {
		head, widths = []string{"n", "identifier", "outcome", "reason", "when"}, []float64{28, 205, 80, 90, typeset.TextWidth - 403}
	}
	t := typeset.Table{Widths: widths, Labels: true}
	for _, h := range head {
		t.Head = append(t.Head, p.v.word(h))
	}
	for _, it := range p.s.Items {
		id := p.identifier(it.Locator)
		if it.NativeID != "" {
			id = append(id, p.own(p.v.say("native_id", p.Visible(it.NativeID, true)), typeset.Style{Size: 7.5, Mono: true, Gray: 0.2}))
		}
		row := []typeset.Cell{{p.own(fmt.Sprint(it.N), body)}, id}
		if p.s.Answer {
			row = append(row, typeset.Cell{p.own(p.Visible(p.v.word(it.State), false), body)}, typeset.Cell{p.said(it.Reason, quiet)}, typeset.Cell{p.own(p.micros(it.EffectedAt), quiet)})
		} else {
			action := it.Action
			if action == "preserve" {
				action = "preserve_item"
			}
			row = append(row, typeset.Cell{p.own(p.Visible(p.v.word(action), false), body)})
		}
		t.Rows = append(t.Rows, row)
	}
	if p.s.Answer {
		p.Heading(2, p.v.word("outcomes"))
	} else {
		p.Heading(2, p.v.word("items"))
	}
	p.Table(t)
	p.Paragraph(p.own(p.v.word("defanged"), quiet))
	p.tips()
}

// tips prints the tips of a referral: locators, hashes and hints.
func (p *press) tips() {
	if len(p.c.Tips) > 0 {
		p.Heading(2, p.v.word("tips"))
	}
	for i, tip := range p.c.Tips {
		p.Heading(3, fmt.Sprintf("%s %d", p.v.word("tip"), i+1))
		p.tree(tip)
	}
}

func (p *press) clock() {
	facts := []typeset.Fact{}
	if p.s.RuleID != "" {
		f := typeset.Fact{Label: p.v.word("rule"), Value: typeset.Cell{p.own(p.Visible(p.s.RuleID, false), exact)}}
		facts = append(facts, f)
	}
	if p.s.Rule != nil {
		facts = append(facts, p.ownFact("allowed", p.v.clock(*p.s.Rule)))
	}
	due := "due"
	if p.s.Instrument == courier.PreservationRequest {
		due = "kept_until"
	}
	facts = append(facts, p.ownFact("received_at", p.instant(p.s.ReceivedAt)))
	if !p.s.DueAt.IsZero() {
		facts = append(facts, typeset.Fact{Label: p.v.word(due), Value: typeset.Cell{p.own(p.instant(p.s.DueAt), loud)}})
	}
	p.Heading(2, p.v.word("clock"))
	p.Facts(facts)
	switch {
	case p.s.Rule != nil && p.s.DueAt.IsZero() && p.s.ReceivedAt.IsZero() && p.s.Rule.Trigger == rules.OnReceipt:
		p.Paragraph(p.own(p.v.word("no_receipt"), quiet))
	case p.s.Rule == nil && p.s.DueAt.IsZero():
		p.Paragraph(p.own(p.v.word("no_clock"), quiet))
	}
}

func (p *press) terms() {
	preserve := ""
	if p.c.PreserveFirst {
		preserve = p.v.word("preserve_first")
		if p.c.Preservation != "" {
			preserve = p.v.say("preserve_under", p.Visible(p.c.Preservation, false))
		}
	}
	data := ""
	if p.c.Data != "" {
		data = p.v.say("data_sealed", len(p.c.Data))
	}
	facts := []typeset.Fact{p.ownFact("preserve", preserve), p.fact("scope", p.c.Scope), p.fact("confidential", p.c.Confidential), p.fact("redress", p.c.Redress), p.ownFact("data", data)}
	if slices.ContainsFunc(facts, func(f typeset.Fact) bool { return len(f.Value) > 0 }) {
		p.Heading(2, p.v.word("terms"))
		p.Facts(facts)
	}
}

func (p *press) signature() {
	if p.s.Draft {
		return
	}
	p.Heading(2, p.v.word("signature"))
	who := p.fact("signatory", p.s.Signatory)
	if p.s.Signatory == "" {
		who = p.ownFact("signatory", p.v.word("agency_signed"))
	} else {
		who.Value[0].Style = loud
	}
	if p.s.Passkey {
		who.Value = append(who.Value, p.own(p.v.word("passkey"), quiet))
	}
	mono := func(key, text string) typeset.Fact {
		f := typeset.Fact{Label: p.v.word(key)}
		if text != "" {
			f.Value = typeset.Cell{{Text: p.Visible(text, true), Style: typeset.Style{Size: 8, Mono: true}}}
		}
		return f
	}
	p.Facts([]typeset.Fact{who, p.fact("authority", p.s.Authority), mono("officer_key", p.s.OfficerKID), mono("agency_key", p.s.AgencyKID), mono("document_id", p.s.ID),
		mono("sha256", p.s.SHA256), mono("record", p.checkpoint())})
}

// checkpoint gives the sender's record in one line (C2SP tlog-checkpoint: origin, size, root hash).
func (p *press) checkpoint() string {
	l := strings.Split(p.s.Checkpoint, "\n")
	if len(l) < 3 {
		return ""
	}
	return p.v.say("record_is", l[0], l[1], l[2])
}

// proof says how to find out whether the paper is genuine.
func (p *press) proof() error {
	if p.s.Draft {
		return nil
	}
	p.Heading(2, p.v.word("verify"))
	signed := p.own(p.v.word("verify_signed"), quiet)
	code := typeset.Style{Size: 12, Mono: true}
	switch {
	case p.s.Code == "":
		p.Paragraph(signed)
	case p.s.CheckURL == "":
		p.Paragraph(p.own(p.v.say("verify_call", p.s.Code), body))
		p.Paragraph(signed)
	default:
		at := p.Visible(p.s.CheckURL, false)
		return p.QR(Link(p.s.CheckURL, p.s.Number, p.s.Code), p.v.say("qr", at),
			typeset.Cell{p.own(p.v.say("verify_at", at), body), p.own(p.Visible(p.s.Number, false), code), p.own(p.v.say("verify_code", p.s.Code), code), signed})
	}
	return nil
}
