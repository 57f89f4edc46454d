package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/store"
)

type directoryCmd struct {
	Show   directoryShowCmd   `cmd:"" help:"Print the directory entry of this node's agency or of another."`
	List   directoryListCmd   `cmd:"" help:"List the agencies that this node knows, and what it takes from each."`
	Pin    directoryPinCmd    `cmd:"" help:"Make an agency known by the fingerprint of its root key, or change what this node takes from it."`
	Rotate directoryRotateCmd `cmd:"" help:"Replace the key of an officer, the one with which the agency countersigns, or its root key, and publish it."`
	Revoke directoryRevokeCmd `cmd:"" help:"Revoke a key of this agency and publish that."`
	Export directoryExportCmd `cmd:"" help:"Write the whole directory as one file, for another node or for raksha document verify."`
	Import directoryImportCmd `cmd:"" help:"Take newer entries from such a file."`
}

// nodeFlags say which node a command speaks of. Commands that change something need the node to be stopped.
type nodeFlags struct {
	Dir      string `required:"" type:"existingdir" help:"The node's folder."`
	Database string `help:"PostgreSQL address; without it the SQLite file in the folder."`
	Clock    string `help:"For demonstrations and tests: the file that tells the node's time."`
	JSON     bool   `name:"json" help:"Print JSON."`
}

func (f nodeFlags) now() (clock.Clock, error) {
	if f.Clock == "" {
		return clock.System{}, nil
	}
	return clock.OpenFile(f.Clock)
}

// with opens the node, runs fn and closes it.
func (f nodeFlags) with(ctx context.Context, write bool, o fetch.Options, fn func(n *app.Offline) error) (err error) {
	now, err := f.now()
	if err != nil {
		return err
	}
	n, err := app.OpenOffline(ctx, app.OfflineConfig{Dir: f.Dir, DSN: f.Database, Clock: now, Write: write, Fetch: o})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	if n.Self.Profile().Agency == "" {
		return fault.New(fault.Conflict, "the node in %s is not set up yet; use the set-up code that it printed at its first start", f.Dir)
	}
	return fn(n)
}

type directoryShowCmd struct {
	nodeFlags
	Agency string `arg:"" optional:"" help:"Short id of another agency; without it this node's own."`
}

// Run prints one entry.
func (c directoryShowCmd) Run(ctx context.Context, s streams) error {
	return c.with(ctx, false, fetch.Options{}, func(n *app.Offline) error {
		agency := c.Agency
		if agency == "" {
			agency = n.Self.Profile().Agency
		}
		e, err := n.Book.Entry(ctx, agency)
		if err != nil {
			return err
		}
		return printEntry(s.out, e, c.JSON)
	})
}

func printEntry(w io.Writer, e directory.Entry, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(struct {
			Fingerprint string `json:"fingerprint"`
			directory.Entry
		}{e.Root(), e})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "agency\t%s (%s)\ndesks\t%s\nreached at\t%s\n", e.Name, e.Agency, strings.Join(e.Desks, ", "), e.URL)
	for _, c := range e.Contacts {
		fmt.Fprintf(t, "%s\t%s\n", c.Role, c.Phone)
	}
	fmt.Fprintf(t, "fingerprint\t%s\nversion\t%d, issued %s, good until %s\n", e.Root(), e.Version, day(e.IssuedAt), day(e.Expires))
	for _, k := range e.AgencyKeys {
		fmt.Fprintf(t, "agency key\t%s\t%s\n", k.KID, life(k.NotBefore, k.NotAfter, k.Revoked, k.RevokedAt, k.Reason))
	}
	for _, o := range e.Officers {
		passkey := ""
		if len(o.Passkeys) > 0 {
			passkey = ", with passkey"
		}
		fmt.Fprintf(t, "officer\t%s\t%s, %s%s; %s\n", o.KID, o.Name, o.Rank, passkey, life(o.NotBefore, o.NotAfter, o.Revoked, o.RevokedAt, o.Reason))
		for _, r := range slices.Backward(o.Earlier) {
			fmt.Fprintf(t, "\t\t%s until %s\n", r.Rank, day(r.Until))
		}
	}
	return t.Flush()
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

func life(from, to time.Time, revoked bool, at time.Time, reason string) string {
	out := "from " + day(from)
	if !to.IsZero() {
		out += " to " + day(to)
	}
	switch {
	case revoked && at.IsZero():
		out += "; REVOKED for all time: " + reason
	case revoked:
		out += "; REVOKED as of " + at.UTC().Format(time.RFC3339) + ": " + reason
	}
	return out
}

type directoryListCmd struct{ nodeFlags }

// Run lists the peers.
func (c directoryListCmd) Run(ctx context.Context, s streams) error {
	return c.with(ctx, false, fetch.Options{}, func(n *app.Offline) error {
		peers, err := n.Book.Peers(ctx, n.DB.Reader())
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(s.out).Encode(peers)
		}
		t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		for _, p := range peers {
			fmt.Fprintf(t, "%s\t%s\tversion %d\t%s\ttakes: %s\n", p.Agency, p.Fingerprint, p.Version, p.URL, orNothing(p.Instruments))
		}
		return t.Flush()
	})
}

func orNothing(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}

type directoryPinCmd struct {
	nodeFlags
	URL           string   `arg:"" help:"Where the agency's node is reached."`
	Fingerprint   string   `required:"" help:"Fingerprint of its root key, as read out by telephone."`
	Instruments   []string `help:"What this node takes from it, such as takedown_order,summons; without it nothing."`
	Entry         string   `type:"existingfile" help:"File with its signed entry, instead of fetching it."`
	AllowLoopback bool     `help:"The agency's node may be on this machine."`
	Replace       bool     `help:"Its root key was lost or stolen, and the agency has said the new fingerprint by telephone: nothing that the old root signed counts any more."`
}

// Run pins an agency.
func (c directoryPinCmd) Run(ctx context.Context, s streams) error {
	return c.with(ctx, true, fetch.Options{AllowLoopback: c.AllowLoopback, HTTPSOnly: true}, func(n *app.Offline) error {
		jws, err := c.entry(ctx)
		if err != nil {
			return err
		}
		var p directory.Peer
		err = n.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			pin := n.Book.Pin
			if c.Replace {
				pin = n.Book.Repin
			}
			p, err = pin(ctx, tx, c.URL, c.Fingerprint, c.Instruments, jws)
			return err
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(s.out).Encode(p)
		}
		_, err = fmt.Fprintf(s.out, "%s (%s) is pinned as %s, entry version %d; takes: %s\n", p.Name, p.Agency, p.Fingerprint, p.Version, orNothing(p.Instruments))
		return err
	})
}

func (c directoryPinCmd) entry(ctx context.Context) ([]byte, error) {
	if c.Entry != "" {
		return os.ReadFile(c.Entry)
	}
	return directory.Fetch(ctx, fetch.New(fetch.Options{AllowLoopback: c.AllowLoopback, HTTPSOnly: true}), c.URL)
}

type directoryRotateCmd struct {
	nodeFlags
	Key      string `arg:"" enum:"agency,root,officer" help:"agency: the key with which the agency countersigns. root: the key whose fingerprint others have pinned; the old one signs the new. officer: that of --username, whose password is read from standard input."`
	Username string `help:"The officer whose key is replaced."`
}

// Run rotates a key.
func (c directoryRotateCmd) Run(ctx context.Context, s streams) error {
	if (c.Key == "officer") != (c.Username != "") {
		return fault.New(fault.Invalid, "--username goes with the key of an officer, and with that only")
	}
	return c.with(ctx, true, fetch.Options{}, func(n *app.Offline) error {
		before, after, err := c.rotate(ctx, s, n)
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(s.out).Encode(map[string]string{"key": c.Key, "before": before, "after": after})
		}
		fmt.Fprintf(s.out, "the %s key is now %s\nbefore it was  %s\n", c.Key, after, before)
		if c.Key == "root" {
			fmt.Fprintln(s.out, "Tell every agency by telephone: those that pinned the old fingerprint follow by themselves, new ones pin the new.")
		}
		return nil
	})
}

func (c directoryRotateCmd) rotate(ctx context.Context, s streams, n *app.Offline) (before, after string, err error) {
	switch c.Key {
	case "officer":
		person, err := n.People.ByUsername(ctx, n.DB.Reader(), c.Username)
		if err != nil {
			return "", "", err
		}
		line, err := bufio.NewReader(io.LimitReader(s.in, 4096)).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", "", err
		}
		now, err := n.People.RotateKey(ctx, c.Username, strings.TrimRight(line, "\r\n"), n.Book.Publish)
		return person.KID, now.KID, err
	case "agency":
		before = n.Self.AgencyKID
		if err := n.Self.RotateAgency(); err != nil {
			return "", "", err
		}
		after = n.Self.AgencyKID
	default:
		now, err := c.now()
		if err != nil {
			return "", "", err
		}
		before = directory.Fingerprint(n.Self.RootPublic())
		if err := n.Self.RotateRoot(now.Now()); err != nil {
			return "", "", err
		}
		after = directory.Fingerprint(n.Self.RootPublic())
	}
	return before, after, n.DB.Write(ctx, n.Book.Publish)
}

type directoryRevokeCmd struct {
	nodeFlags
	KID    string `arg:"" name:"kid" help:"Name of the key, as raksha directory show prints it."`
	At     string `help:"Since when it is not to be trusted (RFC 3339); without it, since now."`
	Ever   bool   `help:"It never was: refuse everything that it signed."`
	Reason string `required:"" help:"Why; others will read it."`
}

// Run revokes a key.
func (c directoryRevokeCmd) Run(ctx context.Context, s streams) error {
	return c.with(ctx, true, fetch.Options{}, func(n *app.Offline) error {
		now, err := c.now()
		if err != nil {
			return err
		}
		r := directory.Revocation{KID: c.KID, At: now.Now(), Reason: c.Reason}
		switch {
		case c.Ever && c.At != "":
			return fault.New(fault.Invalid, "--at and --ever exclude each other")
		case c.Ever:
			r.At = time.Time{}
		case c.At != "":
			if r.At, err = time.Parse(time.RFC3339, c.At); err != nil {
				return fault.New(fault.Invalid, "--at takes an instant such as 2022-09-28T06:00:00Z")
			}
		}
		if err := n.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return n.Book.Revoke(ctx, tx, r) }); err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(s.out).Encode(map[string]any{"kid": r.KID, "revoked_at": r.At, "ever": c.Ever})
		}
		_, err = fmt.Fprintf(s.out, "%s is revoked; start the node, and others refuse it as soon as they ask for the new entry\n", r.KID)
		return err
	})
}

type directoryExportCmd struct {
	nodeFlags
	Out string `short:"o" type:"path" help:"File to write; without it standard output."`
}

// Run writes the export.
func (c directoryExportCmd) Run(ctx context.Context, s streams) error {
	return c.with(ctx, false, fetch.Options{}, func(n *app.Offline) error {
		x, err := n.Book.Export(ctx, n.DB.Reader())
		if err != nil {
			return err
		}
		b, err := x.JSON()
		if err != nil {
			return err
		}
		if c.Out == "" {
			_, err = s.out.Write(b)
			return err
		}
		return os.WriteFile(c.Out, b, 0o644) // nothing in it is secret
	})
}

type directoryImportCmd struct {
	nodeFlags
	File string `arg:"" type:"existingfile" help:"What raksha directory export wrote."`
	Pin  bool   `help:"Pin agencies that are not known yet by the fingerprints in the file: only if it came by a way that you trust. Nothing is taken from them until raksha directory pin allows it."`
}

// Run imports a file; the exit status is 1 if anything in it was refused.
func (c directoryImportCmd) Run(ctx context.Context, s streams) error {
	x, err := readExport(c.File)
	if err != nil {
		return err
	}
	return c.with(ctx, true, fetch.Options{}, func(n *app.Offline) error {
		done, err := n.Book.Import(ctx, *x, c.Pin)
		if err != nil {
			return err
		}
		if c.JSON {
			if err := json.NewEncoder(s.out).Encode(done); err != nil {
				return err
			}
		}
		refused := false
		for _, i := range done {
			refused = refused || i.State == "refused"
			if !c.JSON {
				fmt.Fprintf(s.out, "%s: %s\n", i.Agency, strings.TrimSuffix(strings.ReplaceAll(i.State, "_", " ")+": "+i.Reason, ": "))
			}
		}
		if refused {
			return negative
		}
		return nil
	})
}

func readExport(path string) (*directory.Export, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "%s cannot be read", filepath.Base(path))
	}
	x, err := directory.ParseExport(b)
	if err != nil {
		return nil, fault.Wrap(err, fault.Of(err), "%s: %s", filepath.Base(path), fault.Message(err))
	}
	return &x, nil
}
