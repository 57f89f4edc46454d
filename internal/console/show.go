package console

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/store"
)

// show writes values for people: times in the jurisdiction's zone, addresses defanged.
type show struct {
	now  time.Time
	zone *time.Location
}

const (
	momentForm = "2 Jan 2006, 15:04"
	dayForm    = "2 Jan 2006"
)

// at writes an instant that a table holds (microseconds UTC, 0: not yet).
func (s show) at(micros int64) string {
	if micros == 0 {
		return "–"
	}
	return store.Time(micros).In(s.zone).Format(momentForm)
}

// full writes an instant with its zone.
func (s show) full(t time.Time) string { return t.In(s.zone).Format(momentForm + " MST") }

// machine writes an instant for programs.
func (s show) machine(micros int64) string { return store.Time(micros).In(s.zone).Format(time.RFC3339) }

func (s show) day(micros int64) string {
	if micros == 0 {
		return "–"
	}
	return store.Time(micros).In(s.zone).Format(dayForm)
}

// zoneName names the zone: "Asia/Kolkata (IST, UTC+05:30)".
func (s show) zoneName() string {
	now := s.now.In(s.zone)
	if s.zone == time.UTC {
		return "UTC"
	}
	return fmt.Sprintf("%s (%s, UTC%s)", s.zone, now.Format("MST"), now.Format("-07:00"))
}

// span writes a length of time in words: "3 hours 20 minutes", "2 days 4 hours".
func span(d time.Duration) string {
	d = d.Abs().Round(time.Minute)
	days, hours, minutes := int(d/(24*time.Hour)), int(d%(24*time.Hour)/time.Hour), int(d%time.Hour/time.Minute)
	switch {
	case days > 0 && hours > 0:
		return count(days, "day") + " " + count(hours, "hour")
	case days > 0:
		return count(days, "day")
	case hours > 0 && minutes > 0:
		return count(hours, "hour") + " " + count(minutes, "minute")
	case hours > 0:
		return count(hours, "hour")
	default:
		return count(minutes, "minute")
	}
}

func between(from, to int64) time.Duration { return time.Duration(to-from) * time.Microsecond }

// hours writes a number of hours without needless decimals.
func hours(h float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", h), "0"), ".")
}

// locator writes the address of an account or a post so that no program makes a link of it.
func locator(typed string) string {
	if l, err := platforms.ParseLocator(typed); err == nil {
		return l.Defanged()
	}
	return defang(typed)
}

var urlShape = regexp.MustCompile(`(?i)\b(https?|ftp)://([^\s/?#]*)`)

// defang makes every URL in a text unclickable.
func defang(text string) string {
	return urlShape.ReplaceAllStringFunc(text, func(u string) string {
		scheme, host, _ := strings.Cut(u, "://")
		scheme = strings.NewReplacer("http", "hxxp", "ftp", "fxp").Replace(strings.ToLower(scheme))
		return scheme + "://" + strings.ReplaceAll(host, ".", "[.]")
	})
}

// short writes the beginning of a digest; the whole stands in the page where it matters.
func short(hash string) string {
	if len(hash) <= 16 {
		return hash
	}
	return hash[:16] + "…"
}

// lines splits a text that holds one thing a line.
func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
}

// percent gives part of whole, 0 to 100.
func percent(part, whole int64) string {
	if whole <= 0 {
		return "0"
	}
	return fmt.Sprint(part * 100 / whole)
}

// clock writes the time of day.
func (s show) clock(micros int64) string { return store.Time(micros).In(s.zone).Format("15:04") }

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func (s show) dayOf(t time.Time) string { return t.In(s.zone).Format(dayForm) }

// clip shows the beginning of a long text.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
