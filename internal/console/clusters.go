package console

import (
	"fmt"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/attribution"
	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/selector"
)

type clustersView struct {
	show      show
	c         casework.Case
	clusters  []attribution.Cluster
	selectors []attribution.Seen
	people    map[int64]string
	exhibits  map[string]int64 // document ids by number
	leads     int
}

func (o *console) clusters(r *request) (string, templ.Component, error) {
	id, err := r.id()
	if err != nil {
		return "", nil, err
	}
	v := clustersView{show: r.show, people: map[int64]string{}, exhibits: map[string]int64{}}
	if v.c, err = casework.ByID(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	if v.clusters, err = attribution.Clusters(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	for _, c := range v.clusters {
		if c.State == attribution.Lead {
			v.leads++
		}
	}
	if v.selectors, err = attribution.Selectors(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	people, err := o.People.All(r.ctx, r.q)
	if err != nil {
		return "", nil, err
	}
	for _, p := range people {
		v.people[p.ID] = p.Name
	}
	documents, err := courier.List(r.ctx, r.q, courier.Filter{CaseID: id})
	for _, f := range documents {
		v.exhibits[f.Number] = f.ID
	}
	return "Clusters of " + caseName(v.c), clustersPage(v), err
}

// handle names an account of a cluster as people do.
func handle(c attribution.Cluster, accountID int64) string {
	for i, id := range c.Accounts {
		if id == accountID && i < len(c.Handles) {
			return c.Handles[i]
		}
	}
	return fmt.Sprintf("account %d", accountID)
}

var clusterWords = map[string]string{
	attribution.Candidate: "waits for a person's judgement",
	attribution.Lead:      "lead",
	attribution.Rejected:  "rejected",
}

func clusterState(key string) string { return words(clusterWords, key) }

var verdictWords = map[string]string{
	attribution.Positive: "the accounts belong together",
	attribution.Negative: "the accounts do not belong together",
	attribution.Unsure:   "unsure",
}

func verdict(key string) string { return words(verdictWords, key) }

var selectorWords = map[string]string{
	string(selector.Email): "e-mail", string(selector.InviteLink): "invitation", string(selector.IPPortTime): "network address at a minute", string(selector.URL): "link",
}

func selectorKind(key string) string { return words(selectorWords, key) }
