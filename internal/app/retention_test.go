package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/vault"
)

// What a holder preserves stays for the time that the rule gives, and while the document is unanswered or contested; then it is
// destroyed, with proof.
func TestRetention(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		p := newPair(t, fresh)
		n := p.platform.n
		var sum string
		blob := func() vault.Blob {
			t.Helper()
			if err := n.DB.Reader().QueryRow("SELECT sha256 FROM preserved ORDER BY id DESC LIMIT 1").Scan(&sum); err != nil {
				t.Fatal(err)
			}
			b, err := n.Vault.Account(t.Context(), n.DB.Reader(), sum)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		const later = 200 * 24 * time.Hour
		expired := func(what string, after time.Duration, want int) {
			t.Helper()
			n.Clock.Pass(after)
			defer n.Clock.Pass(-after)
			if got, err := n.Vault.Expire(t.Context()); err != nil || got != want {
				t.Errorf("%s, after %s: %d blobs destroyed, %v; want %d", what, after, got, err, want)
			}
		}

		preservation := p.draft("/preservation-requests", 0, p.there)
		p.unit.sign("meera", preservation.ID)
		in, states := p.executed(preservation)
		if fmt.Sprint(states) != "[preserved]" {
			t.Fatalf("items are %v", states)
		}
		b := blob()
		if until := n.Int("SELECT expires_at FROM preserved"); b.RetainUntil != until || store.Time(until).Sub(n.Clock.Now()) != 180*24*time.Hour || b.Holds != 1 {
			t.Errorf("retained until %s with %d holds; preserved until %s", store.Time(b.RetainUntil), b.Holds, store.Time(until))
		}
		expired("unanswered", later, 0)
		p.answer(in)
		if b := blob(); b.Holds != 0 {
			t.Errorf("%d holds after the answer was acknowledged", b.Holds)
		}
		expired("answered", 0, 0)
		expired("answered", 179*24*time.Hour, 0)
		expired("answered", 181*24*time.Hour, 1)
		expired("destroyed", later, 0)
		if b := blob(); b.State != vault.Shredded || !strings.Contains(b.ShredBasis, "retention ended") || b.ShreddedAt == 0 {
			t.Errorf("the proof is %+v", b)
		}
		if _, err := n.Vault.Get(t.Context(), sum); fault.Of(err) != fault.NotFound {
			t.Errorf("what was destroyed: %v", err)
		}

		// An order of which an item is refused is contested: what was preserved for it stays until somebody settles that.
		order := p.draft("/takedown-orders", preservation.ID, p.there, p.passed)
		p.unit.sign("meera", order.ID)
		in, states = p.executed(order)
		if fmt.Sprint(states) != "[account_suspended refused]" {
			t.Fatalf("items are %v", states)
		}
		p.answer(in)
		if b := blob(); b.State != vault.Kept || b.Holds != 1 {
			t.Errorf("a contested order keeps %+v", b)
		}
		expired("contested", later, 0)
		basis := "takedown order " + order.Number + " of unit is unanswered or contested"
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			return n.Vault.Release(ctx, tx, sum, basis, "the unit withdrew the second item")
		})
		expired("settled", 0, 0)
		expired("settled", later, 1)

		// What was produced is kept alike.
		request := p.draft("/information-requests", 0, p.there)
		p.unit.sign("meera", request.ID)
		in, states = p.executed(request)
		if b := blob(); fmt.Sprint(states) != "[produced]" || b.Holds != 1 || b.RetainUntil == 0 {
			t.Errorf("items are %v, kept as %+v", states, b)
		}
		p.answer(in)
		if f, err := courier.ByID(t.Context(), p.unit.n.DB.Reader(), request.ID); err != nil || f.State != "answered" || blob().Holds != 0 {
			t.Errorf("the request is %s (%v), %d holds", f.State, err, blob().Holds)
		}
		expired("produced", later, 1)

		// An answer that the asker refuses is none.
		request = p.draft("/information-requests", 0, p.there)
		p.unit.sign("meera", request.ID)
		in, _ = p.executed(request)
		p.unit.n.Know(n) // takes no instrument from the platform any more
		p.answer(in)
		if refused := n.Int("SELECT COUNT(*) FROM document WHERE direction = 'out' AND instrument = 'response' AND state = 'refused'"); refused != 1 || blob().Holds != 1 {
			t.Errorf("%d answers were refused, and %d holds stand", refused, blob().Holds)
		}
		expired("answered in vain", later, 0)
	})
}
