package identity

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// ServiceKind says how a service signs in and what it may be allowed at most.
type ServiceKind string

// The kinds of service.
const (
	APIService      ServiceKind = "api"      // a program that uses the API with a bearer token
	ReporterService ServiceKind = "reporter" // a provider that files reports, with HTTP Basic
	ExchangeService ServiceKind = "exchange" // a holder of lists that gives and takes hashes, with HTTP Basic
)

// serviceScopes are the permissions that a kind may carry; the first stand when none are named. Nothing here signs, opens,
// judges, reads cases or changes who may do what: for those a person must answer.
var serviceScopes = map[ServiceKind][]Permission{
	APIService:      {LookUp, ProbeLists, ReadLists, ManageLists, ReadTips, RunScans, ReadMatches, ReadStatistics, ReadRecord, FileReports, ExchangeLists},
	ReporterService: {FileReports},
	ExchangeService: {ExchangeLists},
}

// Service is a credential of a program.
type Service struct {
	ID        int64        `json:"id"`
	Kind      ServiceKind  `json:"kind"`
	Name      string       `json:"name"` // also its username with HTTP Basic
	Scopes    []Permission `json:"scopes"`
	CreatedBy int64        `json:"created_by,omitempty"` // 0: at the command line
	CreatedAt int64        `json:"created_at"`           // microseconds UTC
	ExpiresAt int64        `json:"expires_at,omitempty"`
	UsedAt    int64        `json:"used_at,omitempty"`
	RevokedAt int64        `json:"revoked_at,omitempty"`
}

// NewService describes a credential to make.
type NewService struct {
	Kind      ServiceKind  `json:"kind"`
	Name      string       `json:"name"`
	Scopes    []Permission `json:"scopes,omitempty"`
	ExpiresAt int64        `json:"expires_at,omitempty"` // microseconds UTC; 0: until it is revoked
	Secret    string       `json:"secret,omitempty"`     // one that the other side has already; at least 24 characters
}

// MadeService is a new credential with its secret, which is shown once and kept only as a hash.
type MadeService struct {
	Service
	Username string `json:"username,omitempty"` // for HTTP Basic
	Password string `json:"password,omitempty"`
	Token    string `json:"token,omitempty"` // for Authorization: Bearer
}

var serviceName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

const (
	secretLeast  = 24 // characters of a secret that somebody else chose
	secretLimit  = 200
	tokenPrefix  = "rk_" // so that a token found in a wrong place is known for what it is
	serviceWrite = 10 * time.Minute
)

// AddService makes a credential.
func (p *People) AddService(ctx context.Context, tx *store.Tx, n NewService, by int64) (MadeService, error) {
	most, ok := serviceScopes[n.Kind]
	if !ok {
		return MadeService{}, fault.New(fault.Invalid, "a credential is of the kind api, reporter or exchange")
	}
	if n.Name = strings.TrimSpace(n.Name); !serviceName.MatchString(n.Name) {
		return MadeService{}, fault.New(fault.Invalid, "a credential's name has 1 to 64 small letters, digits, dots, hyphens and underscores")
	}
	if len(n.Scopes) == 0 {
		n.Scopes = most[:1]
	}
	for _, s := range n.Scopes {
		if !slices.Contains(most, s) {
			return MadeService{}, fault.New(fault.Invalid, "a credential of the kind %s cannot carry the scope %q; it can carry %v", n.Kind, s, most)
		}
	}
	secret := n.Secret
	switch {
	case secret == "":
		if secret = newToken(); n.Kind == APIService {
			secret = tokenPrefix + secret
		}
	case len(secret) < secretLeast || len(secret) > secretLimit:
		return MadeService{}, fault.New(fault.Invalid, "a secret of one's own has %d to %d characters", secretLeast, secretLimit)
	}
	if n.ExpiresAt != 0 && n.ExpiresAt <= store.Micros(p.now()) {
		return MadeService{}, fault.New(fault.Invalid, "the credential would be over already")
	}
	if _, err := p.byUsername(ctx, tx, n.Name); err == nil {
		return MadeService{}, fault.New(fault.Conflict, "a person has the name %s", n.Name)
	}
	s := Service{Kind: n.Kind, Name: n.Name, Scopes: n.Scopes, CreatedBy: by, CreatedAt: store.Micros(p.clock.Now()), ExpiresAt: n.ExpiresAt}
	err := tx.QueryRowContext(ctx, `INSERT INTO service_credential (kind, name, secret_hash, scopes, created_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT DO NOTHING RETURNING id`, string(n.Kind), n.Name, hashToken(secret), join(n.Scopes), by, s.CreatedAt, n.ExpiresAt).Scan(&s.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return MadeService{}, fault.New(fault.Conflict, "there is a credential %s already; revoke it and choose another name", n.Name)
	}
	if err != nil {
		return MadeService{}, err
	}
	made := MadeService{Service: s}
	switch {
	case n.Kind == APIService:
		made.Token = secret
	default:
		made.Username, made.Password = n.Name, secret
	}
	return made, p.log.Note(ctx, tx, "credential.added", record.Fields{"credential": s.ID, "kind": string(n.Kind), "name": n.Name, "scopes": join(n.Scopes)}, nil)
}

const serviceColumns = "SELECT id, kind, name, scopes, created_by, created_at, expires_at, used_at, revoked_at FROM service_credential "

func scanService(scan func(...any) error) (s Service, err error) {
	var scopes string
	err = scan(&s.ID, &s.Kind, &s.Name, &scopes, &s.CreatedBy, &s.CreatedAt, &s.ExpiresAt, &s.UsedAt, &s.RevokedAt)
	s.Scopes = permissions(scopes)
	return s, err
}

// Services gives every credential, revoked ones too.
func (p *People) Services(ctx context.Context, q store.Queryer) ([]Service, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (Service, error) { return scanService(rows.Scan) }, serviceColumns+"ORDER BY id")
}

// RevokeService ends a credential at once and for good.
func (p *People) RevokeService(ctx context.Context, tx *store.Tx, name string) (Service, error) {
	s, err := scanService(tx.QueryRowContext(ctx, serviceColumns+"WHERE name = $1", name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return s, fault.New(fault.NotFound, "there is no credential %q", name)
	}
	if err != nil || s.RevokedAt != 0 {
		return s, err
	}
	s.RevokedAt = store.Micros(p.clock.Now())
	if _, err := tx.ExecContext(ctx, "UPDATE service_credential SET revoked_at = $1 WHERE id = $2", s.RevokedAt, s.ID); err != nil {
		return s, err
	}
	return s, p.log.Note(ctx, tx, "credential.revoked", record.Fields{"credential": s.ID, "name": s.Name}, nil)
}

var wrongService = fault.New(fault.Unsigned, "the credential is wrong, revoked or over")

// asPerson gives the service the form in which everything asks who acts.
func (s Service) asPerson() Person {
	return Person{ID: -s.ID, Username: s.Name, Name: s.Name, Permissions: s.Scopes, CreatedAt: s.CreatedAt}
}

func (p *People) standingService(s Service, err error) (Person, error) {
	if errors.Is(err, sql.ErrNoRows) || err == nil && (s.RevokedAt != 0 || s.ExpiresAt != 0 && store.Micros(p.now()) >= s.ExpiresAt) {
		return Person{}, wrongService
	}
	return s.asPerson(), err
}

func (p *People) serviceByID(ctx context.Context, q store.Queryer, id int64) (Person, error) {
	return p.standingService(scanService(q.QueryRowContext(ctx, serviceColumns+"WHERE id = $1", id).Scan))
}

// Basic checks a service's credential as HTTP Basic carries it. Secrets are long and random, so they are found by their
// hash, and neither guessing nor timing helps; the name must be the credential's own.
func (p *People) Basic(ctx context.Context, username, password string) (Person, error) {
	s, err := scanService(p.db.Reader().QueryRowContext(ctx, serviceColumns+"WHERE secret_hash = $1 AND kind <> 'api'", hashToken(password)).Scan)
	if err == nil && subtle.ConstantTimeCompare([]byte(s.Name), []byte(username)) != 1 {
		return Person{}, wrongService
	}
	person, err := p.standingService(s, err)
	if err != nil {
		return person, err
	}
	return person, p.serviceUsed(ctx, s)
}

// Bearer gives whoever stands behind a bearer token: a person's session or a service's credential.
func (p *People) Bearer(ctx context.Context, token string) (Person, error) {
	if !strings.HasPrefix(token, tokenPrefix) {
		return p.BySession(ctx, token)
	}
	s, err := scanService(p.db.Reader().QueryRowContext(ctx, serviceColumns+"WHERE secret_hash = $1 AND kind = 'api'", hashToken(token)).Scan)
	person, err := p.standingService(s, err)
	if err != nil {
		return person, err
	}
	return person, p.serviceUsed(ctx, s)
}

// serviceUsed notes now and then when a credential was last used.
func (p *People) serviceUsed(ctx context.Context, s Service) error {
	now := p.now()
	p.mu.Lock()
	last := p.used[s.ID]
	if now.Sub(last) >= serviceWrite || last.After(now) {
		p.used[s.ID] = now
	}
	p.mu.Unlock()
	if now.Sub(last) < serviceWrite && !last.After(now) {
		return nil
	}
	return p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE service_credential SET used_at = $1 WHERE id = $2", store.Micros(now), s.ID)
		return err
	})
}
