package attribution

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
	"raksha.example/raksha/internal/story"
)

// TestStory holds the whole way against what the world hides: public texts leave operators in pieces, the platform's
// answers and then the payment services' join them, and nobody else is ever drawn in.
func TestStory(t *testing.T) {
	files := map[string]story.File{"default": story.Default()}
	for _, name := range []string{"small", "today"} {
		f, err := story.Load(filepath.Join("..", "story", "testdata", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = f
	}
	if testing.Short() {
		delete(files, "today")
	}
	for name, f := range files {
		w, err := story.Generate(f, story.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { storetest.Each(t, func(t *testing.T, db *store.DB) { tell(t, db, w) }) })
	}
}

func tell(t *testing.T, db *store.DB, w *story.World) {
	n := newNode(t, db)
	truth := w.Truth()
	c := n.newCase()
	ids := map[string]int64{}
	posts := map[string][]story.Post{}
	for _, p := range w.Posts {
		posts[p.AccountID] = append(posts[p.AccountID], p)
	}
	n.write(func(ctx context.Context, tx *store.Tx) error {
		for _, a := range w.Accounts {
			finding := "undetermined"
			if slices.Contains(truth.Offending, a.ID) {
				finding = "offending"
			} else if !slices.Contains(truth.Undecided, a.ID) {
				continue
			}
			url := "https://" + story.Host + "/@" + a.Handle
			id, err := n.log.Insert(ctx, tx, "account", "account", now, record.Fields{"host": story.Host, "handle": a.Handle, "native_id": a.ID, "url": url, "state": "live", "first_seen_at": now})
			if err != nil {
				return err
			}
			ids[a.ID] = id
			if _, err := n.log.Insert(ctx, tx, "case_account", "case_account", now, record.Fields{"case_id": c, "account_id": id, "finding": finding, "added_at": now}); err != nil {
				return err
			}
			if err := n.SawText(ctx, tx, c, id, 0, a.Bio); err != nil {
				return err
			}
			for _, p := range posts[a.ID] {
				post, err := n.log.Insert(ctx, tx, "post", "post", now, record.Fields{"account_id": id, "native_id": p.ID, "url": url + "/" + p.ID, "posted_at": p.CreatedAt, "content": p.Text, "seen_at": now})
				if err != nil {
					return err
				}
				if err := n.SawText(ctx, tx, c, id, post, p.Text); err != nil {
					return err
				}
			}
		}
		return nil
	})
	var operators [][]int64
	for _, op := range truth.Operators {
		var list []int64
		for _, id := range op {
			list = append(list, ids[id])
		}
		slices.Sort(list)
		operators = append(operators, list)
	}
	slices.SortFunc(operators, slices.Compare)

	public := pure(t, n.compute(c), operators)
	if len(public) <= len(operators) {
		t.Errorf("public texts alone give %d groups for %d operators", len(public), len(operators))
	}
	n.write(func(ctx context.Context, tx *store.Tx) error {
		for _, a := range w.Accounts {
			if !slices.Contains(truth.Offending, a.ID) {
				continue
			}
			answer := Answer{AccountID: ids[a.ID], Name: a.RealName, Email: a.Email, Phone: a.Phone, Logins: logins(a.Logins)}
			if err := n.Produced(ctx, tx, c, answer); err != nil {
				return err
			}
		}
		return nil
	})
	platform := pure(t, n.compute(c), operators)
	if len(platform) < len(operators) || len(platform) > len(public) {
		t.Errorf("with the platform's answers: %d groups, %d before", len(platform), len(public))
	}
	if w.File.Complaint.Offending > 20 && (len(platform) == len(operators) || len(platform) == len(public)) {
		t.Errorf("the platform's answers tell all or nothing: %d groups", len(platform))
	}
	held := map[string]story.Holding{}
	for _, h := range w.Holdings() {
		held[h.Selector] = h
	}
	seen, err := Selectors(context.Background(), db.Reader(), c)
	if err != nil {
		t.Fatal(err)
	}
	n.write(func(ctx context.Context, tx *store.Tx) error {
		for _, s := range seen { // everybody is asked about everything, shops and subscribers too
			h, ok := held[s.Value]
			if !ok {
				continue
			}
			answer := Answer{SelectorID: s.ID, Name: h.Name, Phone: h.Phone, Account: h.Account, BankRef: h.BankRef, Logins: logins(h.Logins)}
			if err := n.Produced(ctx, tx, c, answer); err != nil {
				return err
			}
		}
		return nil
	})
	final := pure(t, n.compute(c), operators)
	if !same(final, operators) {
		t.Errorf("after both answers %v, want %v", final, operators)
	}
	t.Logf("%d groups in public, %d with the platform, %d with the payment services", len(public), len(platform), len(final))
	n.verify()
}

// pure checks that every cluster lies within one operator, and gives the clusters' accounts in order.
func pure(t *testing.T, list []Cluster, operators [][]int64) [][]int64 {
	t.Helper()
	out := sets(list)
	for _, accounts := range out {
		if !slices.ContainsFunc(operators, func(op []int64) bool {
			return !slices.ContainsFunc(accounts, func(a int64) bool { return !slices.Contains(op, a) })
		}) {
			t.Errorf("%v does not lie within one operator", accounts)
		}
	}
	slices.SortFunc(out, slices.Compare)
	return out
}

func logins(list []story.Login) (out []platforms.Login) {
	for _, l := range list {
		out = append(out, platforms.Login{At: l.At, IP: l.IP, Port: l.Port, Event: l.Event})
	}
	return out
}
