// Package proof asks strangers' browsers for a little work before a form is taken (a proof of work): find a number that makes the hash of a
// challenge and the number begin with so many zero bits. It asks nobody else, shows no riddle, and follows nobody.
package proof

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"
	"sync"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
)

const (
	lifetime    = 3 * time.Hour // people write slowly, and get up in between
	busySpan    = 10 * time.Minute
	busyFrom    = 64 // proofs in that span from which on one bit more is asked, and one more for each doubling
	mostBits    = 24
	longest     = 200     // bytes of a challenge
	longestWord = 16      // of an answer
	keptUsed    = 200_000 // challenges that were answered and have not ended
)

// Issuer makes challenges and checks answers. Its key and what was answered live in memory: after a restart older challenges no longer count, and
// a page that holds one asks for another. It is safe for concurrent use.
type Issuer struct {
	key   []byte
	clock clock.Clock
	rand  io.Reader
	bits  int

	mu     sync.Mutex
	used   map[string]time.Time // guarded by mu: when each answered challenge ends
	recent []time.Time          // guarded by mu: accepted proofs of the last span
}

// New makes an issuer that asks for so many zero bits while it is quiet: 18 are a quarter of a million hashes, a second of a phone.
func New(random io.Reader, c clock.Clock, zeroBits int) (*Issuer, error) {
	key := make([]byte, 32)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, err
	}
	return &Issuer{key: key, clock: c, rand: random, bits: zeroBits, used: map[string]time.Time{}}, nil
}

// Challenge gives a new challenge: "1.ISSUED.BITS.RANDOM.MAC", with the instant in seconds.
func (i *Issuer) Challenge() (string, error) {
	nonce := make([]byte, 18)
	if _, err := io.ReadFull(i.rand, nonce); err != nil {
		return "", err
	}
	text := fmt.Sprintf("1.%d.%d.%s", i.clock.Now().Unix(), i.asked(), base64.RawURLEncoding.EncodeToString(nonce))
	return text + "." + i.mac(text), nil
}

// asked gives how many bits are asked for now.
func (i *Issuer) asked() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.forget(i.clock.Now())
	return min(mostBits, i.bits+bits.Len(uint(len(i.recent)/busyFrom)))
}

func (i *Issuer) mac(text string) string {
	m := hmac.New(sha256.New, i.key)
	m.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:18])
}

// Check takes an answer once. Refusals are fault.Refused with the codes proof_wrong, proof_old and proof_used.
func (i *Issuer) Check(challenge, answer string) error {
	parts := strings.Split(challenge, ".")
	if len(challenge) > longest || len(answer) > longestWord || len(parts) != 5 || !hmac.Equal([]byte(i.mac(strings.Join(parts[:4], "."))), []byte(parts[4])) {
		return fault.Coded(fault.Refused, "proof_old", "the form has become too old; send it again")
	}
	issued, err1 := strconv.ParseInt(parts[1], 10, 64)
	need, err2 := strconv.Atoi(parts[2])
	now := i.clock.Now()
	ends := time.Unix(issued, 0).Add(lifetime)
	if err1 != nil || err2 != nil || !now.Before(ends) || now.Before(time.Unix(issued, 0).Add(-time.Minute)) {
		return fault.Coded(fault.Refused, "proof_old", "the form has become too old; send it again")
	}
	if Zeros(challenge, answer) < need {
		return fault.Coded(fault.Refused, "proof_wrong", "the browser's work does not fit the form; send it again")
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.forget(now)
	if _, twice := i.used[challenge]; twice {
		return fault.Coded(fault.Refused, "proof_used", "this form was sent before")
	}
	if len(i.used) >= keptUsed {
		return fault.Coded(fault.Unavailable, "proof_full", "too many forms come in at once; try again later")
	}
	i.used[challenge] = ends
	i.recent = append(i.recent, now)
	return nil
}

// Undo takes an accepted answer back: the form behind it could not be taken, and may be sent again.
func (i *Issuer) Undo(challenge string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.used, challenge)
}

// forget drops what has ended; it is called with mu held.
func (i *Issuer) forget(now time.Time) {
	for len(i.recent) > 0 && now.Sub(i.recent[0]) > busySpan {
		i.recent = i.recent[1:]
	}
	if len(i.used) < 1000 {
		return
	}
	for c, ends := range i.used {
		if !now.Before(ends) {
			delete(i.used, c)
		}
	}
}

// Zeros counts the zero bits at the beginning of SHA-256(challenge ":" answer).
func Zeros(challenge, answer string) int {
	sum := sha256.Sum256([]byte(challenge + ":" + answer))
	n := 0
	for _, b := range sum {
		n += bits.LeadingZeros8(b)
		if b != 0 {
			break
		}
	}
	return n
}

// Solve finds an answer, for programs and tests.
func Solve(challenge string) string {
	parts := strings.Split(challenge, ".")
	if len(parts) != 5 {
		return ""
	}
	need, err := strconv.Atoi(parts[2])
	if err != nil || need > mostBits {
		return ""
	}
	for n := 0; ; n++ {
		if s := strconv.Itoa(n); Zeros(challenge, s) >= need {
			return s
		}
	}
}
