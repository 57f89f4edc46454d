package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

type credentialCmd struct {
	Add    credentialAddCmd    `cmd:"" help:"Make a credential for a program; its secret is printed once."`
	List   credentialListCmd   `cmd:"" help:"List credentials."`
	Revoke credentialRevokeCmd `cmd:"" help:"Revoke a credential at once and for good."`
}

// credentialNode says which node: one that runs, by its URL, or one that does not, by its folder.
type credentialNode struct {
	Dir      string `type:"existingdir" xor:"node" required:"" help:"The folder of a node that does not run now."`
	URL      string `name:"url" xor:"node" required:"" placeholder:"URL" help:"A node that runs; the environment variable RAKSHA_TOKEN holds the session token of somebody who manages it."`
	Database string `help:"With --dir: PostgreSQL address; without it the SQLite file in the folder."`
	JSON     bool   `name:"json" help:"Print JSON."`
}

type credentialAddCmd struct {
	credentialNode
	Kind    string        `required:"" enum:"api,reporter,exchange" help:"api: a bearer token for the API. reporter: HTTP Basic for filing reports. exchange: HTTP Basic for exchanging hash lists."`
	Name    string        `required:"" help:"What the credential is called; its username with HTTP Basic."`
	Scope   []string      `placeholder:"SCOPE" help:"What it may do, such as lists.match; several with commas. Without: the least of its kind."`
	Expires time.Duration `help:"How long it serves, such as 2160h; without: until it is revoked."`
}

// Run makes a credential and prints its secret.
func (c credentialAddCmd) Run(ctx context.Context, s streams) error {
	n := identity.NewService{Kind: identity.ServiceKind(c.Kind), Name: c.Name}
	for _, scope := range c.Scope {
		n.Scopes = append(n.Scopes, identity.Permission(scope))
	}
	if c.Expires > 0 {
		n.ExpiresAt = store.Micros(time.Now().Add(c.Expires))
	}
	var made identity.MadeService
	err := c.do(ctx, http.MethodPost, "/api/v1/credentials", n, &made, func(ctx context.Context, tx *store.Tx, p *identity.People) (err error) {
		made, err = p.AddService(ctx, tx, n, 0)
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(made)
	}
	if made.Token != "" {
		fmt.Fprintf(s.out, "token     %s\n", made.Token)
	} else {
		fmt.Fprintf(s.out, "username  %s\npassword  %s\n", made.Username, made.Password)
	}
	fmt.Fprintln(s.err, "This is shown once; the node keeps only its hash.")
	return nil
}

type credentialListCmd struct{ credentialNode }

// Run lists credentials without their secrets.
func (c credentialListCmd) Run(ctx context.Context, s streams) error {
	all := []identity.Service{}
	err := c.do(ctx, http.MethodGet, "/api/v1/credentials", nil, &all, func(ctx context.Context, tx *store.Tx, p *identity.People) error {
		list, err := p.Services(ctx, tx)
		all = append(all, list...)
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(all)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tKIND\tSCOPES\tSTATE\tLAST USED")
	for _, one := range all {
		state, used := "good", "never"
		if one.ExpiresAt != 0 && store.Time(one.ExpiresAt).Before(time.Now()) {
			state = "over"
		}
		if one.RevokedAt != 0 {
			state = "revoked"
		}
		if one.UsedAt != 0 {
			used = store.Time(one.UsedAt).Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%v\t%s\t%s\n", one.Name, one.Kind, one.Scopes, state, used)
	}
	return w.Flush()
}

type credentialRevokeCmd struct {
	credentialNode
	Name string `arg:"" help:"The credential's name."`
}

// Run revokes a credential.
func (c credentialRevokeCmd) Run(ctx context.Context, s streams) error {
	var gone identity.Service
	err := c.do(ctx, http.MethodPost, "/api/v1/credentials/"+url.PathEscape(c.Name)+"/revocation", nil, &gone, func(ctx context.Context, tx *store.Tx, p *identity.People) (err error) {
		gone, err = p.RevokeService(ctx, tx, c.Name)
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(gone)
	}
	fmt.Fprintf(s.out, "%s is revoked\n", gone.Name)
	return nil
}

// do asks a running node, or works on the folder of one that does not run.
func (c credentialNode) do(ctx context.Context, method, path string, body, answer any, offline func(context.Context, *store.Tx, *identity.People) error) error {
	if c.URL != "" {
		return runningNode{URL: c.URL}.ask(ctx, method, path, body, answer)
	}
	o, err := app.OpenOffline(ctx, app.OfflineConfig{Dir: c.Dir, DSN: c.Database, Clock: clock.System{}, Write: true})
	if err != nil {
		return err
	}
	defer o.Close()
	return o.DB.Write(record.WithActor(ctx, "command line"), func(ctx context.Context, tx *store.Tx) error { return offline(ctx, tx, o.People) })
}
