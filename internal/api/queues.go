package api

import (
	"context"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

type queueBody struct {
	Name         string             `json:"name" maxLength:"80"`
	Place        int64              `json:"place" doc:"lower is tried first"`
	Desk         string             `json:"desk,omitempty"`
	Team         string             `json:"team,omitempty" maxLength:"80" doc:"only its members work the queue"`
	Role         string             `json:"role,omitempty" maxLength:"80" doc:"only people with this role work the queue"`
	Filter       triage.QueueFilter `json:"filter,omitempty"`
	TwoPerson    bool               `json:"two_person,omitempty"`
	ClaimMinutes int64              `json:"claim_minutes,omitempty"`
	Close        bool               `json:"close,omitempty" doc:"of a change: close the queue"`
}

func (b queueBody) queue(id int64) triage.Queue {
	return triage.Queue{ID: id, Name: b.Name, Place: b.Place, Desk: b.Desk, Team: b.Team, Role: b.Role, Filter: b.Filter, TwoPerson: b.TwoPerson, ClaimMinutes: b.ClaimMinutes}
}

type sorted struct {
	ID    int64 `json:"id,omitempty"`
	Moved int   `json:"moved"` // tips that went to another queue
}

type queuePage struct {
	Credentials
	ID    int64  `path:"id"`
	After string `query:"after" maxLength:"80" doc:"the place that the page before gave as next"`
	Limit int    `query:"limit" maximum:"500"`
}

type queueTips struct {
	Tips []intake.Tip `json:"tips"`
	Next string       `json:"next,omitempty"` // the place after which the next page begins
}

type nextBody struct {
	QueueID *int64 `json:"queue_id,omitempty" doc:"only this queue; 0 is the one that takes the rest"`
}

type handBackBody struct {
	Note string `json:"note" maxLength:"1000"`
}

type handOverBody struct {
	To   string `json:"to" doc:"username"`
	Note string `json:"note" maxLength:"1000"`
}

type secondBody struct {
	triage.Said
	Of string `json:"of,omitempty" doc:"username; without it whoever works the queue"`
}

type classBody struct {
	Class  string `json:"class"`
	Reason string `json:"reason" maxLength:"1000"`
}

type labelBody struct {
	Label string `json:"label" maxLength:"120"`
}

type teamBody struct {
	Team     string `json:"team" maxLength:"80"`
	Username string `json:"username"`
	In       bool   `json:"in" doc:"false takes the person out"`
}

type exposureView struct {
	Today triage.Exposure `json:"today"`
	Own   triage.Limits   `json:"own"` // limits that the person set for themselves; nobody else is told
}

type limitsView struct {
	Node    triage.Limits    `json:"node"`
	Reached []triage.Reached `json:"reached"` // today
}

// registerQueues has the work with tips: queues, claims, decisions at the work, exposure.
func (a *api) registerQueues() {
	q := a.DB.Reader()
	a.registerQueueList()
	a.registerExposure()
	act(a, "/queues/next", "Take the tip to work on", func(ctx context.Context, in *with[nextBody]) (triage.Work, error) {
		p, _ := identity.Acting(ctx)
		queue := int64(-1)
		if in.Body.QueueID != nil {
			queue = *in.Body.QueueID
		}
		c, err := a.Triage.Next(ctx, p, queue)
		if err != nil {
			return triage.Work{}, err
		}
		purpose, err := identity.ParsePurpose(in.Purpose)
		if err == nil {
			err = a.People.Saw(ctx, p, identity.Read{Object: "tip", ObjectID: c.TipID, Purpose: purpose})
		}
		if err != nil {
			return triage.Work{}, err
		}
		return a.Triage.Open(ctx, p, c.TipID)
	})
	act(a, "/tips/{id}/claim", "Take one certain tip", func(ctx context.Context, in *byID) (triage.Claim, error) {
		p, _ := identity.Acting(ctx)
		return a.Triage.Take(ctx, p, in.ID)
	})
	act(a, "/tips/{id}/work", "Go on with a tip that one holds; this counts as activity", func(ctx context.Context, in *byID) (triage.Work, error) {
		p, _ := identity.Acting(ctx)
		return a.Triage.Open(ctx, p, in.ID)
	})
	write(a, "/tips/{id}/consent", "Work on a tip with a child in danger though a limit of exposure is reached", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (nothing, error) {
		p, _ := identity.Acting(ctx)
		return nothing{}, a.Triage.Consent(ctx, tx, p, in.ID)
	})
	write(a, "/tips/{id}/decision", "Say what a tip is that one holds", nil, func(ctx context.Context, tx *store.Tx, in *withID[triage.Said], _ nothing) (triage.Decided, error) {
		p, _ := identity.Acting(ctx)
		return a.Triage.Say(ctx, tx, p, in.ID, in.Body, false, identity.Person{})
	})
	write(a, "/tips/{id}/second-opinion", "Say what a tip is, and ask another person, who does not see it before they said it too", nil,
		func(ctx context.Context, tx *store.Tx, in *withID[secondBody], _ nothing) (triage.Decided, error) {
			p, _ := identity.Acting(ctx)
			of, err := a.named(ctx, tx, in.Body.Of)
			if err != nil {
				return triage.Decided{}, err
			}
			return a.Triage.Say(ctx, tx, p, in.ID, in.Body.Said, true, of)
		})
	write(a, "/tips/{id}/hand-back", "Give a tip back to its queue", nil, func(ctx context.Context, tx *store.Tx, in *withID[handBackBody], _ nothing) (nothing, error) {
		p, _ := identity.Acting(ctx)
		return nothing{}, a.Triage.HandBack(ctx, tx, p, in.ID, in.Body.Note)
	})
	write(a, "/tips/{id}/hand-over", "Hand a tip to another person", nil, func(ctx context.Context, tx *store.Tx, in *withID[handOverBody], _ nothing) (triage.Claim, error) {
		p, _ := identity.Acting(ctx)
		to, err := a.People.ByUsername(ctx, tx, in.Body.To)
		if err != nil {
			return triage.Claim{}, err
		}
		return a.Triage.GiveTo(ctx, tx, p, to, in.ID, in.Body.Note)
	})
	write(a, "/tips/{id}/class", "Say that a tip is of another class", nil, func(ctx context.Context, tx *store.Tx, in *withID[classBody], _ nothing) (nothing, error) {
		p, _ := identity.Acting(ctx)
		return nothing{}, a.Triage.Reclassify(ctx, tx, p, in.ID, in.Body.Class, in.Body.Reason)
	})
	write(a, "/tips/{id}/label", "Give a tip a word to sort by", nil, func(ctx context.Context, tx *store.Tx, in *withID[labelBody], _ nothing) (nothing, error) {
		p, _ := identity.Acting(ctx)
		return nothing{}, a.Triage.Relabel(ctx, tx, p, in.ID, in.Body.Label)
	})
	read(a, "/tips/{id}/decisions", "What people said of a tip, as far as one may see it", func(ctx context.Context, in *byID) ([]triage.Decision, error) {
		p, _ := identity.Acting(ctx)
		return a.Triage.SaidOf(ctx, q, p, in.ID)
	})
	read(a, "/decisions", "What became of what one decided", func(ctx context.Context, _ *empty) ([]triage.Became, error) {
		return triage.BecameOf(ctx, q, acting(ctx), 200)
	})
}

// registerQueueList has the queues themselves and who works them.
func (a *api) registerQueueList() {
	q := a.DB.Reader()
	read(a, "/queues", "Queues with what waits in them", func(ctx context.Context, _ *empty) ([]triage.QueueState, error) {
		p, _ := identity.Acting(ctx)
		return a.Triage.QueueStates(ctx, q, p)
	})
	act(a, "/queues", "Add a queue; the tips that wait go where they belong", func(ctx context.Context, in *with[queueBody]) (s sorted, err error) {
		err = a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			made, err := a.Triage.AddQueue(ctx, tx, in.Body.queue(0))
			s.ID = made.ID
			return err
		})
		if err == nil {
			s.Moved, err = a.Triage.Sort(ctx)
		}
		return s, err
	})
	act(a, "/queues/{id}/change", "Change or close a queue; the tips that wait go where they belong", func(ctx context.Context, in *withID[queueBody]) (s sorted, err error) {
		err = a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return a.Triage.ChangeQueue(ctx, tx, in.Body.queue(in.ID), in.Body.Close)
		})
		if err == nil {
			s.Moved, err = a.Triage.Sort(ctx)
		}
		return s, err
	})
	act(a, "/queues/sorting", "Put every waiting tip into the queue where it belongs", func(ctx context.Context, _ *empty) (s sorted, err error) {
		s.Moved, err = a.Triage.Sort(ctx)
		return s, err
	})
	read(a, "/queues/{id}/tips", "The tips of a queue in the order in which they are worked", func(ctx context.Context, in *queuePage) (v queueTips, err error) {
		var after *intake.Place
		if in.After != "" {
			p, err := intake.ParsePlace(in.After)
			if err != nil {
				return v, err
			}
			after = &p
		}
		limit := in.Limit
		if limit <= 0 {
			limit = 50
		}
		if v.Tips, err = a.Triage.QueuePage(ctx, q, in.ID, after, limit); err == nil && len(v.Tips) == limit {
			v.Next = intake.PlaceOf(v.Tips[limit-1]).String()
		}
		return v, err
	})
	read(a, "/teams", "Who is in which team", func(ctx context.Context, _ *empty) ([]triage.TeamMember, error) { return triage.Teams(ctx, q) })
	write(a, "/teams", "Put a person into a team, or take them out", nil, func(ctx context.Context, tx *store.Tx, in *with[teamBody], _ nothing) (nothing, error) {
		p, err := a.People.ByUsername(ctx, tx, in.Body.Username)
		if err != nil {
			return nothing{}, err
		}
		return nothing{}, a.Triage.SetTeam(ctx, tx, in.Body.Team, p.ID, in.Body.In)
	})
}

// registerExposure has what a person was exposed to, for them alone, and the node's limits.
func (a *api) registerExposure() {
	q := a.DB.Reader()
	read(a, "/exposure", "One's own exposure to restricted material", func(ctx context.Context, _ *empty) (v exposureView, err error) {
		if v.Today, err = a.Triage.Exposure(ctx, q, acting(ctx)); err != nil {
			return v, err
		}
		v.Own, err = triage.OwnLimits(ctx, q, acting(ctx))
		return v, err
	})
	act(a, "/exposure/own", "Set closer limits for oneself; nobody else is told", func(ctx context.Context, in *with[triage.Limits]) (nothing, error) {
		return nothing{}, a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return a.Triage.SetOwnLimits(ctx, tx, acting(ctx), in.Body)
		})
	})
	read(a, "/exposure/limits", "The node's limits of exposure, and which were reached today", func(ctx context.Context, _ *empty) (v limitsView, err error) {
		if v.Node, err = a.Triage.NodeLimits(ctx, q); err != nil {
			return v, err
		}
		v.Reached, err = a.Triage.ReachedToday(ctx, q)
		return v, err
	})
	write(a, "/exposure/limits", "Set the node's limits of exposure", nil, func(ctx context.Context, tx *store.Tx, in *with[triage.Limits], _ nothing) (nothing, error) {
		return nothing{}, a.Triage.SetNodeLimits(ctx, tx, in.Body)
	})
}

// named finds the person of a username; none for an empty one.
func (a *api) named(ctx context.Context, q store.Queryer, username string) (identity.Person, error) {
	if username == "" {
		return identity.Person{}, nil
	}
	p, err := a.People.ByUsername(ctx, q, username)
	if err == nil && p.DisabledAt != 0 {
		err = fault.New(fault.Conflict, "%s has left", username)
	}
	return p, err
}
