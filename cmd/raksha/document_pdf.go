package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"

	"raksha.example/raksha/internal/fault"
)

type documentPDFCmd struct {
	runningNode
	ID       int64  `arg:"" help:"Number of the document at the node."`
	Out      string `short:"o" required:"" placeholder:"FILE" help:"File to write; it must not be there yet. - is standard output."`
	Language string `enum:",en,hi" default:"" help:"en or hi; without it the language that the drafter chose."`
	Purpose  string `required:"" help:"For what purpose the document is read; the read is logged with it."`
}

const paperLimit = 64 << 20 // bytes of a PDF

// Run gets the PDF and writes it.
func (c documentPDFCmd) Run(ctx context.Context, s streams) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	c.purpose = c.Purpose
	path := fmt.Sprintf("/api/v1/documents/%d/pdf", c.ID)
	if c.Language != "" {
		path += "?language=" + c.Language
	}
	resp, err := c.open(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, paperLimit))
	if err != nil {
		return err
	}
	if c.Out == "-" {
		_, err = s.out.Write(b)
		return err
	}
	f, err := os.OpenFile(c.Out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.Wrap(err, fault.Conflict, "%s cannot be written, or is there already", c.Out)
	}
	_, err = f.Write(b)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
