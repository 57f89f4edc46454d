package identity

import (
	"context"
	"database/sql"
	"regexp"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Role is a name for a set of permissions. A person may have several.
type Role string

// The roles that every node has. An agency may define its own beside them.
const (
	Admin        Role = "admin"        // people, peers, platforms, routes, lists, credentials; no case
	Intake       Role = "intake"       // complaint files, tips, referral
	Reviewer     Role = "reviewer"     // decides perceptual matches
	Analyst      Role = "analyst"      // looks at posts
	Investigator Role = "investigator" // cases, drafting of documents, leads
	Authoriser   Role = "authoriser"   // authorises and signs documents
	Enforcer     Role = "enforcer"     // a holder's officer: acts on orders
	Counsel      Role = "counsel"      // reads what was released of the cases that name them
	Auditor      Role = "auditor"      // reads who read what
	Supervisor   Role = "supervisor"   // arranges queues, and decides tips on which two people disagree
)

// Permission is one thing that may be done. Which case it may be done to is another question: see Relation.
type Permission string

// The permissions.
const (
	ManagePeople      Permission = "people.manage"     // adds, changes, unlocks and disables people; defines roles
	ManageNode        Permission = "node.manage"       // peers, platforms, routes, service credentials
	ManageLists       Permission = "lists.manage"      // makes, fills and shares hash lists
	ReadLists         Permission = "lists.read"        // sees which lists there are
	LookUp            Permission = "lists.match"       // asks whether a hash or file is on a list, and on which
	ProbeLists        Permission = "lists.probe"       // is told distances and numbers too: with these, a list can be probed
	RunScans          Permission = "scans.run"         //
	ReadTips          Permission = "tips.read"         //
	DecideTips        Permission = "tips.decide"       // imports complaints, decides and refers tips, reports outcomes
	ManageQueues      Permission = "queues.manage"     // arranges queues, teams and limits of exposure; with tips.decide, settles disagreements
	AcceptReferrals   Permission = "referrals.accept"  //
	ReadMatches       Permission = "matches.read"      //
	DecideMatches     Permission = "matches.decide"    // and opens pictures, with a second person
	OpenCases         Permission = "cases.open"        // opens cases and operations
	ReadCases         Permission = "cases.read"        // those that name the person
	Investigate       Permission = "cases.investigate" // writes in cases that name the person as writer or lead
	AnalysePosts      Permission = "posts.analyse"     //
	ReadDocuments     Permission = "documents.read"    //
	DraftDocuments    Permission = "documents.draft"   //
	DraftOrders       Permission = "orders.draft"      // orders and requests in a registered case
	AuthoriseDocument Permission = "documents.authorise"
	ExecuteOrders     Permission = "orders.execute"
	EnterMeetings     Permission = "meetings.enter"
	ReadStatistics    Permission = "statistics.read"
	ReadRecord        Permission = "record.read"
	AuditAccess       Permission = "access.audit"    // reads every access record, not only those of one's own cases
	FileReports       Permission = "reports.file"    // of a service: CyberTipline-compatible filing
	ExchangeLists     Permission = "lists.exchange"  // of a service: gives and takes hash lists
	ReportOutcomes    Permission = "outcomes.report" // to whoever referred the tips
)

// builtIn is the table of roles. It is data: nothing else asks for a role by name.
var builtIn = map[Role][]Permission{
	Admin:        {ManagePeople, ManageNode, ManageQueues, ManageLists, ReadLists, LookUp, ProbeLists, RunScans, ReadDocuments, ReadStatistics, ReadRecord},
	Intake:       {ReadLists, LookUp, ProbeLists, RunScans, ReadTips, DecideTips, AcceptReferrals, ReportOutcomes, ReadMatches, ReadCases, ReadDocuments, DraftDocuments, EnterMeetings, ReadStatistics, ReadRecord},
	Reviewer:     {ReadLists, LookUp, ProbeLists, ReadTips, ReadMatches, DecideMatches, ReadCases, ReadDocuments, ReadRecord},
	Analyst:      {ReadLists, LookUp, ProbeLists, ReadTips, ReadMatches, ReadCases, AnalysePosts, ReadDocuments, ReadStatistics, ReadRecord},
	Investigator: {ReadLists, LookUp, ProbeLists, ReadTips, AcceptReferrals, ReadMatches, OpenCases, ReadCases, Investigate, AnalysePosts, ReadDocuments, DraftDocuments, DraftOrders, ReportOutcomes, EnterMeetings, ReadStatistics, ReadRecord},
	Authoriser:   {ReadTips, ReadCases, ReadDocuments, AuthoriseDocument, ReadStatistics, ReadRecord},
	Enforcer:     {ReadDocuments, DraftDocuments, ExecuteOrders, ReadStatistics, ReadRecord},
	Counsel:      {ReadCases, ReadDocuments},
	Auditor:      {ReadRecord, ReadStatistics, AuditAccess},
	Supervisor:   {ReadLists, ReadTips, DecideTips, ManageQueues, ReadMatches, ReadStatistics, ReadRecord},
}

// Permissions gives every permission there is, in alphabetical order.
func Permissions() []Permission {
	all := []Permission{FileReports, ExchangeLists}
	for _, of := range builtIn {
		for _, p := range of {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	slices.Sort(all)
	return all
}

// serviceOnly may stand in no role: a person does not file as a service.
var serviceOnly = []Permission{FileReports, ExchangeLists}

// RoleDefinition is a role with what it allows.
type RoleDefinition struct {
	Name        Role         `json:"name"`
	Permissions []Permission `json:"permissions"`
	Own         bool         `json:"own"` // defined by this agency
}

var roleName = regexp.MustCompile(`^[a-z][a-z0-9-]{1,39}$`)

// Roles gives every role of the node, the built-in ones first.
func (p *People) Roles(ctx context.Context, q store.Queryer) ([]RoleDefinition, error) {
	var out []RoleDefinition
	for name, of := range builtIn {
		out = append(out, RoleDefinition{Name: name, Permissions: of})
	}
	slices.SortFunc(out, func(a, b RoleDefinition) int { return strings.Compare(string(a.Name), string(b.Name)) })
	own, err := store.Collect(ctx, q, func(rows *sql.Rows) (RoleDefinition, error) {
		var d RoleDefinition
		var words string
		err := rows.Scan(&d.Name, &words)
		d.Permissions, d.Own = permissions(words), true
		return d, err
	}, "SELECT name, permissions FROM role ORDER BY name")
	return append(out, own...), err
}

// DefineRole enters a role of the agency, or changes one. It can combine permissions as the agency needs them, but cannot
// make those of a service a person's.
func (p *People) DefineRole(ctx context.Context, tx *store.Tx, d RoleDefinition) error {
	if !roleName.MatchString(string(d.Name)) {
		return fault.New(fault.Invalid, "a role's name has 2 to 40 small letters, digits and hyphens")
	}
	if _, taken := builtIn[d.Name]; taken {
		return fault.New(fault.Conflict, "the role %s is built in and stays as it is; choose another name", d.Name)
	}
	known := Permissions()
	for _, perm := range d.Permissions {
		if !slices.Contains(known, perm) || slices.Contains(serviceOnly, perm) {
			return fault.New(fault.Invalid, "there is no permission %q for people; the permissions are %v", perm, known)
		}
	}
	f := record.Fields{"permissions": join(d.Permissions)}
	var id int64
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM role WHERE name = $1", string(d.Name)).Scan(&id); err != nil {
		return err
	}
	if id != 0 {
		return p.log.Update(ctx, tx, "role", "role.changed", time.Time{}, id, f)
	}
	f["name"], f["created_at"] = string(d.Name), p.clock.Now()
	_, err := p.log.Insert(ctx, tx, "role", "role.defined", time.Time{}, f)
	return err
}

// checkRoles refuses roles that are not there.
func (p *People) checkRoles(ctx context.Context, q store.Queryer, asked []Role) error {
	all, err := p.Roles(ctx, q)
	if err != nil {
		return err
	}
	for _, r := range asked {
		if !slices.ContainsFunc(all, func(d RoleDefinition) bool { return d.Name == r }) {
			var names []Role
			for _, d := range all {
				names = append(names, d.Name)
			}
			return fault.New(fault.Invalid, "there is no role %q; the roles are %v", r, names)
		}
	}
	return nil
}

// SetRoles changes what a person may do, from the next request on.
func (p *People) SetRoles(ctx context.Context, tx *store.Tx, id int64, roles []Role) (Person, error) {
	if err := p.checkRoles(ctx, tx, roles); err != nil {
		return Person{}, err
	}
	before, err := p.ByID(ctx, tx, id)
	if err != nil {
		return before, err
	}
	if err := p.log.Update(ctx, tx, "person", "person.roles_changed", time.Time{}, id, record.Fields{"roles": join(roles)}); err != nil {
		return Person{}, err
	}
	if before.May(ManagePeople) {
		if err := p.someoneManages(ctx, tx); err != nil {
			return Person{}, err
		}
	}
	return p.ByID(ctx, tx, id)
}

// someoneManages keeps a node from losing the last person who could let others in.
func (p *People) someoneManages(ctx context.Context, q store.Queryer) error {
	all, err := p.All(ctx, q)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(one Person) bool { return one.DisabledAt == 0 && one.May(ManagePeople) }) {
		return fault.New(fault.Conflict, "nobody would be left who manages people; give another person that role first")
	}
	return nil
}

func permissions(words string) (out []Permission) {
	for _, w := range strings.Fields(words) {
		out = append(out, Permission(w))
	}
	return out
}

func join[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = string(v)
	}
	return strings.Join(words, " ")
}
