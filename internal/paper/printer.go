package paper

import (
	"cmp"
	"context"
	"encoding/json"
	"io/fs"
	"strings"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/paper/typeset"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
)

// Config is what a printer works with.
type Config struct {
	DB     *store.DB
	Log    *record.Log
	Clock  clock.Clock
	Self   *directory.Self
	Book   *directory.Book
	Law    *rules.Jurisdiction
	Fonts  fs.FS
	Signer *Signer // nil: PDFs are not signed
}

// Printer prints the documents of a node.
type Printer struct {
	c       Config
	fonts   *typeset.Fonts
	noFonts error
	codes   codes
	turns   chan struct{} // a place for each document that is printed at a time
}

const atATime = 2

// New makes the printer. A program without fonts prints nothing and says so when it is asked.
func New(c Config) (*Printer, error) {
	p := &Printer{c: c, codes: newCodes(c.Self.NodeKey), turns: make(chan struct{}, atATime)}
	p.fonts, p.noFonts = typeset.Load(c.Fonts)
	if p.noFonts != nil && fault.Code(p.noFonts) != "no_fonts" {
		return nil, p.noFonts
	}
	return p, nil
}

// File is a document as PDF.
type File struct {
	Name string // of the file
	PDF  []byte
}

// papers are the instruments that are printed: what people must be able to read and file.
var papers = map[string]bool{courier.TakedownOrder: true, courier.InformationRequest: true, courier.PreservationRequest: true, courier.Summons: true, courier.Notice: true,
	courier.Referral: true, courier.Response: true, courier.OutcomeReport: true, courier.ActionTakenReport: true}

// Printed says whether an instrument's documents are printed.
func Printed(instrument string) bool { return papers[instrument] }

// Print prints a document in English or Hindi; without a language in the one that its drafter chose.
func (p *Printer) Print(ctx context.Context, id int64, language string) (out File, err error) {
	if p.noFonts != nil {
		return out, p.noFonts
	}
	s, err := p.Sheet(ctx, id, language)
	if err != nil {
		return out, err
	}
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
	case <-ctx.Done():
		return out, ctx.Err()
	}
	if out.PDF, err = Compose(p.fonts, s); err != nil {
		return out, err
	}
	if p.c.Signer != nil && !s.Draft && s.CopyBy == "" { // what others issued is not ours to sign
		if out.PDF, err = p.c.Signer.Sign(ctx, out.PDF, s.Letterhead, s.Number, p.c.Clock.Now()); err != nil {
			return out, err
		}
	}
	out.Name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' {
			return r
		}
		return '-'
	}, s.Number) + "-" + s.Language + ".pdf"
	return out, nil
}

// Sheet gathers what stands on the paper of a document.
func (p *Printer) Sheet(ctx context.Context, id int64, language string) (s Sheet, err error) {
	q := p.c.DB.Reader()
	f, err := courier.ByID(ctx, q, id)
	if err != nil {
		return s, err
	}
	if !papers[f.Instrument] {
		return s, fault.New(fault.NotSupported, "a %s is not printed", strings.ReplaceAll(f.Instrument, "_", " "))
	}
	said, err := f.Said(ctx, q)
	if err != nil {
		return s, err
	}
	var chosen struct {
		Language string `json:"language"`
	}
	json.Unmarshal(said.Content, &chosen) // content of another shape chose nothing
	if vocabularies[chosen.Language] == nil {
		chosen.Language = English
	}
	s = Sheet{Language: cmp.Or(language, chosen.Language), Instrument: f.Instrument, Number: f.Number, Version: said.Version, ID: f.JTI, Draft: f.JWS == "",
		Subject: said.Subject, Content: said.Content, Items: said.Items, Answer: f.Instrument == courier.Response || f.Instrument == courier.OutcomeReport,
		RuleID: said.RuleID, At: said.IssuedAt, Zone: p.c.Law.Location(), Signatory: f.Signatory, Passkey: said.Passkey, SHA256: f.SHA256, Checkpoint: said.Checkpoint}
	if vocabularies[s.Language] == nil {
		return s, fault.New(fault.Invalid, "paper is printed in %s or %s, not in %q", English, Hindi, s.Language)
	}
	if s.Draft {
		s.At = store.Time(f.CreatedAt)
	}
	if f.ReceivedAt != 0 {
		s.ReceivedAt = store.Time(f.ReceivedAt)
	}
	if f.DueAt != 0 {
		s.DueAt = store.Time(f.DueAt)
	}
	var rule rules.Rule
	if len(said.Rule) > 0 && json.Unmarshal(said.Rule, &rule) == nil && rule.ID != "" {
		s.Rule = &rule
	}
	var c content
	if json.Unmarshal(said.Content, &c) == nil {
		s.Sections = sections(p.c.Law, s.At, c.LegalBasis, c.Procedure)
	}
	if err := p.parties(ctx, q, f, &s); err != nil {
		return s, err
	}
	if err := p.signed(ctx, f, said, &s); err != nil {
		return s, err
	}
	return s, p.around(ctx, q, f, said, &s)
}

// parties fills in who writes to whom.
func (p *Printer) parties(ctx context.Context, q store.Queryer, f courier.Filed, s *Sheet) error {
	v, own := vocabularies[s.Language], p.c.Self.Profile()
	settings, err := p.Settings(ctx, q)
	if err != nil {
		return err
	}
	if f.Direction == courier.Out {
		s.Letterhead, s.Address = own.Name, append(settings.Address, v.say("agency_id", f.Issuer))
		if own.Phone != "" {
			s.Address = append(s.Address, v.say("telephone", own.Phone))
		}
		if len(settings.Logo) > 0 {
			if s.Logo, err = typeset.ParsePNG(settings.Logo); err != nil {
				return err
			}
		}
		if !s.Draft {
			s.Code = p.codes.code(f.Number, f.SHA256)
		}
		if settings.PublicCheck {
			s.CheckURL = strings.TrimSuffix(own.URL, "/") + "/verify"
		}
	} else {
		s.CopyBy = own.Name
		name, lines, err := p.agency(ctx, v, f.Issuer)
		if err != nil {
			return err
		}
		s.Letterhead, s.Address = name, lines
	}
	if f.Audience == own.Agency {
		s.To, s.Contact = own.Name, []string{v.say("agency_id", own.Agency)}
		return nil
	}
	s.To, s.Contact, err = p.agency(ctx, v, f.Audience)
	return err
}

// agency gives what the directory says of another agency.
func (p *Printer) agency(ctx context.Context, v *vocabulary, id string) (name string, lines []string, err error) {
	lines = []string{v.say("agency_id", id)}
	e, err := p.c.Book.Entry(ctx, id)
	if fault.Of(err) == fault.NotFound || fault.Of(err) == fault.Refused {
		return id, lines, nil // it is not in the directory, or no longer
	}
	if err != nil {
		return "", nil, err
	}
	for _, c := range e.Contacts {
		lines = append(lines, v.say("contact", strings.TrimSpace(c.Role+" "+c.Phone)))
	}
	return cmp.Or(e.Name, id), append(lines, v.say("node", defang(e.URL))), nil
}

// signed fills in by whom and by what authority.
func (p *Printer) signed(ctx context.Context, f courier.Filed, said courier.Said, s *Sheet) error {
	for i, kid := range said.KIDs {
		if i == len(said.KIDs)-1 {
			s.AgencyKID = kid
			continue
		}
		s.OfficerKID = kid
		k, err := p.c.Book.PublicKey(ctx, f.Issuer, kid)
		if err != nil {
			if kind := fault.Of(err); kind == fault.NotFound || kind == fault.Refused {
				continue // the directory has forgotten the key: the name stands in the document's row
			}
			return err
		}
		s.Authority = k.AuthorisationRef
		for _, e := range k.Earlier { // oldest first
			if said.IssuedAt.Before(e.Until) {
				s.Authority = e.AuthorisationRef
				break
			}
		}
	}
	return nil
}

// around fills in the numbers of documents that this one follows.
func (p *Printer) around(ctx context.Context, q store.Queryer, f courier.Filed, said courier.Said, s *Sheet) error {
	if f.SupersedesID != 0 {
		earlier, err := courier.ByID(ctx, q, f.SupersedesID)
		if err != nil {
			return err
		}
		s.Supersedes = earlier.Number
	}
	if said.InReplyTo == "" {
		return nil
	}
	direction := courier.In // we answer what the addressee sent us
	if f.Direction == courier.In {
		direction = courier.Out
	}
	asked, err := courier.ByJTI(ctx, q, direction, f.Audience, said.InReplyTo)
	if err != nil && fault.Of(err) != fault.NotFound {
		return err
	}
	s.InReplyTo = cmp.Or(asked.Number, said.InReplyTo)
	return nil
}
