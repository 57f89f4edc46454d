// Package identity holds the people of a node: who they are, what they may do and to which case, how they prove who they
// are, their sessions, and the officers' signing keys, each sealed under its owner's password. It also keeps the
// credentials of services and the list of who read what for which purpose.
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

// Person is one person of the node, or the service that a credential stands for (then ID is negative).
type Person struct {
	ID               int64        `json:"id"`
	Username         string       `json:"username"`
	Name             string       `json:"name"`
	Roles            []Role       `json:"roles"`
	Permissions      []Permission `json:"permissions"`
	Rank             string       `json:"rank,omitempty"`
	AuthorisationRef string       `json:"authorisation_ref,omitempty"`
	KID              string       `json:"kid"`        // of the officer's key; empty until an invited person has accepted
	PublicKey        string       `json:"public_key"` // base64 of the Ed25519 key
	CreatedAt        int64        `json:"created_at"` // microseconds UTC
	DisabledAt       int64        `json:"disabled_at,omitempty"`

	Session Session `json:"-"` // by which the person acts; zero outside a request
}

// May says whether one of the person's roles allows something.
func (p Person) May(need Permission) bool { return need == "" || slices.Contains(p.Permissions, need) }

// Service says whether this is no person but a service's credential.
func (p Person) Service() bool { return p.ID < 0 }

// Officer says whether the person signs documents and so stands in the directory entry.
func (p Person) Officer() bool { return p.Rank != "" && p.KID != "" }

// New describes a person to add.
type New struct {
	Username         string
	Name             string
	Password         string // "": the person is invited and chooses it; nobody else ever knows it
	Roles            []Role
	Rank             string // of an officer; empty for others
	AuthorisationRef string // the order that empowers the officer
}

// Table tells the record which rows to answer for.
var Table = record.Table{Name: "person", Sealed: []string{"name"}}

// Tables are all tables of this package that the record answers for.
var Tables = []record.Table{Table, {Name: "role"}, {Name: "case_member"}, {Name: "case_release"}, {Name: "access_batch"}, {Name: "access_read", Bulk: true}}

// Settings are what a node decides about sign-in. The zero value has no passkeys, no codes and no external sign-in.
type Settings struct {
	URL    func() string // at which people reach the node; passkeys belong to its host
	Name   func() string // of the node, as a passkey or an authenticator app shows it
	Secret []byte        // 32 bytes: seals the secrets of authenticator apps
	Wall   clock.Clock   // sessions and locks run on the machine's time; nil: the system's
	// Officers is called in the transaction in which the passkeys of an officer change; nil: nobody needs to know.
	Officers func(context.Context, *store.Tx) error
}

// People keeps the node's people.
type People struct {
	db       *store.DB
	log      *record.Log
	clock    clock.Clock
	settings Settings
	stretch  chan struct{} // one place for each password that is stretched at the same time: that costs memory
	handover []handover    // what is handed over when a person leaves; set before the node serves
	ledger   ledger
	turns    turns

	mu   sync.Mutex
	used map[int64]time.Time // guarded by mu: when the use of a service credential was last written
}

const parallelPasswords = 4

// NewPeople keeps people in db. c dates what is recorded; sessions run on the machine's time.
func NewPeople(db *store.DB, log *record.Log, c clock.Clock) *People {
	return &People{db: db, log: log, clock: c, settings: Settings{Wall: clock.System{}}, stretch: make(chan struct{}, parallelPasswords),
		ledger: ledger{recent: map[readKey]time.Time{}}, used: map[int64]time.Time{}, turns: turns{names: map[string]*turn{}}}
}

// Configure says how people sign in. It must be called before the first request.
func (p *People) Configure(s Settings) {
	if s.Wall == nil {
		s.Wall = clock.System{}
	}
	p.settings = s
}

func (p *People) now() time.Time { return p.settings.Wall.Now() }

// Add enters a person. With a password the officer's key is made at once, without one when the invitation is accepted.
func (p *People) Add(ctx context.Context, tx *store.Tx, n New) (Person, error) {
	n.Username = strings.ToLower(strings.TrimSpace(n.Username))
	if n.Username == "" || len(n.Username) > 64 || strings.ContainsAny(n.Username, " :\t\r\n") || strings.TrimSpace(n.Name) == "" {
		return Person{}, fault.New(fault.Invalid, "a person needs a username (no spaces or colons, at most 64 characters) and a name")
	}
	if err := p.checkRoles(ctx, tx, n.Roles); err != nil {
		return Person{}, err
	}
	if _, err := p.byUsername(ctx, tx, n.Username); err == nil {
		return Person{}, fault.New(fault.Conflict, "the username %s is taken", n.Username)
	}
	id, err := p.log.Insert(ctx, tx, "person", "person.added", time.Time{}, record.Fields{
		"username": n.Username, "name": strings.TrimSpace(n.Name), "roles": join(n.Roles), "officer_rank": n.Rank,
		"authorisation_ref": n.AuthorisationRef, "kid": "", "public_key": "", "created_at": p.clock.Now()})
	if err != nil {
		return Person{}, err
	}
	if n.Password != "" {
		if err := p.equip(ctx, tx, id, n.Password); err != nil {
			return Person{}, err
		}
	}
	return p.ByID(ctx, tx, id)
}

// equip gives a person a password and, sealed under it, a signing key.
func (p *People) equip(ctx context.Context, tx *store.Tx, id int64, password string) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	hash, sealed, err := sealKey(password, private)
	if err != nil {
		return err
	}
	print := sha256.Sum256(public)
	if err := p.log.Update(ctx, tx, "person", "person.key_made", time.Time{}, id, record.Fields{"kid": "officer-" + hex.EncodeToString(print[:8]),
		"public_key": base64.StdEncoding.EncodeToString(public)}); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO credential (person_id, password_hash, sealed_key) VALUES ($1, $2, $3)", id, hash, sealed)
	return err
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

// allow fills in what the person's roles permit.
func (p *People) allow(ctx context.Context, q store.Queryer, people ...Person) ([]Person, error) {
	var own []RoleDefinition
	for i := range people {
		for _, r := range people[i].Roles {
			of, ok := builtIn[r]
			if !ok {
				if own == nil {
					var err error
					if own, err = p.Roles(ctx, q); err != nil {
						return nil, err
					}
				}
				for _, d := range own {
					if d.Name == r {
						of = d.Permissions
					}
				}
			}
			for _, perm := range of {
				if !slices.Contains(people[i].Permissions, perm) {
					people[i].Permissions = append(people[i].Permissions, perm)
				}
			}
		}
	}
	return people, nil
}

func (p *People) one(ctx context.Context, q store.Queryer, where string, arg any) (Person, error) {
	person, err := scanPerson(q.QueryRowContext(ctx, personColumns+where, arg).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return person, fault.New(fault.NotFound, "there is no such person")
	}
	if err != nil {
		return person, err
	}
	people, err := p.allow(ctx, q, person)
	if err != nil {
		return Person{}, err
	}
	return people[0], nil
}

// ByID reads one person.
func (p *People) ByID(ctx context.Context, q store.Queryer, id int64) (Person, error) {
	return p.one(ctx, q, "WHERE id = $1", id)
}

// ByUsername reads one person.
func (p *People) ByUsername(ctx context.Context, q store.Queryer, username string) (Person, error) {
	return p.byUsername(ctx, q, username)
}

func (p *People) byUsername(ctx context.Context, q store.Queryer, username string) (Person, error) {
	return p.one(ctx, q, "WHERE username = $1", strings.ToLower(strings.TrimSpace(username)))
}

// All reads everyone.
func (p *People) All(ctx context.Context, q store.Queryer) ([]Person, error) {
	people, err := store.Collect(ctx, q, func(rows *sql.Rows) (Person, error) { return scanPerson(rows.Scan) }, personColumns+"ORDER BY id")
	if err != nil {
		return nil, err
	}
	return p.allow(ctx, q, people...)
}

// hashToken gives the form in which a random secret is kept. A secret of 256 random bits needs no salt and no stretching.
func hashToken(token string) string {
	h := sha256.Sum256([]byte(token))
	return hex.EncodeToString(h[:])
}

// newToken makes a secret of 256 random bits.
func newToken() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

type personKey struct{}

// WithPerson puts the acting person into ctx, for handlers and for the record.
func WithPerson(ctx context.Context, p Person) context.Context {
	actor := "person:" + p.Username
	if p.Service() {
		actor = "service:" + p.Username
	}
	return record.WithActor(context.WithValue(ctx, personKey{}, p), actor)
}

// Acting gives the person in ctx.
func Acting(ctx context.Context) (Person, bool) {
	p, ok := ctx.Value(personKey{}).(Person)
	return p, ok
}
