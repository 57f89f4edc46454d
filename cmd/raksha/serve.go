package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"raksha.example/raksha/internal/api"
	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/paper"
)

type serveCmd struct {
	Dir                  string         `required:"" help:"The node's folder: database, vault and keys. An empty one is initialised."`
	Database             string         `help:"PostgreSQL address (postgres://...); without it SQLite in the folder."`
	Listen               string         `default:"127.0.0.1:8470" help:"Address to listen on."`
	Desks                string         `required:"" help:"Desks to run: hotline, clearinghouse, bureau, unit, platform; several with commas."`
	Jurisdiction         string         `default:"in" help:"Whose rules apply."`
	Holidays             string         `type:"existingfile" placeholder:"FILE" help:"Your own list of holidays, in place of the one built in; national holidays stay. docs/rules.md shows its form."`
	Clock                string         `help:"For demonstrations and tests: a file that tells the time. The record says so."`
	AllowLoopback        bool           `help:"Peers and platforms may be on this machine."`
	PublicForm           bool           `help:"Let anybody report at /report, in English and Hindi; without a proxy's addresses (--proxy) only the limits for all hold."`
	Proxy                bool           `help:"A proxy on this machine adds X-Forwarded-For: believe its last address, and count requests and failed sign-ins by it."`
	OIDCIssuer           string         `name:"oidc-issuer" help:"URL of the agency's OpenID Connect provider, with whose accounts people may sign in."`
	OIDCClient           string         `name:"oidc-client" help:"This node's client id there."`
	OIDCSecret           string         `name:"oidc-secret" type:"path" placeholder:"FILE" help:"File with the client's secret, if it has one."`
	Open                 []netip.Prefix `placeholder:"NETWORK" help:"Reach this network though it is not public, such as 10.20.0.0/16; several with commas."`
	AllowWeakConfinement bool           `help:"Decode media though this machine lacks a protection of the process that does it; raksha doctor names it."`
	OpenMatch            string         `placeholder:"NETWORK" help:"Loopback networks that use the match service without signing in, such as 127.0.0.0/8."`
	StrictReports        bool           `help:"Hold reports that providers file to the letter of the CyberTipline schema: the order of elements, nothing that it does not know."`
	VaultQuota           int64          `placeholder:"BYTES" help:"Content that the vault takes at most; more is refused before it is accepted."`
	ScrubRate            int64          `placeholder:"BYTES" help:"How many bytes a second the vault is looked through with, once a week; 0 is 8 MiB, -1 never."`
	TimestampAuthority   string         `placeholder:"URL" help:"Have the record time-stamped by this authority (RFC 3161), every hour in which something was recorded."`
	MailServer           string         `placeholder:"HOST:PORT" help:"The agency's mail server: people on call are told by e-mail that an alert waits. Port 465 speaks TLS at once, others STARTTLS."`
	MailFrom             string         `placeholder:"ADDRESS" help:"The address that such messages come from."`
	MailUser             string         `help:"This node's name at the mail server, if that asks for one."`
	MailPassword         string         `type:"path" placeholder:"FILE" help:"File with the password there."`
	PaperCertificate     string         `type:"path" placeholder:"FILE" help:"Sign PDFs by this certificate: PEM, the agency's first, or PKCS#12 with its key."`
	PaperKey             string         `type:"path" placeholder:"FILE" help:"Its key, in PEM."`
	PaperPassword        string         `type:"path" placeholder:"FILE" help:"File with the password of the PKCS#12 file."`
	PaperSigner          string         `placeholder:"COMMAND" help:"Its key is behind this command, which reads what is signed and prints the signature, such as pkcs11-tool; see docs/paper.md."`
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
	post := fetch.Mail{Address: c.MailServer, From: c.MailFrom, Username: c.MailUser}
	if c.MailPassword != "" {
		b, err := os.ReadFile(c.MailPassword)
		if err != nil {
			return fault.Wrap(err, fault.NotFound, "cannot read the password for the mail server, %q", c.MailPassword)
		}
		post.Password = strings.TrimSpace(string(b))
	}
	signer, err := paper.OpenSigner(paper.SignerFiles{Certificate: c.PaperCertificate, Key: c.PaperKey, PasswordFile: c.PaperPassword, Command: c.PaperSigner})
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
	n, err := app.Start(ctx, app.Config{Dir: c.Dir, DSN: c.Database, Listen: c.Listen, Desks: desks, Jurisdiction: c.Jurisdiction, Holidays: c.Holidays, Clock: now, Simulated: c.Clock != "",
		OpenMatch: open, StrictReports: c.StrictReports, VaultQuota: c.VaultQuota, ScrubRate: c.ScrubRate, Geo: c.Geo, Circles: c.PhoneRegions, Authority: c.TimestampAuthority, AuthorityPins: c.TimestampCertificate, PaperSigner: signer, Mail: post,
		AllowLoopback: c.AllowLoopback, PublicForm: c.PublicForm, Proxy: c.Proxy, OIDC: app.OIDC{Issuer: c.OIDCIssuer, ClientID: c.OIDCClient, SecretFile: c.OIDCSecret}, Open: c.Open, Executable: exe, AllowWeakConfinement: c.AllowWeakConfinement, Version: version, Logger: slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelWarn}))})
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
