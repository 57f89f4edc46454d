package casework

import (
	"context"
	"database/sql"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Team is a team of a case with its share of the posts.
type Team struct {
	ID       int64  `json:"id"`
	CaseID   int64  `json:"case_id"`
	Name     string `json:"name"`
	Posts    int64  `json:"posts"`
	Analysed int64  `json:"analysed"`
	Listed   int64  `json:"listed"` // posts found to show listed media
}

// AddTeam forms a team.
func (c *Cases) AddTeam(ctx context.Context, tx *store.Tx, caseID int64, name string) (int64, error) {
	if name == "" {
		return 0, fault.New(fault.Invalid, "a team needs a name")
	}
	if _, err := ByID(ctx, tx, caseID); err != nil {
		return 0, err
	}
	return c.log.Insert(ctx, tx, "team", "team.formed", time.Time{}, record.Fields{"case_id": caseID, "name": name, "created_at": c.clock.Now()})
}

// Teams reads a case's teams.
func Teams(ctx context.Context, q store.Queryer, caseID int64) ([]Team, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (t Team, err error) {
		return t, rows.Scan(&t.ID, &t.CaseID, &t.Name, &t.Posts, &t.Analysed, &t.Listed)
	}, `SELECT t.id, t.case_id, t.name, COUNT(a.id), COALESCE(SUM(CASE WHEN a.finding <> '' THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN a.finding = 'listed_media' THEN 1 ELSE 0 END), 0)
		FROM team t LEFT JOIN assignment a ON a.team_id = t.id WHERE t.case_id = $1 GROUP BY t.id, t.case_id, t.name ORDER BY t.id`, caseID)
}

// Assignment is one post in the share of one team.
type Assignment struct {
	ID         int64  `json:"id"`
	CaseID     int64  `json:"case_id"`
	TeamID     int64  `json:"team_id"`
	PostID     int64  `json:"post_id"`
	AccountID  int64  `json:"account_id"`
	Finding    string `json:"finding,omitempty"` // listed_media, weak_signal, nothing
	Note       string `json:"note,omitempty"`
	AnalysedBy int64  `json:"analysed_by,omitempty"`
	AnalysedAt int64  `json:"analysed_at,omitempty"`
}

// Divide gives every post of the case's accounts that no team has yet to the team with the smallest share. Shares are
// disjoint and cover the set: a post stands once in a case, and none is left over.
func (c *Cases) Divide(ctx context.Context, tx *store.Tx, caseID int64) (divided int, err error) {
	teams, err := Teams(ctx, tx, caseID)
	if err != nil {
		return 0, err
	}
	if len(teams) == 0 {
		return 0, fault.New(fault.Conflict, "form teams first")
	}
	posts, err := store.Collect(ctx, tx, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
		`SELECT p.id FROM post p JOIN case_account ca ON ca.account_id = p.account_id AND ca.case_id = $1
		 WHERE NOT EXISTS (SELECT 1 FROM assignment a WHERE a.case_id = $1 AND a.post_id = p.id) ORDER BY p.id`, caseID)
	if err != nil {
		return 0, err
	}
	now := c.clock.Now()
	for _, post := range posts {
		least := 0
		for i := range teams {
			if teams[i].Posts < teams[least].Posts {
				least = i
			}
		}
		teams[least].Posts++
		if _, err := c.log.Insert(ctx, tx, "assignment", "post.assigned", time.Time{}, record.Fields{"case_id": caseID, "team_id": teams[least].ID, "post_id": post, "assigned_at": now}); err != nil {
			return 0, err
		}
	}
	return len(posts), nil
}

// Assignments reads a team's share; open ones only, if asked.
func Assignments(ctx context.Context, q store.Queryer, caseID, teamID int64, openOnly bool) ([]Assignment, error) {
	only := 0
	if openOnly {
		only = 1
	}
	return store.Collect(ctx, q, func(rows *sql.Rows) (a Assignment, err error) {
		return a, rows.Scan(&a.ID, &a.CaseID, &a.TeamID, &a.PostID, &a.AccountID, &a.Finding, &a.Note, &a.AnalysedBy, &a.AnalysedAt)
	}, `SELECT a.id, a.case_id, a.team_id, a.post_id, p.account_id, a.finding, a.note, COALESCE(a.analysed_by, 0), a.analysed_at
		FROM assignment a JOIN post p ON p.id = a.post_id WHERE a.case_id = $1 AND (CAST($2 AS BIGINT) = 0 OR a.team_id = $2) AND ($3 = 0 OR a.finding = '') ORDER BY a.id`, caseID, teamID, only)
}
