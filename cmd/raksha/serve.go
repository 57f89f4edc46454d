package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"raksha.example/raksha/internal/api"
	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/media"
)

type serveCmd struct {
	Dir                  string         `required:"" help:"The node's folder: database, vault and keys. An empty one is initialised."`
	Database             string         `help:"PostgreSQL address (postgres://...); without it SQLite in the folder."`
	Listen               string         `default:"127.0.0.1:8470" help:"Address to listen on."`
	Desks                string         `required:"" help:"Desks to run: hotline, clearinghouse, bureau, unit, platform; several with commas."`
	Jurisdiction         string         `default:"in" help:"Whose rules apply."`
	Clock                string         `help:"For demonstrations and tests: a file that tells the time. The record says so."`
	AllowLoopback        bool           `help:"Peers and platforms may be on this machine."`
	Proxy                bool           `help:"A proxy on this machine adds X-Forwarded-For: believe its last address, and count requests and failed sign-ins by it."`
	OIDCIssuer           string         `name:"oidc-issuer" help:"URL of the agency's OpenID Connect provider, with whose accounts people may sign in."`
	OIDCClient           string         `name:"oidc-client" help:"This node's client id there."`
	OIDCSecret           string         `name:"oidc-secret" type:"path" placeholder:"FILE" help:"File with the client's secret, if it has one."`
	Open                 []netip.Prefix `placeholder:"NETWORK" help:"Reach this network though it is not public, such as 10.20.0.0/16; several with commas."`
	AllowWeakConfinement bool           `help:"Decode media though this machine lacks a protection of the process that does it; raksha doctor names it."`
	OpenMatch            string         `placeholder:"NETWORK" help:"Loopback networks that use the match service without signing in, such as 127.0.0.0/8."`
	VaultQuota           int64          `placeholder:"BYTES" help:"Content that the vault takes at most; more is refused before it is accepted."`
	ScrubRate            int64          `placeholder:"BYTES" help:"How many bytes a second the vault is looked through with, once a week; 0 is 8 MiB, -1 never."`
	TimestampAuthority   string         `placeholder:"URL" help:"Have the record time-stamped by this authority (RFC 3161), every hour in which something was recorded."`
	Geo                  string         `type:"path" placeholder:"FILE" help:"Network addresses with their places, in MaxMind's format, to route tips by; it is read anew when it changes."`
	PhoneRegions         string         `type:"path" placeholder:"FILE" help:"CSV of phone prefixes with their regions (+9198100,IN-DL), to route tips by; it is read anew when it changes."`
	TimestampCertificate string         `type:"path" placeholder:"FILE" help:"The certificates that the authority is known by, in PEM."`
}

// Run serves a node until it is told to stop.
func (c serveCmd) Run(ctx context.Context, s streams) error {
	desks, err := directory.ParseDesks(c.Desks)
	if err != nil {
		return err
	}
	if host, _, err := net.SplitHostPort(c.Listen); err != nil || (host != "localhost" && !net.ParseIP(host).IsLoopback()) {
		return fault.New(fault.Invalid, "--listen takes a loopback address such as 127.0.0.1:8470; put a TLS-terminating proxy in front of it")
	}
	var now clock.Clock = clock.System{}
	if c.Clock != "" {
		if now, err = clock.OpenFile(c.Clock); err != nil {
			return err
		}
	}
	open, err := api.ParseOpenMatch(c.OpenMatch)
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if err := confined(ctx, exe, c.AllowWeakConfinement); err != nil {
		return err
	}
	n, err := app.Start(ctx, app.Config{Dir: c.Dir, DSN: c.Database, Listen: c.Listen, Desks: desks, Jurisdiction: c.Jurisdiction, Clock: now, Simulated: c.Clock != "",
		OpenMatch: open, VaultQuota: c.VaultQuota, ScrubRate: c.ScrubRate, Geo: c.Geo, Circles: c.PhoneRegions, Authority: c.TimestampAuthority, AuthorityPins: c.TimestampCertificate,
		AllowLoopback: c.AllowLoopback, Proxy: c.Proxy, OIDC: app.OIDC{Issuer: c.OIDCIssuer, ClientID: c.OIDCClient, SecretFile: c.OIDCSecret}, Open: c.Open, Executable: exe, AllowWeakConfinement: c.AllowWeakConfinement, Version: version, Logger: slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	if n.SetupCode != "" {
		fmt.Fprintf(s.out, "set-up code: %s\n", n.SetupCode)
	}
	fmt.Fprintf(s.out, "listening on %s\n", n.URL)
	stopped := make(chan error, 1)
	go func() { stopped <- n.Wait() }()
	select {
	case err = <-stopped:
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if closeErr := n.Close(end); err == nil {
		err = closeErr
	}
	return err
}

// confined sees that media can be decoded safely here, before anything is started. Later each child is looked at again.
func confined(ctx context.Context, exe string, allowWeak bool) error {
	pool := media.NewPool(exe, 1)
	pool.AllowWeak = allowWeak
	defer pool.Close()
	_, err := pool.Protections(ctx)
	return err
}
