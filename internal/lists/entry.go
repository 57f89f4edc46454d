package lists

import (
	"crypto/sha256"
	"encoding/hex"
)

// Check brings an entry to its stored form. What is wrong with it is a fault.Invalid.
func (e *Entry) Check() error { return check(e) }

// Digest names a value in 32 hexadecimal digits.
func Digest(value string) string {
	h := sha256.Sum256([]byte(value))
	return hex.EncodeToString(h[:16])
}
