package rules

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// spanLimits bound a duration to what any statute could mean: ten years.
var spanLimits = map[byte]int{'h': 10 * 366 * 24, 'd': 10 * 366, 'm': 120, 'y': 10}

// parseSpan reads "36h", "180d", "2m" (months) or "1y".
func parseSpan(s string) (n int, unit byte, err error) {
	bad := fmt.Errorf("the duration %q is not a number with h, d, m or y (hours, days, months, years; at most ten years), such as 36h, 180d, 2m or 1y", s)
	if len(s) < 2 {
		return 0, 0, bad
	}
	unit = s[len(s)-1]
	digits := s[:len(s)-1]
	n, err = strconv.Atoi(digits)
	if limit, ok := spanLimits[unit]; err != nil || !ok || strconv.Itoa(n) != digits || n < 0 || n > limit {
		return 0, 0, bad
	}
	return n, unit, nil
}

var (
	unitWords     = map[byte]string{'h': "hour", 'd': "day", 'm': "month", 'y': "year"}
	calendarWords = map[string]string{InWorkingDays: "working ", InWholeDays: "whole "}
	triggerWords  = map[string]string{OnReceipt: "receipt", OnEvent: "the event that the document names", OnIssue: "its issue"}
)

// spanWords gives a duration in words: "36 hours", "10 working days", "1 year".
func spanWords(duration, calendar string) string {
	n, unit, err := parseSpan(duration)
	if err != nil {
		return duration
	}
	s := fmt.Sprintf("%d %s%s", n, calendarWords[calendar], unitWords[unit])
	if n != 1 {
		s += "s"
	}
	return s
}

// Clock gives the rule's clock in words: "36 hours from receipt".
func (r Rule) Clock() string {
	if r.Hours() == 0 {
		return "the day is the one that the document names"
	}
	return spanWords(r.Duration, r.Calendar) + " from " + triggerWords[r.Trigger]
}

// Signer says whom the rule lets sign.
func (r Rule) Signer() string {
	switch r.Authorisation {
	case ByReference:
		return "an officer who states the order that authorises him or her"
	case ByRank:
		return "an officer of the rank of " + r.MinRank + " or above"
	case ByRankAndReference:
		return "an officer of the rank of " + r.MinRank + " or above who states the order that authorises him or her"
	case ByAgency:
		return "the agency; no officer's signature is needed"
	}
	return r.Authorisation
}

var conditionWords = map[string]string{
	ImminentDanger: "somebody's life is in imminent danger, and the request says why",
	CallBack:       "the holder calls back the number that the directory has, not one that the request gives",
	SecondOfficer:  "a second officer confirms it",
	FormalProcess:  "the formal request follows",
}

// ConditionWords says in words what the rule asks for beyond the signature.
func (r Rule) ConditionWords() []string {
	var out []string
	for _, c := range r.Conditions {
		w := conditionWords[c]
		if c == FormalProcess {
			w += " within " + spanWords(r.FollowUp, "")
		}
		out = append(out, w)
	}
	return out
}

// CertaintyMeans says how far a line with a mark can be relied on.
func CertaintyMeans(mark string) string {
	switch mark {
	case TextSeen:
		return "the text of the law was seen"
	case SecondarySeen:
		return "taken from a secondary source; the text of the law was not seen"
	case Unseen:
		return "not verified; have counsel check it before relying on it"
	}
	return "no certainty mark"
}

// InstrumentWords gives an instrument as people write it.
func InstrumentWords(instrument string) string {
	if instrument == ActionTakenReport {
		return "action-taken report"
	}
	return strings.ReplaceAll(instrument, "_", " ")
}

func versionName(id string, version int) string { return fmt.Sprintf("%s version %d", id, version) }

// article gives an instrument as people say it: "an information request".
func article(instrument string) string {
	words := InstrumentWords(instrument)
	return indefinite(words) + " " + words
}

// indefinite gives the article for a word by its first sound; a rank in capitals is spelt out letter by letter.
func indefinite(word string) string {
	if word == "" {
		return "a"
	}
	first := word[0]
	if strings.IndexByte("aeiouAEIOU", first) >= 0 {
		return "an"
	}
	if len(word) > 1 && word == strings.ToUpper(word) && strings.IndexByte("FHLMNRSX", first) >= 0 {
		return "an"
	}
	return "a"
}

func rankKey(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
