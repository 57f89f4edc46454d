package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"raksha.example/raksha/internal/fault"
)

// Argon2id with the parameters that OWASP's password storage notes give as a minimum: 19 MiB, two passes, one lane.
const (
	argonTime   = 2
	argonMemory = 19 * 1024 // KiB
	argonLanes  = 1
	saltLength  = 16

	passwordLimit = 1024 // bytes; a longer one is no password but a way to keep the machine busy
)

// stretch gives a verifier, which is stored, and a sealing key, which is not: from the stored half the other cannot be told.
func stretch(password string, salt []byte) (verifier, sealing []byte) {
	k := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, 64)
	return k[:32], k[32:]
}

// sealKey hashes a new password and seals an officer's private key under it, so that the node's files alone sign nothing.
func sealKey(password string, key ed25519.PrivateKey) (hash string, sealed []byte, err error) {
	if len(password) < 12 || len(password) > passwordLimit {
		return "", nil, fault.New(fault.Invalid, "a password needs at least 12 characters, and at most %d", passwordLimit)
	}
	salt := make([]byte, saltLength)
	rand.Read(salt)
	verifier, sealing := stretch(password, salt)
	aead, err := chacha20poly1305.NewX(sealing)
	if err != nil {
		return "", nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	hash = "argon2id$" + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(verifier)
	return hash, aead.Seal(nonce, nonce, key.Seed(), []byte("officer key")), nil
}

// check compares a password with a stored hash in constant time and gives the sealing key.
func check(password, hash string) (sealing []byte, ok bool) {
	parts := strings.Split(hash, "$")
	if len(parts) != 3 || parts[0] != "argon2id" {
		return nil, false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[1])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[2])
	if err1 != nil || err2 != nil {
		return nil, false
	}
	verifier, sealing := stretch(password, salt)
	return sealing, subtle.ConstantTimeCompare(verifier, want) == 1
}

// openKey opens what sealKey sealed.
func openKey(sealing, sealed []byte) (ed25519.PrivateKey, error) {
	aead, err := chacha20poly1305.NewX(sealing)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, fmt.Errorf("sealed officer key is too short")
	}
	seed, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], []byte("officer key"))
	if err != nil {
		return nil, fault.Wrap(err, fault.Tampered, "the officer's sealed key is damaged")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
