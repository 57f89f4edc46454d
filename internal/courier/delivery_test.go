package courier_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// badRoad stands between two nodes: of the deliveries that come by, it loses some before and some after their receipt,
// delivers some twice, alters some answers, and lets later ones overtake.
type badRoad struct {
	to string

	mu     sync.Mutex
	passed int
	held   [][]byte // deliveries that arrive a second time, later
	did    map[string]int
}

var mishaps = []string{"lose", "twice", "overtake", "pass", "lose answer", "twice", "pass", "alter answer", "pass", "pass"}

func (r *badRoad) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	what := mishaps[r.passed%len(mishaps)]
	r.passed++
	r.did[what]++
	var late []byte
	if what == "overtake" {
		r.held = append(r.held, body)
	} else if len(r.held) > 0 {
		late, r.held = r.held[0], r.held[1:]
	}
	r.mu.Unlock()
	pass := func(b []byte) (int, []byte) {
		next, err := http.Post(r.to+req.URL.Path, "application/jose+json", bytes.NewReader(b))
		if err != nil {
			return http.StatusBadGateway, nil
		}
		defer next.Body.Close()
		answer, _ := io.ReadAll(next.Body)
		return next.StatusCode, answer
	}
	if what == "lose" || what == "overtake" {
		panic(http.ErrAbortHandler)
	}
	status, answer := pass(body)
	if late != nil {
		pass(late)
	}
	switch what {
	case "lose answer":
		panic(http.ErrAbortHandler)
	case "twice":
		status, answer = pass(body)
	case "alter answer":
		answer = bytes.Replace(answer, []byte(`"signature":"`), []byte(`"signature":"A`), 1)
	}
	w.WriteHeader(status)
	w.Write(answer)
}

// Over a road that loses, repeats, alters and reorders, every document arrives, each is received once, and the sender is
// told once.
func TestDeliveryOverABadRoad(t *testing.T) {
	storetest.Each(t, func(t *testing.T, first *store.DB) {
		storetest.Each(t, func(t *testing.T, second *store.DB) {
			if first.Engine() != second.Engine() {
				return // each engine with itself
			}
			clock := &movable{at: noon}
			unit, chirp := newNode(t, first, clock, "unit"), newNode(t, second, clock, "chirp")
			road := &badRoad{to: chirp.server.URL, did: map[string]int{}}
			proxy := httptest.NewServer(road)
			t.Cleanup(proxy.Close)
			officer := unit.officer("signer", "DIG")
			know(t, unit, chirp, proxy.URL)
			know(t, chirp, unit, unit.server.URL, courier.Notice)
			const letters = 6
			var numbers []string
			for i := range letters {
				unit.write(func(ctx context.Context, tx *store.Tx) error {
					f, err := unit.office.File(ctx, tx, courier.Draft{Instrument: courier.Notice, Audience: "chirp", Subject: fmt.Sprint("Notice ", i), Body: map[string]string{"text": "kite"}})
					if err != nil {
						return err
					}
					numbers = append(numbers, f.Number)
					_, err = unit.office.Seal(ctx, tx, f.ID, "Officer signer, DIG", 0, &officer)
					return err
				})
			}
			wait(t, "every acknowledgement", func() bool {
				sent, err := courier.List(t.Context(), first.Reader(), courier.Filter{Direction: courier.Out})
				return err == nil && !slices.ContainsFunc(sent, func(f courier.Filed) bool { return f.State != "acknowledged" })
			})
			got := chirp.noted(&chirp.received)
			slices.Sort(got)
			if !slices.Equal(got, numbers) {
				t.Errorf("received %q, sent %q", got, numbers)
			}
			if told := unit.noted(&unit.told); len(told) != letters {
				t.Errorf("the sender was told %q", told)
			}
			sent, _ := courier.List(t.Context(), first.Reader(), courier.Filter{Direction: courier.Out})
			for _, f := range sent {
				in, err := courier.ByJTI(t.Context(), second.Reader(), courier.In, "unit", f.JTI)
				if err != nil || in.JWS != f.JWS || in.Acknowledgment != f.Acknowledgment || f.ReceivedAt != in.ReceivedAt {
					t.Errorf("%s: the two sides do not hold the same document and acknowledgement (%v)", f.Number, err)
				}
			}
			road.mu.Lock()
			t.Logf("the road: %v", road.did)
			if len(road.did) != 6 {
				t.Errorf("not everything happened on the road: %v", road.did)
			}
			road.mu.Unlock()
			unit.verify()
			chirp.verify()
		})
	})
}

// know pins another node by its fingerprint.
func know(t *testing.T, n, other *node, address string, instruments ...string) {
	t.Helper()
	jws, err := other.book.Own(t.Context())
	if err == nil {
		err = n.pin(jws, address, directory.Fingerprint(other.self.RootPublic()), instruments...)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// wait waits until done says so. The limit is for a test that hangs, not a measure.
func wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}

// Beyond this machine nothing is sent by plain http, whoever wrote the address down.
func TestNoPlainDelivery(t *testing.T) {
	clock := &movable{at: noon}
	db := storetest.SQLite(t)
	n := newNode(t, db, clock, "unit")
	chirp := newNode(t, storetest.SQLite(t), clock, "chirp")
	jws, err := chirp.book.Own(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := n.pin(jws, "http://chirp.example", directory.Fingerprint(chirp.self.RootPublic())); code(err) != "invalid" {
		t.Errorf("pinned at a plain address: %v", err)
	}
	know(t, n, chirp, chirp.server.URL)
	if _, err := db.Raw().Exec("UPDATE peer SET url = 'http://192.0.2.7' WHERE agency = 'chirp'"); err != nil { // from before this rule
		t.Fatal(err)
	}
	officer := n.officer("signer", "DIG")
	var f courier.Filed
	n.write(func(ctx context.Context, tx *store.Tx) (err error) {
		if f, err = n.office.File(ctx, tx, courier.Draft{Instrument: courier.Notice, Audience: "chirp", Subject: "Notice", Body: map[string]string{"text": "kite"}}); err == nil {
			_, err = n.office.Seal(ctx, tx, f.ID, "", 0, &officer)
		}
		return err
	})
	wait(t, "the end of the delivery", func() bool {
		f, err = courier.ByID(t.Context(), db.Reader(), f.ID)
		return err == nil && f.State == "undeliverable"
	})
	if f.Refusal == "" {
		t.Error("it does not say why")
	}
}

// A document by a key that was published after the last look is received: the sender is asked for its newest entry first.
func TestRotationReachesTheReceiver(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clock := &movable{at: noon}
		unit, chirp := newNode(t, storetest.SQLite(t), clock, "unit"), newNode(t, db, clock, "chirp")
		know(t, chirp, unit, unit.server.URL, courier.Notice)
		pinned := directory.Fingerprint(unit.self.RootPublic())
		if err := unit.self.RotateAgency(); err != nil {
			t.Fatal(err)
		}
		if err := unit.self.RotateRoot(clock.Now()); err != nil {
			t.Fatal(err)
		}
		officer := unit.officer("signer", "DIG") // publishes
		d := courier.Document{Type: courier.Notice, Issuer: "unit", Audience: "chirp", ID: "rotated", IssuedAt: noon, Expires: noon.Add(time.Hour), Body: []byte(`{"number":"7","version":1,"subject":"","content":{"text":"kite"}}`)}
		b, err := courier.Seal(d, officer, courier.Key{KID: unit.self.AgencyKID, Private: unit.self.AgencyKey})
		if err != nil {
			t.Fatal(err)
		}
		if a := chirp.deliver(b, "unit"); a.Outcome != courier.Received {
			t.Errorf("%s %s", a.Code, a.Reason)
		}
		peers, err := chirp.book.Peers(t.Context(), db.Reader())
		if err != nil || len(peers) != 1 || peers[0].Fingerprint == pinned || peers[0].Fingerprint != directory.Fingerprint(unit.self.RootPublic()) {
			t.Errorf("the pin did not follow the root key: %+v, %v", peers, err)
		}
		chirp.verify()
	})
}
