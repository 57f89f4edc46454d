package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/record"
)

// office is a node that is started, stopped and started again at the same address.
type office struct {
	t           *testing.T
	name, dir   string
	address     string
	node        *app.Node
	token       string
	fingerprint string
}

func newOffice(t *testing.T, name string, desk directory.Desk) *office {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, name: name, dir: t.TempDir(), address: l.Addr().String()}
	l.Close()
	o.start(desk)
	o.call(http.MethodPost, "/setup", map[string]any{"code": o.node.SetupCode, "agency": name, "name": name, "url": o.node.URL, "jurisdiction": "in", "station": "", "phone": "",
		"username": "admin", "password": password, "person_name": "Ada"}, nil)
	o.signIn()
	var node struct{ Fingerprint string }
	o.call(http.MethodGet, "/node", nil, &node)
	o.fingerprint = node.Fingerprint
	return o
}

func (o *office) start(desk directory.Desk) {
	o.t.Helper()
	var err error
	if o.node, err = app.Start(context.Background(), app.Config{Dir: o.dir, Listen: o.address, Desks: []directory.Desk{desk}, Jurisdiction: "in", Clock: clock.System{},
		AllowLoopback: true, Executable: os.Args[0], Version: "test", Logger: slog.New(slog.DiscardHandler)}); err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(o.stop)
}

func (o *office) stop() {
	if o.node != nil {
		o.node.Close(context.Background())
		o.node = nil
	}
}

func (o *office) signIn() {
	o.t.Helper()
	var v struct{ Token string }
	o.token = ""
	o.call(http.MethodPost, "/session", map[string]any{"username": "admin", "password": password}, &v)
	o.token = v.Token
}

func (o *office) call(method, path string, body, out any) {
	o.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		o.t.Fatal(err)
	}
	req, err := http.NewRequest(method, o.node.URL+"/api/v1"+path, bytes.NewReader(b))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if o.token != "" {
		req.Header.Set("Authorization", "Bearer "+o.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer bytes.Buffer
	answer.ReadFrom(resp.Body)
	if resp.StatusCode != http.StatusOK {
		o.t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, &answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer.Bytes(), out); err != nil {
			o.t.Fatalf("%s %s: %v in %s", method, path, err, &answer)
		}
	}
}

// send gives another office a list of its own, and waits until it is acknowledged.
func (o *office) send(to *office, name string) {
	o.t.Helper()
	var list struct{ ID int64 }
	o.call(http.MethodPost, "/lists", map[string]any{"name": name}, &list)
	o.call(http.MethodPost, fmt.Sprintf("/lists/%d/entries", list.ID), map[string]any{"entries": []map[string]any{{"kind": "md5", "value": "9e107d9d372bb6826bd81d3542a419d6", "label": "A1"}}}, nil)
	var f courier.Filed
	o.call(http.MethodPost, fmt.Sprintf("/lists/%d/share", list.ID), map[string]any{"audience": to.name}, &f)
	o.until(func() bool {
		var v struct{ Document courier.Filed }
		o.call(http.MethodGet, fmt.Sprintf("/documents/%d", f.ID), nil, &v)
		return v.Document.State == "acknowledged"
	}, "the list was not acknowledged")
}

func (o *office) until(done func() bool, otherwise string) {
	o.t.Helper()
	for end := time.Now().Add(60 * time.Second); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			o.t.Fatal(otherwise)
		}
	}
}

type witnesses struct {
	Counterparts   []record.Counterpart
	Contradictions []record.Contradiction
}

// A node that is put back to yesterday's files and goes on is exposed by what its counterpart keeps of it.
func TestRollBack(t *testing.T) {
	clearing, unit := newOffice(t, "clearing", directory.Clearinghouse), newOffice(t, "unit", directory.Unit)
	for _, p := range [][2]*office{{clearing, unit}, {unit, clearing}} {
		p[0].call(http.MethodPost, "/peers", map[string]any{"url": p[1].node.URL, "fingerprint": p[1].fingerprint, "instruments": []string{courier.ListShare}}, nil)
	}
	clearing.send(unit, "kites")
	compared := func(size int64) func() bool {
		return func() bool {
			var w witnesses
			unit.call(http.MethodGet, "/record/witnesses", nil, &w)
			return len(w.Counterparts) == 1 && w.Counterparts[0].Size > size
		}
	}
	unit.until(compared(0), "the record of the counterpart was not compared")

	clearing.stop() // yesterday's files
	yesterday := t.TempDir()
	if err := os.CopyFS(yesterday, os.DirFS(clearing.dir)); err != nil {
		t.Fatal(err)
	}
	clearing.start(directory.Clearinghouse)
	clearing.signIn()
	var before struct{ Checkpoint string }
	clearing.call(http.MethodGet, "/record", nil, &before)
	c, err := record.ParseCheckpoint(before.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	clearing.send(unit, "rivers")
	unit.until(compared(c.Size), "the record of the counterpart was not compared again")
	var w witnesses
	unit.call(http.MethodGet, "/record/witnesses", nil, &w)
	if len(w.Contradictions) != 0 {
		t.Fatalf("an honest record contradicts itself: %+v", w)
	}

	clearing.stop() // the second list never was
	clearing.dir = yesterday
	clearing.start(directory.Clearinghouse)
	clearing.signIn()
	clearing.send(unit, "baskets")
	unit.until(func() bool {
		unit.call(http.MethodGet, "/record/witnesses", nil, &w)
		return len(w.Contradictions) > 0
	}, "the counterpart did not notice")
	if got := w.Contradictions[0]; got.Agency != "clearing" || !strings.Contains(got.Reason, "rolled back") && !strings.Contains(got.Reason, "two different records") {
		t.Errorf("%+v", got) // which of the two depends on where its new entries have got to
	}
	t.Log(w.Contradictions[0].Reason)
}
