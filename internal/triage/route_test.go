package triage_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

// geoFile writes a small file of network addresses, built on a day: documentation addresses only.
func geoFile(t testing.TB, path string, built time.Time, region string) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Kite-City", BuildEpoch: built.Unix(), RecordSize: 24, Description: map[string]string{"en": "A kite"}, Languages: []string{"en"}, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for network, v := range map[string]mmdbtype.Map{
		"203.0.113.0/24": {"country": mmdbtype.Map{"iso_code": mmdbtype.String("IN")}, "subdivisions": mmdbtype.Slice{mmdbtype.Map{"iso_code": mmdbtype.String(region)}}, "autonomous_system_number": mmdbtype.Uint32(64500)},
		"2001:db8::/32":  {"country": mmdbtype.Map{"iso_code": mmdbtype.String("IN")}},
	} {
		_, n, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(n, v); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if path != "" {
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestRoutes(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		dir := t.TempDir()
		geo, circles := filepath.Join(dir, "city.mmdb"), filepath.Join(dir, "circles.csv")
		geoFile(t, geo, time.Date(2022, 9, 1, 0, 0, 0, 0, time.UTC), "DL")
		if err := os.WriteFile(circles, []byte("prefix,region\n+9198100,IN-DL\n91981004,IN-HR\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		n.Triage.UsePlaces(&triage.Places{GeoFile: geo, CircleFile: circles})
		add := func(r triage.Route) error {
			return n.Try(func(ctx context.Context, tx *store.Tx) error { return n.Triage.AddRoute(ctx, tx, r) })
		}
		for _, r := range []triage.Route{
			{Kind: "region", Pattern: "in-dl", Agency: "unit.dl"}, {Kind: "region", Pattern: "IN-HR", Agency: "unit.hr"}, {Kind: "pin", Pattern: "122", Agency: "unit.hr"},
			{Kind: "address", Pattern: "Sample District", Agency: "unit.sd"}, {Kind: "asn", Pattern: "AS64500", Agency: "unit.net", Step: 5},
			{Kind: "platform", Pattern: "chirp.example", Agency: "unit.kite", Step: 6}, {Kind: "country", Pattern: "IN", Agency: "bureau", Step: 9}, {Kind: "any", Agency: "abroad", Step: 10},
			{Kind: "phone", Pattern: "+4420", Agency: "old", ValidTo: apptest.Start.AddDate(-1, 0, 0), ValidFrom: apptest.Start.AddDate(-2, 0, 0)},
		} {
			if err := add(r); err != nil {
				t.Fatalf("%+v: %v", r, err)
			}
		}
		for _, r := range []triage.Route{{Kind: "kite", Agency: "x"}, {Kind: "ip", Pattern: "203.0.113.7/24", Agency: "x"}, {Kind: "phone", Pattern: "98", Agency: "x"}, {Kind: "region", Pattern: "Delhi", Agency: "x"},
			{Kind: "pin", Pattern: "0123", Agency: "x"}, {Kind: "any"}, {Kind: "any", Agency: "x", Step: -1}, {Kind: "any", Agency: "x", ValidFrom: apptest.Start, ValidTo: apptest.Start}} {
			if err := add(r); fault.Of(err) != fault.Invalid {
				t.Errorf("%+v: %v", r, err)
			}
		}
		try := func(hints string) triage.Routed {
			t.Helper()
			r, err := n.Triage.TryRoutes(t.Context(), n.DB.Reader(), hints)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		for _, c := range []struct{ hints, agency, reason string }{
			{"ip:203.0.113.9 login 2022-09-01T10:00:00Z", "unit.dl", "(login 2022-09-01T10:00:00Z) in IN-DL by the address file of 1 September 2022"},
			{"ip:::ffff:203.0.113.9", "unit.dl", "IN-DL"},
			{"ip:2001:db8::7", "bureau", "IN"},
			{"phone:+919810012345", "unit.dl", "by its prefix +9198100"},
			{"phone:+919810042345", "unit.hr", "by its prefix +91981004"},
			{"phone:+919711112345", "bureau", "calling code"},
			{"address:12 River Road, 122 001", "unit.hr", "PIN code 122001 begins with 122"},
			{"address:Kite Street, SAMPLE-district", "unit.sd", "names Sample District"},
			{"platform:m.chirp.example", "unit.kite", "chirp.example"},
			{"country:IN", "bureau", "named in the profile or post"},
			{"phone:+442079460000", "abroad", "everything else"}, // the route by +4420 has ended
			{"kite", "abroad", "everything else"},
			{"", "abroad", "everything else"},
		} {
			if r := try(c.hints); r.Agency != c.agency || !strings.Contains(r.Reason, c.reason) || r.Conflict() {
				t.Errorf("%q goes to %q (%s) %+v, want %q (%s)", c.hints, r.Agency, r.Reason, r.Candidates, c.agency, c.reason)
			}
		}
		r := try("ip:203.0.113.9\nphone:+919810042345")
		if r.Agency != "" || !r.Conflict() || r.Candidates[0].Agency != "unit.dl" || r.Candidates[1].Agency != "unit.hr" {
			t.Errorf("two hints to two agencies: %+v", r)
		}
		// the file of addresses is replaced while the node runs; a broken one is told and the last good one stays
		time.Sleep(10 * time.Millisecond)
		geoFile(t, geo, time.Date(2022, 9, 8, 0, 0, 0, 0, time.UTC), "HR")
		if r := try("ip:203.0.113.9"); r.Agency != "unit.hr" || !strings.Contains(r.Reason, "8 September 2022") {
			t.Errorf("after the file was replaced: %+v", r)
		}
		if err := os.WriteFile(geo, []byte("kite"), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := try("ip:203.0.113.9"); r.Agency != "unit.hr" {
			t.Errorf("after a broken file: %+v", r)
		}
		if s := n.Triage.Places(); len(s) != 2 || s[0].Problem == "" || s[0].BuiltAt.Day() != 8 || s[1].Rows != 2 || s[1].Problem != "" {
			t.Errorf("the tables: %+v", s)
		}
		// a provider's report gives times, places and phones beside the hints
		tip := reported(t, n)
		routed, err := n.Triage.RouteTip(t.Context(), n.DB.Reader(), tip)
		if err != nil || routed.Agency != "unit.sd" {
			t.Errorf("a report: %+v %v", routed, err)
		}
		var kinds []string
		for _, f := range routed.Facts {
			kinds = append(kinds, f.Kind+" "+f.Value)
		}
		if got := strings.Join(kinds, "\n"); !strings.Contains(got, "country IN") || !strings.Contains(got, "address Sample District") || !strings.Contains(got, "ip 198.51.100.4") {
			t.Errorf("read of the report: %s", got)
		}
		all, err := n.Triage.Routes(t.Context(), n.DB.Reader())
		if err != nil {
			t.Fatal(err)
		}
		remove := func() error {
			return n.Try(func(ctx context.Context, tx *store.Tx) error { return n.Triage.RemoveRoute(ctx, tx, all[0].ID) })
		}
		if err := remove(); err != nil {
			t.Fatal(err)
		}
		if err := remove(); fault.Of(err) != fault.NotFound {
			t.Errorf("removed twice: %v", err)
		}
	})
}

const reportXML = `<report xmlns="https://report.cybertip.org/xsd"><incidentSummary><incidentType>Online Enticement of Children for Sexual Acts</incidentType><incidentDateTime>2022-09-20T10:00:00Z</incidentDateTime></incidentSummary>
<reporter><reportingPerson><firstName>Desk</firstName></reportingPerson></reporter>
<personOrUserReported><ipCaptureEvent><ipAddress>198.51.100.4</ipAddress><eventName>Login</eventName><dateTime>2022-09-19T10:00:00Z</dateTime></ipCaptureEvent>
<estimatedLocation><city>Sample District</city><countryCode>IN</countryCode></estimatedLocation></personOrUserReported></report>`

func reported(t *testing.T, n *apptest.Node) (tip intake.Tip) {
	n.Write(func(ctx context.Context, tx *store.Tx) error {
		id, err := n.Tips.Submit(ctx, tx, "feed", []byte(reportXML))
		if err != nil {
			return err
		}
		_, err = n.Tips.Finish(ctx, tx, "feed", id)
		return err
	})
	all, err := intake.List(t.Context(), n.DB.Reader(), intake.Filter{Source: intake.FromReport})
	if err != nil || len(all) != 1 {
		t.Fatalf("%d tips, %v", len(all), err)
	}
	return all[0]
}
