package ncmec

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
)

const page = `<?xml version="1.0" encoding="UTF-8"?>
<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">
 <images count="3" maxTimestamp="2026-01-02T10:00:00Z">
  <image><member id="42">Kite Works</member><timestamp>2026-01-02T10:00:00Z</timestamp><id>i-1</id><classification>A1</classification>
   <fingerprints><md5>0123456789abcdef0123456789abcdef</md5><pdna>QUJD</pdna><tmk-pdqf rel="self" href="/v2/entries/1/fingerprints/TMK_PDQF"/></fingerprints>
   <feedback lastUpdateTimestamp="2026-01-02T10:00:00Z"><affirmativeFeedback type="Md5"><members><member id="7"/></members></affirmativeFeedback></feedback></image>
  <image><member id="many">Nobody</member><id>i-2</id><fingerprints/></image>
  <deletedImage><member id="43"/><id>i-3</id><timestamp>2026-01-02T09:00:00Z</timestamp></deletedImage>
 </images>
 <videos count="1" maxTimestamp="2026-01-02T08:00:00Z"><video><member id="42">Kite Works</member><timestamp>2026-01-02T08:00:00Z</timestamp><id>v-1</id>
   <fingerprints><md5>00000000000000000000000000000001</md5></fingerprints></video></videos>
 <paging><next>/v2/entries?from=2026-01-01T00:00:00Z&amp;to=2026-01-03T00:00:00Z&amp;start=2001&amp;size=1000&amp;max=3000</next></paging>
</queryResult>`

func TestReadPage(t *testing.T) {
	p, err := ReadPage([]byte(page))
	if err != nil {
		t.Fatal(err)
	}
	at := func(hour int) time.Time { return time.Date(2026, 1, 2, hour, 0, 0, 0, time.UTC) }
	want := []Entry{
		{Member: Member{42, "Kite Works"}, ID: "i-1", Stamp: at(10), Class: "A1", Prints: []Print{{"md5", "0123456789abcdef0123456789abcdef", ""}, {"pdna", "QUJD", ""},
			{"tmk-pdqf", "", "/v2/entries/1/fingerprints/TMK_PDQF"}}},
		{Member: Member{43, ""}, ID: "i-3", Deleted: true, Stamp: at(9)},
		{Member: Member{42, "Kite Works"}, ID: "v-1", Film: true, Stamp: at(8), Prints: []Print{{"md5", "00000000000000000000000000000001", ""}}},
	}
	if !reflect.DeepEqual(p.Entries, want) {
		t.Errorf("got  %+v\nwant %+v", p.Entries, want)
	}
	if len(p.Aside) != 1 || !strings.Contains(p.Aside[0].Place, "i-2") || !bytes.HasPrefix(p.Aside[0].Bytes, []byte("<image>")) || !bytes.HasSuffix(p.Aside[0].Bytes, []byte("</image>")) {
		t.Errorf("aside %+v", p.Aside)
	}
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
	if err := CheckNext(p.Next, from, to); err != nil || Left(p.Next) != 999 {
		t.Errorf("next %q: %v, %d left", p.Next, err, Left(p.Next))
	}
	for _, next := range []string{"https://else.example/v2/entries?start=1", "//else.example/v2/entries?x=1", "/v2/members?x=1", "/v2/../admin?x=1", "/v2/entries", "@else.example/v2/entries?x",
		"/v2/entries?from=2026-01-01T00:00:00Z&to=2026-01-04T00:00:00Z&start=1&size=1&max=2", "/v2/entries?from=2025-01-01T00:00:00Z"} {
		if err := CheckNext(next, from, to); fault.Code(err) != Corrupt {
			t.Errorf("next %q: %v", next, err)
		}
	}
}

// TestBrokenPages gives what came before the break, and says that it broke.
func TestBrokenPages(t *testing.T) {
	cut := strings.Index(page, "<video>")
	for name, text := range map[string]string{
		"cut":       page[:cut],
		"mismatch":  page[:cut] + "</image></videos></queryResult>",
		"doctype":   `<!DOCTYPE q [<!ENTITY a "aaaa">]><queryResult>&a;</queryResult>`,
		"entity":    strings.Replace(page, "i-3", "&x;", 1),
		"html":      "<html><body>maintenance</body></html>",
		"empty":     "",
		"bytes":     page[:cut] + "\xff\xfe\x00<",
		"deep":      "<queryResult>" + strings.Repeat("<a>", 1000),
		"encoding":  `<?xml version="1.0" encoding="UTF-16"?><queryResult/>`,
		"one entry": strings.Replace(page, "<id>i-1</id>", "<id>i-1", 1),
	} {
		p, err := ReadPage([]byte(text))
		if fault.Code(err) != Corrupt {
			t.Errorf("%s: %v", name, err)
		}
		if (name == "cut" || name == "mismatch" || name == "bytes") && len(p.Entries) != 2 {
			t.Errorf("%s: %d entries before the break", name, len(p.Entries))
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	p, err := ReadPage([]byte(page))
	if err != nil {
		t.Fatal(err)
	}
	p.Aside = nil
	p.Entries[0].Prints = p.Entries[0].Prints[:2] // links are not written
	p.Entries[0].Member.Name = `R & "D" <x>`
	var b bytes.Buffer
	if err := WritePage(&b, p); err != nil {
		t.Fatal(err)
	}
	again, err := ReadPage(b.Bytes())
	if err != nil || !reflect.DeepEqual(p, again) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, again, p)
	}
	if !strings.Contains(b.String(), `<images count="2" maxTimestamp="2026-01-02T10:00:00Z">`) {
		t.Error(b.String())
	}
	b.Reset()
	if err := WritePage(&b, Page{}); err != nil || !strings.HasSuffix(b.String(), `<images count="0"/><videos count="0"/></queryResult>`) {
		t.Error(err, b.String())
	}
	for _, f := range []Feedback{{}, {Negative: true, Reasons: []string{"g-1", "g-2"}}} {
		b.Reset()
		if err := WriteFeedback(&b, f); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadFeedback(b.Bytes()); err != nil || !reflect.DeepEqual(got, f) {
			t.Errorf("%s: %+v, %v", b.String(), got, err)
		}
	}
	for _, text := range []string{"<feedbackSubmission/>", "<feedbackSubmission><negative/></feedbackSubmission>", "<feedbackSubmission><affirmative/><negative><reasonIds><guid>a</guid></reasonIds></negative></feedbackSubmission>", "<other/>"} {
		if _, err := ReadFeedback([]byte(text)); fault.Of(err) != fault.Invalid {
			t.Errorf("%s: %v", text, err)
		}
	}
	b.Reset()
	WriteStatus(&b, "127.0.0.1", "kite", Member{7, "Kite Works"})
	if who, m, err := ReadStatus(b.Bytes()); err != nil || who != "kite" || m != (Member{7, "Kite Works"}) {
		t.Errorf("%q %+v %v", who, m, err)
	}
	b.Reset()
	WriteMembers(&b, []Member{{1, "A"}, {2, "B"}})
	if m, err := ReadMembers(b.Bytes()); err != nil || len(m) != 2 || m[1] != (Member{2, "B"}) {
		t.Errorf("%+v %v", m, err)
	}
	b.Reset()
	WriteReasons(&b, []Reason{{"g", "a <reason>", "MD5"}})
	if r, err := ReadReasons(b.Bytes()); err != nil || len(r) != 1 || r[0] != (Reason{"g", "a <reason>", "MD5"}) {
		t.Errorf("%+v %v", r, err)
	}
}

// FuzzReadPage: whatever comes, reading ends, keeps within its limits, and what was read can be written and read again.
func FuzzReadPage(f *testing.F) {
	f.Add([]byte(page))
	f.Add([]byte(`<queryResult><images count="0"/><videos count="0"/></queryResult>`))
	f.Add([]byte(`<!DOCTYPE a><queryResult/>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadPage(b)
		ReadFeedback(b)
		ReadStatus(b)
		if len(p.Entries)+len(p.Aside) > maxEntries+1 {
			t.Fatal("too many entries")
		}
		for _, a := range p.Aside {
			if a.Reason == "" || len(a.Bytes) > len(b) {
				t.Fatalf("%+v", a)
			}
		}
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := WritePage(&out, p); err != nil {
			t.Fatal(err)
		}
		for i := range p.Entries {
			if p.Entries[i].Stamp.Year() < 1 || p.Entries[i].Stamp.Year() > 9999 {
				return
			}
		}
		again, err := ReadPage(out.Bytes())
		if err != nil || len(again.Entries) != len(p.Entries) || len(again.Aside) > 0 {
			for _, e := range p.Entries {
				for _, v := range e.Prints {
					if !named(v.Type) {
						return // a name that only its namespace made one
					}
				}
			}
			t.Fatalf("%v: %d entries, then %d and %+v", err, len(p.Entries), len(again.Entries), again.Aside)
		}
	})
}

func named(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == ""
}
