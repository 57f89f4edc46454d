package paper

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/paper/typeset"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Tables tell the record which rows to answer for.
var Tables = []record.Table{{Name: "paper", Sealed: []string{"address", "logo"}}}

// Stationery is what a node's papers look like. PublicCheck lets anybody ask, without signing in, whether a paper with a
// number and a code is genuine; until it is switched on, papers carry no square and no link.
type Stationery struct {
	Address     []string `json:"address"`
	Logo        []byte   `json:"logo,omitempty"` // PNG, see typeset.ParsePNG
	PublicCheck bool     `json:"public_check"`
}

const (
	addressLines = 8
	addressLine  = 200 // characters
)

// Settings reads the settings; before they were first set, the zero ones.
func (p *Printer) Settings(ctx context.Context, q store.Queryer) (s Stationery, err error) {
	var address, logo string
	err = q.QueryRowContext(ctx, "SELECT address, logo, public_check FROM paper ORDER BY id LIMIT 1").Scan(&address, &logo, &s.PublicCheck)
	if errors.Is(err, sql.ErrNoRows) {
		return Stationery{Address: []string{}}, nil
	}
	if err != nil {
		return s, err
	}
	s.Address = strings.FieldsFunc(address, func(r rune) bool { return r == '\n' })
	s.Logo, err = base64.StdEncoding.DecodeString(logo)
	return s, err
}

// Public says whether the public check is on.
func (p *Printer) Public(ctx context.Context) (bool, error) {
	s, err := p.Settings(ctx, p.c.DB.Reader())
	return s.PublicCheck, err
}

// Set replaces the settings.
func (p *Printer) Set(ctx context.Context, tx *store.Tx, s Stationery) error {
	if len(s.Address) > addressLines {
		return fault.New(fault.Invalid, "a letterhead has at most %d lines under the name", addressLines)
	}
	for i, l := range s.Address {
		if s.Address[i] = strings.TrimSpace(l); s.Address[i] == "" || len([]rune(l)) > addressLine || strings.ContainsAny(l, "\n\r\x00") {
			return fault.New(fault.Invalid, "line %d of the address must have 1 to %d characters", i+1, addressLine)
		}
	}
	if len(s.Logo) > 0 {
		if _, err := typeset.ParsePNG(s.Logo); err != nil {
			return err
		}
	}
	f := record.Fields{"address": strings.Join(s.Address, "\n"), "logo": base64.StdEncoding.EncodeToString(s.Logo), "public_check": s.PublicCheck, "changed_at": p.c.Clock.Now()}
	var id int64
	err := tx.QueryRowContext(ctx, "SELECT id FROM paper ORDER BY id LIMIT 1").Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = p.c.Log.Insert(ctx, tx, "paper", "paper.set", time.Time{}, f)
		return err
	}
	if err != nil {
		return err
	}
	return p.c.Log.Update(ctx, tx, "paper", "paper.set", time.Time{}, id, f)
}
