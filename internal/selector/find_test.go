package selector_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"raksha.example/raksha/internal/selector"
)

func TestFind(t *testing.T) {
	for text, want := range map[string][]string{
		"pay kite.river@okpay, then write":                 {"payment_handle:kite.river@okpay=kite.river@okpay"},
		"Kite@OkPay.":                                      {"payment_handle:kite@okpay=Kite@OkPay"},
		"upi://pay?pa=kite.river@okpay&pn=K":               {"payment_handle:kite.river@okpay=kite.river@okpay"},
		"https://pay.example/x?pa=kite%40okpay&am=5":       {"url:https://pay.example/x?pa=kite%40okpay&am=5=https://pay.example/x?pa=kite%40okpay&am=5", "payment_handle:kite@okpay=kite%40okpay"},
		"9800000001@okpay":                                 {"payment_handle:9800000001@okpay=9800000001@okpay", "phone:+919800000001=9800000001"},
		"mail kite@river.example now":                      {"email:kite@river.example=kite@river.example"},
		"see @kite@river.example and @basket":              nil,
		"https://chirp.example/@kite@river.example":        {"url:https://chirp.example/@kite@river.example=https://chirp.example/@kite@river.example"},
		"call +91 98000 00001 or 98000-00002":              {"phone:+919800000001=+91 98000 00001", "phone:+919800000002=98000-00002"},
		"call (098000) 00001!":                             {"phone:+919800000001=(098000) 00001"},
		"98000 00001 98000 00002":                          {"phone:+919800000001=98000 00001", "phone:+919800000002=98000 00002"},
		"फ़ोन ९८००० ००००१ पर":                              {"phone:+919800000001=९८००० ००००१"},
		"ＫＩＴＥ＠ｏｋｐａｙ":                                       {"payment_handle:kite@okpay=ＫＩＴＥ＠ｏｋｐａｙ"},
		"kite\u200b@ok\u200bpay":                           {"payment_handle:kite@okpay=kite\u200b@ok\u200bpay"},
		"on 2022-09-01 at 10:00 we saw 110000000000000007": nil,
		"49.36.1.2:50123 2022-09-01 01:30:00 IST":          {"ip_port_time:49.36.1.2:50123@2022-08-31T20:00:00Z=49.36.1.2:50123 2022-09-01 01:30:00 IST"},
		"from 192.168.100.200 only":                        nil,
		"send to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa.":      {"wallet:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa=1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"},
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb":               nil,
		"join t[.]me/+AbC_dE-1, quick":                     {"invite_link:https://t.me/+AbC_dE-1=t[.]me/+AbC_dE-1"},
		"(https://chirp.example/join/AbC123)":              {"invite_link:https://chirp.example/join/AbC123=https://chirp.example/join/AbC123"},
		"discord.gg/AbCd and chat.whatsapp.com/AbCdEf12":   {"invite_link:https://discord.gg/AbCd=discord.gg/AbCd", "invite_link:https://chat.whatsapp.com/AbCdEf12=chat.whatsapp.com/AbCdEf12"},
		"https://chirp.example/@kite/9800000001":           {"url:https://chirp.example/@kite/9800000001=https://chirp.example/@kite/9800000001"},
		"and/or e.g./i.e. 3/4 x@ @y a@b@c":                 nil,
		"":                                                 nil,
	} {
		var got []string
		for _, f := range selector.Find(text, "IN") {
			got = append(got, f.String()+"="+text[f.Start:f.End])
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q\n got %q\nwant %q", text, got, want)
		}
	}
	if got := selector.Find("98000 00001", ""); got != nil {
		t.Error("a phone of no country:", got)
	}
}

func TestFindReadsTheBeginningOfLongTexts(t *testing.T) {
	text := "kite@okpay " + strings.Repeat("न", selector.MaxText/3) + " river@okpay"
	if got := selector.Find(text, "IN"); len(got) != 1 || got[0].Value != "kite@okpay" {
		t.Error(got)
	}
}

func FuzzFind(f *testing.F) {
	for _, s := range []string{"pay kite.river@okpay or +91 98000 00001", "९८००००००01@okpay t[.]me/+AbCd https://a.example/?x=%40", "49.36.1.2:1 2022-08-31T20:00:00Z",
		"(098000) 00001 ＋９１ 98000\u200b00001", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "\xff\xfe@\x00[dot](.)"} {
		f.Add(s, "IN")
	}
	f.Fuzz(func(t *testing.T, text, region string) {
		last := 0
		for _, s := range selector.Find(text, region) {
			if s.Start < last || s.End <= s.Start || s.End > len(text) {
				t.Fatalf("%q: place %d to %d after %d", text, s.Start, s.End, last)
			}
			last = s.Start
			if utf8.ValidString(text) && !utf8.ValidString(text[s.Start:s.End]) {
				t.Fatalf("%q: %d to %d cuts a character", text, s.Start, s.End)
			}
			if again, err := selector.Normalise(s.Kind, s.Value); err != nil || again != s.Selector {
				t.Fatalf("%q: found %v, whose normal form is %v, %v", text, s.Selector, again, err)
			}
			piece := text[s.Start:s.End]
			again, err := selector.Normalise(s.Kind, piece)
			if s.Kind == selector.Phone {
				again, err = selector.ParsePhone(piece, region)
			}
			if err != nil || again != s.Selector {
				t.Fatalf("%q: found %v in %q, which by itself gives %v, %v", text, s.Selector, piece, again, err)
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	for name, text := range map[string]string{
		"post":   strings.Repeat("a kite by the river, see https://chirp.example/@kite and pay kite@okpay ", 4),
		"digits": strings.Repeat("98000 0000 ", selector.MaxText/11),
		"dense":  strings.Repeat("k", selector.MaxText),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				selector.Find(text, "IN")
			}
		})
	}
}
