package exchange

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"net/http"
	"slices"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/foreign"
	"raksha.example/raksha/internal/lists/hashfile"
	"raksha.example/raksha/internal/lists/vics"
	"raksha.example/raksha/internal/store"
)

// The formats of files.
const (
	Lines = "lines" // a hash a line, or "signal_type value"
	VICS  = "vics"  // JSON of Project VIC, 1.3 and 2.0
	ICSE  = "icse"  // INTERPOL's CSV
)

// Formats are all of them.
var Formats = []string{Lines, VICS, ICSE}

func isFormat(format string) bool { return slices.Contains(Formats, format) }

const pageSize = 1000 // entries of a file that are committed at a time

// sink takes what a file holds. An error of a function ends the reading.
type sink struct {
	item  func(foreign.Item) error
	aside func(foreign.Aside) error
}

// readFile reads a file of a format as a stream. scheme is that of the list's labels: a label of another scheme bears its name.
func readFile(format, scheme string, r io.Reader, to sink) error {
	switch format {
	case Lines:
		return hashfile.ReadLines(r, hashfile.Sink{Item: to.item, Aside: to.aside})
	case ICSE:
		return hashfile.ReadICSE(r, hashfile.Sink{Item: to.item, Aside: to.aside})
	case VICS:
		prefix := ""
		_, err := vics.Read(r, vics.Sink{Aside: to.aside, Context: func(f vics.File) error {
			if f.Scheme != scheme {
				prefix = f.Scheme + " "
			}
			return nil
		}, Item: func(v foreign.Item) error {
			for i := range v.Entries {
				if v.Entries[i].Label != "" {
					v.Entries[i].Label = prefix + v.Entries[i].Label
				}
			}
			return to.item(v)
		}})
		return err
	}
	return fault.New(fault.Invalid, "there is no format %q; the formats are %v", format, Formats)
}

// filePoint is the checkpoint: the version of the file that is wholly here.
type filePoint struct {
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"`
}

type fileSource struct {
	x *Exchanges
	e Exchange

	old   filePoint
	seen  []uint64 // keys of this version, hashed: eight bytes an entry
	next  page
	total int
	aside int
}

// pull fetches the whole file, unless the server says that it is as it was, and takes what changed. What is no longer in the file is
// removed, but only after the whole of it was read.
func (s *fileSource) pull(ctx context.Context, from step, commit func(page) error) error {
	if from.checkpoint != "" {
		if err := json.Unmarshal([]byte(from.checkpoint), &s.old); err != nil {
			return err
		}
	}
	s.next.checkpoint = from.checkpoint
	ctx, cancel := context.WithTimeout(ctx, s.x.Limits.File)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.e.Address, nil)
	if err != nil {
		return fault.New(fault.Invalid, "%.200q is no address", s.e.Address)
	}
	if s.old.ETag != "" {
		req.Header.Set("If-None-Match", s.old.ETag)
	}
	if s.old.Modified != "" {
		req.Header.Set("If-Modified-Since", s.old.Modified)
	}
	resp, err := s.x.Client.Do(req)
	if errors.Is(err, fault.Refused) {
		return err
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "%s cannot be reached", req.URL.Host)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && from.checkpoint != "":
		return commit(page{checkpoint: from.checkpoint, reached: s.x.Clock.Now(), done: true})
	case resp.StatusCode != http.StatusOK:
		return fault.New(fault.Unavailable, "%s answers with status %d", req.URL.Host, resp.StatusCode)
	}
	if err := s.read(ctx, resp.Body, commit); err != nil {
		return err
	}
	b, err := json.Marshal(filePoint{resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")})
	if err != nil {
		return err
	}
	if err := s.removeOthers(ctx, commit); err != nil {
		return err
	}
	s.next.checkpoint, s.next.reached, s.next.done = string(b), s.x.Clock.Now(), true
	return commit(s.next)
}

func (s *fileSource) read(ctx context.Context, body io.Reader, commit func(page) error) error {
	list, err := lists.ByID(ctx, s.x.DB.Reader(), s.e.ListID)
	if err != nil {
		return err
	}
	flush := func() error {
		if len(s.next.items)+len(s.next.aside) < pageSize {
			return nil
		}
		return s.flush(commit)
	}
	err = readFile(s.e.Settings.Format, list.Scheme, body, sink{
		item: func(v foreign.Item) error {
			s.total++
			s.seen = append(s.seen, hashed(v.Key))
			s.next.items = append(s.next.items, v)
			return flush()
		},
		aside: func(a foreign.Aside) error {
			s.aside++
			s.next.aside = append(s.next.aside, a)
			return flush()
		}})
	if err == nil {
		return s.sound()
	}
	if errors.Is(err, errEnough) || fault.Of(err) == fault.Conflict || ctx.Err() != nil && s.total == 0 {
		return err
	}
	// What stood before the break is sound: it is kept, and the next fetch begins anew.
	if flushErr := s.flush(commit); flushErr != nil {
		return flushErr
	}
	if fault.Of(err) == fault.Internal {
		err = fault.Wrap(err, fault.Unavailable, "the file broke off after %d entries; what was read is kept, nothing was removed", s.total)
	}
	return err
}

func (s *fileSource) flush(commit func(page) error) error {
	p := s.next
	s.next.items, s.next.aside = nil, nil
	return commit(p)
}

// sound refuses to take a file's silence for removals when it does not look whole.
func (s *fileSource) sound() error {
	slices.Sort(s.seen)
	switch {
	case s.total == 0:
		return fault.New(fault.Unavailable, "the file holds no entry; nothing was removed")
	case s.aside > 10 && s.aside > s.total/100:
		return fault.New(fault.Unavailable, "%d of the file's entries could not be read; what could is kept, nothing was removed", s.aside)
	}
	return nil
}

// removeOthers takes off the list what is no longer in the file.
func (s *fileSource) removeOthers(ctx context.Context, commit func(page) error) error {
	after := ""
	for {
		keys, err := store.Collect(ctx, s.x.DB.Reader(), func(rows *sql.Rows) (v string, err error) { return v, rows.Scan(&v) }, `SELECT k.upstream FROM exchange_key k
			WHERE k.exchange_id = $1 AND k.upstream > $2 AND k.content > 0
			AND NOT EXISTS (SELECT 1 FROM exchange_key n WHERE n.exchange_id = k.exchange_id AND n.upstream = k.upstream AND n.id > k.id)
			ORDER BY k.upstream LIMIT 1000`, s.e.ID, after)
		if err != nil || len(keys) == 0 {
			return err
		}
		for _, key := range keys {
			if _, has := slices.BinarySearch(s.seen, hashed(key)); !has {
				s.next.items = append(s.next.items, foreign.Item{Key: key, Gone: true})
			}
		}
		if len(s.next.items) >= pageSize {
			if err := s.flush(commit); err != nil {
				return err
			}
		}
		after = keys[len(keys)-1]
	}
}

func hashed(key string) uint64 {
	h := fnv.New64a()
	io.WriteString(h, key)
	return h.Sum64()
}

// Report tells what an import did.
type Report struct {
	Added   int             `json:"added"`
	Present int             `json:"present"` // were on the list already
	Aside   []foreign.Aside `json:"-"`
	Unread  int             `json:"unread"` // could not be read; Aside has the first hundred
}

// Import adds what a file holds to an own list, a thousand entries at a time, and tells what it could not read. An entry whose hashes are
// all on the list already is passed over, so that an import that broke off can be repeated.
func (x *Exchanges) Import(ctx context.Context, listID int64, format string, r io.Reader) (rep Report, err error) {
	list, err := lists.ByID(ctx, x.DB.Reader(), listID)
	if err != nil {
		return rep, err
	}
	if !list.Own {
		return rep, fault.New(fault.Refused, "the list %s is held by %s; only its holder adds to it", list.Name, list.Holder)
	}
	var groups [][]lists.Entry
	pending := map[string]bool{}
	flush := func() error {
		if len(groups) == 0 {
			return nil
		}
		err := x.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			_, err := x.Lists.AddContents(ctx, tx, listID, groups)
			return err
		})
		if err == nil {
			rep.Added += len(groups)
			groups = nil
			clear(pending)
		}
		return err
	}
	err = readFile(format, list.Scheme, r, sink{
		item: func(v foreign.Item) error {
			if digest := digestOf(v.Entries); pending[digest] || x.present(listID, v.Entries) {
				rep.Present++
				return nil
			} else {
				pending[digest] = true
			}
			if groups = append(groups, v.Entries); len(groups) < pageSize {
				return nil
			}
			return flush()
		},
		aside: func(a foreign.Aside) error {
			if rep.Unread++; len(rep.Aside) < maxAsides {
				rep.Aside = append(rep.Aside, a)
			}
			return nil
		}})
	return rep, errors.Join(err, flush())
}

// present says whether a list has every hash of a group that can be looked up, and one at least.
func (x *Exchanges) present(listID int64, group []lists.Entry) bool {
	on := map[int64]bool{listID: true}
	n := 0
	for _, e := range group {
		q := lists.Query{Lists: on, Raw: true}
		switch e.Kind {
		case lists.MD5, lists.SHA1, lists.SHA256:
			q.Exact = []lists.Hash{{Kind: e.Kind, Value: e.Value}}
		case lists.PDQ:
			q.PDQ = parsePDQ(e.Value)
		default:
			continue
		}
		hits := x.Lists.Find(q)
		if !slices.ContainsFunc(hits, func(h lists.Hit) bool { return h.Kind == e.Kind && h.Distance == 0 }) {
			return false
		}
		n++
	}
	return n > 0
}

// Export writes an own list as a file: VICS 2.0, or a hash a line with its kind. A list of another holder is not passed on. left tells how
// many entries the format could not carry.
func (x *Exchanges) Export(ctx context.Context, listID int64, format string, w io.Writer) (wrote, left int, err error) {
	list, err := lists.ByID(ctx, x.DB.Reader(), listID)
	if err != nil {
		return 0, 0, err
	}
	if !list.Own {
		return 0, 0, fault.New(fault.Refused, "the list %s is held by %s; a list received from others is not passed on", list.Name, list.Holder)
	}
	write, end, err := exporter(format, list.Scheme, w)
	if err != nil {
		return 0, 0, err
	}
	now := store.Micros(x.Clock.Now())
	c := Cursor{}
	for {
		posted, next, more, err := walk(ctx, x.DB.Reader(), stretch{list: listID, until: now}, c, pageSize)
		if err != nil {
			return wrote, left, err
		}
		for _, p := range posted {
			if p.Gone {
				continue
			}
			did, err := write(p)
			if err != nil {
				return wrote, left, err
			}
			if did {
				wrote++
			} else {
				left++
			}
		}
		if !more {
			return wrote, left, end()
		}
		c = next
	}
}

func exporter(format, scheme string, w io.Writer) (write func(Posted) (bool, error), end func() error, err error) {
	switch format {
	case VICS:
		v, err := vics.NewWriter(w, scheme)
		if err != nil {
			return nil, nil, err
		}
		return func(p Posted) (bool, error) {
			return v.Write(vics.Media{ID: p.Content, Updated: p.At, Entries: p.Entries})
		}, v.Close, nil
	case Lines:
		return func(p Posted) (bool, error) { return true, hashfile.WriteLines(w, p.Entries) }, func() error { return nil }, nil
	}
	return nil, nil, fault.New(fault.Invalid, "a list is exported as %s or %s, not as %q", VICS, Lines, format)
}
