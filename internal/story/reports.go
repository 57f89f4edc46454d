package story

import (
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Classes of report, and the incident types that the CyberTipline schema has for them. The types are official identifiers and
// stand as the schema spells them.
const (
	ClassMedia      = "media"
	ClassEnticement = "enticement"
	ClassContact    = "contact"
)

var incidentTypes = map[string]string{
	ClassMedia:      "Child Pornography (possession, manufacture, and distribution)",
	ClassEnticement: "Online Enticement of Children for Sexual Acts",
	ClassContact:    "Child Sexual Molestation",
}

// services are the online services that report; they do not exist.
var services = []struct{ name, host string }{
	{"Lantern Chat", "lantern-chat.example"}, {"Pebble Rooms", "pebble.example"}, {"Orchard Share", "orchard-share.example"},
}

// accountOf says in neutral words what happened, by class.
var accountOf = map[string][]string{
	ClassMedia: {"Files shared in a group; see the files.", "Files found in the account's storage by hash.", "Files sent to another member; see the files."},
	ClassEnticement: {
		"Conversation in which an adult asks a child to meet. No files.", "An adult pretends to be of the child's age and asks for a number.",
		"An adult offers a child a gift for a meeting. No files.",
	},
	ClassContact: {
		"A relative of the child reports a meeting in person; see the conversation.", "The conversation speaks of a meeting that took place.",
	},
}

// reports makes what the clearinghouse receives in the operation's month: one report for each of the operation's cases that the
// scan does not find, each about another person.
func (b *builder) reports() {
	for i := range b.f.Operation.Cases - b.scanned() {
		rng := source(b.f.Seed, "report", i)
		r := Report{ID: fmt.Sprintf("R%05d", i+1), Class: ClassMedia, OccurredAt: b.during(rng)}
		switch rng.IntN(10) {
		case 0, 1, 2:
			r.Class = ClassEnticement
		case 3, 4:
			r.Class = ClassContact
		}
		r.SentAt = between(rng, r.OccurredAt.Add(time.Hour), b.until.Add(-time.Hour))
		if r.Class == ClassMedia {
			for n := range 1 + rng.IntN(3) {
				m := listed(rng)
				f := ReportFile{MediaID: b.media(r.OccurredAt, m), IP: ip(rng), UploadedAt: r.OccurredAt, Viewed: chance(rng, 40)}
				f.Name = fmt.Sprintf("%s-%d.jpg", pick(rng, nouns), n+1)
				if kind, _ := b.w.MediaType(f.MediaID); kind == typeGIF {
					f.Name = strings.TrimSuffix(f.Name, ".jpg") + ".gif"
				}
				r.Files = append(r.Files, f)
			}
		}
		r.XML = b.reportXML(rng, r)
		b.w.Reports = append(b.w.Reports, r)
	}
}

// The CyberTipline <report> in the order its schema asks for.
type (
	ctReport struct {
		XMLName   xml.Name   `xml:"report"`
		Incident  ctIncident `xml:"incidentSummary"`
		Web       *ctWeb     `xml:"internetDetails>webPageIncident"`
		Chat      *ctChat    `xml:"internetDetails>chatImIncident"`
		Reporter  ctReporter `xml:"reporter"`
		Person    ctPerson   `xml:"personOrUserReported"`
		Recipient *ctOther   `xml:"intendedRecipient"`
		Victim    *ctVictim  `xml:"victim"`
		Note      string     `xml:"additionalInfo,omitempty"`
	}
	ctIncident struct {
		Type     string `xml:"incidentType"`
		Platform string `xml:"platform,omitempty"`
		At       string `xml:"incidentDateTime"`
	}
	ctWeb struct {
		URL  []string `xml:"url"`
		Note string   `xml:"additionalInfo,omitempty"`
	}
	ctChat struct {
		Client string `xml:"chatClient"`
		Room   string `xml:"chatRoomName,omitempty"`
		Note   string `xml:"additionalInfo,omitempty"`
	}
	ctReporter struct {
		Person ctNamed `xml:"reportingPerson"`
	}
	ctNamed struct {
		First string   `xml:"firstName,omitempty"`
		Last  string   `xml:"lastName,omitempty"`
		Phone *ctTyped `xml:"phone"`
		Email *ctTyped `xml:"email"`
	}
	ctTyped struct {
		Type string `xml:"type,attr,omitempty"`
		Text string `xml:",chardata"`
	}
	ctPerson struct {
		Person  ctNamed     `xml:"personOrUserReportedPerson"`
		ID      string      `xml:"espIdentifier"`
		Service string      `xml:"espService"`
		Screen  string      `xml:"screenName"`
		Display string      `xml:"displayName"`
		Profile string      `xml:"profileUrl"`
		IPs     []ctIP      `xml:"ipCaptureEvent"`
		Place   *ctLocation `xml:"estimatedLocation"`
	}
	ctIP struct {
		Address string `xml:"ipAddress"`
		Event   string `xml:"eventName"`
		At      string `xml:"dateTime"`
		Port    int    `xml:"port,omitempty"`
	}
	ctLocation struct {
		City    string `xml:"city"`
		Region  string `xml:"region"`
		Country string `xml:"countryCode"`
	}
	ctOther struct {
		ID      string `xml:"espIdentifier"`
		Service string `xml:"espService"`
		Screen  string `xml:"screenName"`
	}
	ctVictim struct {
		Person struct{} `xml:"victimPerson"`
		ID     string   `xml:"espIdentifier"`
	}
)

func (b *builder) reportXML(rng *rand.Rand, r Report) []byte {
	s := pick(rng, services)
	screen, number := b.v.handle(), digits(rng, 9)
	at := r.OccurredAt.Format(time.RFC3339)
	x := ctReport{
		Incident: ctIncident{incidentTypes[r.Class], s.name, at},
		Reporter: ctReporter{ctNamed{First: pick(rng, given), Last: pick(rng, families), Email: &ctTyped{"Business", "safety@" + s.host}}},
		Person: ctPerson{
			Person: ctNamed{Phone: &ctTyped{"Mobile", b.v.phone()}, Email: &ctTyped{"", b.v.email()}},
			ID:     number, Service: s.name, Screen: screen, Display: title(pick(rng, adjectives)) + " " + title(pick(rng, nouns)),
			Profile: "https://" + s.host + "/people/" + number,
		},
	}
	for i := range 1 + rng.IntN(3) {
		l := b.v.login(between(rng, r.OccurredAt.Add(-72*time.Hour), r.OccurredAt), ip(rng), "Login")
		if i == 0 && r.Class == ClassMedia {
			l.Event, l.At = "Upload", r.OccurredAt
		}
		x.Person.IPs = append(x.Person.IPs, ctIP{l.IP, l.Event, l.At.Format(time.RFC3339), l.Port})
	}
	if chance(rng, 60) {
		i := rng.IntN(len(places))
		x.Person.Place = &ctLocation{places[i], strings.ReplaceAll(regions[i], "_", " "), "IN"}
	}
	note := pick(rng, accountOf[r.Class])
	if r.Class == ClassMedia {
		x.Web = &ctWeb{URL: []string{"https://" + s.host + "/share/" + digits(rng, 10)}, Note: note}
	} else {
		x.Chat = &ctChat{Client: s.name, Room: pick(rng, nouns) + " room", Note: note}
		x.Recipient = &ctOther{digits(rng, 9), s.name, b.v.handle()}
	}
	if r.Class == ClassContact {
		x.Victim = &ctVictim{ID: x.Recipient.ID}
	}
	if chance(rng, 25) {
		x.Note = "The account was closed by the service."
	}
	return document(x)
}

// ctFile is the CyberTipline <fileDetails> in the order its schema asks for.
type ctFile struct {
	XMLName  xml.Name `xml:"fileDetails"`
	Report   string   `xml:"reportId"`
	File     string   `xml:"fileId"`
	Original string   `xml:"originalFileName"`
	Uploaded string   `xml:"uploadedToEspTimestamp"`
	Viewed   bool     `xml:"fileViewedByEsp"`
	Public   bool     `xml:"publiclyAvailable"`
	Role     string   `xml:"fileRelevance"`
	IP       ctIP     `xml:"ipCaptureEvent"`
}

// FileDetailsXML gives the <fileDetails> of a file, for the numbers that the receiver gave to report and file.
func (f ReportFile) FileDetailsXML(reportID int64, fileID string) []byte {
	at := f.UploadedAt.Format(time.RFC3339)
	return document(ctFile{Report: strconv.FormatInt(reportID, 10), File: fileID, Original: f.Name, Uploaded: at, Viewed: f.Viewed,
		Role: "Reported", IP: ctIP{Address: f.IP, Event: "Upload", At: at}})
}

// document writes XML as the services send it.
func document(v any) []byte {
	b, err := xml.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil // these types always marshal; TestReports parses every one
	}
	return append([]byte(xml.Header), append(b, '\n')...)
}
