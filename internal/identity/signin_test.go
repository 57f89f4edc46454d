package identity_test

import (
	"context"
	"encoding/base32"
	"strings"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
)

func TestLockOut(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.person("asha", identity.Admin)
		guess := func(name, secret, address string) error {
			_, _, err := n.people.SignIn(n.ctx, name, secret, "", identity.Device{Address: address})
			return err
		}
		// Twenty guesses at once: no more than the five free ones are looked at, whoever the name belongs to.
		for _, name := range []string{"asha", "nobody"} {
			var mu sync.Mutex
			seen := map[string]int{}
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					err := guess(name, "a wrong test password", "")
					mu.Lock()
					defer mu.Unlock()
					seen[fault.Code(err)]++
				})
			}
			all.Wait()
			if seen["unauthorised"] != 5 || seen["locked"] != 15 {
				t.Errorf("%s: %v", name, seen)
			}
		}
		refused(t, "the right password while locked", guess("asha", password, ""), fault.Unsigned, "locked")
		n.pass(31 * time.Second)
		refused(t, "a guess after the wait", guess("asha", "a wrong test password", ""), fault.Unsigned, "unauthorised")
		n.pass(31 * time.Second)
		refused(t, "half of the next wait", guess("asha", password, ""), fault.Unsigned, "locked")
		n.pass(30 * time.Second)
		n.must(guess("asha", password, ""))
		for range 5 {
			guess("asha", "a wrong test password", "")
		}
		p, err := n.people.ByUsername(n.ctx, n.db.Reader(), "asha")
		n.must(err)
		n.must(n.write(func(ctx context.Context, tx *store.Tx) error { return n.people.Unlock(ctx, tx, p.ID) }))
		n.must(guess("asha", password, ""))
		// One address that tries many names.
		for i := range 30 {
			guess(strings.Repeat("x", i+1), "a wrong test password", "192.0.2.7")
		}
		refused(t, "the address", guess("asha", password, "192.0.2.7"), fault.Unsigned, "locked")
		n.must(guess("asha", password, "192.0.2.8"))
		n.pass(-48 * time.Hour) // the clock is set back: nobody is locked for two days
		n.must(guess("asha", password, "192.0.2.7"))
	})
}

func TestRightAtOnce(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.person("asha", identity.Authoriser)
		p, _ := n.in("asha")
		var all sync.WaitGroup
		for i := range 12 { // somebody signs many documents at once
			all.Go(func() {
				var err error
				if i%2 == 0 {
					_, err = n.people.Key(n.ctx, p, password)
				} else {
					_, _, err = n.people.SignIn(n.ctx, "asha", password, "", identity.Device{})
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

func TestSessions(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.person("asha", identity.Investigator)
		n.person("bina", identity.Investigator)
		p, token := n.in("asha")
		other, second := n.in("asha")
		stranger, _ := n.in("bina")
		all, err := n.people.Sessions(n.ctx, n.db.Reader(), p)
		if err != nil || len(all) != 2 {
			t.Fatalf("%d sessions: %v", len(all), err)
		}
		err = n.write(func(ctx context.Context, tx *store.Tx) error {
			return n.people.EndSession(ctx, tx, stranger, p.Session.ID)
		})
		refused(t, "somebody else's session", err, fault.NotFound, "")
		n.must(n.write(func(ctx context.Context, tx *store.Tx) error {
			return n.people.EndSession(ctx, tx, p, other.Session.ID)
		}))
		_, err = n.people.BySession(n.ctx, second)
		refused(t, "an ended session", err, fault.Unsigned, "")
		_, err = n.people.Standing(n.ctx, n.db.Reader(), other)
		refused(t, "an ended session inside a change", err, fault.Unsigned, "")

		if !n.people.Fresh(p) {
			t.Error("a sign-in is no proof")
		}
		n.pass(identity.ProofLength + time.Second)
		refused(t, "an old proof", n.people.NeedFresh(p), fault.Forbidden, "step_up")
		refused(t, "a wrong password", n.people.Prove(n.ctx, p, "a wrong test password", "", identity.Device{}), fault.Unsigned, "")
		n.must(n.people.Prove(n.ctx, p, password, "", identity.Device{}))
		p, err = n.people.BySession(n.ctx, token)
		n.must(err)
		n.must(n.people.NeedFresh(p))
		back := p
		n.pass(-2 * time.Hour) // the clock is set back: neither proof nor session can be dated
		refused(t, "a proof from the future", n.people.NeedFresh(back), fault.Forbidden, "step_up")
		_, err = n.people.BySession(n.ctx, token)
		refused(t, "a session from the future", err, fault.Unsigned, "")
		n.pass(2 * time.Hour)

		for range 20 { // used every half hour it lives to its absolute end, not longer
			n.pass(30 * time.Minute)
			if _, err = n.people.BySession(n.ctx, token); err != nil {
				t.Fatal(err)
			}
		}
		n.pass(30 * time.Minute)
		n.people.BySession(n.ctx, token)
		n.pass(80 * time.Minute)
		_, err = n.people.BySession(n.ctx, token)
		refused(t, "after the absolute limit", err, fault.Unsigned, "")
		_, idle := n.in("asha")
		n.pass(46 * time.Minute)
		_, err = n.people.BySession(n.ctx, idle)
		refused(t, "after the idle limit", err, fault.Unsigned, "")
	})
}

func TestCodes(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.person("asha", identity.Authoriser)
		p, _ := n.in("asha")
		var s identity.CodeSecret
		n.must(n.write(func(ctx context.Context, tx *store.Tx) (err error) {
			s, err = n.people.BeginCode(ctx, tx, p)
			return err
		}))
		if !strings.HasPrefix(s.URI, "otpauth://totp/Unit:asha?") {
			t.Errorf("the address for the app is %q", s.URI)
		}
		secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s.Secret)
		n.must(err)
		code := func() string { return identity.CodeAt(secret, n.Now().Unix()/30) }
		if _, _, err := n.people.SignIn(n.ctx, "asha", password, "", identity.Device{}); err != nil {
			t.Errorf("an app that was not confirmed is asked for: %v", err)
		}
		refused(t, "a wrong first code", n.people.ConfirmCode(n.ctx, p, "000000", identity.Device{}), fault.Unsigned, "")
		n.must(n.people.ConfirmCode(n.ctx, p, code(), identity.Device{}))
		sign := func(c string) error {
			_, _, err := n.people.SignIn(n.ctx, "asha", password, c, identity.Device{})
			return err
		}
		refused(t, "no code", sign(""), fault.Unsigned, "code_needed")
		refused(t, "a used code", sign(code()), fault.Unsigned, "unauthorised")
		n.pass(30 * time.Second)
		now := code()
		n.must(sign(now[:3] + " " + now[3:]))
		refused(t, "the same code again", sign(now), fault.Unsigned, "unauthorised")
		n.pass(30 * time.Second)
		old := code()
		n.pass(90 * time.Second)
		refused(t, "an old code", sign(old), fault.Unsigned, "unauthorised")
		n.must(sign(code()))
		// A password does not prove any more, and does not open the key when the proof is old.
		refused(t, "a password as proof", n.people.Prove(n.ctx, p, password, "", identity.Device{}), fault.Unsigned, "code_needed")
		n.pass(identity.ProofLength)
		_, err = n.people.Key(n.ctx, p, password)
		refused(t, "the key without a fresh code", err, fault.Forbidden, "step_up")
		n.must(n.people.Prove(n.ctx, p, "", code(), identity.Device{}))
		// A code is one of a million: guesses are counted.
		n.pass(time.Minute)
		for range 5 {
			sign("000000")
		}
		refused(t, "the right code after five wrong ones", sign(code()), fault.Unsigned, "locked")
		// RFC 6238 appendix B, the SHA-1 rows, in six digits.
		for step, want := range map[int64]string{59 / 30: "287082", 1111111109 / 30: "081804", 1234567890 / 30: "005924", 20000000000 / 30: "353130"} {
			if got := identity.CodeAt([]byte("12345678901234567890"), step); got != want {
				t.Errorf("step %d: %s, want %s", step, got, want)
			}
		}
	})
}

func TestInvitationAndPassword(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.person("boss", identity.Admin)
		var p identity.Person
		var code, again string
		n.must(n.write(func(ctx context.Context, tx *store.Tx) (err error) {
			if p, err = n.people.Add(ctx, tx, identity.New{Username: "asha", Name: "Asha", Roles: []identity.Role{identity.Authoriser}, Rank: "DCP"}); err != nil {
				return err
			}
			if code, err = n.people.Invite(ctx, tx, p.ID); err != nil {
				return err
			}
			again, err = n.people.Invite(ctx, tx, p.ID) // the first is void
			return err
		}))
		if p.Officer() || p.KID != "" {
			t.Error("an invited person is an officer before they have a key")
		}
		_, _, err := n.people.SignIn(n.ctx, "asha", "", "", identity.Device{})
		refused(t, "an invited person without a password", err, fault.Unsigned, "")
		accept := func(code, secret string) error {
			return n.write(func(ctx context.Context, tx *store.Tx) error {
				accepted, err := n.people.Accept(ctx, tx, code, secret)
				if err == nil {
					p = accepted
				}
				return err
			})
		}
		refused(t, "a void code", accept(code, password), fault.Unsigned, "")
		refused(t, "a short password", accept(again, "short"), fault.Invalid, "")
		n.must(accept(again, password))
		refused(t, "a used code", accept(again, password), fault.Unsigned, "")
		if !p.Officer() {
			t.Error("an officer has no key after accepting")
		}
		signed, _ := n.in("asha")
		_, other := n.in("asha")
		key, err := n.people.Key(n.ctx, signed, password)
		n.must(err)
		n.must(n.people.ChangePassword(n.ctx, signed, password, "another long password"))
		_, err = n.people.BySession(n.ctx, other)
		refused(t, "another session after the change", err, fault.Unsigned, "")
		_, err = n.people.Key(n.ctx, signed, password)
		refused(t, "the old password", err, fault.Unsigned, "")
		same, err := n.people.Key(n.ctx, signed, "another long password")
		if err != nil || !key.Equal(same) {
			t.Errorf("the key after the change: %v", err)
		}
	})
}
