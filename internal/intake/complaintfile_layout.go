package intake

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode"

	"github.com/xuri/excelize/v2"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/spreadsheet"
)

// layout is how a list is laid out.
type layout struct {
	address int            // the column with most addresses
	header  int            // which row, from 1, is the header; 0 if none is
	titles  string         // the header's cells
	handles map[int]bool   // columns that hold handles, by their titles
	names   map[int]bool   // columns that hold the names of platforms, by their titles
	sites   map[int]string // of columns whose titles name a platform, its host
	site    string         // of a sheet whose name names a platform, its host
}

// sheetRows gives the rows of a sheet.
func sheetRows(s spreadsheet.Sheet) iter.Seq[tableRow] {
	return func(yield func(tableRow) bool) {
		for _, r := range s.Rows {
			if !yield(tableRow{cells: r.Cells, cut: r.Cut, n: r.N, formulas: r.Formulas, links: r.Links}) {
				return
			}
		}
	}
}

// readRows reads the rows of a file, or of a sheet, onto lines.
func readRows(ctx context.Context, lines []Line, rows iter.Seq[tableRow], sheet string) ([]Line, error) {
	seen := understand(rows, sheet)
	at, subtitles := 0, true
	for row := range rows {
		if at%256 == 0 && ctx.Err() != nil {
			return nil, fault.Wrap(ctx.Err(), fault.TooLarge, "reading the complaint file takes too long; split it")
		}
		if at++; at == seen.header {
			continue
		}
		if len(lines) == maxRows {
			return nil, fault.New(fault.TooLarge, "the complaint file has more than %d rows; split it", maxRows)
		}
		line := readRow(row, seen)
		subtitles = subtitles && (at <= seen.header || at <= seen.header+2 && titleRow(row))
		line.N, line.Sheet, line.Row, line.Formulas = len(lines)+1, sheet, row.n, formulas(row)
		line.Heading = line.Err != "" && seen.header > 0 && (at < seen.header || subtitles || joined(row) == seen.titles)
		lines = append(lines, line)
	}
	return lines, nil
}

// formulas tells the formulas of a row.
func formulas(row tableRow) string {
	var out []string
	for i := range row.cells {
		if f, ok := row.formulas[i]; ok {
			name, err := excelize.CoordinatesToCellName(i+1, row.n)
			if err == nil {
				out = append(out, name+" "+f)
			}
		}
	}
	return strings.Join(out[:min(len(out), 20)], "\n")
}

func joined(row tableRow) string {
	return strings.TrimRight(strings.ToLower(strings.Join(row.cells, "\x00")), "\x00 ")
}

// understand looks at the first rows.
func understand(rows iter.Seq[tableRow], sheet string) layout {
	seen := layout{handles: map[int]bool{}, names: map[int]bool{}, sites: map[int]string{}}
	seen.site, _ = platforms.SiteNamed(sheet)
	var counts [maxCells]int
	at, searching := 0, true
	for row := range rows {
		if at++; at > sampled {
			break
		}
		for i, c := range row.cells[:min(len(row.cells), maxCells)] {
			if len(c) <= maxCell && mayBeAddress(c) {
				if _, err := platforms.ParseLocator(c); err == nil {
					counts[i]++
				}
			}
		}
		if seen.header > 0 && at == seen.header+1 && titleRow(row) { // merged titles have their parts in a second row
			seen.entitle(row)
		}
		if !searching {
			continue
		}
		searching = at < titleRows && !slices.ContainsFunc(row.cells, func(c string) bool { return len(c) < maxCell && len(addressesIn(c)) > 0 })
		if at <= titleRows && titleRow(row) && !slices.ContainsFunc(row.cells, func(c string) bool { return len(c) < maxCell && len(addressesIn(c)) > 0 }) {
			seen.header, seen.titles, searching = at, joined(row), false
			seen.entitle(row)
		}
	}
	for i, c := range counts {
		if c > counts[seen.address] {
			seen.address = i
		}
	}
	for i := maxCells - 1; i >= 0 && counts[seen.address] == 0; i-- { // no addresses at all: the handles are what was typed
		if seen.handles[i] || seen.sites[i] != "" {
			seen.address = i
		}
	}
	return seen
}

const titleRows = 12 // among which the header is looked for, before any address

// entitle learns from the titles what the columns hold.
func (l *layout) entitle(row tableRow) {
	for i, c := range row.cells {
		if !isTitle(c) {
			continue
		}
		words := titleWords(c)
		if slices.ContainsFunc(words, func(w string) bool { return handleWords[w] }) && !slices.ContainsFunc(words, func(w string) bool { return serialWords[w] }) {
			l.handles[i] = true
		}
		l.names[i] = l.names[i] || slices.ContainsFunc(words, func(w string) bool { return platformWords[w] })
		for _, w := range append(words, strings.Join(words, " ")) {
			if host, ok := platforms.SiteNamed(w); ok {
				l.sites[i] = host
			}
		}
	}
}

// named gives the accounts that a row names by handle and platform, and the column of the first.
func (l layout) named(row tableRow) (found []platforms.Locator, at int) {
	add := func(i int, a platforms.Locator, err error) {
		if err == nil && !slices.Contains(found, a) {
			if len(found) == 0 {
				at = i
			}
			found = append(found, a)
		}
	}
	site := l.site
	for i, c := range row.cells {
		if a, err := platforms.ParseNamed(c); err == nil {
			add(i, a, nil)
		}
		if host, ok := platforms.SiteNamed(c); ok && (l.names[i] || !strings.EqualFold(strings.TrimSpace(c), "x")) { // an x alone may be a tick
			site = host
		}
	}
	if len(found) > 0 {
		return found, at
	}
	for i, c := range row.cells {
		if _, is := platforms.SiteNamed(c); is || len(c) > 100 || strings.TrimSpace(c) == "" {
			continue
		}
		host := l.sites[i]
		if host == "" {
			host = site
		}
		if host != "" && (l.sites[i] != "" || l.handles[i] || strings.HasPrefix(strings.TrimSpace(c), "@")) {
			a, err := platforms.ParseHandle(host, c)
			add(i, a, err)
		}
	}
	return found, at
}

// headerWords are the words of column titles. A row is a header only if every word of a cell is among them: a row of
// data must not be taken for one. The names of platforms are title words beside another one only.
var (
	headerWords = words(`s sr sl no nos num number serial sno srno slno # link links url urls address addresses account accounts profile
	profiles handle handles user username usernames id ids post posts page web site website platform app name remark remarks comment comments
	note notes detail details description reason date time of the complaint complaints and or channel channels group groups type content social media
	लिंक यूआरएल पता खाता खाते प्रोफाइल क्रम क्रमांक संख्या सं क्र टिप्पणी विवरण हैंडल यूजर यूजरनेम यूज़र यूज़रनेम नाम मंच प्लेटफॉर्म प्लेटफ़ॉर्म वेबसाइट दिनांक तारीख समय शिकायत
	का की के पोस्ट आईडी अभ्युक्ति कारण सोशल मीडिया`)
	handleWords   = words("handle handles user username usernames id ids profile profiles account accounts channel हैंडल यूजर यूजरनेम यूज़र यूज़रनेम आईडी खाता प्रोफाइल")
	platformWords = words("platform app site website social media मंच प्लेटफॉर्म प्लेटफ़ॉर्म वेबसाइट सोशल मीडिया")
	serialWords   = words("s sr sl no nos num number serial sno srno slno # date time link links url urls क्रम क्रमांक संख्या लिंक दिनांक")
)

func words(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(s) {
		set[w] = true
	}
	return set
}

// titleRow tells whether at least half of a row's cells are titles.
func titleRow(row tableRow) bool {
	titles := 0
	for _, c := range row.cells {
		if isTitle(c) {
			titles++
		}
	}
	return titles > 0 && 2*titles >= filled(row.cells)
}

func titleWords(cell string) []string {
	return strings.FieldsFunc(strings.ToLower(cell), func(r rune) bool {
		return r != '#' && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
	})
}

func isTitle(cell string) bool {
	if len(cell) > 150 {
		return false
	}
	plain := 0
	parts := titleWords(cell)
	for _, w := range parts {
		if headerWords[w] {
			plain++
		} else if _, ok := platforms.SiteNamed(w); !ok {
			return false
		}
	}
	return plain > 0
}

// filled counts the cells that are not blank.
func filled(cells []string) int {
	n := 0
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			n++
		}
	}
	return n
}

// Where tells where a line stands in its file, for people: "row 5 of Sheet1", or its number.
func (l Line) Where() string {
	if l.Row == 0 {
		return fmt.Sprintf("line %d", l.N)
	}
	return fmt.Sprintf("row %d of %s", l.Row, l.Sheet)
}
