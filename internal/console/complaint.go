package console

import "fmt"

var lineWords = map[string]string{
	"tip":        "becomes a tip",
	"duplicate":  "duplicate",
	"unreadable": "cannot be read",
	"heading":    "title row",
}

func lineState(key string) string { return words(lineWords, key) }

// lineTone gives the look of a line's state.
func lineTone(key string) string {
	switch key {
	case "tip":
		return "linked"
	case "unreadable":
		return "failed"
	}
	return "plain"
}

// rowName says where a line stands: its number, and where a person finds it in a workbook.
func rowName(n int, sheet string, row int64) string {
	if row == 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d (%s, row %d)", n, clip(sheet, 31), row)
}
