package paper

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"net/url"
	"strings"
)

// alphabet is Crockford's: no letter in it is taken for another.
var alphabet = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// codes makes the codes of papers from a key of the node, so that there is no table of them to steal or to keep.
type codes struct{ key []byte }

func newCodes(nodeKey []byte) codes {
	h := hmac.New(sha256.New, nodeKey)
	h.Write([]byte("raksha paper code 1"))
	return codes{h.Sum(nil)}
}

// code is 60 bits of HMAC-SHA256 over number and hash of the signed document: "7K3M-0QWE-X9TB". Whoever holds the signed
// document, but not the key, cannot make it; whoever tries codes is let try a few a minute.
func (c codes) code(number, sha256hex string) string {
	h := hmac.New(sha256.New, c.key)
	binary.Write(h, binary.BigEndian, uint32(len(number)))
	h.Write([]byte(number))
	h.Write([]byte(sha256hex))
	s := alphabet.EncodeToString(h.Sum(nil))
	return s[:4] + "-" + s[4:8] + "-" + s[8:12]
}

// fits compares in constant time what a person typed with the code.
func (c codes) fits(number, sha256hex, typed string) bool {
	return subtle.ConstantTimeCompare([]byte(strings.ReplaceAll(c.code(number, sha256hex), "-", "")), []byte(typed)) == 1
}

// tidy brings a typed code into the form that is compared: other people's O is 0, their I and L are 1.
func tidy(code string) string {
	return strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code))
}

// Link is what the square on a paper holds. Number and code stand behind #, which browsers do not send: no proxy's log has
// them; the page itself takes them into its form.
func Link(at, number, code string) string {
	return at + "#" + url.Values{"number": {number}, "code": {code}}.Encode()
}
