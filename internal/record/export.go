package record

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// exportFormat is the first line's format.
const exportFormat = "raksha-record-1"

const maxExportLine = 64 << 20 // bytes; an entry with a document in it

// exportHeader is the first line of an export.
type exportHeader struct {
	Format     string   `json:"format"`
	Origin     string   `json:"origin"`
	Key        string   `json:"key,omitempty"` // the record's public key, as the exporting node says it
	Checkpoint string   `json:"checkpoint"`    // that everything below is proven against
	Entries    int64    `json:"entries"`       // in this file
	Complete   bool     `json:"complete"`      // every entry of the log: then they need no proof of their own
	Sealed     []string `json:"sealed"`        // tables whose sealed parts are in it
}

// exportLine is one of the other lines: an entry, or an earlier checkpoint with its time-stamp.
type exportLine struct {
	Leaf       *int64      `json:"leaf,omitempty"`
	Public     string      `json:"public,omitempty"`
	SealedHash []byte      `json:"sealed_hash,omitempty"`
	Sealed     *string     `json:"sealed,omitempty"`
	Salt       []byte      `json:"salt,omitempty"`
	Proof      []tlog.Hash `json:"proof,omitempty"` // of inclusion; for a checkpoint of consistency
	Checkpoint string      `json:"checkpoint,omitempty"`
	Token      []byte      `json:"token,omitempty"` // RFC 3161 TimeStampToken over it
}

// ExportOptions say what to export. The zero value is every entry's public part.
type ExportOptions struct {
	Table  string   // only entries about rows of this table
	ID     int64    // only those about this row; 0: all
	Sealed []string // tables whose sealed parts go along; "notes" for those of entries about no row
	Key    string   // the record's public key, for the header
}

// Export writes entries as JSON lines that prove themselves without the database: each is in the log of the checkpoint in the first
// line. It gives how many there are.
func Export(ctx context.Context, q store.Queryer, w io.Writer, o ExportOptions) (int64, error) {
	c, err := newest(ctx, q)
	if err != nil {
		return 0, err
	}
	h := exportHeader{Format: exportFormat, Origin: c.Origin, Key: o.Key, Checkpoint: c.Note, Complete: o.Table == "", Sealed: append([]string{}, o.Sealed...)}
	where := "WHERE leaf >= $1 AND leaf < $2 AND ($3 = '' OR object = $3) AND ($4 = 0 OR object_id = $4)"
	if err := q.QueryRowContext(ctx, "SELECT COUNT(*) FROM record_entry "+where, 0, c.Size, o.Table, o.ID).Scan(&h.Entries); err != nil {
		return 0, err
	}
	if h.Entries == 0 {
		return 0, fault.New(fault.NotFound, "no entry is about that")
	}
	out := bufio.NewWriter(w)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	if err := e.Encode(h); err != nil {
		return 0, err
	}
	if err := exportStamps(ctx, q, e, c); err != nil {
		return 0, err
	}
	for first := int64(0); first < c.Size; first += stretch {
		lines, err := store.Collect(ctx, q, func(rows *sql.Rows) (l exportLine, err error) {
			var object string
			var leaf int64
			var sealed sql.NullString
			err = rows.Scan(&leaf, &object, &l.Public, &l.SealedHash, &sealed, &l.Salt)
			l.Leaf = &leaf
			if object == "" {
				object = "notes"
			}
			if !slices.Contains(o.Sealed, object) {
				l.Salt = nil
			} else if sealed.Valid {
				l.Sealed = &sealed.String
			}
			return l, err
		}, "SELECT leaf, object, public, sealed_hash, sealed, salt FROM record_entry "+where+" ORDER BY leaf", first, min(first+stretch, c.Size), o.Table, o.ID)
		if err != nil {
			return 0, err
		}
		for _, l := range lines {
			if !h.Complete {
				if l.Proof, err = tlog.ProveRecord(c.Size, *l.Leaf, &hashReader{ctx: ctx, q: q}); err != nil {
					return 0, err
				}
			}
			if err := e.Encode(l); err != nil {
				return 0, err
			}
		}
	}
	return h.Entries, out.Flush()
}

// exportStamps writes the checkpoints that an authority has time-stamped, each with the proof that the log grew from it.
func exportStamps(ctx context.Context, q store.Queryer, e *json.Encoder, c Checkpoint) error {
	stamps, err := Timestamps(ctx, q)
	if err != nil {
		return err
	}
	for _, t := range stamps {
		if t.Size > c.Size {
			continue
		}
		var l exportLine
		if err := q.QueryRowContext(ctx, "SELECT note FROM record_checkpoint WHERE size = $1", t.Size).Scan(&l.Checkpoint); err != nil {
			return err
		}
		if l.Token, err = base64.StdEncoding.DecodeString(t.Token); err != nil {
			return err
		}
		if l.Proof, err = tlog.ProveTree(c.Size, t.Size, &hashReader{ctx: ctx, q: q}); err != nil {
			return err
		}
		if err := e.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

// ExportReport is the outcome of VerifyExport.
type ExportReport struct {
	Origin     string   `json:"origin"`
	Size       int64    `json:"size"`       // of the checkpoint
	Entries    int64    `json:"entries"`    // in the file
	Opened     int64    `json:"opened"`     // of those, with their sealed part
	Complete   bool     `json:"complete"`   // the whole log
	Timestamps int64    `json:"timestamps"` // verified; they need the authority's certificates
	Verified   bool     `json:"verified"`
	Problems   []string `json:"problems,omitempty"`
}

func (r *ExportReport) problem(format string, args ...any) {
	if r.Verified = false; len(r.Problems) < problemLimit {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// VerifyExport proves an export without the database. verifier is the record's key, got out of band; nil takes the one in the file,
// which proves only that the file fits together. roots are the certificates of the time-stamping authority; nil passes over its
// tokens. The error is for a file that is no export.
func VerifyExport(in io.Reader, verifier note.Verifier, roots *x509.CertPool) (ExportReport, error) {
	r := ExportReport{Verified: true}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxExportLine)
	var h exportHeader
	if !lines.Scan() || strict(lines.Bytes(), &h) != nil || h.Format != exportFormat {
		return r, fault.New(fault.Invalid, "this is no export of a record")
	}
	var err error
	if verifier == nil {
		if verifier, err = note.NewVerifier(h.Key); err != nil {
			return r, fault.Wrap(err, fault.Invalid, "the export names no key of its record; name one with --key")
		}
	}
	c, err := OpenCheckpoint(h.Checkpoint, verifier)
	if err != nil {
		r.problem("the checkpoint: %s", fault.Message(err))
		return r, nil
	}
	r.Origin, r.Size, r.Complete = c.Origin, c.Size, h.Complete
	if h.Origin != c.Origin {
		r.problem("the first line names the record %q; the checkpoint is of %q", h.Origin, c.Origin)
	}
	whole := &logCheck{Report: &Report{}}
	last := int64(-1)
	for lines.Scan() {
		var l exportLine
		if err := strict(lines.Bytes(), &l); err != nil {
			r.problem("line %d after the first cannot be read", r.Entries+r.Timestamps+1)
			return r, nil
		}
		if l.Leaf == nil {
			r.stamp(l, c, verifier, roots)
			continue
		}
		if *l.Leaf <= last || *l.Leaf >= c.Size {
			r.problem("entry %d: it stands twice, out of order or beyond the checkpoint", *l.Leaf)
			return r, nil
		}
		last = *l.Leaf
		r.Entries++
		r.seal(l)
		if h.Complete {
			if *l.Leaf != whole.Entries {
				r.problem("entry %d is missing", whole.Entries)
				return r, nil
			}
			whole.add(tlog.RecordHash(leafData(l.Public, l.SealedHash)))
		} else if err := tlog.CheckRecord(l.Proof, c.Size, c.Root, *l.Leaf, tlog.RecordHash(leafData(l.Public, l.SealedHash))); err != nil {
			r.problem("entry %d: it is not in the log of the checkpoint", *l.Leaf)
		}
	}
	if err := lines.Err(); err != nil {
		return r, fault.Wrap(err, fault.Invalid, "the export cannot be read: %v", err)
	}
	if r.Entries != h.Entries {
		r.problem("the file has %d entries; its first line says %d", r.Entries, h.Entries)
	}
	if h.Complete && (whole.Entries != c.Size || whole.root() != c.Root) {
		r.problem("the entries are not those that the checkpoint of size %d was signed over", c.Size)
	}
	return r, nil
}

// add puts a leaf into the tree.
func (c *logCheck) add(h tlog.Hash) {
	for level := 0; c.Entries>>level&1 == 1; level++ {
		h = tlog.NodeHash(c.edge[len(c.edge)-1], h)
		c.edge = c.edge[:len(c.edge)-1]
	}
	c.edge = append(c.edge, h)
	c.Entries++
}

// seal checks a sealed part that goes along.
func (r *ExportReport) seal(l exportLine) {
	if l.Sealed == nil {
		return
	}
	if sum := sealedHash(l.Salt, []byte(*l.Sealed)); !bytes.Equal(sum[:], l.SealedHash) {
		r.problem("entry %d: its sealed part is not what was recorded", *l.Leaf)
		return
	}
	r.Opened++
}

// stamp checks an earlier checkpoint, that the log grew from it, and its time-stamp.
func (r *ExportReport) stamp(l exportLine, now Checkpoint, verifier note.Verifier, roots *x509.CertPool) {
	if roots != nil {
		if _, err := CheckToken(l.Token, l.Checkpoint, roots); err != nil {
			r.problem("a time-stamp: %s", fault.Message(err))
			return
		}
		r.Timestamps++
	}
	c, err := OpenCheckpoint(l.Checkpoint, verifier)
	if err == nil && (c.Size < 1 || c.Size > now.Size) {
		err = errors.New("of another size")
	}
	if err == nil {
		err = tlog.CheckTree(l.Proof, now.Size, now.Root, c.Size, c.Root)
	}
	if err != nil {
		r.problem("the time-stamped checkpoint of size %d is not of this log", c.Size)
	}
}

// strict reads one line and refuses what it does not know, and every spelling but the one that Export writes.
func strict[T any](b []byte, into *T) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	var again bytes.Buffer
	e := json.NewEncoder(&again)
	e.SetEscapeHTML(false)
	if err := e.Encode(into); err != nil || !bytes.Equal(bytes.TrimSuffix(again.Bytes(), []byte("\n")), b) {
		return errors.New("not as an export is written")
	}
	return nil
}
