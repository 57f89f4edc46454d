package api

import (
	"context"
	"encoding/json"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/pdq"
)

// newList is a list to create.
type newList struct {
	Name          string   `json:"name"`
	Bank          string   `json:"bank,omitempty"`
	Provenance    string   `json:"provenance,omitempty" doc:"Where its hashes come from and who vouches for them"`
	Scheme        string   `json:"scheme,omitempty" doc:"Of its labels: NCMEC, INHOPE, VICS/US, ..."`
	SchemeVersion string   `json:"scheme_version,omitempty"`
	Threshold     *int     `json:"threshold,omitempty" minimum:"0" maximum:"31" doc:"Bits up to which a PDQ on it matches; 31 if not given"`
	Share         *float64 `json:"share,omitempty" minimum:"0" maximum:"1" doc:"Of the look-ups in which it takes part; 1 if not given"`
}

type listChange struct {
	Name       *string  `json:"name,omitempty"`
	Bank       *string  `json:"bank,omitempty"`
	Provenance *string  `json:"provenance,omitempty"`
	Threshold  *int     `json:"threshold,omitempty" minimum:"0" maximum:"31"`
	Share      *float64 `json:"share,omitempty" minimum:"0" maximum:"1"`
}

type newEntries struct {
	Entries []lists.Entry `json:"entries" maxItems:"50000"`
}

// addedEntries are the numbers of new contents, and from which change on look-ups see them.
type addedEntries struct {
	IDs      []int64 `json:"ids"`
	Sequence int64   `json:"sequence"`
}

type removedEntries struct {
	Removed  int   `json:"removed"`
	Sequence int64 `json:"sequence"`
}

type contentIDs struct {
	IDs []int64 `json:"ids" maxItems:"50000"`
}

// onContent is an operation on one content of a list.
type onContent[T any] struct {
	Credentials
	ID      int64 `path:"id"`
	Content int64 `path:"content"`
	Body    T
}

func (a *api) registerEntries() {
	read(a, "/lists", "Hash lists", func(ctx context.Context, _ *empty) ([]lists.List, error) { return lists.All(ctx, a.DB.Reader()) })
	type status struct {
		Sequence int64          `json:"sequence" doc:"The newest change that look-ups on this node see"`
		NewestAt int64          `json:"newest_at,omitempty" doc:"When a list last changed"`
		Kinds    map[string]int `json:"kinds" doc:"Entries by kind"`
	}
	read(a, "/lists/status", "What look-ups on this node see", func(ctx context.Context, _ *empty) (status, error) {
		out := status{Sequence: a.Lists.Sequence(), Kinds: map[string]int{}}
		for kind, v := range a.Lists.Kinds() {
			out.Kinds[kind] = v.Entries
		}
		newest, err := a.Lists.Newest(ctx)
		if !newest.IsZero() {
			out.NewestAt = store.Micros(newest)
		}
		return out, err
	})
	read(a, "/lists/{id}", "One hash list", func(ctx context.Context, in *byID) (lists.List, error) {
		return lists.ByID(ctx, a.DB.Reader(), in.ID)
	})
	write(a, "/lists", "Create a list of this agency", nil, func(ctx context.Context, tx *store.Tx, in *with[newList], _ nothing) (newID, error) {
		b := in.Body
		id, err := a.Lists.CreateList(ctx, tx, lists.New{Name: b.Name, Bank: b.Bank, Provenance: b.Provenance, Scheme: b.Scheme, SchemeVersion: b.SchemeVersion, Threshold: b.Threshold, Share: b.Share})
		return newID{id}, err
	})
	write(a, "/lists/{id}/changes", "Change a list's name, provenance, threshold or share", nil, func(ctx context.Context, tx *store.Tx, in *withID[listChange], _ nothing) (lists.List, error) {
		b := in.Body
		return a.Lists.UpdateList(ctx, tx, in.ID, lists.Update{Name: b.Name, Bank: b.Bank, Provenance: b.Provenance, Threshold: b.Threshold, Share: b.Share})
	})
	write(a, "/lists/{id}/removal", "Remove a list: nothing on it matches any more", nil, func(ctx context.Context, tx *store.Tx, in *withID[nothing], _ nothing) (nothing, error) {
		return nothing{}, a.Lists.RemoveList(ctx, tx, in.ID)
	})
	type page struct {
		Credentials
		ID    int64 `path:"id"`
		After int64 `query:"after" doc:"The last number of the page before"`
		Limit int   `query:"limit" default:"1000" minimum:"1" maximum:"10000"`
	}
	read(a, "/lists/{id}/entries", "Entries of a list, page by page", func(ctx context.Context, in *page) ([]lists.ListedEntry, error) {
		if _, err := lists.ByID(ctx, a.DB.Reader(), in.ID); err != nil {
			return nil, err
		}
		out, err := lists.Entries(ctx, a.DB.Reader(), in.ID, in.After, in.Limit)
		a.Lists.Mark(out)
		return out, err
	})
	write(a, "/lists/{id}/entries", "Add entries to an own list, all or none; each is a content of its own", nil,
		func(ctx context.Context, tx *store.Tx, in *withID[newEntries], _ nothing) (addedEntries, error) {
			if err := a.holds(ctx, tx, in.ID); err != nil {
				return addedEntries{}, err
			}
			groups := make([][]lists.Entry, len(in.Body.Entries))
			for i, e := range in.Body.Entries {
				groups[i] = []lists.Entry{e}
			}
			ids, err := a.Lists.AddContents(ctx, tx, in.ID, groups)
			if err != nil {
				return addedEntries{}, err
			}
			sequence, err := lists.LastChange(ctx, tx, in.ID)
			return addedEntries{ids, sequence}, err
		})
	write(a, "/lists/{id}/entries/removal", "Remove contents from an own list; numbers that are not on it are passed over", nil,
		func(ctx context.Context, tx *store.Tx, in *withID[contentIDs], _ nothing) (removedEntries, error) {
			if err := a.holds(ctx, tx, in.ID); err != nil {
				return removedEntries{}, err
			}
			n, err := a.Lists.Remove(ctx, tx, in.ID, in.Body.IDs...)
			if err != nil {
				return removedEntries{}, err
			}
			sequence, err := lists.LastChange(ctx, tx, in.ID)
			return removedEntries{n, sequence}, err
		})
	type content struct {
		Credentials
		ID      int64 `path:"id"`
		Content int64 `path:"content"`
	}
	read(a, "/lists/{id}/contents/{content}", "A picture or film on a list", func(ctx context.Context, in *content) (lists.Content, error) {
		return lists.ContentByID(ctx, a.DB.Reader(), in.ID, in.Content)
	})
	read(a, "/lists/{id}/contents/{content}/history", "What became of a content, and who did it", func(ctx context.Context, in *content) ([]lists.Change, error) {
		return lists.History(ctx, a.DB.Reader(), in.ID, in.Content)
	})
	type until struct {
		Until int64 `json:"until,omitempty" doc:"Microseconds UTC; 0 is for ever"`
	}
	write(a, "/lists/{id}/contents/{content}/disabling", "Leave a content out of look-ups, for good or until a time", nil,
		func(ctx context.Context, tx *store.Tx, in *onContent[until], _ nothing) (nothing, error) {
			var at time.Time
			if in.Body.Until != 0 {
				at = store.Time(in.Body.Until)
			}
			return nothing{}, a.Lists.Disable(ctx, tx, in.ID, in.Content, at)
		})
	write(a, "/lists/{id}/contents/{content}/enabling", "Take a content into look-ups again", nil,
		func(ctx context.Context, tx *store.Tx, in *onContent[nothing], _ nothing) (nothing, error) {
			return nothing{}, a.Lists.Enable(ctx, tx, in.ID, in.Content)
		})
	type note struct {
		Note string `json:"note" maxLength:"255"`
	}
	write(a, "/lists/{id}/contents/{content}/note", "Write a note beside a content; an empty one clears it", nil,
		func(ctx context.Context, tx *store.Tx, in *onContent[note], _ nothing) (nothing, error) {
			return nothing{}, a.Lists.Note(ctx, tx, in.ID, in.Content, in.Body.Note)
		})
	act(a, "/match", "Ask which entries match the hashes of one file: exact ones first, then the nearest", func(ctx context.Context, in *with[asked]) (found, error) {
		q, err := in.Body.query()
		if err != nil {
			return found{}, err
		}
		p, _ := identity.Acting(ctx)
		return found{Hits: a.tell(a.Lists.Find(q), p.May(identity.ProbeLists)), Sequence: a.Lists.Sequence()}, nil
	})
}

// holds refuses a list whose entries are not this agency's to change.
func (a *api) holds(ctx context.Context, q store.Queryer, listID int64) error {
	v, err := lists.ByID(ctx, q, listID)
	switch {
	case err != nil:
		return err
	case v.RemovedAt > 0:
		return fault.New(fault.NotFound, "there is no such list")
	case !v.Own:
		return fault.New(fault.Refused, "the list %s is held by %s; only its holder adds and removes", v.Name, v.Holder)
	}
	return nil
}

// asked are the hashes of one file.
type asked struct {
	Hashes []lists.Hash `json:"hashes" minItems:"1" maxItems:"64" doc:"kind is pdq, sha256, sha1 or md5; value is hexadecimal; several pdq are the orientations of one picture"`
	Lists  []int64      `json:"lists,omitempty" doc:"Ask only these"`
	Seed   string       `json:"seed,omitempty" maxLength:"200" doc:"Decides whether a list with a share takes part: the same seed, the same answer"`
	Raw    bool         `json:"raw,omitempty" doc:"Also what is disabled, and lists that are off"`
}

func (b asked) query() (lists.Query, error) {
	q := lists.Query{Raw: b.Raw, Seed: b.Seed}
	if q.Seed == "" {
		q.Seed = lists.FreshSeed()
	}
	if len(b.Lists) > 0 {
		q.Lists = map[int64]bool{}
		for _, id := range b.Lists {
			q.Lists[id] = true
		}
	}
	for i, h := range b.Hashes {
		h, err := lists.CheckHash(h)
		if err != nil {
			return q, fault.New(fault.Invalid, "hash %d: %s", i+1, fault.Message(err))
		}
		if h.Kind != lists.PDQ {
			q.Exact = append(q.Exact, h)
			continue
		}
		one, err := pdq.Parse(h.Value)
		if err != nil {
			return q, fault.New(fault.Invalid, "hash %d: a pdq is 64 hexadecimal digits", i+1)
		}
		q.PDQ = append(q.PDQ, one)
	}
	return q, nil
}

// hit is one entry that matches, as a caller may be told.
type hit struct {
	List          string `json:"list"`
	Holder        string `json:"holder"`
	Kind          string `json:"kind"`
	Exact         bool   `json:"exact"` // the file itself is on the list
	Label         string `json:"label,omitempty"`
	Scheme        string `json:"scheme,omitempty"`
	SchemeVersion string `json:"scheme_version,omitempty"`
	ListID        int64  `json:"list_id,omitempty"` // like all below, for those who may be told details
	Content       int64  `json:"content,omitempty"`
	Distance      *int   `json:"distance,omitempty"`    // bits, of pdq
	FrameShare    int    `json:"frame_share,omitempty"` // percent of the query's frames, of vpdq
	Disabled      bool   `json:"disabled,omitempty"`
}

type found struct {
	Hits     []hit `json:"hits"`
	Sequence int64 `json:"sequence" doc:"The newest change that this answer knows"`
}

func (a *api) tell(hits []lists.Hit, details bool) []hit {
	out := []hit{}
	told := map[hit]bool{}
	for _, h := range hits {
		v, there := a.Lists.List(h.ListID)
		if !there {
			continue
		}
		t := hit{List: v.Name, Holder: v.Holder, Kind: h.Kind, Exact: h.Exact(), Label: h.Label, Scheme: v.Scheme, SchemeVersion: v.SchemeVersion}
		if details {
			t.ListID, t.Content, t.FrameShare, t.Disabled = h.ListID, h.Content, h.Share, h.Disabled
			if h.Kind == lists.PDQ {
				t.Distance = &h.Distance
			}
		} else if told[t] {
			continue // how many there are is a detail too
		} else {
			told[t] = true
		}
		out = append(out, t)
	}
	return out
}

// readJSON reads a strict JSON body.
func readJSON(b []byte, into any) error {
	if err := json.Unmarshal(b, into); err != nil {
		return fault.New(fault.Invalid, "the body is not the JSON that is asked for: %v", err)
	}
	return nil
}
