package enforcement

import (
	"context"
	"database/sql"
	"strings"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// What is kept for a document stays for the time that the rule of preservation gives, and in any case while the document is
// unanswered or contested: a legal hold stands until the asker has acknowledged an answer in which no item is refused.
// Whoever settles a contested one ends its hold by its basis, with raksha vault release.

// holdBasis names the hold that a received document places.
func holdBasis(f courier.Filed) string {
	return strings.ReplaceAll(f.Instrument, "_", " ") + " " + f.Number + " of " + f.Issuer + " is unanswered or contested"
}

// answered ends the holds of a document when its asker has acknowledged the answer.
func (d *Desk) answered(ctx context.Context, tx *store.Tx, answer courier.Filed) error {
	if answer.State != "acknowledged" || answer.InReplyTo == "" {
		return nil // an answer that was refused is none
	}
	f, err := courier.ByJTI(ctx, tx, courier.In, answer.Audience, answer.InReplyTo)
	if fault.Of(err) == fault.NotFound && err != nil {
		return nil
	}
	if err != nil {
		return err
	}
	items, err := courier.Items(ctx, tx, f.ID)
	if err != nil {
		return err
	}
	for _, it := range items {
		if it.State == "refused" {
			return nil
		}
	}
	sums, err := store.Collect(ctx, tx, func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) }, "SELECT DISTINCT sha256 FROM preserved WHERE document_id = $1 ORDER BY sha256", f.ID)
	if err != nil {
		return err
	}
	for _, sum := range sums {
		err := d.vault.Release(ctx, tx, sum, holdBasis(f), answer.Number+" answers it and was acknowledged")
		if err != nil && fault.Of(err) != fault.NotFound { // kept before holds were placed, or released by a person
			return err
		}
	}
	return nil
}
