package directory

import (
	"context"
	"net/http"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

const (
	entryLimit = 1 << 20     // bytes of a signed entry
	askAgain   = time.Minute // between two looks at the same agency for a newer entry
)

// UseClient lets the book fetch entries of others; client comes from fetch.New.
func (b *Book) UseClient(client *http.Client) { b.client = client }

// UsePasskeys lets the entry name the passkeys of officers: from then on others refuse what they sign without one.
func (b *Book) UsePasskeys(p Passkeys) { b.passkeys = p }

// Pin makes a peer known: its root fingerprint, learnt out of band, and the entry that was fetched from it. Pinning again
// changes the address and the instruments and takes a newer entry; the fingerprint changes only where the old root key
// signed that a new one follows.
func (b *Book) Pin(ctx context.Context, tx *store.Tx, url, fingerprint string, instruments []string, jws []byte) (Peer, error) {
	fingerprint, err := ParseFingerprint(fingerprint)
	if err != nil {
		return Peer{}, err
	}
	if err := fetch.SafeURL(url); err != nil {
		return Peer{}, err
	}
	claimed, err := VerifyEntry(jws, fingerprint, b.clock.Now(), 0)
	if err != nil {
		return Peer{}, err
	}
	if claimed.Agency == b.self.Profile().Agency {
		return Peer{}, fault.New(fault.Invalid, "%s is this node's own agency", claimed.Agency)
	}
	known, err := b.peer(ctx, tx, claimed.Agency)
	if fault.Of(err) == fault.NotFound {
		f := record.Fields{"agency": claimed.Agency, "fingerprint": claimed.Root(), "name": claimed.Name, "url": url, "desks": strings.Join(claimed.Desks, " "),
			"instruments": strings.Join(instruments, " "), "version": claimed.Version, "entry": string(jws), "updated_at": b.clock.Now()}
		id, err := b.log.Insert(ctx, tx, "peer", "directory.pinned", time.Time{}, f)
		if err != nil {
			return Peer{}, err
		}
		if err := b.keep(ctx, tx, id, claimed, jws); err != nil {
			return Peer{}, err
		}
		return b.peer(ctx, tx, claimed.Agency)
	}
	if err != nil {
		return Peer{}, err
	}
	if !same(known.Fingerprint, fingerprint) && !same(known.Fingerprint, claimed.Root()) && !contains(claimed.roots, known.Fingerprint) {
		return Peer{}, fault.Coded(fault.Refused, "other_pin", "%s is pinned with another fingerprint; if its root key really changed, as the agency says by phone, raksha directory pin --replace takes the new one", claimed.Agency)
	}
	return b.take(ctx, tx, known, jws, record.Fields{"url": url, "instruments": strings.Join(instruments, " ")})
}

// Repin replaces the fingerprint of an agency whose root key was lost or stolen, by one that was learnt out of band. What the
// old root signed counts no more.
func (b *Book) Repin(ctx context.Context, tx *store.Tx, url, fingerprint string, instruments []string, jws []byte) (Peer, error) {
	e, err := VerifyEntry(jws, fingerprint, b.clock.Now(), 0)
	if err != nil {
		return Peer{}, err
	}
	known, err := b.peer(ctx, tx, e.Agency)
	if err != nil {
		return Peer{}, err
	}
	if err := fetch.SafeURL(url); err != nil {
		return Peer{}, err
	}
	if contains(e.roots, known.Fingerprint) {
		return Peer{}, fault.New(fault.Conflict, "the new root key of %s follows the old one by its own signature; pin it without --replace", e.Agency)
	}
	err = b.log.Update(ctx, tx, "peer", "directory.repinned", time.Time{}, known.ID, record.Fields{"fingerprint": e.Root(), "name": e.Name, "url": url,
		"desks": strings.Join(e.Desks, " "), "instruments": strings.Join(instruments, " "), "version": e.Version, "entry": string(jws), "updated_at": b.clock.Now()})
	if err != nil {
		return Peer{}, err
	}
	if err := b.keep(ctx, tx, known.ID, e, jws); err != nil {
		return Peer{}, err
	}
	return b.peer(ctx, tx, e.Agency)
}

// Take takes a newer entry of an agency that is pinned already; what this node accepts from it does not change.
func (b *Book) Take(ctx context.Context, tx *store.Tx, agency string, jws []byte) (Peer, error) {
	known, err := b.peer(ctx, tx, agency)
	if err != nil {
		return Peer{}, err
	}
	return b.take(ctx, tx, known, jws, record.Fields{})
}

func (b *Book) take(ctx context.Context, tx *store.Tx, known Peer, jws []byte, f record.Fields) (Peer, error) {
	var held string
	if err := tx.QueryRowContext(ctx, "SELECT entry FROM peer WHERE id = $1", known.ID).Scan(&held); err != nil {
		return Peer{}, err
	}
	e, err := VerifyNewer(jws, known.Fingerprint, b.clock.Now(), []byte(held))
	if err != nil {
		return Peer{}, err
	}
	if e.Agency != known.Agency {
		return Peer{}, fault.Coded(fault.Refused, "other_agency", "the entry is of the agency %s, not of %s", e.Agency, known.Agency)
	}
	if len(f) == 0 && string(jws) == held {
		return known, nil
	}
	old, err := verifyHeld([]byte(held), known.Fingerprint)
	if err != nil {
		return Peer{}, err
	}
	if err := b.keep(ctx, tx, known.ID, old, []byte(held)); err != nil { // of a node that was set up before entries were kept
		return Peer{}, err
	}
	f["name"], f["desks"], f["version"], f["entry"], f["updated_at"] = e.Name, strings.Join(e.Desks, " "), e.Version, string(jws), b.clock.Now()
	kind := "directory.updated"
	if !same(e.Root(), known.Fingerprint) {
		kind, f["fingerprint"] = "directory.root_succeeded", e.Root()
	}
	if err := b.log.Update(ctx, tx, "peer", kind, time.Time{}, known.ID, f); err != nil {
		return Peer{}, err
	}
	if err := b.keep(ctx, tx, known.ID, e, jws); err != nil {
		return Peer{}, err
	}
	return b.peer(ctx, tx, known.Agency)
}

// keep stores an entry among those that were ever taken.
func (b *Book) keep(ctx context.Context, tx *store.Tx, peerID int64, e Entry, jws []byte) error {
	var n int64
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM peer_entry WHERE peer_id = $1 AND root = $2 AND version = $3", peerID, e.Root(), e.Version).Scan(&n); err != nil {
		return err
	}
	tx.AfterCommit(func() { b.remember(e) })
	if n > 0 {
		return nil
	}
	_, err := b.log.Insert(ctx, tx, "peer_entry", "directory.entry_taken", time.Time{}, record.Fields{"peer_id": peerID, "version": e.Version, "root": e.Root(),
		"jws": string(jws), "taken_at": b.clock.Now()})
	return err
}

func contains(list []string, s string) bool {
	for _, other := range list {
		if same(other, s) {
			return true
		}
	}
	return false
}

// Fetch reads the entry that an agency publishes at its address.
func Fetch(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	if err := fetch.SafeURL(address); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/")+"/courier/v1/directory", nil)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%q is no address", address)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "no answer from %s", address)
	}
	jws, err := fetch.ReadAll(resp, entryLimit)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fault.New(fault.Unavailable, "%s answered with status %d", address, resp.StatusCode)
	}
	return jws, err
}

// Refresh asks an agency for its newest entry, at most once a minute, and takes it if it is newer: a document whose key is
// not known may be signed with one that was published since. It says whether anything changed.
func (b *Book) Refresh(ctx context.Context, agency string) (changed bool, err error) {
	known, err := b.peer(ctx, b.db.Reader(), agency)
	if err != nil || b.client == nil {
		return false, err
	}
	b.mu.Lock()
	wait := time.Since(b.asked[agency]) < askAgain
	if !wait {
		b.asked[agency] = time.Now()
	}
	b.mu.Unlock()
	if wait {
		return false, nil
	}
	jws, err := Fetch(ctx, b.client, known.URL)
	if err != nil {
		return false, err
	}
	var now Peer
	err = b.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		now, err = b.Take(ctx, tx, agency, jws)
		return err
	})
	return err == nil && now.Version != known.Version, err
}

// RefreshAll asks every agency for its newest entry, so that revocations arrive before the next document does.
func (b *Book) RefreshAll(ctx context.Context) error {
	peers, err := b.Peers(ctx, b.db.Reader())
	if err != nil {
		return err
	}
	for _, p := range peers {
		if _, err := b.Refresh(ctx, p.Agency); err != nil && ctx.Err() != nil {
			return err // one agency that does not answer keeps nobody from asking the next
		}
	}
	return nil
}
