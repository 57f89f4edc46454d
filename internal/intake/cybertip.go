package intake

import (
	"cmp"
	"io"
	"strconv"
	"strings"
	"time"

	"raksha.example/raksha/internal/platforms"
)

// incidentClasses gives the class of each incident type of the CyberTipline schema. The keys are that scheme's
// identifiers, verbatim. What tells of an adult who seeks or abuses a child in person is a contact offence; what tells of
// an adult who works on a child from afar, unasked material included, is enticement; misleading names and words harm no
// known child and are other.
var incidentClasses = map[string]string{
	"Child Pornography (possession, manufacture, and distribution)": ClassMedia,
	"Online Enticement of Children for Sexual Acts":                 ClassEnticement,
	"Unsolicited Obscene Material Sent to a Child":                  ClassEnticement,
	"Child Sexual Molestation":                                      ClassContact,
	"Child Sex Trafficking":                                         ClassContact,
	"Child Sex Tourism":                                             ClassContact,
	"Misleading Domain Name":                                        ClassOther,
	"Misleading Words or Digital Images on the Internet":            ClassOther,
}

// incidentAliases are spellings that clients in use send for a type of the schema.
var incidentAliases = map[string]string{
	"Online Enticement of Children for Sexual Act": "Online Enticement of Children for Sexual Acts",
}

// Report is a CyberTipline <report>: the fields that are used, and everything in Root.
type Report struct {
	IncidentType   string // as in the schema
	Class          string // ClassMedia, ClassEnticement, ClassContact or ClassOther
	OccurredAt     time.Time
	OccurredNote   string // incidentDateTimeDescription
	Platform       string
	Escalate       string   // escalateToHighPriority: why, empty if not asked for
	Annotations    []string // names of the set reportAnnotations, such as sextortion
	URLs           []string // of web pages
	Chats          []Chat
	Notes          []string // additionalInfo of the internet details
	Reporter       Contact
	Reported       []Reported
	VictimKnown    bool   // a <victim> is there; who that is stays in Root
	AdditionalInfo string // of the report itself
	Root           *Element
}

// Chat is a conversation, in a chat, a game, an e-mail or a newsgroup.
type Chat struct {
	Client string // chatClient, gameName or the like
	Room   string
	Text   string
}

// Contact is a person with the ways to reach them.
type Contact struct {
	FirstName, LastName string
	Emails              []string
	Phones              []string // with the calling code, if the report gives it
}

// Reported is a person or user that is reported.
type Reported struct {
	Contact
	ESPIdentifier string // the service's own id of the account
	ESPService    string
	ScreenName    string
	DisplayNames  []string
	ProfileURLs   []string
	Bio           string
	IPs           []IPCapture
	City, Region  string // estimatedLocation
	Country       string // ISO 3166-1
}

// IPCapture is a network address at an instant.
type IPCapture struct {
	IP            string // as given
	Port          int    // 0 when not given
	Event         string // Login, Registration, Purchase, Upload, Other, Unknown, or empty
	At            time.Time
	PossibleProxy bool
}

// ParseReport reads a CyberTipline <report> of at most 5 MiB as clients in use send it: see Schema. What the schema requires must be
// there, and every value must be of its type. Errors are faults with the code 4110 (malformed XML), 4100 (validation) or 4000 (too
// large).
func ParseReport(r io.Reader) (Report, error) { return Schema{}.ParseReport(r) }

// ParseReport reads a CyberTipline <report>.
func (s Schema) ParseReport(r io.Reader) (Report, error) {
	root, err := readXML(r, "report")
	if err != nil {
		return Report{}, err
	}
	if err := s.check(root, "report"); err != nil {
		return Report{}, err
	}
	report := Report{Root: root, VictimKnown: root.has("victim"), AdditionalInfo: root.first("additionalInfo")}
	if err := report.incident(root.one("incidentSummary")); err != nil {
		return Report{}, err
	}
	report.internet(root)
	report.Reporter = contact(root.one("reporter").one("reportingPerson"))
	for _, n := range root.all("personOrUserReported") {
		p, err := reported(n)
		if err != nil {
			return Report{}, err
		}
		report.Reported = append(report.Reported, p)
	}
	return report, nil
}

func (r *Report) incident(n *Element) (err error) {
	r.IncidentType = n.first("incidentType")
	if alias, ok := incidentAliases[r.IncidentType]; ok {
		r.IncidentType = alias
	}
	r.Class = incidentClasses[r.IncidentType]
	if r.OccurredAt, err = dateTime(n.one("incidentDateTime")); err != nil {
		return err
	}
	r.OccurredNote, r.Platform = n.first("incidentDateTimeDescription"), n.first("platform")
	r.Escalate = n.first("escalateToHighPriority")
	for _, a := range n.all("reportAnnotations") {
		r.Annotations = append(r.Annotations, a.flags()...)
	}
	return nil
}

// internet reads the <internetDetails>, one incident each.
func (r *Report) internet(root *Element) {
	for _, details := range root.all("internetDetails") {
		for _, n := range details.Children {
			r.Notes = append(r.Notes, n.texts("additionalInfo")...)
			switch n.Name {
			case "webPageIncident":
				r.URLs = append(r.URLs, n.texts("url")...)
			case "chatImIncident":
				r.Chats = append(r.Chats, Chat{n.first("chatClient"), n.first("chatRoomName"), n.first("content")})
			case "onlineGamingIncident":
				r.Chats = append(r.Chats, Chat{n.first("gameName"), n.first("console"), n.first("content")})
			case "emailIncident":
				r.Chats = append(r.Chats, Chat{"e-mail", strings.Join(n.texts("emailAddress"), ", "), n.first("content")})
			case "newsgroupIncident":
				r.Chats = append(r.Chats, Chat{"newsgroup", n.first("name"), n.first("content")})
			}
		}
	}
}

func contact(n *Element) Contact {
	c := Contact{FirstName: n.first("firstName"), LastName: n.first("lastName"), Emails: n.texts("email")}
	for _, p := range n.all("phone") {
		if p.Text == "" {
			continue
		}
		number := p.Text
		if code := p.attr("countryCallingCode"); code != "" && !strings.HasPrefix(number, "+") {
			number = code + number
		}
		c.Phones = append(c.Phones, number)
	}
	return c
}

func reported(n *Element) (Reported, error) {
	p := Reported{ESPIdentifier: n.first("espIdentifier"), ESPService: n.first("espService"), ScreenName: n.first("screenName"),
		DisplayNames: n.texts("displayName"), ProfileURLs: n.texts("profileUrl"), Bio: n.first("profileBio"),
		City: n.first("estimatedLocation", "city"), Region: n.first("estimatedLocation", "region"), Country: n.first("estimatedLocation", "countryCode")}
	p.Contact = contact(n.one("personOrUserReportedPerson"))
	var err error
	p.IPs, err = ipCaptures(n)
	return p, err
}

func ipCaptures(n *Element) ([]IPCapture, error) {
	var list []IPCapture
	for _, e := range n.all("ipCaptureEvent") {
		c := IPCapture{IP: e.first("ipAddress"), Event: e.first("eventName"), PossibleProxy: e.boolean("possibleProxy")}
		c.Port, _ = strconv.Atoi(e.first("port")) // checked; 0 if it is not there
		var err error
		if c.At, err = dateTime(e.one("dateTime")); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// dateTime reads an xs:dateTime; the zero time if it is empty.
func dateTime(n *Element) (time.Time, error) {
	if n.Text == "" {
		return time.Time{}, nil
	}
	return parseDateTime("<"+n.Name+">", n.Text)
}

// Locator gives the address of the reported account, if a profile URL is one.
func (r Report) Locator() (platforms.Locator, bool) {
	l, _, ok := r.profile()
	return l, ok
}

// AccountID gives the service's own id of the account that Locator addresses, or empty.
func (r Report) AccountID() string {
	_, id, _ := r.profile()
	return id
}

func (r Report) profile() (platforms.Locator, string, bool) {
	for _, p := range r.Reported {
		for _, u := range p.ProfileURLs {
			if l, err := platforms.ParseLocator(u); err == nil && l.Account() != (platforms.Locator{}) {
				return l.Account(), cmp.Or(p.ESPIdentifier, l.ID), true
			}
		}
	}
	return platforms.Locator{}, "", false
}

// Summary gives what the reporter says of the incident, without the conversation itself and without the victim: the
// platform, the notes, the annotations, at most 2,000 characters.
func (r Report) Summary() string {
	parts := []string{r.Platform, r.OccurredNote}
	parts = append(parts, r.Notes...)
	parts = append(parts, r.AdditionalInfo, r.Escalate, strings.Join(r.Annotations, ", "))
	var said []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			said = append(said, p)
		}
	}
	text := []rune(strings.Join(said, "\n"))
	if len(text) > 2000 {
		text = append(text[:1999], '…')
	}
	return string(text)
}
