package statistics

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestChart(t *testing.T) {
	for name, days := range map[string][]Day{
		"empty": nil,
		"one":   {{Day: "2022-09-18", Tips: 3, Blocked: 3}},
		"story": {{Day: "2021-12-03", Tips: 90}, {Day: "2021-12-17", Tips: 70, Arrests: 50}, {Day: "2022-09-18", Tips: 96}, {Day: "2022-09-20", Ordered: 10, Blocked: 10}, {Day: "2022-09-23", Blocked: 13}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Chart(days)
			wellFormed(t, got)
			path := filepath.Join("testdata", name+".svg")
			if *update {
				if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || got+"\n" != string(want) {
				t.Errorf("%v; the chart is\n%s", err, got)
			}
		})
	}
	story := Chart([]Day{{Day: "2022-09-18", Tips: 96}, {Day: "2022-09-23", Blocked: 23}})
	if !strings.Contains(story, "From 18 Sep 2022 to 23 Sep 2022: 96 tips received in all, 23 blocked in all.") {
		t.Error("the description does not tell the figures")
	}
	if got := Chart([]Day{{Day: `"><script>`, Tips: 1}}); got != Chart(nil) {
		t.Errorf("a day that is none was drawn: %s", got)
	}
}

var place = regexp.MustCompile(`(x|y|x1|x2|y1|y2)="([^"]*)"`)

// wellFormed checks what a strict policy and a reader's tools need.
func wellFormed(t interface{ Fatalf(string, ...any) }, svg string) {
	d := xml.NewDecoder(strings.NewReader(svg))
	ids := map[string]bool{}
	var names []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		names = append(names, start.Name.Local)
		if start.Name.Local == "script" || start.Name.Local == "style" {
			t.Fatalf("a <%s>", start.Name.Local)
		}
		for _, a := range start.Attr {
			if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
				t.Fatalf("an attribute %s", a.Name.Local)
			}
			if a.Name.Local == "id" {
				ids[a.Value] = true
			}
		}
	}
	if len(names) < 4 || names[1] != "title" || names[2] != "desc" || !ids["chart-title"] || !ids["chart-desc"] {
		t.Fatalf("elements %v, ids %v", names, ids)
	}
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || !place.MatchString(svg) {
		t.Fatalf("no place for everything: %s", svg)
	}
}

func TestAnyChart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Day {
			return Day{Day: rapid.OneOf(rapid.String(), rapid.StringMatching(`20[0-9]{2}-0[1-9]-[0-2][1-9]`)).Draw(t, "day"), Tips: rapid.Int64Range(0, 1<<40).Draw(t, "tips"), Blocked: rapid.Int64Range(0, 1<<40).Draw(t, "blocked")}
		})).Draw(t, "days")
		wellFormed(t, Chart(days))
	})
}
