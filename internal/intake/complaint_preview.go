package intake

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"

	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/store"
)

// Preview is what was understood of a complaint file before anything is entered.
type Preview struct {
	SHA256     string       `json:"sha256"`
	Lines      int64        `json:"lines"` // but titles
	Tips       int64        `json:"tips"`  // lines that would become tips
	Duplicates int64        `json:"duplicate_lines"`
	Unreadable int64        `json:"unreadable"`
	Headings   int64        `json:"headings"`
	Known      int64        `json:"known"` // lines that would become tips, of an address that a tip names already
	Rows       []Understood `json:"rows"`
	More       bool         `json:"more,omitempty"` // there are more rows than are shown
}

// Understood is one line of a preview.
type Understood struct {
	N           int    `json:"n"`
	Sheet       string `json:"sheet,omitempty"`
	Row         int    `json:"row,omitempty"` // in the sheet, as a spreadsheet program shows it
	Typed       string `json:"typed"`
	Remarks     string `json:"remarks,omitempty"`
	State       string `json:"state"` // tip, duplicate, unreadable or heading
	Address     string `json:"address,omitempty"`
	Platform    string `json:"platform,omitempty"`
	Kind        string `json:"kind,omitempty"`         // account or post
	DuplicateOf int    `json:"duplicate_of,omitempty"` // the line that names the same thing first
	KnownAs     string `json:"known_as,omitempty"`     // the first tip of the same address
	Reason      string `json:"reason,omitempty"`       // why it cannot be read
	Formulas    string `json:"formulas,omitempty"`
	Note        string `json:"note,omitempty"`
}

// Preview says line by line what Import would make of a file, and shows the first lines, as many as limit. Nothing is entered.
func (t *Tips) Preview(ctx context.Context, q store.Queryer, content []byte, limit int) (Preview, []Line, error) {
	lines, err := t.Read(ctx, content)
	if err != nil {
		return Preview{}, nil, err
	}
	known, err := knownTips(ctx, q, lines)
	if err != nil {
		return Preview{}, nil, err
	}
	sum := sha256.Sum256(content)
	p := Preview{SHA256: hex.EncodeToString(sum[:]), Rows: []Understood{}}
	first := map[platforms.Locator]int{}
	for _, l := range lines {
		u := Understood{N: l.N, Sheet: l.Sheet, Row: l.Row, Typed: l.Typed, Remarks: l.Remarks, Reason: l.Err, Formulas: l.Formulas, Note: l.Note, State: "tip"}
		if l.Err == "" {
			u.Address, u.Platform, u.Kind = l.Locator.String(), l.Locator.Platform(), string(l.Locator.Kind)
		}
		p.Lines++
		switch key := l.Locator.Key(); {
		case l.Heading:
			u.State = "heading"
			p.Lines--
			p.Headings++
		case l.Err != "":
			u.State = "unreadable"
			p.Unreadable++
		case first[key] != 0:
			u.State, u.DuplicateOf = "duplicate", first[key]
			p.Duplicates++
		default:
			first[key], u.KnownAs = l.N, known[u.Address]
			p.Tips++
			if u.KnownAs != "" {
				p.Known++
			}
		}
		if p.More = len(p.Rows) >= limit; !p.More {
			p.Rows = append(p.Rows, u)
		}
	}
	return p, lines, nil
}

const askedAtOnce = 500 // arguments of a query

// knownTips gives the number of the first tip of each address that has one.
func knownTips(ctx context.Context, q store.Queryer, lines []Line) (map[string]string, error) {
	known, asked := map[string]string{}, map[string]bool{}
	var batch []any
	ask := func() error {
		if len(batch) == 0 {
			return nil
		}
		places := make([]string, len(batch))
		for i := range places {
			places[i] = fmt.Sprintf("$%d", i+1)
		}
		type found struct{ locator, number string }
		all, err := store.Collect(ctx, q, func(rows *sql.Rows) (f found, err error) { return f, rows.Scan(&f.locator, &f.number) },
			"SELECT locator, number FROM tip WHERE locator IN ("+strings.Join(places, ", ")+") ORDER BY id", batch...)
		for _, f := range all {
			if known[f.locator] == "" {
				known[f.locator] = f.number
			}
		}
		batch = batch[:0]
		return err
	}
	for _, l := range lines {
		at := l.Locator.String()
		if at == "" || asked[at] {
			continue
		}
		asked[at] = true
		if batch = append(batch, at); len(batch) == askedAtOnce {
			if err := ask(); err != nil {
				return nil, err
			}
		}
	}
	return known, ask()
}
