package lists

import (
	"encoding/hex"
	"iter"
	"math"
	"strings"
	"sync"
	"time"

	"raksha.example/raksha/hamming"
	"raksha.example/raksha/vpdq"
)

// index answers matches from memory: about 130 bytes for a PDQ and 60 for an exact hash. An entry is told by its number; hashes
// lie in the searches, and what else a match says of an entry in places.
type index struct {
	images *hamming.Index // of pdq entries; safe by itself
	films  *vpdq.Index    // of vpdq entries; safe by itself

	change sync.Mutex // held by whoever changes the index, and while it is copied for its files

	mu        sync.RWMutex
	lists     map[int64]List          // guarded by mu, like all below
	places    map[uint64]*placePage   // of entry n: places[n/page].at[n%page]
	labels    []string                // numbered from 0, which is no label
	labelOf   map[string]uint32       // the reverse
	group     map[uint64]uint64       // of entries that do not stand first in their content: the one that does
	exact     map[exactKey]uint64     // the first entry with this hash
	more      map[exactKey][]uint64   // further ones
	videos    map[uint64][]vpdq.Frame // of vpdq entries
	disabled  map[uint64]int64        // of contents: until when, microseconds; math.MaxInt64 is for ever
	rules     []ScreenRule
	kindShare map[string]float64   // of kinds that are not always asked
	count     map[string]int       // entries by kind
	newest    map[string]time.Time // when the newest of a kind came into the index
	batch     int64                // the newest batch applied
	top       uint64               // the largest entry number applied
}

// page is how many places are allocated at once: entry numbers of one node are dense.
const page = 1 << 12

// placePage is a page of places; one that holds none is let go.
type placePage struct {
	live int // places that are not zero
	at   [page]place
}

// place is what a match says of an entry. The zero value: there is no such entry, or no more.
type place struct {
	list  uint32 // hash_list.id
	label uint32
}

// exactKey is an exact hash. SHA-256 and SHA-1 are cut to 16 bytes: to make two files meet there takes 2^64 work, and then the
// two would only be taken for each other.
type exactKey struct {
	kind byte // 'm', '1' or '2'
	hash [16]byte
}

func keyOf(kind, value string) (k exactKey, ok bool) {
	switch kind {
	case MD5:
		k.kind = 'm'
	case SHA1:
		k.kind = '1'
	case SHA256:
		k.kind = '2'
	}
	if k.kind == 0 || len(value) < 32 {
		return k, false
	}
	_, err := hex.Decode(k.hash[:], []byte(value[:32]))
	return k, err == nil
}

func newIndex() *index {
	return &index{images: hamming.Build(nil, nil), films: vpdq.NewIndex(vpdq.Common()), lists: map[int64]List{}, places: map[uint64]*placePage{}, labels: []string{""},
		labelOf: map[string]uint32{"": 0}, group: map[uint64]uint64{}, exact: map[exactKey]uint64{}, more: map[exactKey][]uint64{}, videos: map[uint64][]vpdq.Frame{},
		disabled: map[uint64]int64{}, kindShare: map[string]float64{}, count: map[string]int{}, newest: map[string]time.Time{}}
}

// place gives what is known of an entry. mu must be held.
func (x *index) place(id uint64) place {
	if p := x.places[id/page]; p != nil {
		return p.at[id%page]
	}
	return place{}
}

func (x *index) setPlace(id uint64, v place) {
	p := x.places[id/page]
	if p == nil {
		if v == (place{}) {
			return
		}
		p = new(placePage)
		x.places[id/page] = p
	}
	was := p.at[id%page]
	p.at[id%page] = v
	switch zero := (place{}); {
	case was == zero && v != zero:
		p.live++
	case was != zero && v == zero:
		if p.live--; p.live == 0 {
			delete(x.places, id/page)
		}
	}
}

func (x *index) label(text string) uint32 {
	n, ok := x.labelOf[text]
	if !ok {
		n = uint32(len(x.labels))
		x.labels = append(x.labels, text)
		x.labelOf[text] = n
	}
	return n
}

// put takes a list's new properties.
func (x *index) put(l List) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lists[l.ID] = l
}

// add takes entries that were committed in a batch (0: not told). Their places stand before they can be found.
func (x *index) add(entries []Entry, batch int64) {
	x.change.Lock()
	defer x.change.Unlock()
	x.describe(entries)
	var pictures []Entry
	var films []Entry
	for _, e := range entries {
		switch e.Kind {
		case PDQ:
			pictures = append(pictures, e)
		case VPDQ:
			films = append(films, e)
		}
	}
	// Outside the lock: now and then an addition merges what came before.
	if len(pictures) > 0 {
		x.images.AddAll(hashesOf(pictures))
	}
	for _, e := range films {
		x.films.Add(uint64(e.ID), parseFrames(e.Value))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.batch = max(x.batch, batch)
}

func hashesOf(entries []Entry) iter.Seq2[[32]byte, uint64] {
	return func(yield func([32]byte, uint64) bool) {
		for _, e := range entries {
			if h, ok := pdqOf(e.Value); ok && !yield(h, uint64(e.ID)) {
				return
			}
		}
	}
}

// describe enters all of entries but what is searched for by distance.
func (x *index) describe(entries []Entry) {
	now := time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range entries {
		id := uint64(e.ID)
		x.setPlace(id, place{uint32(e.ListID), x.label(e.Label)})
		x.top = max(x.top, id)
		x.count[e.Kind]++
		x.newest[e.Kind] = now
		if e.Content > 0 && e.Content != e.ID {
			x.group[id] = uint64(e.Content)
		}
		if e.Kind == VPDQ {
			x.videos[id] = parseFrames(e.Value)
		} else if k, ok := keyOf(e.Kind, e.Value); ok {
			x.addExact(k, id)
		}
	}
}

func (x *index) addExact(k exactKey, id uint64) {
	if _, ok := x.exact[k]; ok {
		x.more[k] = append(x.more[k], id)
	} else {
		x.exact[k] = id
	}
}

// remove takes entries out that a batch removed.
func (x *index) remove(entries []Entry, batch int64) {
	x.change.Lock()
	defer x.change.Unlock()
	for _, e := range entries {
		switch e.Kind {
		case PDQ:
			x.images.Remove(uint64(e.ID))
		case VPDQ:
			x.films.Remove(uint64(e.ID))
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.batch = max(x.batch, batch)
	for _, e := range entries {
		id := uint64(e.ID)
		if x.place(id) == (place{}) {
			continue
		}
		x.setPlace(id, place{})
		x.count[e.Kind]--
		x.newest[e.Kind] = time.Now()
		delete(x.group, id)
		delete(x.videos, id)
		delete(x.disabled, id)
		if k, ok := keyOf(e.Kind, e.Value); ok {
			x.removeExact(k, id)
		}
	}
}

func (x *index) removeExact(k exactKey, id uint64) {
	more := x.more[k]
	if x.exact[k] == id {
		if len(more) == 0 {
			delete(x.exact, k)
			return
		}
		x.exact[k], more = more[0], more[1:]
	} else {
		for i, have := range more {
			if have == id {
				more = append(append([]uint64{}, more[:i]...), more[i+1:]...)
				break
			}
		}
	}
	if len(more) == 0 {
		delete(x.more, k)
	} else {
		x.more[k] = more
	}
}

// disable leaves a content out of look-ups until an instant (microseconds; 0 for ever), or takes it in again.
func (x *index) disable(content int64, disabled bool, until, batch int64) {
	x.change.Lock()
	defer x.change.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.batch = max(x.batch, batch)
	if !disabled {
		delete(x.disabled, uint64(content))
		return
	}
	if until == 0 {
		until = math.MaxInt64
	}
	x.disabled[uint64(content)] = until
}

// content gives the entry that stands first in an entry's content. mu must be held.
func (x *index) content(id uint64) uint64 {
	if first, ok := x.group[id]; ok {
		return first
	}
	return id
}

// Kind is the state of the entries of one kind in memory.
type Kind struct {
	Entries int
	Newest  time.Time // when the newest change came into the index; zero: none since the start
}

// Kinds gives the number of entries that are searched, by kind.
func (l *Lists) Kinds() map[string]Kind {
	x := l.index
	x.mu.RLock()
	defer x.mu.RUnlock()
	out := map[string]Kind{}
	for kind, n := range x.count {
		out[kind] = Kind{n, x.newest[kind]}
	}
	return out
}

// Sequence gives the number of the newest change that look-ups on this node see.
func (l *Lists) Sequence() int64 {
	l.index.mu.RLock()
	defer l.index.mu.RUnlock()
	return l.index.batch
}

// Bytes gives about how much memory or mapped file the index takes, without its films.
func (l *Lists) Bytes() int64 {
	x := l.index
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.images.Bytes() + int64(len(x.places))*page*8 + int64(len(x.exact))*40
}

func parseFrames(text string) []vpdq.Frame {
	frames, _ := vpdq.Parse(strings.NewReader(text)) // it was parsed when it came
	return frames
}
