package selector_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/selector"
)

func TestNormalise(t *testing.T) {
	for _, c := range []struct {
		kind        selector.Kind
		typed, want string
	}{
		{selector.PaymentHandle, " Kite.River@OkPay ", "kite.river@okpay"},
		{selector.PaymentHandle, "kite\u200b.river\uff20okpay", "kite.river@okpay"},
		{selector.PaymentHandle, "९८००००००01@okpay", "9800000001@okpay"},
		{selector.PaymentHandle, "kite%40okpay", "kite@okpay"},
		{selector.PaymentHandle, "000111222@HDFC0000123.ifsc.npci", "000111222@hdfc0000123.ifsc.npci"},
		{selector.Email, "mailto:Kite+1@River.Example", "kite+1@river.example"},
		{selector.Email, "kite[at]river[dot]example", "kite@river.example"},
		{selector.Email, "kite@bücher.example", "kite@xn--bcher-kva.example"},
		{selector.Phone, "+91 98000-00001", "+919800000001"},
		{selector.Phone, "tel:+91(98000)00001", "+919800000001"},
		{selector.Phone, "＋९१ ९८००० ००००१", "+919800000001"},
		{selector.Wallet, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"},
		{selector.Wallet, "bitcoin:3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy?amount=1", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"},
		{selector.Wallet, "BC1QAR0SRRR7XFKVY5L643LYDNW9RE59GTZZWF5MDQ", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"},
		{selector.Wallet, "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"},
		{selector.Wallet, "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"},
		{selector.Wallet, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"},
		{selector.InviteLink, "http://www.t.me/joinchat/AbC_dE-1", "https://t.me/+AbC_dE-1"},
		{selector.InviteLink, "telegram.me/+AbC_dE-1?x=1", "https://t.me/+AbC_dE-1"},
		{selector.InviteLink, "tg://join?invite=AbC_dE-1", "https://t.me/+AbC_dE-1"},
		{selector.InviteLink, "hxxps://discord[.]com/invite/AbCd", "https://discord.gg/AbCd"},
		{selector.InviteLink, "https://chat.whatsapp.com/invite/AbCdEf123", "https://chat.whatsapp.com/AbCdEf123"},
		{selector.InviteLink, "https://signal.group/#AbCdEf123", "https://signal.group/#AbCdEf123"},
		{selector.InviteLink, "Chirp.Example/join/AbC123/", "https://chirp.example/join/AbC123"},
		{selector.URL, "HTTP://www.River.Example:80/A b/?q=1#top", "https://river.example/A%20b/?q=1"},
		{selector.URL, "river.example/", "https://river.example"},
		{selector.IPPortTime, "49.36.1.2:50123 2022-09-01 01:30:00 IST", "49.36.1.2:50123@2022-08-31T20:00:00Z"},
		{selector.IPPortTime, "49.36.1.2 port 50123 at 2022-08-31T20:00+0000", "49.36.1.2:50123@2022-08-31T20:00:00Z"},
		{selector.IPPortTime, "49.36.1.2, 2022-08-31T20:00:00.5Z", "49.36.1.2@2022-08-31T20:00:00.5Z"},
		{selector.IPPortTime, "[2405:200::1]:443 2022-08-31 20:00 UTC", "[2405:200::1]:443@2022-08-31T20:00:00Z"},
		{selector.IPPortTime, "2405:0200::0001 2022-08-31 20:00 UTC", "2405:200::1@2022-08-31T20:00:00Z"},
	} {
		got, err := selector.Normalise(c.kind, c.typed)
		if err != nil || got != (selector.Selector{Kind: c.kind, Value: c.want}) {
			t.Errorf("%s %q: got %v, %v; want %s", c.kind, c.typed, got, err, c.want)
		}
	}
}

func TestNormaliseRefuses(t *testing.T) {
	for _, c := range []struct {
		kind        selector.Kind
		typed, says string
	}{
		{selector.PaymentHandle, "kite@river.example", "no payment service"},
		{selector.PaymentHandle, "@okpay", "name@psp"},
		{selector.Email, "kite@okpay", "no domain"},
		{selector.Phone, "98000 00001", "country code"},
		{selector.Phone, "+91 12345", "no phone number"},
		{selector.Phone, "1-800-KITES", "no phone number"},
		{selector.Wallet, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "a character of it is wrong"},
		{selector.Wallet, "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp", "a character of it is wrong"},
		{selector.Wallet, "bc1qAR0SRRR7XFKVY5L643LYDNW9RE59GTZZWF5MDQ", "a character of it is wrong"}, // mixed case
		{selector.Wallet, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", "a character of it is wrong"},
		{selector.InviteLink, "https://t.me/kite", "no invitation"},
		{selector.InviteLink, "https://discord.gg/", "no invitation"},
		{selector.URL, "https://river.example@basket.example/", "hides the true host"},
		{selector.IPPortTime, "49.36.1.2:50123", "names nobody"},
		{selector.IPPortTime, "49.36.1.2:50123 2022-08-31 20:00", "zone"},
		{selector.IPPortTime, "49.36.1.2:99999 2022-08-31T20:00:00Z", "no port"},
		{selector.IPPortTime, "49.36.1.2:1 2022-02-30T20:00:00Z", "that exist"},
		{selector.IPPortTime, "49.36.1.299:1 2022-02-28T20:00:00Z", "no network address"},
		{"kite", "x", "no kind"},
		{selector.Email, strings.Repeat("k", 3000), "longer than"},
		{selector.Email, " \u200b", "nothing given"},
	} {
		got, err := selector.Normalise(c.kind, c.typed)
		if err == nil {
			t.Errorf("%s %q: accepted as %v", c.kind, c.typed, got)
		} else if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %q: %v (want %q)", c.kind, c.typed, err, c.says)
		}
	}
}

func TestParsePhone(t *testing.T) {
	for _, typed := range []string{"98000 00001", "098000 00001", "0091 98000 00001", "91-98000-00001", "+91 98000 00001"} {
		if got, err := selector.ParsePhone(typed, "IN"); err != nil || got.Value != "+919800000001" {
			t.Errorf("%q: %v, %v", typed, got, err)
		}
	}
	if got, err := selector.ParsePhone("98000 00001", ""); err == nil {
		t.Error("a phone of no country:", got)
	}
}

func TestAtAddress(t *testing.T) {
	at := time.Date(2022, 8, 31, 20, 0, 0, 1234, time.UTC)
	for ip, want := range map[string]string{"49.36.1.2": "49.36.1.2:7@", "::ffff:49.36.1.2": "49.36.1.2:7@", "fe80::1%eth0": "[fe80::1]:7@"} {
		s := selector.AtAddress(netip.MustParseAddr(ip), 7, at)
		if s.Value != want+"2022-08-31T20:00:00.000001Z" {
			t.Errorf("%s: %s", ip, s.Value)
		}
		if again, err := selector.Normalise(s.Kind, s.Value); err != nil || again != s {
			t.Errorf("%s comes back as %v, %v", s.Value, again, err)
		}
	}
}

// TestNormaliseIsIdempotent draws near-selectors, so that many are accepted, and checks that a normal form stays.
func TestNormaliseIsIdempotent(t *testing.T) {
	piece := rapid.SampledFrom([]string{"kite", "River", "9800000001", "+91", "@", "@okpay", ".", "[.]", "(at)", "example", "https://", "hxxp://",
		"t.me/", "joinchat/", "+", "/", "join/", "discord.gg/", "AbCd12", "?", "#", "%40", "%", " ", "-", "_", "१", "ａ", "\u200b", "{.}", "[", "]", "(",
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "49.36.1.2", ":", "443", " 2022-08-31", "T20:00:00", "Z", " IST", "é", "İ", "ß", "www.", "m."})
	rapid.Check(t, func(t *rapid.T) {
		typed := strings.Join(rapid.SliceOfN(piece, 1, 8).Draw(t, "pieces"), "")
		kind := rapid.SampledFrom(selector.Kinds()).Draw(t, "kind")
		once, err := selector.Normalise(kind, typed)
		if err != nil {
			return
		}
		if twice, err := selector.Normalise(kind, once.Value); err != nil || twice != once {
			t.Fatalf("%q gives %q, which gives %q, %v", typed, once.Value, twice.Value, err)
		}
	})
}

func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"kite@okpay", "kite@river.example", "+919800000001", "t.me/+AbCd", "river.example/a?b", "49.36.1.2:1@2022-08-31T20:00:00Z", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		for _, kind := range selector.Kinds() {
			once, err := selector.Normalise(kind, typed)
			if err != nil {
				if !errors.Is(err, fault.Invalid) {
					t.Fatalf("%s %q: kind of %v", kind, typed, err)
				}
				continue
			}
			if twice, err := selector.Normalise(kind, once.Value); err != nil || twice != once {
				t.Fatalf("%s %q gives %q, which gives %q, %v", kind, typed, once.Value, twice.Value, err)
			}
		}
	})
}
