package cybertip

import (
	"encoding/xml"
	"strings"
	"time"
)

// Report is a <report>, of which these members are written, in the order of the schema.
type Report struct {
	XMLName      xml.Name   `xml:"report"`
	Incident     Incident   `xml:"incidentSummary"`
	Web          *Web       `xml:"internetDetails>webPageIncident,omitempty"`
	Reporter     Reporter   `xml:"reporter"`
	Reported     []Reported `xml:"personOrUserReported"`
	AdditionInfo string     `xml:"additionalInfo,omitempty"`
}

// Incident is an <incidentSummary>.
type Incident struct {
	Type     string `xml:"incidentType"` // an identifier of the schema
	Platform string `xml:"platform,omitempty"`
	Escalate string `xml:"escalateToHighPriority,omitempty"` // why; at most 3,000 characters
	At       string `xml:"incidentDateTime"`
}

// Web is a <webPageIncident>.
type Web struct {
	URLs []string `xml:"url"`
}

// Reporter is a <reporter>: who files. JSON is how a destination keeps it.
type Reporter struct {
	Person   Contact `xml:"reportingPerson" json:"person"`
	Template string  `xml:"companyTemplate,omitempty" json:"company_template,omitempty"`
	Terms    string  `xml:"termsOfService,omitempty" json:"terms_of_service,omitempty"`
	LegalURL string  `xml:"legalURL,omitempty" json:"legal_url,omitempty"`
}

// Contact is a person with the ways to reach them.
type Contact struct {
	FirstName string   `xml:"firstName,omitempty" json:"first_name,omitempty"`
	LastName  string   `xml:"lastName,omitempty" json:"last_name,omitempty"`
	Phones    []string `xml:"phone" json:"phones,omitempty"`
	Emails    []string `xml:"email" json:"emails,omitempty"`
}

// Reported is a <personOrUserReported>.
type Reported struct {
	Person       *Contact `xml:"personOrUserReportedPerson,omitempty"`
	Identifier   string   `xml:"espIdentifier,omitempty"`
	Service      string   `xml:"espService,omitempty"`
	ScreenName   string   `xml:"screenName,omitempty"`
	DisplayNames []string `xml:"displayName"`
	ProfileURLs  []string `xml:"profileUrl"`
	Bio          string   `xml:"profileBio,omitempty"`
	IPs          []IP     `xml:"ipCaptureEvent"`
}

// IP is an <ipCaptureEvent>.
type IP struct {
	Address string `xml:"ipAddress"`
	Event   string `xml:"eventName,omitempty"`
	At      string `xml:"dateTime,omitempty"`
}

// FileDetails are <fileDetails>. ReportID and FileID are known once the file is uploaded.
type FileDetails struct {
	XMLName        xml.Name `xml:"fileDetails" json:"-"`
	ReportID       int64    `xml:"reportId" json:"-"`
	FileID         string   `xml:"fileId" json:"-"`
	OriginalName   string   `xml:"originalFileName,omitempty" json:"original_name,omitempty"`
	UploadedAt     string   `xml:"uploadedToEspTimestamp,omitempty" json:"uploaded_at,omitempty"`
	Location       string   `xml:"locationOfFile,omitempty" json:"location,omitempty"`
	Viewed         *bool    `xml:"fileViewedByEsp" json:"viewed,omitempty"`
	Public         *bool    `xml:"publiclyAvailable" json:"public,omitempty"`
	Classification string   `xml:"industryClassification,omitempty" json:"classification,omitempty"` // A1, A2, B1, B2 or empty
	Hashes         []Hash   `xml:"originalFileHash" json:"hashes,omitempty"`
}

// Hash is an <originalFileHash>.
type Hash struct {
	Type  string `xml:"hashType,attr" json:"type"`
	Value string `xml:",chardata" json:"value"`
}

// DateTime writes an xs:dateTime, empty for the zero time.
func DateTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

const maxText = 3000 // characters of a text that the receivers' validators take

// Text cuts a text to what receivers take.
func Text(s string) string {
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > maxText {
		return string(r[:maxText-1]) + "…"
	}
	return s
}

// Document writes a report or file details as a document. What XML cannot hold becomes U+FFFD.
func Document(v any) ([]byte, error) {
	b, err := xml.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append([]byte(xml.Header), b...), nil
}
