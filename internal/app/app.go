// Package app puts a node together by hand: every room, in the order of the foundation and then of the data.
package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/api"
	"raksha.example/raksha/internal/attribution"
	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/console"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/enforcement"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/filing"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/exchange"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/orders"
	"raksha.example/raksha/internal/paper"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/scan"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
	"raksha.example/raksha/internal/vault"
	"raksha.example/raksha/web"
)

// Config says how a node runs.
type Config struct {
	Dir           string // everything of the node: database, vault, keys
	DSN           string // "" is SQLite in Dir
	Listen        string // host:port; port 0 takes a free one
	Desks         []directory.Desk
	Jurisdiction  string
	Holidays      string // file with the operator's own holidays; "": those built in
	Clock         clock.Clock
	Simulated     bool           // Clock is a file
	OpenMatch     []netip.Prefix // loopback networks that use the match service without signing in
	AllowLoopback bool           // peers and platforms may be on this machine
	Open          []netip.Prefix // networks that are reached though they are not public
	PublicForm    bool           // anybody may report at /report
	ProofBits     int            // that the public form asks for; 0: a default
	Proxy         bool           // a proxy on this machine adds X-Forwarded-For
	OIDC          OIDC           // the agency's identity provider
	VaultQuota    int64          // bytes of content that the vault takes; 0: no limit
	ScrubRate     int64          // bytes a second at which the vault is looked through; 0: a default, negative: never
	Authority     string         // address of a time-stamping authority (RFC 3161); "": none
	Geo           string         // file of network addresses in MaxMind's format, for routing; "": none
	Circles       string         // CSV file of phone prefixes with their regions, for routing; "": none
	AuthorityPins string         // file with the certificates that it is known by, in PEM
	StrictReports bool           // reports that providers file are held to the letter of their schema
	PaperSigner   *paper.Signer  // what papers are signed with; nil: nothing
	Executable    string         // for the media children
	Mail          fetch.Mail     // the agency's mail server; without an address nobody is mailed
	// AllowWeakConfinement decodes media though the kernel lacks a protection of the children; see media.Pool.
	AllowWeakConfinement bool
	Version              string
	Logger               *slog.Logger
}

// Node is a running node.
type Node struct {
	URL       string // where it listens
	SetupCode string // "" once the node is set up
	Rooms     Rooms
	routes    []string
	db        *store.DB
	jobs      *jobs.Queue
	pool      *media.Pool
	vault     *vault.Vault
	lists     *lists.Lists
	server    *http.Server
	served    chan error
	Authority *record.Authority // nil: no time-stamps
	upkeep    upkeep
	lock      *os.File // held while the node runs
	following context.CancelFunc
	followed  chan struct{} // closed when following has ended
}

// Tables are all tables that the record answers for.
func Tables() (out []record.Table) {
	for _, t := range [][]record.Table{identity.Tables, directory.Tables, courier.Tables, platforms.Tables, lists.Tables, exchange.Tables, intake.Tables, scan.Tables, triage.Tables, filing.Tables,
		casework.Tables, enforcement.Tables, attribution.Tables, paper.Tables, record.WitnessTables, {record.TimestampTable}, vault.Tables} {
		out = append(out, t...)
	}
	return out
}

// DSN gives the database of a node's folder.
func DSN(dir string) string { return "sqlite:" + filepath.Join(dir, "raksha.db") }

// Start opens a node and serves it until Close.
func Start(ctx context.Context, c Config) (n *Node, err error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := whole(c.Dir); err != nil {
		return nil, err
	}
	n = &Node{served: make(chan error, 1)}
	if n.lock, err = lockFolder(c.Dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			n.Close(context.Background())
		}
	}()
	self, _, err := directory.OpenSelf(c.Dir, c.Desks)
	if err != nil {
		return n, err
	}
	handler, err := n.wire(ctx, c, self)
	if err != nil {
		return n, err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return n, fault.Wrap(err, fault.Unavailable, "cannot listen on %s: %v", c.Listen, err)
	}
	n.URL = "http://" + listener.Addr().String()
	n.server = &http.Server{Handler: api.OneSlash(front(handler, c.Proxy)), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	go func() { n.served <- n.server.Serve(listener) }()
	return n, nil
}

// wire makes every room.
func (n *Node) wire(ctx context.Context, c Config, self *directory.Self) (http.Handler, error) {
	dsn := c.DSN
	if dsn == "" {
		dsn = DSN(c.Dir)
	}
	var err error
	if n.db, err = store.Open(ctx, dsn); err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(self.Checkpoints)
	if err != nil {
		return nil, fmt.Errorf("record key: %w", err)
	}
	if err := os.WriteFile(filepath.Join(c.Dir, "record.pub"), []byte(self.CheckpointVerifier+"\n"), 0o644); err != nil {
		return nil, err
	}
	book, err := rules.Embedded()
	if err != nil {
		return nil, err
	}
	if c.Holidays != "" {
		list, err := os.ReadFile(c.Holidays)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the list of holidays %s cannot be read", c.Holidays)
		}
		if err := book.ReplaceHolidays(filepath.Base(c.Holidays), list); err != nil {
			return nil, err
		}
	}
	law, err := book.Jurisdiction(c.Jurisdiction)
	if err != nil {
		return nil, err
	}
	agency := func() string { return self.Profile().Agency }
	log := record.New(n.db, c.Clock, signer, Tables())
	n.jobs = jobs.New(n.db, c.Logger)
	n.pool = media.NewPool(c.Executable, 2)
	n.pool.AllowWeak, n.pool.Log = c.AllowWeakConfinement, c.Logger
	log.Verifier = self.CheckpointVerifier
	if n.vault, err = OpenVault(c.Dir, n.db, log, self, c.Clock, c.VaultQuota); err != nil {
		return nil, err
	}
	client := fetch.New(fetch.Options{AllowLoopback: c.AllowLoopback, Open: c.Open})
	between := fetch.New(fetch.Options{AllowLoopback: c.AllowLoopback, Open: c.Open, HTTPSOnly: true}) // nodes
	people := identity.NewPeople(n.db, log, c.Clock)
	peers := directory.NewBook(self, n.db, log, people, c.Clock)
	peers.UseClient(between)
	people.Configure(settings(self, peers))
	peers.UsePasskeys(officersPasskeys{people, self})
	provider, err := c.OIDC.provider(self, client)
	if err != nil {
		return nil, err
	}
	office := courier.NewOffice(courier.Config{Agency: agency, Key: courier.Key{KID: self.AgencyKID, Private: self.AgencyKey}, DB: n.db, Log: log, Jobs: n.jobs,
		Clock: c.Clock, Directory: peers, Client: between, Due: func(instrument string, at time.Time) (time.Time, string) {
			r, err := law.Rule(instrument, at)
			if err != nil || r.Trigger != "receipt" {
				return time.Time{}, ""
			}
			return r.Due(at), r.Name()
		}})
	register := platforms.NewRegister(n.db, log, c.Clock, client)
	n.lists, err = lists.Open(ctx, n.db, log, c.Clock, office, agency, lists.Files(filepath.Join(c.Dir, "index"), self.NodeKey, c.Logger))
	if err != nil {
		return nil, err
	}
	exchanges := exchange.New(exchange.Config{DB: n.db, Log: log, Clock: c.Clock, Lists: n.lists, Jobs: n.jobs, Agency: agency, Key: self.NodeKey, Logger: c.Logger,
		Client: fetch.New(fetch.Options{AllowLoopback: c.AllowLoopback, HTTPSOnly: true, Timeout: -1, MaxBytes: exchange.MaxFile})})
	region := strings.ToUpper(law.Code)
	tips := intake.New(n.db, log, c.Clock, register, n.pool, agency, n.lists)
	tips.Filings.Strict = c.StrictReports
	scanner := scan.New(n.db, log, c.Clock, register, n.pool, n.lists, tips, scan.Country{Code: region, Name: law.Name})
	desk := triage.New(n.db, log, c.Clock, office, law, register, n.pool, n.lists, tips, agency)
	if err := page(desk, n.jobs, c, func() string { return self.Profile().URL }); err != nil {
		return nil, err
	}
	filings := filing.New(filing.Config{DB: n.db, Log: log, Clock: c.Clock, Jobs: n.jobs, Vault: n.vault, Key: self.NodeKey, Logger: c.Logger,
		Client: fetch.New(fetch.Options{AllowLoopback: c.AllowLoopback, Open: c.Open, HTTPSOnly: true})})
	desk.UsePlaces(&triage.Places{GeoFile: c.Geo, CircleFile: c.Circles})
	links := attribution.New(n.db, log, c.Clock, region)
	cases := casework.New(n.db, log, c.Clock, law, func() string { return self.Profile().Station }, register, n.pool, n.lists, tips, desk, links)
	documents := orders.New(n.db, log, c.Clock, office, law, register, self, answerSink{links})
	var holder *enforcement.Desk
	for _, d := range c.Desks {
		if d == directory.Holder {
			holder = enforcement.New(n.db, log, c.Clock, office, documents, law, register, n.vault, n.jobs, peers)
		}
	}
	papers, err := paper.New(paper.Config{DB: n.db, Log: log, Clock: c.Clock, Self: self, Book: peers, Law: law, Fonts: web.Fonts(), Signer: c.PaperSigner})
	if err != nil {
		return nil, err
	}
	people.HandsOver("opening", desk.HandOver)
	people.HandsOver("claim", desk.HandOverClaims)
	people.HandsOver("draft", documents.HandOver)
	code, err := openSetupCode(c.Dir, agency() != "")
	if err != nil {
		return nil, err
	}
	n.SetupCode = code.code
	if err := peers.Renew(ctx); err != nil {
		return nil, err
	}
	if err := n.keepUp(ctx, c, log, client, between, peers, tips); err != nil {
		return nil, err
	}
	callbacks := lists.NewCallbacks(n.jobs, client, self.AgencyKID, self.AgencyKey)
	if err := n.jobs.Start(ctx); err != nil {
		return nil, err
	}
	n.follow(peers, c.Logger)
	n.watchTips(ctx, c, desk)
	mux := http.NewServeMux()
	n.Rooms = Rooms{Vault: n.vault, Config: api.Config{DB: n.db, Log: log, Jobs: n.jobs, Clock: c.Clock, Simulated: c.Simulated, Version: c.Version, Self: self, People: people, Book: peers, Office: office,
		Register: register, Lists: n.lists, Exchanges: exchanges, Media: n.pool, Callbacks: callbacks, OpenMatch: c.OpenMatch, Tips: tips, Scanner: scanner, Triage: desk, Filings: filings, Cases: cases, Orders: documents, Enforcement: holder, Links: links, Papers: papers, Law: law, Laws: book,
		Client: client, SetupCode: code, Issuer: c.OIDC.Issuer, Logger: c.Logger}}
	handler := api.New(n.Rooms.Config)
	for _, prefix := range []string{"/api/", "/courier/", "/ispws/", record.Path, "/h/", "/m/", "/c/", "/hashsharing/", "/status", "/status/live", "/site-map", "/openapi/", "/openapi.json", "/openapi.yaml"} {
		mux.Handle(prefix, handler)
	}
	var public *console.PublicForm
	if c.PublicForm {
		if public, err = console.NewPublicForm(rand.Reader, clock.System{}, cmp.Or(c.ProofBits, proofBits)); err != nil {
			return nil, err
		}
	}
	pages := console.New(console.Config{Tips: tips, Form: public, DB: n.db, People: people, Self: self, Book: peers, Log: log, Jobs: n.jobs, Clock: c.Clock, Law: law, Laws: book, Simulated: c.Simulated, Provider: provider,
		Lists: n.lists, Exchanges: exchanges, Media: n.pool, Papers: papers, Triage: desk})
	mux.Handle("/", pages)
	n.routes = append(handler.Routes(), pages.Routes()...)
	return mux, nil
}

const proofBits = 18 // a second of a phone; see package proof

const askPeers = time.Hour // between two rounds of asking every agency for its newest directory entry

// follow renews the own directory entry before it ends and asks others for theirs, until Close.
func (n *Node) follow(peers *directory.Book, log *slog.Logger) {
	ctx, stop := context.WithCancel(context.Background())
	n.following, n.followed = stop, make(chan struct{})
	go func() {
		defer close(n.followed)
		for tick := time.NewTicker(askPeers); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
			}
			if err := errors.Join(peers.Renew(ctx), peers.RefreshAll(ctx)); err != nil && ctx.Err() == nil {
				log.ErrorContext(ctx, "directory entries were not renewed", "error", err)
			}
		}
	}()
}

// Routes gives the pattern of every route that the node serves.
func (n *Node) Routes() []string { return n.routes }

// Wait returns when the server has stopped.
func (n *Node) Wait() error {
	if err := <-n.served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends the node: no new requests, then the jobs, then the rest.
func (n *Node) Close(ctx context.Context) error {
	var errs []error
	if n.server != nil {
		errs = append(errs, n.server.Shutdown(ctx))
	}
	n.upkeep.end()
	if n.following != nil {
		n.following()
		<-n.followed
	}
	if n.jobs != nil {
		errs = append(errs, n.jobs.Stop(ctx))
	}
	if n.pool != nil {
		errs = append(errs, n.pool.Close())
	}
	if n.lists != nil {
		errs = append(errs, n.lists.Close())
	}
	if n.vault != nil {
		errs = append(errs, n.vault.Close())
	}
	if n.db != nil {
		errs = append(errs, n.db.Close())
	}
	errs = append(errs, n.lock.Close())
	return errors.Join(errs...)
}

// answerSink hands what holders produced to attribution.
type answerSink struct{ links *attribution.Links }

// Answered implements orders.AnswerSink.
func (s answerSink) Answered(ctx context.Context, tx *store.Tx, caseID, documentID int64, item courier.Item, p orders.Produced) error {
	a := attribution.Answer{AccountID: item.AccountID, DocumentID: documentID, Name: p.Holder.Name, Email: p.Holder.Email, Phone: p.Holder.Phone,
		Account: p.Holder.Account, BankRef: p.Holder.BankRef, Logins: p.Holder.Logins}
	if item.AccountID == 0 {
		if _, err := fmt.Sscan(item.NativeID, &a.SelectorID); err != nil {
			return fmt.Errorf("item %d names no selector: %w", item.N, err)
		}
	}
	return s.links.Produced(ctx, tx, caseID, a)
}
