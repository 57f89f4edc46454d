package identity

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

var wrong = fault.New(fault.Unsigned, "the username or the password is wrong")

// nobody is what a password is compared with when there is no such name: the time that takes is the same.
const nobody = "argon2id$AAAAAAAAAAAAAAAAAAAAAA$AAAA"

// verify checks a username and a password; the time it takes does not tell whether the username exists. It counts as a
// guess until right takes it back.
func (p *People) verify(ctx context.Context, username, password, address string) (Person, []byte, error) {
	if len(password) > passwordLimit {
		return Person{}, nil, wrong
	}
	if err := p.attempting(ctx, username, address); err != nil {
		return Person{}, nil, err
	}
	person, err := p.byUsername(ctx, p.db.Reader(), username)
	hash := nobody
	if err == nil {
		err = p.db.Reader().QueryRowContext(ctx, "SELECT password_hash FROM credential WHERE person_id = $1", person.ID).Scan(&hash)
	}
	select {
	case p.stretch <- struct{}{}:
	case <-ctx.Done():
		return Person{}, nil, ctx.Err()
	}
	sealing, ok := check(password, hash)
	<-p.stretch
	if err != nil || !ok || person.DisabledAt != 0 {
		if err != nil && fault.Of(err) != fault.NotFound && !errors.Is(err, sql.ErrNoRows) {
			return Person{}, nil, err
		}
		return Person{}, nil, wrong
	}
	return person, sealing, nil
}

// SignIn checks a password, and the code of an authenticator app if the person has one, and opens a session. Whoever has a
// passkey and no app signs in with that.
func (p *People) SignIn(ctx context.Context, username, password, code string, d Device) (token string, person Person, err error) {
	end, err := p.turns.take(ctx, username)
	if err != nil {
		return "", Person{}, err
	}
	defer end()
	if person, _, err = p.verify(ctx, username, password, d.Address); err != nil {
		return "", Person{}, err
	}
	err = p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		factors, err := p.Factors(ctx, tx, person.ID)
		if err != nil {
			return err
		}
		m := ByPassword
		switch {
		case factors.Code:
			if strings.TrimSpace(code) == "" {
				// The guess stays counted: a password alone is half of what is needed.
				return fault.Coded(fault.Unsigned, "code_needed", "enter the code that your authenticator app shows")
			}
			if err := p.checkCode(ctx, tx, person.ID, code); err != nil {
				return err
			}
			m = ByCode
		case factors.Passkeys > 0:
			return fault.Coded(fault.Unsigned, "passkey_needed", "sign in with your passkey; a password alone is not enough for you any more")
		}
		if err := p.right(ctx, tx, person.Username, d.Address); err != nil {
			return err
		}
		token, err = p.openSession(ctx, tx, person, m, d)
		return err
	})
	if err != nil {
		return "", Person{}, err
	}
	return token, person, nil
}

// Factors says what a person can prove who they are with.
type Factors struct {
	Password bool `json:"password"`
	Code     bool `json:"code"` // an authenticator app
	Passkeys int  `json:"passkeys"`
	External bool `json:"external"` // an account at the agency's identity provider
}

// Factors reads what a person has.
func (p *People) Factors(ctx context.Context, q store.Queryer, person int64) (f Factors, err error) {
	var password, code, external int
	err = q.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM credential WHERE person_id = $1 AND password_hash <> ''), (SELECT COUNT(*) FROM totp WHERE person_id = $1 AND confirmed_at > 0),
		(SELECT COUNT(*) FROM passkey WHERE person_id = $1), (SELECT COUNT(*) FROM external_identity WHERE person_id = $1)`, person).Scan(&password, &code, &f.Passkeys, &external)
	f.Password, f.Code, f.External = password > 0, code > 0, external > 0
	return f, err
}

// Prove is the step-up by password or by code. Whoever has an app or a passkey proves it by that: the password was given
// at sign-in.
func (p *People) Prove(ctx context.Context, person Person, password, code string, d Device) error {
	end, err := p.turns.take(ctx, person.Username)
	if err != nil {
		return err
	}
	defer end()
	factors, err := p.Factors(ctx, p.db.Reader(), person.ID)
	if err != nil {
		return err
	}
	switch {
	case factors.Code && strings.TrimSpace(code) != "":
		if err := p.attempting(ctx, person.Username, d.Address); err != nil {
			return err
		}
		return p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := p.checkCode(ctx, tx, person.ID, code); err != nil {
				return err
			}
			if err := p.right(ctx, tx, person.Username, d.Address); err != nil {
				return err
			}
			return p.proved(ctx, tx, person, ByCode)
		})
	case factors.Code:
		return fault.Coded(fault.Unsigned, "code_needed", "enter the code that your authenticator app shows")
	case factors.Passkeys > 0:
		return fault.Coded(fault.Unsigned, "passkey_needed", "use your passkey; a password alone is not enough for you any more")
	}
	if _, _, err := p.verify(ctx, person.Username, password, d.Address); err != nil {
		if errors.Is(err, fault.Unsigned) && fault.Code(err) != "locked" {
			err = fault.New(fault.Unsigned, "that is not your password")
		}
		return err
	}
	return p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := p.right(ctx, tx, person.Username, d.Address); err != nil {
			return err
		}
		return p.proved(ctx, tx, person, ByPassword)
	})
}

// Key is the step-up before a signature: the password opens the officer's own key. For whoever has a passkey or an app the
// password is not proof enough, and the session must be fresh by one of those.
func (p *People) Key(ctx context.Context, person Person, password string) (ed25519.PrivateKey, error) {
	factors, err := p.Factors(ctx, p.db.Reader(), person.ID)
	if err != nil {
		return nil, err
	}
	if factors.Code || factors.Passkeys > 0 {
		if err := p.NeedFresh(person); err != nil {
			return nil, err
		}
	}
	end, err := p.turns.take(ctx, person.Username)
	if err != nil {
		return nil, err
	}
	defer end()
	_, sealing, err := p.verify(ctx, person.Username, password, "")
	if err != nil {
		if fault.Code(err) == "locked" || !errors.Is(err, fault.Unsigned) {
			return nil, err
		}
		return nil, fault.New(fault.Unsigned, "to sign, enter your own password again; it is wrong")
	}
	if err := p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return p.right(ctx, tx, person.Username, "") }); err != nil {
		return nil, err
	}
	var sealed []byte
	if err := p.db.Reader().QueryRowContext(ctx, "SELECT sealed_key FROM credential WHERE person_id = $1", person.ID).Scan(&sealed); err != nil {
		return nil, err
	}
	if len(sealed) == 0 {
		return nil, fault.New(fault.Refused, "your signing key was retired")
	}
	return openKey(sealing, sealed)
}

// ChangePassword takes a new password and seals the signing key under it. Every other session ends.
func (p *People) ChangePassword(ctx context.Context, person Person, old, password string) error {
	if err := p.NeedFresh(person); err != nil {
		return err
	}
	key, err := p.Key(ctx, person, old)
	if err != nil {
		return err
	}
	hash, sealed, err := sealKey(password, key)
	if err != nil {
		return err
	}
	return p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE credential SET password_hash = $1, sealed_key = $2 WHERE person_id = $3", hash, sealed, person.ID); err != nil {
			return err
		}
		if _, err := p.EndSessions(ctx, tx, person.ID, person.Session.ID); err != nil {
			return err
		}
		return p.log.Note(ctx, tx, "person.password_changed", record.Fields{"person": person.ID}, nil)
	})
}

const invitationLength = 7 * 24 * time.Hour

// Invite gives a person without a password a code, good once and for a week, by which they choose one.
func (p *People) Invite(ctx context.Context, tx *store.Tx, id int64) (code string, err error) {
	person, err := p.ByID(ctx, tx, id)
	if err != nil {
		return "", err
	}
	if person.KID != "" || person.DisabledAt != 0 {
		return "", fault.New(fault.Conflict, "%s has a password already or has left", person.Username)
	}
	code = newToken()
	if _, err := tx.ExecContext(ctx, `INSERT INTO invitation (person_id, code_hash, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (person_id) DO UPDATE SET code_hash = excluded.code_hash, expires_at = excluded.expires_at`, id, hashToken(code), store.Micros(p.now().Add(invitationLength))); err != nil {
		return "", err
	}
	return code, p.log.Note(ctx, tx, "person.invited", record.Fields{"person": id}, nil)
}

// Accept takes an invitation up: the person's password and, sealed under it, their signing key come into being.
func (p *People) Accept(ctx context.Context, tx *store.Tx, code, password string) (Person, error) {
	var id, expires int64
	err := tx.QueryRowContext(ctx, "SELECT person_id, expires_at FROM invitation WHERE code_hash = $1", hashToken(strings.TrimSpace(code))).Scan(&id, &expires)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !p.now().Before(store.Time(expires)) {
		return Person{}, fault.New(fault.Unsigned, "this invitation is unknown, used or over; ask your administrator for another")
	}
	if err != nil {
		return Person{}, err
	}
	if err := p.equip(ctx, tx, id, password); err != nil {
		return Person{}, err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM invitation WHERE person_id = $1", id); err != nil {
		return Person{}, err
	}
	return p.ByID(ctx, tx, id)
}
