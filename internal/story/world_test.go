package story

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nyaruka/phonenumbers"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
)

// stories are those that the tests build: the default, the two beside it, and ones at the edges.
func stories(t *testing.T) map[string]File {
	t.Helper()
	all := map[string]File{"default": Default()}
	for _, name := range []string{"small", "today"} {
		f, err := Load(filepath.Join("testdata", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = f
	}
	one := Default()
	one.Complaint = ComplaintNumbers{Accounts: 1, Undetermined: 1}
	one.Operators, one.Operation.Cases, one.Operation.Arrests = 0, 1, 1
	all["one account, one case"] = one
	alone := Default()
	alone.Complaint = ComplaintNumbers{Accounts: 5, Offending: 5, DuplicateLines: 40}
	alone.Operators, alone.Operation.Cases, alone.Operation.Arrests = 5, 3, 0
	all["everybody alone"] = alone
	hurry := Default()
	hurry.Start = time.Date(2022, 1, 1, 1, 0, 0, 0, hurry.Start.Location())
	all["an hour between"] = hurry
	return all
}

// defaultWorld is made once: worlds do not change.
var defaultWorld = sync.OnceValues(func() (*World, error) { return Generate(Default(), Options{}) })

func generate(t *testing.T, f File, o Options) *World {
	t.Helper()
	if f == Default() && o == (Options{}) {
		w, err := defaultWorld()
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w, err := Generate(f, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestNumbers(t *testing.T) {
	for name, f := range stories(t) {
		t.Run(name, func(t *testing.T) {
			w := generate(t, f, Options{})
			truth := w.Truth()
			c := f.Complaint
			if len(truth.Offending) != c.Offending || len(truth.Undecided) != c.Undetermined || len(truth.Gone) != c.Gone || len(truth.Operators) != f.Operators {
				t.Errorf("hidden: %d offending by %d, %d undecided, %d gone", len(truth.Offending), len(truth.Operators), len(truth.Undecided), len(truth.Gone))
			}
			if n := len(truth.Scanned) + len(w.Reports); n != f.Operation.Cases {
				t.Errorf("%d to be scanned + %d reports, want %d cases", len(truth.Scanned), len(w.Reports), f.Operation.Cases)
			}
			arrests := 0
			for i := -1; i <= f.Operation.Cases; i++ {
				if w.Arrests(i) {
					arrests++
				}
				if w.PlannedOutcome(i) == "" {
					t.Errorf("case %d has no outcome", i)
				}
			}
			if arrests != f.Operation.Arrests {
				t.Errorf("%d arrests", arrests)
			}
			checkComplaint(t, w)
			checkTimes(t, w)
			checkHolders(t, w)
		})
	}
}

// checkComplaint reads the complaint as intake does and finds every account once, and the lines that repeat.
func checkComplaint(t *testing.T, w *World) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(w.Complaint())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	c := w.File.Complaint
	if len(rows) != 1+c.Accounts+c.DuplicateLines {
		t.Fatalf("%d lines with the header", len(rows))
	}
	seen, accounts := map[platforms.Locator]bool{}, map[string]bool{}
	for _, row := range rows[1:] {
		l, err := platforms.ParseLocator(row[1])
		if err != nil || l.Host != Host {
			t.Fatalf("%q: %v %v", row[1], l, err)
		}
		if l.Kind == platforms.KindPost {
			i := slices.IndexFunc(w.Posts, func(p Post) bool { return p.ID == l.PostID })
			if i < 0 {
				t.Errorf("%q is a post of nobody", row[1])
			}
		}
		seen[l] = true
		accounts[l.Handle] = true
	}
	if len(seen) != c.Accounts || len(accounts) != c.Accounts {
		t.Errorf("%d distinct addresses, %d accounts", len(seen), len(accounts))
	}
	truth, live, gone := w.Truth(), 0, 0
	for _, a := range w.Accounts {
		switch {
		case !accounts[strings.ToLower(a.Handle)]:
		case a.Exists(w.File.Start):
			live++
			if !slices.Contains(truth.Offending, a.ID) && !slices.Contains(truth.Undecided, a.ID) {
				t.Errorf("account %s is named for no reason", a.Handle)
			}
		case slices.Contains(truth.Gone, a.ID):
			gone++
		}
	}
	if live != c.Offending+c.Undetermined || gone != c.Gone {
		t.Errorf("%d live, %d gone", live, gone)
	}
}

// checkTimes holds who posts listed media when, and that ids follow time.
func checkTimes(t *testing.T, w *World) {
	t.Helper()
	truth := w.Truth()
	from, until := w.File.Operation.Period.Span(w.File.Start.Location())
	accounts := map[string]Account{}
	ids := map[string]bool{}
	for i, a := range w.Accounts {
		if i > 0 && (compareIDs(w.Accounts[i-1].ID, a.ID) >= 0 || w.Accounts[i-1].CreatedAt.After(a.CreatedAt)) {
			t.Errorf("account %s is out of order", a.ID)
		}
		accounts[a.ID], ids[a.ID] = a, true
		for _, l := range a.Logins {
			if l.At.Before(a.CreatedAt) {
				t.Errorf("account %s was used before it existed", a.ID)
			}
		}
	}
	posted := map[string]int{}
	for i, p := range w.Posts {
		if i > 0 && (compareIDs(w.Posts[i-1].ID, p.ID) >= 0 || w.Posts[i-1].CreatedAt.After(p.CreatedAt)) {
			t.Errorf("post %s is out of order", p.ID)
		}
		if ids[p.ID] {
			t.Errorf("id %s twice", p.ID)
		}
		ids[p.ID] = true
		a := accounts[p.AccountID]
		if !a.Exists(p.CreatedAt) || !p.CreatedAt.Before(w.File.Start) {
			t.Errorf("post %s at %s is outside the life of its account %v to %v", p.ID, p.CreatedAt, a.CreatedAt, a.GoneAt)
		}
		hit := false
		for _, m := range p.Media {
			if _, ok := w.MediaType(m); !ok || ids[m] {
				t.Errorf("media %s is unknown or used twice", m)
			}
			ids[m] = true
			hit = hit || slices.Contains(truth.Listed, m)
		}
		if !hit {
			continue
		}
		posted[a.ID]++
		during := !p.CreatedAt.Before(from) && p.CreatedAt.Before(until)
		if during != slices.Contains(truth.Scanned, a.ID) || !during != slices.Contains(truth.Offending, a.ID) {
			t.Errorf("listed media by %s at %s", a.Handle, p.CreatedAt)
		}
	}
	for _, id := range truth.Scanned {
		a := accounts[id]
		if posted[id] == 0 || !(strings.Contains(a.Bio, "India") || strings.Contains(a.Bio, " IN ") || strings.Contains(a.Bio, "70000")) {
			t.Errorf("scanned account %s: %d listed, %q", id, posted[id], a.Bio)
		}
	}
	for _, id := range truth.Offending {
		if posted[id] < 2 {
			t.Errorf("offending account %s has %d listed posts", id, posted[id])
		}
	}
	for _, r := range truth.Reused {
		a, b := accounts[r.OldID], accounts[r.NewID]
		if !strings.EqualFold(a.Handle, b.Handle) || a.GoneAt.IsZero() || !b.CreatedAt.After(a.GoneAt) || !slices.Contains(truth.Scanned, a.ID) || !slices.Contains(truth.Undecided, b.ID) {
			t.Errorf("reuse %+v: %+v %+v", r, a, b)
		}
	}
}

func TestDeterminism(t *testing.T) {
	first := generate(t, Default(), Options{})
	second, err := Generate(Default(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var texts [2][]byte
	for i, w := range []*World{first, second} {
		b, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = append(b, w.Complaint()...)
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Error("one file gave two worlds")
	}
	truth := first.Truth()
	for _, id := range append(truth.LookAlike[:3], truth.Listed[:12]...) {
		_, x, err := first.Media(id)
		_, y, _ := second.Media(id)
		if err != nil || !bytes.Equal(x, y) {
			t.Errorf("media %s differs: %v", id, err)
		}
	}
	other := Default()
	other.Seed++
	if w := generate(t, other, Options{}); w.Accounts[0].Handle == first.Accounts[0].Handle && w.List[0] == first.List[0] {
		t.Error("another seed gave the same world")
	}
}

// TestInventions holds that nothing invented can be somebody's.
func TestInventions(t *testing.T) {
	w := generate(t, Default(), Options{})
	reserved := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	phones := map[string]bool{}
	for _, a := range w.Accounts {
		if a.Phone != "" {
			phones[a.Phone] = true
		}
		if !strings.HasSuffix(a.Email, ".example") && !strings.HasSuffix(a.Email, "@example.com") && !strings.HasSuffix(a.Email, "@example.net") {
			t.Errorf("e-mail %s", a.Email)
		}
		for _, l := range a.Logins {
			at, err := netip.ParseAddr(l.IP)
			if err != nil || !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(at) }) || l.Port < 1 || l.Port > 65535 {
				t.Errorf("login from %s port %d", l.IP, l.Port)
			}
		}
	}
	for p := range phones {
		n, err := phonenumbers.Parse(p, "")
		if err != nil || !phonenumbers.IsValidNumber(n) || phonenumbers.Format(n, phonenumbers.E164) != p {
			t.Errorf("phone %s: %v", p, err)
		}
	}
	// A vector of BIP 173: version 0 and a program of 20 bytes.
	const vector = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
	var data []byte
	for _, c := range vector[3 : len(vector)-6] {
		data = append(data, byte(strings.IndexRune("qpzry9x8gf2tvdw0s3jn54khce6mua7l", c)))
	}
	if got := bech32("bc", data); got != vector {
		t.Errorf("bech32: %s", got)
	}
}

func TestGivenPictures(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"b.jpg": "bridge", "a.JPG": "arch", "notes.txt": "no"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plain, w := generate(t, Default(), Options{}), generate(t, Default(), Options{PicturesDir: dir})
	ids := w.Truth().Pictures
	if len(ids) != 2 || len(w.Accounts) != len(plain.Accounts)+2 || len(w.Reports) != len(plain.Reports) {
		t.Fatalf("%d pictures, %d accounts", len(ids), len(w.Accounts)-len(plain.Accounts))
	}
	for i, want := range []string{"arch", "bridge"} {
		if kind, b, err := w.Media(ids[i]); string(b) != want || kind != "image/jpeg" || err != nil {
			t.Errorf("picture %d: %q %v", i, b, err)
		}
	}
	if _, _, err := w.Media("1"); !errors.Is(err, fault.NotFound) {
		t.Errorf("unknown media: %v", err)
	}
	huge, err := os.Create(filepath.Join(dir, "huge.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(huge.Truncate(maxPictureBytes+1), huge.Close()); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, filepath.Join(dir, "none")} {
		if _, err := Generate(Default(), Options{PicturesDir: d}); err == nil {
			t.Errorf("%s was taken", d)
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		if _, err := Generate(Default(), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
