package intake

import (
	"iter"
	"strings"
)

// table splits text into rows and cells. Unlike a CSV reader that keeps to RFC 4180 it never gives up on a row, and a
// quote that nobody closes costs one row, not the rest of the file.
type table struct {
	text   string
	delim  byte // 0: one cell a line
	wasted *int // bytes read behind quotes that turned out to be none
}

// maxWasted bounds the work that a file full of stray quotes makes. Behind it quotes are ordinary characters.
const maxWasted = 64 << 20

// tableRow is one row that is not blank. Its cells are valid until the next row.
type tableRow struct {
	cells []string
	cut   bool // there were more than maxCells

	n        int // as a spreadsheet program shows it
	formulas map[int]string
	links    map[int]string
}

const sampled = 2000 // rows that are looked at to understand a file

func newTable(text string) table {
	// Spreadsheet programs write and read a first line such as "sep=;".
	if first, rest, _ := strings.Cut(text, "\n"); len(strings.TrimRight(first, "\r")) == 5 && strings.EqualFold(first[:4], "sep=") {
		return table{rest, first[4], new(int)}
	}
	return table{text, delimiter(text), new(int)}
}

// delimiter gives the separator that most lines have equally often.
func delimiter(text string) byte {
	best, bestScore := byte(0), 0
	for _, d := range []byte{'\t', ';', ','} {
		counts, n := map[int]int{}, 0
		for line := range strings.Lines(text) {
			if strings.TrimSpace(line) == "" {
				continue
			}
			if n++; n > 200 {
				break
			}
			if c := strings.Count(outsideQuotes(line), string(d)); c > 0 {
				counts[c]++
			}
		}
		score := 0
		for _, lines := range counts {
			score = max(score, lines)
		}
		if score > bestScore {
			best, bestScore = d, score
		}
	}
	return best
}

// outsideQuotes drops the quoted parts of a line.
func outsideQuotes(line string) string {
	if strings.Count(line, `"`) < 2 {
		return line
	}
	var b strings.Builder
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 0 {
			b.WriteString(part)
		}
	}
	return b.String()
}

// rows gives the rows that are not blank.
func (t table) rows() iter.Seq[tableRow] {
	return func(yield func(tableRow) bool) {
		*t.wasted = 0 // so that every pass reads the same
		var cells []string
		for at := 0; at < len(t.text); {
			row := tableRow{cells: cells[:0]}
			blank := true
			for more := true; more; {
				var cell string
				cell, at, more = t.cell(at)
				blank = blank && strings.TrimSpace(cell) == ""
				if len(row.cells) < maxCells {
					row.cells = append(row.cells, cell)
				} else {
					row.cut = true
				}
			}
			cells = row.cells
			if !blank && !yield(row) {
				return
			}
		}
	}
}

// cell reads the cell at a place, gives the place behind it and its separator, and whether the row goes on.
func (t table) cell(at int) (cell string, next int, more bool) {
	start := at
	for start < len(t.text) && t.text[start] == ' ' {
		start++
	}
	if start < len(t.text) && t.text[start] == '"' && *t.wasted < maxWasted {
		if cell, end, ok := t.quoted(start + 1); ok {
			next, more = t.separator(end)
			return cell, next, more
		}
	}
	end := at
	for end < len(t.text) && !t.ends(end) {
		end++
	}
	next, more = t.separator(end)
	return t.text[at:end], next, more
}

// quoted reads a cell up to its closing quote, and the spaces behind. ok is false when the quote at its start is none:
// nothing closes it within the limit, or what it would swallow are lines with addresses of their own.
func (t table) quoted(from int) (cell string, end int, ok bool) {
	var b strings.Builder
	for i := from; i < len(t.text) && b.Len() <= maxCell; i++ {
		if t.text[i] != '"' {
			b.WriteByte(t.text[i])
			continue
		}
		if i+1 < len(t.text) && t.text[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		end = i + 1
		for end < len(t.text) && t.text[end] == ' ' {
			end++
		}
		if end < len(t.text) && !t.ends(end) {
			b.WriteByte('"') // a stray quote inside the cell
			continue
		}
		_, swallowed, several := strings.Cut(strings.TrimRight(b.String(), "\r\n"), "\n")
		if several && len(addressesIn(swallowed)) > 0 {
			break
		}
		return b.String(), end, true
	}
	*t.wasted += b.Len()
	return "", 0, false
}

// ends tells whether the byte at a place ends an unquoted cell.
func (t table) ends(at int) bool {
	c := t.text[at]
	return c == '\n' || c == '\r' || t.delim != 0 && c == t.delim
}

// separator steps over what ends a cell.
func (t table) separator(at int) (next int, more bool) {
	switch {
	case at >= len(t.text):
		return at, false
	case t.text[at] == '\r' && at+1 < len(t.text) && t.text[at+1] == '\n':
		return at + 2, false
	case t.text[at] == '\r' || t.text[at] == '\n':
		return at + 1, false
	default:
		return at + 1, true
	}
}
