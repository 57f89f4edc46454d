package attribution

import (
	"context"
	"database/sql"
	"errors"
	"net/netip"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/selector"
	"raksha.example/raksha/internal/store"
)

// SawText enters the selectors in a text that an account of a case shows: a post, or its profile (postID 0). What is
// entered already is not entered again.
func (l *Links) SawText(ctx context.Context, tx *store.Tx, caseID, accountID, postID int64, text string) error {
	s := sighting{caseID: caseID, accountID: accountID, postID: postID, source: inPost}
	if postID == 0 {
		s.source = inBio
	}
	for _, found := range selector.Find(text, l.region) {
		var err error
		if s.selectorID, err = l.selector(ctx, tx, found.Selector); err != nil {
			return err
		}
		if err := l.sight(ctx, tx, s); err != nil {
			return err
		}
	}
	return nil
}

// Produced enters what a holder answered about an account or a selector of a case. Pieces that are no phone, e-mail or
// network address are left out: the answer itself stays on file. Addresses are kept by the minute, so that two uses of one
// address and port within it are the same selector. The selectors have no kind for names, customer numbers and branches;
// they are kept, sealed, with what was produced beside them, and link nobody.
func (l *Links) Produced(ctx context.Context, tx *store.Tx, caseID int64, a Answer) error {
	if (a.AccountID == 0) == (a.SelectorID == 0) {
		return fault.New(fault.Invalid, "an answer is about an account or about a selector")
	}
	s := sighting{caseID: caseID, accountID: a.AccountID, holderOf: a.SelectorID, documentID: a.DocumentID, source: inAnswer, name: customer(a)}
	for _, found := range l.produced(a) {
		var err error
		if s.selectorID, err = l.selector(ctx, tx, found); err != nil {
			return err
		}
		if err := l.sight(ctx, tx, s); err != nil {
			return err
		}
		if found.Kind != selector.IPPortTime {
			s.kept = true
		}
	}
	if s.kept || s.name == "" {
		return nil
	}
	// Only a name, perhaps with addresses: it stands with what was asked about.
	s.holderOf, s.selectorID = 0, a.SelectorID
	if a.AccountID != 0 {
		account, err := platforms.AccountByID(ctx, tx, a.AccountID)
		if err != nil {
			return err
		}
		own, err := selector.Normalise(selector.URL, account.URL)
		if err != nil {
			return err
		}
		if s.selectorID, err = l.selector(ctx, tx, own); err != nil {
			return err
		}
	}
	return l.sight(ctx, tx, s)
}

// produced gives the selectors of an answer.
func (l *Links) produced(a Answer) (out []selector.Selector) {
	if s, err := selector.ParsePhone(a.Phone, l.region); err == nil {
		out = append(out, s)
	}
	if s, err := selector.Normalise(selector.Email, a.Email); err == nil {
		out = append(out, s)
	}
	for _, login := range a.Logins {
		if ip, err := netip.ParseAddr(strings.TrimSpace(login.IP)); err == nil && !login.At.IsZero() && login.Port >= 0 && login.Port < 1<<16 {
			out = append(out, selector.AtAddress(ip, login.Port, login.At.Truncate(time.Minute)))
		}
	}
	return out
}

// customer writes who the holder says it is: name, customer number and branch, on one line.
func customer(a Answer) string {
	name := strings.TrimSpace(a.Name)
	var more []string
	if a.Account != "" {
		more = append(more, "account "+a.Account)
	}
	if a.BankRef != "" {
		more = append(more, "branch "+a.BankRef)
	}
	if len(more) == 0 {
		return name
	}
	return strings.TrimSpace(name + " (" + strings.Join(more, ", ") + ")")
}

// sighting is one row: where a selector was seen.
type sighting struct {
	caseID, selectorID, accountID, holderOf, postID, documentID int64
	source, name                                                string
	kept                                                        bool // the name stands in a row already
}

// sight enters a sighting unless it is there.
func (l *Links) sight(ctx context.Context, tx *store.Tx, s sighting) error {
	var n int64
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM sighting WHERE case_id = $1 AND selector_id = $2 AND source = $3 AND COALESCE(account_id, 0) = $4
		AND COALESCE(holder_of_id, 0) = $5 AND COALESCE(post_id, 0) = $6 AND COALESCE(document_id, 0) = $7`,
		s.caseID, s.selectorID, s.source, s.accountID, s.holderOf, s.postID, s.documentID).Scan(&n); err != nil || n > 0 {
		return err
	}
	_, err := l.log.Insert(ctx, tx, "sighting", "selector.seen", time.Time{}, record.Fields{"case_id": s.caseID, "selector_id": s.selectorID, "account_id": s.accountID,
		"holder_of_id": s.holderOf, "source": s.source, "post_id": s.postID, "document_id": s.documentID, "name": s.name, "seen_at": l.clock.Now()})
	return err
}

// selector gives the number of a selector, entering it when it is new to the node.
func (l *Links) selector(ctx context.Context, tx *store.Tx, s selector.Selector) (id int64, err error) {
	err = tx.QueryRowContext(ctx, "SELECT id FROM selector WHERE kind = $1 AND value = $2", string(s.Kind), s.Value).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return l.log.Insert(ctx, tx, "selector", "selector.new", time.Time{}, record.Fields{"kind": s.Kind, "value": s.Value, "first_seen_at": l.clock.Now()})
	}
	return id, err
}
