package directory

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

const (
	exportFormat  = "raksha-directory-1"
	exportLimit   = 8 << 20 // bytes of an export file
	maxAgencies   = 4096
	maxExportKept = 1024 // entries of one agency
)

// Export is a directory in a file: who the agencies are, by fingerprint, and every entry of theirs that was taken. It is as
// trustworthy as the way by which it came, since the fingerprints stand in it.
type Export struct {
	Format     string           `json:"format"`
	Agency     string           `json:"agency"` // whose directory it is
	ExportedAt time.Time        `json:"exported_at"`
	Agencies   []ExportedAgency `json:"agencies"`
}

// ExportedAgency is one agency of an export.
type ExportedAgency struct {
	Agency      string   `json:"agency"`
	URL         string   `json:"url"`
	Fingerprint string   `json:"fingerprint"`
	Instruments []string `json:"instruments,omitempty"` // what the exporting node takes from it
	Entries     []string `json:"entries"`               // signed, oldest first
}

// ParseExport reads an export file. Errors are fault.Refused.
func ParseExport(b []byte) (Export, error) {
	var x Export
	if len(b) > exportLimit {
		return x, fault.Coded(fault.Refused, courier.TooLarge, "the directory file has %d bytes; the limit is %d", len(b), exportLimit)
	}
	if err := courier.DecodeStrict(b, &x); err != nil {
		return Export{}, err
	}
	if x.Format != exportFormat {
		return Export{}, fault.Coded(fault.Refused, "bad_export", "this is no directory file of the format %s; raksha directory export writes one", exportFormat)
	}
	if len(x.Agencies) > maxAgencies {
		return Export{}, fault.Coded(fault.Refused, "bad_export", "the directory file lists more than %d agencies", maxAgencies)
	}
	seen := map[string]bool{}
	for i, a := range x.Agencies {
		fingerprint, err := ParseFingerprint(a.Fingerprint)
		if err != nil || a.Agency == "" || seen[a.Agency] || len(a.Entries) == 0 || len(a.Entries) > maxExportKept {
			return Export{}, fault.Coded(fault.Refused, "bad_export", "the directory file lists the agency %q twice, without entries or without a fingerprint", a.Agency)
		}
		seen[a.Agency], x.Agencies[i].Fingerprint = true, fingerprint
	}
	return x, nil
}

// Archive verifies documents offline by the entries of an export. It implements courier.Keys.
type Archive struct {
	at       time.Time // when what is judged was received
	agencies map[string][]Entry
}

// Open verifies every entry of an export, each as of when it was issued. at is when what will be judged was received.
func (x Export) Open(at time.Time) (*Archive, error) {
	a := &Archive{at: at, agencies: map[string][]Entry{}}
	for _, agency := range x.Agencies {
		entries, err := verifyAll(agency)
		if err != nil {
			return nil, fault.Wrap(err, fault.Refused, "the directory file's entry of %s: %s", agency.Agency, fault.Message(err))
		}
		a.agencies[agency.Agency] = entries
	}
	return a, nil
}

// verifyAll verifies an agency's entries. The newest must be signed by the root of the fingerprint, the others by it or by
// one that it followed.
func verifyAll(agency ExportedAgency) (entries []Entry, err error) {
	for i := len(agency.Entries) - 1; i >= 0; i-- {
		s, err := readSigned([]byte(agency.Entries[i]))
		if err != nil {
			return nil, err
		}
		root := agency.Fingerprint
		if len(entries) > 0 && contains(entries[0].roots, Fingerprint(s.Root)) {
			root = Fingerprint(s.Root)
		}
		e, err := verify([]byte(agency.Entries[i]), root, s.Entry.IssuedAt)
		if err != nil {
			return nil, err
		}
		if e.Agency != agency.Agency || len(entries) > 0 && e.Version >= entries[len(entries)-1].Version {
			return nil, bad("the entries are not of one agency, in the order of their versions")
		}
		if len(entries) == 0 && !same(e.Root(), agency.Fingerprint) {
			return nil, wrongRoot(s, agency.Fingerprint)
		}
		entries = append(entries, e)
	}
	slices.Reverse(entries)
	return entries, nil
}

// Newest gives the newest entry of an agency.
func (a *Archive) Newest(agency string) (Entry, bool) {
	entries := a.agencies[agency]
	if len(entries) == 0 {
		return Entry{}, false
	}
	return entries[len(entries)-1], true
}

// PublicKey implements courier.Keys. What the newest entry says of a key counts, since it may have been revoked for the past
// too; a key that later entries do not name any more ended with the first that did not.
func (a *Archive) PublicKey(_ context.Context, issuer, kid string) (courier.PublicKey, error) {
	entries := a.agencies[issuer]
	if len(entries) == 0 {
		return courier.PublicKey{}, courier.UnknownIssuer(issuer)
	}
	if !slices.ContainsFunc(entries, func(e Entry) bool { return a.at.Before(e.Expires) }) {
		return courier.PublicKey{}, expired(entries[len(entries)-1])
	}
	for i := len(entries) - 1; i >= 0; i-- {
		k, ok := entries[i].key(kid)
		if ok && i < len(entries)-1 {
			k.NotAfter = sooner(k.NotAfter, entries[i+1].IssuedAt)
		}
		if ok {
			return k, nil
		}
	}
	return courier.PublicKey{}, courier.UnknownKey(issuer, kid)
}

// Export gives the whole directory of this node, its own entries among them.
func (b *Book) Export(ctx context.Context, q store.Queryer) (Export, error) {
	p := b.self.Profile()
	x := Export{Format: exportFormat, Agency: p.Agency, ExportedAt: b.clock.Now().Truncate(time.Second)}
	own, err := texts(ctx, q, "SELECT jws FROM own_entry ORDER BY version")
	if err != nil {
		return x, err
	}
	if len(own) > 0 {
		x.Agencies = append(x.Agencies, ExportedAgency{Agency: p.Agency, URL: p.URL, Fingerprint: Fingerprint(b.self.RootPublic()), Entries: own})
	}
	peers, err := b.Peers(ctx, q)
	if err != nil {
		return x, err
	}
	for _, peer := range peers {
		entries, err := keptOf(ctx, q, peer)
		if err != nil {
			return x, err
		}
		x.Agencies = append(x.Agencies, ExportedAgency{Agency: peer.Agency, URL: peer.URL, Fingerprint: peer.Fingerprint, Instruments: peer.Instruments, Entries: entries})
	}
	return x, nil
}

// keptOf gives the entries of a peer that hang together with the newest: signed by its root or by one that this followed.
func keptOf(ctx context.Context, q store.Queryer, peer Peer) ([]string, error) {
	newest, err := texts(ctx, q, "SELECT entry FROM peer WHERE id = $1", peer.ID)
	if err != nil {
		return nil, err
	}
	e, err := verifyHeld([]byte(newest[0]), peer.Fingerprint)
	if err != nil {
		return nil, err
	}
	all, err := texts(ctx, q, "SELECT jws FROM peer_entry WHERE peer_id = $1 AND version < $2 ORDER BY version", peer.ID, e.Version)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, jws := range all {
		s, err := readSigned([]byte(jws))
		if err != nil {
			return nil, err
		}
		if contains(e.roots, Fingerprint(s.Root)) {
			out = append(out, jws)
		}
	}
	return append(out, newest[0]), nil
}

// JSON writes an export as its file.
func (x Export) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(x, "", "  ")
	return append(b, '\n'), err
}

// Imported says what became of one agency of an import: "taken", "known" (nothing newer), "own", "not_pinned" or "refused".
type Imported struct {
	Agency string `json:"agency"`
	State  string `json:"state"`
	Code   string `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Import takes the newer entries of agencies that are pinned already. With pin, agencies that are not are pinned by the
// file's fingerprints, and nothing is accepted from them until an instrument is allowed. A refusal of one agency's entries
// leaves the others to be taken.
func (b *Book) Import(ctx context.Context, x Export, pin bool) (out []Imported, err error) {
	for _, a := range x.Agencies {
		i := Imported{Agency: a.Agency, State: "known"}
		err := b.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return b.importOne(ctx, tx, a, pin, &i)
		})
		if err != nil {
			if k := fault.Of(err); k != fault.Refused && k != fault.Invalid {
				return out, err
			}
			i.State, i.Code, i.Reason = "refused", fault.Code(err), fault.Message(err)
		}
		out = append(out, i)
	}
	return out, nil
}

func (b *Book) importOne(ctx context.Context, tx *store.Tx, a ExportedAgency, pin bool, i *Imported) error {
	if a.Agency == b.self.Profile().Agency {
		i.State = "own"
		return nil
	}
	if _, err := verifyAll(a); err != nil {
		return err
	}
	newest := []byte(a.Entries[len(a.Entries)-1])
	known, err := b.peer(ctx, tx, a.Agency)
	switch {
	case fault.Of(err) == fault.NotFound && !pin:
		i.State, i.Reason = "not_pinned", "compare its fingerprint "+a.Fingerprint+" by phone and pin it"
		return nil
	case fault.Of(err) == fault.NotFound:
		i.State = "taken"
		_, err := b.Pin(ctx, tx, a.URL, a.Fingerprint, nil, newest)
		return err
	case err != nil:
		return err
	}
	now, err := b.Take(ctx, tx, a.Agency, newest)
	if err == nil && now.Version != known.Version {
		i.State = "taken"
	}
	return err
}

func texts(ctx context.Context, q store.Queryer, query string, args ...any) ([]string, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) }, query, args...)
}
