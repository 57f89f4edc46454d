package identity_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
)

func TestNeedToKnow(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		lead := n.person("lead", identity.Investigator)
		people := map[string]identity.Person{"lead": lead, "writer": n.person("writer", identity.Analyst), "reader": n.person("reader", identity.Authoriser),
			"counsel": n.person("counsel", identity.Counsel), "stranger": n.person("stranger", identity.Investigator), "admin": n.person("admin", identity.Admin)}
		n.person("enforcer", identity.Enforcer)
		id := n.newCase(lead)
		open, closed, free := n.newDocument(id, "open"), n.newDocument(id, "closed"), n.newDocument(0, "free")
		grant := func(by, to string, r identity.Relation) error {
			return n.write(func(ctx context.Context, tx *store.Tx) error {
				_, err := n.people.Grant(ctx, tx, people[by], id, to, r)
				return err
			})
		}
		refused(t, "a stranger grants", grant("stranger", "stranger", identity.Lead), fault.NotFound, "")
		refused(t, "an administrator enters a case that has a lead", grant("admin", "admin", identity.Lead), fault.Forbidden, "")
		refused(t, "a relation that is not there", grant("lead", "reader", "owner"), fault.Invalid, "")
		refused(t, "somebody whose roles read no case", grant("lead", "enforcer", identity.Reader), fault.Conflict, "")
		refused(t, "the only lead steps down", grant("lead", "lead", identity.Reader), fault.Conflict, "")
		for name, r := range map[string]identity.Relation{"writer": identity.Writer, "reader": identity.Reader, "counsel": identity.CaseCounsel} {
			n.must(grant("lead", name, r))
		}
		refused(t, "a writer grants", grant("writer", "stranger", identity.Reader), fault.Forbidden, "")
		n.must(n.write(func(ctx context.Context, tx *store.Tx) error {
			return n.people.Release(ctx, tx, lead, id, identity.OfDocument, open)
		}))
		err := n.write(func(ctx context.Context, tx *store.Tx) error {
			return n.people.Release(ctx, tx, lead, id, identity.OfDocument, free)
		})
		refused(t, "a document of no case is released", err, fault.NotFound, "")

		asks := []identity.Ask{
			{Need: identity.ReadCases, Kind: identity.OfCase, ID: id, As: identity.CaseCounsel},
			{Need: identity.ReadCases, Kind: identity.OfCase, ID: id, As: identity.Reader},
			{Need: identity.ReadCases, Kind: identity.OfCase, ID: id, As: identity.Writer},
			{Need: identity.ReadCases, Kind: identity.OfCase, ID: id, As: identity.Lead},
			{Need: identity.ReadDocuments, Kind: identity.OfDocument, ID: open, As: identity.Reader},
			{Need: identity.ReadDocuments, Kind: identity.OfDocument, ID: closed, As: identity.Reader},
			{Need: identity.ReadDocuments, Kind: identity.OfDocument, ID: free, As: identity.Reader},
			{Need: identity.ReadDocuments, Kind: identity.OfDocument, ID: 999, As: identity.Reader},
			{Need: identity.ReadDocuments, Kind: "blob", ID: open, As: identity.Reader},
			{Need: identity.Investigate},
		}
		for name, want := range map[string]string{ // y: may; n: does not learn that it is there; f: forbidden
			"lead":     "yyyy" + "yyy" + "nf" + "y",
			"writer":   "yyyf" + "yyy" + "nf" + "f",
			"reader":   "yyff" + "yyy" + "nf" + "f",
			"counsel":  "ynff" + "yny" + "nf" + "f",
			"stranger": "nnnn" + "nny" + "nf" + "y",
			"admin":    "ffff" + "nny" + "nf" + "f",
		} {
			got := ""
			for _, a := range asks {
				_, err := n.people.Check(n.ctx, n.db.Reader(), people[name], a)
				switch {
				case err == nil:
					got += "y"
				case fault.Of(err) == fault.NotFound:
					got += "n"
				case fault.Of(err) == fault.Forbidden:
					got += "f"
				default:
					t.Fatal(err)
				}
			}
			if got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
			s, err := n.people.Sight(n.ctx, n.db.Reader(), people[name])
			n.must(err)
			if s.Sees(identity.OfDocument, open, id) != (got[4] == 'y') || s.Sees(identity.OfDocument, closed, id) != (got[5] == 'y') || !s.Sees(identity.OfDocument, free, 0) {
				t.Errorf("%s: lists and pages differ", name)
			}
		}
		n.must(n.write(func(ctx context.Context, tx *store.Tx) error {
			return n.people.Withdraw(ctx, tx, lead, id, people["writer"].ID)
		}))
		_, err = n.people.Check(n.ctx, n.db.Reader(), people["writer"], asks[1])
		refused(t, "after the withdrawal", err, fault.NotFound, "")
		err = n.write(func(ctx context.Context, tx *store.Tx) error { return n.people.Withdraw(ctx, tx, lead, id, lead.ID) })
		refused(t, "the last lead leaves", err, fault.Conflict, "")
	})
}

func TestReads(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		lead := n.person("lead", identity.Investigator)
		n.person("reader", identity.Authoriser)
		auditor := n.person("auditor", identity.Auditor)
		mine, other := n.newCase(lead), n.newCase(n.person("else", identity.Investigator))
		reader, _ := n.in("reader")
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				if err := n.people.Saw(n.ctx, reader, identity.Read{Object: "tip", ObjectID: int64(i + 1), CaseID: mine, Purpose: "kite"}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		count := func(table string) (c int) {
			n.must(n.db.Reader().QueryRow("SELECT COUNT(*) FROM " + table).Scan(&c))
			return c
		}
		if reads, batches := count("access_read"), count("access_batch"); reads != 40 || batches >= reads {
			t.Errorf("%d reads in %d batches", reads, batches)
		}
		again := identity.Read{Object: "tip", ObjectID: 1, CaseID: mine, Purpose: "kite"}
		n.must(n.people.Saw(n.ctx, reader, again))
		if count("access_read") != 40 {
			t.Error("the same read is written twice")
		}
		again.Purpose = "river"
		n.must(n.people.Saw(n.ctx, reader, again, identity.Read{Object: "tip", ObjectID: 1, CaseID: other, Purpose: "river"}, identity.Read{Object: "matches", Purpose: "river"}))
		n.pass(6 * time.Minute)
		n.must(n.people.Saw(n.ctx, reader, again))
		for who, want := range map[string]int{"lead": 42, "else": 1, "reader": 44, "auditor": 44} {
			p, err := n.people.ByUsername(n.ctx, n.db.Reader(), who)
			n.must(err)
			lines, err := n.people.Reads(n.ctx, n.db.Reader(), p, identity.ReadFilter{})
			if n.must(err); len(lines) != want {
				t.Errorf("%s sees %d reads, want %d", who, len(lines), want)
			}
		}
		page, err := n.people.Reads(n.ctx, n.db.Reader(), auditor, identity.ReadFilter{CaseID: mine, Limit: 10})
		n.must(err)
		next, err := n.people.Reads(n.ctx, n.db.Reader(), auditor, identity.ReadFilter{CaseID: mine, Limit: 10, Before: page[9].ID})
		if n.must(err); len(page) != 10 || len(next) != 10 || next[0].ID >= page[9].ID || page[0].Username != "reader" || page[0].Purpose != "river" {
			t.Errorf("pages %v %v", page, next)
		}
	})
}

func TestPurpose(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.person("asha", identity.Intake)
		p, _ := n.in("asha")
		other, _ := n.in("asha")
		keep := func(scope, purpose string) error {
			return n.write(func(ctx context.Context, tx *store.Tx) error { return n.people.KeepPurpose(ctx, tx, p, scope, purpose) })
		}
		for _, bad := range []string{"", "  \n ", "ab", strings.Repeat("x", 301)} {
			refused(t, fmt.Sprintf("purpose %q", bad), keep("tips", bad), fault.Invalid, "purpose_needed")
		}
		n.must(keep("tips", "  sorting \t what came in\n"))
		got, err := n.people.Purpose(n.ctx, n.db.Reader(), p, "tips")
		if n.must(err); got != "sorting what came in" {
			t.Errorf("purpose %q", got)
		}
		for _, q := range []struct {
			p     identity.Person
			scope string
		}{{p, "case:1"}, {other, "tips"}} {
			if got, err := n.people.Purpose(n.ctx, n.db.Reader(), q.p, q.scope); err != nil || got != "" {
				t.Errorf("%s of session %d: %q %v", q.scope, q.p.Session.ID, got, err)
			}
		}
	})
}

func TestServices(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.person("asha", identity.Admin)
		add := func(s identity.NewService) (made identity.MadeService, err error) {
			return made, n.write(func(ctx context.Context, tx *store.Tx) (err error) {
				made, err = n.people.AddService(ctx, tx, s, 0)
				return err
			})
		}
		for what, bad := range map[string]identity.NewService{
			"kind": {Kind: "person", Name: "x"}, "name": {Kind: identity.APIService, Name: "A b"}, "a person's name": {Kind: identity.APIService, Name: "asha"},
			"a person's permission": {Kind: identity.APIService, Name: "x", Scopes: []identity.Permission{identity.AuthoriseDocument}},
			"another kind's":        {Kind: identity.ReporterService, Name: "x", Scopes: []identity.Permission{identity.ReadTips}},
			"a short secret":        {Kind: identity.ReporterService, Name: "x", Secret: "short"},
			"over":                  {Kind: identity.ReporterService, Name: "x", ExpiresAt: store.Micros(n.Now())},
		} {
			if _, err := add(bad); err == nil {
				t.Errorf("%s is taken", what)
			}
		}
		api, err := add(identity.NewService{Kind: identity.APIService, Name: "matcher", Scopes: []identity.Permission{identity.LookUp}, ExpiresAt: store.Micros(n.Now().Add(time.Hour))})
		n.must(err)
		reporter, err := add(identity.NewService{Kind: identity.ReporterService, Name: "feed"})
		n.must(err)
		_, err = add(identity.NewService{Kind: identity.ReporterService, Name: "feed"})
		refused(t, "a name twice", err, fault.Conflict, "")
		var stored string
		n.must(n.db.Reader().QueryRow("SELECT secret_hash FROM service_credential WHERE name = 'matcher'").Scan(&stored))
		if strings.Contains(stored, api.Token) || !strings.HasPrefix(api.Token, "rk_") || reporter.Password == "" || api.Password != "" {
			t.Errorf("secrets: %q %q", stored, api.Token)
		}
		p, err := n.people.Bearer(n.ctx, api.Token)
		if n.must(err); !p.Service() || !p.May(identity.LookUp) || p.May(identity.ReadTips) || p.May(identity.FileReports) {
			t.Errorf("the service is %+v", p)
		}
		refused(t, "a service proves", n.people.NeedFresh(p), fault.Forbidden, "step_up")
		r, err := n.people.Basic(n.ctx, "feed", reporter.Password)
		if n.must(err); !r.May(identity.FileReports) {
			t.Errorf("the reporter is %+v", r)
		}
		for what, fn := range map[string]func() (identity.Person, error){
			"another name":      func() (identity.Person, error) { return n.people.Basic(n.ctx, "matcher", reporter.Password) },
			"no password":       func() (identity.Person, error) { return n.people.Basic(n.ctx, "feed", "") },
			"a token as Basic":  func() (identity.Person, error) { return n.people.Basic(n.ctx, "matcher", api.Token) },
			"Basic as a token":  func() (identity.Person, error) { return n.people.Bearer(n.ctx, reporter.Password) },
			"a person as Basic": func() (identity.Person, error) { return n.people.Basic(n.ctx, "asha", password) },
			"a token cut":       func() (identity.Person, error) { return n.people.Bearer(n.ctx, api.Token[:40]) },
		} {
			_, err := fn()
			refused(t, what, err, fault.Unsigned, "")
		}
		_, _, err = n.people.SignIn(n.ctx, "feed", reporter.Password, "", identity.Device{})
		refused(t, "a service at the console", err, fault.Unsigned, "")
		n.pass(time.Hour)
		_, err = n.people.Bearer(n.ctx, api.Token)
		refused(t, "an expired token", err, fault.Unsigned, "")
		n.must(n.write(func(ctx context.Context, tx *store.Tx) error {
			_, err := n.people.RevokeService(ctx, tx, "feed")
			return err
		}))
		_, err = n.people.Basic(n.ctx, "feed", reporter.Password)
		refused(t, "a revoked credential", err, fault.Unsigned, "")
		_, err = n.people.Standing(n.ctx, n.db.Reader(), r)
		refused(t, "a revoked credential inside a change", err, fault.Unsigned, "")
	})
}

func TestLeaving(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		boss := n.person("boss", identity.Admin)
		n.person("asha", identity.Investigator)
		heir := n.person("heir", identity.Investigator)
		asha, token := n.in("asha")
		id := n.newCase(asha)
		given := 0
		n.people.HandsOver("claim", func(_ context.Context, _ *store.Tx, from, to identity.Person) (int, error) {
			if from.ID != asha.ID {
				return 0, nil
			}
			if to.ID != heir.ID {
				t.Errorf("given to %d", to.ID)
			}
			given++
			return 3, nil
		})
		var left identity.Left
		leave := func(by, who identity.Person, successor, reason string) error {
			return n.write(func(ctx context.Context, tx *store.Tx) (err error) {
				left, err = n.people.Disable(ctx, tx, by, who.ID, successor, reason)
				return err
			})
		}
		refused(t, "without a reason", leave(boss, asha, "heir", ""), fault.Invalid, "")
		refused(t, "oneself", leave(boss, boss, "", "moves on"), fault.Refused, "")
		refused(t, "the only lead without a successor", leave(boss, asha, "", "moves on"), fault.Conflict, "")
		refused(t, "the last who manages people", leave(asha, boss, "", "moves on"), fault.Conflict, "")
		if _, err := n.people.BySession(n.ctx, token); err != nil {
			t.Fatalf("a refused leaving did something: %v", err)
		}
		n.must(leave(boss, asha, "heir", "moves on"))
		if left.Sessions != 1 || left.Handed["case"] != 1 || left.Handed["claim"] != 3 || given != 1 || left.Person.DisabledAt == 0 {
			t.Errorf("left %+v, %d", left, given)
		}
		if r, err := n.people.Relation(n.ctx, n.db.Reader(), heir, id); err != nil || r != identity.Lead {
			t.Errorf("the heir is %q: %v", r, err)
		}
		_, err := n.people.BySession(n.ctx, token)
		refused(t, "the session", err, fault.Unsigned, "")
		_, _, err = n.people.SignIn(n.ctx, "asha", password, "", identity.Device{})
		refused(t, "signing in", err, fault.Unsigned, "")
		var secrets int
		n.must(n.db.Reader().QueryRow("SELECT COUNT(*) FROM credential WHERE person_id = $1 AND (password_hash <> '' OR sealed_key IS NOT NULL)", asha.ID).Scan(&secrets))
		if secrets != 0 {
			t.Error("the signing key is still there")
		}
		refused(t, "twice", leave(boss, asha, "heir", "moves on"), fault.Conflict, "")
	})
}

func TestRoles(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		boss := n.person("boss", identity.Admin)
		define := func(name identity.Role, p ...identity.Permission) error {
			return n.write(func(ctx context.Context, tx *store.Tx) error {
				return n.people.DefineRole(ctx, tx, identity.RoleDefinition{Name: name, Permissions: p})
			})
		}
		refused(t, "a built-in role", define(identity.Admin, identity.ReadTips), fault.Conflict, "")
		refused(t, "no permission of that name", define("desk", "tips.eat"), fault.Invalid, "")
		refused(t, "a service's permission", define("desk", identity.FileReports), fault.Invalid, "")
		refused(t, "a name with spaces", define("the desk", identity.ReadTips), fault.Invalid, "")
		n.must(define("desk", identity.ReadTips))
		p := n.person("asha", "desk")
		if !p.May(identity.ReadTips) || p.May(identity.DecideTips) {
			t.Errorf("a desk may %v", p.Permissions)
		}
		n.must(define("desk", identity.ReadTips, identity.DecideTips))
		if p, err := n.people.ByID(n.ctx, n.db.Reader(), p.ID); err != nil || !p.May(identity.DecideTips) {
			t.Errorf("after the change a desk may %v: %v", p.Permissions, err)
		}
		set := func(id int64, roles ...identity.Role) error {
			return n.write(func(ctx context.Context, tx *store.Tx) error {
				_, err := n.people.SetRoles(ctx, tx, id, roles)
				return err
			})
		}
		refused(t, "nobody left who manages people", set(boss.ID, "desk"), fault.Conflict, "")
		refused(t, "a role that is not there", set(p.ID, "king"), fault.Invalid, "")
		n.must(set(p.ID, identity.Admin))
		n.must(set(boss.ID, "desk"))
	})
}

// TestReadNotLogged takes the table away: what cannot be logged is not shown.
func TestReadNotLogged(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.person("asha", identity.Intake)
		p, _ := n.in("asha")
		err := n.write(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.ExecContext(ctx, "ALTER TABLE access_read RENAME TO away")
			return err
		})
		n.must(err)
		if err := n.people.Saw(n.ctx, p, identity.Read{Object: "tip", ObjectID: 99, Purpose: "kite"}); err == nil {
			t.Error("a read that was not logged is let through")
		}
		n.must(n.write(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.ExecContext(ctx, "ALTER TABLE away RENAME TO access_read")
			return err
		}))
		n.must(n.people.Saw(n.ctx, p, identity.Read{Object: "tip", ObjectID: 99, Purpose: "kite"}))
	})
}
