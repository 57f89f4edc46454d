package triage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/selector"
	"raksha.example/raksha/internal/store"
)

// Fact is one thing that tells where a tip belongs.
type Fact struct {
	Kind  string `json:"kind"`  // as of a Route
	Value string `json:"value"` // in the form that routes are written in
	From  string `json:"from"`  // where it was read, in words
}

const (
	hintLines = 200 // of one tip that are looked at
	hintRunes = 300 // of one line
)

// hintsOf gives the hints of a tip, one "kind:value" a line: those that it came with and those of the provider's report behind
// it. A network address is followed by the event and its time, which whoever asks for its user needs.
func hintsOf(ctx context.Context, q store.Queryer, t intake.Tip) (string, error) {
	lines := strings.Split(t.Hints, "\n")
	var content string
	err := q.QueryRowContext(ctx, "SELECT content FROM report WHERE tip_id = $1 ORDER BY id LIMIT 1", t.ID).Scan(&content)
	if errors.Is(err, sql.ErrNoRows) || content == "" && err == nil {
		return t.Hints, nil
	}
	if err != nil {
		return "", err
	}
	r, err := intake.ParseReport(strings.NewReader(content))
	if err != nil {
		return t.Hints, nil // it was sound when it came; what it gave then stands in the hints
	}
	for _, found := range reportHints(r) {
		bare, _, _ := strings.Cut(found, " ")
		if i := slices.Index(lines, bare); i >= 0 && strings.HasPrefix(found, "ip:") {
			lines[i] = found // the same address, with its time
		} else if !slices.Contains(lines, found) {
			lines = append(lines, found)
		}
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n"), nil
}

func reportHints(r intake.Report) (out []string) {
	add := func(kind, value string) {
		if value = strings.Join(strings.Fields(value), " "); value != "" {
			out = append(out, kind+":"+value)
		}
	}
	for _, p := range r.Reported {
		for _, ip := range p.IPs {
			line := ip.IP
			if ip.Event != "" || !ip.At.IsZero() {
				line += " " + strings.ToLower(ip.Event)
			}
			if !ip.At.IsZero() {
				line += " " + ip.At.Format(time.RFC3339)
			}
			if ip.PossibleProxy {
				line += " possible proxy"
			}
			add("ip", line)
		}
		for _, phone := range p.Phones {
			if s, err := selector.Normalise(selector.Phone, phone); err == nil {
				add("phone", s.Value)
			}
		}
		country := strings.ToUpper(p.Country)
		add("country", country)
		if region := strings.ToUpper(p.Region); patterns["region"].shape.MatchString(country + "-" + region) {
			add("region", country+"-"+region)
		} else {
			add("address", p.Region)
		}
		add("address", p.City)
	}
	for _, person := range r.Root.Children {
		if person.Name != "personOrUserReported" {
			continue
		}
		for _, e := range within(person, "address") {
			switch e.Name {
			case "zipCode":
				add("pin", strings.ReplaceAll(e.Text, " ", ""))
			case "country":
				if patterns["country"].shape.MatchString(e.Text) {
					add("country", e.Text)
				}
			case "address", "city", "state", "nonUsaState":
				add("address", e.Text)
			}
		}
	}
	return out
}

// within gives what stands in the elements of a name below e, at any depth.
func within(e *intake.Element, name string) (out []*intake.Element) {
	for _, c := range e.Children {
		if c.Name == name {
			out = append(out, c.Children...)
		}
		out = append(out, within(c, name)...)
	}
	return out
}

// placeFacts reads hints, one a line, and what the operator's tables of places say of them. What is not readable is left out.
func (d *Desk) placeFacts(hints string) []Fact {
	var out []Fact
	add := func(kind, value, from string) {
		f := Fact{kind, value, from}
		if value != "" && !slices.ContainsFunc(out, func(o Fact) bool { return o.Kind == kind && o.Value == value }) {
			out = append(out, f)
		}
	}
	for i, line := range strings.Split(hints, "\n") {
		if i == hintLines {
			break
		}
		kind, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		if value == "" || len([]rune(value)) > hintRunes {
			continue
		}
		switch kind {
		case "ip":
			address, event, _ := strings.Cut(value, " ")
			ip, err := netip.ParseAddr(address)
			if err != nil {
				continue
			}
			from := "network address " + ip.String()
			if event != "" {
				from += " (" + event + ")"
			}
			add("ip", ip.Unmap().String(), from)
			for _, f := range d.places.ofIP(ip.Unmap()) {
				add(f.Kind, f.Value, from+" in "+f.From)
			}
		case "phone":
			s, err := selector.Normalise(selector.Phone, value)
			if err != nil {
				continue
			}
			add("phone", s.Value, "phone number "+s.Value)
			if n, err := phonenumbers.Parse(s.Value, ""); err == nil {
				if c := phonenumbers.GetRegionCodeForNumber(n); patterns["country"].shape.MatchString(c) {
					add("country", c, "phone number "+s.Value+" by its calling code")
				}
			}
			if f, ok := d.places.ofPhone(s.Value); ok {
				add(f.Kind, f.Value, "phone number "+s.Value+" in "+f.From)
			}
		case "country":
			add("country", strings.ToUpper(value), "country named in the profile or post")
		case "region":
			add("region", strings.ToUpper(value), "region named in the report")
			if c, _, ok := strings.Cut(strings.ToUpper(value), "-"); ok {
				add("country", c, "region named in the report")
			}
		case "address", "location":
			add("address", value, fmt.Sprintf("address %q", value))
			for _, pin := range pinCodes(value) {
				add("pin", pin, "PIN code "+pin)
			}
		case "pin":
			for _, pin := range pinCodes(value) {
				add("pin", pin, "PIN code "+pin)
			}
		case "platform":
			add("platform", strings.ToLower(value), "platform "+strings.ToLower(value))
		}
	}
	return out
}

// pinCodes finds the PIN codes in an address: six digits, the first not 0, perhaps with a blank after the third.
func pinCodes(s string) (out []string) {
	fields := strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	for i, f := range fields {
		if len(f) == 3 && i+1 < len(fields) && len(fields[i+1]) == 3 && strings.Contains(s, f+" "+fields[i+1]) {
			f += fields[i+1]
		}
		if len(f) == 6 && f[0] != '0' {
			out = append(out, f)
		}
	}
	return out
}

// platformOf names the host that a tip speaks of.
func platformOf(ctx context.Context, q store.Queryer, t intake.Tip) (string, error) {
	if t.AccountID != 0 {
		a, err := platforms.AccountByID(ctx, q, t.AccountID)
		return a.Host, err
	}
	if l, err := platforms.ParseLocator(t.Locator); err == nil {
		return l.Host, nil
	}
	return "", nil
}
