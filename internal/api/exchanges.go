package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists/exchange"
	"raksha.example/raksha/internal/lists/foreign"
	"raksha.example/raksha/internal/lists/ncmec"
	"raksha.example/raksha/internal/store"
)

const syncBudget = 45 * time.Second // of a fetch by command; one that has more to do says so

type exchangeBody struct {
	Name         string            `json:"name" doc:"Capital letters, digits and underscores; the list that is filled bears it too"`
	Kind         string            `json:"kind" doc:"ncmec, stop_ncii or file"`
	Holder       string            `json:"holder,omitempty" doc:"Who answers for the list; by default the server's name"`
	Address      string            `json:"address,omitempty"`
	Settings     exchange.Settings `json:"settings,omitempty"`
	EverySeconds int64             `json:"every_seconds,omitempty" doc:"0: only by command"`
	Scheme       string            `json:"scheme,omitempty" doc:"Of the labels, such as VICS/US"`
	Secret       exchangeSecret    `json:"credentials,omitempty"`
}

type exchangeSecret struct {
	User            string `json:"user,omitempty" doc:"of ncmec, with password"`
	Password        string `json:"password,omitempty"`
	FunctionKey     string `json:"function_key,omitempty" doc:"of stop_ncii, with subscription_key"`
	SubscriptionKey string `json:"subscription_key,omitempty"`
}

// secret leaves out what is empty.
func (s exchangeSecret) secret() exchange.Secret {
	out := exchange.Secret{}
	for name, v := range map[string]string{"user": s.User, "password": s.Password, "function_key": s.FunctionKey, "subscription_key": s.SubscriptionKey} {
		if v != "" {
			out[name] = v
		}
	}
	return out
}

type exchangeChange struct {
	Enabled      *bool  `json:"enabled,omitempty"`
	EverySeconds *int64 `json:"every_seconds,omitempty"`
}

type voteBody struct {
	Content int64    `json:"content"`
	Kind    string   `json:"kind" doc:"md5, sha1, sha256, pdq or photodna"`
	Vote    string   `json:"vote" doc:"affirmative or negative"`
	Reasons []string `json:"reasons,omitempty" doc:"As the other party names them"`
}

type asidePage struct {
	Credentials
	ID     int64 `path:"id"`
	Before int64 `query:"before"`
	Limit  int   `query:"limit" default:"100" minimum:"1" maximum:"500"`
}

type reasonsOf struct {
	Credentials
	ID   int64  `path:"id"`
	Kind string `query:"kind"`
}

func (a *api) registerExchanges(mux *routes) {
	read(a, "/exchanges", "Exchanges with other holders of lists and how they stand", func(ctx context.Context, _ *empty) ([]exchange.Standing, error) {
		return a.Exchanges.States(ctx)
	})
	write(a, "/exchanges", "Create an exchange and the list that it fills", nil, func(ctx context.Context, tx *store.Tx, in *with[exchangeBody], _ nothing) (exchange.Exchange, error) {
		b := in.Body
		e, err := a.Exchanges.Create(ctx, tx, exchange.Make{Name: b.Name, Kind: b.Kind, Holder: b.Holder, Address: b.Address, Settings: b.Settings,
			Every: time.Duration(b.EverySeconds) * time.Second, Scheme: b.Scheme})
		if secret := b.Secret.secret(); err == nil && len(secret) > 0 {
			err = a.Exchanges.SetSecret(ctx, tx, e.ID, secret)
		}
		return e, err
	})
	read(a, "/exchanges/{id}", "How an exchange stands", func(ctx context.Context, in *byID) (exchange.Standing, error) { return a.Exchanges.StateOf(ctx, in.ID) })
	write(a, "/exchanges/{id}/change", "Switch an exchange on or off, or change how often it is fetched", nil,
		func(ctx context.Context, tx *store.Tx, in *withID[exchangeChange], _ nothing) (exchange.Exchange, error) {
			u := exchange.Update{Enabled: in.Body.Enabled}
			if in.Body.EverySeconds != nil {
				every := time.Duration(*in.Body.EverySeconds) * time.Second
				u.Every = &every
			}
			return a.Exchanges.Change(ctx, tx, in.ID, u)
		})
	write(a, "/exchanges/{id}/remove", "End an exchange and its list", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (nothing, error) {
		return nothing{}, a.Exchanges.Remove(ctx, tx, in.ID)
	})
	write(a, "/exchanges/{id}/credentials", "Set an exchange's credentials; none destroys them", nil, func(ctx context.Context, tx *store.Tx, in *withID[exchangeSecret], _ nothing) (nothing, error) {
		return nothing{}, a.Exchanges.SetSecret(ctx, tx, in.ID, in.Body.secret())
	})
	write(a, "/exchanges/{id}/sync", "Fetch now, for up to 45 seconds; the answer tells whether there is more, or what went wrong",
		func(ctx context.Context, in *byID) (exchange.Standing, error) {
			s, err := a.Exchanges.Sync(ctx, in.ID, syncBudget)
			if err != nil && s.Failure != "" {
				err = nil // of the other party; it is told in the state
			}
			return s, err
		},
		func(_ context.Context, _ *store.Tx, _ *byID, s exchange.Standing) (exchange.Standing, error) {
			return s, nil
		})
	read(a, "/exchanges/{id}/aside", "What of the other party could not be taken, newest first", func(ctx context.Context, in *asidePage) ([]exchange.Aside, error) {
		return exchange.Asides(ctx, a.DB.Reader(), in.ID, in.Before, in.Limit)
	})
	read(a, "/exchanges/{id}/reasons", "The reasons that the other party takes for a negative vote on a kind of hash", func(ctx context.Context, in *reasonsOf) ([]ncmec.Reason, error) {
		return a.Exchanges.Reasons(ctx, in.ID, in.Kind)
	})
	read(a, "/exchanges/{id}/votes", "This node's votes on entries of the other party", func(ctx context.Context, in *byID) ([]exchange.Sent, error) {
		return exchange.SentVotes(ctx, a.DB.Reader(), in.ID, 500)
	})
	write(a, "/exchanges/{id}/votes", "Vote on a hash of the other party; it is sent until it is taken or refused", nil,
		func(ctx context.Context, tx *store.Tx, in *withID[voteBody], _ nothing) (newID, error) {
			id, err := a.Exchanges.Vote(ctx, tx, in.ID, in.Body.Content, in.Body.Kind, in.Body.Vote, in.Body.Reasons)
			return newID{id}, err
		})
	type offer struct {
		Offered bool `json:"offered"`
	}
	write(a, "/lists/{id}/offer", "Offer an own list by hash sharing, or take it back", nil, func(ctx context.Context, tx *store.Tx, in *withID[offer], _ nothing) (nothing, error) {
		return nothing{}, a.Exchanges.Offer(ctx, tx, in.ID, in.Body.Offered)
	})
	read(a, "/lists/{id}/feedback", "What members say of an offered list's hashes: who, and why", func(ctx context.Context, in *byID) ([]exchange.Cast, error) {
		return exchange.Votes(ctx, a.DB.Reader(), in.ID)
	})
	mux.HandleFunc("POST /api/v1/lists/{id}/import", func(w http.ResponseWriter, r *http.Request) { a.stream(w, r, a.importList) })
	mux.HandleFunc("GET /api/v1/lists/{id}/export", func(w http.ResponseWriter, r *http.Request) { a.stream(w, r, a.exportList) })
}

func isImport(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/api/v1/lists/") && strings.HasSuffix(r.URL.Path, "/import")
}

// stream serves what is too large for an operation of the described API: files that are read and written piece by piece.
func (a *api) stream(w http.ResponseWriter, r *http.Request, fn func(ctx context.Context, w http.ResponseWriter, r *http.Request, list int64) error) {
	p, err := a.streamer(r)
	var id int64
	if err == nil {
		if id, err = strconv.ParseInt(r.PathValue("id"), 10, 64); err != nil {
			err = fault.New(fault.NotFound, "there is no such list")
		}
	}
	if err == nil {
		// A large file takes longer than a usual request may.
		control := http.NewResponseController(w)
		control.SetReadDeadline(time.Now().Add(time.Hour))
		control.SetWriteDeadline(time.Now().Add(time.Hour))
		err = fn(identity.WithPerson(r.Context(), p), w, r, id)
	}
	if err != nil {
		p := a.fail(r.Context(), err).(*problem)
		w.Header().Set("Content-Type", p.ContentType(""))
		w.WriteHeader(p.Status)
		json.NewEncoder(w).Encode(p)
	}
}

// streamer finds who sends or takes a whole list. Taking gives everything away, so they must just have proved who they are.
func (a *api) streamer(r *http.Request) (identity.Person, error) {
	token, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if c, err := r.Cookie("raksha_session"); !isBearer && err == nil {
		token = c.Value
	}
	if token == "" || len(token) > 200 {
		return identity.Person{}, fault.New(fault.Unsigned, "sign in first")
	}
	p, err := a.People.Bearer(r.Context(), token)
	if err == nil && !p.May(identity.ManageLists) {
		err = fault.New(fault.Forbidden, "this needs the permission %s", identity.ManageLists)
	}
	if err == nil && r.Method == http.MethodGet {
		err = a.People.NeedFresh(p)
	}
	return p, err
}

type importView struct {
	exchange.Report
	First []asideView `json:"set_aside"` // the first hundred
}

type asideView struct {
	Place  string `json:"place"`
	Reason string `json:"reason"`
}

func asideViews(all []foreign.Aside) []asideView {
	out := []asideView{}
	for _, v := range all {
		out = append(out, asideView{v.Place, v.Reason})
	}
	return out
}

func (a *api) importList(ctx context.Context, w http.ResponseWriter, r *http.Request, id int64) error {
	format := r.URL.Query().Get("format")
	if format == "" {
		format = exchange.Lines
	}
	rep, err := a.Exchanges.Import(ctx, id, format, r.Body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(importView{rep, asideViews(rep.Aside)})
}

// started knows whether anything was written: from then on an error can only break the answer off.
type started struct {
	http.ResponseWriter
	yes bool
}

func (s *started) Write(b []byte) (int, error) { s.yes = true; return s.ResponseWriter.Write(b) }

func (a *api) exportList(ctx context.Context, w http.ResponseWriter, r *http.Request, id int64) error {
	format := r.URL.Query().Get("format")
	if format == "" {
		format = exchange.Lines
	}
	w.Header().Set("Content-Type", map[string]string{exchange.VICS: "application/json", exchange.Lines: "text/plain; charset=utf-8"}[format])
	out := &started{ResponseWriter: w}
	_, _, err := a.Exchanges.Export(ctx, id, format, out)
	if err != nil && out.yes {
		a.Logger.ErrorContext(ctx, "export", "list", id, "error", err)
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.Close() // broken off, so that nobody takes a part for the whole
		}
		return nil
	}
	return err
}
