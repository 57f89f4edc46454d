package api

import (
	"context"
	"slices"
	"time"

	"raksha.example/raksha/internal/attribution"
	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/statistics"
	"raksha.example/raksha/internal/store"
)

type caseBody struct {
	Title       string  `json:"title"`
	TipIDs      []int64 `json:"tip_ids"`
	OperationID int64   `json:"operation_id,omitempty"`
}

type caseAccount struct {
	Credentials
	ID      int64 `path:"id"`
	Account int64 `path:"account"`
}

type findingBody struct {
	Finding string `json:"finding"`
	Basis   string `json:"basis"`
}

type analysisBody struct {
	Finding string `json:"finding"`
	Note    string `json:"note,omitempty"`
}

type arrestBody struct {
	Name       string `json:"name"`
	Place      string `json:"place"`
	Grounds    string `json:"grounds"`
	ArrestedAt int64  `json:"arrested_at"`
}

type judgementBody struct {
	Verdict  string   `json:"verdict"`
	Reason   string   `json:"reason"`
	Exhibits []string `json:"exhibits,omitempty"`
	Name     string   `json:"name,omitempty"`
}

type matchesView struct {
	Matches []lists.Match `json:"matches"`
}

type nameBody struct {
	Name string `json:"name"`
}

func (a *api) registerCases() {
	q := a.DB.Reader()
	read(a, "/operations", "Operations", func(ctx context.Context, _ *empty) ([]casework.Operation, error) { return casework.Operations(ctx, q) })
	type operationBody struct {
		Name   string `json:"name"`
		Period string `json:"period"`
	}
	write(a, "/operations", "Open an operation", nil, func(ctx context.Context, tx *store.Tx, in *with[operationBody], _ nothing) (newID, error) {
		id, err := a.Cases.OpenOperation(ctx, tx, in.Body.Name, in.Body.Period)
		return newID{id}, err
	})
	read(a, "/cases", "The cases that name the caller", func(ctx context.Context, _ *empty) ([]casework.Case, error) {
		all, err := casework.List(ctx, q)
		return visible(ctx, a, all, err, func(c casework.Case) (identity.Kind, int64, int64) { return identity.OfCase, c.ID, c.ID })
	})
	read(a, "/cases/{id}", "One case", func(ctx context.Context, in *byID) (casework.Case, error) { return casework.ByID(ctx, q, in.ID) })
	write(a, "/cases", "Open a case over tips", nil, func(ctx context.Context, tx *store.Tx, in *with[caseBody], _ nothing) (casework.Case, error) {
		c, err := a.Cases.OpenCase(ctx, tx, in.Body.Title, in.Body.TipIDs, in.Body.OperationID)
		if err != nil {
			return c, err
		}
		p, _ := identity.Acting(ctx)
		return c, a.People.Found(ctx, tx, c.ID, p)
	})
	write(a, "/cases/{id}/fir", "Register the FIR", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (casework.Case, error) {
		return a.Cases.RegisterFIR(ctx, tx, in.ID)
	})
	read(a, "/cases/{id}/teams", "A case's teams", func(ctx context.Context, in *byID) ([]casework.Team, error) { return casework.Teams(ctx, q, in.ID) })
	write(a, "/cases/{id}/teams", "Form a team", nil, func(ctx context.Context, tx *store.Tx, in *withID[nameBody], _ nothing) (newID, error) {
		id, err := a.Cases.AddTeam(ctx, tx, in.ID, in.Body.Name)
		return newID{id}, err
	})
	type dividedView struct {
		Divided int `json:"divided"`
	}
	write(a, "/cases/{id}/division", "Divide the posts among the teams", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (dividedView, error) {
		n, err := a.Cases.Divide(ctx, tx, in.ID)
		return dividedView{n}, err
	})
	read(a, "/cases/{id}/accounts", "A case's accounts", func(ctx context.Context, in *byID) ([]casework.Account, error) {
		return casework.Accounts(ctx, q, in.ID)
	})
	write(a, "/cases/{id}/accounts/{account}/look", "Look at an account's public page and posts",
		func(ctx context.Context, in *caseAccount) (casework.Looked, error) {
			if err := ofCase(ctx, q, in.ID, in.Account); err != nil {
				return casework.Looked{}, err
			}
			return a.Cases.Look(ctx, in.Account)
		},
		func(ctx context.Context, tx *store.Tx, in *caseAccount, v casework.Looked) (nothing, error) {
			return nothing{}, a.Cases.KeepLook(ctx, tx, in.ID, in.Account, v)
		})
	type accountFinding struct {
		Credentials
		ID      int64 `path:"id"`
		Account int64 `path:"account"`
		Body    findingBody
	}
	write(a, "/cases/{id}/accounts/{account}/finding", "Enter the finding on an account", nil, func(ctx context.Context, tx *store.Tx, in *accountFinding, _ nothing) (nothing, error) {
		return nothing{}, a.Cases.Find(ctx, tx, in.ID, in.Account, acting(ctx), in.Body.Finding, in.Body.Basis)
	})
	type shareFilter struct {
		Credentials
		ID     int64 `path:"id"`
		TeamID int64 `query:"team_id"`
		Open   bool  `query:"open"`
	}
	read(a, "/cases/{id}/assignments", "The posts in a team's share", func(ctx context.Context, in *shareFilter) ([]casework.Assignment, error) {
		return casework.Assignments(ctx, q, in.ID, in.TeamID, in.Open)
	})
	write(a, "/assignments/{id}/examination", "Fetch, hash and match the media of a post",
		func(ctx context.Context, in *byID) (casework.Examined, error) { return a.Cases.Examine(ctx, in.ID) },
		func(ctx context.Context, tx *store.Tx, in *byID, e casework.Examined) (matchesView, error) {
			if err := a.Cases.KeepExamined(ctx, tx, e); err != nil {
				return matchesView{}, err
			}
			m, err := a.Cases.Matches(ctx, tx, in.ID)
			return matchesView{m}, err
		})
	write(a, "/assignments/{id}/analysis", "Enter the finding on a post", nil, func(ctx context.Context, tx *store.Tx, in *withID[analysisBody], _ nothing) (nothing, error) {
		return nothing{}, a.Cases.Analyse(ctx, tx, in.ID, acting(ctx), in.Body.Finding, in.Body.Note)
	})
	write(a, "/cases/{id}/arrests", "Enter an arrest", nil, func(ctx context.Context, tx *store.Tx, in *withID[arrestBody], _ nothing) (nothing, error) {
		b := in.Body
		return nothing{}, a.Cases.EnterArrest(ctx, tx, casework.Arrest{CaseID: in.ID, Name: b.Name, Place: b.Place, Grounds: b.Grounds, ArrestedAt: store.Time(b.ArrestedAt)})
	})
	read(a, "/meetings", "Meetings", func(ctx context.Context, _ *empty) ([]casework.Meeting, error) { return casework.Meetings(ctx, q) })
	type meetingBody struct {
		Subject   string `json:"subject"`
		Attendees string `json:"attendees"`
		Asked     string `json:"asked"`
		HeldAt    int64  `json:"held_at"`
	}
	write(a, "/meetings", "Enter a meeting", nil, func(ctx context.Context, tx *store.Tx, in *with[meetingBody], _ nothing) (nothing, error) {
		b := in.Body
		return nothing{}, a.Cases.EnterMeeting(ctx, tx, casework.Meeting{Subject: b.Subject, Attendees: b.Attendees, Asked: b.Asked, HeldAt: b.HeldAt})
	})
	a.registerLinks()
}

func (a *api) registerLinks() {
	q := a.DB.Reader()
	read(a, "/cases/{id}/selectors", "What the case's accounts show", func(ctx context.Context, in *byID) ([]attribution.Seen, error) {
		return attribution.Selectors(ctx, q, in.ID)
	})
	read(a, "/cases/{id}/clusters", "Clusters of accounts", func(ctx context.Context, in *byID) ([]attribution.Cluster, error) {
		return attribution.Clusters(ctx, q, in.ID)
	})
	write(a, "/cases/{id}/clusters", "Compute the clusters anew", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) ([]attribution.Cluster, error) {
		return a.Links.Compute(ctx, tx, in.ID)
	})
	write(a, "/clusters/{id}/judgement", "Judge a cluster", nil, func(ctx context.Context, tx *store.Tx, in *withID[judgementBody], _ nothing) (nothing, error) {
		b := in.Body
		return nothing{}, a.Links.Judge(ctx, tx, in.ID, acting(ctx), b.Verdict, b.Reason, b.Exhibits, b.Name)
	})
	type asOf struct {
		Credentials
		AsOf   string `query:"as_of" doc:"an instant (RFC 3339) or a day, which counts to its end"`
		CaseID int64  `query:"case_id"`
	}
	read(a, "/statistics", "Figures, computed from the record as of a time", func(ctx context.Context, in *asOf) (statistics.Figures, error) {
		at, err := ParseAsOf(in.AsOf, a.Law.Location())
		if err != nil {
			return statistics.Figures{}, err
		}
		return statistics.Compute(ctx, q, at, in.CaseID, a.Law.Location())
	})
}

// ofCase refuses an account that is not the case's.
func ofCase(ctx context.Context, q store.Queryer, caseID, accountID int64) error {
	accounts, err := casework.Accounts(ctx, q, caseID)
	if err == nil && !slices.ContainsFunc(accounts, func(c casework.Account) bool { return c.ID == accountID }) {
		err = fault.New(fault.NotFound, "there is no account %d in case %d", accountID, caseID)
	}
	return err
}

// visible keeps of a list what the caller may see.
func visible[T any](ctx context.Context, a *api, all []T, err error, of func(T) (kind identity.Kind, id, caseID int64)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	p, _ := identity.Acting(ctx)
	sight, err := a.People.Sight(ctx, a.DB.Reader(), p)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(v T) bool { return !sight.Sees(of(v)) }), nil
}

// ParseAsOf reads an instant, or a day of a zone to its last microsecond; "" is the zero time, which means now.
func ParseAsOf(s string, zone *time.Location) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	day, err := time.ParseInLocation("2006-01-02", s, zone)
	if err != nil {
		return day, fault.New(fault.Invalid, "give an instant such as 2022-09-28T18:00:00+05:30 or a day such as 2022-09-28")
	}
	return day.AddDate(0, 0, 1).Add(-time.Microsecond), nil
}
