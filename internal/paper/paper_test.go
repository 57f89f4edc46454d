package paper_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/paper"
)

var (
	update = flag.Bool("update", false, "write the golden files anew")
	keep   = flag.String("keep", "", "folder to keep the PDFs in, to look at them")
)

func compose(t testing.TB, s paper.Sheet) []byte {
	t.Helper()
	b, err := paper.Compose(fonts(t), s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestText holds the text that people copy out of each paper against what it should say.
func TestText(t *testing.T) {
	for _, language := range []string{paper.English, paper.Hindi} {
		for instrument, s := range each(language) {
			for _, draft := range []bool{false, true} {
				name := instrument + "." + language
				if draft {
					if instrument != courier.TakedownOrder {
						continue
					}
					name += ".draft"
					s.Draft, s.ReceivedAt, s.DueAt, s.Signatory, s.SHA256, s.Code = true, time.Time{}, time.Time{}, "", "", ""
				}
				t.Run(name, func(t *testing.T) {
					b := compose(t, s)
					if !bytes.Equal(b, compose(t, s)) {
						t.Error("the same sheet gave other bytes")
					}
					if *keep != "" {
						if err := os.WriteFile(filepath.Join(*keep, name+".pdf"), b, 0o600); err != nil {
							t.Fatal(err)
						}
					}
					golden(t, name, words(t, b))
				})
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s reads\n%s\nand should read\n%s", name, got, want)
	}
	for _, bad := range []string{"http://", "chirp.example/"} {
		if strings.Contains(got, bad) {
			t.Errorf("%s holds %q as it could be opened", name, bad)
		}
	}
}
