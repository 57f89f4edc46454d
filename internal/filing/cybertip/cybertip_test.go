package cybertip_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/filing/cybertip"
	"raksha.example/raksha/internal/intake"
)

func TestParseResponse(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     cybertip.Response
		bad      bool
	}{
		{name: "submitted", in: `<?xml version="1.0" encoding="ISO-8859-1"?><reportResponse><responseCode>0</responseCode><responseDescription>Success</responseDescription><reportId>7</reportId></reportResponse>`,
			want: cybertip.Response{Description: "Success", ReportID: 7}},
		{name: "finished", in: `<reportDoneResponse><responseCode>0</responseCode><reportId>7</reportId><files><fileId>a</fileId><fileId>b</fileId></files></reportDoneResponse>`,
			want: cybertip.Response{ReportID: 7, Files: []string{"a", "b"}}},
		{name: "refused", in: `<reportResponse><responseCode>5102</responseCode><responseDescription/></reportResponse>`, want: cybertip.Response{Code: 5102}},
		{name: "no code", in: `<reportResponse><responseDescription>Success</responseDescription></reportResponse>`, bad: true},
		{name: "a code deeper in", in: `<reportResponse><x><responseCode>0</responseCode></x></reportResponse>`, bad: true},
		{name: "a page", in: `<html><body>It works</body></html>`, bad: true},
		{name: "cut", in: `<reportResponse><responseCode>0</responseCode>`, bad: true},
		{name: "two roots", in: `<reportResponse><responseCode>0</responseCode></reportResponse><reportResponse/>`, bad: true},
		{name: "document type", in: `<!DOCTYPE a [<!ENTITY b "c">]><reportResponse><responseCode>0</responseCode></reportResponse>`, bad: true},
		{name: "entity", in: `<reportResponse><responseCode>&b;</responseCode></reportResponse>`, bad: true},
		{name: "no number", in: `<reportResponse><responseCode>zero</responseCode></reportResponse>`, bad: true},
		{name: "deep", in: strings.Repeat("<reportResponse>", 9), bad: true},
		{name: "large", in: "<reportResponse><responseCode>0</responseCode>" + strings.Repeat(" ", 1<<20) + "</reportResponse>", bad: true},
		{name: "empty", bad: true},
	} {
		got, err := cybertip.ParseResponse(strings.NewReader(c.in))
		if (err != nil) != c.bad {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got.Code != c.want.Code || got.ReportID != c.want.ReportID || got.Description != c.want.Description || strings.Join(got.Files, " ") != strings.Join(c.want.Files, " ") {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// What is composed is what our own server reads, hostile text included.
func TestDocuments(t *testing.T) {
	yes := true
	at := time.Date(2022, 3, 4, 5, 6, 7, 0, time.UTC)
	b, err := cybertip.Document(cybertip.Report{
		Incident:     cybertip.Incident{Type: "Child Sex Trafficking", Platform: "river.example", At: cybertip.DateTime(at)},
		Web:          &cybertip.Web{URLs: []string{"https://river.example/@kite/1"}},
		Reporter:     cybertip.Reporter{Person: cybertip.Contact{FirstName: "Desk", Emails: []string{"desk@river.example"}}},
		Reported:     []cybertip.Reported{{Identifier: "9", ScreenName: `kite"</screenName>`, ProfileURLs: []string{"https://river.example/@kite"}, IPs: []cybertip.IP{{Address: "203.0.113.7", Event: "Login"}}}},
		AdditionInfo: "a \x00 & <b>"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := intake.ParseReport(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	if r.Reported[0].ScreenName != `kite"</screenName>` || r.OccurredAt != at || r.URLs[0] != "https://river.example/@kite/1" || r.AdditionalInfo != "a \uFFFD & <b>" || r.Reported[0].IPs[0].IP != "203.0.113.7" {
		t.Errorf("read back as %+v", r)
	}
	if b, err = cybertip.Document(cybertip.FileDetails{ReportID: 7, FileID: "f", OriginalName: "kite.jpg", Viewed: &yes, Hashes: []cybertip.Hash{{Type: "MD5", Value: "0123"}}}); err != nil {
		t.Fatal(err)
	}
	d, err := intake.ParseFileDetails(bytes.NewReader(b))
	if err != nil || d.ReportID != 7 || d.Viewed == nil || !*d.Viewed || d.PubliclyAvailable != nil || d.OriginalHashes[0].Type != "MD5" {
		t.Errorf("%+v, %v", d, err)
	}
}

func FuzzParseResponse(f *testing.F) {
	f.Add([]byte(`<reportResponse><responseCode>0</responseCode><reportId>7</reportId><fileId>a</fileId><hash>b</hash></reportResponse>`))
	f.Add([]byte(`<reportDoneResponse><responseCode>0</responseCode><files><fileId>a</fileId></files></reportDoneResponse>`))
	f.Add([]byte(`<?xml version="1.0" encoding="ISO-8859-1"?><reportResponse><responseCode>4100</responseCode><responseDescription>` + "\xe9" + `</responseDescription></reportResponse>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := cybertip.ParseResponse(bytes.NewReader(b))
		if err == nil && (len(r.Description) > 500 || len(r.FileID) > 200 || r.ReportID < 0) {
			t.Errorf("taken: %+v", r)
		}
	})
}
