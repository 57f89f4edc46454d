// Package exchange fills hash lists from other holders and gives this node's own lists to others.
//
// An exchange is another party, its address and the list that it fills. What is fetched is committed page by page together with the
// point to go on from, so that a fetch that is broken off at any moment goes on without loss and without repetition. What cannot be
// read is set aside with its reason and stays visible; the rest goes on. Lists so filled are the other party's: they are never passed on.
//
// The other way, a list of this node's own can be offered: see Offer, Feed and Votes.
package exchange

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/ncmec"
	"raksha.example/raksha/internal/lists/stopncii"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Tables tell the record which rows to answer for. exchange_secret stands outside: it holds sealed credentials, which are destroyed.
var Tables = []record.Table{
	{Name: "exchange"},
	{Name: "exchange_step", Sealed: []string{"failure"}},
	{Name: "exchange_key", Bulk: true},
	{Name: "exchange_aside", Sealed: []string{"place", "reason", "sample"}},
	{Name: "exchange_vote", Sealed: []string{"failure"}},
	{Name: "list_vote"},
}

// The kinds of exchange, by the names that the field's clients use where they have one.
const (
	NCMEC    = "ncmec"     // hash sharing, version 2: NCMEC's own servers and every node of this program
	StopNCII = "stop_ncii" // StopNCII's JSON
	File     = "file"      // a file at an address, of one of Formats
)

// Kinds are all of them.
var Kinds = []string{NCMEC, StopNCII, File}

// Exchange is another party from whom a list is filled.
type Exchange struct {
	ID       int64         `json:"id"`
	Name     string        `json:"name"`
	Kind     string        `json:"kind"`
	ListID   int64         `json:"list_id"`
	Address  string        `json:"address"`
	Settings Settings      `json:"settings"`
	Every    time.Duration `json:"-"` // between two fetches; 0: only by command
	Seconds  int64         `json:"every_seconds"`
	Enabled  bool          `json:"enabled"`
	Created  int64         `json:"created_at"`
	turn     int64         // changes with the schedule: jobs of an earlier one do nothing
}

// Settings are what a kind of exchange needs to know beside its address.
type Settings struct {
	Environment string  `json:"environment,omitempty"`  // of NCMEC, for its address
	Only        []int64 `json:"only_esp_ids,omitempty"` // members whose entries are taken; empty: all
	Format      string  `json:"format,omitempty"`       // of a file
	Since       int64   `json:"since,omitempty"`        // seconds: nothing older is asked for
}

// Config is what exchanges work with.
type Config struct {
	DB     *store.DB
	Log    *record.Log
	Clock  clock.Clock
	Lists  *lists.Lists
	Jobs   *jobs.Queue
	Agency func() string
	Client *http.Client // from fetch.New, without a limit of time and with a large one of bytes: each reader has its own
	Key    []byte       // the node's: seals credentials
	Logger *slog.Logger
	Limits Limits
}

// MaxFile is the most bytes of a file that is fetched or imported.
const MaxFile = 8 << 30

// Limits bound what another party can make this node do; the zero value is for use, tests lower them.
type Limits struct {
	Page    int64         // bytes of a page; 0 is 32 MiB
	Timeout time.Duration // of one request; 0 is a minute
	Pause   time.Duration // before a second attempt; 0 is 200 ms
	File    time.Duration // of fetching a file; 0 is an hour
	Lag     time.Duration // how far behind the clock a range ends, since entries become visible late; 0 is 5 s
}

// Exchanges keeps the exchanges of a node. Safe for concurrent use.
type Exchanges struct {
	Config

	mu      sync.Mutex
	running map[int64]time.Time // guarded by mu: since when an exchange is fetched
}

// New makes the exchanges and registers their jobs, before the queue starts.
func New(c Config) *Exchanges {
	if c.Limits.Lag == 0 {
		c.Limits.Lag = 5 * time.Second
	}
	if c.Limits.File == 0 {
		c.Limits.File = time.Hour
	}
	x := &Exchanges{Config: c, running: map[int64]time.Time{}}
	jobs.Register(c.Jobs, x.syncJob)
	jobs.Register(c.Jobs, x.voteJob)
	return x
}

// Make describes an exchange to create.
type Make struct {
	Name     string // capital letters, digits and _; the list that it fills bears it too
	Kind     string
	Holder   string // of the list; "" is a name made from the kind or the address
	Address  string // "" is the kind's own
	Settings Settings
	Every    time.Duration // 0: only by command
	Scheme   string        // of the labels; "" is the kind's own
}

var nameForm = regexp.MustCompile(`^[A-Z0-9_]+$`)

const (
	minEvery = time.Minute
	maxName  = 255
)

// Create enters an exchange and the list that it fills, and has it fetched soon if it is fetched by itself.
func (x *Exchanges) Create(ctx context.Context, tx *store.Tx, m Make) (Exchange, error) {
	if !nameForm.MatchString(m.Name) || len(m.Name) > maxName {
		return Exchange{}, fault.New(fault.Invalid, "an exchange's name is capital letters, digits and underscores, at most %d", maxName)
	}
	if _, err := ByName(ctx, tx, m.Name); err == nil {
		return Exchange{}, fault.Coded(fault.Conflict, "exchange_exists", "Exchange already exists")
	}
	if err := m.complete(); err != nil {
		return Exchange{}, err
	}
	if m.Holder == x.Agency() {
		return Exchange{}, fault.New(fault.Invalid, "the list of an exchange is held by the other party; %s is this node", m.Holder)
	}
	bank := m.Name
	if bank[0] >= '0' && bank[0] <= '9' {
		bank = "_" + bank // the name of a bank begins with no digit
	}
	list, err := x.Lists.CreateList(ctx, tx, lists.New{Name: m.Name, Bank: bank, Holder: m.Holder, Scheme: m.Scheme, Provenance: "exchange " + m.Kind + " " + m.Address})
	if err != nil {
		return Exchange{}, err
	}
	settings, err := json.Marshal(m.Settings)
	if err != nil {
		return Exchange{}, err
	}
	id, err := x.Log.Insert(ctx, tx, "exchange", "exchange.created", time.Time{}, record.Fields{"name": m.Name, "kind": m.Kind, "list_id": list, "address": m.Address,
		"settings": string(settings), "every": int64(m.Every / time.Second), "enabled": true, "turn": 1, "created_at": x.Clock.Now()})
	if err != nil {
		return Exchange{}, err
	}
	e, err := ByID(ctx, tx, id)
	if err == nil && e.Every > 0 {
		err = x.Jobs.Enqueue(ctx, tx, syncArgs{e.ID, e.turn})
	}
	return e, err
}

// complete fills in what a kind knows by itself and refuses what does not fit.
func (m *Make) complete() error {
	switch m.Kind {
	case NCMEC:
		if m.Address == "" {
			m.Address = ncmec.Environments[m.Settings.Environment]
		}
		if m.Address == "" {
			return fault.New(fault.Invalid, "say the server's address, or an environment: %s", strings.Join(environments(), ", "))
		}
		m.Address = strings.TrimSuffix(strings.TrimSuffix(m.Address, "/"), "/v2")
		m.Holder, m.Scheme = either(m.Holder, hostOf(m.Address)), either(m.Scheme, "NCMEC")
	case StopNCII:
		m.Address = either(m.Address, stopncii.Base)
		m.Holder, m.Scheme = either(m.Holder, "stopncii.org"), either(m.Scheme, "StopNCII")
	case File:
		if m.Address == "" {
			return fault.New(fault.Invalid, "say the file's address")
		}
		m.Settings.Format = either(m.Settings.Format, Lines)
		if !isFormat(m.Settings.Format) {
			return fault.New(fault.Invalid, "there is no format %q; the formats are %s", m.Settings.Format, strings.Join(Formats, ", "))
		}
		m.Holder = either(m.Holder, hostOf(m.Address))
		if m.Settings.Format == VICS {
			m.Scheme = either(m.Scheme, "VICS")
		}
	default:
		return fault.New(fault.Invalid, "there is no kind of exchange %q; the kinds are %s", m.Kind, strings.Join(Kinds, ", "))
	}
	if m.Every != 0 && m.Every < minEvery {
		return fault.New(fault.Invalid, "an exchange is fetched at most once in %s", minEvery)
	}
	return fetch.SafeURL(m.Address)
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

const columns = "SELECT id, name, kind, list_id, address, settings, every, enabled, turn, created_at FROM exchange "

func scan(scan func(...any) error) (e Exchange, err error) {
	var settings string
	var enabled int64
	if err := scan(&e.ID, &e.Name, &e.Kind, &e.ListID, &e.Address, &settings, &e.Seconds, &enabled, &e.turn, &e.Created); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			err = fault.New(fault.NotFound, "there is no such exchange")
		}
		return e, err
	}
	e.Every, e.Enabled = time.Duration(e.Seconds)*time.Second, enabled == 1
	if err := json.Unmarshal([]byte(settings), &e.Settings); err != nil {
		return e, fmt.Errorf("settings of exchange %d: %w", e.ID, err)
	}
	return e, nil
}

// All reads the exchanges that are not removed.
func All(ctx context.Context, q store.Queryer) ([]Exchange, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (Exchange, error) { return scan(rows.Scan) }, columns+"WHERE removed_at = 0 ORDER BY id")
}

// ByID reads an exchange that is not removed.
func ByID(ctx context.Context, q store.Queryer, id int64) (Exchange, error) {
	return scan(q.QueryRowContext(ctx, columns+"WHERE id = $1 AND removed_at = 0", id).Scan)
}

// ByName reads an exchange that is not removed.
func ByName(ctx context.Context, q store.Queryer, name string) (Exchange, error) {
	return scan(q.QueryRowContext(ctx, columns+"WHERE name = $1 AND removed_at = 0", name).Scan)
}

// Update changes an exchange; nil leaves a property as it is.
type Update struct {
	Enabled *bool
	Every   *time.Duration
}

// Change switches an exchange on or off, or changes how often it is fetched. Its list keeps what is on it.
func (x *Exchanges) Change(ctx context.Context, tx *store.Tx, id int64, u Update) (Exchange, error) {
	e, err := ByID(ctx, tx, id)
	if err != nil {
		return e, err
	}
	f := record.Fields{}
	if u.Enabled != nil && *u.Enabled != e.Enabled {
		f["enabled"] = *u.Enabled
	}
	if u.Every != nil && *u.Every != e.Every {
		if *u.Every != 0 && *u.Every < minEvery {
			return e, fault.New(fault.Invalid, "an exchange is fetched at most once in %s", minEvery)
		}
		f["every"] = int64(*u.Every / time.Second)
	}
	if len(f) == 0 {
		return e, nil
	}
	f["turn"] = e.turn + 1
	if err := x.Log.Update(ctx, tx, "exchange", "exchange.changed", time.Time{}, id, f); err != nil {
		return e, err
	}
	if e, err = ByID(ctx, tx, id); err == nil && e.Enabled && e.Every > 0 {
		err = x.Jobs.Enqueue(ctx, tx, syncArgs{e.ID, e.turn})
	}
	return e, err
}

// Remove ends an exchange and its list: nothing on it matches from the commit on. Its own credentials are destroyed.
func (x *Exchanges) Remove(ctx context.Context, tx *store.Tx, id int64) error {
	e, err := ByID(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := x.Log.Update(ctx, tx, "exchange", "exchange.removed", time.Time{}, id, record.Fields{"removed_at": x.Clock.Now(), "turn": e.turn + 1}); err != nil {
		return err
	}
	if err := x.forget(ctx, tx, ownerOf(e)); err != nil {
		return err
	}
	return x.Lists.RemoveList(ctx, tx, e.ListID)
}
