package console

import (
	"slices"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/identity"
)

type directoryView struct {
	show        show
	profile     directory.Profile
	desks       []directory.Desk
	fingerprint string
	officers    []identity.Person
	others      []identity.Person
	peers       []directory.Peer
}

func (o *console) directory(r *request) (string, templ.Component, error) {
	v := directoryView{show: r.show, profile: o.Self.Profile(), desks: o.Self.Desks, fingerprint: directory.Fingerprint(o.Self.RootPublic())}
	people, err := o.People.All(r.ctx, r.q)
	if err != nil {
		return "", nil, err
	}
	v.officers = slices.DeleteFunc(slices.Clone(people), func(p identity.Person) bool { return !p.Officer() })
	v.others = slices.DeleteFunc(people, identity.Person.Officer)
	if v.peers, err = o.Book.Peers(r.ctx, r.q); err != nil {
		return "", nil, err
	}
	return "Directory", directoryPage(v), nil
}

// list writes words with commas.
func list[S ~string](all []S) string {
	out := ""
	for i, w := range all {
		if i > 0 {
			out += ", "
		}
		out += string(w)
	}
	return out
}

func instruments(all []string) []string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = instrument(s)
	}
	return out
}
