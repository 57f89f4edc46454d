package record

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"raksha.example/raksha/internal/store"
)

// plain brings values to the forms that both a column and the entry's JSON hold alike: string, int64, nil. Anything that would
// come back from the database or from JSON as something else is an error.
func plain(f Fields) (Fields, error) {
	out := make(Fields, len(f)+1)
	for k, v := range f {
		p, err := plainValue(v)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", k, err)
		}
		if n, ok := p.(int64); ok && n == 0 && strings.HasSuffix(k, "_id") {
			p = nil // no such object: a reference that is not there
		}
		out[k] = p
	}
	return out, nil
}

func plainValue(v any) (any, error) {
	switch x := v.(type) {
	case nil:
		return nil, nil
	case string:
		return text(x), nil
	case int64:
		return x, nil
	case time.Time:
		return store.Micros(x), nil
	}
	switch r := reflect.ValueOf(v); r.Kind() { // a stage's own types of state, kind and number
	case reflect.String:
		return text(r.String()), nil
	case reflect.Bool:
		if r.Bool() {
			return int64(1), nil
		}
		return int64(0), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if r.Uint() <= math.MaxInt64 {
			return int64(r.Uint()), nil
		}
		return nil, fmt.Errorf("%d does not fit a column", r.Uint())
	}
	return nil, fmt.Errorf("a %T can be no column of a recorded row", v)
}

// text replaces what JSON or PostgreSQL cannot hold (broken UTF-8, zero bytes) by U+FFFD.
func text(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func split(f Fields) (columns []string, args []any) {
	for k := range f {
		columns = append(columns, k)
	}
	sort.Strings(columns)
	for _, k := range columns {
		args = append(args, f[k])
	}
	return columns, args
}

func insertion(table string, columns []string) string {
	return "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (" + places(1, len(columns)) + ")"
}

// places gives n places for arguments from number first on.
func places(first, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = "$" + strconv.Itoa(first+i)
	}
	return strings.Join(out, ", ")
}

// rowLine is the canonical form of a bulk row: its columns without id and without empty ones, as JSON with sorted keys.
func rowLine(f Fields) []byte {
	short := map[string]any{}
	for k, v := range f {
		if k == "id" || empty(v) {
			continue
		}
		if s, ok := v.(string); ok && !utf8.ValidString(s) { // never written so; JSON would make all of it alike
			v = map[string]string{"broken": hex.EncodeToString([]byte(s))}
		}
		short[k] = v
	}
	b, err := json.Marshal(short)
	if err != nil { // a number that JSON has not: never written
		b = fmt.Appendf(nil, "%v", short)
	}
	return append(b, '\n')
}

// empty says whether a value is the one a column has when nobody sets it.
func empty(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case string:
		return x == ""
	case int64:
		return x == 0
	}
	return false
}
