// Package scan reads the public posts of a platform, hashes their media and discards the bytes; a match becomes a tip.
// Where it stands is committed together with what it found, so that a restart misses no post and doubles no tip.
package scan

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sync/errgroup"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/selector"
	"raksha.example/raksha/internal/store"
)

// Tables tell the record which rows to answer for.
var Tables = []record.Table{{Name: "scan"}}

const (
	batch      = 40       // posts between two commits
	mediaLimit = 64 << 20 // bytes of one picture or video
	fetchers   = 4        // posts examined at once
)

// State is where a scan stands and what it counted.
type State struct {
	ID        int64  `json:"id"`
	Source    string `json:"source"`
	Position  string `json:"position"` // the platform's id of the last post examined
	Posts     int64  `json:"posts"`
	Media     int64  `json:"media"`
	Matched   int64  `json:"matched"` // media that match a list
	ChangedAt int64  `json:"changed_at"`
}

// Scanner scans platforms.
type Scanner struct {
	db       *store.DB
	log      *record.Log
	clock    clock.Clock
	register *platforms.Register
	pool     *media.Pool
	lists    *lists.Lists
	tips     *intake.Tips
	country  Country
}

// Country is where phone numbers without country code are taken to be from, and whose name in a text tells the jurisdiction.
type Country struct {
	Code string // ISO 3166-1, such as IN
	Name string // as people write it
}

// New makes a scanner.
func New(db *store.DB, log *record.Log, c clock.Clock, register *platforms.Register, pool *media.Pool, l *lists.Lists, tips *intake.Tips, country Country) *Scanner {
	return &Scanner{db, log, c, register, pool, l, tips, country}
}

// examined is a post with the results of its media.
type examined struct {
	post    platforms.Post
	author  *platforms.Account // looked up when something matched and the account is still there
	results []media.Result
	errs    []error
	hits    [][]lists.Hit
}

func (e examined) matched() bool {
	for _, h := range e.hits {
		if len(h) > 0 {
			return true
		}
	}
	return false
}

// Backlog examines every public post of host that is newer than the scan's position.
func (s *Scanner) Backlog(ctx context.Context, host string) (State, error) {
	connector, err := s.register.Public(ctx, host)
	if err != nil {
		return State{}, err
	}
	state, err := s.state(ctx, s.db.Reader(), host)
	if err != nil {
		return State{}, err
	}
	var posts []platforms.Post
	from := state.Position
	flush := func() error {
		if len(posts) == 0 {
			return nil
		}
		err := s.examine(ctx, connector, host, from, posts)
		from, posts = posts[len(posts)-1].ID, nil
		return err
	}
	err = connector.Backlog(ctx, state.Position, func(p platforms.Post) error {
		if posts = append(posts, p); len(posts) < batch {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return State{}, fmt.Errorf("scan %s: %w", host, err)
	}
	return s.state(ctx, s.db.Reader(), host)
}

// examine hashes and matches a batch of posts that come after a position, then commits what it found with the new position.
func (s *Scanner) examine(ctx context.Context, connector *platforms.Mastodon, host, from string, posts []platforms.Post) error {
	done := make([]examined, len(posts))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(fetchers)
	for i, p := range posts {
		g.Go(func() (err error) {
			done[i], err = s.one(gctx, connector, p)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return s.db.Write(record.WithActor(ctx, "scan"), func(ctx context.Context, tx *store.Tx) error {
		state, err := s.state(ctx, tx, host)
		if err != nil {
			return err
		}
		if state.Position != from {
			return fault.New(fault.Conflict, "another scan of %s is running; its posts are examined there", host)
		}
		for _, e := range done {
			state.Posts++
			state.Media += int64(len(e.results))
			for _, h := range e.hits {
				if len(h) > 0 {
					state.Matched++
				}
			}
			if e.matched() {
				if err := s.tip(ctx, tx, e); err != nil {
					return err
				}
			}
			state.Position = e.post.ID
		}
		return s.save(ctx, tx, state)
	})
}

func (s *Scanner) one(ctx context.Context, connector *platforms.Mastodon, p platforms.Post) (examined, error) {
	e := examined{post: p}
	for _, m := range p.Media {
		var r media.Result
		b, err := connector.MediaBytes(ctx, m, mediaLimit)
		if err == nil {
			r, err = s.pool.Hash(ctx, b)
		}
		if fault.Of(err) == fault.Unavailable { // the batch is tried again; nothing is skipped silently
			return e, err
		}
		hits := s.lists.Match(r)
		e.results, e.errs, e.hits = append(e.results, r), append(e.errs, err), append(e.hits, hits)
	}
	if !e.matched() {
		return e, nil
	}
	a, err := connector.Account(ctx, p.AccountID)
	switch fault.Of(err) {
	case fault.NotFound:
		return e, nil
	default:
		if err != nil {
			return e, err
		}
	}
	e.author = &a
	return e, nil
}

// tip enters the account, the post, its hashes and matches, and the tip.
func (s *Scanner) tip(ctx context.Context, tx *store.Tx, e examined) error {
	p := e.post
	author := platforms.Account{Host: p.Host, ID: p.AccountID, Handle: p.Handle}
	if e.author != nil {
		author = *e.author
	}
	a, err := s.register.Saw(ctx, tx, author)
	if err != nil {
		return err
	}
	postID, err := s.register.SawPost(ctx, tx, a.ID, p)
	if err != nil {
		return err
	}
	rows, err := platforms.MediaOf(ctx, tx, postID)
	if err != nil {
		return err
	}
	for _, row := range rows {
		i := slices.IndexFunc(p.Media, func(m platforms.Media) bool { return m.ID == row.NativeID })
		if i < 0 {
			continue // it was in the post when that was seen first, and is no more
		}
		hashed := platforms.HashedRow(e.results[i], e.errs[i])
		hashed.ID = row.ID
		if hashed.Kind == "" {
			hashed.Kind = row.Kind
		}
		if err := s.register.Hashed(ctx, tx, hashed); err != nil {
			return err
		}
		if err := s.lists.Keep(ctx, tx, row.ID, hashed.SHA256, e.hits[i]); err != nil {
			return err
		}
	}
	_, err = s.tips.Enter(ctx, tx, intake.Tip{Source: intake.FromScan, Class: intake.ClassMedia, Reporter: "scan of " + p.Host, Locator: p.Locator().String(),
		AccountID: a.ID, PostID: postID, Hints: s.hints(author.Bio + "\n" + p.Text), OccurredAt: store.Micros(p.CreatedAt)})
	return err
}

// hints lists what in a public text tells the jurisdiction, one a line: phone numbers as "phone:+...", the country's name as
// "country:IN".
func (s *Scanner) hints(text string) string {
	var out []string
	for _, f := range selector.Find(text, s.country.Code) {
		if f.Selector.Kind == selector.Phone {
			out = append(out, "phone:"+f.Selector.Value)
		}
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
	if slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, s.country.Name) }) {
		out = append(out, "country:"+s.country.Code)
	}
	return strings.Join(out, "\n")
}

func (s *Scanner) state(ctx context.Context, q store.Queryer, host string) (v State, err error) {
	err = q.QueryRowContext(ctx, "SELECT id, source, position, posts, media, matched, changed_at FROM scan WHERE source = $1", host).
		Scan(&v.ID, &v.Source, &v.Position, &v.Posts, &v.Media, &v.Matched, &v.ChangedAt)
	if errors.Is(err, sql.ErrNoRows) {
		return State{Source: host}, nil
	}
	return v, err
}

func (s *Scanner) save(ctx context.Context, tx *store.Tx, v State) error {
	f := record.Fields{"position": v.Position, "posts": v.Posts, "media": v.Media, "matched": v.Matched, "changed_at": s.clock.Now()}
	if v.ID != 0 {
		return s.log.Update(ctx, tx, "scan", "scan.advanced", time.Time{}, v.ID, f)
	}
	f["source"] = v.Source
	_, err := s.log.Insert(ctx, tx, "scan", "scan.advanced", time.Time{}, f)
	return err
}

// States reads all scans.
func States(ctx context.Context, q store.Queryer) ([]State, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (v State, err error) {
		return v, rows.Scan(&v.ID, &v.Source, &v.Position, &v.Posts, &v.Media, &v.Matched, &v.ChangedAt)
	}, "SELECT id, source, position, posts, media, matched, changed_at FROM scan ORDER BY source")
}
