package courier

import (
	"bytes"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"raksha.example/raksha/internal/fault"
)

// maxProduced bounds what Decrypt gives out; produced data travels inside documents.
const maxProduced = maxDocument

// Encrypt encrypts data produced for one recipient, an age X25519 recipient ("age1...") from the directory, and gives armoured
// text (age-encryption.org/v1).
func Encrypt(recipient string, b []byte) (string, error) {
	r, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "the recipient is not an age X25519 recipient, which begins with age1")
	}
	if len(b) > maxProduced {
		return "", fault.New(fault.TooLarge, "the data has %d bytes; the limit is %d", len(b), maxProduced)
	}
	var out bytes.Buffer
	text := armor.NewWriter(&out)
	w, err := age.Encrypt(text, r)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(b); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	if err := text.Close(); err != nil {
		return "", err
	}
	return out.String(), nil
}

// Decrypt opens what Encrypt made, with the recipient's identity ("AGE-SECRET-KEY-1..."). Wrong or altered text is
// fault.Refused "not_decryptable".
func Decrypt(identity, s string) ([]byte, error) {
	id, err := age.ParseX25519Identity(identity)
	if err != nil {
		return nil, fault.New(fault.Invalid, "this node's decryption identity is not an age X25519 identity") // the cause may hold the secret
	}
	var b []byte
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(s)), id)
	if err == nil {
		b, err = io.ReadAll(io.LimitReader(r, maxProduced+1))
	}
	if err != nil {
		return nil, refuse("not_decryptable", "the data produced cannot be decrypted: it was encrypted to another key, or altered")
	}
	if len(b) > maxProduced {
		return nil, refuse(TooLarge, "the data produced has more than %d bytes", maxProduced)
	}
	return b, nil
}
