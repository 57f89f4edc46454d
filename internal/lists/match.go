package lists

import (
	"context"
	"database/sql"
	"errors"
	"sort"
	"strings"
	"sync"
	"time"

	"raksha.example/raksha/hamming"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

// Threshold is the PDQ distance in bits up to which a picture is suggested as a match (the reference's own).
const Threshold = 31

// The states of a match.
const (
	Exact       = "exact"       // decided from metadata: the same file is on the list
	Unconfirmed = "unconfirmed" // looks alike to the machine; nobody has looked
	Confirmed   = "confirmed"   // a trained person has looked, or had looked at the same file before
	Rejected    = "rejected"
)

// Hit is one entry that a file matches.
type Hit struct {
	Entry
	Distance int // bits, of PDQ
	Share    int // percent of the query's frames found, of vPDQ
}

// Exact says whether the file itself is on the list.
func (h Hit) Exact() bool { return h.Kind == SHA256 || h.Kind == MD5 }

// index answers matches from memory.
type index struct {
	mu      sync.RWMutex
	entries map[uint64]Entry    // guarded by mu
	exact   map[string][]uint64 // guarded by mu: kind:value
	images  *hamming.Index      // of pdq entries; safe by itself
	videos  *vpdq.Index         // of vpdq entries; likewise
}

func newIndex() *index {
	return &index{entries: map[uint64]Entry{}, exact: map[string][]uint64{}, images: hamming.Build(nil, nil), videos: vpdq.NewIndex(vpdq.Common())}
}

func (x *index) add(entries []Entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range entries {
		id := uint64(e.ID)
		x.entries[id] = e
		switch e.Kind {
		case PDQ:
			if h, ok := pdqOf(e.Value); ok {
				x.images.Add(h, id)
			}
		case VPDQ:
			frames, _ := vpdq.Parse(strings.NewReader(e.Value))
			x.videos.Add(id, frames)
		default:
			x.exact[e.Kind+":"+e.Value] = append(x.exact[e.Kind+":"+e.Value], id)
		}
	}
}

// Match gives every entry that a hashed file matches: exact ones first, then the nearest.
func (l *Lists) Match(r media.Result) []Hit {
	x := l.index
	x.mu.RLock()
	defer x.mu.RUnlock()
	var hits []Hit
	for _, key := range []string{SHA256 + ":" + r.SHA256, MD5 + ":" + r.MD5} {
		for _, id := range x.exact[key] {
			hits = append(hits, Hit{Entry: x.entries[id]})
		}
	}
	seen := map[uint64]bool{}
	for _, value := range []string{r.PDQ, r.Upright} {
		h, ok := pdqOf(value)
		if !ok || r.Quality < pdq.MinQuality {
			continue
		}
		for _, found := range x.images.Search(h, Threshold, nil) {
			if !seen[found.ID] {
				seen[found.ID] = true
				hits = append(hits, Hit{Entry: x.entries[found.ID], Distance: found.Distance})
			}
		}
	}
	hits = append(hits, x.videoHits(r)...)
	sort.SliceStable(hits, func(i, j int) bool {
		if a, b := hits[i].Exact(), hits[j].Exact(); a != b {
			return a
		}
		return hits[i].Distance < hits[j].Distance
	})
	return hits
}

// videoHits looks a video up as it is and without its borders, and gives each entry with the larger share.
func (x *index) videoHits(r media.Result) []Hit {
	found := x.videos.Query(r.Frames)
	if len(r.Inner) > 0 {
		found = append(found, x.videos.Query(vpdq.Cropped(r.Frames, r.Inner))...)
	}
	var hits []Hit
	at := map[uint64]int{}
	for _, f := range found {
		share := int(f.Shares.Query*100 + 0.5)
		if i, ok := at[f.ID]; ok {
			hits[i].Share = max(hits[i].Share, share)
			continue
		}
		at[f.ID] = len(hits)
		hits = append(hits, Hit{Entry: x.entries[f.ID], Share: share})
	}
	return hits
}

// Match is a stored match of one picture or video: its best hit.
type Match struct {
	ID        int64  `json:"id"`
	MediaID   int64  `json:"media_id"`
	List      string `json:"list"`
	Holder    string `json:"holder"`
	Kind      string `json:"kind"`
	Label     string `json:"label,omitempty"`
	Distance  int64  `json:"distance"`
	Share     int64  `json:"share,omitempty"`
	State     string `json:"state"`
	DecidedBy int64  `json:"decided_by,omitempty"`
	DecidedAt int64  `json:"decided_at,omitempty"`
	Reason    string `json:"reason,omitempty"`
	FoundAt   int64  `json:"found_at"`
}

// Stands says whether something may be built on the match: an exact hash or a person's confirmation is behind it.
func (m Match) Stands() bool { return m.State == Exact || m.State == Confirmed }

// Keep enters the best of hits for a picture or video, once. A decision that a person made on the same file is used again.
func (l *Lists) Keep(ctx context.Context, tx *store.Tx, mediaID int64, sha256 string, hits []Hit) error {
	if len(hits) == 0 {
		return nil
	}
	if m, err := MatchOf(ctx, tx, mediaID); err != nil || m != nil {
		return err
	}
	best := hits[0]
	f := record.Fields{"media_id": mediaID, "list_id": best.ListID, "kind": best.Kind, "value": best.Value, "label": best.Label, "distance": best.Distance,
		"share": best.Share, "state": Unconfirmed, "found_at": l.clock.Now()}
	if best.Exact() {
		f["state"], f["reason"] = Exact, "the same file is on the list"
	} else {
		var state string
		var by int64
		err := tx.QueryRowContext(ctx, `SELECT x.state, COALESCE(x.decided_by, 0) FROM media_match x JOIN media m ON m.id = x.media_id
			WHERE m.sha256 = $1 AND x.state IN ('confirmed', 'rejected') ORDER BY x.decided_at LIMIT 1`, sha256).Scan(&state, &by)
		if err == nil {
			f["state"], f["decided_by"], f["decided_at"], f["reason"] = state, by, l.clock.Now(), "decided before for the same file"
		} else if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	_, err := l.log.Insert(ctx, tx, "media_match", "match.found", time.Time{}, f)
	return err
}

// Decide writes a trained person's decision on a perceptual match, and gives it to the same file elsewhere.
func (l *Lists) Decide(ctx context.Context, tx *store.Tx, matchID, by int64, state, reason string) error {
	if state != Confirmed && state != Rejected {
		return fault.New(fault.Invalid, "a match is confirmed or rejected")
	}
	if strings.TrimSpace(reason) == "" {
		return fault.New(fault.Invalid, "say in a few words why the match is %s", state)
	}
	same, err := store.Collect(ctx, tx, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
		`SELECT x.id FROM media_match x JOIN media m ON m.id = x.media_id WHERE x.state = 'unconfirmed'
		 AND (x.id = $1 OR m.sha256 = (SELECT m2.sha256 FROM media_match x2 JOIN media m2 ON m2.id = x2.media_id WHERE x2.id = $1)) ORDER BY x.id`, matchID)
	if err != nil {
		return err
	}
	decided := false
	for _, id := range same {
		why := reason
		if id == matchID {
			decided = true
		} else {
			why = "decided before for the same file"
		}
		if err := l.log.Update(ctx, tx, "media_match", "match."+state, time.Time{}, id, record.Fields{"state": state, "decided_by": by, "decided_at": l.clock.Now(), "reason": why}); err != nil {
			return err
		}
	}
	if !decided {
		return fault.New(fault.Conflict, "this match is decided already, or there is none with this number")
	}
	return nil
}

const matchColumns = `SELECT x.id, x.media_id, l.name, l.holder, x.kind, x.label, x.distance, x.share, x.state, COALESCE(x.decided_by, 0), x.decided_at, x.reason, x.found_at
	FROM media_match x JOIN hash_list l ON l.id = x.list_id `

func scanMatch(scan func(...any) error) (m Match, err error) {
	return m, scan(&m.ID, &m.MediaID, &m.List, &m.Holder, &m.Kind, &m.Label, &m.Distance, &m.Share, &m.State, &m.DecidedBy, &m.DecidedAt, &m.Reason, &m.FoundAt)
}

// MatchOf gives the match of a picture or video, nil if there is none.
func MatchOf(ctx context.Context, q store.Queryer, mediaID int64) (*Match, error) {
	m, err := scanMatch(q.QueryRowContext(ctx, matchColumns+"WHERE x.media_id = $1", mediaID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &m, err
}

// MatchByID reads one match.
func MatchByID(ctx context.Context, q store.Queryer, id int64) (Match, error) {
	m, err := scanMatch(q.QueryRowContext(ctx, matchColumns+"WHERE x.id = $1", id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no such match")
	}
	return m, err
}

// Matches reads the matches in a state ("" for all), oldest first.
func Matches(ctx context.Context, q store.Queryer, state string) ([]Match, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (Match, error) { return scanMatch(rows.Scan) }, matchColumns+"WHERE ($1 = '' OR x.state = $1) ORDER BY x.id", state)
}

// KeepMatches matches a hashed file and keeps the answer, for intake.
func (l *Lists) KeepMatches(ctx context.Context, tx *store.Tx, mediaID int64, r media.Result) (matched bool, err error) {
	hits := l.Match(r)
	return len(hits) > 0, l.Keep(ctx, tx, mediaID, r.SHA256, hits)
}
