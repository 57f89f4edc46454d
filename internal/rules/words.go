package rules

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxSpan bounds a duration to what any statute could mean: ten years in hours.
const maxSpan = 10 * 366 * 24

// parseSpan reads "36h" or "180d".
func parseSpan(s string) (n int, unit byte, err error) {
	if len(s) < 2 {
		return 0, 0, fmt.Errorf("the duration %q is not a number with h or d, such as 36h or 180d", s)
	}
	unit = s[len(s)-1]
	digits := s[:len(s)-1]
	n, err = strconv.Atoi(digits)
	if err != nil || (unit != 'h' && unit != 'd') || strconv.Itoa(n) != digits || n < 0 || n > maxSpan {
		return 0, 0, fmt.Errorf("the duration %q is not a number with h or d, such as 36h or 180d", s)
	}
	return n, unit, nil
}

func versionName(id string, version int) string { return fmt.Sprintf("%s version %d", id, version) }

// article gives an instrument as people say it: "an information request".
func article(instrument string) string {
	words := strings.ReplaceAll(instrument, "_", " ")
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
