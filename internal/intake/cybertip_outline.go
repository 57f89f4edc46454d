package intake

import (
	"regexp"
	"strings"
	"sync"
)

// outline is the CyberTipline reporting schema in short: what each element holds, in the schema's order. A word is an element with its
// type after the colon; without one it has the type of its own name, or is a string. "?" is at most one, "*" any number, "+" at least one,
// nothing exactly one. Words joined by "|" exclude each other. "@" is an attribute, "!" one that must be there, "=" the type of the text.
// A line that begins with "all" names no order, one with "choice" has exactly one of its elements.
const outline = `
report: batchedReport? incidentSummary internetDetails* lawEnforcement? reporter personOrUserReported* intendedRecipient* victim* additionalInfo?
incidentSummary: incidentType:incidentType platform? escalateToHighPriority? reportAnnotations? incidentDateTime:dateTime incidentDateTimeDescription?
reportAnnotations: all sextortion:flag? csamSolicitation:flag? minorToMinorInteraction:flag? spam:flag? sadisticOnlineExploitation:flag?
internetDetails: choice webPageIncident emailIncident newsgroupIncident chatImIncident onlineGamingIncident cellPhoneIncident nonInternetIncident peer2peerIncident
webPageIncident: url:url* additionalInfo? @thirdPartyHostedContent:boolean
emailIncident: emailAddress:email* content? additionalInfo?
newsgroupIncident: name? emailAddress:email* content? additionalInfo?
chatImIncident: chatClient? chatRoomName? content? additionalInfo?
onlineGamingIncident: gameName? console? content? additionalInfo?
cellPhoneIncident: phoneNumber:phone? latitude:latitude? longitude:longitude? additionalInfo?
nonInternetIncident: locationName? incidentAddress:address* additionalInfo?
peer2peerIncident: client? ipCaptureEvent* fileNames? additionalInfo?
lawEnforcement: agencyName caseNumber? officerContact:contactPerson? reportedToLe:boolean? servedLegalProcessDomestic:boolean? servedLegalProcessInternational?
servedLegalProcessInternational: =boolean @fleaCountry:country
reporter: reportingPerson:person contactPerson? companyTemplate? termsOfService? legalURL?
personOrUserReported: personOrUserReportedPerson:person? vehicleDescription? espIdentifier? espService? compromisedAccount:boolean? screenName? displayName* profileUrl* profileBio? ipCaptureEvent* deviceId* thirdPartyUserReported:boolean? priorCTReports:long* groupIdentifier? accountTemporarilyDisabled? accountPermanentlyDisabled? estimatedLocation? allEmailsReported:boolean? associatedAccount* additionalInfo?
intendedRecipient: intendedRecipientPerson:person? espIdentifier? espService? compromisedAccount:boolean? screenName? displayName* profileUrl* profileBio? ipCaptureEvent* deviceId* priorCTReports:long* groupIdentifier? accountTemporarilyDisabled? accountPermanentlyDisabled? estimatedLocation? allEmailsReported:boolean? additionalInfo*
victim: victimPerson:person espIdentifier? espService? compromisedAccount:boolean? screenName? displayName* profileUrl* profileBio? ipCaptureEvent* deviceId* schoolName? priorCTReports:long* accountTemporarilyDisabled? accountPermanentlyDisabled? estimatedLocation? allEmailsReported:boolean? associatedAccount* additionalInfo?
fileDetails: reportId:long fileId:token fileName? originalFileName? uploadedToEspTimestamp:dateTime? locationOfFile? fileViewedByEsp:boolean? exifViewedByEsp:boolean? publiclyAvailable:boolean? fileRelevance:fileRelevance? potentialMeme:boolean?|fileAnnotations? industryClassification:fileClassification? originalFileHash:hash* ipCaptureEvent? deviceId* details* additionalInfo*
details: nameValuePair:nameValue+ @type:metadataTypes
person: firstName? lastName? phone* email* address* age:int? dateOfBirth:date?
contactPerson: firstName? lastName? phone* email* address*
address: address:string? city? zipCode? state:state? nonUsaState? country:country? @type:addressType
email: =string @type:emailType @verified:boolean @verificationDate:dateTime
phone: =string @type:phoneType @verified:boolean @verificationDate:dateTime @countryCallingCode:phoneCountryCallingCode @extension:phoneExtension
estimatedLocation: city? region? countryCode:country? @verified:boolean @timestamp:dateTime
batchedReport: @reason:batchedReportReason!
ipCaptureEvent: ipAddress:given eventName:ipCaptureType? dateTime:dateTime? possibleProxy:boolean? port:port?
deviceId: idType idValue eventName:ipCaptureType? dateTime:dateTime?
accountTemporarilyDisabled: =boolean @disabledDate:dateTime @userNotified:boolean @userNotifiedDate:dateTime @reenabledDate:dateTime
accountPermanentlyDisabled: =boolean @disabledDate:dateTime @userNotified:boolean @userNotifiedDate:dateTime
associatedAccount: platform:accountPlatform? firstName? middleName? lastName? approximateAge:int? dateOfBirth:date? phone* email* allEmailsReported:boolean? address* espService? espIdentifier? profileUrl* screenName? displayName* profileBio? groupIdentifier? compromisedAccount:boolean? accountTemporarilyDisabled? accountPermanentlyDisabled? ipCaptureEvent* deviceId* priorCTReport:long* additionalInfo? @type:associatedAccountType!
accountPlatform: =string @thirdPartyUser:boolean
fileAnnotations: all animeDrawingVirtualHentai:flag? potentialMeme:flag? viral:flag? possibleSelfProduction:flag? physicalHarm:flag? violenceGore:flag? bestiality:flag? liveStreaming:flag? infant:flag? generativeAi:flag?
hash: =string @hashType:string!
nameValue: name value
reportResponse: responseCode:int responseDescription reportId:long? fileId:token? hash:token?
reportDoneResponse: responseCode:int reportId:long files
files: fileId:string*
`

// roots are the elements that a document may consist of.
var roots = []string{"report", "fileDetails", "reportResponse", "reportDoneResponse"}

// enums are the schema's enumerations: official identifiers, verbatim.
var enums = map[string][]string{
	"incidentType": {"Child Pornography (possession, manufacture, and distribution)", "Child Sex Trafficking", "Child Sex Tourism", "Child Sexual Molestation",
		"Misleading Domain Name", "Misleading Words or Digital Images on the Internet", "Online Enticement of Children for Sexual Acts", "Unsolicited Obscene Material Sent to a Child"},
	"addressType":           {"Home", "Business", "Billing", "Shipping", "Technical"},
	"emailType":             {"Home", "Work", "Business", "Recovery"},
	"phoneType":             {"Mobile", "Home", "Business", "Work", "Fax", "Internet", "Recovery"},
	"batchedReportReason":   {"VIRAL_POTENTIAL_MEME"},
	"ipCaptureType":         {"Login", "Registration", "Purchase", "Upload", "Other", "Unknown"},
	"associatedAccountType": {"Billing", "Linked", "Business", "Creator", "Parent/Guardian", "Other"},
	"fileRelevance":         {"Reported", "Supplemental Reported"},
	"fileClassification":    {"A1", "A2", "B1", "B2"},
	"metadataTypes":         {"EXIF", "HASH"},
	"state":                 codes("AK AL AR AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH OK OR PA PR RI SC SD TN TX UT VA VI VT WA WI WV WY"),
	// ISO 3166-1 and the codes that address databases used beside it, with those of countries that are no more.
	"country": codes(`A1 A2 O1 AD AE AF AG AI AL AM AN AO AP AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI
		CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET EU FI FJ FK FM FO FR FX GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK
		HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
		MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ
		SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW`),
}

// patterns are the schema's types with a pattern, anchored as XML Schema has them; the pattern of url is ours.
var patterns = map[string]string{
	"phoneCountryCallingCode": `\+[0-9]{1,3}`,
	"phoneExtension":          `[0-9]+`,
	"url":                     `[^\s]*`,
}

// codes are an enumeration that allows the empty value too.
func codes(list string) []string { return append([]string{""}, strings.Fields(list)...) }

// structure is what an element may hold.
type structure struct {
	parts  []part
	free   bool   // its parts come in any order
	choice bool   // exactly one of its parts is there
	text   string // simple type of its text; "" if it holds elements or nothing
	attrs  []part // attributes; least is 1 for one that must be there
}

// part is an element or attribute of a structure.
type part struct {
	name, kind  string // kind is the key of a structure or a simple type
	least, most int    // most is -1 for any number
	group       int    // parts of the same group that is not 0 exclude each other
}

func (s structure) part(name string) (part, int) {
	for i, p := range s.parts {
		if p.name == name {
			return p, i
		}
	}
	return part{}, -1
}

// schema is the outline, read.
var schema = sync.OnceValue(func() map[string]structure {
	lines := strings.Split(strings.TrimSpace(outline), "\n")
	all := map[string]structure{}
	for _, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		all[name] = structure{}
	}
	for _, line := range lines {
		name, rest, _ := strings.Cut(line, ": ")
		s, group := structure{}, 0
		for _, word := range strings.Fields(rest) {
			switch {
			case word == "all":
				s.free = true
			case word == "choice":
				s.choice = true
			case word[0] == '=':
				s.text = word[1:]
			case word[0] == '@':
				s.attrs = append(s.attrs, readAttribute(word[1:]))
			default:
				alternatives := strings.Split(word, "|")
				if len(alternatives) > 1 {
					group++
				}
				for _, w := range alternatives {
					p := readPart(w, all)
					if len(alternatives) > 1 {
						p.group = group
					}
					s.parts = append(s.parts, p)
				}
			}
		}
		all[name] = s
	}
	return all
})

func readPart(word string, known map[string]structure) part {
	p := part{least: 1, most: 1}
	switch word[len(word)-1] {
	case '?':
		p.least = 0
	case '*':
		p.least, p.most = 0, -1
	case '+':
		p.most = -1
	}
	p.name, p.kind, _ = strings.Cut(strings.TrimRight(word, "?*+"), ":")
	if p.kind == "" {
		p.kind = "string"
		if _, ok := known[p.name]; ok {
			p.kind = p.name
		}
	}
	return p
}

func readAttribute(word string) part {
	p := part{most: 1}
	if strings.HasSuffix(word, "!") {
		p.least, word = 1, strings.TrimSuffix(word, "!")
	}
	p.name, p.kind, _ = strings.Cut(word, ":")
	return p
}

// matchers are the patterns, compiled.
var matchers = sync.OnceValue(func() map[string]*regexp.Regexp {
	all := map[string]*regexp.Regexp{}
	for name, p := range patterns {
		all[name] = regexp.MustCompile(`^(?:` + p + `)$`)
	}
	return all
})
