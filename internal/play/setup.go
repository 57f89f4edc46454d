package play

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/story"
	"raksha.example/raksha/internal/triage"
)

// hands is how many things are done at once.
const hands = 6

// accepted says which instruments a node takes from another. Each pair stands here in both directions, since an acknowledgement is
// verified by the sender's directory.
var accepted = map[string]map[string][]string{
	"commission": {
		"unit":     {courier.Response, courier.ActionTakenReport, courier.OutcomeReport, courier.ReferralAnswer},
		"platform": {courier.Response},
	},
	"unit": {
		"commission":    {courier.Summons, courier.Referral},
		"platform":      {courier.Response},
		"holder":        {courier.Response},
		"bureau":        {courier.Referral},
		"clearinghouse": {courier.ListShare},
	},
	"platform": {
		"commission": {courier.Notice, courier.Summons},
		"unit":       {courier.PreservationRequest, courier.TakedownOrder, courier.InformationRequest},
	},
	"clearinghouse": {
		"bureau": {courier.OutcomeReport, courier.ReferralAnswer},
		"unit":   {},
	},
	"bureau": {
		"clearinghouse": {courier.Referral},
		"unit":          {courier.OutcomeReport, courier.ReferralAnswer},
	},
	"holder": {
		"unit": {courier.PreservationRequest, courier.InformationRequest},
	},
}

// each runs fn for every element, a few at a time.
func each[T any](ctx context.Context, all []T, fn func(context.Context, T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(hands)
	for _, v := range all {
		g.Go(func() error { return fn(ctx, v) })
	}
	return g.Wait()
}

// setUp makes six empty nodes six agencies that know each other.
func (d *Demo) setUp(ctx context.Context) error {
	if err := each(ctx, nodeNames, d.setUpNode); err != nil {
		return err
	}
	if err := d.enrol(ctx, false); err != nil {
		return err
	}
	if err := d.pin(ctx, "first"); err != nil {
		return err
	}
	if err := d.connect(ctx); err != nil {
		return err
	}
	entries, err := d.list(ctx)
	if err != nil {
		return err
	}
	d.say("set-up", "%d agencies know each other; a list of %d hashes is shared with the unit", len(nodeNames), entries)
	return nil
}

// nodeInfo is what a node says of itself to anybody.
type nodeInfo struct {
	Agency      string `json:"agency"`
	Fingerprint string `json:"fingerprint"`
	SetUp       bool   `json:"set_up"`
}

func (d *Demo) info(ctx context.Context, n *node) (v nodeInfo, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.base+"/api/v1/node", nil)
	if err != nil {
		return v, err
	}
	b, err := send(d.client, req)
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(b, &v)
}

// setUpNode uses the code that a new node left for its owner.
func (d *Demo) setUpNode(ctx context.Context, name string) error {
	n := d.nodes[name]
	v, err := d.info(ctx, n)
	if err != nil {
		return err
	}
	if !v.SetUp {
		code, err := os.ReadFile(filepath.Join(n.dir, "setup-code"))
		if err != nil {
			return fault.Wrap(err, fault.NotFound, "the set-up code of %s cannot be read: %v", name, err)
		}
		first := d.first(name)
		body, err := json.Marshal(map[string]string{"code": strings.TrimSpace(string(code)), "agency": name, "name": agencies[name].name, "url": n.base,
			"jurisdiction": d.kept.Story.Jurisdiction, "station": agencies[name].station, "phone": agencies[name].phone,
			"username": first.username, "password": first.password, "person_name": first.name})
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.base+"/api/v1/setup", strings.NewReader(string(body)))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		if _, err := send(d.client, req); err != nil {
			return fmt.Errorf("set up %s: %w", name, err)
		}
		if v, err = d.info(ctx, n); err != nil {
			return err
		}
	}
	n.fingerprint = v.Fingerprint
	return nil
}

// first gives the person who sets a node up and administers it.
func (d *Demo) first(node string) *officer {
	for _, p := range cast(d.kept.Story) {
		if p.node == node {
			return d.people[p.id()]
		}
	}
	return nil // every node has people
}

// enrol enters the people of every node: those of the first day, or those who join for the complaint.
func (d *Demo) enrol(ctx context.Context, later bool) error {
	return each(ctx, nodeNames, func(ctx context.Context, name string) error {
		admin := d.first(name)
		for _, p := range cast(d.kept.Story) {
			if p.node != name || p.later != later || p.username == admin.username {
				continue
			}
			if p.service {
				if err := d.credential(ctx, admin, p); err != nil {
					return err
				}
				continue
			}
			if _, err := post[nothing](ctx, admin, "person/"+p.username, "/api/v1/people", map[string]any{"username": p.username, "name": p.name,
				"password": d.people[p.id()].password, "roles": p.roles, "rank": p.rank, "authorisation_ref": p.reference}); err != nil {
				return err
			}
		}
		return nil
	})
}

// credential makes a service's credential. Its secret is no stored answer, so a repeated call finds that it is there.
func (d *Demo) credential(ctx context.Context, admin *officer, p part) error {
	_, err := post[nothing](ctx, admin, "", "/api/v1/credentials", map[string]any{"kind": identity.ReporterService, "name": p.username, "secret": d.people[p.id()].password})
	if refusedWith(err, http.StatusConflict) {
		return nil
	}
	return err
}

// pin makes the nodes take each other's newest directory entry, under the fingerprints that their people compared.
func (d *Demo) pin(ctx context.Context, occasion string) error {
	return each(ctx, nodeNames, func(ctx context.Context, name string) error {
		for peer, instruments := range accepted[name] {
			if _, err := post[nothing](ctx, d.first(name), "pin/"+occasion+"/"+peer, "/api/v1/peers",
				map[string]any{"url": d.nodes[peer].base, "fingerprint": d.nodes[peer].fingerprint, "instruments": instruments}); err != nil {
				return err
			}
		}
		return nil
	})
}

// connect tells the nodes where the platform is: unit and clearinghouse see what everybody sees, the platform acts on its own
// server, the holder reads its own export. The bureau learns who is responsible for which hint.
func (d *Demo) connect(ctx context.Context) error {
	server := fmt.Sprintf("http://127.0.0.1:%d", d.kept.Ports[sandboxName])
	for _, c := range []struct{ node, host, kind, base, token string }{
		{"unit", story.Host, "mastodon", server, ""},
		{"clearinghouse", story.Host, "mastodon", server, ""},
		{"platform", story.Host, "mastodon", server, d.kept.AdminToken},
		{"holder", "holder.example", "holdings", d.holdingsPath(), ""},
	} {
		if _, err := post[nothing](ctx, d.first(c.node), "platform/"+c.host, "/api/v1/platforms",
			map[string]string{"host": c.host, "name": c.host, "kind": c.kind, "base_url": c.base, "token": c.token}); err != nil {
			return err
		}
	}
	for _, r := range [][2]string{{"phone", "+91"}, {"ip", "192.0.2.0/24"}, {"ip", "198.51.100.0/24"}, {"ip", "203.0.113.0/24"}, {"ip", "2001:db8::/32"}, {"country", "IN"}} {
		if _, err := post[nothing](ctx, d.first("bureau"), "route/"+r[0]+"/"+r[1], "/api/v1/routes", map[string]string{"kind": r[0], "pattern": r[1], "agency": "unit"}); err != nil {
			return err
		}
	}
	// The clearinghouse works around the clock: it keeps the usual minutes and breaks, but has no hours.
	limits := triage.UsualLimits
	limits.Starts, limits.Ends = 0, 0
	_, err := post[nothing](ctx, d.first("clearinghouse"), "limits", "/api/v1/exposure/limits", limits)
	return err
}

// list fills the clearinghouse's list and shares it with the unit.
func (d *Demo) list(ctx context.Context) (int, error) {
	admin := d.first("clearinghouse")
	made, err := post[struct {
		ID int64 `json:"id"`
	}](ctx, admin, "list", "/api/v1/lists", map[string]string{"name": "Clearinghouse list"})
	if err != nil {
		return 0, err
	}
	var entries []lists.Entry
	for _, e := range d.world.List {
		entries = append(entries, lists.Entry{Kind: e.Kind, Value: e.Value, Label: e.Label})
	}
	if d.kept.List {
		b, err := os.ReadFile(filepath.Join(d.cfg.Dir, listName))
		if err != nil {
			return 0, err
		}
		given, err := lists.ParseEntries(string(b))
		if err != nil {
			return 0, err
		}
		entries = append(entries, given...)
	}
	path := fmt.Sprintf("/api/v1/lists/%d", made.ID)
	if _, err := post[nothing](ctx, admin, "list/entries", path+"/entries", map[string]any{"entries": entries}); err != nil {
		return 0, err
	}
	shared, err := post[courier.Filed](ctx, admin, "list/share", path+"/share", map[string]string{"audience": "unit"})
	if err != nil {
		return 0, err
	}
	_, err = d.delivered(ctx, admin, shared.ID)
	return len(entries), err
}
