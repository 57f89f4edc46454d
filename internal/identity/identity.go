// Package identity holds the people of a node: their roles, their sessions, and the officers' signing keys, each sealed
// under its owner's password.
package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Role is what a person may do on this node.
type Role string

// The roles. A person may have several; everyone signed in may read what their desk shows.
const (
	Admin        Role = "admin"        // people, peers, platforms, routes, lists
	Intake       Role = "intake"       // complaint files, tips, referral
	Reviewer     Role = "reviewer"     // decides perceptual matches
	Analyst      Role = "analyst"      // looks at posts
	Investigator Role = "investigator" // cases, drafting of documents, leads
	Authoriser   Role = "authoriser"   // authorises and signs documents
	Enforcer     Role = "enforcer"     // a holder's officer: acts on orders
	Reporter     Role = "reporter"     // a service credential that files reports and does nothing else
)

var roles = []Role{Admin, Intake, Reviewer, Analyst, Investigator, Authoriser, Enforcer, Reporter}

// Person is one person (or service credential) of the node.
type Person struct {
	ID               int64  `json:"id"`
	Username         string `json:"username"`
	Name             string `json:"name"`
	Roles            []Role `json:"roles"`
	Rank             string `json:"rank,omitempty"`
	AuthorisationRef string `json:"authorisation_ref,omitempty"`
	KID              string `json:"kid"`
	PublicKey        string `json:"public_key"` // base64 of the Ed25519 key
	CreatedAt        int64  `json:"created_at"` // microseconds UTC
	DisabledAt       int64  `json:"disabled_at,omitempty"`
}

// Has says whether the person has one of the roles.
func (p Person) Has(any ...Role) bool {
	return slices.ContainsFunc(any, func(r Role) bool { return slices.Contains(p.Roles, r) })
}

// Officer says whether the person signs documents and so stands in the directory entry.
func (p Person) Officer() bool { return p.Rank != "" }

// New describes a person to add.
type New struct {
	Username         string
	Name             string
	Password         string
	Roles            []Role
	Rank             string // of an officer; empty for others
	AuthorisationRef string // the order that empowers the officer
}

// Table tells the record which rows to answer for.
var Table = record.Table{Name: "person", Sealed: []string{"name"}}

const sessionLength = 12 * time.Hour

// People keeps the node's people.
type People struct {
	db    *store.DB
	log   *record.Log
	clock clock.Clock

	mu    sync.Mutex
	basic map[string]basicPass // guarded by mu: verified service credentials, so that each call need not stretch a password
}

type basicPass struct {
	id    int64
	until time.Time
}

// NewPeople keeps people in db. c dates what is recorded; sessions run on the machine's time.
func NewPeople(db *store.DB, log *record.Log, c clock.Clock) *People {
	return &People{db: db, log: log, clock: c, basic: map[string]basicPass{}}
}

// Add enters a person and makes their signing key.
func (p *People) Add(ctx context.Context, tx *store.Tx, n New) (Person, error) {
	n.Username = strings.ToLower(strings.TrimSpace(n.Username))
	if n.Username == "" || len(n.Username) > 64 || strings.ContainsAny(n.Username, " :\t\n") || strings.TrimSpace(n.Name) == "" {
		return Person{}, fault.New(fault.Invalid, "a person needs a username (no spaces or colons, at most 64 characters) and a name")
	}
	for _, r := range n.Roles {
		if !slices.Contains(roles, r) {
			return Person{}, fault.New(fault.Invalid, "there is no role %q; the roles are %v", r, roles)
		}
	}
	if _, err := p.byUsername(ctx, tx, n.Username); err == nil {
		return Person{}, fault.New(fault.Conflict, "the username %s is taken", n.Username)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Person{}, err
	}
	hash, sealed, err := sealKey(n.Password, private)
	if err != nil {
		return Person{}, err
	}
	print := sha256.Sum256(public)
	words := make([]string, len(n.Roles))
	for i, r := range n.Roles {
		words[i] = string(r)
	}
	id, err := p.log.Insert(ctx, tx, "person", "person.added", time.Time{}, record.Fields{
		"username": n.Username, "name": strings.TrimSpace(n.Name), "roles": strings.Join(words, " "), "officer_rank": n.Rank,
		"authorisation_ref": n.AuthorisationRef, "kid": "officer-" + hex.EncodeToString(print[:8]),
		"public_key": base64.StdEncoding.EncodeToString(public), "created_at": p.clock.Now()})
	if err != nil {
		return Person{}, err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO credential (person_id, password_hash, sealed_key) VALUES ($1, $2, $3)", id, hash, sealed); err != nil {
		return Person{}, err
	}
	return p.ByID(ctx, tx, id)
}

const personColumns = "SELECT id, username, name, roles, officer_rank, authorisation_ref, kid, public_key, created_at, disabled_at FROM person "

func scanPerson(scan func(...any) error) (Person, error) {
	var p Person
	var words string
	err := scan(&p.ID, &p.Username, &p.Name, &words, &p.Rank, &p.AuthorisationRef, &p.KID, &p.PublicKey, &p.CreatedAt, &p.DisabledAt)
	for _, w := range strings.Fields(words) {
		p.Roles = append(p.Roles, Role(w))
	}
	return p, err
}

// ByID reads one person.
func (p *People) ByID(ctx context.Context, q store.Queryer, id int64) (Person, error) {
	return found(scanPerson(q.QueryRowContext(ctx, personColumns+"WHERE id = $1", id).Scan))
}

func (p *People) byUsername(ctx context.Context, q store.Queryer, username string) (Person, error) {
	return found(scanPerson(q.QueryRowContext(ctx, personColumns+"WHERE username = $1", strings.ToLower(strings.TrimSpace(username))).Scan))
}

func found(p Person, err error) (Person, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return p, fault.New(fault.NotFound, "there is no such person")
	}
	return p, err
}

// All reads everyone.
func (p *People) All(ctx context.Context, q store.Queryer) ([]Person, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (Person, error) { return scanPerson(rows.Scan) }, personColumns+"ORDER BY id")
}

var wrong = fault.New(fault.Unsigned, "the username or the password is wrong")

// verify checks a username and a password; the time it takes does not tell whether the username exists.
func (p *People) verify(ctx context.Context, username, password string) (Person, []byte, error) {
	person, err := p.byUsername(ctx, p.db.Reader(), username)
	hash := "argon2id$AAAAAAAAAAAAAAAAAAAAAA$AAAA"
	if err == nil {
		err = p.db.Reader().QueryRowContext(ctx, "SELECT password_hash FROM credential WHERE person_id = $1", person.ID).Scan(&hash)
	}
	sealing, ok := check(password, hash)
	if err != nil || !ok || person.DisabledAt != 0 {
		if err != nil && fault.Of(err) != fault.NotFound && !errors.Is(err, sql.ErrNoRows) {
			return Person{}, nil, err
		}
		return Person{}, nil, wrong
	}
	return person, sealing, nil
}

// SignIn checks a password and opens a session; the token is shown once and kept only as a hash.
func (p *People) SignIn(ctx context.Context, username, password string) (token string, person Person, err error) {
	if person, _, err = p.verify(ctx, username, password); err != nil {
		return "", Person{}, err
	}
	if person.Has(Reporter) {
		return "", Person{}, fault.New(fault.Forbidden, "a reporter's credential opens no console")
	}
	b := make([]byte, 32)
	rand.Read(b)
	token = base64.RawURLEncoding.EncodeToString(b)
	now := time.Now()
	err = p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO session (token_hash, person_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
			hashToken(token), person.ID, store.Micros(now), store.Micros(now.Add(sessionLength))); err != nil {
			return err
		}
		return p.log.Note(ctx, tx, "person.signed_in", record.Fields{"person": person.ID}, nil)
	})
	return token, person, err
}

// SignOut ends a session.
func (p *People) SignOut(ctx context.Context, token string) error {
	return p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM session WHERE token_hash = $1", hashToken(token))
		return err
	})
}

// BySession gives the person of a session token.
func (p *People) BySession(ctx context.Context, token string) (Person, error) {
	var id int64
	err := p.db.Reader().QueryRowContext(ctx, "SELECT person_id FROM session WHERE token_hash = $1 AND expires_at > $2",
		hashToken(token), store.Micros(time.Now())).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return Person{}, fault.New(fault.Unsigned, "sign in first; the session is unknown or over")
	}
	if err != nil {
		return Person{}, err
	}
	person, err := p.ByID(ctx, p.db.Reader(), id)
	if err == nil && person.DisabledAt != 0 {
		err = wrong
	}
	return person, err
}

// Basic checks a service credential as HTTP Basic carries it. A success is remembered for five minutes.
func (p *People) Basic(ctx context.Context, username, password string) (Person, error) {
	key := hashToken(username + ":" + password)
	p.mu.Lock()
	pass, ok := p.basic[key]
	p.mu.Unlock()
	if ok && time.Now().Before(pass.until) {
		return p.ByID(ctx, p.db.Reader(), pass.id)
	}
	person, _, err := p.verify(ctx, username, password)
	if err != nil {
		return person, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.basic) > 1000 {
		clear(p.basic)
	}
	p.basic[key] = basicPass{person.ID, time.Now().Add(5 * time.Minute)}
	return person, nil
}

// Key is the step-up before a signature: the password opens the officer's own key.
func (p *People) Key(ctx context.Context, person Person, password string) (ed25519.PrivateKey, error) {
	_, sealing, err := p.verify(ctx, person.Username, password)
	if err != nil {
		return nil, fault.New(fault.Unsigned, "to sign, enter your own password again; it is wrong")
	}
	var sealed []byte
	if err := p.db.Reader().QueryRowContext(ctx, "SELECT sealed_key FROM credential WHERE person_id = $1", person.ID).Scan(&sealed); err != nil {
		return nil, err
	}
	return openKey(sealing, sealed)
}

func hashToken(token string) string {
	h := sha256.Sum256([]byte(token))
	return hex.EncodeToString(h[:])
}

type personKey struct{}

// WithPerson puts the acting person into ctx, for handlers and for the record.
func WithPerson(ctx context.Context, p Person) context.Context {
	return record.WithActor(context.WithValue(ctx, personKey{}, p), "person:"+p.Username)
}

// Acting gives the person in ctx.
func Acting(ctx context.Context) (Person, bool) {
	p, ok := ctx.Value(personKey{}).(Person)
	return p, ok
}
