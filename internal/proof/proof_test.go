package proof_test

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/proof"
)

type hand struct{ at time.Time }

func (h *hand) Now() time.Time { return h.at }

func TestProof(t *testing.T) {
	c := &hand{time.Date(2022, 9, 25, 9, 0, 0, 0, time.UTC)}
	i, err := proof.New(rand.Reader, c, 8)
	if err != nil {
		t.Fatal(err)
	}
	made := func() string {
		s, err := i.Challenge()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	refused := func(what, challenge, answer, code string) {
		t.Helper()
		if err := i.Check(challenge, answer); fault.Code(err) != code {
			t.Errorf("%s: %v (%s), want %s", what, err, fault.Code(err), code)
		}
	}
	one := made()
	answer := proof.Solve(one)
	refused("none", "", "", "proof_old")
	refused("made up", "1.1.8.AAAA.BBBB", "1", "proof_old")
	refused("easier", strings.Replace(one, ".8.", ".0.", 1), "1", "proof_old")
	refused("long", one+strings.Repeat("x", 10_000), "1", "proof_old")
	for n := range 50 { // one of them may be right by accident; the next is not
		if a := strings.Repeat("7", n%10+1); proof.Zeros(one, a) < 8 {
			refused("wrong", one, a, "proof_wrong")
			break
		}
	}
	if err := i.Check(one, answer); err != nil {
		t.Fatal(err)
	}
	refused("again", one, answer, "proof_used")
	i.Undo(one)
	if err := i.Check(one, answer); err != nil {
		t.Errorf("after it was taken back: %v", err)
	}
	old := made()
	c.at = c.at.Add(3 * time.Hour)
	refused("old", old, proof.Solve(old), "proof_old")
	other, err := proof.New(rand.Reader, c, 8)
	if err != nil {
		t.Fatal(err)
	}
	if fresh := made(); fault.Code(other.Check(fresh, proof.Solve(fresh))) != "proof_old" {
		t.Error("another node's challenge counts")
	}
	for range 64 {
		s := made()
		if err := i.Check(s, proof.Solve(s)); err != nil {
			t.Fatal(err)
		}
	}
	if s := made(); !strings.Contains(s, ".9.") {
		t.Errorf("after 64 forms at once no more is asked: %s", s)
	}
	c.at = c.at.Add(11 * time.Minute)
	if s := made(); !strings.Contains(s, ".8.") {
		t.Errorf("later as much is asked: %s", s)
	}
}
