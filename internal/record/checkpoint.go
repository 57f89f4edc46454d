package record

import (
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"raksha.example/raksha/internal/fault"
)

// Checkpoint is what a signed checkpoint says (C2SP tlog-checkpoint).
type Checkpoint struct {
	Origin string    `json:"origin"`
	Size   int64     `json:"size"` // entries
	Root   tlog.Hash `json:"root"` // base64
	Note   string    `json:"note"` // as signed
}

const maxNote = 8 << 10 // bytes

// ParseCheckpoint reads a checkpoint without verifying its signature: fault.Invalid if it is none.
func ParseCheckpoint(text string) (Checkpoint, error) {
	c := Checkpoint{Note: text}
	body, _, ok := cutSignature(text)
	lines := strings.Split(body, "\n")
	bad := fault.New(fault.Invalid, "this is no signed checkpoint of a record")
	if !ok || len(text) > maxNote || len(lines) != 4 || lines[0] == "" || lines[3] != "" { // we write no extension lines
		return c, bad
	}
	c.Origin = lines[0]
	var err error
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != lines[1] {
		return c, bad
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil || c.Root.String() != lines[2] {
		return c, bad
	}
	return c, nil
}

// OpenCheckpoint reads a checkpoint and verifies that verifier's key signed it: fault.Refused if not.
func OpenCheckpoint(text string, verifier note.Verifier) (Checkpoint, error) {
	c, err := ParseCheckpoint(text)
	if err != nil {
		return c, err
	}
	if c.Origin != verifier.Name() {
		return c, fault.New(fault.Refused, "the checkpoint is of the record %q, not of %q", c.Origin, verifier.Name())
	}
	if _, err := note.Open([]byte(text), note.VerifierList(verifier)); err != nil {
		return c, fault.Wrap(err, fault.Refused, "the checkpoint of size %d is not signed by the record %s: %v", c.Size, c.Origin, err)
	}
	return c, nil
}

// cutSignature splits a note into its text and its signature lines.
func cutSignature(text string) (body, signatures string, ok bool) {
	i := strings.LastIndex(text, "\n\n\u2014 ")
	if i < 0 {
		return "", "", false
	}
	return text[:i+1], text[i+2:], true
}
