package play

import (
	"fmt"

	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/story"
)

// part is one person of the story, or a service's credential. The people are invented.
type part struct {
	node, username, name string
	roles                []identity.Role
	rank, reference      string // of an officer who signs
	later                bool   // posted to the case when the complaint comes in
	console              bool   // whose sign-in the demonstration shows
	service              bool   // no person but a reporting service's credential, which signs in with each call
}

func (p part) id() string { return p.node + "/" + p.username }

// agencies are the organisations of the story.
var agencies = map[string]struct{ name, station, phone string }{
	"commission":    {"Capital Commission for Women", "", "+911100000001"},
	"unit":          {"Cyber Crime Unit, Capital Police", "CYBER-CAPITAL", "+911100000002"},
	"platform":      {"Chirp", "", "+911100000003"},
	"clearinghouse": {"Children's Clearinghouse", "", "+911100000004"},
	"bureau":        {"National Records Bureau", "", "+911100000005"},
	"holder":        {"Okpay, Zippay and Metropay; Capital Telecom", "", "+911100000006"},
}

// cast gives everybody who acts in a story. The first person of each node sets it up.
func cast(f story.File) []part {
	roles := func(r ...identity.Role) []identity.Role { return r }
	commissionRef := fmt.Sprintf("Commission's standing order %d/3", f.Start.Year())
	unitRef := fmt.Sprintf("Commissioner's authorisation CP/%d/118", f.Operation.Period.Year)
	people := []part{
		{node: "commission", username: "sudha", name: "Sudha Rangan", roles: roles(identity.Admin)},
		{node: "commission", username: "mallika", name: "Mallika Deshmukh", roles: roles(identity.Intake, identity.Investigator), console: true},
		{node: "commission", username: "ira", name: "Ira Banerji", roles: roles(identity.Authoriser), rank: "Chairperson", reference: commissionRef},
		{node: "commission", username: "preeti", name: "Preeti Wadhwa", roles: roles(identity.Intake), rank: "Member", later: true},

		{node: "unit", username: "bhaskar", name: "Bhaskar Teli", roles: roles(identity.Admin)},
		{node: "unit", username: "raghav", name: "Raghav Menon", roles: roles(identity.Intake, identity.Investigator), rank: "Inspector", console: true},
		{node: "unit", username: "kavya", name: "Kavya Nambiar", roles: roles(identity.Authoriser), rank: "DCP", reference: unitRef},
		{node: "unit", username: "harish", name: "Harish Sabharwal", roles: roles(identity.Authoriser), rank: "DIG", reference: unitRef},
		{node: "unit", username: "noor", name: "Noor Qureshi", roles: roles(identity.Reviewer), rank: "Sub-Inspector", later: true},
		{node: "unit", username: "devika", name: "Devika Anand", roles: roles(identity.Reviewer), later: true},

		{node: "platform", username: "tomas", name: "Tomas Kuriakose", roles: roles(identity.Admin)},
		{node: "platform", username: "lena", name: "Lena Fernandes", roles: roles(identity.Enforcer), console: true},
		{node: "platform", username: "vikram", name: "Vikram Sethi", roles: roles(identity.Authoriser, identity.Enforcer), rank: "Policy Head", reference: "IT Rules 2021 r.4(1)(b): nodal contact person"},
		{node: "platform", username: "ana", name: "Ana Pinto", roles: roles(identity.Intake, identity.Enforcer), rank: "Deputy Policy Head", later: true},

		{node: "clearinghouse", username: "ellen", name: "Ellen Marsh", roles: roles(identity.Admin)},
		{node: "clearinghouse", username: "owen", name: "Owen Clarke", roles: roles(identity.Intake, identity.Analyst), console: true},
		{node: "clearinghouse", username: "grace", name: "Grace Idowu", roles: roles(identity.Reviewer)},
		{node: "clearinghouse", username: "peter", name: "Peter Lind", roles: roles(identity.Reviewer)},
		{node: "clearinghouse", username: "ruth", name: "Ruth Salazar", roles: roles(identity.Authoriser), rank: "Director", reference: "Memorandum of understanding of 26 April 2019"},
		{node: "clearinghouse", username: "services", name: "Reporting services", service: true},
		{node: "clearinghouse", username: "jonas", name: "Jonas Weber", roles: roles(identity.Intake), rank: "Deputy Director", later: true},

		{node: "bureau", username: "lalit", name: "Lalit Oberoi", roles: roles(identity.Admin)},
		{node: "bureau", username: "shreya", name: "Shreya Pandit", roles: roles(identity.Intake), console: true},
		{node: "bureau", username: "manoj", name: "Manoj Thakur", roles: roles(identity.Authoriser), rank: "SP", reference: "Bureau's order NRB/CPU/7"},
		{node: "bureau", username: "rupa", name: "Rupa Saikia", roles: roles(identity.Intake), rank: "Inspector", later: true},

		{node: "holder", username: "cyrus", name: "Cyrus Mistry-Wadia", roles: roles(identity.Admin)},
		{node: "holder", username: "bela", name: "Bela Trivedi", roles: roles(identity.Enforcer), console: true},
		{node: "holder", username: "aloke", name: "Aloke Ghosh", roles: roles(identity.Authoriser), rank: "Nodal Officer", reference: "Board resolution 14 of the holder"},
		{node: "holder", username: "farida", name: "Farida Shaikh", roles: roles(identity.Enforcer), rank: "Deputy Nodal Officer", later: true},
	}
	for i := range f.Teams {
		people = append(people, part{node: "unit", username: analyst(i), name: analystNames[i%len(analystNames)], roles: roles(identity.Analyst), later: true})
	}
	return people
}

// analyst gives the username of a team's analyst.
func analyst(team int) string { return fmt.Sprintf("analyst%d", team+1) }

var analystNames = []string{"Jaya Krishnan", "Salim Ansari", "Tenzin Dorje", "Maya Chettri", "Omkar Gaikwad", "Ritu Bhandari", "Naveen Hegde", "Zoya Mirza"}

// arrested are the names, all invented, under which arrests are entered.
var (
	arrestedGiven  = []string{"Ganesh", "Rakesh", "Suresh", "Dinesh", "Prakash", "Mahesh", "Naresh", "Umesh", "Ramesh", "Lokesh", "Yogesh", "Hitesh"}
	arrestedFamily = []string{"Kandela", "Morwal", "Tanwari", "Bisola", "Charek", "Dhamani", "Gulati-Rao"}
)

func arrestedName(i int) string {
	return arrestedGiven[i%len(arrestedGiven)] + " " + arrestedFamily[(i/len(arrestedGiven)+i)%len(arrestedFamily)]
}

// who gives the officer of a node.
func (d *Demo) who(node, username string) *officer { return d.people[node+"/"+username] }
