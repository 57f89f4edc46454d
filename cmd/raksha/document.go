package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
)

type documentCmd struct {
	PDF    documentPDFCmd    `cmd:"" name:"pdf" help:"Get a document of a node that runs as PDF, for people."`
	Verify documentVerifyCmd `cmd:"" help:"Prove offline who signed a document, with which rank, and whether it counted when it was received."`
}

type documentVerifyCmd struct {
	File            string `arg:"" type:"existingfile" help:"The document as it was received or kept: the JWS."`
	Directory       string `type:"existingfile" help:"What raksha directory export wrote."`
	Dir             string `type:"existingdir" xor:"directory" help:"A node's folder, instead of --directory."`
	Database        string `help:"PostgreSQL address of that node; without it the SQLite file in the folder."`
	Acknowledgement string `type:"existingfile" help:"The addressee's signed acknowledgement: the document is judged as of its receipt."`
	At              string `help:"Judge it as received at this instant (RFC 3339); without it, and without an acknowledgement, now."`
	JSON            bool   `name:"json" help:"Print one JSON object."`
}

// Run judges the document; the exit status is 1 if it does not count.
func (c documentVerifyCmd) Run(ctx context.Context, s streams) error {
	at := clock.System{}.Now()
	var err error
	if c.At != "" {
		if at, err = time.Parse(time.RFC3339, c.At); err != nil {
			return fault.New(fault.Invalid, "--at takes an instant such as 2022-09-28T06:00:00Z")
		}
	}
	b, err := os.ReadFile(c.File)
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "%s cannot be read", filepath.Base(c.File))
	}
	var acknowledgement []byte
	if c.Acknowledgement != "" {
		if acknowledgement, err = os.ReadFile(c.Acknowledgement); err != nil {
			return fault.Wrap(err, fault.NotFound, "%s cannot be read", filepath.Base(c.Acknowledgement))
		}
	}
	x, err := c.directory(ctx)
	if err != nil {
		return err
	}
	j, err := directory.Judge(ctx, b, acknowledgement, x, at.UTC())
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(j)
	} else {
		err = printJudgement(s.out, j)
	}
	if err == nil && !j.Valid {
		err = negative
	}
	return err
}

func (c documentVerifyCmd) directory(ctx context.Context) (x *directory.Export, err error) {
	switch {
	case c.Directory != "":
		return readExport(c.Directory)
	case c.Dir != "":
		err = nodeFlags{Dir: c.Dir, Database: c.Database}.with(ctx, false, fetch.Options{}, func(n *app.Offline) error {
			export, err := n.Book.Export(ctx, n.DB.Reader())
			x = &export
			return err
		})
	}
	return x, err
}

func printJudgement(w io.Writer, j directory.Judgement) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(what, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", what, fmt.Sprintf(format, args...)) }
	if j.Valid {
		line("VALID", "as of its receipt on %s", j.JudgedAt.UTC().Format(time.RFC3339))
	} else {
		line("NOT VALID", "%s (%s)", j.Reason, j.Code)
		if j.Instrument != "" {
			line("", "What follows is what the document says of itself.")
		}
	}
	if j.Instrument != "" {
		line("instrument", "%s %s", strings.ReplaceAll(j.Instrument, "_", " "), j.Number)
		line("identifier", "%s", j.ID)
		line("from", "%s", strings.TrimSpace(j.Issuer+" "+j.IssuerName))
		if j.Fingerprint != "" {
			line("root key", "%s", j.Fingerprint)
		}
		line("to", "%s", j.Audience)
		line("issued", "%s", j.IssuedAt.Format(time.RFC3339))
		expired := ""
		if j.Expired {
			expired = " (EXPIRED)"
		}
		line("receivable", "until %s%s", j.Expires.Format(time.RFC3339), expired)
	}
	if o := j.Officer; o != nil {
		line("officer", "%s, %s%s", o.Name, o.Rank, signedWith(*o))
		if o.AuthorisationRef != "" {
			line("authorised by", "%s", o.AuthorisationRef)
		}
		line("passkey", "%s", orUnverified(j.Passkey))
	}
	if k := j.AgencyKey; k != nil {
		line("countersigned", "by the agency%s", signedWith(*k))
	}
	if r := j.Receipt; r != nil {
		due := ""
		if !r.DueAt.IsZero() {
			due = ", due " + r.DueAt.UTC().Format(time.RFC3339)
		}
		line("acknowledged", "by %s as %s on %s%s", r.By, strings.TrimSpace(r.Outcome+" "+r.Code), r.ReceivedAt.UTC().Format(time.RFC3339), due)
	}
	line("SHA-256", "%s", j.SHA256)
	return t.Flush()
}

func orUnverified(s string) string {
	if s == "" {
		return "not verified"
	}
	return s
}

func signedWith(s directory.SignedBy) string {
	out := " with the key " + s.KID
	switch {
	case s.Revoked && s.RevokedAt.IsZero():
		out += ", REVOKED for all time"
	case s.Revoked:
		out += ", revoked since " + s.RevokedAt.Format(time.RFC3339)
	}
	return out
}
