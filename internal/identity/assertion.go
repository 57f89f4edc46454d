package identity

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"raksha.example/raksha/internal/fault"
)

// Assertion is a passkey's signature over a challenge, as a browser gives it (WebAuthn Level 3 s.5.2.2). In JSON its
// members are base64. What the passkey signed is AuthenticatorData || SHA-256(ClientDataJSON).
type Assertion struct {
	CredentialID      []byte `json:"credential_id"`
	AuthenticatorData []byte `json:"authenticator_data"`
	ClientDataJSON    []byte `json:"client_data_json"`
	Signature         []byte `json:"signature"`
}

const (
	assertionLimit  = 16 << 10 // bytes of each member of an assertion
	credentialLimit = 1023     // bytes of a credential's id (WebAuthn s.4, credential id)
)

// RelyingParty gives the domain that passkeys of a node belong to and the one origin from which its pages use them, from
// the URL at which the node is reached. Errors are fault.NotSupported: a node without a name can have no passkeys.
func RelyingParty(nodeURL string) (id, origin string, err error) {
	u, err := url.Parse(nodeURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost") {
		return "", "", fault.Coded(fault.NotSupported, "no_passkeys", "passkeys need a node that is reached by https and a host name; this one is reached at %q", nodeURL)
	}
	if err := protocol.ValidateRPID(u.Hostname()); err != nil {
		return "", "", fault.Coded(fault.NotSupported, "no_passkeys", "passkeys need a host name; %q is none", u.Hostname())
	}
	return strings.ToLower(u.Hostname()), strings.ToLower(u.Scheme + "://" + u.Host), nil
}

// VerifyAssertion checks offline that the owner of a passkey agreed to a document: that the passkey signed exactly this
// hash as its challenge, on the pages of the node at nodeURL, and verified the person (WebAuthn s.7.2). publicKey is the
// passkey's COSE key and credentialID its id, as the agency's directory entry gives them. The signature counter is for
// the passkey's own node to watch. Errors are fault.Refused with the code "bad_assertion" and say what is wrong.
func VerifyAssertion(a Assertion, hash [32]byte, credentialID, publicKey []byte, nodeURL string) error {
	bad := func(format string, args ...any) error {
		return fault.Coded(fault.Refused, "bad_assertion", "the authoriser's passkey does not stand behind this document: "+format, args...)
	}
	if len(a.AuthenticatorData) > assertionLimit || len(a.ClientDataJSON) > assertionLimit || len(a.Signature) > assertionLimit {
		return bad("a member of its assertion is too long")
	}
	if len(a.CredentialID) == 0 || len(a.CredentialID) > credentialLimit || !bytes.Equal(a.CredentialID, credentialID) {
		return bad("another passkey signed")
	}
	id, origin, err := RelyingParty(nodeURL)
	if err != nil {
		return bad("%s", fault.Message(err))
	}
	// The library's own check fails in one word; these name what people can act on.
	var client struct {
		Type      string `json:"type"`
		Challenge string `json:"challenge"`
		Origin    string `json:"origin"`
	}
	if err := json.Unmarshal(a.ClientDataJSON, &client); err != nil {
		return bad("its client data is not readable")
	}
	challenge := protocol.URLEncodedBase64(hash[:]).String()
	switch {
	case client.Type != "webauthn.get":
		return bad("it is no assertion")
	case client.Challenge != challenge:
		return bad("it signed another document")
	case !strings.EqualFold(client.Origin, origin):
		return bad("it signed on the pages of %s", client.Origin)
	}
	parsed, err := parseAssertion(a)
	if err != nil {
		return bad("its assertion is not readable")
	}
	if rp := sha256.Sum256([]byte(id)); !bytes.Equal(parsed.Response.AuthenticatorData.RPIDHash, rp[:]) {
		return bad("it belongs to another node")
	}
	if !parsed.Response.AuthenticatorData.Flags.UserPresent() || !parsed.Response.AuthenticatorData.Flags.UserVerified() {
		return bad("it did not verify who used it")
	}
	if err := parsed.Verify(challenge, id, "", []string{origin}, nil, nil, protocol.TopOriginExplicitVerificationMode, false, true, true, publicKey, protocol.SignaturePolicy{}); err != nil {
		return bad("its signature does not verify")
	}
	return nil
}

// parseAssertion brings an assertion into the library's form.
func parseAssertion(a Assertion) (*protocol.ParsedCredentialAssertionData, error) {
	return protocol.CredentialAssertionResponse{
		PublicKeyCredential: protocol.PublicKeyCredential{
			Credential: protocol.Credential{ID: protocol.URLEncodedBase64(a.CredentialID).String(), Type: "public-key"},
			RawID:      a.CredentialID,
		},
		AssertionResponse: protocol.AuthenticatorAssertionResponse{
			AuthenticatorResponse: protocol.AuthenticatorResponse{ClientDataJSON: a.ClientDataJSON},
			AuthenticatorData:     a.AuthenticatorData,
			Signature:             a.Signature,
		},
	}.Parse()
}

// ParseAssertion reads what a browser's navigator.credentials.get() gives as JSON (WebAuthn s.5.1.7,
// AuthenticationResponseJSON: base64url members).
func ParseAssertion(b []byte) (Assertion, error) {
	if len(b) > 4*assertionLimit {
		return Assertion{}, fault.New(fault.TooLarge, "the passkey's answer is too long")
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(b)
	if err != nil {
		return Assertion{}, fault.Wrap(err, fault.Invalid, "the passkey's answer is not readable; try again")
	}
	r := parsed.Raw.AssertionResponse
	return Assertion{CredentialID: parsed.RawID, AuthenticatorData: r.AuthenticatorData, ClientDataJSON: r.ClientDataJSON, Signature: r.Signature}, nil
}

// AssertionOptions is what navigator.credentials.get() takes as its publicKey member, in the JSON form of WebAuthn
// s.5.1.10 (PublicKeyCredentialRequestOptionsJSON).
type AssertionOptions struct {
	Challenge        string              `json:"challenge"` // base64url
	RPID             string              `json:"rpId"`
	Timeout          int                 `json:"timeout"` // milliseconds
	UserVerification string              `json:"userVerification"`
	AllowCredentials []AllowedCredential `json:"allowCredentials,omitempty"`
}

// AllowedCredential names one passkey that may answer.
type AllowedCredential struct {
	Type string `json:"type"`
	ID   string `json:"id"` // base64url
}

// ChallengeForHash makes what a browser needs to have a person's passkeys sign a 32-byte hash: the hash is the challenge.
// The answer goes to ParseAssertion and VerifyAssertion.
func ChallengeForHash(hash [32]byte, credentialIDs [][]byte, nodeURL string) (AssertionOptions, error) {
	id, _, err := RelyingParty(nodeURL)
	if err != nil {
		return AssertionOptions{}, err
	}
	if len(credentialIDs) == 0 {
		return AssertionOptions{}, fault.Coded(fault.Conflict, "no_passkey", "you have no passkey yet; add one on the page of your devices")
	}
	o := AssertionOptions{Challenge: protocol.URLEncodedBase64(hash[:]).String(), RPID: id, Timeout: int(ceremonyLength.Milliseconds()), UserVerification: string(protocol.VerificationRequired)}
	for _, c := range credentialIDs {
		o.AllowCredentials = append(o.AllowCredentials, AllowedCredential{"public-key", protocol.URLEncodedBase64(c).String()})
	}
	return o, nil
}

// ceremonyLength is how long a person has to use a passkey after the page asked for it.
const ceremonyLength = 5 * time.Minute
