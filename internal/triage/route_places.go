package triage

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"raksha.example/raksha/internal/fault"
)

const (
	geoLimit    = 512 << 20 // bytes of a file of network addresses; the commercial ones have about 150 MiB
	circleLimit = 16 << 20  // bytes of a file of phone prefixes
	circleRows  = 500_000
)

// Places are the operator's own tables of where things are: a file of network addresses in MaxMind's format
// (https://maxmind.github.io/MaxMind-DB/) and a CSV file of phone prefixes with the region of each. A file that is replaced is
// read anew when it is next asked; one that cannot be read leaves the last good one in use. The zero value knows nothing.
type Places struct {
	GeoFile    string // "" for none
	CircleFile string

	mu      sync.Mutex
	geo     table[*geo]
	circles table[map[string]string] // prefix -> region
}

// table is a file as it was last read.
type table[T any] struct {
	value   T
	info    os.FileInfo // of the file that was last tried
	problem error
	rows    int
}

// PlaceTable is one table as people see it.
type PlaceTable struct {
	What    string    `json:"what"`
	File    string    `json:"file"`
	Type    string    `json:"type,omitempty"` // as the file names itself
	BuiltAt time.Time `json:"built_at,omitzero"`
	Rows    int       `json:"rows,omitempty"`
	Problem string    `json:"problem,omitempty"` // why the file that is there is not used
}

// UsePlaces gives the desk the operator's tables.
func (d *Desk) UsePlaces(p *Places) { d.places = p }

// Places says which tables are in use.
func (d *Desk) Places() []PlaceTable { return d.places.Standing() }

// Standing says which tables are in use, and what is wrong with those that are not.
func (p *Places) Standing() []PlaceTable {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.renew()
	out := []PlaceTable{}
	if p.GeoFile != "" {
		s := PlaceTable{What: "network addresses", File: p.GeoFile, Problem: message(p.geo.problem)}
		if g := p.geo.value; g != nil {
			s.Type, s.BuiltAt = g.reader.Metadata.DatabaseType, g.reader.Metadata.BuildTime().UTC()
		}
		out = append(out, s)
	}
	if p.CircleFile != "" {
		out = append(out, PlaceTable{What: "phone prefixes", File: p.CircleFile, Rows: p.circles.rows, Problem: message(p.circles.problem)})
	}
	return out
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return fault.Message(err)
}

// renew reads the files that are new. The mutex is held.
func (p *Places) renew() {
	p.geo.renew(p.GeoFile, geoLimit, func(b []byte) (*geo, int, error) { g, err := openGeo(b); return g, 0, err })
	p.circles.renew(p.CircleFile, circleLimit, func(b []byte) (map[string]string, int, error) {
		m, err := parseCircles(b)
		return m, len(m), err
	})
}

func (t *table[T]) renew(path string, limit int64, parse func([]byte) (T, int, error)) {
	if path == "" {
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		t.problem, t.info = fault.Wrap(err, fault.NotFound, "the file cannot be read: %v", err), nil
		return
	}
	if t.info != nil && os.SameFile(info, t.info) && info.ModTime().Equal(t.info.ModTime()) && info.Size() == t.info.Size() {
		return
	}
	t.info = info
	b, err := readLimited(path, limit)
	if err == nil {
		var v T
		var rows int
		if v, rows, err = parse(b); err == nil {
			t.value, t.rows = v, rows
		}
	}
	t.problem = err
}

func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "the file cannot be read: %v", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the file cannot be read: %v", err)
	}
	if int64(len(b)) > limit {
		return nil, fault.New(fault.TooLarge, "the file has more than %d MiB", limit>>20)
	}
	return b, nil
}

// geo is an opened file of network addresses.
type geo struct{ reader *maxminddb.Reader }

// openGeo checks every record of a file before it is used.
func openGeo(b []byte) (g *geo, err error) {
	defer refusePanic(&err)
	r, err := maxminddb.OpenBytes(b)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "this is no file in MaxMind's format: %v", err)
	}
	if err := r.Verify(); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the file is damaged: %v", err)
	}
	return &geo{r}, nil
}

// refusePanic makes an error of a panic of the reader: the bytes are foreign, and a broken file must not end the node.
func refusePanic(err *error) {
	if v := recover(); v != nil {
		*err = fault.New(fault.Invalid, "the file is damaged: its reader failed (%v)", v)
	}
}

// located is what is read of a network address, of the country, city and ASN files alike.
type located struct {
	Country struct {
		ISO string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	Subdivisions []struct {
		ISO string `maxminddb:"iso_code"`
	} `maxminddb:"subdivisions"`
	ASN uint32 `maxminddb:"autonomous_system_number"`
}

func (g *geo) lookup(ip netip.Addr) (v located, err error) {
	defer refusePanic(&err)
	return v, g.reader.Lookup(ip).Decode(&v)
}

// ofIP gives country, region and network of an address.
func (p *Places) ofIP(ip netip.Addr) (out []Fact) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.renew()
	if p.geo.value == nil {
		return nil
	}
	v, err := p.geo.value.lookup(ip)
	if err != nil {
		return nil
	}
	from := " by the address file of " + p.geo.value.reader.Metadata.BuildTime().UTC().Format("2 January 2006")
	add := func(kind, value string) {
		if patterns[kind].shape.MatchString(value) {
			out = append(out, Fact{kind, value, value + from})
		}
	}
	country := strings.ToUpper(v.Country.ISO)
	if len(v.Subdivisions) > 0 {
		add("region", country+"-"+strings.ToUpper(v.Subdivisions[0].ISO))
	}
	add("country", country)
	if v.ASN != 0 {
		add("asn", fmt.Sprintf("AS%d", v.ASN))
	}
	return out
}

// ofPhone gives the region of the longest prefix of a number in E.164 form.
func (p *Places) ofPhone(e164 string) (Fact, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.renew()
	for n := len(e164); n > 1; n-- {
		if region, ok := p.circles.value[e164[:n]]; ok {
			return Fact{"region", region, region + " by its prefix " + e164[:n]}, true
		}
	}
	return Fact{}, false
}

// parseCircles reads a CSV file of phone prefixes in international form with the region (ISO 3166-2) of each; further columns are
// the operator's own. A first row without digits is a heading.
func parseCircles(b []byte) (map[string]string, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff"))))
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	out := map[string]string{}
	for line := 1; ; line++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			if len(out) == 0 {
				return nil, fault.New(fault.Invalid, "the file has no row of prefix and region such as +9198100,IN-DL")
			}
			return out, nil
		}
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the file is no CSV: %v", err)
		}
		if line == 1 && !strings.ContainsAny(row[0], "0123456789") {
			continue
		}
		if len(row) < 2 {
			return nil, fault.New(fault.Invalid, "row %d has no region", line)
		}
		prefix, region := "+"+strings.TrimLeft(strings.TrimSpace(row[0]), "+"), strings.ToUpper(strings.TrimSpace(row[1]))
		if !patterns["phone"].shape.MatchString(prefix) || !patterns["region"].shape.MatchString(region) {
			return nil, fault.New(fault.Invalid, "row %d is no prefix in international form with a region, such as +9198100,IN-DL", line)
		}
		if known, ok := out[prefix]; ok && known != region {
			return nil, fault.New(fault.Invalid, "row %d gives %s another region than a row before", line, prefix)
		}
		if out[prefix] = region; len(out) > circleRows {
			return nil, fault.New(fault.TooLarge, "the file has more than %d prefixes", circleRows)
		}
	}
}
