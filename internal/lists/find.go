package lists

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"

	"raksha.example/raksha/hamming"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

// Threshold is the PDQ distance in bits up to which a picture is suggested as a match (the reference's own). A list may ask for less.
const Threshold = 31

// Hit is one entry that a file matches. Its Value is not set: the index does not keep it.
type Hit struct {
	Entry
	Distance int  // bits, of PDQ
	Share    int  // percent of the query's frames found, of vPDQ
	Disabled bool // only with Query.Raw
}

// Exact says whether the file itself is on the list.
func (h Hit) Exact() bool { return h.Kind == SHA256 || h.Kind == SHA1 || h.Kind == MD5 }

// Hash is one hash of a file that is asked about.
type Hash struct {
	Kind  string `json:"kind"`
	Value string `json:"value"` // lower-case hexadecimal
}

// Query is what is asked of the index.
type Query struct {
	Exact  []Hash       // SHA-256, SHA-1, MD5
	PDQ    []pdq.Hash   // of one picture: as stored, upright, or in all eight orientations
	Frames []vpdq.Frame // of a film
	Inner  []vpdq.Frame // those of them again that have borders, without these; see media.Result

	Lists map[int64]bool // nil: all
	Raw   bool           // also what is disabled, and lists that are off
	Whole bool           // also lists that are off, or whose share would leave them out
	Seed  string         // decides whether a list with a share takes part: the same seed, the same answer
}

// Find gives every entry that matches, within the threshold of its list: exact hashes first, then the nearest.
func (l *Lists) Find(q Query) []Hit {
	x, now := l.index, store.Micros(l.clock.Now())
	var near []hamming.Hit
	switch len(q.PDQ) {
	case 0:
	case 1:
		near = x.images.Search(q.PDQ[0], Threshold, nil)
	default:
		queries := make([][32]byte, len(q.PDQ))
		for i, h := range q.PDQ {
			queries[i] = h
		}
		for _, h := range x.images.SearchBatch(queries, Threshold, nil) {
			near = append(near, h.Hit)
		}
		slices.SortFunc(near, func(a, b hamming.Hit) int {
			return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Distance, b.Distance))
		})
		near = slices.CompactFunc(near, func(a, b hamming.Hit) bool { return a.ID == b.ID })
	}

	var films []vpdq.Hit
	if len(q.Frames) > 0 {
		films = x.films.Query(q.Frames)
	}
	if len(q.Inner) > 0 {
		films = append(films, x.films.Query(vpdq.Cropped(q.Frames, q.Inner))...)
	}

	x.mu.RLock()
	defer x.mu.RUnlock()
	w := weighing{index: x, query: q, now: now}
	for _, h := range q.Exact {
		if k, ok := keyOf(h.Kind, h.Value); ok {
			if id, ok := x.exact[k]; ok {
				w.take(id, h.Kind, 0, 0)
				for _, id := range x.more[k] {
					w.take(id, h.Kind, 0, 0)
				}
			}
		}
	}
	for _, h := range near {
		w.take(h.ID, PDQ, h.Distance, 0)
	}
	w.lookUpFilms(films)
	slices.SortStableFunc(w.hits, func(a, b Hit) int {
		if a.Exact() != b.Exact() {
			if a.Exact() {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ID, b.ID))
	})
	return w.hits
}

// weighing gathers the hits of one query; the index is locked for reading.
type weighing struct {
	*index
	query Query
	now   int64
	coin  float64 // of the seed, once it is needed
	threw bool
	hits  []Hit
}

// take adds a hit if its list and its content allow it.
func (w *weighing) take(id uint64, kind string, distance, share int) {
	p := w.place(id)
	list, ok := w.lists[int64(p.list)]
	if p.list == 0 || !ok || list.RemovedAt > 0 || distance > list.Threshold || w.query.Lists != nil && !w.query.Lists[list.ID] {
		return
	}
	content := w.content(id)
	until, off := w.disabled[content]
	off = off && until > w.now
	if !w.query.Raw && (off || !w.query.Whole && !w.takesPart(list.Share)) {
		return
	}
	w.hits = append(w.hits, Hit{Entry: Entry{ID: int64(id), ListID: list.ID, Content: int64(content), Kind: kind, Label: w.labels[p.label]}, Distance: distance, Share: share, Disabled: off})
}

func (w *weighing) takesPart(share float64) bool {
	if share <= 0 || share >= 1 {
		return share >= 1
	}
	if !w.threw {
		w.coin, w.threw = Coin(w.query.Seed), true
	}
	return share > w.coin
}

// Coin gives the number, at least 0 and less than 1, that a seed stands for: a list whose share is larger takes part.
func Coin(seed string) float64 {
	h := sha256.Sum256([]byte(seed))
	return float64(binary.BigEndian.Uint64(h[:])>>11) / (1 << 53)
}

// lookUpFilms looks a film up as it is and without its borders, and takes each entry with the larger share.
func (w *weighing) lookUpFilms(films []vpdq.Hit) {
	share := map[uint64]float64{}
	for _, f := range films {
		share[f.ID] = max(share[f.ID], f.Shares.Query)
	}
	for _, id := range slices.Sorted(maps.Keys(share)) {
		w.take(id, VPDQ, 0, int(share[id]*100+0.5))
	}
}

// Match gives every entry that a hashed file matches: exact ones first, then the nearest. A list that takes part in a share of the
// look-ups decides by the file, always alike.
func (l *Lists) Match(r media.Result) []Hit {
	return l.Find(QueryOf(r))
}

// QueryOf asks for all hashes of a file. Perceptual hashes of low quality say nothing and are left out.
func QueryOf(r media.Result) Query {
	q := Query{Exact: []Hash{{SHA256, r.SHA256}, {SHA1, r.SHA1}, {MD5, r.MD5}}, Frames: r.Frames, Inner: r.Inner, Seed: r.SHA256}
	values := []string{r.PDQ, r.Upright}
	if len(r.Orientations) > 0 { // turned and mirrored copies are copies too
		values = r.Orientations
	}
	for _, value := range values {
		if h, ok := pdqOf(value); ok && r.Quality >= pdq.MinQuality {
			q.PDQ = append(q.PDQ, h)
		}
	}
	return q
}

// List gives a list as look-ups see it.
func (l *Lists) List(id int64) (List, bool) {
	l.index.mu.RLock()
	defer l.index.mu.RUnlock()
	v, ok := l.index.lists[id]
	return v, ok && v.RemovedAt == 0
}

// ListsOfBanks gives the numbers of the lists with these bank names; a name that is none is left out.
func (l *Lists) ListsOfBanks(banks []string) map[int64]bool {
	l.index.mu.RLock()
	defer l.index.mu.RUnlock()
	out := map[int64]bool{}
	for id, v := range l.index.lists {
		if v.Bank != "" && v.RemovedAt == 0 && slices.Contains(banks, v.Bank) {
			out[id] = true
		}
	}
	return out
}
