package directory_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"testing"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// A directory travels as a file: known agencies are renewed, unknown ones named, and documents are judged by it offline.
func TestExportImportJudge(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clock := &movable{at: noon}
		unit, chirp := newHouse(t, storetest.SQLite(t), clock, "unit"), newHouse(t, db, clock, "chirp")
		mira, lost := unit.officer("mira", "DIG"), unit.officer("lost", "DIG")
		if err := chirp.knows(unit, courier.Notice); err != nil {
			t.Fatal(err)
		}
		early := letter(t, clock.Now(), "unit", "chirp", lost, unit.agencyKey())
		good := letter(t, clock.Now(), "unit", "chirp", mira, unit.agencyKey())
		acknowledge := func(document []byte, at time.Time) []byte {
			t.Helper()
			d, _, err := courier.Read(document)
			if err != nil {
				t.Fatal(err)
			}
			body, err := json.Marshal(courier.Answer{Document: d.ID, SHA256: sum(document), Outcome: courier.Received, ReceivedAt: store.Micros(at)})
			if err != nil {
				t.Fatal(err)
			}
			b, err := courier.Seal(courier.Document{Type: courier.Acknowledgement, Issuer: "chirp", Audience: "unit", ID: "ack", IssuedAt: at, Expires: at.Add(time.Hour), Body: body}, chirp.agencyKey())
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		receipt := acknowledge(early, noon.Add(time.Minute))
		clock.add(2 * time.Hour)
		unit.must(func(ctx context.Context, tx *store.Tx) error {
			return unit.book.Revoke(ctx, tx, directory.Revocation{KID: lost.KID, At: noon.Add(time.Hour), Reason: "a lost laptop"})
		})
		if err := chirp.knows(unit, courier.Notice); err != nil {
			t.Fatal(err)
		}
		x, err := chirp.book.Export(chirp.ctx, db.Reader())
		if err != nil {
			t.Fatal(err)
		}
		b, err := x.JSON()
		if err != nil {
			t.Fatal(err)
		}
		read, err := directory.ParseExport(b)
		if err != nil || len(read.Agencies) != 2 || len(read.Agencies[1].Entries) != 2 {
			t.Fatalf("%+v, %v", read, err)
		}
		for _, c := range []struct {
			name            string
			document, ack   []byte
			at              time.Time
			x               *directory.Export
			code            string
			expired, revoke bool
		}{
			{"a good letter", good, nil, clock.Now(), &read, "", false, false},
			{"altered", bytes.Replace(good, []byte(`"signature":"`), []byte(`"signature":"A`), 1), nil, clock.Now(), &read, courier.SignatureEncoding, false, false},
			{"after its time", good, nil, noon.AddDate(0, 2, 0), &read, courier.Expired, true, false},
			{"by a key that is revoked now", early, nil, clock.Now(), &read, courier.KeyRevoked, false, true},
			{"as of before the revocation", early, nil, noon.Add(time.Minute), &read, "", false, true},
			{"received before the revocation", early, receipt, clock.Now(), &read, "", false, true},
			{"received after it", early, acknowledge(early, noon.Add(90*time.Minute)), clock.Now(), &read, courier.KeyRevoked, false, true},
			{"without a directory", good, nil, clock.Now(), nil, "no_directory", false, false},
			{"no document", []byte("kite"), nil, clock.Now(), &read, courier.Malformed, false, false},
		} {
			j, err := directory.Judge(t.Context(), c.document, c.ack, c.x, c.at)
			if err != nil || j.Valid != (c.code == "") || j.Code != c.code || j.Expired != c.expired || (j.Code != "" && j.Reason == "") {
				t.Errorf("%s: %+v, %v; want code %q", c.name, j, err, c.code)
			}
			if c.revoke && (j.Officer == nil || !j.Officer.Revoked) {
				t.Errorf("%s: the revocation is not told: %+v", c.name, j.Officer)
			}
			if j.Valid && (j.Officer.Rank != "DIG" || j.Officer.Name == "" || j.Fingerprint != directory.Fingerprint(unit.self.RootPublic()) || j.Instrument != courier.Notice || j.Number != "UNIT/N/1") {
				t.Errorf("%s: %+v", c.name, j)
			}
		}
		if _, err := directory.Judge(t.Context(), good, receipt, &read, clock.Now()); fault.Code(err) != "other_document" {
			t.Errorf("an acknowledgement of another document: %v", err)
		}

		third := newHouse(t, storetest.SQLite(t), clock, "bureau")
		state := func(pin bool) map[string]string {
			t.Helper()
			done, err := third.book.Import(third.ctx, read, pin)
			if err != nil {
				t.Fatal(err)
			}
			out := map[string]string{}
			for _, i := range done {
				out[i.Agency] = i.State + i.Code
			}
			return out
		}
		if got := state(false); got["unit"] != "not_pinned" || got["chirp"] != "not_pinned" {
			t.Errorf("%v", got)
		}
		if got := state(true); got["unit"] != "taken" || got["chirp"] != "taken" {
			t.Errorf("%v", got)
		}
		if err := third.book.Accepts(third.ctx, "unit", courier.Notice); fault.Code(err) != "instrument_not_allowed" {
			t.Errorf("an import allowed an instrument: %v", err)
		}
		if got := state(true); got["unit"] != "known" {
			t.Errorf("%v", got)
		}
		read.Agencies[1].Entries = read.Agencies[1].Entries[:1] // yesterday's file
		if got := state(false); got["unit"] != "refusedolder_entry" {
			t.Errorf("an older file: %v", got)
		}
		third.verify()
		chirp.verify()
	})
}

func sum(b []byte) string {
	j, _ := directory.Judge(context.Background(), b, nil, nil, noon)
	return j.SHA256
}

func FuzzParseExport(f *testing.F) {
	e := directory.Entry{Agency: "unit", Name: "Unit", URL: "https://unit.example", Jurisdiction: "in", Version: 1, IssuedAt: noon, Expires: noon.Add(time.Hour),
		AgencyKeys: []directory.AgencyKey{{KID: "a", Key: ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey), NotBefore: noon}}}
	root := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	jws, err := directory.Sign(e, root)
	if err != nil {
		f.Fatal(err)
	}
	x := directory.Export{Format: "raksha-directory-1", Agency: "unit", ExportedAt: noon, Agencies: []directory.ExportedAgency{{Agency: "unit", URL: e.URL,
		Fingerprint: directory.Fingerprint(root.Public().(ed25519.PublicKey)), Entries: []string{string(jws)}}}}
	b, err := x.JSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":"raksha-directory-1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := directory.ParseExport(b)
		if err != nil {
			if fault.Of(err) != fault.Refused {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		a, err := x.Open(noon)
		if err != nil {
			if k := fault.Of(err); k != fault.Refused {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		for _, agency := range x.Agencies {
			if e, ok := a.Newest(agency.Agency); !ok || e.Root() != agency.Fingerprint {
				t.Fatalf("opened an agency whose entry is not signed by its fingerprint: %+v", agency)
			}
		}
	})
}
