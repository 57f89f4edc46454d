package console

import (
	"strings"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/rules"
)

// words gives the phrase for an identifier, or the identifier itself with spaces.
func words(table map[string]string, key string) string {
	if w, ok := table[key]; ok {
		return w
	}
	return strings.ReplaceAll(key, "_", " ")
}

// title begins a phrase with a capital.
func title(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

var instrumentWords = map[string]string{
	courier.ActionTakenReport:    "action-taken report",
	courier.ReferralAnswer:       "answer to a referral",
	courier.OutcomeReport:        "report of outcomes",
	courier.ListShare:            "hash list",
	rules.FreezeRequest:          "request to freeze a payment account",
	rules.LegalAssistanceRequest: "request to another country",
}

func instrument(key string) string { return words(instrumentWords, key) }

var itemWords = map[string]string{
	"pending":           "waiting",
	"preserved":         "preserved",
	"removed":           "removed",
	"account_suspended": "blocked",
	"not_found":         "not found",
	"already_removed":   "was gone before",
	"refused":           "refused",
	"produced":          "data produced",
	"nothing_held":      "nothing held",
	"accepted":          "accepted",
	"returned":          "returned",
	"reported":          "reported",
}

func itemState(key string) string { return words(itemWords, key) }

var tipWords = map[string]string{
	"received":      "waits for a decision",
	"actionable":    "to be acted on",
	"informational": "for information",
	"duplicate":     "duplicate",
	"insufficient":  "too little to act on",
	"linked":        "in a case",
	"referred":      "referred on",
	"returned":      "returned",
	"closed":        "closed",
}

func tipState(key string) string { return words(tipWords, key) }

var sourceWords = map[string]string{
	"complaint":    "complaint",
	"scan":         "scan",
	"cybertipline": "report by a provider",
	"referral":     "referral",
	"form":         "public form",
}

func source(key string) string { return words(sourceWords, key) }

var classWords = map[string]string{
	"media":                 "CSEAM media",
	"enticement":            "enticement of a child",
	"contact_offence":       "contact offence",
	"adult_sexual_violence": "sexual violence against an adult",
	"other":                 "other",
}

func class(key string) string { return words(classWords, key) }

var outcomeWords = map[string]string{
	"not_actionable":    "nothing to act on",
	"enquiry":           "enquiry begun",
	"fir_registered":    "FIR registered",
	"arrest":            "arrest",
	"charge_sheeted":    "charge sheet filed",
	"convicted":         "conviction",
	"acquitted":         "acquittal",
	"child_identified":  "child identified",
	"child_safeguarded": "child safeguarded",
}

func outcome(key string) string { return words(outcomeWords, key) }

var matchWords = map[string]string{
	"exact":       "same file: needs no look",
	"unconfirmed": "waits for a person's decision",
	"confirmed":   "confirmed by a person",
	"rejected":    "rejected by a person",
}

func matchState(key string) string { return words(matchWords, key) }

var findingWords = map[string]string{
	"pending":      "waits for a finding",
	"offending":    "offending",
	"undetermined": "undetermined",
	"gone":         "gone",
	"listed_media": "listed media",
	"weak_signal":  "weak signal",
	"nothing":      "nothing found",
	"":             "waits for analysis",
}

func finding(key string) string { return words(findingWords, key) }

var accountWords = map[string]string{
	"unseen": "not looked at yet",
	"live":   "there",
	"gone":   "gone",
}

func accountState(key string) string { return words(accountWords, key) }

var hashWords = map[string]string{"pdq": "PDQ", "vpdq": "vPDQ", "sha256": "SHA-256", "sha1": "SHA-1", "md5": "MD5", "photodna": "PhotoDNA", "tmk": "TMK"}

func hashKind(key string) string { return words(hashWords, key) }

var verifiedWords = map[string]string{"gone": "yes, gone", "still_there": "NO, still there", "": "–"}

func verified(key string) string { return words(verifiedWords, key) }

// certainty says how far a line of law can be relied on.
func certainty(mark string) string {
	switch mark {
	case rules.TextSeen, rules.SecondarySeen, rules.Unseen:
		return mark + ": " + rules.CertaintyMeans(mark)
	}
	return "no certainty mark"
}

// tone gives the look of a state: whether it waits, is done, or is bad.
func tone(state string) string {
	switch state {
	case "pending", "received", "actionable", "unconfirmed", "draft", "authorised", "served", "acknowledged", "accepted", "unseen", "candidate", "off", "not complete", "never fetched", "being fetched", "open", "":
		return "waits"
	case "account_suspended", "removed", "preserved", "produced", "gone", "complied", "answered", "confirmed", "exact", "linked", "lead", "reported", "already_removed", "matches", "up to date":
		return "done"
	case "refused", "still_there", "undeliverable", "overdue", "late", "failed":
		return "bad"
	}
	return "plain"
}

var taskWords = map[string]string{"victim_identification": "Find out who the child is"}

var mailWords = map[string]string{"none": "none", "waiting": "not sent yet", "sent": "sent"}
