package statistics

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/attribution"
	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// india has its own day: five and a half hours before UTC's.
var india = time.FixedZone("IST", 5*3600+1800)

// node is a record whose clock moves on by an hour with each step.
type node struct {
	t   *testing.T
	db  *store.DB
	log *record.Log
	now time.Time
}

// Now implements clock.Clock. The test moves it only between writes.
func (n *node) Now() time.Time { return n.now }

func newNode(t *testing.T, db *store.DB) *node {
	t.Helper()
	secret, _, err := note.GenerateKey(rand.Reader, "unit.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, db: db, now: time.Date(2021, 12, 1, 9, 0, 0, 0, time.UTC)}
	n.log = record.New(db, n, signer, slices.Concat(platforms.Tables, courier.Tables, intake.Tables, casework.Tables, attribution.Tables))
	return n
}

func (n *node) insert(table string, f record.Fields) (id int64) {
	n.t.Helper()
	err := n.db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) (err error) {
		id, err = n.log.Insert(ctx, tx, table, table+".new", time.Time{}, f)
		return err
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return id
}

func (n *node) update(table string, id int64, f record.Fields) {
	n.t.Helper()
	err := n.db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		return n.log.Update(ctx, tx, table, table+".changed", time.Time{}, id, f)
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) document(instrument, number, state string, caseID int64, more record.Fields) int64 {
	f := record.Fields{"direction": "out", "instrument": instrument, "jti": number, "number": number, "version": 1, "issuer": "unit", "audience": "platform",
		"case_id": caseID, "state": state, "created_at": n.now}
	if state != "draft" {
		f["authorised_at"] = n.now
	}
	for k, v := range more {
		f[k] = v
	}
	return n.insert("document", f)
}

func (n *node) item(document int64, number int, state string) int64 {
	return n.insert("document_item", record.Fields{"document_id": document, "n": number, "kind": "account", "locator": fmt.Sprint("https://chirp.example/@kite", number), "state": state})
}

// history is what happens, step by step. Each step stands alone at its time.
func (n *node) history() (steps []func(), cases []int64) {
	var op, team, acc, post, share, order, second, ask, cluster int64
	var tips, items, members []int64
	cases = make([]int64, 2)
	steps = []func(){
		func() {
			for i := range 4 {
				tips = append(tips, n.insert("tip", record.Fields{"number": fmt.Sprint("T/", i), "source": "scan", "class": "media", "state": "received", "responsible": "unit", "occurred_at": n.now, "received_at": n.now}))
			}
		},
		func() {
			n.update("tip", tips[0], record.Fields{"state": "actionable"})
			n.update("tip", tips[3], record.Fields{"state": "informational"})
		},
		func() {
			op = n.insert("operation", record.Fields{"name": "KITE", "period": "2021-12", "opened_at": n.now})
			for i := range cases {
				v := record.Fields{"title": "Kite", "class": "media", "state": "open", "offence_at": n.now, "opened_at": n.now}
				if i == 0 {
					v["operation_id"] = op
				}
				cases[i] = n.insert("case_file", v)
			}
			n.update("tip", tips[0], record.Fields{"state": "linked", "case_id": cases[0]})
			n.update("tip", tips[1], record.Fields{"state": "linked", "case_id": cases[1]})
		},
		func() {
			n.update("case_file", cases[0], record.Fields{"station": "CYBER", "serial": 1, "year": 2021, "fir": "1/2021, CYBER", "registered_at": n.now})
		},
		func() { // an arrest entered two days late
			n.insert("arrest", record.Fields{"case_id": cases[0], "name": "Asha Rao", "place": "Pune", "grounds": "found", "arrested_at": n.now.Add(-48 * time.Hour), "entered_at": n.now})
		},
		func() {
			n.update("case_file", cases[1], record.Fields{"station": "CYBER", "serial": 2, "year": 2021, "fir": "2/2021, CYBER", "registered_at": n.now})
			team = n.insert("team", record.Fields{"case_id": cases[1], "name": "A", "created_at": n.now})
			for i := range 5 {
				acc = n.insert("account", record.Fields{"host": "chirp.example", "handle": fmt.Sprint("kite", i), "url": "https://chirp.example/@kite", "state": "live", "first_seen_at": n.now})
				members = append(members, n.insert("case_account", record.Fields{"case_id": cases[1], "account_id": acc, "finding": "pending", "added_at": n.now}))
				post = n.insert("post", record.Fields{"account_id": acc, "native_id": "1", "url": "https://chirp.example/@kite/1", "posted_at": n.now, "seen_at": n.now})
				share = n.insert("assignment", record.Fields{"case_id": cases[1], "team_id": team, "post_id": post, "assigned_at": n.now})
			}
		},
		func() {
			n.update("assignment", share, record.Fields{"finding": "listed_media", "analysed_at": n.now})
			n.update("assignment", share-1, record.Fields{"finding": "nothing", "analysed_at": n.now})
			for i, finding := range []string{"offending", "offending", "undetermined", "gone"} {
				n.update("case_account", members[i], record.Fields{"finding": finding, "basis": "seen", "decided_at": n.now})
			}
		},
		func() {
			order = n.document("takedown_order", "O/1", "draft", cases[1], nil)
			for i := range 4 {
				items = append(items, n.item(order, i+1, "pending"))
			}
		},
		func() {
			n.update("document", order, record.Fields{"state": "authorised", "authorised_at": n.now})
			n.document("takedown_order", "IN/1", "received", cases[1], record.Fields{"direction": "in"}) // somebody else's
		},
		func() {
			n.update("document", order, record.Fields{"state": "acknowledged", "received_at": n.now, "due_at": n.now.Add(36 * time.Hour)})
			n.update("document_item", items[0], record.Fields{"state": "preserved"})
		},
		func() {
			n.update("document_item", items[0], record.Fields{"state": "account_suspended", "effected_at": n.now})
			n.update("document_item", items[1], record.Fields{"state": "already_removed"})
			n.update("document_item", items[2], record.Fields{"state": "not_found"})
		},
		func() { n.now = n.now.Add(48 * time.Hour) }, // it is overdue
		func() {
			n.update("document_item", items[3], record.Fields{"state": "refused", "reason": "not ours"})
			n.update("document", order, record.Fields{"state": "partially_complied", "answered_at": n.now})
			n.update("document_item", items[0], record.Fields{"verified": "gone", "verified_at": n.now})
			n.update("document_item", items[1], record.Fields{"verified": "still_there", "verified_at": n.now})
		},
		func() { // one that the platform will not take
			second = n.document("takedown_order", "O/2", "authorised", cases[1], nil)
			n.item(second, 1, "pending")
			n.update("document", second, record.Fields{"state": "refused", "refusal_code": "under_ranked"})
		},
		func() { // its next version takes its place
			n.update("document", second, record.Fields{"state": "refused"})
			third := n.document("takedown_order", "O/2-2", "authorised", cases[1], record.Fields{"supersedes_id": second, "version": 2})
			n.item(third, 1, "pending")
			ask = n.document("information_request", "I/1", "authorised", cases[1], nil)
			n.item(ask, 1, "produced")
			n.item(ask, 2, "nothing_held")
			n.item(ask, 3, "pending")
		},
		func() {
			for _, state := range []string{"candidate", "candidate", "superseded", "rejected"} {
				cluster = n.insert("cluster", record.Fields{"case_id": cases[1], "label": "Cluster", "accounts": 2, "state": state, "computed_at": n.now})
			}
			n.update("cluster", cluster-3, record.Fields{"state": "lead"})
		},
		func() { n.update("cluster", cluster-3, record.Fields{"state": "rejected"}) }, // taken back
	}
	return steps, cases
}

// counted gives the figures of a case and the node as the tables hold them now, by SQL.
func (n *node) counted(caseID int64) Figures {
	n.t.Helper()
	f := Figures{AsOf: store.Micros(n.now), Operations: []OperationFigures{}, ByDay: []Day{}}
	scan := func(into []any, query string, args ...any) {
		n.t.Helper()
		if err := n.db.Reader().QueryRow(query, args...).Scan(into...); err != nil {
			n.t.Fatal(err)
		}
	}
	const (
		out   = " d.direction = 'out' AND d.authorised_at > 0 AND NOT EXISTS (SELECT 1 FROM document n WHERE n.supersedes_id = d.id AND n.direction = 'out' AND n.authorised_at > 0) "
		order = "d.instrument = 'takedown_order' AND " + out
		gone  = "i.state IN ('account_suspended', 'removed', 'already_removed')"
	)
	g, d := &f.Funnel, &f.Documents
	scan([]any{&g.Tips, &g.Actionable}, "SELECT COUNT(*), COUNT(CASE WHEN state IN ('actionable', 'referred', 'linked') THEN 1 END) FROM tip")
	scan([]any{&g.Cases}, "SELECT COUNT(*) FROM case_file WHERE serial > 0")
	scan([]any{&g.Orders}, "SELECT COUNT(*) FROM document d WHERE "+order)
	scan([]any{&g.Blocked}, "SELECT COUNT(*) FROM document_item i JOIN document d ON d.id = i.document_id WHERE "+order+" AND "+gone)
	scan([]any{&g.Identified}, "SELECT COUNT(*) FROM cluster WHERE state = 'lead'")
	scan([]any{&g.Arrested}, "SELECT COUNT(*) FROM arrest")
	scan([]any{&d.Sent, &d.Acknowledged, &d.Refused, &d.Overdue}, `SELECT COUNT(*), COUNT(CASE WHEN received_at > 0 THEN 1 END), COUNT(CASE WHEN state = 'refused' THEN 1 END),
		COUNT(CASE WHEN due_at > 0 AND due_at < $1 AND answered_at = 0 THEN 1 END) FROM document WHERE direction = 'out' AND authorised_at > 0`, f.AsOf)
	operations, err := store.Collect(context.Background(), n.db.Reader(), scanOperation, `SELECT o.id, o.name, o.period, (SELECT COUNT(*) FROM tip t JOIN case_file c ON c.id = t.case_id WHERE c.operation_id = o.id),
		(SELECT COUNT(*) FROM case_file c WHERE c.operation_id = o.id AND c.serial > 0), (SELECT COUNT(*) FROM arrest a JOIN case_file c ON c.id = a.case_id WHERE c.operation_id = o.id) FROM operation o ORDER BY o.id`)
	if err != nil {
		n.t.Fatal(err)
	}
	f.Operations = operations
	f.ByDay = n.days(order, gone)
	if caseID == 0 {
		return f
	}
	c := &CaseFigures{CaseID: caseID}
	f.Case = c
	scan([]any{&c.FIR}, "SELECT fir FROM case_file WHERE id = $1", caseID)
	scan([]any{&c.Teams}, "SELECT COUNT(*) FROM team WHERE case_id = $1", caseID)
	scan([]any{&c.Accounts, &c.Offending, &c.Undetermined, &c.Gone}, `SELECT COUNT(*), COUNT(CASE WHEN finding = 'offending' THEN 1 END), COUNT(CASE WHEN finding = 'undetermined' THEN 1 END),
		COUNT(CASE WHEN finding = 'gone' THEN 1 END) FROM case_account WHERE case_id = $1`, caseID)
	scan([]any{&c.Posts, &c.PostsAnalysed, &c.ListedMedia}, `SELECT COUNT(*), COUNT(CASE WHEN finding <> '' THEN 1 END), COUNT(CASE WHEN finding = 'listed_media' THEN 1 END) FROM assignment WHERE case_id = $1`, caseID)
	scan([]any{&c.Ordered, &c.Blocked, &c.NotFound, &c.Refused, &c.Pending, &c.VerifiedGone}, `SELECT COUNT(*), COUNT(CASE WHEN `+gone+` THEN 1 END), COUNT(CASE WHEN i.state = 'not_found' THEN 1 END),
		COUNT(CASE WHEN i.state = 'refused' OR i.state IN ('pending', 'preserved') AND d.state = 'refused' THEN 1 END), COUNT(CASE WHEN i.state IN ('pending', 'preserved') AND d.state <> 'refused' THEN 1 END),
		COUNT(CASE WHEN i.verified = 'gone' AND `+gone+` THEN 1 END) FROM document_item i JOIN document d ON d.id = i.document_id WHERE d.case_id = $1 AND `+order, caseID)
	scan([]any{&c.InformationRequested, &c.InformationAnswered}, `SELECT COUNT(*), COUNT(CASE WHEN i.state NOT IN ('pending', 'preserved') THEN 1 END) FROM document_item i JOIN document d ON d.id = i.document_id
		WHERE d.case_id = $1 AND d.instrument = 'information_request' AND `+out, caseID)
	scan([]any{&c.Clusters, &c.Leads}, "SELECT COUNT(CASE WHEN state IN ('candidate', 'lead') THEN 1 END), COUNT(CASE WHEN state = 'lead' THEN 1 END) FROM cluster WHERE case_id = $1", caseID)
	scan([]any{&c.Arrests}, "SELECT COUNT(*) FROM arrest WHERE case_id = $1", caseID)
	scan([]any{&c.HoursAllowed}, "SELECT COALESCE(MAX(d.due_at - d.received_at), 0) / 3600000000.0 FROM document d WHERE d.due_at > 0 AND d.case_id = $1 AND "+order, caseID)
	return f
}

func TestReplay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		n := newNode(t, db)
		steps, cases := n.history()
		var want [][2]Figures
		for i, step := range steps {
			n.now = n.now.Add(7 * time.Hour)
			step()
			want = append(want, [2]Figures{n.counted(cases[0]), n.counted(cases[1])})
			got, err := Compute(ctx, db.Reader(), n.now, cases[1], india)
			if err != nil || !reflect.DeepEqual(got, want[i][1]) {
				t.Errorf("step %d at once: %v\n got %+v %+v\nwant %+v %+v", i, err, got, got.Case, want[i][1], want[i][1].Case)
			}
		}
		for i, w := range want { // long after
			for _, f := range w {
				var id int64
				if f.Case != nil {
					id = f.Case.CaseID
				}
				got, err := Compute(ctx, db.Reader(), store.Time(f.AsOf), id, india)
				if err != nil || !reflect.DeepEqual(got, f) {
					t.Errorf("step %d replayed: %v\n got %+v %+v\nwant %+v %+v", i, err, got, got.Case, f, f.Case)
				}
			}
		}
		// What the figures are at the end, in numbers.
		now, err := Compute(ctx, db.Reader(), time.Time{}, cases[1], india)
		if err != nil || now.AsOf != store.Micros(n.now) {
			t.Fatalf("%d, %v", now.AsOf, err)
		}
		c := *now.Case
		if want := (CaseFigures{CaseID: cases[1], FIR: "2/2021, CYBER", Teams: 1, Accounts: 5, Offending: 2, Undetermined: 1, Gone: 1, Posts: 5, PostsAnalysed: 2, ListedMedia: 1, Ordered: 5, Blocked: 2,
			NotFound: 1, Refused: 1, Pending: 1, VerifiedGone: 1, InformationRequested: 3, InformationAnswered: 2, Clusters: 1, HoursAllowed: 36}); c != want {
			t.Errorf("got  %+v\nwant %+v", c, want)
		}
		if want := (Funnel{Tips: 4, Actionable: 2, Cases: 2, Orders: 2, Blocked: 2, Arrested: 1}); now.Funnel != want {
			t.Errorf("funnel %+v", now.Funnel)
		}
		if want[11][1].Documents != (Documents{Sent: 1, Acknowledged: 1, Overdue: 1}) || want[15][1].Funnel.Identified != 1 {
			t.Errorf("%+v %+v", want[11][1].Documents, want[15][1].Funnel)
		}
		if d := now.ByDay[0]; d.Day != "2021-12-01" || d.Tips != 4 || d.Arrests != 1 {
			t.Errorf("first day %+v", d)
		}
		if _, err := Compute(ctx, db.Reader(), store.Time(want[0][0].AsOf), cases[0], india); !errors.Is(err, fault.NotFound) {
			t.Errorf("a case that was not there yet: %v", err)
		}
	})
}

func TestEmpty(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		newNode(t, db)
		f, err := Compute(context.Background(), db.Reader(), time.Time{}, 0, nil)
		if err != nil || !reflect.DeepEqual(f, Figures{Operations: []OperationFigures{}, ByDay: []Day{}}) {
			t.Errorf("%+v, %v", f, err)
		}
	})
}
