package api_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// TestEntriesOfAList reads a list page by page, and follows one content through what becomes of it.
func TestEntriesOfAList(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, fresh func() string) {
		clockFile := filepath.Join(t.TempDir(), "clock")
		noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		at := func(now time.Time) {
			t.Helper()
			if err := clock.Advance(clockFile, now); err != nil {
				t.Fatal(err)
			}
		}
		at(noon)
		n := newHolder(t, fresh(), "unit", clockFile)
		var list struct{ ID int64 }
		n.call("POST", "/api/v1/lists", map[string]any{"name": "River", "threshold": 20}, &list)
		var entries []lists.Entry
		for i := range 5 {
			entries = append(entries, lists.Entry{Kind: lists.MD5, Value: strings.Repeat(fmt.Sprintf("%02x", i), 16), Label: "A1"})
		}
		var added struct{ IDs []int64 }
		n.call("POST", fmt.Sprintf("/api/v1/lists/%d/entries", list.ID), map[string]any{"entries": entries}, &added)

		var seen []lists.ListedEntry
		for after := int64(0); ; {
			var page []lists.ListedEntry
			n.call("GET", fmt.Sprintf("/api/v1/lists/%d/entries?after=%d&limit=2", list.ID, after), nil, &page)
			if len(page) == 0 {
				break
			}
			if len(page) > 2 {
				t.Fatalf("a page of %d", len(page))
			}
			seen, after = append(seen, page...), page[len(page)-1].ID
		}
		if len(seen) != 5 || seen[4].Value != entries[4].Value || seen[0].Disabled {
			t.Fatalf("%+v", seen)
		}
		if status, b := n.try("GET", "/api/v1/lists/77/entries", nil); status != http.StatusNotFound {
			t.Errorf("entries of no list: %d %s", status, b)
		}

		// Changes made at once each tell their own number, which look-ups have reached by then.
		sequences := make(chan int64, 12)
		var wg sync.WaitGroup
		for i := range cap(sequences) {
			wg.Go(func() {
				var more struct{ Sequence int64 }
				n.call("POST", fmt.Sprintf("/api/v1/lists/%d/entries", list.ID), map[string]any{"entries": []lists.Entry{{Kind: lists.MD5, Value: fmt.Sprintf("%032x", 1000+i)}}}, &more)
				var status struct{ Sequence int64 }
				if n.call("GET", "/api/v1/lists/status", nil, &status); more.Sequence == 0 || status.Sequence < more.Sequence {
					t.Errorf("a change told %d, and look-ups have reached %d", more.Sequence, status.Sequence)
				}
				sequences <- more.Sequence
			})
		}
		wg.Wait()
		close(sequences)
		told := map[int64]bool{}
		for v := range sequences {
			told[v] = true
		}
		if len(told) != cap(sequences) {
			t.Errorf("%d changes told only %d numbers", cap(sequences), len(told))
		}
		ids := make([]int64, 0, cap(sequences))
		for _, e := range entriesAfter(n, list.ID, seen[4].ID) {
			ids = append(ids, e.ID)
		}
		var gone struct{ Removed int }
		if n.call("POST", fmt.Sprintf("/api/v1/lists/%d/entries/removal", list.ID), map[string]any{"ids": ids}, &gone); gone.Removed != cap(sequences) {
			t.Errorf("%d removed", gone.Removed)
		}

		content := fmt.Sprintf("/api/v1/lists/%d/contents/%d", list.ID, added.IDs[1])
		until := store.Micros(noon.Add(time.Hour))
		n.call("POST", content+"/disabling", map[string]int64{"until": until}, nil)
		n.call("POST", fmt.Sprintf("/api/v1/lists/%d/contents/%d/disabling", list.ID, added.IDs[2]), map[string]int64{}, nil)
		marked := func() (out string) {
			var page []lists.ListedEntry
			n.call("GET", fmt.Sprintf("/api/v1/lists/%d/entries", list.ID), nil, &page)
			for _, e := range page {
				switch {
				case e.Disabled && e.DisabledUntil == until:
					out += "u"
				case e.Disabled && e.DisabledUntil == 0:
					out += "o"
				case !e.Disabled:
					out += "m"
				}
			}
			return out
		}
		if got := marked(); got != "muomm" {
			t.Errorf("one off for an hour, one for good: %s", got)
		}
		at(noon.Add(time.Hour + time.Second))
		if got := marked(); got != "mmomm" {
			t.Errorf("after the hour: %s", got)
		}
		var c lists.Content
		n.call("GET", content, nil, &c)
		if len(c.Entries) != 1 || c.Entries[0].Value != entries[1].Value || c.Entries[0].Label != "A1" {
			t.Errorf("%+v", c)
		}
		var history []lists.Change
		n.call("GET", content+"/history", nil, &history)
		if len(history) != 2 || history[1].Act != "disabled" || history[1].Until != until || history[1].Actor != "person:head" {
			t.Errorf("%+v", history)
		}
		var status struct {
			Sequence, NewestAt int64
			Kinds              map[string]int
		}
		n.call("GET", "/api/v1/lists/status", nil, &status)
		if status.Sequence == 0 || status.Kinds[lists.MD5] != 5 {
			t.Errorf("%+v", status)
		}
		n.verify()
	})
}

func entriesAfter(n *holder, list, after int64) (page []lists.ListedEntry) {
	n.call("GET", fmt.Sprintf("/api/v1/lists/%d/entries?after=%d", list, after), nil, &page)
	return page
}
