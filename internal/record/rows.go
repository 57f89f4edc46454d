package record

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"raksha.example/raksha/internal/store"
)

// rowsAtOnce is how many rows of a bulk table one statement inserts. Both engines number the rows of a statement in its order.
const rowsAtOnce = 32

// rowWriter inserts rows of one table, many in a statement while they have the same columns.
type rowWriter struct {
	ctx   context.Context
	tx    *store.Tx
	table string

	columns []string // of the rows that wait
	args    []any
	rows    int
	full    *sql.Stmt // inserts rowsAtOnce rows of columns
}

func (w *rowWriter) add(f Fields) error {
	columns, args := split(f)
	if !slices.Equal(columns, w.columns) {
		if err := w.flush(); err != nil {
			return err
		}
		w.close()
		w.columns = columns
	}
	w.args = append(w.args, args...)
	if w.rows++; w.rows < rowsAtOnce {
		return nil
	}
	if w.full == nil {
		var err error
		if w.full, err = w.tx.PrepareContext(w.ctx, w.insertion(rowsAtOnce)); err != nil {
			return err
		}
	}
	_, err := w.full.ExecContext(w.ctx, w.args...)
	w.args, w.rows = w.args[:0], 0
	return err
}

// flush inserts the rows that wait.
func (w *rowWriter) flush() error {
	if w.rows == 0 {
		return nil
	}
	_, err := w.tx.ExecContext(w.ctx, w.insertion(w.rows), w.args...)
	w.args, w.rows = w.args[:0], 0
	return err
}

func (w *rowWriter) close() {
	if w.full != nil {
		w.full.Close()
		w.full = nil
	}
}

// insertion is insertion of several rows.
func (w *rowWriter) insertion(rows int) string {
	one := insertion(w.table, w.columns)
	head, _, _ := strings.Cut(one, "VALUES ")
	var b strings.Builder
	b.WriteString(head)
	b.WriteString("VALUES ")
	for r := range rows {
		if r > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + places(r*len(w.columns)+1, len(w.columns)) + ")")
	}
	return b.String()
}
