package intake

import (
	"cmp"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

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

// Report is a CyberTipline <report>: the fields that are used, and everything else in Elements.
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
	VictimKnown    bool   // a <victim> is there; who that is stays in Elements
	AdditionalInfo string // of the report itself
	Elements       []Element
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

// ParseReport reads a CyberTipline <report> of at most 5 MiB. Elements may come in any order, in any namespace, with
// elements that the schema does not know; what the schema requires must be there, and enumerations and times must be its
// own. Errors are faults with the code 4110 (malformed XML), 4100 (validation) or 4000 (too large).
func ParseReport(r io.Reader) (Report, error) {
	root, elements, err := readXML(r, "report")
	if err != nil {
		return Report{}, err
	}
	report := Report{Elements: elements, VictimKnown: root.has("victim"), AdditionalInfo: root.first("additionalInfo")}
	if err := report.incident(root); err != nil {
		return Report{}, err
	}
	if err := report.internet(root); err != nil {
		return Report{}, err
	}
	reporter, err := root.one("reporter")
	if err != nil {
		return Report{}, err
	}
	person, err := reporter.one("reportingPerson")
	if err != nil {
		return Report{}, err
	}
	if !root.has("reporter") || !reporter.has("reportingPerson") {
		return Report{}, notValid("<reporter> with a <reportingPerson> is missing")
	}
	report.Reporter = contact(person)
	for _, n := range root.all("personOrUserReported") {
		p, err := reported(n)
		if err != nil {
			return Report{}, err
		}
		report.Reported = append(report.Reported, p)
	}
	return report, nil
}

func (r *Report) incident(root *node) error {
	n, err := root.one("incidentSummary")
	if err != nil {
		return err
	}
	if !root.has("incidentSummary") {
		return notValid("<incidentSummary> is missing")
	}
	kind, err := n.one("incidentType")
	if err != nil {
		return err
	}
	r.IncidentType = kind.text
	if alias, ok := incidentAliases[r.IncidentType]; ok {
		r.IncidentType = alias
	}
	class, ok := incidentClasses[r.IncidentType]
	if !ok {
		return notValid("<incidentType> holds no type of the schema")
	}
	r.Class = class
	at, err := n.one("incidentDateTime")
	if err != nil {
		return err
	}
	if r.OccurredAt, err = dateTime(at); err != nil {
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
func (r *Report) internet(root *node) error {
	for _, details := range root.all("internetDetails") {
		for _, n := range details.children {
			r.Notes = append(r.Notes, n.texts("additionalInfo")...)
			switch n.name {
			case "webPageIncident":
				for _, u := range n.texts("url") {
					if strings.ContainsFunc(u, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }) {
						return notValid("<url> holds a space or a control character")
					}
					r.URLs = append(r.URLs, u)
				}
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
	return nil
}

func contact(n *node) Contact {
	c := Contact{FirstName: n.first("firstName"), LastName: n.first("lastName"), Emails: n.texts("email")}
	for _, p := range n.all("phone") {
		if p.text == "" {
			continue
		}
		number := p.text
		if code := p.attr("countryCallingCode"); code != "" && !strings.HasPrefix(number, "+") {
			number = code + number
		}
		c.Phones = append(c.Phones, number)
	}
	return c
}

func reported(n *node) (Reported, error) {
	p := Reported{ESPIdentifier: n.first("espIdentifier"), ESPService: n.first("espService"), ScreenName: n.first("screenName"),
		DisplayNames: n.texts("displayName"), ProfileURLs: n.texts("profileUrl"), Bio: n.first("profileBio"),
		City: n.first("estimatedLocation", "city"), Region: n.first("estimatedLocation", "region"), Country: n.first("estimatedLocation", "countryCode")}
	person, err := n.one("personOrUserReportedPerson")
	if err != nil {
		return p, err
	}
	p.Contact = contact(person)
	p.IPs, err = ipCaptures(n)
	return p, err
}

func ipCaptures(n *node) ([]IPCapture, error) {
	var list []IPCapture
	for _, e := range n.all("ipCaptureEvent") {
		c := IPCapture{IP: e.first("ipAddress"), Event: e.first("eventName"), PossibleProxy: isTrue(e.first("possibleProxy"))}
		if c.IP == "" {
			return nil, notValid("<ipCaptureEvent> has no <ipAddress>")
		}
		switch c.Event {
		case "", "Login", "Registration", "Purchase", "Upload", "Other", "Unknown":
		default:
			return nil, notValid("<eventName> holds no event of the schema")
		}
		if s := e.first("port"); s != "" {
			port, err := strconv.Atoi(s)
			if err != nil || port < 1 || port > 65535 {
				return nil, notValid("<port> is no number from 1 to 65535")
			}
			c.Port = port
		}
		for _, at := range e.all("dateTime") {
			var err error
			if c.At, err = dateTime(at); err != nil {
				return nil, err
			}
		}
		list = append(list, c)
	}
	return list, nil
}

// dateTime reads an xs:dateTime. One without a zone is taken as UTC.
func dateTime(n *node) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, n.text); err == nil {
			return t.UTC().Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, notValid("<%s> holds no date and time such as 2021-12-03T10:00:00Z", n.name)
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
