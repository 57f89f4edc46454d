package paper_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/orders"
	"raksha.example/raksha/internal/paper"
)

// TestHostile prints what an outsider may send: nothing of it is hidden, lost or moved about.
func TestHostile(t *testing.T) {
	text := strings.Repeat("A kite was seen by the river, and the basket was gone. ", 2000) + "END-OF-REASONS"
	var items []courier.Item
	for i := range 500 {
		items = append(items, courier.Item{Kind: "account", Locator: fmt.Sprintf("https://chirp.example/@Basket_%04d", i+1), NativeID: fmt.Sprint(109000000000000000 + i), Action: "suspend_account"})
	}
	items = append(items,
		courier.Item{Kind: "account", Locator: "https://chirp.example/\u202egpj.exe\u202c/\u200bkite\u00ad\u2066x\u2069", Action: "remove"},
		courier.Item{Kind: "account", Locator: "https://chirp.example/b\u0430sket/\U0001F600/\u05d0\u05d1/\u0627\u0644", Action: "remove"},
		courier.Item{Kind: "account", Locator: "https://chirp.example/" + strings.Repeat("x", 3000), Action: "remove"},
		courier.Item{Kind: "account", Locator: "a\x00b\x07c\nd [U+202E]", Action: "kite\u202e"},
	)
	c := orders.Content{LegalBasis: "IT Act s.67B", Reasons: text, CaseRef: "e" + strings.Repeat("\u0301", 40) + " \u0301x", Scope: "a\r\nb\tc\xffd", Confidential: "\ufeff\u2028x\U000E0041\uE000", Redress: "क\u200d क्\u200dष \u200c"}
	s := sheet(courier.TakedownOrder, paper.English, c, items...)
	s.Subject = strings.Repeat("क्ष", 3000)
	b := compose(t, s)
	got := words(t, b)
	for i := range 500 {
		if want := fmt.Sprintf("hxxps://chirp[.]example/@Basket_%04d\n", i+1); !strings.Contains(got, want) {
			t.Errorf("item %d is not there", i+1)
		}
	}
	for _, want := range []string{"END-OF-REASONS", "hxxps://chirp[.]example/[U+202E]gpj.exe[U+202C]/[U+200B]kite[U+00AD][U+2066]x[U+2069]", "[U+1F600]/[U+05D0][U+05D1]/[U+0627][U+0644]",
		"hxxps://chirp[.]example/b[U+0430]sket", strings.Repeat("x", 3000), "a[U+0000]b[U+0007]c[U+000A]d [U+005B]U+202E]", "kite[U+202E]", "[U+0301]", "[U+FFFD]", "[U+FEFF]", "[U+E0041][U+E000]",
		"[U+200C]", strings.Repeat("क्ष", 3000), "Page 1 of "} {
		if !strings.Contains(got, want) {
			t.Errorf("%.80q is not in the text of the paper", want)
		}
	}
	for _, r := range got {
		if r == 0x202e || r == 0x200b || r < ' ' && r != '\n' && r != '\f' {
			t.Errorf("the paper holds %U", r)
			break
		}
	}
	info := poppler(t, b, "pdfinfo")
	if !strings.Contains(info, "Tagged:          yes") || strings.Contains(info, "Syntax") {
		t.Errorf("pdfinfo says %s", info)
	}
	poppler(t, b, "pdftoppm", "-r", "20", "-png", "-l", "3")
}

// TestOtherContent prints content of a shape that this package does not know: all of it stands there.
func TestOtherContent(t *testing.T) {
	for name, c := range map[string]string{"a member of its own": `{"text":"kite","river":{"basket":["x1","x2"],"seen_at":1664173800000000}}`, "another kind": `{"text":["kite"],"river":"x1 x2"}`, "no object": `["kite"]`, "null": `null`} {
		s := sheet(courier.Notice, paper.English, json.RawMessage(c))
		got := words(t, compose(t, s))
		if strings.Contains(c, "river") && (!strings.Contains(got, "river") || !strings.Contains(got, "x1") || !strings.Contains(got, "x2")) {
			t.Errorf("%s: the paper reads %s", name, got)
		}
	}
	deep := strings.Repeat(`{"a":`, 15) + "1" + strings.Repeat("}", 15)
	compose(t, sheet(courier.Notice, paper.English, json.RawMessage(`{"text":"kite","deep":`+deep+`}`)))
}

// TestTooLong refuses what no paper can hold, instead of filling the memory.
func TestTooLong(t *testing.T) {
	if testing.Short() {
		t.Skip("it sets two thousand pages")
	}
	s := sheet(courier.Notice, paper.English, orders.Content{LegalBasis: "x", Text: strings.Repeat("kite\n", 300000)})
	if _, err := paper.Compose(fonts(t), s); err == nil {
		t.Error("a text of 300,000 lines was printed")
	}
}

func FuzzCompose(f *testing.F) {
	f.Add("kite", `{"text":"river"}`)
	f.Add("https://chirp.example/\u202e\U0001F600", `{"a":[{"b":null}],"reasons":"क्ष"}`)
	f.Fuzz(func(t *testing.T, text, c string) {
		if len(text) > 2000 || len(c) > 2000 {
			t.Skip("more than the fuzzing is about")
		}
		s := sheet(courier.TakedownOrder, paper.Hindi, nil, courier.Item{Locator: text, NativeID: text, Action: text})
		s.Content, s.Subject, s.Checkpoint = []byte(c), text, text
		if _, err := paper.Compose(fonts(t), s); err != nil {
			t.Skip(err)
		}
	})
}

// BenchmarkPage prints an order of two pages, with everything that comes before: shaping, fonts, compression.
func BenchmarkPage(b *testing.B) {
	f := fonts(b)
	for language, s := range map[string]paper.Sheet{"en": each(paper.English)[courier.TakedownOrder], "hi": each(paper.Hindi)[courier.TakedownOrder]} {
		b.Run(language, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := paper.Compose(f, s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	var items []courier.Item
	for i := range 500 {
		items = append(items, courier.Item{Locator: fmt.Sprintf("https://chirp.example/@Basket_%04d", i), NativeID: fmt.Sprint(i), Action: "remove"})
	}
	s := sheet(courier.TakedownOrder, "en", orders.Content{LegalBasis: "x", Reasons: "y"}, items...)
	b.Run("500items", func(b *testing.B) {
		for b.Loop() {
			if _, err := paper.Compose(f, s); err != nil {
				b.Fatal(err)
			}
		}
	})
}
