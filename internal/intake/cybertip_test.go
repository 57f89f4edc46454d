package intake

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
)

const enticement = "Online Enticement of Children for Sexual Act" // as one client in use spells it

// report puts parts into a document that is otherwise complete.
func report(parts string) string {
	return `<report><incidentSummary><incidentType>Misleading Domain Name</incidentType><incidentDateTime>2021-12-03T10:00:00Z</incidentDateTime></incidentSummary>
		<reporter><reportingPerson/></reporter>` + parts + `</report>`
}

const fullReport = `<?xml version="1.0" encoding="UTF-8"?>
<report xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="https://report.cybertip.org/ispws/xsd">
  <!-- as a service may send it -->
  <reporter><reportingPerson><firstName>Asha</firstName><lastName>Basket</lastName><email type="Business">safety@lantern.example</email></reportingPerson></reporter>
  <incidentSummary>
    <incidentType>` + enticement + `</incidentType>
    <platform>Lantern</platform>
    <escalateToHighPriority>child in reach</escalateToHighPriority>
    <reportAnnotations><sextortion/><spam>false</spam><minorToMinorInteraction>true</minorToMinorInteraction></reportAnnotations>
    <incidentDateTime>2021-12-03T15:30:00.123456789+05:30</incidentDateTime>
  </incidentSummary>
  <internetDetails><webPageIncident thirdPartyHostedContent="true"><url>https://lantern.example/share/1</url><url>https://lantern.example/share/2</url><additionalInfo>see both</additionalInfo></webPageIncident></internetDetails>
  <internetDetails><chatImIncident><chatClient>Lantern</chatClient><chatRoomName>kites</chatRoomName><content>red &amp; <![CDATA[blue < green]]></content></chatImIncident></internetDetails>
  <personOrUserReported>
    <personOrUserReportedPerson><phone type="Mobile" countryCallingCode="+91">9800000001</phone><phone>+919800000002</phone><email>kite@river.example</email></personOrUserReportedPerson>
    <espIdentifier>9001</espIdentifier><espService>Lantern</espService><screenName>kite_river</screenName><displayName>Kite</displayName>
    <profileUrl>https://lantern.example/people/9001</profileUrl><profileUrl>https://chirp.example/@Kite_River</profileUrl><profileBio>only kites</profileBio>
    <ipCaptureEvent><ipAddress>49.36.1.2</ipAddress><eventName>Login</eventName><dateTime>2021-12-02T10:00:00</dateTime><possibleProxy>true</possibleProxy><port>50123</port></ipCaptureEvent>
    <estimatedLocation><city>Pune</city><region>Maharashtra</region><countryCode>IN</countryCode></estimatedLocation>
  </personOrUserReported>
  <victim><victimPerson><firstName>sealed</firstName></victimPerson></victim>
  <somethingNew level="2">kept</somethingNew>
  <additionalInfo>closed by the service</additionalInfo>
</report>`

func TestParseReport(t *testing.T) {
	r, err := ParseReport(strings.NewReader(fullReport))
	if err != nil {
		t.Fatal(err)
	}
	elements := flat(r.Root, "")
	r.Root = nil
	want := Report{IncidentType: enticement + "s", Class: ClassEnticement, OccurredAt: time.Date(2021, 12, 3, 10, 0, 0, 123456000, time.UTC),
		Platform: "Lantern", Escalate: "child in reach", Annotations: []string{"sextortion", "minorToMinorInteraction"},
		URLs: []string{"https://lantern.example/share/1", "https://lantern.example/share/2"}, Notes: []string{"see both"},
		Chats: []Chat{{"Lantern", "kites", "red & blue < green"}}, Reporter: Contact{FirstName: "Asha", LastName: "Basket", Emails: []string{"safety@lantern.example"}},
		Reported: []Reported{{Contact: Contact{Emails: []string{"kite@river.example"}, Phones: []string{"+919800000001", "+919800000002"}}, ESPIdentifier: "9001", ESPService: "Lantern",
			ScreenName: "kite_river", DisplayNames: []string{"Kite"}, ProfileURLs: []string{"https://lantern.example/people/9001", "https://chirp.example/@Kite_River"}, Bio: "only kites",
			IPs:  []IPCapture{{IP: "49.36.1.2", Port: 50123, Event: "Login", At: time.Date(2021, 12, 2, 10, 0, 0, 0, time.UTC), PossibleProxy: true}},
			City: "Pune", Region: "Maharashtra", Country: "IN"}},
		VictimKnown: true, AdditionalInfo: "closed by the service"}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	if n := strings.Count(fullReport, "</") + strings.Count(fullReport, "/>"); len(elements) != n {
		t.Errorf("%d elements of %d are kept", len(elements), n)
	}
	for _, e := range []string{"report", "report/somethingNew level=2: kept", "report/internetDetails/webPageIncident thirdPartyHostedContent=true", "report/victim/victimPerson/firstName: sealed"} {
		if !slices.Contains(elements, e) {
			t.Errorf("%s is not kept", e)
		}
	}
	if l, ok := r.Locator(); !ok || l.String() != "https://chirp.example/@kite_river" || r.AccountID() != "9001" {
		t.Errorf("account %v, %s", l, r.AccountID())
	}
	if s := r.Summary(); s != "Lantern\nsee both\nclosed by the service\nchild in reach\nsextortion, minorToMinorInteraction" {
		t.Errorf("summary %q", s)
	}
}

// flat lists every element as "path attribute=value: text".
func flat(e *Element, above string) []string {
	path := above + e.Name
	line := path
	for _, a := range e.Attrs {
		line += " " + a.Name + "=" + a.Value
	}
	if e.Text != "" {
		line += ": " + e.Text
	}
	out := []string{line}
	for _, c := range e.Children {
		out = append(out, flat(c, path+"/")...)
	}
	return out
}

func TestReportClasses(t *testing.T) {
	count := map[string]int{}
	for kind := range incidentClasses {
		r, err := ParseReport(strings.NewReader(strings.Replace(report(""), "Misleading Domain Name", kind, 1)))
		if err != nil || r.IncidentType != kind {
			t.Errorf("%s: %v", kind, err)
		}
		count[r.Class]++
	}
	if fmt.Sprint(count) != "map[contact_offence:3 enticement:2 media:1 other:2]" {
		t.Error(count)
	}
}

func TestParseReportRefuses(t *testing.T) {
	deep := strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40)
	for name, c := range map[string]struct {
		xml  string
		code int
		says string
	}{
		"nothing":           {"", 4110, "no element"},
		"no XML":            {"kite", 4110, "outside the root"},
		"not closed":        {"<report>", 4110, "unexpected EOF"},
		"two roots":         {report("") + "<report/>", 4110, "more than one root"},
		"document type":     {`<!DOCTYPE report [<!ENTITY k "kite">]>` + report("&k;"), 4110, "document types"},
		"entity":            {report("<additionalInfo>&kite;</additionalInfo>"), 4110, "entity"},
		"external":          {`<!DOCTYPE report SYSTEM "https://river.example/x.dtd">` + report(""), 4110, "document types"},
		"instruction":       {`<?xml-stylesheet href="x"?>` + report(""), 4110, "processing"},
		"encoding":          {`<?xml version="1.0" encoding="EBCDIC"?>` + report(""), 4110, "encoding"},
		"deep":              {report(deep), 4110, "deeper"},
		"many":              {report(strings.Repeat("<a/>", maxElements)), 4110, "more than 20000"},
		"long name":         {report("<" + strings.Repeat("k", 100) + "/>"), 4100, "100 bytes"},
		"other root":        {"<kite/>", 4100, "root element"},
		"no summary":        {"<report/>", 4100, "incidentSummary"},
		"two summaries":     {report("<incidentSummary><incidentType>Misleading Domain Name</incidentType><incidentDateTime>2021-12-03T10:00:00Z</incidentDateTime></incidentSummary>"), 4100, "2 times"},
		"other type":        {strings.Replace(report(""), "Misleading Domain Name", "Kite", 1), 4100, "incidentType"},
		"no time":           {strings.Replace(report(""), "2021-12-03T10:00:00Z", "yesterday", 1), 4100, "incidentDateTime"},
		"no reporter":       {strings.Replace(report(""), "<reportingPerson/>", "", 1), 4100, "reportingPerson"},
		"space in URL":      {report("<internetDetails><webPageIncident><url>https://a b</url></webPageIncident></internetDetails>"), 4100, "url"},
		"port":              {report("<personOrUserReported><ipCaptureEvent><ipAddress>1</ipAddress><port>70000</port></ipCaptureEvent></personOrUserReported>"), 4100, "port"},
		"event":             {report("<personOrUserReported><ipCaptureEvent><ipAddress>1</ipAddress><eventName>Kite</eventName></ipCaptureEvent></personOrUserReported>"), 4100, "eventName"},
		"address":           {report("<personOrUserReported><ipCaptureEvent/></personOrUserReported>"), 4100, "ipAddress"},
		"too large":         {report("<additionalInfo>" + strings.Repeat("k", DocumentLimit) + "</additionalInfo>"), 4000, "5 MiB"},
		"duplicate persons": {report("<personOrUserReported><personOrUserReportedPerson/><personOrUserReportedPerson/></personOrUserReported>"), 4100, "2 times"},
	} {
		_, err := ParseReport(strings.NewReader(c.xml))
		if err == nil || ResponseCode(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, code %d, want %d and %q", name, err, ResponseCode(err), c.code, c.says)
		}
	}
}

func TestParseReportTolerates(t *testing.T) {
	for name, doc := range map[string]string{
		"mark":      "\ufeff" + report(""),
		"namespace": strings.Replace(report(""), "<report>", `<report xmlns="urn:kite">`, 1),
		"Latin-1":   `<?xml version="1.0" encoding="ISO-8859-1"?>` + report("<additionalInfo>caf\xe9</additionalInfo>"),
	} {
		r, err := ParseReport(strings.NewReader(doc))
		if err != nil || name == "Latin-1" && r.AdditionalInfo != "café" {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

func TestParseFileDetails(t *testing.T) {
	const head = "<fileDetails><reportId>17</reportId><fileId>ab12</fileId>"
	d, err := ParseFileDetails(strings.NewReader(head + `<originalFileName>kite.jpg</originalFileName><uploadedToEspTimestamp>2021-12-03T10:00:00Z</uploadedToEspTimestamp>
		<fileViewedByEsp>false</fileViewedByEsp><fileRelevance>Reported</fileRelevance><fileAnnotations><viral/></fileAnnotations><industryClassification>B2</industryClassification>
		<originalFileHash hashType="MD5">00112233</originalFileHash><ipCaptureEvent><ipAddress>49.36.1.2</ipAddress></ipCaptureEvent><ipCaptureEvent><ipAddress>49.36.1.3</ipAddress></ipCaptureEvent>
		<details type="EXIF"><nameValuePair><name>Model</name><value>Kite</value></nameValuePair></details><additionalInfo>x</additionalInfo></fileDetails>`))
	if err != nil {
		t.Fatal(err)
	}
	if d.ReportID != 17 || d.FileID != "ab12" || d.OriginalName != "kite.jpg" || d.UploadedAt.Hour() != 10 || d.Viewed == nil || *d.Viewed || d.PubliclyAvailable != nil ||
		fmt.Sprintf("%v %v %d %s %v", d.Annotations, d.OriginalHashes, len(d.IPs), d.Classification, d.AdditionalInfo) != "[viral] [{MD5 00112233}] 2 B2 [x]" || d.Root.Count() != 20 {
		t.Errorf("%+v (%d elements)", d, d.Root.Count())
	}
	for parts, says := range map[string]string{
		"<fileDetails/>": "reportId",
		"<fileDetails><reportId>1</reportId></fileDetails>":                       "fileId",
		head + "<fileRelevance>Kite</fileRelevance></fileDetails>":                "fileRelevance",
		head + "<industryClassification>C</industryClassification></fileDetails>": "industryClassification",
		head + "<fileViewedByEsp>perhaps</fileViewedByEsp></fileDetails>":         "neither true nor false",
		head + "<originalFileHash>00</originalFileHash></fileDetails>":            "hashType",
		head + "<reportId>18</reportId></fileDetails>":                            "2 times",
	} {
		if _, err := ParseFileDetails(strings.NewReader(parts)); err == nil || ResponseCode(err) != CodeValidation || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", parts, err)
		}
	}
}

func TestResponses(t *testing.T) {
	for _, c := range []struct {
		doc  interface{ WriteXML(io.Writer) error }
		want string
	}{
		{Response{Description: "Success", ReportID: 17}, "<reportResponse><responseCode>0</responseCode><responseDescription>Success</responseDescription><reportId>17</reportId></reportResponse>"},
		{Response{Description: "Remote User : a<b"}, "<reportResponse><responseCode>0</responseCode><responseDescription>Remote User : a&lt;b</responseDescription></reportResponse>"},
		{Response{Description: "Success", ReportID: 17, FileID: "ab", Hash: "cd"}, "<reportResponse><responseCode>0</responseCode><responseDescription>Success</responseDescription><reportId>17</reportId><fileId>ab</fileId><hash>cd</hash></reportResponse>"},
		{ErrorResponse(fault.Coded(fault.NotFound, "5001", "report 3 does not exist")), "<reportResponse><responseCode>5001</responseCode><responseDescription>report 3 does not exist</responseDescription></reportResponse>"},
		{NewDoneResponse(17, []string{"ab", "cd"}), "<reportDoneResponse><responseCode>0</responseCode><reportId>17</reportId><files><fileId>ab</fileId><fileId>cd</fileId></files></reportDoneResponse>"},
		{NewDoneResponse(17, nil), "<reportDoneResponse><responseCode>0</responseCode><reportId>17</reportId><files></files></reportDoneResponse>"},
	} {
		var b bytes.Buffer
		if err := c.doc.WriteXML(&b); err != nil || b.String() != xml.Header+c.want {
			t.Errorf("got  %s, %v\nwant %s", b.String(), err, c.want)
		}
	}
	for err, want := range map[error]int{nil: 0, errors.New("kite"): 1000, fault.New(fault.Unsigned, "x"): 2000, fault.New(fault.Forbidden, "x"): 3000, fault.New(fault.Invalid, "x"): 4000} {
		if got := ResponseCode(err); got != want {
			t.Errorf("%v: %d", err, got)
		}
	}
}

func FuzzParseReport(f *testing.F) {
	f.Add([]byte(fullReport))
	f.Add([]byte(report("<victim/>")))
	f.Add([]byte("<fileDetails><reportId>1</reportId><fileId>a</fileId><fileAnnotations><viral/></fileAnnotations></fileDetails>"))
	f.Add([]byte(wide(`<?xml version="1.0" encoding="UTF-16"?>`+report("<victim/>"), true, true)))
	f.Add([]byte(`<?xml version="1.0" encoding="ISO-8859-1"?>` + report("<additionalInfo>caf\xe9</additionalInfo>")))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReport(bytes.NewReader(b))
		_, err2 := ParseFileDetails(bytes.NewReader(b))
		if _, strict := (Schema{Strict: true}).ParseReport(bytes.NewReader(b)); strict == nil && err != nil {
			t.Fatalf("the strict schema takes what the lenient one refuses: %v", err)
		}
		if err == nil {
			if again, err := ParseReport(strings.NewReader(plainText(b))); err != nil || again.Root.Count() != r.Root.Count() {
				t.Fatalf("%q is kept as something else: %v", b, err)
			}
		}
		for _, err := range []error{err, err2} {
			if err != nil && (ResponseCode(err) != CodeMalformed && ResponseCode(err) != CodeValidation || !errors.Is(err, fault.Invalid)) {
				t.Fatalf("code of %v", err)
			}
		}
		if err == nil && (r.Class == "" || r.OccurredAt.IsZero() && !bytes.Contains(b, []byte("0001-01-01")) && !bytes.Contains(b, []byte("-01-01")) && !bytes.Contains(b, []byte("-12-31")) || r.Root == nil) {
			t.Fatalf("%q gives %+v", b, r)
		}
	})
}
