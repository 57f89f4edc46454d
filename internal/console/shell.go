package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/identity"
)

// shell is what stands around every page.
type shell struct {
	title, node, agency string
	person              string // name and rank; empty: nobody is signed in
	script              bool   // the page speaks with a passkey
	nav                 []link
	clock               string // what the demonstration's clock shows; empty on a real one
	zone                string
	alerts              int64 // open ones that this person must know of
}

type link struct {
	href, label string
	here        bool
}

// menu lists the pages with the desks that need them; no desk: every node.
var menu = []struct {
	href, label string
	desks       []directory.Desk
	need        identity.Permission // without it the page is not offered
}{
	{"/", "Story", nil, ""},
	{"/complaints", "Complaints", []directory.Desk{directory.Hotline}, identity.ReadTips},
	{"/forms", "Public form", []directory.Desk{directory.Hotline, directory.Clearinghouse, directory.Bureau, directory.Unit}, identity.DecideTips},
	{"/tips", "Tips", []directory.Desk{directory.Hotline, directory.Clearinghouse, directory.Bureau, directory.Unit}, identity.ReadTips},
	{"/alerts", "Alerts", []directory.Desk{directory.Hotline, directory.Clearinghouse, directory.Bureau, directory.Unit}, identity.ReadTips},
	{"/priority", "Priority", []directory.Desk{directory.Hotline, directory.Clearinghouse, directory.Bureau, directory.Unit}, identity.ReadTips},
	{"/queues", "Queues", []directory.Desk{directory.Hotline, directory.Clearinghouse, directory.Bureau, directory.Unit}, identity.ReadTips},
	{"/work", "Work", []directory.Desk{directory.Hotline, directory.Clearinghouse, directory.Bureau, directory.Unit}, identity.DecideTips},
	{"/filings", "Filings", []directory.Desk{directory.Holder}, identity.ReadTips},
	{"/referrals", "Referrals", []directory.Desk{directory.Hotline, directory.Clearinghouse, directory.Bureau, directory.Unit}, identity.ReadTips},
	{"/lists", "Lists", nil, identity.ReadLists},
	{"/matches", "Matches", []directory.Desk{directory.Clearinghouse, directory.Unit}, identity.ReadMatches},
	{"/cases", "Cases", []directory.Desk{directory.Unit}, identity.ReadCases},
	{"/documents", "Documents", nil, identity.ReadDocuments},
	{"/operations", "Operations", []directory.Desk{directory.Unit}, ""},
	{"/statistics", "Statistics", []directory.Desk{directory.Unit}, identity.ReadStatistics},
	{"/law", "Law", nil, ""},
	{"/record", "Record", nil, identity.ReadRecord},
	{"/access", "Who read what", nil, ""},
	{"/directory", "Directory", nil, ""},
}

func (o *console) runs(desks ...directory.Desk) bool {
	return slices.ContainsFunc(desks, func(d directory.Desk) bool { return slices.Contains(o.Self.Desks, d) })
}

func (o *console) shell(r *http.Request, title string, person identity.Person) shell {
	p, show := o.Self.Profile(), o.show()
	s := shell{title: title, node: p.Name, agency: p.Agency, person: personLabel(person), zone: show.zoneName()}
	if s.node == "" {
		s.node = "Raksha"
	}
	if o.Simulated {
		s.clock = show.full(show.now)
	}
	if person.ID == 0 {
		s.node, s.agency = "Raksha", "" // who runs the node is told to those who belong to it
		return s
	}
	s.alerts = o.pressing(r.Context(), person)
	for _, m := range menu {
		if m.href == "/forms" && o.Form == nil {
			continue
		}
		if person.May(m.need) && (m.desks == nil || o.runs(m.desks...)) {
			here := r.URL.Path == m.href || m.href != "/" && strings.HasPrefix(r.URL.Path, m.href+"/")
			s.nav = append(s.nav, link{m.href, m.label, here})
		}
	}
	return s
}

func errorTitle(status int) string {
	switch status {
	case http.StatusNotFound:
		return "Not found"
	case http.StatusUnauthorized, http.StatusForbidden:
		return "Not allowed"
	case http.StatusInternalServerError:
		return "Something went wrong"
	default:
		return "This cannot be done"
	}
}

// sentence gives a fault's message the look of a sentence.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// count writes a number with its noun: "1 tip", "3 matches".
func count[N int | int64](n N, word string) string { return fmt.Sprintf("%d %s", n, noun(n, word)) }

// noun puts a noun into the number that n asks for.
func noun[N int | int64](n N, word string) string {
	switch {
	case n == 1:
		return word
	case strings.HasSuffix(word, "ch"):
		return word + "es"
	default:
		return word + "s"
	}
}

// personLabel names a person with the rank of an officer.
func personLabel(p identity.Person) string {
	if p.Rank == "" {
		return p.Name
	}
	return p.Name + ", " + p.Rank
}
