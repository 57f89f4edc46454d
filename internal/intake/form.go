package intake

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Limits of a form, in characters.
const (
	MaxFormAddresses = 20
	maxFormAddress   = 2000
	MaxFormWhat      = 5000
	MaxFormHappened  = 200
	MaxFormContact   = 300
	maxHeld          = 500 // forms that wait for a person; more are not taken without a proof
)

// Why a form is held for a person before it becomes tips.
const (
	HeldNoProof = "no_proof" // it came without the browser's work: no script ran
	HeldTrap    = "trap"     // a field that people do not see was filled in
)

// Form is what somebody writes in the public form. Everything but an address or a text may be empty.
type Form struct {
	Addresses []string // as they were written
	What      string
	Happened  string // when, in the reporter's words
	Class     string
	Danger    bool   // a child is in danger now
	Contact   string // how the reporter wants to be reached
	Language  string // of the page: en, hi
	HeldFor   string // empty: it becomes tips at once
}

// Check cleans a form, or says which field is wrong: a fault.Invalid or fault.TooLarge whose code is form_empty, form_class, form_text,
// form_addresses or form_long.
func (f *Form) Check() error {
	var kept []string
	for _, a := range f.Addresses {
		if a = strings.TrimSpace(a); a != "" && !slices.Contains(kept, a) {
			kept = append(kept, a)
		}
	}
	f.Addresses = kept
	f.What, f.Happened, f.Contact = strings.TrimSpace(f.What), strings.TrimSpace(f.Happened), strings.TrimSpace(f.Contact)
	for _, s := range append(slices.Clone(kept), f.What, f.Happened, f.Contact, f.Language) {
		if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
			return fault.Coded(fault.Invalid, "form_text", "the text of the form is in no encoding that can be read; send it as UTF-8")
		}
		if len(s) > 4*MaxFormWhat {
			return fault.Coded(fault.TooLarge, "form_long", "a field of the form is too long")
		}
	}
	switch {
	case len(kept) == 0 && f.What == "":
		return fault.Coded(fault.Invalid, "form_empty", "give an address, or say what happened")
	case len(kept) > MaxFormAddresses:
		return fault.Coded(fault.TooLarge, "form_addresses", "a form takes at most %d addresses; send another one for the rest", MaxFormAddresses)
	case !slices.Contains([]string{ClassMedia, ClassEnticement, ClassContact, ClassAdult, ClassOther}, f.Class):
		return fault.Coded(fault.Invalid, "form_class", "choose what it is about")
	case runes(f.What) > MaxFormWhat, runes(f.Happened) > MaxFormHappened, runes(f.Contact) > MaxFormContact, slices.ContainsFunc(kept, func(a string) bool { return runes(a) > maxFormAddress }):
		return fault.Coded(fault.TooLarge, "form_long", "a field of the form is too long")
	}
	return nil
}

func runes(s string) int { return utf8.RuneCountInString(s) }

// FormReceipt is what a reporter keeps.
type FormReceipt struct {
	ID     int64
	Number string // R-7KQ2-M4XD: says nothing of how many there are
	Secret string // 16 characters in groups of four; only its hash is kept
	Held   bool
}

// File takes a form: it becomes tips at once, or is held. random gives the number and the secret.
func (t *Tips) File(ctx context.Context, tx *store.Tx, f Form, random io.Reader) (r FormReceipt, err error) {
	if err := f.Check(); err != nil {
		return r, err
	}
	if f.HeldFor != "" {
		var held int64
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM form_report WHERE state = 'held'").Scan(&held); err != nil {
			return r, err
		}
		if held >= maxHeld {
			return r, fault.Coded(fault.Unavailable, "form_full", "too many forms wait; try again later, or with a browser that runs scripts")
		}
	}
	letters := make([]byte, 24)
	if _, err := io.ReadFull(random, letters); err != nil {
		return r, err
	}
	for i, b := range letters {
		letters[i] = alphabet[b&31]
	}
	r.Number, r.Secret, r.Held = "R-"+grouped(string(letters[:8])), grouped(string(letters[8:])), f.HeldFor != ""
	state := "entered"
	if r.Held {
		state = "held"
	}
	r.ID, err = t.log.Insert(ctx, tx, "form_report", "form."+map[bool]string{true: "held", false: "received"}[r.Held], time.Time{}, record.Fields{"number": r.Number,
		"secret_hash": secretHash(r.Number, r.Secret), "state": state, "held_for": f.HeldFor, "class": f.Class, "danger": f.Danger, "language": f.Language, "what": f.What,
		"happened": f.Happened, "contact": f.Contact, "received_at": t.clock.Now()})
	if err != nil {
		return r, err
	}
	for i, a := range f.Addresses {
		if _, err := t.log.Insert(ctx, tx, "form_address", "form.address", time.Time{}, record.Fields{"form_id": r.ID, "n": i + 1, "typed": a}); err != nil {
			return r, err
		}
	}
	if r.Held {
		return r, nil
	}
	return r, t.enterForm(ctx, tx, r.ID)
}

// enterForm makes tips of a form: one of each thing that its addresses name, because a tip goes its own way by its address: to the holder of
// that account, into a bundle with others of it. What names nothing that can be read is kept as one tip more, with the reporter's words.
func (t *Tips) enterForm(ctx context.Context, tx *store.Tx, id int64) error {
	f, err := formByID(ctx, tx, id)
	if err != nil {
		return err
	}
	base := Tip{Source: FromForm, Class: f.Class, Reporter: "public form " + f.Number, ExternalRef: f.Number, Language: written(f.What, f.Language), Summary: f.What}
	if f.Happened != "" {
		base.Summary = strings.TrimSpace(base.Summary + "\nWhen, in the reporter's words: " + f.Happened)
	}
	if f.Danger {
		base.DangerAt = store.Micros(t.clock.Now())
	}
	made := map[platforms.Locator]int64{}
	var unread []KeptAddress
	for _, a := range f.Addresses {
		l, err := Understand(a.Typed)
		if err != nil {
			unread = append(unread, a)
			continue
		}
		tipID := made[l.Key()]
		if tipID == 0 {
			tip := base
			tip.Locator = l.String()
			if tip.AccountID, err = t.accountOf(ctx, tx, l); err != nil {
				return err
			}
			if tip, err = t.Enter(ctx, tx, tip); err != nil {
				return err
			}
			tipID = tip.ID
			made[l.Key()] = tipID
		}
		if err := t.log.Update(ctx, tx, "form_address", "form.address", time.Time{}, a.ID, record.Fields{"tip_id": tipID}); err != nil {
			return err
		}
	}
	if len(unread) == 0 && len(made) > 0 {
		return nil
	}
	tip := base
	for _, a := range unread {
		tip.Summary = strings.TrimSpace(tip.Summary + "\nAn address that could not be read: " + a.Typed)
	}
	if tip, err = t.Enter(ctx, tx, tip); err != nil {
		return err
	}
	for _, a := range unread {
		if err := t.log.Update(ctx, tx, "form_address", "form.address", time.Time{}, a.ID, record.Fields{"tip_id": tip.ID}); err != nil {
			return err
		}
	}
	return nil
}

// written gives the language of a text by its script, as BCP 47: a page in Hindi with letters of that script is taken for Hindi, the same script
// on an English page for what it is and no more.
func written(text, page string) string {
	letters, devanagari := 0, 0
	for _, r := range text {
		if unicode.IsLetter(r) {
			letters++
			if unicode.Is(unicode.Devanagari, r) {
				devanagari++
			}
		}
	}
	switch {
	case letters == 0:
		return ""
	case 3*devanagari > letters && page == "hi":
		return "hi"
	case 3*devanagari > letters:
		return "und-Deva"
	case page == "hi": // Hindi in Latin letters, or English
		return ""
	}
	return page
}

// The letters of numbers and secrets: none that look alike (Crockford's base 32).
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func grouped(s string) string {
	var out []string
	for ; len(s) > 4; s = s[4:] {
		out = append(out, s[:4])
	}
	return strings.Join(append(out, s), "-")
}

// asTyped brings a number or secret that somebody typed into the form in which it was given out.
func asTyped(s string) string {
	s = strings.ToUpper(strings.TrimSpace(s))
	return strings.NewReplacer(" ", "", "-", "", "–", "", "O", "0", "I", "1", "L", "1").Replace(s)
}

func secretHash(number, secret string) string {
	sum := sha256.Sum256([]byte("raksha public form\x00" + asTyped(strings.TrimPrefix(number, "R-")) + "\x00" + asTyped(secret)))
	return hex.EncodeToString(sum[:])
}

// FormState is what a reporter may know of a form. Nothing in it says what was reported.
type FormState struct {
	Number     string
	State      string // held, entered, discarded
	ReceivedAt int64  // microseconds UTC
	Tips       []string
}

// FormState gives how a form stands to whoever has its number and secret. A number that is none and a wrong secret are one fault.NotFound.
func (t *Tips) FormState(ctx context.Context, q store.Queryer, number, secret string) (s FormState, err error) {
	none := fault.Coded(fault.NotFound, "form_unknown", "no report has this number and this code")
	if len(number) > 100 || len(secret) > 100 {
		return s, none
	}
	letters := asTyped(number)
	if len(letters) == 9 {
		letters = strings.TrimPrefix(letters, "R")
	}
	if len(letters) != 8 {
		return s, none
	}
	s.Number = "R-" + grouped(letters)
	var id int64
	var hash string
	err = q.QueryRowContext(ctx, "SELECT id, secret_hash, state, received_at FROM form_report WHERE number = $1", s.Number).Scan(&id, &hash, &s.State, &s.ReceivedAt)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return FormState{}, err
	}
	if subtle.ConstantTimeCompare([]byte(secretHash(s.Number, secret)), []byte(hash)) != 1 { // of no row the hash is empty, and none is equal
		return FormState{}, none
	}
	s.Tips, err = store.Collect(ctx, q, func(rows *sql.Rows) (state string, err error) { return state, rows.Scan(&state) },
		"SELECT state FROM tip WHERE source = 'form' AND external_ref = $1 ORDER BY id", s.Number)
	return s, err
}
