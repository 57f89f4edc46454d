package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"os"
	"strings"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
)

// OIDC says which identity provider people may sign in with; the zero value says none.
type OIDC struct {
	Issuer     string // its URL
	ClientID   string // of this node there
	SecretFile string // holds the client's secret; "": it has none
}

// settings tell identity who this node is to browsers.
func settings(self *directory.Self, book *directory.Book) identity.Settings {
	m := hmac.New(sha256.New, self.NodeKey)
	m.Write([]byte("secrets of sign-in"))
	return identity.Settings{URL: func() string { return self.Profile().URL }, Name: func() string { return self.Profile().Name }, Secret: m.Sum(nil), Officers: book.Publish}
}

// provider makes the identity provider's side, nil where there is none.
func (o OIDC) provider(self *directory.Self, client *http.Client) (*identity.OIDC, error) {
	if o.Issuer == "" {
		return nil, nil
	}
	out := &identity.OIDC{Issuer: o.Issuer, ClientID: o.ClientID, Client: client,
		Redirect: func() string { return strings.TrimSuffix(self.Profile().URL, "/") + "/sign-in/external/back" }}
	if o.SecretFile == "" {
		return out, nil
	}
	b, err := os.ReadFile(o.SecretFile)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "the file with the secret for the identity provider cannot be read: %v", err)
	}
	out.ClientSecret = strings.TrimSpace(string(b))
	return out, nil
}

// officersPasskeys gives the directory the passkeys with which officers authorise.
type officersPasskeys struct {
	people *identity.People
	self   *directory.Self
}

// Passkeys implements directory.Passkeys.
func (o officersPasskeys) Passkeys(ctx context.Context, q store.Queryer, person int64) (out []courier.Passkey, err error) {
	keys, err := o.people.Passkeys(ctx, q, person)
	for _, k := range keys {
		out = append(out, courier.Passkey{ID: k.CredentialID, Key: k.PublicKey, URL: o.self.Profile().URL})
	}
	return out, err
}
