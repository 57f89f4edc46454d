// Package apptest runs whole nodes inside a test, on either engine, and gives their rooms to work in.
package apptest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// Main is TestMain for packages whose nodes hash media: the test's own binary is the child that decodes.
func Main(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "media-child" {
		if err := media.ChildMain(os.Stdin, os.Stdout, os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// Start is the time at which nodes start: after the complaint of September 2022.
var Start = time.Date(2022, 9, 25, 9, 0, 0, 0, time.UTC)

// Clock is a clock that tests set.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now implements clock.Clock.
func (c *Clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

// Pass moves the time on.
func (c *Clock) Pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// Node is a running node that has been set up. Every desk is on.
type Node struct {
	*app.Node
	app.Rooms
	Clock  *Clock
	Agency string

	t      testing.TB
	config app.Config
}

// Each runs fn with a new node on each engine.
func Each(t *testing.T, fn func(t *testing.T, n *Node)) {
	t.Helper()
	EachDSN(t, func(t *testing.T, fresh func() string) { fn(t, New(t, fresh(), "unit")) })
}

// EachIn is Each under the law of another jurisdiction than India's.
func EachIn(t *testing.T, jurisdiction string, fn func(t *testing.T, n *Node)) {
	t.Helper()
	EachDSN(t, func(t *testing.T, fresh func() string) { fn(t, setUpIn(t, fresh(), "unit", same, jurisdiction)) })
}

// EachDSN is storetest.EachDSN, for tests with several nodes.
func EachDSN(t *testing.T, fn func(t *testing.T, fresh func() string)) {
	t.Helper()
	storetest.EachDSN(t, fn)
}

// New starts a node on an empty database and sets it up as an agency. It ends with the test, and its record must be sound then.
func New(t testing.TB, dsn, agency string) *Node {
	t.Helper()
	return setUp(t, dsn, agency, same)
}

// NewUnreached is New for a node whose directory entry names an address where nobody listens: what is sent to it stays in the
// post until a test carries it there.
func NewUnreached(t testing.TB, dsn, agency string) *Node {
	t.Helper()
	return setUp(t, dsn, agency, func(string) string { return "http://127.0.0.1:9/" + agency })
}

// NewNamed is New for a node that people reach by a host name, as passkeys need: http://localhost with its port. Named gives
// that address.
func NewNamed(t testing.TB, dsn, agency string) *Node {
	t.Helper()
	return setUp(t, dsn, agency, func(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) })
}

// NewMailing is New for a node with a mail server at an address.
func NewMailing(t testing.TB, dsn, agency, server string) *Node {
	t.Helper()
	return setUp(t, dsn, agency, same, func(c *app.Config) { c.Mail = fetch.Mail{Address: server, From: "raksha@" + agency + ".example"} })
}

// Named is the address under which the node was set up.
func (n *Node) Named() string { return n.Self.Profile().URL }

func same(url string) string { return url }

func setUp(t testing.TB, dsn, agency string, address func(url string) string, with ...func(*app.Config)) *Node {
	t.Helper()
	return setUpIn(t, dsn, agency, address, "in", with...)
}

func setUpIn(t testing.TB, dsn, agency string, address func(url string) string, jurisdiction string, with ...func(*app.Config)) *Node {
	t.Helper()
	n := &Node{t: t, Agency: agency, Clock: &Clock{now: Start}}
	n.config = app.Config{Dir: t.TempDir(), DSN: dsn, Listen: "127.0.0.1:0", Jurisdiction: jurisdiction, Clock: n.Clock, Simulated: true, AllowLoopback: true, PublicForm: true, ProofBits: 8, Executable: os.Args[0],
		Version: "test", Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
		Desks: []directory.Desk{directory.Hotline, directory.Clearinghouse, directory.Bureau, directory.Unit, directory.Holder}}
	for _, change := range with {
		change(&n.config)
	}
	n.start()
	t.Cleanup(func() {
		n.Verify()
		if err := n.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := n.Self.SetUp(directory.Profile{Agency: agency, Name: agency, URL: address(n.URL), Jurisdiction: jurisdiction, Station: "PS-7"}); err != nil {
		t.Fatal(err)
	}
	n.Write(func(ctx context.Context, tx *store.Tx) error { return n.Book.Publish(ctx, tx) })
	return n
}

func (n *Node) start() {
	n.t.Helper()
	var err error
	if n.Node, err = app.Start(context.Background(), n.config); err != nil {
		n.t.Fatal(err)
	}
	n.Rooms = n.Node.Rooms
}

// Restart ends the node and starts it again with what it kept.
func (n *Node) Restart() {
	n.t.Helper()
	if err := n.Close(context.Background()); err != nil {
		n.t.Fatal(err)
	}
	n.start()
}

// Write changes something; a failure ends the test.
func (n *Node) Write(fn func(ctx context.Context, tx *store.Tx) error) {
	n.t.Helper()
	if err := n.Try(fn); err != nil {
		n.t.Fatal(err)
	}
}

// Try changes something, or says why not.
func (n *Node) Try(fn func(ctx context.Context, tx *store.Tx) error) error {
	return n.DB.Write(context.Background(), fn)
}

// Insert enters a row on the record, for what a test starts from.
func (n *Node) Insert(table string, f record.Fields) (id int64) {
	n.t.Helper()
	n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
		id, err = n.Log.Insert(ctx, tx, table, table, time.Time{}, f)
		return err
	})
	return id
}

// Int reads one number.
func (n *Node) Int(query string, args ...any) (v int64) {
	n.t.Helper()
	if err := n.DB.Reader().QueryRow(query, args...).Scan(&v); err != nil {
		n.t.Fatalf("%s: %v", query, err)
	}
	return v
}

// Verify proves the record, and that every row of every table is what it folds to.
func (n *Node) Verify() record.Report {
	n.t.Helper()
	verifier, err := note.NewVerifier(n.Self.CheckpointVerifier)
	if err != nil {
		n.t.Fatal(err)
	}
	r, err := record.Verify(context.Background(), n.DB.Reader(), app.Tables(), verifier)
	if err != nil || !r.Verified {
		n.t.Errorf("the record of %s is not sound: %v %q", n.Agency, err, r.Problems)
	}
	return r
}

const password = "a long test password"

// Officer adds a person with a rank and gives their key.
func (n *Node) Officer(username, rank string) (p identity.Person, key courier.Key) {
	n.t.Helper()
	n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
		if p, err = n.People.Add(ctx, tx, identity.New{Username: username, Name: "Name of " + username, Password: password, Roles: []identity.Role{identity.Authoriser},
			Rank: rank, AuthorisationRef: "ORD/" + username}); err != nil {
			return err
		}
		return n.Book.Publish(ctx, tx)
	})
	private, err := n.People.Key(context.Background(), p, password)
	if err != nil {
		n.t.Fatal(err)
	}
	return p, courier.Key{KID: p.KID, Private: private}
}

// Know makes a node take instruments from another, by its directory entry as it stands now.
func (n *Node) Know(other *Node, instruments ...string) {
	n.t.Helper()
	entry, err := other.Book.Own(context.Background())
	if err != nil {
		n.t.Fatal(err)
	}
	n.Write(func(ctx context.Context, tx *store.Tx) error {
		_, err := n.Book.Pin(ctx, tx, other.Self.Profile().URL, directory.Fingerprint(other.Self.RootPublic()), instruments, entry)
		return err
	})
}

// Wait waits until done says so. The limit is for a test that hangs, not a measure.
func (n *Node) Wait(what string, done func() bool) {
	n.t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			n.t.Fatalf("gave up waiting for %s", what)
		}
	}
}

// Delivered waits until every document that was signed has its answer from the addressee, and fails if one cannot be delivered.
func (n *Node) Delivered() {
	n.t.Helper()
	n.Wait("the deliveries", func() bool {
		sent, err := courier.List(context.Background(), n.DB.Reader(), courier.Filter{Direction: courier.Out})
		if err != nil {
			n.t.Fatal(err)
		}
		for _, f := range sent {
			switch f.State {
			case "authorised", "served":
				return false
			case "undeliverable":
				n.t.Fatalf("%s cannot be delivered: %s", f.Number, f.Refusal)
			}
		}
		return true
	})
}
