package casework

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Account is one account of a case, with what was found.
type Account struct {
	platforms.AccountRow
	CaseAccountID int64  `json:"case_account_id"`
	Finding       string `json:"finding"`
	Basis         string `json:"basis,omitempty"`
	Posts         int64  `json:"posts"`
	Analysed      int64  `json:"analysed"`
	Listed        int64  `json:"listed"`      // posts found to show listed media
	PriorCases    int64  `json:"prior_cases"` // other registered cases with a tip on this account
}

// Accounts reads a case's accounts.
func Accounts(ctx context.Context, q store.Queryer, caseID int64) ([]Account, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (a Account, err error) {
		return a, rows.Scan(&a.ID, &a.Host, &a.Handle, &a.NativeID, &a.URL, &a.DisplayName, &a.Bio, &a.State, &a.OpenedAt, &a.FirstSeenAt, &a.LookedAt,
			&a.CaseAccountID, &a.Finding, &a.Basis, &a.Posts, &a.Analysed, &a.Listed, &a.PriorCases)
	}, `SELECT a.id, a.host, a.handle, a.native_id, a.url, a.display_name, a.bio, a.state, a.opened_at, a.first_seen_at, a.looked_at, ca.id, ca.finding, ca.basis,
		(SELECT COUNT(*) FROM assignment s JOIN post p ON p.id = s.post_id WHERE s.case_id = ca.case_id AND p.account_id = a.id),
		(SELECT COUNT(*) FROM assignment s JOIN post p ON p.id = s.post_id WHERE s.case_id = ca.case_id AND p.account_id = a.id AND s.finding <> ''),
		(SELECT COUNT(*) FROM assignment s JOIN post p ON p.id = s.post_id WHERE s.case_id = ca.case_id AND p.account_id = a.id AND s.finding = 'listed_media'),
		(SELECT COUNT(DISTINCT c.id) FROM tip t JOIN case_file c ON c.id = t.case_id WHERE t.account_id = a.id AND c.serial > 0 AND c.id <> ca.case_id)
		FROM case_account ca JOIN account a ON a.id = ca.account_id WHERE ca.case_id = $1 ORDER BY ca.id`, caseID)
}

// Looked is what an account's public page showed.
type Looked struct {
	account *platforms.Account // nil: gone
	posts   []platforms.Post
}

// Look reads an account's public page and posts; Keep enters them. Reading is slow and stays outside the write.
func (c *Cases) Look(ctx context.Context, accountID int64) (Looked, error) {
	a, err := platforms.AccountByID(ctx, c.db.Reader(), accountID)
	if err != nil {
		return Looked{}, err
	}
	connector, err := c.register.Public(ctx, a.Host)
	if err != nil {
		return Looked{}, err
	}
	seen, err := connector.Lookup(ctx, a.Handle)
	if fault.Of(err) == fault.NotFound && err != nil {
		return Looked{}, nil
	}
	if err != nil {
		return Looked{}, err
	}
	v := Looked{account: &seen}
	err = connector.Posts(ctx, seen.ID, func(p platforms.Post) error {
		v.posts = append(v.posts, p)
		return nil
	})
	return v, err
}

// KeepLook enters what Look saw. If the handle has passed to another account, the old one is gone and the new one joins
// the case under its own id.
func (c *Cases) KeepLook(ctx context.Context, tx *store.Tx, caseID, accountID int64, v Looked) error {
	a, err := platforms.AccountByID(ctx, tx, accountID)
	if err != nil {
		return err
	}
	if v.account == nil || a.NativeID != "" && a.NativeID != v.account.ID {
		if err := c.register.SawGone(ctx, tx, a.ID); err != nil || v.account == nil {
			return err
		}
	}
	row, err := c.register.Saw(ctx, tx, *v.account)
	if err != nil {
		return err
	}
	if row.ID != a.ID {
		var n int64
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM case_account WHERE case_id = $1 AND account_id = $2", caseID, row.ID).Scan(&n); err != nil {
			return err
		}
		if n == 0 {
			if err := c.addAccount(ctx, tx, caseID, row.ID); err != nil {
				return err
			}
		}
	}
	if err := c.sawText(ctx, tx, caseID, row.ID, 0, row.Bio); err != nil {
		return err
	}
	for _, p := range v.posts {
		id, err := c.register.SawPost(ctx, tx, row.ID, p)
		if err != nil {
			return err
		}
		if err := c.sawText(ctx, tx, caseID, row.ID, id, p.Text); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cases) sawText(ctx context.Context, tx *store.Tx, caseID, accountID, postID int64, text string) error {
	if c.seen == nil {
		return nil
	}
	return c.seen.SawText(ctx, tx, caseID, accountID, postID, text)
}

// Examined are a post's media as the confined child saw them.
type Examined struct {
	rows    []platforms.MediaRow
	results []media.Result
}

// Examine fetches a post's media from the public view and hashes them; KeepExamined enters the hashes and matches.
func (c *Cases) Examine(ctx context.Context, assignmentID int64) (Examined, error) {
	var host, nativeID string
	var postID int64
	err := c.db.Reader().QueryRowContext(ctx, `SELECT a.host, p.native_id, p.id FROM assignment s JOIN post p ON p.id = s.post_id JOIN account a ON a.id = p.account_id WHERE s.id = $1`,
		assignmentID).Scan(&host, &nativeID, &postID)
	if errors.Is(err, sql.ErrNoRows) {
		return Examined{}, fault.New(fault.NotFound, "there is no such assignment")
	}
	if err != nil {
		return Examined{}, err
	}
	rows, err := platforms.MediaOf(ctx, c.db.Reader(), postID)
	if err != nil || len(rows) == 0 {
		return Examined{}, err
	}
	connector, err := c.register.Public(ctx, host)
	if err != nil {
		return Examined{}, err
	}
	post, err := connector.Post(ctx, nativeID)
	if err != nil && fault.Of(err) != fault.NotFound {
		return Examined{}, err
	}
	var e Examined
	for _, row := range rows {
		if row.HashedAt != 0 {
			continue
		}
		r, failure := c.hash(ctx, connector, post, row)
		if fault.Of(failure) == fault.Unavailable {
			return e, failure
		}
		hashed := platforms.HashedRow(r, failure)
		hashed.ID = row.ID
		if hashed.Kind == "" {
			hashed.Kind = row.Kind
		}
		e.rows, e.results = append(e.rows, hashed), append(e.results, r)
	}
	return e, nil
}

func (c *Cases) hash(ctx context.Context, connector *platforms.Mastodon, post platforms.Post, row platforms.MediaRow) (media.Result, error) {
	for _, m := range post.Media {
		if m.ID != row.NativeID {
			continue
		}
		b, err := connector.MediaBytes(ctx, m, 64<<20)
		if err != nil {
			return media.Result{}, err
		}
		return c.pool.Hash(ctx, b)
	}
	return media.Result{}, fault.New(fault.NotFound, "it was gone when it was to be examined")
}

// KeepExamined enters hashes and matches.
func (c *Cases) KeepExamined(ctx context.Context, tx *store.Tx, e Examined) error {
	for i, row := range e.rows {
		if err := c.register.Hashed(ctx, tx, row); err != nil {
			return err
		}
		if err := c.lists.Keep(ctx, tx, row.ID, row.SHA256, c.lists.Match(e.results[i])); err != nil {
			return err
		}
	}
	return nil
}

// Matches gives the matches of the post of an assignment.
func (c *Cases) Matches(ctx context.Context, q store.Queryer, assignmentID int64) ([]lists.Match, error) {
	ids, err := store.Collect(ctx, q, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
		"SELECT m.id FROM media m JOIN assignment s ON s.post_id = m.post_id WHERE s.id = $1 ORDER BY m.id", assignmentID)
	if err != nil {
		return nil, err
	}
	out := []lists.Match{}
	for _, id := range ids {
		m, err := lists.MatchOf(ctx, q, id)
		if err != nil {
			return nil, err
		}
		if m != nil {
			out = append(out, *m)
		}
	}
	return out, nil
}

// Analyse writes an analyst's finding on a post. "listed_media" needs a match that stands; a post with a match that nobody
// has decided cannot be closed.
func (c *Cases) Analyse(ctx context.Context, tx *store.Tx, assignmentID, by int64, finding, note string) error {
	var unhashed int64
	err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM media m JOIN assignment s ON s.post_id = m.post_id WHERE s.id = $1 AND m.hashed_at = 0", assignmentID).Scan(&unhashed)
	if err != nil {
		return err
	}
	if unhashed > 0 {
		return fault.New(fault.Conflict, "%d pictures or videos of this post were not examined yet", unhashed)
	}
	matches, err := c.Matches(ctx, tx, assignmentID)
	if err != nil {
		return err
	}
	stands := false
	for _, m := range matches {
		if m.State == lists.Unconfirmed {
			return fault.New(fault.Conflict, "match %d of this post waits for a decision", m.ID)
		}
		stands = stands || m.Stands()
	}
	if finding == "listed_media" && !stands {
		return fault.New(fault.Refused, "no exact or confirmed match stands behind this finding")
	}
	if finding != "listed_media" && stands {
		return fault.New(fault.Refused, "this post shows listed media; the finding must say so")
	}
	if finding != "listed_media" && finding != "weak_signal" && finding != "nothing" {
		return fault.New(fault.Invalid, "a finding is listed_media, weak_signal or nothing")
	}
	return c.log.Update(ctx, tx, "assignment", "post.analysed", time.Time{}, assignmentID, record.Fields{"finding": finding, "note": note, "analysed_by": by, "analysed_at": c.clock.Now()})
}

// Find writes an investigator's finding on an account. "offending" needs a post found to show listed media, or an earlier
// registered case on the same account.
func (c *Cases) Find(ctx context.Context, tx *store.Tx, caseID, accountID, by int64, finding, basis string) error {
	accounts, err := Accounts(ctx, tx, caseID)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if a.ID != accountID {
			continue
		}
		switch {
		case finding != Offending && finding != Undetermined && finding != Gone:
			return fault.New(fault.Invalid, "a finding on an account is offending, undetermined or gone")
		case finding == Offending && a.Listed == 0 && a.PriorCases == 0:
			return fault.New(fault.Refused, "no post with listed media and no earlier case stands behind this finding")
		case finding == Gone && a.State != platforms.Gone:
			return fault.New(fault.Refused, "the account's page was there when it was last looked at")
		case strings.TrimSpace(basis) == "":
			return fault.New(fault.Invalid, "say what the finding rests on")
		}
		return c.log.Update(ctx, tx, "case_account", "account."+finding, time.Time{}, a.CaseAccountID, record.Fields{"finding": finding, "basis": basis, "decided_by": by, "decided_at": c.clock.Now()})
	}
	return fault.New(fault.NotFound, "the account is not in this case")
}
