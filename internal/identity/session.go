package identity

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

const (
	sessionLength = 12 * time.Hour   // after which a person signs in again, whatever they do
	idleLength    = 45 * time.Minute // without a request
	seenEvery     = time.Minute      // how often the last request is written down
	// ProofLength is how long a proof of who one is serves for signing, opening and exporting.
	ProofLength = 10 * time.Minute
	agentLimit  = 200 // characters of a browser's name of itself
)

// Method is how a person proved who they are.
type Method string

// The methods, from the weakest.
const (
	ByPassword Method = "password"
	ByOIDC     Method = "oidc"
	ByCode     Method = "password_code"
	ByPasskey  Method = "passkey"
)

// Session is one sign-in of a person on one device. Times are microseconds UTC of the machine's clock.
type Session struct {
	ID        int64  `json:"id"`
	PersonID  int64  `json:"person_id"`
	Method    Method `json:"method"`
	Address   string `json:"address"`
	Agent     string `json:"agent"` // what the browser calls itself
	CreatedAt int64  `json:"created_at"`
	SeenAt    int64  `json:"seen_at"`
	ExpiresAt int64  `json:"expires_at"`
	ProvedAt  int64  `json:"proved_at"` // when the person last proved who they are
	Here      bool   `json:"here"`      // the one that asks
}

// Device is what is known of where a request comes from.
type Device struct{ Address, Agent string }

// openSession makes a session; the token is shown once and kept only as a hash.
func (p *People) openSession(ctx context.Context, tx *store.Tx, person Person, m Method, d Device) (token string, err error) {
	if person.DisabledAt != 0 {
		return "", wrong
	}
	token = newToken()
	now := p.now()
	if len(d.Agent) > agentLimit {
		d.Agent = d.Agent[:agentLimit]
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM session WHERE expires_at < $1", store.Micros(now)); err != nil {
		return "", err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO session (token_hash, person_id, method, address, agent, created_at, seen_at, expires_at, proved_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $6)`, hashToken(token), person.ID, string(m), d.Address, printable(d.Agent), store.Micros(now), store.Micros(now.Add(sessionLength))); err != nil {
		return "", err
	}
	return token, p.log.Note(ctx, tx, "person.signed_in", record.Fields{"person": person.ID, "method": string(m)}, nil)
}

// printable keeps control characters and broken text out of what a request says of itself.
func printable(s string) string {
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			r = ' '
		}
		out = append(out, r)
	}
	return string(out)
}

const sessionColumns = "SELECT id, person_id, method, address, agent, created_at, seen_at, expires_at, proved_at FROM session "

func scanSession(scan func(...any) error) (s Session, err error) {
	err = scan(&s.ID, &s.PersonID, &s.Method, &s.Address, &s.Agent, &s.CreatedAt, &s.SeenAt, &s.ExpiresAt, &s.ProvedAt)
	return s, err
}

// over says whether a session has ended at an instant. One from the future is over too: the clock was set back, and nothing
// can be said of its age.
func (s Session) over(now time.Time) bool {
	created, seen := store.Time(s.CreatedAt), store.Time(s.SeenAt)
	return !now.Before(store.Time(s.ExpiresAt)) || now.Sub(seen) > idleLength || created.Sub(now) > seenEvery || seen.Sub(now) > seenEvery
}

var noSession = fault.New(fault.Unsigned, "sign in first; the session is unknown or over")

// BySession gives the person of a session token, who acts by that session from here on.
func (p *People) BySession(ctx context.Context, token string) (Person, error) {
	s, err := scanSession(p.db.Reader().QueryRowContext(ctx, sessionColumns+"WHERE token_hash = $1", hashToken(token)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Person{}, noSession
	}
	if err != nil {
		return Person{}, err
	}
	now := p.now()
	if s.over(now) {
		return Person{}, noSession
	}
	person, err := p.ByID(ctx, p.db.Reader(), s.PersonID)
	if err != nil {
		return Person{}, err
	}
	if person.DisabledAt != 0 {
		return Person{}, noSession
	}
	s.Here = true
	person.Session = s
	if now.Sub(store.Time(s.SeenAt)) < seenEvery {
		return person, nil
	}
	return person, p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE session SET seen_at = $1 WHERE id = $2", store.Micros(now), s.ID)
		return err
	})
}

// Standing reads the session and the person anew inside a transaction, so that what was revoked meanwhile does nothing.
func (p *People) Standing(ctx context.Context, q store.Queryer, person Person) (Person, error) {
	if person.Service() {
		return p.serviceByID(ctx, q, -person.ID)
	}
	s, err := scanSession(q.QueryRowContext(ctx, sessionColumns+"WHERE id = $1", person.Session.ID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Person{}, noSession
	}
	if err != nil {
		return Person{}, err
	}
	if s.over(p.now()) || s.PersonID != person.ID {
		return Person{}, noSession
	}
	now, err := p.ByID(ctx, q, person.ID)
	if err == nil && now.DisabledAt != 0 {
		err = noSession
	}
	s.Here, now.Session = true, s
	return now, err
}

// Sessions gives where a person is signed in, the newest first.
func (p *People) Sessions(ctx context.Context, q store.Queryer, person Person) ([]Session, error) {
	all, err := store.Collect(ctx, q, func(rows *sql.Rows) (Session, error) { return scanSession(rows.Scan) }, sessionColumns+"WHERE person_id = $1 ORDER BY seen_at DESC, id DESC", person.ID)
	if err != nil {
		return nil, err
	}
	out := []Session{}
	for _, s := range all {
		if !s.over(p.now()) {
			s.Here = s.ID == person.Session.ID
			out = append(out, s)
		}
	}
	return out, nil
}

// EndSession ends one of a person's own sessions.
func (p *People) EndSession(ctx context.Context, tx *store.Tx, person Person, id int64) error {
	res, err := tx.ExecContext(ctx, "DELETE FROM session WHERE id = $1 AND person_id = $2", id, person.ID)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.New(fault.NotFound, "you have no such session"))
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM session_purpose WHERE session_id = $1", id); err != nil {
		return err
	}
	return p.log.Note(ctx, tx, "person.session_ended", record.Fields{"person": person.ID, "session": id}, nil)
}

// EndSessions ends every session of a person but one (0: all), and says how many.
func (p *People) EndSessions(ctx context.Context, tx *store.Tx, person, but int64) (int64, error) {
	if _, err := tx.ExecContext(ctx, "DELETE FROM session_purpose WHERE session_id IN (SELECT id FROM session WHERE person_id = $1 AND id <> $2)", person, but); err != nil {
		return 0, err
	}
	res, err := tx.ExecContext(ctx, "DELETE FROM session WHERE person_id = $1 AND id <> $2", person, but)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// SignOut ends a session.
func (p *People) SignOut(ctx context.Context, token string) error {
	return p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		var id int64
		err := tx.QueryRowContext(ctx, "SELECT id FROM session WHERE token_hash = $1", hashToken(token)).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM session_purpose WHERE session_id = $1", id); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM session WHERE id = $1", id)
		return err
	})
}

// Fresh says whether the person proved who they are so recently that they may sign, open or export.
func (p *People) Fresh(person Person) bool {
	age := p.now().Sub(store.Time(person.Session.ProvedAt))
	return person.Session.ID != 0 && age <= ProofLength && age > -seenEvery
}

// NeedFresh is Fresh as an error, with the code "step_up".
func (p *People) NeedFresh(person Person) error {
	if person.Service() || !p.Fresh(person) {
		return fault.Coded(fault.Forbidden, "step_up", "prove once more who you are, with your passkey, a code or your password, and try again")
	}
	return nil
}

// proved notes a new proof in the person's session.
func (p *People) proved(ctx context.Context, tx *store.Tx, person Person, m Method) error {
	res, err := tx.ExecContext(ctx, "UPDATE session SET proved_at = $1 WHERE id = $2 AND person_id = $3", store.Micros(p.now()), person.Session.ID, person.ID)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, noSession)
	}
	return p.log.Note(ctx, tx, "person.proved", record.Fields{"person": person.ID, "method": string(m)}, nil)
}

type deviceKey struct{}

// WithDevice puts into ctx where a request comes from.
func WithDevice(ctx context.Context, d Device) context.Context {
	return context.WithValue(ctx, deviceKey{}, d)
}

// DeviceOf gives where the request of ctx comes from.
func DeviceOf(ctx context.Context) Device {
	d, _ := ctx.Value(deviceKey{}).(Device)
	return d
}
