package triage

import (
	"context"
	"database/sql"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Kinds are what a route can look at.
var Kinds = []string{"ip", "asn", "phone", "pin", "address", "region", "platform", "country", "any"}

// Route is a rule of routing: tips with a hint that fits belong to an agency. Routes are asked step by step, lowest first; those
// of one step together. The first step in which one fits decides; a route of kind any only speaks when no other fits.
type Route struct {
	ID        int64     `json:"id,omitempty"`
	Kind      string    `json:"kind"`    // one of Kinds
	Pattern   string    `json:"pattern"` // 203.0.113.0/24, AS64500, +9170, 1100, a place's name, IN-DL, chirp.example, IN
	Agency    string    `json:"agency"`
	Step      int64     `json:"step,omitempty"`
	ValidFrom time.Time `json:"valid_from,omitzero"` // zero: since always
	ValidTo   time.Time `json:"valid_to,omitzero"`   // zero: for good
}

var patterns = map[string]struct {
	shape *regexp.Regexp
	want  string
}{
	"asn":      {regexp.MustCompile(`^AS[1-9][0-9]{0,9}$`), "the number of a network such as AS64500"},
	"phone":    {regexp.MustCompile(`^\+[1-9][0-9]{0,14}$`), "the beginning of a number in international form such as +9170"},
	"pin":      {regexp.MustCompile(`^[1-9][0-9]{0,5}$`), "the beginning of a PIN code, one to six digits"},
	"address":  {regexp.MustCompile(`^\S.{1,99}$`), "a word or a name as it stands in addresses, two characters at least"},
	"region":   {regexp.MustCompile(`^[A-Z]{2}-[A-Z0-9]{1,3}$`), "a region by ISO 3166-2 such as IN-DL"},
	"platform": {regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`), "the name of a host such as chirp.example"},
	"country":  {regexp.MustCompile(`^[A-Z]{2}$`), "a country by ISO 3166-1 such as IN"},
	"any":      {regexp.MustCompile(`^$`), "no pattern: it fits everything"},
}

func (r *Route) check() error {
	if r.Agency = strings.TrimSpace(r.Agency); r.Agency == "" || !slices.Contains(Kinds, r.Kind) {
		return fault.New(fault.Invalid, "a route needs an agency and a kind: %s", strings.Join(Kinds, ", "))
	}
	r.Pattern = strings.TrimSpace(r.Pattern)
	switch r.Kind {
	case "ip":
		if p, err := netip.ParsePrefix(r.Pattern); err != nil || p.Masked() != p {
			return fault.New(fault.Invalid, "an ip route needs a prefix such as 203.0.113.0/24")
		}
	case "any":
		r.Pattern = ""
	case "asn", "region", "country":
		r.Pattern = strings.ToUpper(r.Pattern)
	case "platform":
		r.Pattern = strings.ToLower(r.Pattern)
	case "phone":
		r.Pattern = strings.NewReplacer(" ", "", "-", "").Replace(r.Pattern)
	}
	if p, ok := patterns[r.Kind]; ok && !p.shape.MatchString(r.Pattern) {
		return fault.New(fault.Invalid, "a route of kind %s takes %s", r.Kind, p.want)
	}
	if r.Step < 0 || r.Step > 999 {
		return fault.New(fault.Invalid, "the step of a route is a number from 0 to 999")
	}
	if !r.ValidTo.IsZero() && !r.ValidTo.After(r.ValidFrom) {
		return fault.New(fault.Invalid, "a route ends after it begins")
	}
	return nil
}

// AddRoute enters a route.
func (d *Desk) AddRoute(ctx context.Context, tx *store.Tx, r Route) error {
	if err := r.check(); err != nil {
		return err
	}
	_, err := d.log.Insert(ctx, tx, "route", "route.added", time.Time{}, record.Fields{"kind": r.Kind, "pattern": r.Pattern, "agency": r.Agency, "step": r.Step,
		"valid_from": store.Micros(r.ValidFrom), "valid_to": store.Micros(r.ValidTo), "created_at": d.clock.Now()})
	return err
}

// RemoveRoute ends a route. It stays on record.
func (d *Desk) RemoveRoute(ctx context.Context, tx *store.Tx, id int64) error {
	all, err := d.Routes(ctx, tx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(r Route) bool { return r.ID == id }) {
		return fault.New(fault.NotFound, "there is no route %d", id)
	}
	return d.log.Update(ctx, tx, "route", "route.removed", time.Time{}, id, record.Fields{"removed_at": d.clock.Now()})
}

// Routes reads the routes that were not removed, in the order in which they are tried.
func (d *Desk) Routes(ctx context.Context, q store.Queryer) ([]Route, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (r Route, err error) {
		var from, to int64
		err = rows.Scan(&r.ID, &r.Kind, &r.Pattern, &r.Agency, &r.Step, &from, &to)
		r.ValidFrom, r.ValidTo = store.Time(from), store.Time(to)
		return r, err
	}, "SELECT id, kind, pattern, agency, step, valid_from, valid_to FROM route WHERE removed_at = 0 ORDER BY step, id")
}

// InForce says whether a route is asked at an instant.
func (r Route) InForce(at time.Time) bool {
	return !at.Before(r.ValidFrom) && (r.ValidTo.IsZero() || at.Before(r.ValidTo))
}

// fits says whether a fact is what the route looks for.
func (r Route) fits(f Fact) bool {
	if r.Kind != f.Kind {
		return false
	}
	switch r.Kind {
	case "ip":
		ip, err := netip.ParseAddr(f.Value)
		prefix, err2 := netip.ParsePrefix(r.Pattern)
		return err == nil && err2 == nil && prefix.Contains(ip.Unmap())
	case "phone", "pin":
		return strings.HasPrefix(f.Value, r.Pattern)
	case "platform":
		return f.Value == r.Pattern || strings.HasSuffix(f.Value, "."+r.Pattern)
	case "address":
		return strings.Contains(" "+words(f.Value)+" ", " "+words(r.Pattern)+" ")
	}
	return f.Value == r.Pattern
}

var noWord = regexp.MustCompile(`[^\p{L}\p{M}\p{N}]+`)

// words writes a text as its words, small, one blank between two.
func words(s string) string {
	return strings.TrimSpace(noWord.ReplaceAllString(strings.ToLower(s), " "))
}

// reason says in words why a route fits a fact.
func (r Route) reason(f Fact) string {
	switch r.Kind {
	case "platform":
		return f.From
	case "any":
		return "no other hint fits; everything else goes there"
	case "phone":
		return f.From + " begins with " + r.Pattern
	case "ip":
		return f.From + " lies in " + r.Pattern
	case "pin":
		return f.From + " begins with " + r.Pattern
	case "address":
		return f.From + " names " + r.Pattern
	}
	return f.From + ": " + r.Pattern
}
