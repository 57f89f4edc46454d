package api

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/scan"
	"raksha.example/raksha/internal/store"
)

func readAll(r *http.Request) ([]byte, error) { return io.ReadAll(r.Body) }

type setupBody struct {
	Code         string `json:"code"`
	Agency       string `json:"agency"`
	Name         string `json:"name"`
	URL          string `json:"url"`
	Jurisdiction string `json:"jurisdiction"`
	Station      string `json:"station,omitempty"`
	Phone        string `json:"phone,omitempty"`
	Username     string `json:"username"`
	Password     string `json:"password"`
	PersonName   string `json:"person_name"`
}

type nodeView struct {
	Agency         string           `json:"agency"`
	Name           string           `json:"name"`
	Desks          []directory.Desk `json:"desks"`
	Fingerprint    string           `json:"fingerprint"`
	SetUp          bool             `json:"set_up"`
	Now            int64            `json:"now"`
	SimulatedClock bool             `json:"simulated_clock"`
	Version        string           `json:"version"`
}

type peerBody struct {
	URL         string   `json:"url"`
	Fingerprint string   `json:"fingerprint"`
	Instruments []string `json:"instruments"`
}

type platformBody struct {
	Host    string `json:"host"`
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	BaseURL string `json:"base_url"`
	Token   string `json:"token,omitempty"`
}

// open registers an operation that needs no session.
func open[I, O any](a *api, method, path, summary string, fn func(context.Context, *I) (O, error)) {
	huma.Register(a.huma, huma.Operation{OperationID: opID(strings.ToLower(method), path), Method: method, Path: "/api/v1" + path, Summary: summary, DefaultStatus: http.StatusOK, MaxBodyBytes: commandLimit},
		func(ctx context.Context, in *I) (*output[O], error) {
			out, err := fn(ctx, in)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &output[O]{out}, nil
		})
}

func (a *api) registerNode() {
	open(a, http.MethodGet, "/node", "Who this node is", func(ctx context.Context, _ *struct{}) (nodeView, error) {
		p := a.Self.Profile()
		return nodeView{p.Agency, p.Name, a.Self.Desks, directory.Fingerprint(a.Self.RootPublic()), p.Agency != "" && !a.SetupCode.Pending(), store.Micros(a.Clock.Now()), a.Simulated, a.Version}, nil
	})
	open(a, http.MethodPost, "/setup", "Set up an empty node with its one-time code", func(ctx context.Context, in *struct{ Body setupBody }) (map[string]string, error) {
		return map[string]string{"fingerprint": directory.Fingerprint(a.Self.RootPublic())}, a.setUp(ctx, in.Body)
	})
	read(a, "/peers", "The agencies this node knows", func(ctx context.Context, _ *empty) ([]directory.Peer, error) {
		return a.Book.Peers(ctx, a.DB.Reader())
	})
	write(a, "/peers", "Pin an agency by its root fingerprint, learnt out of band",
		func(ctx context.Context, in *with[peerBody]) ([]byte, error) { return a.fetchEntry(ctx, in.Body.URL) },
		func(ctx context.Context, tx *store.Tx, in *with[peerBody], entry []byte) (directory.Peer, error) {
			return a.Book.Pin(ctx, tx, in.Body.URL, in.Body.Fingerprint, in.Body.Instruments, entry)
		})
	read(a, "/platforms", "The platforms this node reads", func(ctx context.Context, _ *empty) ([]platforms.Platform, error) {
		return a.Register.Platforms(ctx, a.DB.Reader())
	})
	write(a, "/platforms", "Connect a platform", nil, func(ctx context.Context, tx *store.Tx, in *with[platformBody], _ nothing) (nothing, error) {
		b := in.Body
		return nothing{}, a.Register.Connect(ctx, tx, platforms.Platform{Host: b.Host, Name: b.Name, Kind: b.Kind, BaseURL: b.BaseURL}, b.Token)
	})
	a.registerLists()
	type tail struct {
		Credentials
		Before int64 `query:"before" default:"-1"`
		Limit  int   `query:"limit" default:"50" minimum:"1" maximum:"500"`
	}
	type recordView struct {
		Lines      []record.Line `json:"lines"`
		Checkpoint string        `json:"checkpoint"`
	}
	read(a, "/record", "The newest entries of the record and its checkpoint", func(ctx context.Context, in *tail) (recordView, error) {
		lines, err := record.Tail(ctx, a.DB.Reader(), in.Before, in.Limit)
		if err != nil {
			return recordView{}, err
		}
		text, err := a.Log.Checkpoint(ctx, a.DB.Reader())
		return recordView{lines, text}, err
	})
}

func (a *api) setUp(ctx context.Context, b setupBody) error {
	if err := a.SetupCode.Check(b.Code); err != nil {
		return err
	}
	if _, err := directory.ParseDesks(string(a.Self.Desks[0])); err != nil {
		return err
	}
	if err := a.Self.SetUp(directory.Profile{Agency: b.Agency, Name: b.Name, URL: b.URL, Jurisdiction: b.Jurisdiction, Station: b.Station, Phone: b.Phone}); err != nil {
		return err
	}
	err := a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if people, err := a.People.All(ctx, tx); err != nil || len(people) > 0 {
			return err // a crash kept the code from being marked as used; the first person is there
		}
		if err := a.Log.Note(ctx, tx, "node.set_up", record.Fields{"agency": b.Agency, "simulated_clock": a.Simulated}, nil); err != nil {
			return err
		}
		if _, err := a.People.Add(ctx, tx, identity.New{Username: b.Username, Name: b.PersonName, Password: b.Password, Roles: []identity.Role{identity.Admin}}); err != nil {
			return err
		}
		return a.Book.Publish(ctx, tx)
	})
	if err != nil {
		return err
	}
	return a.SetupCode.Used()
}

// fetchEntry gets the directory entry that an agency publishes at its URL.
func (a *api) fetchEntry(ctx context.Context, base string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/courier/v1/directory", nil)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%q is no URL", base)
	}
	resp, err := a.Client.Do(req)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "no answer from %s", base)
	}
	b, err := fetch.ReadAll(resp, 1<<20)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fault.New(fault.Unavailable, "%s answered with status %d", base, resp.StatusCode)
	}
	return b, err
}

func (a *api) registerLists() {
	read(a, "/lists", "Hash lists", func(ctx context.Context, _ *empty) ([]lists.List, error) { return lists.All(ctx, a.DB.Reader()) })
	type name struct {
		Name string `json:"name"`
	}
	write(a, "/lists", "Create a list of this agency", nil, func(ctx context.Context, tx *store.Tx, in *with[name], _ nothing) (newID, error) {
		id, err := a.Lists.Create(ctx, tx, in.Body.Name, a.Self.Profile().Agency)
		return newID{id}, err
	})
	type entries struct {
		Entries []lists.Entry `json:"entries"`
	}
	write(a, "/lists/{id}/entries", "Add entries to a list", nil, func(ctx context.Context, tx *store.Tx, in *withID[entries], _ nothing) (nothing, error) {
		return nothing{}, a.Lists.Add(ctx, tx, in.ID, 0, in.Body.Entries)
	})
	type audience struct {
		Audience string `json:"audience"`
	}
	write(a, "/lists/{id}/share", "Give an own list to another agency", nil, func(ctx context.Context, tx *store.Tx, in *withID[audience], _ nothing) (courier.Filed, error) {
		f, err := a.Lists.Share(ctx, tx, in.ID, in.Body.Audience, acting(ctx))
		if err != nil {
			return f, err
		}
		return a.Office.Seal(ctx, tx, f.ID, "", 0, nil)
	})
	read(a, "/scans", "Scans", func(ctx context.Context, _ *empty) ([]scan.State, error) { return scan.States(ctx, a.DB.Reader()) })
	type host struct {
		Host string `json:"host"`
	}
	write(a, "/scans", "Scan what a platform has posted since the last scan",
		func(ctx context.Context, in *with[host]) (scan.State, error) {
			return a.Scanner.Backlog(ctx, in.Body.Host)
		},
		func(ctx context.Context, tx *store.Tx, in *with[host], s scan.State) (scan.State, error) {
			return s, nil
		})
}
