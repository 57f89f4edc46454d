package api_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store/storetest"
)

type screenAnswer struct {
	Results []struct {
		Reference string
		Decision  string
		Error     string
		Hits      []struct {
			List     string
			Exact    bool
			Distance *int
		}
	}
	Sequence int64
}

func TestScreenUploads(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, fresh func() string) {
		n := matchNode(t, fresh(), nil)
		near := "aaeb5754aaabd554aaab5555aaaa5555aaaa56aaad295b4904ccf98e070ef803" // of the picture waves
		for _, request := range []string{`POST /c/banks {"name":"BANK_A"}`, `POST /c/bank/BANK_A/signal {"pdq":"` + near + `"}`, `POST /c/bank/BANK_A/signals {"entries":[{"kind":"md5","value":"0123456789abcdef0123456789abcdef","label":"A1"}]}`} {
			if got := exchange(t, n.URL, request); !strings.HasPrefix(got, "20") {
				t.Fatal(got)
			}
		}
		ask := func(request string) (status string, a screenAnswer) {
			t.Helper()
			status, body, _ := strings.Cut(exchange(t, n.URL, request), " ")
			if status[0] == '2' {
				if err := json.Unmarshal([]byte(body), &a); err != nil {
					t.Fatal(err)
				}
			}
			return status, a
		}
		_, a := ask(`POST /api/v1/screen @waves=photo;reference=up-1`)
		if len(a.Results) != 1 || a.Results[0].Decision != "hold" || a.Results[0].Reference != "up-1" || len(a.Results[0].Hits) != 1 || *a.Results[0].Hits[0].Distance != 0 {
			t.Errorf("a picture that looks like one on a list: %+v", a)
		}
		_, a = ask(`POST /api/v1/screen @board=photo`)
		if len(a.Results) != 1 || a.Results[0].Decision != "allow" {
			t.Errorf("another picture: %+v", a)
		}
		call(n.URL, http.MethodPost, "/c/bank/BANK_A/signals", map[string]any{"entries": []map[string]string{{"kind": "sha1", "value": fmt.Sprintf("%x", sha1.Sum(pictureOf("board")))}}}, nil)
		_, a = ask(`POST /api/v1/screen @board=photo`)
		if len(a.Results) != 1 || a.Results[0].Decision != "block" || !a.Results[0].Hits[0].Exact {
			t.Errorf("the same file by its SHA-1: %+v", a)
		}
		_, a = ask(`POST /api/v1/screen @garbage=photo`)
		if len(a.Results) != 1 || a.Results[0].Decision != "hold" || a.Results[0].Error == "" {
			t.Errorf("what cannot be decoded: %+v", a)
		}
		_, a = ask(`POST /api/v1/screen {"items":[{"reference":"1","hashes":[{"kind":"md5","value":"0123456789ABCDEF0123456789abcdef"}]},{"reference":"2","hashes":[{"kind":"pdq","value":"` + near + `"}]},
			{"reference":"3","hashes":[{"kind":"sha256","value":"00"}]},{"reference":"4","hashes":[{"kind":"sha1","value":"` + strings.Repeat("0", 40) + `"}]},{"reference":"5","hashes":[]}]}`)
		var got []string
		for _, r := range a.Results {
			got = append(got, r.Reference+" "+r.Decision+" "+r.Error)
		}
		want := "1 block \n2 hold \n3  hash 1: a sha256 is 64 hexadecimal digits\n4 allow \n5  an upload needs at least one hash"
		if strings.Join(got, "\n") != want || a.Sequence == 0 {
			t.Errorf("a batch:\n%s\n%d", strings.Join(got, "\n"), a.Sequence)
		}
		for _, request := range []string{`{"items":[]}`, `[]`, `{"items":[{"hashes":[{"kind":"md5","value":"0123456789abcdef0123456789abcdef"}]}],"callback":"http://8.8.8.8/"}`} {
			if status, _ := ask("POST /api/v1/screen " + request); status != "400" {
				t.Errorf("%s: %s", request, status)
			}
		}
	})
}

// TestCallbackIsSigned takes a callback as a platform would: it fails at first, and checks the signature by the standard.
func TestCallbackIsSigned(t *testing.T) {
	n := matchNode(t, "", nil)
	key := n.Rooms.Self.AgencyKey.Public().(ed25519.PublicKey)
	taken := make(chan string, 10)
	var tries atomic.Int32
	var address string
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if tries.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		sum := sha256.Sum256(b)
		digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
		params, found := strings.CutPrefix(r.Header.Get("Signature-Input"), "raksha=")
		base := fmt.Sprintf("\"@method\": %s\n\"@target-uri\": %s\n\"content-digest\": %s\n\"raksha-delivery\": %s\n\"@signature-params\": %s", r.Method, address, digest, r.Header.Get(lists.DeliveryHeader), params)
		signature, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Signature"), "raksha=:"), ":"))
		if !found || err != nil || r.Header.Get("Content-Digest") != digest || !ed25519.Verify(key, []byte(base), signature) {
			taken <- "the signature does not hold"
			return
		}
		taken <- string(bytes.TrimSpace(b))
	}))
	defer platform.Close()
	address = platform.URL + "/screened?x=1"
	got := exchange(t, n.URL, `POST /api/v1/screen {"items":[{"reference":"r","hashes":[{"kind":"md5","value":"0123456789abcdef0123456789abcdef"}]}],"callback":"`+address+`"}`)
	status, body, _ := strings.Cut(got, " ")
	if status != "202" {
		t.Fatal(got)
	}
	select {
	case b := <-taken:
		if b != body {
			t.Errorf("the callback says\n%s\nand the answer was\n%s", b, body)
		}
	case <-time.After(time.Minute):
		t.Fatal("no callback")
	}
	if tries.Load() < 2 {
		t.Error("it was not tried again")
	}
}
