package identity

import (
	"context"
	"fmt"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// HandOver gives one kind of open work of a person to another: claims, assignments, custody. It says how many things
// changed hands, and refuses if they cannot.
type HandOver func(ctx context.Context, tx *store.Tx, from, to Person) (int, error)

type handover struct {
	name string
	fn   HandOver
}

// HandsOver adds a kind of work that a leaving person hands over. A stage that gives people work calls it once, while the
// node is put together.
func (p *People) HandsOver(name string, fn HandOver) {
	p.handover = append(p.handover, handover{name, fn})
}

// Left says what became of a person's work.
type Left struct {
	Person   Person         `json:"person"`
	Sessions int64          `json:"sessions"` // ended
	Handed   map[string]int `json:"handed"`   // by kind of work
}

// Disable ends what a person can do: sessions, passkeys, app, password and signing key are gone, the cases that they led
// or wrote in and all open work go to a successor. The row stays: what they did is theirs. The caller publishes the
// directory entry, in which an officer's key is revoked.
func (p *People) Disable(ctx context.Context, tx *store.Tx, by Person, id int64, successor, reason string) (Left, error) {
	left := Left{Handed: map[string]int{}}
	person, err := p.ByID(ctx, tx, id)
	if err != nil {
		return left, err
	}
	if person.DisabledAt != 0 {
		return left, fault.New(fault.Conflict, "%s was disabled already", person.Username)
	}
	if person.ID == by.ID {
		return left, fault.New(fault.Refused, "nobody disables themselves; ask another administrator")
	}
	if strings.TrimSpace(reason) == "" {
		return left, fault.New(fault.Invalid, "say why %s is disabled", person.Username)
	}
	var to Person
	if successor != "" {
		if to, err = p.byUsername(ctx, tx, successor); err != nil {
			return left, err
		}
		if to.DisabledAt != 0 || to.ID == id {
			return left, fault.New(fault.Conflict, "%s cannot take the work over", to.Username)
		}
	}
	if err := p.log.Update(ctx, tx, "person", "person.disabled", time.Time{}, id, record.Fields{"disabled_at": p.clock.Now()}); err != nil {
		return left, err
	}
	if left.Handed["case"], err = p.handCases(ctx, tx, by, person, to); err != nil {
		return left, err
	}
	for _, h := range p.handover {
		n, err := h.fn(ctx, tx, person, to)
		if err != nil {
			return left, fmt.Errorf("hand over %s: %w", h.name, err)
		}
		left.Handed[h.name] += n
	}
	if left.Sessions, err = p.EndSessions(ctx, tx, id, 0); err != nil {
		return left, err
	}
	for _, table := range []string{"passkey", "totp", "external_identity", "invitation", "ceremony"} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE person_id = $1", id); err != nil {
			return left, err
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE credential SET password_hash = '', sealed_key = NULL WHERE person_id = $1", id); err != nil {
		return left, err
	}
	if err := p.someoneManages(ctx, tx); err != nil {
		return left, err
	}
	if err := p.log.Note(ctx, tx, "person.left", record.Fields{"person": id, "successor": to.ID, "sessions": left.Sessions}, record.Fields{"reason": reason}); err != nil {
		return left, err
	}
	left.Person, err = p.ByID(ctx, tx, id)
	return left, err
}

// handCases ends a person's relations to cases and gives the successor those in which work is done.
func (p *People) handCases(ctx context.Context, tx *store.Tx, by, from, to Person) (n int, err error) {
	s, err := p.Sight(ctx, tx, from)
	if err != nil {
		return 0, err
	}
	for caseID, r := range s.relations {
		if _, err := p.unrelate(ctx, tx, caseID, from.ID); err != nil {
			return n, err
		}
		if relationRank[r] < relationRank[Writer] {
			continue
		}
		if to.ID == 0 {
			if r == Lead && p.someoneLeads(ctx, tx, caseID) != nil {
				return n, fault.New(fault.Conflict, "%s is the only lead of case %d; name a successor", from.Username, caseID)
			}
			continue
		}
		held, err := p.Relation(ctx, tx, to, caseID)
		if err != nil {
			return n, err
		}
		if relationRank[held] >= relationRank[r] {
			continue
		}
		if !to.May(ReadCases) {
			return n, fault.New(fault.Conflict, "%s has no role that reads cases and cannot take case %d over", to.Username, caseID)
		}
		if err := p.relate(ctx, tx, caseID, to.ID, r, by.ID); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
