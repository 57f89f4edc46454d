// Package lists holds hash lists, own and received, and answers whether a picture or video is on one.
//
// An exact hash (SHA-256, SHA-1, MD5) decides by itself; a perceptual one (PDQ, vPDQ) is a suggestion until a person has
// confirmed it. Lists received from others are never passed on.
//
// A list's rows are only added to: an entry that is removed or disabled keeps its row, and a list_change tells of it. What
// matches stands in memory (index) and follows each commit at once.
package lists

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

// The kinds of list entry. PhotoDNA and TMK are carried for those who hold the tools, and never matched here.
const (
	PDQ      = "pdq"
	VPDQ     = "vpdq"
	SHA256   = "sha256"
	SHA1     = "sha1"
	MD5      = "md5"
	PhotoDNA = "photodna"
	TMK      = "tmk"
)

// maxOpaque is the most bytes of a value that is carried unread.
const maxOpaque = 4096

// Tables tell the record which rows to answer for.
var Tables = []record.Table{
	{Name: "hash_list", Sealed: []string{"provenance"}},
	{Name: "list_batch"},
	{Name: "list_entry", Bulk: true},
	{Name: "list_change", Bulk: true},
	{Name: "list_kind"},
	{Name: "screen_rule"},
	{Name: "media_match"},
}

// List is one hash list.
type List struct {
	ID            int64   `json:"id"`
	Name          string  `json:"name"`
	Bank          string  `json:"bank,omitempty"` // its name for clients of the field's match service: A-Z, 0-9 and _; empty if it has none
	Holder        string  `json:"holder"`         // the agency that answers for it
	Own           bool    `json:"own"`            // held by this node's agency
	Provenance    string  `json:"provenance,omitempty"`
	Scheme        string  `json:"scheme,omitempty"` // of its labels: "NCMEC", "INHOPE", "VICS/US", ...
	SchemeVersion string  `json:"scheme_version,omitempty"`
	Threshold     int     `json:"threshold"` // bits up to which a PDQ on it matches, 0 to 31
	Share         float64 `json:"share"`     // of the look-ups in which it takes part: 0 is off, 1 always
	Entries       int64   `json:"entries"`   // that are not removed
	CreatedAt     int64   `json:"created_at"`
	RemovedAt     int64   `json:"removed_at,omitempty"`
}

// Entry is one hash on a list.
type Entry struct {
	ID      int64  `json:"-"`
	ListID  int64  `json:"-"`
	Content int64  `json:"-"` // the entry that stands first among those of the same picture or film; its own ID if it is alone
	Kind    string `json:"kind"`
	Value   string `json:"value"` // lower-case hexadecimal; of vpdq its text form; of photodna and tmk as it came
	Label   string `json:"label,omitempty"`
}

// Lists keeps the lists and their index in memory. Safe for concurrent use.
type Lists struct {
	db     *store.DB
	log    *record.Log
	clock  clock.Clock
	office *courier.Office
	agency func() string
	index  *index
	keep   *keeper // of the index's files; nil without
}

// Open reads all entries into the index and takes the desk for lists that others share.
func Open(ctx context.Context, db *store.DB, log *record.Log, c clock.Clock, office *courier.Office, agency func() string, options ...Option) (*Lists, error) {
	l := &Lists{db: db, log: log, clock: c, office: office, agency: agency, index: newIndex()}
	for _, o := range options {
		o(l)
	}
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	if l.keep != nil {
		l.keep.start(l)
	}
	office.On(courier.ListShare, l.receive)
	return l, nil
}

// Option is a setting of Open.
type Option func(*Lists)

// Close ends what works in the background.
func (l *Lists) Close() error {
	if l.keep != nil {
		l.keep.stop()
	}
	return nil
}

// New describes a list to create.
type New struct {
	Name          string
	Bank          string // "" makes it from the name
	Holder        string // "" is this node's agency
	Provenance    string
	Scheme        string
	SchemeVersion string
	Threshold     *int     // nil is 31
	Share         *float64 // nil is 1
}

// Create enters an empty list.
func (l *Lists) Create(ctx context.Context, tx *store.Tx, name, holder string) (int64, error) {
	return l.CreateList(ctx, tx, New{Name: name, Holder: holder})
}

// CreateList enters an empty list. It matches with the threshold and the share given, see List.
func (l *Lists) CreateList(ctx context.Context, tx *store.Tx, n New) (int64, error) {
	n.Name = strings.TrimSpace(n.Name)
	if n.Name == "" || len(n.Name) > maxName {
		return 0, fault.New(fault.Invalid, "a list needs a name of at most %d bytes", maxName)
	}
	if n.Holder == "" {
		n.Holder = l.agency()
	}
	f := record.Fields{"name": n.Name, "holder": n.Holder, "own": n.Holder == l.agency(), "provenance": n.Provenance, "scheme": n.Scheme,
		"scheme_version": n.SchemeVersion, "created_at": l.clock.Now()}
	if n.Threshold != nil {
		if err := checkThreshold(*n.Threshold); err != nil {
			return 0, err
		}
		f["threshold"] = *n.Threshold
	}
	if n.Share != nil {
		if err := checkShare(*n.Share); err != nil {
			return 0, err
		}
		f["share"] = millionths(*n.Share)
	}
	bank, err := l.freeBank(ctx, tx, n)
	if err != nil {
		return 0, err
	}
	f["bank"] = bank
	var taken int64
	err = tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM hash_list WHERE holder = $1 AND name = $2", n.Holder, n.Name).Scan(&taken)
	if err == nil && taken > 0 {
		err = fault.New(fault.Conflict, "there is a list %q of %s already", n.Name, n.Holder)
	}
	if err != nil {
		return 0, err
	}
	id, err := l.log.Insert(ctx, tx, "hash_list", "list.created", time.Time{}, f)
	if err != nil {
		return 0, err
	}
	made, err := ByID(ctx, tx, id)
	if err == nil {
		tx.AfterCommit(func() { l.index.put(made) })
	}
	return id, err
}

const maxName = 255

// bankName is the form that the field's match service gives the names of its banks.
var bankName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

var notInBank = regexp.MustCompile(`[^A-Z0-9]+`)

// freeBank gives a new list's bank name: the one asked for, which must be free, or one made from its name.
func (l *Lists) freeBank(ctx context.Context, tx *store.Tx, n New) (string, error) {
	bank := n.Bank
	if bank == "" {
		bank = strings.Trim(notInBank.ReplaceAllString(strings.ToUpper(n.Name), "_"), "_")
		if bank == "" || bank[0] >= '0' && bank[0] <= '9' {
			bank = "_" + bank
		}
		if len(bank) > maxName {
			bank = bank[:maxName]
		}
	}
	if !bankName.MatchString(bank) || len(bank) > maxName {
		return "", fault.New(fault.Invalid, "a bank's name is capital letters, digits and underscores, begins with no digit and has at most %d characters", maxName)
	}
	var taken int64
	err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM hash_list WHERE bank = $1 AND removed_at = 0", bank).Scan(&taken)
	if err != nil || taken == 0 {
		return bank, err
	}
	if n.Bank != "" {
		return "", fault.Coded(fault.Conflict, "bank_exists", "Bank already exists")
	}
	return "", nil // lists of two holders may bear one name; the second is not a bank then
}

func checkThreshold(bits int) error {
	if bits < 0 || bits > Threshold {
		return fault.New(fault.Invalid, "a list's threshold is 0 to %d bits", Threshold)
	}
	return nil
}

func checkShare(share float64) error {
	if !(share >= 0 && share <= 1) {
		return fault.New(fault.Invalid, "a list's share is 0 (off) to 1 (always)")
	}
	return nil
}

// millionths is how a share is stored.
func millionths(share float64) int64 { return int64(share*1e6 + 0.5) }

const listColumns = `SELECT l.id, l.name, l.bank, l.holder, l.own, l.provenance, l.scheme, l.scheme_version, COALESCE(l.threshold, 31), COALESCE(l.share, 1000000),
	l.created_at, l.removed_at, COALESCE((SELECT SUM(b.entries) FROM list_batch b WHERE b.list_id = l.id), 0) FROM hash_list l `

func scanList(scan func(...any) error) (v List, err error) {
	var own, share int64
	err = scan(&v.ID, &v.Name, &v.Bank, &v.Holder, &own, &v.Provenance, &v.Scheme, &v.SchemeVersion, &v.Threshold, &share, &v.CreatedAt, &v.RemovedAt, &v.Entries)
	v.Own, v.Share = own == 1, float64(share)/1e6
	return v, err
}

// All reads the lists that are not removed.
func All(ctx context.Context, q store.Queryer) ([]List, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (List, error) { return scanList(rows.Scan) }, listColumns+"WHERE l.removed_at = 0 ORDER BY l.id")
}

// ByID reads a list, also one that is removed.
func ByID(ctx context.Context, q store.Queryer, id int64) (List, error) {
	return found(scanList(q.QueryRowContext(ctx, listColumns+"WHERE l.id = $1", id).Scan))
}

// ByBank reads the list that a bank name stands for.
func ByBank(ctx context.Context, q store.Queryer, bank string) (List, error) {
	return found(scanList(q.QueryRowContext(ctx, listColumns+"WHERE l.bank = $1 AND l.bank <> '' AND l.removed_at = 0", bank).Scan))
}

func found(v List, err error) (List, error) {
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no such list")
	}
	return v, err
}

// Add enters entries in one batch. They match from the commit on.
func (l *Lists) Add(ctx context.Context, tx *store.Tx, listID, documentID int64, entries []Entry) error {
	_, err := l.add(ctx, tx, listID, documentID, entries)
	return err
}

// AddContents enters the hashes of pictures or films, each a group of entries of different kinds, and gives the number of each.
func (l *Lists) AddContents(ctx context.Context, tx *store.Tx, listID int64, contents [][]Entry) ([]int64, error) {
	// The entry that stands first in a group must be there before the others can name it.
	ids := make([]int64, 0, len(contents))
	var firsts, rest []Entry
	of := []int{} // the group of each of rest
	for i, group := range contents {
		if len(group) == 0 {
			return nil, fault.New(fault.Invalid, "content %d has no hash", i+1)
		}
		firsts = append(firsts, group[0])
		for _, e := range group[1:] {
			rest, of = append(rest, e), append(of, i)
		}
	}
	stored, err := l.add(ctx, tx, listID, 0, firsts)
	if err != nil {
		return nil, err
	}
	for _, e := range stored {
		ids = append(ids, e.ID)
	}
	if len(rest) > 0 {
		for i := range rest {
			rest[i].Content = ids[of[i]]
		}
		if _, err := l.add(ctx, tx, listID, 0, rest); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (l *Lists) add(ctx context.Context, tx *store.Tx, listID, documentID int64, entries []Entry) ([]Entry, error) {
	rows := make([]record.Fields, len(entries))
	for i, e := range entries {
		if err := check(&e); err != nil {
			if len(entries) > 1 {
				err = fault.New(fault.Invalid, "entry %d: %s", i+1, fault.Message(err))
			}
			return nil, err
		}
		entries[i] = e
		rows[i] = record.Fields{"kind": e.Kind, "value": e.Value, "label": e.Label}
		if e.Content > 0 {
			rows[i]["content"] = e.Content
		}
	}
	batch, err := l.log.Insert(ctx, tx, "list_batch", "list.batch", time.Time{}, record.Fields{"list_id": listID, "document_id": documentID, "entries": len(entries), "created_at": l.clock.Now()})
	if err != nil {
		return nil, err
	}
	if err := l.log.InsertBatch(ctx, tx, "list_entry", "list.entries", batch, rows); err != nil {
		return nil, err
	}
	stored, err := store.Collect(ctx, tx, func(rows *sql.Rows) (int64, error) {
		var id int64
		return id, rows.Scan(&id)
	}, "SELECT id FROM list_entry WHERE batch_id = $1 ORDER BY id", batch)
	if err != nil {
		return nil, err
	}
	out := make([]Entry, len(stored))
	for i, id := range stored {
		out[i] = entries[i]
		out[i].ID, out[i].ListID = id, listID
		if out[i].Content == 0 {
			out[i].Content = id
		}
	}
	tx.AfterCommit(func() { l.index.add(out, batch) })
	return out, nil
}

// digits is the length of a kind's hash in hexadecimal digits.
var digits = map[string]int{PDQ: 64, SHA256: 64, SHA1: 40, MD5: 32}

// check brings an entry to its stored form.
func check(e *Entry) error {
	e.Label = strings.TrimSpace(e.Label)
	switch e.Kind {
	case VPDQ:
		frames, err := vpdq.Parse(strings.NewReader(e.Value))
		if err == nil && len(frames) == 0 {
			err = fault.New(fault.Invalid, "a vpdq entry needs at least one frame")
		}
		return err
	case PhotoDNA, TMK:
		if e.Value = strings.TrimSpace(e.Value); e.Value == "" || len(e.Value) > maxOpaque {
			return fault.New(fault.Invalid, "a %s is carried as 1 to %d characters", e.Kind, maxOpaque)
		}
		return nil
	}
	e.Value = strings.ToLower(strings.TrimSpace(e.Value))
	want := digits[e.Kind]
	switch b, err := hex.DecodeString(e.Value); {
	case want == 0:
		return fault.New(fault.Invalid, "there is no kind of hash %q here; use pdq, vpdq, sha256, sha1 or md5", e.Kind)
	case err != nil || 2*len(b) != want:
		return fault.New(fault.Invalid, "a %s is %d hexadecimal digits", e.Kind, want)
	}
	return nil
}

// ParseEntries reads a plain file: a hash a line, of the kind that its length tells (64 digits are taken as PDQ), optional
// label after a comma or a tab. Lines that start with # are comments.
func ParseEntries(text string) ([]Entry, error) {
	var out []Entry
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		value, label, _ := strings.Cut(strings.ReplaceAll(line, "\t", ","), ",")
		e := Entry{Kind: KindByLength(value), Value: value, Label: label}
		if err := check(&e); err != nil {
			return nil, fault.New(fault.Invalid, "line %d: %s", i+1, fault.Message(err))
		}
		out = append(out, e)
	}
	return out, nil
}

// KindByLength gives the kind that the length of a hash in hexadecimal tells: 64 digits are taken as PDQ, though a SHA-256 has as many.
func KindByLength(value string) string {
	switch len(strings.TrimSpace(value)) {
	case digits[MD5]:
		return MD5
	case digits[SHA1]:
		return SHA1
	}
	return PDQ
}

// pdqOf parses a PDQ that is known to be well formed.
func pdqOf(value string) (pdq.Hash, bool) {
	h, err := pdq.Parse(value)
	return h, err == nil
}

// CheckHash brings a hash that is asked about to the form in which it is looked up.
func CheckHash(h Hash) (Hash, error) {
	switch h.Kind {
	case PDQ, SHA256, SHA1, MD5:
	default:
		return h, fault.New(fault.Invalid, "there is no kind of hash %q to ask for; use pdq, sha256, sha1 or md5", h.Kind)
	}
	e := Entry{Kind: h.Kind, Value: h.Value}
	err := check(&e)
	return Hash{e.Kind, e.Value}, err
}
