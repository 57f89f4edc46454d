package identity

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Passkey is one of a person's passkeys.
type Passkey struct {
	ID           int64  `json:"id"`
	Name         string `json:"name"` // what the person calls the device
	CredentialID []byte `json:"credential_id"`
	PublicKey    []byte `json:"public_key"` // COSE
	CreatedAt    int64  `json:"created_at"` // microseconds UTC
	UsedAt       int64  `json:"used_at,omitempty"`
	credential   webauthn.Credential
}

const (
	passkeyLimit     = 10       // of one person
	passkeyNameLimit = 60       // characters
	responseLimit    = 64 << 10 // bytes of a browser's answer
)

// relyingParty makes the library's view of this node.
func (p *People) relyingParty() (*webauthn.WebAuthn, error) {
	if p.settings.URL == nil {
		return nil, fault.Coded(fault.NotSupported, "no_passkeys", "this node takes no passkeys")
	}
	id, origin, err := RelyingParty(p.settings.URL())
	if err != nil {
		return nil, err
	}
	name := "Raksha"
	if p.settings.Name != nil && p.settings.Name() != "" {
		name = p.settings.Name()
	}
	return webauthn.New(&webauthn.Config{RPID: id, RPDisplayName: name, RPOrigins: []string{origin}, AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired}})
}

// PasskeysPossible says whether this node can have passkeys at all.
func (p *People) PasskeysPossible() bool {
	_, err := p.relyingParty()
	return err == nil
}

// owner is a person as the library sees one.
type owner struct {
	person Person
	handle []byte
	keys   []webauthn.Credential
}

func (o owner) WebAuthnID() []byte                         { return o.handle }
func (o owner) WebAuthnName() string                       { return o.person.Username }
func (o owner) WebAuthnDisplayName() string                { return o.person.Name }
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.keys }

// handle is the name under which a passkey knows its owner: it tells nothing to whoever finds the device.
func (p *People) handle(id int64) []byte {
	m := hmac.New(sha256.New, p.settings.Secret)
	fmt.Fprintf(m, "passkey owner %d", id)
	return m.Sum(nil)
}

func (p *People) owner(ctx context.Context, q store.Queryer, person Person) (owner, error) {
	o := owner{person: person, handle: p.handle(person.ID)}
	keys, err := p.Passkeys(ctx, q, person.ID)
	for _, k := range keys {
		o.keys = append(o.keys, k.credential)
	}
	return o, err
}

// Passkeys gives a person's passkeys.
func (p *People) Passkeys(ctx context.Context, q store.Queryer, person int64) ([]Passkey, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (k Passkey, err error) {
		var text string
		if err = rows.Scan(&k.ID, &k.Name, &k.CredentialID, &text, &k.CreatedAt, &k.UsedAt); err == nil {
			err = json.Unmarshal([]byte(text), &k.credential)
		}
		k.PublicKey = k.credential.PublicKey
		return k, err
	}, "SELECT id, name, credential_id, credential, created_at, used_at FROM passkey WHERE person_id = $1 ORDER BY id", person)
}

// BeginPasskey starts the registration of a passkey for a signed-in person who just proved who they are.
func (p *People) BeginPasskey(ctx context.Context, person Person) (Ceremony, error) {
	if err := p.NeedFresh(person); err != nil {
		return Ceremony{}, err
	}
	rp, err := p.relyingParty()
	if err != nil {
		return Ceremony{}, err
	}
	o, err := p.owner(ctx, p.db.Reader(), person)
	if err != nil {
		return Ceremony{}, err
	}
	if len(o.keys) >= passkeyLimit {
		return Ceremony{}, fault.New(fault.Conflict, "you have %d passkeys, and no more are kept; remove one first", passkeyLimit)
	}
	var held []protocol.CredentialDescriptor
	for _, k := range o.keys {
		held = append(held, k.Descriptor())
	}
	creation, session, err := rp.BeginRegistration(o, webauthn.WithExclusions(held))
	if err != nil {
		return Ceremony{}, err
	}
	return p.begin(ctx, "registration", person.ID, session, creation.Response)
}

// FinishPasskey takes the browser's answer to BeginPasskey.
func (p *People) FinishPasskey(ctx context.Context, person Person, ceremony, name string, response []byte) (Passkey, error) {
	if err := p.NeedFresh(person); err != nil {
		return Passkey{}, err
	}
	rp, err := p.relyingParty()
	if err != nil {
		return Passkey{}, err
	}
	session, err := p.take(ctx, ceremony, "registration", person.ID)
	if err != nil {
		return Passkey{}, err
	}
	if name = strings.TrimSpace(printable(name)); name == "" {
		name = "Passkey"
	}
	if len([]rune(name)) > passkeyNameLimit {
		name = string([]rune(name)[:passkeyNameLimit])
	}
	o, err := p.owner(ctx, p.db.Reader(), person)
	if err != nil {
		return Passkey{}, err
	}
	if len(response) > responseLimit {
		return Passkey{}, fault.New(fault.TooLarge, "the passkey's answer is too long")
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return Passkey{}, fault.Wrap(err, fault.Invalid, "the passkey's answer is not readable; try again")
	}
	made, err := rp.CreateCredential(o, session, parsed)
	if err != nil {
		return Passkey{}, fault.Wrap(err, fault.Refused, "the passkey could not be taken: it must verify who uses it, on this node's own pages")
	}
	made.Attestation = webauthn.CredentialAttestation{} // none was asked for
	b, err := json.Marshal(made)
	if err != nil {
		return Passkey{}, err
	}
	k := Passkey{Name: name, CredentialID: made.ID, PublicKey: made.PublicKey, CreatedAt: store.Micros(p.now())}
	return k, p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := p.Standing(ctx, tx, person); err != nil {
			return err
		}
		err := tx.QueryRowContext(ctx, "INSERT INTO passkey (person_id, credential_id, credential, name, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id",
			person.ID, made.ID, string(b), name, k.CreatedAt).Scan(&k.ID)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.Conflict, "this passkey is registered already")
		}
		if err != nil {
			return err
		}
		key := sha256.Sum256(made.PublicKey)
		if err := p.log.Note(ctx, tx, "passkey.registered", record.Fields{"person": person.ID, "passkey": k.ID, "key_sha256": fmt.Sprintf("%x", key)}, nil); err != nil {
			return err
		}
		return p.officerChanged(ctx, tx, person)
	})
}

// RemovePasskey removes one of a person's own passkeys.
func (p *People) RemovePasskey(ctx context.Context, tx *store.Tx, person Person, id int64) error {
	if err := p.NeedFresh(person); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, "DELETE FROM passkey WHERE id = $1 AND person_id = $2", id, person.ID)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.New(fault.NotFound, "you have no such passkey"))
	}
	if err := p.log.Note(ctx, tx, "passkey.removed", record.Fields{"person": person.ID, "passkey": id}, nil); err != nil {
		return err
	}
	return p.officerChanged(ctx, tx, person)
}

// officerChanged tells the directory: others refuse what an officer signs without a passkey that the entry lists.
func (p *People) officerChanged(ctx context.Context, tx *store.Tx, person Person) error {
	if p.settings.Officers == nil || !person.Officer() {
		return nil
	}
	return p.settings.Officers(ctx, tx)
}

// BeginPasskeySignIn asks for any passkey of this node. It names nobody, so it tells nobody who has one.
func (p *People) BeginPasskeySignIn(ctx context.Context) (Ceremony, error) {
	rp, err := p.relyingParty()
	if err != nil {
		return Ceremony{}, err
	}
	asked, session, err := rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Ceremony{}, err
	}
	return p.begin(ctx, "sign_in", 0, session, asked.Response)
}

var wrongPasskey = fault.New(fault.Unsigned, "this passkey is not known here, or was removed")

// FinishPasskeySignIn takes the browser's answer and opens a session.
func (p *People) FinishPasskeySignIn(ctx context.Context, ceremony string, response []byte, d Device) (token string, person Person, err error) {
	person, used, err := p.answered(ctx, "sign_in", ceremony, Person{}, response)
	if err != nil {
		return "", Person{}, err
	}
	err = p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := p.usePasskey(ctx, tx, used); err != nil {
			return err
		}
		if person, err = p.ByID(ctx, tx, person.ID); err != nil {
			return err
		}
		token, err = p.openSession(ctx, tx, person, ByPasskey, d)
		return err
	})
	return token, person, err
}

// BeginProof asks a signed-in person for one of their own passkeys.
func (p *People) BeginProof(ctx context.Context, person Person) (Ceremony, error) {
	rp, err := p.relyingParty()
	if err != nil {
		return Ceremony{}, err
	}
	o, err := p.owner(ctx, p.db.Reader(), person)
	if err != nil {
		return Ceremony{}, err
	}
	if len(o.keys) == 0 {
		return Ceremony{}, fault.Coded(fault.Conflict, "no_passkey", "you have no passkey yet; add one on the page of your devices")
	}
	asked, session, err := rp.BeginLogin(o, webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Ceremony{}, err
	}
	return p.begin(ctx, "proof", person.ID, session, asked.Response)
}

// FinishProof takes the browser's answer to BeginProof: the person is fresh again.
func (p *People) FinishProof(ctx context.Context, person Person, ceremony string, response []byte) error {
	_, used, err := p.answered(ctx, "proof", ceremony, person, response)
	if err != nil {
		return err
	}
	return p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := p.usePasskey(ctx, tx, used); err != nil {
			return err
		}
		return p.proved(ctx, tx, person, ByPasskey)
	})
}

// answered checks a browser's answer to a ceremony of an expected person, or of whomever the passkey names.
func (p *People) answered(ctx context.Context, kind, ceremony string, expected Person, response []byte) (Person, *webauthn.Credential, error) {
	rp, err := p.relyingParty()
	if err != nil {
		return Person{}, nil, err
	}
	if len(response) > responseLimit {
		return Person{}, nil, fault.New(fault.TooLarge, "the passkey's answer is too long")
	}
	session, err := p.take(ctx, ceremony, kind, expected.ID)
	if err != nil {
		return Person{}, nil, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return Person{}, nil, fault.Wrap(err, fault.Invalid, "the passkey's answer is not readable; try again")
	}
	q := p.db.Reader()
	if expected.ID != 0 {
		o, err := p.owner(ctx, q, expected)
		if err != nil {
			return Person{}, nil, err
		}
		used, err := rp.ValidateLogin(o, session, parsed)
		if err != nil {
			return Person{}, nil, fault.Wrap(err, fault.Unsigned, "%s", fault.Message(wrongPasskey))
		}
		return expected, used, nil
	}
	found, used, err := rp.ValidatePasskeyLogin(func(rawID, handle []byte) (webauthn.User, error) {
		var id int64
		if err := q.QueryRowContext(ctx, "SELECT person_id FROM passkey WHERE credential_id = $1", rawID).Scan(&id); err != nil {
			return nil, err
		}
		person, err := p.ByID(ctx, q, id)
		if err != nil {
			return nil, err
		}
		o, err := p.owner(ctx, q, person)
		if err == nil && (person.DisabledAt != 0 || !bytes.Equal(o.handle, handle)) {
			err = wrongPasskey
		}
		return o, err
	}, session, parsed)
	if err != nil {
		return Person{}, nil, fault.Wrap(err, fault.Unsigned, "%s", fault.Message(wrongPasskey))
	}
	return found.(owner).person, used, nil
}

// usePasskey keeps the signature counter of a passkey that was used. A counter that went back means that there are two
// copies of it: it is removed, and its owner is told to register another.
func (p *People) usePasskey(ctx context.Context, tx *store.Tx, used *webauthn.Credential) error {
	if used.Authenticator.CloneWarning {
		return fault.Coded(fault.Refused, "passkey_copied", "this passkey counts backwards, as a copy would; use another one and remove it")
	}
	b, err := json.Marshal(used)
	if err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, "UPDATE passkey SET credential = $1, used_at = $2 WHERE credential_id = $3", string(b), store.Micros(p.now()), used.ID)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, wrongPasskey)
	}
	return nil
}
