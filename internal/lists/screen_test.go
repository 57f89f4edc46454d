package lists

import (
	"testing"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

func TestScreen(t *testing.T) {
	each(t, func(b *bench) {
		one, two := b.list(New{Name: "one"}), b.list(New{Name: "two"})
		hit := func(list int64, kind, label string) Hit {
			return Hit{Entry: Entry{ListID: list, Kind: kind, Label: label}}
		}
		rule := func(r ScreenRule) (id int64) {
			b.Helper()
			b.write(func(tx *store.Tx) (err error) {
				id, err = b.lists.AddScreenRule(b.ctx, tx, r)
				return err
			})
			return id
		}
		want := func(step string, d Decision, hits ...Hit) {
			b.Helper()
			for name, l := range map[string]*Lists{"running": b.lists, "restarted": b.open()} {
				if got := l.Screen(hits); got != d {
					b.Errorf("%s, %s: %s, want %s", step, name, got, d)
				}
			}
		}
		want("nothing found", Allow)
		want("looks like", Hold, hit(one, PDQ, "A1"))
		want("the same file", Block, hit(one, PDQ, "A1"), hit(two, SHA1, ""))
		rule(ScreenRule{Certainty: LooksLike, Decision: Allow})
		want("a rule for all", Allow, hit(one, PDQ, "A1"))
		rule(ScreenRule{Certainty: LooksLike, Label: "A1", Decision: Hold})
		want("a label before all", Hold, hit(one, PDQ, "A1"))
		want("another label", Allow, hit(one, PDQ, "B2"))
		rule(ScreenRule{Certainty: LooksLike, ListID: one, Decision: Block})
		want("a list before a label", Block, hit(one, VPDQ, "A1"))
		want("another list", Hold, hit(two, PDQ, "A1"))
		last := rule(ScreenRule{Certainty: LooksLike, ListID: one, Label: "A1", Decision: Allow})
		want("both before one", Allow, hit(one, PDQ, "A1"))
		rule(ScreenRule{Certainty: LooksLike, ListID: one, Label: "A1", Decision: Hold})
		want("a rule in the place of another", Hold, hit(one, PDQ, "A1"))
		if err := b.try(func(tx *store.Tx) error { return b.lists.RemoveScreenRule(b.ctx, tx, last) }); fault.Of(err) != fault.NotFound {
			b.Errorf("a rule that was replaced: %v", err)
		}
		b.write(func(tx *store.Tx) error { return b.lists.RemoveScreenRule(b.ctx, tx, last+1) })
		want("without it", Block, hit(one, PDQ, "A1"))
		for _, r := range []ScreenRule{{Certainty: "sure", Decision: Hold}, {Certainty: SameFile, Decision: "delete"}} {
			if err := b.try(func(tx *store.Tx) error { _, err := b.lists.AddScreenRule(b.ctx, tx, r); return err }); fault.Of(err) != fault.Invalid {
				b.Errorf("%+v: %v", r, err)
			}
		}
		b.verify()
	})
}
