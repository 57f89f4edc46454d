package api

import (
	"context"
	"encoding/json"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
)

type authorisationBody struct {
	Password string          `json:"password" maxLength:"1024" doc:"opens the officer's own signing key"`
	SignedAt int64           `json:"signed_at,omitempty" doc:"as the challenge gave it"`
	Response json.RawMessage `json:"response,omitempty" doc:"what navigator.credentials.get gave for the challenge, as JSON; officers with a passkey need it"`
}

type challengeView struct {
	SignedAt int64                     `json:"signed_at"` // microseconds UTC: the instant of signing that the passkey signs with the document
	Options  identity.AssertionOptions `json:"options"`
}

// registerAuthorisation has the officer's signature: the password opens the key, and where the officer has a passkey, that
// signs the document's hash, so that whoever holds this node cannot invent an order.
func (a *api) registerAuthorisation() {
	act(a, "/documents/{id}/authorisation/challenge", "What an officer's passkey must sign to authorise a draft", func(ctx context.Context, in *byID) (challengeView, error) {
		p, _ := identity.Acting(ctx)
		at := a.Clock.Now()
		hash, err := a.Office.Challenge(ctx, a.DB.Reader(), in.ID, at)
		if err != nil {
			return challengeView{}, err
		}
		o, err := a.People.DocumentChallenge(ctx, p, hash)
		return challengeView{store.Micros(at), o}, err
	})
	write(a, "/documents/{id}/authorisation", "Sign a draft with one's own key",
		func(ctx context.Context, in *withID[authorisationBody]) (*courier.Key, error) {
			p, _ := identity.Acting(ctx)
			private, err := a.People.Key(ctx, p, in.Body.Password)
			if err != nil {
				return nil, err
			}
			key := &courier.Key{KID: p.KID, Private: private}
			if len(in.Body.Response) == 0 {
				return key, nil
			}
			assertion, err := identity.ParseAssertion(in.Body.Response)
			if err != nil {
				return nil, err
			}
			key.Passkey, key.At = &assertion, store.Time(in.Body.SignedAt)
			hash, err := a.Office.Challenge(ctx, a.DB.Reader(), in.ID, key.At)
			if err != nil {
				return nil, err
			}
			_, err = a.People.CheckDocument(ctx, a.DB.Reader(), p, hash, assertion)
			return key, err
		},
		func(ctx context.Context, tx *store.Tx, in *withID[authorisationBody], key *courier.Key) (courier.Filed, error) {
			p, _ := identity.Acting(ctx)
			return a.Orders.Authorise(ctx, tx, in.ID, p, key)
		})
}
