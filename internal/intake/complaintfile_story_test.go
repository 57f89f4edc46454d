package intake_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/story"
)

// TestStoryDocuments reads what a whole story hands in: the complaint to the last row, and every report with its files.
func TestStoryDocuments(t *testing.T) {
	file := story.Default()
	w, err := story.Generate(file, story.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := intake.ReadComplaint(t.Context(), w.Complaint())
	if err != nil {
		t.Fatal(err)
	}
	accounts := map[string]bool{}
	for _, l := range lines {
		if l.Err != "" {
			t.Errorf("line %d %q: %s", l.N, l.Typed, l.Err)
		}
		accounts[l.Locator.Account().String()] = true
	}
	if n := file.Complaint; len(lines) != n.Accounts+n.DuplicateLines || len(accounts) != n.Accounts {
		t.Errorf("%d lines name %d accounts; the story has %d and %d again", len(lines), len(accounts), n.Accounts, n.DuplicateLines)
	}

	classes := map[string]string{story.ClassMedia: intake.ClassMedia, story.ClassEnticement: intake.ClassEnticement, story.ClassContact: intake.ClassContact}
	for _, r := range w.Reports {
		got, err := intake.ParseReport(bytes.NewReader(r.XML))
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			continue
		}
		if got.Class != classes[r.Class] || !got.OccurredAt.Equal(r.OccurredAt.Truncate(time.Second)) || len(got.Reported) != 1 || len(got.Reported[0].IPs) == 0 || got.Summary() == "" {
			t.Errorf("%s: class %s at %v, reported %+v", r.ID, got.Class, got.OccurredAt, got.Reported)
		}
		for i, f := range r.Files {
			id := fmt.Sprintf("f%d", i)
			d, err := intake.ParseFileDetails(bytes.NewReader(f.FileDetailsXML(17, id)))
			if err != nil || d.ReportID != 17 || d.FileID != id || d.OriginalName != f.Name || !d.UploadedAt.Equal(f.UploadedAt.Truncate(time.Second)) || d.Viewed == nil || *d.Viewed != f.Viewed {
				t.Errorf("%s: file %s of report %d, %s at %v: %v", r.ID, d.FileID, d.ReportID, d.OriginalName, d.UploadedAt, err)
			}
		}
	}
}
