package platforms_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
)

func open(t *testing.T, text string) (*platforms.Holdings, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "holdings.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return platforms.OpenHoldings(path)
}

func TestHoldings(t *testing.T) {
	h, err := open(t, `[{"selector":"kite.river@okpay","kind":"payment_handle","name":"R. Basket","phone":"+919800000001","account":"0042",
		"opened_at":"2020-05-06T00:00:00+05:30","logins":[{"at":"2022-09-01T10:00:00Z","ip":"49.36.1.2","port":50123,"event":"login"},{"at":"2022-09-02T10:00:00Z","ip":"49.36.1.3"}]},
		{"selector":"+919800000001","kind":"phone","name":"R. Basket","unknown":1}]`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.Holder(t.Context(), " Kite.River@OKPAY ")
	want := platforms.Holding{Selector: "kite.river@okpay", Kind: "payment_handle", Account: "0042", Holder: platforms.Holder{Name: "R. Basket",
		Phone: "+919800000001", CreatedAt: instant("2020-05-05T18:30:00Z"), Logins: []platforms.Login{
			{At: instant("2022-09-01T10:00:00Z"), IP: "49.36.1.2", Port: 50123, Event: "login"}, {At: instant("2022-09-02T10:00:00Z"), IP: "49.36.1.3", Event: "login"}}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := h.Holder(t.Context(), "+91 98000-00001"); err != nil || got.Kind != "phone" || h.Len() != 2 {
		t.Errorf("phone: %+v, %v", got, err)
	}
	if _, err := h.Holder(t.Context(), "basket@okpay"); !errors.Is(err, fault.NotFound) {
		t.Error("unknown selector:", err)
	}
}

func TestHoldingsRefused(t *testing.T) {
	for text, says := range map[string]string{
		"{}": "cannot unmarshal", `[{"kind":"phone"}]`: "entry 1 has no selector", `[{"selector":"a@b"},{"selector":"A@B"}]`: "entry 2: A@B is there twice",
		`[{"selector":"a","opened_at":"yesterday"}]`: "yesterday",
	} {
		if _, err := open(t, text); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := platforms.OpenHoldings(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fault.NotFound) {
		t.Error("missing file:", err)
	}
}
