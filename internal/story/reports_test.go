package story

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

// outline is the order in which the CyberTipline schema wants the children of each element that reports use; a ! marks a
// required one.
var outline = map[string]string{
	"report":                     "batchedReport incidentSummary! internetDetails lawEnforcement reporter! personOrUserReported intendedRecipient victim additionalInfo",
	"incidentSummary":            "incidentType! platform escalateToHighPriority reportAnnotations incidentDateTime! incidentDateTimeDescription",
	"internetDetails":            "webPageIncident emailIncident newsgroupIncident chatImIncident onlineGamingIncident cellPhoneIncident nonInternetIncident peer2peerIncident",
	"webPageIncident":            "url additionalInfo",
	"chatImIncident":             "chatClient chatRoomName content additionalInfo",
	"reporter":                   "reportingPerson! contactPerson companyTemplate termsOfService legalURL",
	"reportingPerson":            "firstName lastName phone email address age dateOfBirth",
	"personOrUserReportedPerson": "firstName lastName phone email address age dateOfBirth",
	"victimPerson":               "firstName lastName phone email address age dateOfBirth",
	"personOrUserReported": "personOrUserReportedPerson vehicleDescription espIdentifier espService compromisedAccount screenName displayName profileUrl" +
		" profileBio ipCaptureEvent deviceId thirdPartyUserReported priorCTReports groupIdentifier accountTemporarilyDisabled accountPermanentlyDisabled estimatedLocation",
	"intendedRecipient": "intendedRecipientPerson espIdentifier espService compromisedAccount screenName displayName profileUrl",
	"victim":            "victimPerson! espIdentifier espService",
	"ipCaptureEvent":    "ipAddress! eventName dateTime possibleProxy port",
	"estimatedLocation": "city region countryCode",
	"fileDetails": "reportId! fileId! fileName originalFileName uploadedToEspTimestamp locationOfFile fileViewedByEsp exifViewedByEsp publiclyAvailable" +
		" fileRelevance potentialMeme fileAnnotations industryClassification originalFileHash ipCaptureEvent deviceId details additionalInfo",
}

// texts reads a document, holds it to the outline, and gives the texts of its elements by name.
func texts(t *testing.T, doc []byte) map[string][]string {
	t.Helper()
	type open struct {
		name  string
		place int
		seen  map[string]bool
		text  string
	}
	found := map[string][]string{}
	var stack []open
	for d := xml.NewDecoder(bytes.NewReader(doc)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, doc)
		}
		switch x := token.(type) {
		case xml.StartElement:
			if len(stack) > 0 {
				up := &stack[len(stack)-1]
				i := slices.Index(strings.Fields(strings.ReplaceAll(outline[up.name], "!", "")), x.Name.Local)
				if i < up.place {
					t.Errorf("%s in %s is unknown or out of order", x.Name.Local, up.name)
				}
				up.place = i
				up.seen[x.Name.Local] = true
			}
			stack = append(stack, open{name: x.Name.Local, seen: map[string]bool{}})
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(x)
			}
		case xml.EndElement:
			e := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			found[e.name] = append(found[e.name], strings.TrimSpace(e.text))
			for _, f := range strings.Fields(outline[e.name]) {
				if name, required := strings.CutSuffix(f, "!"); required && !e.seen[name] {
					t.Errorf("%s without %s", e.name, name)
				}
			}
		}
	}
	return found
}

func TestReports(t *testing.T) {
	w := generate(t, Default(), Options{})
	from, until := w.File.Operation.Period.Span(w.File.Start.Location())
	classes, people := map[string]int{}, map[string]bool{}
	for _, r := range w.Reports {
		classes[r.Class]++
		f := texts(t, r.XML)
		if got := f["incidentType"]; len(got) != 1 || got[0] != incidentTypes[r.Class] {
			t.Errorf("report %s: incident type %v", r.ID, got)
		}
		if len(f["phone"]) != 1 || len(f["ipAddress"]) == 0 || len(f["profileUrl"]) != 1 || people[f["profileUrl"][0]] {
			t.Errorf("report %s: phone %v, addresses %v, profile %v", r.ID, f["phone"], f["ipAddress"], f["profileUrl"])
			continue
		}
		people[f["profileUrl"][0]] = true
		if n, err := phonenumbers.Parse(f["phone"][0], ""); err != nil || !phonenumbers.IsValidNumberForRegion(n, "IN") {
			t.Errorf("report %s: phone %v", r.ID, f["phone"])
		}
		if r.OccurredAt.Before(from) || r.SentAt.Before(r.OccurredAt) || !r.SentAt.Before(until) {
			t.Errorf("report %s of %s is sent at %s", r.ID, r.OccurredAt, r.SentAt)
		}
		if (len(r.Files) > 0) != (r.Class == ClassMedia) {
			t.Errorf("report %s: %s with %d files", r.ID, r.Class, len(r.Files))
		}
		for _, file := range r.Files {
			d := texts(t, file.FileDetailsXML(4711, "0123abcd"))
			if d["reportId"][0] != "4711" || d["fileId"][0] != "0123abcd" || d["originalFileName"][0] != file.Name {
				t.Errorf("file details %v", d)
			}
			if !slices.Contains(w.Truth().Listed, file.MediaID) {
				t.Errorf("file %s of report %s is not of the list", file.MediaID, r.ID)
			}
		}
	}
	if len(classes) != 3 {
		t.Errorf("classes %v", slices.Sorted(maps.Keys(classes)))
	}
}
