package paper

import (
	"fmt"
	"strings"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/rules"
)

// The languages of paper.
const (
	English = "en"
	Hindi   = "hi"
)

// vocabulary is what the paper itself says in one language. What people wrote is printed in the language they wrote it in.
type vocabulary struct {
	language string
	unvetted string // printed on each paper while nobody who may has checked these words; empty: somebody has
	words    map[string]string
	months   [12]string // empty: Go's
}

var vocabularies = map[string]*vocabulary{English: english, Hindi: hindi}

// word gives the phrase for a key: those of the tables, or the key itself with blanks.
func (v *vocabulary) word(key string) string {
	if w, ok := v.words[key]; ok {
		return w
	}
	return strings.ReplaceAll(key, "_", " ")
}

func (v *vocabulary) say(key string, args ...any) string { return fmt.Sprintf(v.word(key), args...) }

// instant writes a time with its zone: "28 September 2022, 12:30 IST (UTC+05:30)".
func (v *vocabulary) instant(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	month := v.months[t.Month()-1]
	if month == "" {
		month = t.Month().String()
	}
	name, _ := t.Zone()
	out := fmt.Sprintf("%d %s %d, %s", t.Day(), month, t.Year(), t.Format("15:04"))
	if zone == time.UTC {
		return out + " UTC"
	}
	return fmt.Sprintf("%s %s (UTC%s)", out, name, t.Format("-07:00"))
}

// clock says which clock a rule starts.
func (v *vocabulary) clock(r rules.Rule) string {
	n, unit := r.Duration, ""
	switch {
	case strings.HasSuffix(n, "h"):
		n, unit = strings.TrimSuffix(n, "h"), v.word("hours")
	case strings.HasSuffix(n, "d"):
		n, unit = strings.TrimSuffix(n, "d"), v.word("days")
	}
	switch {
	case r.Duration == "" || strings.Trim(n, "0") == "":
		return v.word("named_day")
	case r.Trigger == rules.OnEvent:
		return v.say("from_event", n, unit)
	default:
		return v.say("from_receipt", n, unit)
	}
}

var english = &vocabulary{language: English, words: map[string]string{
	courier.TakedownOrder:       "Takedown order",
	courier.InformationRequest:  "Information request",
	courier.PreservationRequest: "Preservation request",
	courier.Summons:             "Summons",
	courier.Notice:              "Notice",
	courier.Referral:            "Referral",
	courier.Response:            "Response",
	courier.OutcomeReport:       "Report of outcomes",
	courier.ActionTakenReport:   "Action-taken report",

	"unvetted":        "unvetted",
	"draft":           "DRAFT",
	"draft_note":      "This is a draft. Nobody has signed it and it binds nobody.",
	"number":          "Number",
	"version":         "version %d",
	"date":            "Date",
	"not_signed":      "not signed yet",
	"to":              "To",
	"contact":         "Contact: %s",
	"agency_id":       "Agency id: %s",
	"node":            "Node: %s",
	"telephone":       "Telephone: %s",
	"received_copy":   "Copy, printed by %s, of a document that it received.",
	"subject":         "Subject",
	"case":            "Case",
	"supersedes":      "Supersedes",
	"in_reply_to":     "In reply to",
	"law":             "Legal basis",
	"basis":           "Basis",
	"sections":        "Sections",
	"procedure":       "Procedure",
	"rule":            "Rule",
	"rule_is":         "%s: %s",
	"rule_unseen":     "The text of this rule was not seen when it was entered. Have counsel check it before you sign.",
	"reasons":         "Reasons",
	"text":            "Text",
	"matter":          "Matter",
	"hearing_at":      "Hearing",
	"place":           "Place",
	"asked":           "What is asked",
	"channel":         "Legal channel",
	"jurisdiction":    "Why the addressee has jurisdiction",
	"items":           "Items",
	"outcomes":        "What became of each item",
	"n":               "No.",
	"identifier":      "Exact identifier",
	"native_id":       "Id at the holder: %s",
	"in_ascii":        "Letter by letter: %s",
	"action":          "Action asked",
	"outcome":         "Outcome",
	"reason":          "Reason",
	"when":            "When",
	"defanged":        "Addresses are written so that nothing opens by accident: read hxxp as http and [.] as a full stop. A character that would not be seen is written as its number, such as [U+202E].",
	"clock":           "Time",
	"allowed":         "Time allowed",
	"due":             "Due",
	"kept_until":      "To be kept until",
	"received_at":     "Received",
	"no_receipt":      "The time runs from the addressee's receipt, which its signed acknowledgement fixes.",
	"no_clock":        "No time is set.",
	"hours":           "hours",
	"days":            "days",
	"from_receipt":    "%s %s from receipt",
	"from_event":      "%s %s from the event that the document names",
	"named_day":       "the day that the document names",
	"terms":           "Terms",
	"preserve":        "Preservation",
	"preserve_first":  "Preserve before you remove: keep each item and what belongs to it as it stands, and only then act on it.",
	"preserve_under":  "Preserve before you remove: keep each item and what belongs to it as it stands under %s, and only then act on it.",
	"scope":           "Scope",
	"confidential":    "Confidentiality",
	"redress":         "Redress",
	"data":            "Data produced",
	"data_sealed":     "Encrypted for the agency that asked (%d characters in the signed document); it is not printed.",
	"figures":         "Figures",
	"further":         "Further content",
	"rest":            "The rest stands in the signed document.",
	"tips":            "Tips",
	"tip":             "Tip",
	"signature":       "Signature",
	"signatory":       "Signed by",
	"agency_signed":   "The agency's own signature; no officer signed.",
	"authority":       "Authorised by",
	"officer_key":     "Officer's key",
	"agency_key":      "Agency's key",
	"passkey":         "The officer's passkey confirmed this document.",
	"document_id":     "Document id",
	"sha256":          "SHA-256 of the signed document",
	"record":          "Sender's record at signing",
	"record_is":       "%s, %s entries, root %s",
	"verify":          "Is this paper genuine?",
	"verify_at":       "Open %s and enter the number and the code, or scan the square. The answer says whether the paper is genuine, and nothing of what it says.",
	"verify_code":     "Code: %s",
	"verify_call":     "Ask the issuer for the code of this number, by a telephone number that you did not get from this paper. Code: %s",
	"verify_signed":   "The signed document behind this paper is what counts: raksha document verify proves who signed it.",
	"qr":              "QR code that opens %s with the number and the code of this paper",
	"page":            "Page %d of %d",
	"yes":             "yes",
	"no":              "no",
	"suspend_account": "suspend the account",
	"remove":          "remove",
	"disable":         "disable access",
	"preserve_item":   "preserve",
	"produce":         "produce the data held",
	"restore":         "restore",

	"pending":           "waiting",
	"preserved":         "preserved",
	"removed":           "removed",
	"disabled":          "access disabled",
	"account_suspended": "account suspended",
	"not_found":         "not found",
	"already_removed":   "was gone before",
	"refused":           "refused",
	"produced":          "data produced",
	"nothing_held":      "nothing held",
	"accepted":          "accepted",
	"returned":          "returned",
	"reported":          "reported",
	"reinstated":        "reinstated",
}}
