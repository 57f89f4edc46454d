package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

type readsFilter struct {
	Credentials
	CaseID   int64 `query:"case_id"`
	PersonID int64 `query:"person_id"`
	Before   int64 `query:"before" doc:"the smallest id of the page before"`
	Limit    int   `query:"limit" default:"100" minimum:"1" maximum:"500"`
}

func (f readsFilter) filter() identity.ReadFilter {
	return identity.ReadFilter{CaseID: f.CaseID, PersonID: f.PersonID, Before: f.Before, Limit: f.Limit}
}

// registerMembers has who may see which case, and who saw what.
func (a *api) registerMembers() {
	q := a.DB.Reader()
	read(a, "/cases/{id}/members", "Who is what to a case", func(ctx context.Context, in *byID) ([]identity.Member, error) { return a.People.Members(ctx, q, in.ID) })
	type memberBody struct {
		Username string            `json:"username"`
		Relation identity.Relation `json:"relation" enum:"reader,writer,lead,counsel"`
	}
	write(a, "/cases/{id}/members", "Give a person a relation to a case", nil, func(ctx context.Context, tx *store.Tx, in *withID[memberBody], _ nothing) (identity.Member, error) {
		by, _ := identity.Acting(ctx)
		return a.People.Grant(ctx, tx, by, in.ID, in.Body.Username, in.Body.Relation)
	})
	type memberPath struct {
		Credentials
		ID     int64 `path:"id"`
		Person int64 `path:"person"`
	}
	write(a, "/cases/{id}/members/{person}/end", "End a person's relation to a case", nil, func(ctx context.Context, tx *store.Tx, in *memberPath, _ nothing) (nothing, error) {
		by, _ := identity.Acting(ctx)
		return nothing{}, a.People.Withdraw(ctx, tx, by, in.ID, in.Person)
	})
	type releaseBody struct {
		Kind identity.Kind `json:"kind" enum:"document,cluster"`
		ID   int64         `json:"id"`
	}
	write(a, "/cases/{id}/releases", "Let counsel see a document or a cluster of a case", nil, func(ctx context.Context, tx *store.Tx, in *withID[releaseBody], _ nothing) (nothing, error) {
		by, _ := identity.Acting(ctx)
		return nothing{}, a.People.Release(ctx, tx, by, in.ID, in.Body.Kind, in.Body.ID)
	})
	read(a, "/access", "Who read what for which purpose: one's own reads, those of cases that one leads, to auditors all", func(ctx context.Context, in *readsFilter) ([]identity.ReadLine, error) {
		p, _ := identity.Acting(ctx)
		lines, err := a.People.Reads(ctx, q, p, in.filter())
		if lines == nil {
			lines = []identity.ReadLine{}
		}
		return lines, err
	})
	type export struct {
		CSV string `json:"csv"`
	}
	read(a, "/access/export", "The same as a table to keep; the export itself goes on record", func(ctx context.Context, in *readsFilter) (export, error) {
		p, _ := identity.Acting(ctx)
		lines, err := a.People.Reads(ctx, q, p, in.filter())
		if err != nil {
			return export{}, err
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Write([]string{"id", "read_at", "username", "object", "object_id", "case_id", "purpose"})
		for _, l := range lines {
			w.Write([]string{fmt.Sprint(l.ID), store.Time(l.ReadAt).Format("2006-01-02T15:04:05.000000Z"), l.Username, l.Object, strconv.FormatInt(l.ObjectID, 10), strconv.FormatInt(l.CaseID, 10), inert(l.Purpose)})
		}
		w.Flush()
		return export{b.String()}, a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return a.Log.Note(ctx, tx, "access.exported", record.Fields{"person": p.ID, "lines": len(lines), "case": in.CaseID}, nil)
		})
	})
}

// inert keeps a spreadsheet from taking what a person wrote for a formula.
func inert(s string) string {
	if strings.HasPrefix(s, "=") || strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") || strings.HasPrefix(s, "@") {
		return "'" + s
	}
	return s
}

// registerServices has the credentials of programs.
func (a *api) registerServices() {
	read(a, "/credentials", "The credentials of services", func(ctx context.Context, _ *empty) ([]identity.Service, error) {
		all, err := a.People.Services(ctx, a.DB.Reader())
		if all == nil {
			all = []identity.Service{}
		}
		return all, err
	})
	act(a, "/credentials", "Make a credential; its secret is shown once", func(ctx context.Context, in *with[identity.NewService]) (made identity.MadeService, err error) {
		return made, a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			made, err = a.People.AddService(ctx, tx, in.Body, acting(ctx))
			return err
		})
	})
	type byName struct {
		Credentials
		Name string `path:"name"`
	}
	write(a, "/credentials/{name}/revocation", "Revoke a credential", nil, func(ctx context.Context, tx *store.Tx, in *byName, _ nothing) (identity.Service, error) {
		return a.People.RevokeService(ctx, tx, in.Name)
	})
}
