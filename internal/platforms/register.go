package platforms

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"strings"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Tables tell the record which rows to answer for. Who an account is stands in the sealed part.
var Tables = []record.Table{
	{Name: "platform"},
	{Name: "account", Sealed: []string{"handle", "url", "display_name", "bio"}},
	{Name: "post", Sealed: []string{"url", "content"}},
	{Name: "media"},
}

// States of an account as this node last saw its public page.
const (
	Unseen = "unseen"
	Live   = "live"
	Gone   = "gone"
)

// Platform is a server that this node reads, and acts on if it holds a token for it.
type Platform struct {
	ID      int64  `json:"id"`
	Host    string `json:"host"`
	Name    string `json:"name"`
	Kind    string `json:"kind"` // mastodon, holdings
	BaseURL string `json:"base_url"`
}

// AccountRow is an account as this node knows it. Times are microseconds UTC.
type AccountRow struct {
	ID          int64  `json:"id"`
	Host        string `json:"host"`
	Handle      string `json:"handle"`
	NativeID    string `json:"native_id,omitempty"`
	URL         string `json:"url"`
	DisplayName string `json:"display_name,omitempty"`
	Bio         string `json:"bio,omitempty"`
	State       string `json:"state"`
	OpenedAt    int64  `json:"opened_at,omitempty"` // when the platform says it was created
	FirstSeenAt int64  `json:"first_seen_at"`
	LookedAt    int64  `json:"looked_at,omitempty"`
}

// PostRow is a post as this node saw it.
type PostRow struct {
	ID        int64  `json:"id"`
	AccountID int64  `json:"account_id"`
	NativeID  string `json:"native_id"`
	URL       string `json:"url"`
	PostedAt  int64  `json:"posted_at"`
	Content   string `json:"content"`
	Language  string `json:"language,omitempty"`
}

// MediaRow is a picture or video of a post: its hashes, never its bytes.
type MediaRow struct {
	ID       int64  `json:"id"`
	PostID   int64  `json:"post_id,omitempty"`
	NativeID string `json:"native_id"`
	Kind     string `json:"kind"`
	SHA256   string `json:"sha256,omitempty"`
	MD5      string `json:"md5,omitempty"`
	PDQ      string `json:"pdq,omitempty"`
	Quality  int64  `json:"quality,omitempty"`
	Profile  string `json:"profile,omitempty"`
	Frames   string `json:"frames,omitempty"` // vPDQ text
	Size     int64  `json:"size,omitempty"`   // bytes
	Failure  string `json:"failure,omitempty"`
	HashedAt int64  `json:"hashed_at,omitempty"`
	Viewed   string `json:"-"` // as Viewed takes it; written by AddMedia alone
}

// Register keeps the platforms, accounts, posts and media that a node knows.
type Register struct {
	db     *store.DB
	log    *record.Log
	clock  clock.Clock
	client *http.Client
}

// NewRegister makes the register; client comes from fetch.New.
func NewRegister(db *store.DB, log *record.Log, c clock.Clock, client *http.Client) *Register {
	return &Register{db, log, c, client}
}

// Connect enters a platform, or changes where it is reached. The token, if any, is kept outside the record.
func (r *Register) Connect(ctx context.Context, tx *store.Tx, p Platform, token string) error {
	if p.Host == "" || p.BaseURL == "" || (p.Kind != "mastodon" && p.Kind != "holdings") {
		return fault.New(fault.Invalid, "a platform needs a host, a base URL (or file) and a kind: mastodon or holdings")
	}
	f := record.Fields{"name": p.Name, "kind": p.Kind, "base_url": p.BaseURL}
	var id int64
	err := tx.QueryRowContext(ctx, "SELECT id FROM platform WHERE host = $1", p.Host).Scan(&id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		f["host"], f["created_at"] = p.Host, r.clock.Now()
		_, err = r.log.Insert(ctx, tx, "platform", "platform.connected", time.Time{}, f)
	case err == nil:
		err = r.log.Update(ctx, tx, "platform", "platform.changed", time.Time{}, id, f)
	}
	if err != nil || token == "" {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO platform_secret (host, token) VALUES ($1, $2) ON CONFLICT (host) DO UPDATE SET token = excluded.token", p.Host, token)
	return err
}

// Platforms reads all platforms.
func (r *Register) Platforms(ctx context.Context, q store.Queryer) ([]Platform, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (p Platform, err error) {
		return p, rows.Scan(&p.ID, &p.Host, &p.Name, &p.Kind, &p.BaseURL)
	}, "SELECT id, host, name, kind, base_url FROM platform ORDER BY host")
}

func (r *Register) platform(ctx context.Context, host string) (p Platform, token string, err error) {
	err = r.db.Reader().QueryRowContext(ctx, `SELECT p.id, p.host, p.name, p.kind, p.base_url, COALESCE(s.token, '')
		FROM platform p LEFT JOIN platform_secret s ON s.host = p.host WHERE p.host = $1`, host).Scan(&p.ID, &p.Host, &p.Name, &p.Kind, &p.BaseURL, &token)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "no platform %q is connected to this node", host)
	}
	return p, token, err
}

// Public gives the connector for a platform's public view.
func (r *Register) Public(ctx context.Context, host string) (*Mastodon, error) {
	p, _, err := r.platform(ctx, host)
	if err == nil && p.Kind != "mastodon" {
		err = fault.New(fault.NotSupported, "%s has no public view that this node can read", host)
	}
	if err != nil {
		return nil, err
	}
	return NewMastodon(p.Host, p.BaseURL, "", r.client), nil
}

// Owned gives the connector with the owner's token; only a holder's node has one.
func (r *Register) Owned(ctx context.Context, host string) (*Mastodon, error) {
	p, token, err := r.platform(ctx, host)
	if err == nil && (p.Kind != "mastodon" || token == "") {
		err = fault.New(fault.NotSupported, "this node holds no token for %s and cannot act on it", host)
	}
	if err != nil {
		return nil, err
	}
	return NewMastodon(p.Host, p.BaseURL, token, r.client), nil
}

// Files opens the holdings file of a holder that has no server to ask.
func (r *Register) Files(ctx context.Context, host string) (*Holdings, error) {
	p, _, err := r.platform(ctx, host)
	if err == nil && p.Kind != "holdings" {
		err = fault.New(fault.NotSupported, "%s keeps no holdings file on this node", host)
	}
	if err != nil {
		return nil, err
	}
	return OpenHoldings(p.BaseURL)
}

const accountColumns = "SELECT id, host, handle, native_id, url, display_name, bio, state, opened_at, first_seen_at, looked_at FROM account "

func scanAccount(scan func(...any) error) (a AccountRow, err error) {
	err = scan(&a.ID, &a.Host, &a.Handle, &a.NativeID, &a.URL, &a.DisplayName, &a.Bio, &a.State, &a.OpenedAt, &a.FirstSeenAt, &a.LookedAt)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no such account")
	}
	return a, err
}

// AccountByID reads one account.
func AccountByID(ctx context.Context, q store.Queryer, id int64) (AccountRow, error) {
	return scanAccount(q.QueryRowContext(ctx, accountColumns+"WHERE id = $1", id).Scan)
}

// AccountByNativeID finds the account that a platform knows by an id of its own.
func AccountByNativeID(ctx context.Context, q store.Queryer, host, nativeID string) (AccountRow, error) {
	return scanAccount(q.QueryRowContext(ctx, accountColumns+"WHERE host = $1 AND native_id = $2", host, nativeID).Scan)
}

// EnsureAccount finds an account by the platform's id if that is known, otherwise the newest with that handle, and enters
// it when there is none. A handle may pass from one account to another; the platform's id does not.
func (r *Register) EnsureAccount(ctx context.Context, tx *store.Tx, host, handle, nativeID string) (AccountRow, error) {
	handle = CanonicalHandle(handle)
	var a AccountRow
	err := error(fault.NotFound)
	if nativeID != "" {
		if a, err = AccountByNativeID(ctx, tx, host, nativeID); fault.Of(err) == fault.NotFound {
			a, err = scanAccount(tx.QueryRowContext(ctx, accountColumns+"WHERE host = $1 AND handle = $2 AND native_id = ''", host, handle).Scan)
			if err == nil {
				err = r.log.Update(ctx, tx, "account", "account.identified", time.Time{}, a.ID, record.Fields{"native_id": nativeID})
				a.NativeID = nativeID
			}
		}
	} else {
		a, err = scanAccount(tx.QueryRowContext(ctx, accountColumns+"WHERE host = $1 AND handle = $2 ORDER BY id DESC LIMIT 1", host, handle).Scan)
	}
	if fault.Of(err) != fault.NotFound || err == nil {
		return a, err
	}
	at := accountLocator(host, handle)
	if handle == "" { // only the platform's own id is known
		at = Locator{Kind: KindAccount, Host: host, ID: nativeID}
	}
	id, err := r.log.Insert(ctx, tx, "account", "account.entered", time.Time{}, record.Fields{"host": host, "handle": handle, "native_id": nativeID,
		"url": at.String(), "state": Unseen, "first_seen_at": r.clock.Now()})
	if err != nil {
		return a, err
	}
	return AccountByID(ctx, tx, id)
}

// Saw writes what an account's public page shows.
func (r *Register) Saw(ctx context.Context, tx *store.Tx, a Account) (AccountRow, error) {
	row, err := r.EnsureAccount(ctx, tx, a.Host, a.Handle, a.ID)
	if err != nil {
		return row, err
	}
	err = r.log.Update(ctx, tx, "account", "account.seen", time.Time{}, row.ID, record.Fields{"display_name": a.DisplayName, "bio": a.Bio, "state": Live,
		"opened_at": a.CreatedAt, "looked_at": r.clock.Now()})
	if err != nil {
		return row, err
	}
	return AccountByID(ctx, tx, row.ID)
}

// SawGone writes that an account's public page is gone.
func (r *Register) SawGone(ctx context.Context, tx *store.Tx, id int64) error {
	return r.log.Update(ctx, tx, "account", "account.gone", time.Time{}, id, record.Fields{"state": Gone, "looked_at": r.clock.Now()})
}

// SawPost enters a post with its media, once.
func (r *Register) SawPost(ctx context.Context, tx *store.Tx, accountID int64, p Post) (id int64, err error) {
	err = tx.QueryRowContext(ctx, "SELECT id FROM post WHERE account_id = $1 AND native_id = $2", accountID, p.ID).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	if id, err = r.log.Insert(ctx, tx, "post", "post.seen", p.CreatedAt, record.Fields{"account_id": accountID, "native_id": p.ID, "url": p.URL,
		"posted_at": p.CreatedAt, "content": p.Text, "language": p.Language, "seen_at": r.clock.Now()}); err != nil {
		return 0, err
	}
	for _, m := range p.Media {
		if _, err := r.log.Insert(ctx, tx, "media", "media.seen", p.CreatedAt, record.Fields{"post_id": id, "native_id": m.ID, "kind": m.Kind}); err != nil {
			return 0, err
		}
	}
	return id, nil
}

// PostByID reads one post.
func PostByID(ctx context.Context, q store.Queryer, id int64) (p PostRow, err error) {
	err = q.QueryRowContext(ctx, "SELECT id, account_id, native_id, url, posted_at, content, language FROM post WHERE id = $1", id).
		Scan(&p.ID, &p.AccountID, &p.NativeID, &p.URL, &p.PostedAt, &p.Content, &p.Language)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no such post")
	}
	return p, err
}

const mediaColumns = "SELECT id, COALESCE(post_id, 0), native_id, kind, sha256, md5, pdq, quality, profile, frames, size, failure, hashed_at FROM media "

func scanMedia(scan func(...any) error) (m MediaRow, err error) {
	err = scan(&m.ID, &m.PostID, &m.NativeID, &m.Kind, &m.SHA256, &m.MD5, &m.PDQ, &m.Quality, &m.Profile, &m.Frames, &m.Size, &m.Failure, &m.HashedAt)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no such picture or video")
	}
	return m, err
}

// MediaByID reads one picture or video.
func MediaByID(ctx context.Context, q store.Queryer, id int64) (MediaRow, error) {
	return scanMedia(q.QueryRowContext(ctx, mediaColumns+"WHERE id = $1", id).Scan)
}

// MediaOf reads the media of a post.
func MediaOf(ctx context.Context, q store.Queryer, postID int64) ([]MediaRow, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (MediaRow, error) { return scanMedia(rows.Scan) }, mediaColumns+"WHERE post_id = $1 ORDER BY id", postID)
}

// Hashed writes the hashes of a picture or video, or why it has none.
func (r *Register) Hashed(ctx context.Context, tx *store.Tx, m MediaRow) error {
	return r.log.Update(ctx, tx, "media", "media.hashed", time.Time{}, m.ID, record.Fields{"kind": m.Kind, "sha256": m.SHA256, "md5": m.MD5, "pdq": m.PDQ,
		"quality": m.Quality, "profile": m.Profile, "frames": m.Frames, "size": m.Size, "failure": m.Failure, "hashed_at": r.clock.Now()})
}

// AddMedia enters media that came with a report and belongs to no post.
func (r *Register) AddMedia(ctx context.Context, tx *store.Tx, m MediaRow) (int64, error) {
	return r.log.Insert(ctx, tx, "media", "media.received", time.Time{}, record.Fields{"native_id": m.NativeID, "kind": m.Kind, "sha256": m.SHA256, "md5": m.MD5,
		"pdq": m.PDQ, "quality": m.Quality, "profile": m.Profile, "frames": m.Frames, "size": m.Size, "failure": m.Failure, "viewed": m.Viewed, "hashed_at": r.clock.Now()})
}

// Viewed writes whether the provider that reported a picture or video has looked at it: "yes", "no", "unknown", or "" for none that a
// provider reported.
func (r *Register) Viewed(ctx context.Context, tx *store.Tx, mediaID int64, viewed string) error {
	if mediaID == 0 || viewed == "" {
		return nil
	}
	return r.log.Update(ctx, tx, "media", "media.viewed_by_provider", time.Time{}, mediaID, record.Fields{"viewed": viewed})
}

// HashedRow turns what the confined child found of a file into the columns of a row; a file that could not be decoded
// keeps its exact hashes and says why.
func HashedRow(r media.Result, err error) MediaRow {
	m := MediaRow{Kind: r.Kind, SHA256: r.SHA256, MD5: r.MD5, PDQ: r.PDQ, Quality: int64(r.Quality), Profile: r.Profile, Size: r.Bytes}
	var frames strings.Builder
	for _, f := range r.Frames {
		frames.WriteString(f.String() + "\n")
	}
	m.Frames = frames.String()
	if err != nil {
		m.Failure = fault.Message(err)
	}
	return m
}
