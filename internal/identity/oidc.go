package identity

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// OIDC is the agency's identity provider (OpenID Connect Core 1.0, code flow with PKCE). A person signs in with it once an
// administrator has linked their account there, by issuer and subject: never by a name or an address, which the provider
// may give to somebody else.
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	Redirect     func() string // this node's callback URL
	Client       *http.Client  // the node's one way out

	mu       sync.Mutex
	provider *oidc.Provider // guarded by mu: found at first use
}

const oidcTime = 20 * time.Second // for one exchange with the provider

func (o *OIDC) config(ctx context.Context) (*oauth2.Config, *oidc.Provider, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider == nil {
		// The provider keeps the context's client for its keys, so the context must outlive this request.
		provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), o.Client), o.Issuer)
		if err != nil {
			return nil, nil, fault.Wrap(err, fault.Unavailable, "the identity provider %s does not answer as it should; try again, or sign in another way", o.Issuer)
		}
		o.provider = provider
	}
	return &oauth2.Config{ClientID: o.ClientID, ClientSecret: o.ClientSecret, Endpoint: o.provider.Endpoint(), RedirectURL: o.Redirect(), Scopes: []string{oidc.ScopeOpenID}}, o.provider, nil
}

type externalCeremony struct {
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Next     string `json:"next"`
}

// BeginExternal gives where to send the browser, and the state that it must bring back (as query and as cookie).
func (p *People) BeginExternal(ctx context.Context, o *OIDC, next string) (to, state string, err error) {
	ctx, cancel := context.WithTimeout(ctx, oidcTime)
	defer cancel()
	config, _, err := o.config(ctx)
	if err != nil {
		return "", "", err
	}
	c := externalCeremony{Nonce: newToken(), Verifier: oauth2.GenerateVerifier(), Next: next}
	b, err := json.Marshal(c)
	if err != nil {
		return "", "", err
	}
	state = newToken()
	if err := p.keepCeremony(ctx, state, "oidc", 0, string(b)); err != nil {
		return "", "", err
	}
	return config.AuthCodeURL(state, oidc.Nonce(c.Nonce), oauth2.S256ChallengeOption(c.Verifier)), state, nil
}

var badExternal = fault.New(fault.Unsigned, "the identity provider's answer does not fit what was asked; sign in again")

// FinishExternal takes what the browser brought back: the state of its cookie and that of the query, and the code.
func (p *People) FinishExternal(ctx context.Context, o *OIDC, cookie, state, code string, d Device) (token, next string, person Person, err error) {
	ctx, cancel := context.WithTimeout(ctx, oidcTime)
	defer cancel()
	if state == "" || len(code) > 4096 || subtle.ConstantTimeCompare([]byte(cookie), []byte(state)) != 1 {
		return "", "", Person{}, badExternal
	}
	content, err := p.takeCeremony(ctx, state, "oidc", 0)
	if err != nil {
		return "", "", Person{}, err
	}
	var c externalCeremony
	if err := json.Unmarshal([]byte(content), &c); err != nil {
		return "", "", Person{}, err
	}
	config, provider, err := o.config(ctx)
	if err != nil {
		return "", "", Person{}, err
	}
	tokens, err := config.Exchange(oidc.ClientContext(ctx, o.Client), code, oauth2.VerifierOption(c.Verifier))
	if err != nil {
		return "", "", Person{}, fault.Wrap(err, fault.Unsigned, "%s", fault.Message(badExternal))
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := provider.VerifierContext(oidc.ClientContext(ctx, o.Client), &oidc.Config{ClientID: o.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return "", "", Person{}, fault.Wrap(err, fault.Unsigned, "%s", fault.Message(badExternal))
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(c.Nonce)) != 1 {
		return "", "", Person{}, badExternal
	}
	var owner int64
	err = p.db.Reader().QueryRowContext(ctx, "SELECT person_id FROM external_identity WHERE issuer = $1 AND subject = $2", id.Issuer, id.Subject).Scan(&owner)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", Person{}, fault.Coded(fault.Unsigned, "not_linked", "nobody here is linked to that account; give your administrator its subject, %s", clipped(id.Subject))
	}
	if err != nil {
		return "", "", Person{}, err
	}
	err = p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if person, err = p.ByID(ctx, tx, owner); err != nil {
			return err
		}
		if token, err = p.openSession(ctx, tx, person, ByOIDC, d); err != nil {
			return err
		}
		// The provider may have asked for nothing this time. What it asked for, the person proves here before they sign or open.
		_, err = tx.ExecContext(ctx, "UPDATE session SET proved_at = 0 WHERE token_hash = $1", hashToken(token))
		return err
	})
	return token, c.Next, person, err
}

func clipped(s string) string {
	if s = printable(s); len(s) > 120 {
		return s[:120]
	}
	return s
}

// Link lets a person sign in with an account at the agency's identity provider.
func (p *People) Link(ctx context.Context, tx *store.Tx, id int64, issuer, subject string) error {
	person, err := p.ByID(ctx, tx, id)
	if err != nil {
		return err
	}
	if subject = strings.TrimSpace(subject); subject == "" || len(subject) > 255 || issuer == "" || person.DisabledAt != 0 {
		return fault.New(fault.Invalid, "linking needs an identity provider, the account's subject there and a person who has not left")
	}
	res, err := tx.ExecContext(ctx, "INSERT INTO external_identity (person_id, issuer, subject, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", id, issuer, subject, store.Micros(p.clock.Now()))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.New(fault.Conflict, "that account is linked already"))
	}
	return p.log.Note(ctx, tx, "person.linked", record.Fields{"person": id, "issuer": issuer}, record.Fields{"subject": subject})
}
