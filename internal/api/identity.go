package api

import (
	"context"
	"encoding/json"
	"net/http"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
)

type sessionBody struct {
	Username string `json:"username" maxLength:"64"`
	Password string `json:"password" maxLength:"1024"`
	Code     string `json:"code,omitempty" maxLength:"12" doc:"of the authenticator app, for whoever has one"`
}

type sessionView struct {
	Token   string           `json:"token,omitempty"`
	Person  identity.Person  `json:"person"`
	Session identity.Session `json:"session,omitzero"`
	Factors identity.Factors `json:"factors,omitzero"`
}

type personBody struct {
	Username         string          `json:"username"`
	Name             string          `json:"name"`
	Password         string          `json:"password,omitempty" doc:"without one the person is invited and chooses it, which is better: nobody else ever knows it"`
	Roles            []identity.Role `json:"roles"`
	Rank             string          `json:"rank,omitempty"`
	AuthorisationRef string          `json:"authorisation_ref,omitempty"`
}

type invitationView struct {
	Code string `json:"code"` // shown once
}

type acceptanceBody struct {
	Code     string `json:"code" maxLength:"100"`
	Password string `json:"password" maxLength:"1024"`
}

type answerBody struct {
	Ceremony string          `json:"ceremony" maxLength:"100"`
	Response json.RawMessage `json:"response" doc:"what navigator.credentials gave, as JSON"`
	Name     string          `json:"name,omitempty" maxLength:"200"`
}

type proofBody struct {
	Password string          `json:"password,omitempty" maxLength:"1024"`
	Code     string          `json:"code,omitempty" maxLength:"12"`
	Ceremony string          `json:"ceremony,omitempty" maxLength:"100"`
	Response json.RawMessage `json:"response,omitempty"`
}

func (a *api) registerIdentity() {
	a.registerSignIn()
	a.registerPeople()
	a.registerMembers()
	a.registerServices()
}

// registerSignIn has how people come in, stay, and go.
func (a *api) registerSignIn() {
	q := a.DB.Reader()
	open(a, http.MethodPost, "/session", "Sign in with a password", func(ctx context.Context, in *struct{ Body sessionBody }) (sessionView, error) {
		token, p, err := a.People.SignIn(ctx, in.Body.Username, in.Body.Password, in.Body.Code, identity.DeviceOf(ctx))
		return sessionView{Token: token, Person: p}, err
	})
	open(a, http.MethodPost, "/session/passkey/challenge", "Begin to sign in with a passkey", func(ctx context.Context, _ *struct{}) (identity.Ceremony, error) {
		return a.People.BeginPasskeySignIn(ctx)
	})
	open(a, http.MethodPost, "/session/passkey", "Sign in with a passkey", func(ctx context.Context, in *struct{ Body answerBody }) (sessionView, error) {
		token, p, err := a.People.FinishPasskeySignIn(ctx, in.Body.Ceremony, in.Body.Response, identity.DeviceOf(ctx))
		return sessionView{Token: token, Person: p}, err
	})
	open(a, http.MethodPost, "/invitation", "Accept an invitation by choosing a password", func(ctx context.Context, in *struct{ Body acceptanceBody }) (p identity.Person, err error) {
		return p, a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			if p, err = a.People.Accept(ctx, tx, in.Body.Code, in.Body.Password); err != nil || !p.Officer() {
				return err
			}
			return a.Book.Publish(ctx, tx)
		})
	})
	read(a, "/session", "Who the caller is and how they can prove it", func(ctx context.Context, _ *empty) (v sessionView, err error) {
		v.Person, _ = identity.Acting(ctx)
		v.Session = v.Person.Session
		v.Factors, err = a.People.Factors(ctx, q, v.Person.ID)
		return v, err
	})
	act(a, "/session/end", "Sign out", func(ctx context.Context, _ *empty) (nothing, error) {
		p, _ := identity.Acting(ctx)
		return nothing{}, a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return a.People.EndSession(ctx, tx, p, p.Session.ID) })
	})
	act(a, "/session/proof/challenge", "Begin to prove with a passkey who one is", func(ctx context.Context, _ *empty) (identity.Ceremony, error) {
		p, _ := identity.Acting(ctx)
		return a.People.BeginProof(ctx, p)
	})
	act(a, "/session/proof", "Prove once more who one is: before signing, opening and exporting", func(ctx context.Context, in *with[proofBody]) (nothing, error) {
		p, _ := identity.Acting(ctx)
		if in.Body.Ceremony != "" {
			return nothing{}, a.People.FinishProof(ctx, p, in.Body.Ceremony, in.Body.Response)
		}
		return nothing{}, a.People.Prove(ctx, p, in.Body.Password, in.Body.Code, identity.DeviceOf(ctx))
	})
	read(a, "/sessions", "Where the caller is signed in", func(ctx context.Context, _ *empty) ([]identity.Session, error) {
		p, _ := identity.Acting(ctx)
		return a.People.Sessions(ctx, q, p)
	})
	write(a, "/sessions/{id}/end", "End one of the caller's sessions", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (nothing, error) {
		p, _ := identity.Acting(ctx)
		return nothing{}, a.People.EndSession(ctx, tx, p, in.ID)
	})
	a.registerFactors()
}

// registerFactors has what people prove with.
func (a *api) registerFactors() {
	read(a, "/passkeys", "The caller's passkeys", func(ctx context.Context, _ *empty) ([]identity.Passkey, error) {
		return a.People.Passkeys(ctx, a.DB.Reader(), acting(ctx))
	})
	act(a, "/passkeys/challenge", "Begin to register a passkey", func(ctx context.Context, _ *empty) (identity.Ceremony, error) {
		p, _ := identity.Acting(ctx)
		return a.People.BeginPasskey(ctx, p)
	})
	act(a, "/passkeys", "Register a passkey", func(ctx context.Context, in *with[answerBody]) (identity.Passkey, error) {
		p, _ := identity.Acting(ctx)
		return a.People.FinishPasskey(ctx, p, in.Body.Ceremony, in.Body.Name, in.Body.Response)
	})
	write(a, "/passkeys/{id}/removal", "Remove one of the caller's passkeys", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (nothing, error) {
		p, _ := identity.Acting(ctx)
		return nothing{}, a.People.RemovePasskey(ctx, tx, p, in.ID)
	})
	act(a, "/authenticator", "Make a secret for an authenticator app", func(ctx context.Context, _ *empty) (s identity.CodeSecret, err error) {
		p, _ := identity.Acting(ctx)
		return s, a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			s, err = a.People.BeginCode(ctx, tx, p)
			return err
		})
	})
	type codeBody struct {
		Code string `json:"code" maxLength:"12"`
	}
	act(a, "/authenticator/confirmation", "Confirm an authenticator app by its first code", func(ctx context.Context, in *with[codeBody]) (nothing, error) {
		p, _ := identity.Acting(ctx)
		return nothing{}, a.People.ConfirmCode(ctx, p, in.Body.Code, identity.DeviceOf(ctx))
	})
	write(a, "/authenticator/removal", "Remove the caller's authenticator app", nil, func(ctx context.Context, tx *store.Tx, _ *empty, _ nothing) (nothing, error) {
		p, _ := identity.Acting(ctx)
		return nothing{}, a.People.RemoveCode(ctx, tx, p)
	})
	type changeBody struct {
		Old string `json:"old" maxLength:"1024"`
		New string `json:"new" maxLength:"1024"`
	}
	act(a, "/password", "Change the caller's password", func(ctx context.Context, in *with[changeBody]) (nothing, error) {
		p, _ := identity.Acting(ctx)
		return nothing{}, a.People.ChangePassword(ctx, p, in.Body.Old, in.Body.New)
	})
}

// registerPeople has what whoever manages people does.
func (a *api) registerPeople() {
	q := a.DB.Reader()
	read(a, "/people", "Everybody on this node", func(ctx context.Context, _ *empty) ([]identity.Person, error) { return a.People.All(ctx, q) })
	write(a, "/people", "Add a person", nil, func(ctx context.Context, tx *store.Tx, in *with[personBody], _ nothing) (identity.Person, error) {
		b := in.Body
		p, err := a.People.Add(ctx, tx, identity.New{Username: b.Username, Name: b.Name, Password: b.Password, Roles: b.Roles, Rank: b.Rank, AuthorisationRef: b.AuthorisationRef})
		if err != nil || !p.Officer() {
			return p, err
		}
		return p, a.Book.Publish(ctx, tx)
	})
	act(a, "/people/{id}/invitation", "Make a code by which a person without a password chooses one", func(ctx context.Context, in *byID) (v invitationView, err error) {
		return v, a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			v.Code, err = a.People.Invite(ctx, tx, in.ID)
			return err
		})
	})
	type rolesBody struct {
		Roles []identity.Role `json:"roles"`
	}
	write(a, "/people/{id}/roles", "Change what a person may do", nil, func(ctx context.Context, tx *store.Tx, in *withID[rolesBody], _ nothing) (identity.Person, error) {
		if in.ID == acting(ctx) {
			return identity.Person{}, fault.New(fault.Refused, "nobody changes their own roles; ask another administrator")
		}
		return a.People.SetRoles(ctx, tx, in.ID, in.Body.Roles)
	})
	write(a, "/people/{id}/unlock", "Let a person try again after too many failed attempts", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (nothing, error) {
		return nothing{}, a.People.Unlock(ctx, tx, in.ID)
	})
	type linkBody struct {
		Subject string `json:"subject" maxLength:"255" doc:"of the person's account at the agency's identity provider"`
	}
	write(a, "/people/{id}/link", "Link a person with their account at the agency's identity provider", nil, func(ctx context.Context, tx *store.Tx, in *withID[linkBody], _ nothing) (nothing, error) {
		if a.Issuer == "" {
			return nothing{}, fault.New(fault.NotSupported, "this node has no identity provider")
		}
		return nothing{}, a.People.Link(ctx, tx, in.ID, a.Issuer, in.Body.Subject)
	})
	type disableBody struct {
		Successor string `json:"successor,omitempty" doc:"username of whoever takes the open work over"`
		Reason    string `json:"reason"`
	}
	write(a, "/people/{id}/disabling", "Disable a person who leaves, and hand their work over", nil, func(ctx context.Context, tx *store.Tx, in *withID[disableBody], _ nothing) (identity.Left, error) {
		by, _ := identity.Acting(ctx)
		left, err := a.People.Disable(ctx, tx, by, in.ID, in.Body.Successor, in.Body.Reason)
		if err != nil || !left.Person.Officer() {
			return left, err
		}
		return left, a.Book.Publish(ctx, tx)
	})
	read(a, "/roles", "The roles of this node and what each allows", func(ctx context.Context, _ *empty) ([]identity.RoleDefinition, error) { return a.People.Roles(ctx, q) })
	type roleBody struct {
		Name        identity.Role         `json:"name"`
		Permissions []identity.Permission `json:"permissions"`
	}
	write(a, "/roles", "Define a role of the agency", nil, func(ctx context.Context, tx *store.Tx, in *with[roleBody], _ nothing) (nothing, error) {
		return nothing{}, a.People.DefineRole(ctx, tx, identity.RoleDefinition{Name: in.Body.Name, Permissions: in.Body.Permissions})
	})
}
