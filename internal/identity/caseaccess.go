package identity

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Relation is what a person is to one case. A role says what somebody may do at all, a relation to which case: nobody, an
// administrator least of all, sees a case without one.
type Relation string

// The relations, from the least.
const (
	CaseCounsel Relation = "counsel" // the case's cover and what was released
	Reader      Relation = "reader"
	Writer      Relation = "writer"
	Lead        Relation = "lead" // also grants and releases
)

var relationRank = map[Relation]int{CaseCounsel: 1, Reader: 2, Writer: 3, Lead: 4}

// Member is a person's relation to a case.
type Member struct {
	ID        int64    `json:"id"`
	CaseID    int64    `json:"case_id"`
	PersonID  int64    `json:"person_id"`
	Username  string   `json:"username"`
	Name      string   `json:"name"`
	Relation  Relation `json:"relation"`
	GrantedBy int64    `json:"granted_by"`
	GrantedAt int64    `json:"granted_at"` // microseconds UTC
}

// Kind is a kind of object that may belong to a case.
type Kind string

// The kinds that a case's need-to-know covers.
const (
	OfCase       Kind = "case"
	OfDocument   Kind = "document"
	OfCluster    Kind = "cluster"
	OfAssignment Kind = "assignment"
)

var caseQueries = map[Kind]string{
	OfCase:       "SELECT id FROM case_file WHERE id = $1",
	OfDocument:   "SELECT COALESCE(case_id, 0) FROM document WHERE id = $1",
	OfCluster:    "SELECT case_id FROM cluster WHERE id = $1",
	OfAssignment: "SELECT case_id FROM assignment WHERE id = $1",
}

// Ask is one question to Check: may the person do this (Need), to the case that the object belongs to, being at least As
// to it. Without a Kind no case is concerned.
type Ask struct {
	Need Permission
	Kind Kind
	ID   int64
	As   Relation
}

// Check is the one place where it is decided what somebody may do and see; API and console ask it. It gives the object's
// case, 0 if it belongs to none. Errors: fault.Forbidden if the roles do not allow it or the relation is too small,
// fault.NotFound for an object that is not there and for one whose existence the person may not know.
func (p *People) Check(ctx context.Context, q store.Queryer, person Person, a Ask) (caseID int64, err error) {
	if !person.May(a.Need) {
		return 0, fault.Coded(fault.Forbidden, "no_permission", "this needs the permission %s, which none of your roles gives", a.Need)
	}
	if a.Kind == "" {
		return 0, nil
	}
	query, ok := caseQueries[a.Kind]
	if !ok {
		return 0, fault.New(fault.Forbidden, "nobody may do this: it is not said what a %s belongs to", a.Kind)
	}
	hidden := fault.New(fault.NotFound, "there is no %s %d, or it is not yours to see", a.Kind, a.ID)
	err = q.QueryRowContext(ctx, query, a.ID).Scan(&caseID)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, hidden
	}
	if err != nil || caseID == 0 {
		return 0, err
	}
	r, err := p.Relation(ctx, q, person, caseID)
	if err != nil {
		return 0, err
	}
	switch {
	case r == "":
		return 0, hidden
	case relationRank[r] >= relationRank[a.As]:
		return caseID, nil
	case r == CaseCounsel && a.As == Reader:
		var released int
		if err := q.QueryRowContext(ctx, "SELECT COUNT(*) FROM case_release WHERE object = $1 AND object_id = $2 AND withdrawn_at = 0", string(a.Kind), a.ID).Scan(&released); err != nil {
			return 0, err
		}
		if released == 0 {
			return 0, hidden
		}
		return caseID, nil
	}
	return 0, fault.Coded(fault.Forbidden, "relation", "you are a %s in this case; this needs a %s", r, a.As)
}

// Relation gives what a person is to a case now, "" for nothing.
func (p *People) Relation(ctx context.Context, q store.Queryer, person Person, caseID int64) (r Relation, err error) {
	err = q.QueryRowContext(ctx, "SELECT relation FROM case_member WHERE case_id = $1 AND person_id = $2 AND ended_at = 0", caseID, person.ID).Scan(&r)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return r, err
}

// Sight says what of lists a person may see.
type Sight struct {
	relations map[int64]Relation
	released  map[Kind]map[int64]bool
}

// Sees says whether the person may see an object that belongs to a case (0: to none).
func (s Sight) Sees(kind Kind, id, caseID int64) bool {
	r := s.relations[caseID]
	if caseID == 0 || relationRank[r] >= relationRank[Reader] {
		return true
	}
	return r == CaseCounsel && (kind == OfCase || s.released[kind][id])
}

// Sight reads what a person may see of lists: two reads, however long the list.
func (p *People) Sight(ctx context.Context, q store.Queryer, person Person) (Sight, error) {
	s := Sight{relations: map[int64]Relation{}, released: map[Kind]map[int64]bool{}}
	type pair struct {
		id   int64
		word string
	}
	scan := func(rows *sql.Rows) (v pair, err error) { return v, rows.Scan(&v.id, &v.word) }
	relations, err := store.Collect(ctx, q, scan, "SELECT case_id, relation FROM case_member WHERE person_id = $1 AND ended_at = 0", person.ID)
	if err != nil {
		return s, err
	}
	counsel := false
	for _, v := range relations {
		s.relations[v.id] = Relation(v.word)
		counsel = counsel || Relation(v.word) == CaseCounsel
	}
	if !counsel {
		return s, nil
	}
	released, err := store.Collect(ctx, q, scan, "SELECT object_id, object FROM case_release WHERE withdrawn_at = 0")
	for _, v := range released {
		if s.released[Kind(v.word)] == nil {
			s.released[Kind(v.word)] = map[int64]bool{}
		}
		s.released[Kind(v.word)][v.id] = true
	}
	return s, err
}

// Members gives who is what to a case now.
func (p *People) Members(ctx context.Context, q store.Queryer, caseID int64) ([]Member, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (m Member, err error) {
		return m, rows.Scan(&m.ID, &m.CaseID, &m.PersonID, &m.Username, &m.Name, &m.Relation, &m.GrantedBy, &m.GrantedAt)
	}, `SELECT m.id, m.case_id, m.person_id, p.username, p.name, m.relation, m.granted_by, m.granted_at FROM case_member m JOIN person p ON p.id = m.person_id
		WHERE m.case_id = $1 AND m.ended_at = 0 ORDER BY m.id`, caseID)
}

// Found makes the person who opens a case its lead.
func (p *People) Found(ctx context.Context, tx *store.Tx, caseID int64, person Person) error {
	return p.relate(ctx, tx, caseID, person.ID, Lead, person.ID)
}

// Grant gives a person a relation to a case, or changes it. Leads grant. Where a case has no lead left, whoever manages
// people may name another person as one, but not themselves.
func (p *People) Grant(ctx context.Context, tx *store.Tx, by Person, caseID int64, username string, r Relation) (Member, error) {
	if relationRank[r] == 0 {
		return Member{}, fault.New(fault.Invalid, "a relation to a case is reader, writer, lead or counsel")
	}
	if err := p.mayGrant(ctx, tx, by, caseID, r); err != nil {
		return Member{}, err
	}
	person, err := p.byUsername(ctx, tx, username)
	if err != nil {
		return Member{}, err
	}
	own, err := p.Relation(ctx, tx, by, caseID)
	if err != nil {
		return Member{}, err
	}
	if by.ID == person.ID && own != Lead {
		return Member{}, fault.New(fault.Refused, "nobody makes themselves the lead of a case")
	}
	if person.DisabledAt != 0 || !person.May(ReadCases) {
		return Member{}, fault.New(fault.Conflict, "%s has left or has no role that reads cases", person.Username)
	}
	if err := p.relate(ctx, tx, caseID, person.ID, r, by.ID); err != nil {
		return Member{}, err
	}
	if err := p.someoneLeads(ctx, tx, caseID); err != nil {
		return Member{}, err
	}
	all, err := p.Members(ctx, tx, caseID)
	for _, m := range all {
		if m.PersonID == person.ID {
			return m, err
		}
	}
	return Member{}, err
}

func (p *People) mayGrant(ctx context.Context, q store.Queryer, by Person, caseID int64, r Relation) error {
	_, err := p.Check(ctx, q, by, Ask{Need: Investigate, Kind: OfCase, ID: caseID, As: Lead})
	if err == nil || !by.May(ManagePeople) || r != Lead {
		return err
	}
	if p.someoneLeads(ctx, q, caseID) == nil {
		return err // it has a lead; that one grants
	}
	var known int
	if err := q.QueryRowContext(ctx, "SELECT COUNT(*) FROM case_file WHERE id = $1", caseID).Scan(&known); err != nil || known == 0 {
		return errors.Join(err, fault.New(fault.NotFound, "there is no case %d", caseID))
	}
	return nil
}

func (p *People) someoneLeads(ctx context.Context, q store.Queryer, caseID int64) error {
	var n int
	if err := q.QueryRowContext(ctx, "SELECT COUNT(*) FROM case_member m JOIN person p ON p.id = m.person_id WHERE m.case_id = $1 AND m.relation = 'lead' AND m.ended_at = 0 AND p.disabled_at = 0",
		caseID).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Conflict, "the case would have no lead; name another one first")
	}
	return nil
}

func (p *People) relate(ctx context.Context, tx *store.Tx, caseID, person int64, r Relation, by int64) error {
	if _, err := p.unrelate(ctx, tx, caseID, person); err != nil {
		return err
	}
	_, err := p.log.Insert(ctx, tx, "case_member", "case.granted", time.Time{}, record.Fields{"case_id": caseID, "person_id": person, "relation": string(r), "granted_by": by, "granted_at": p.clock.Now()})
	return err
}

func (p *People) unrelate(ctx context.Context, tx *store.Tx, caseID, person int64) (was Relation, err error) {
	var id int64
	err = tx.QueryRowContext(ctx, "SELECT id, relation FROM case_member WHERE case_id = $1 AND person_id = $2 AND ended_at = 0", caseID, person).Scan(&id, &was)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return was, err
	}
	return was, p.log.Update(ctx, tx, "case_member", "case.withdrawn", time.Time{}, id, record.Fields{"ended_at": p.clock.Now()})
}

// Withdraw ends a person's relation to a case.
func (p *People) Withdraw(ctx context.Context, tx *store.Tx, by Person, caseID, person int64) error {
	if _, err := p.Check(ctx, tx, by, Ask{Need: Investigate, Kind: OfCase, ID: caseID, As: Lead}); err != nil {
		return err
	}
	was, err := p.unrelate(ctx, tx, caseID, person)
	if err == nil && was == "" {
		err = fault.New(fault.NotFound, "that person is nothing to this case")
	}
	if err != nil {
		return err
	}
	return p.someoneLeads(ctx, tx, caseID)
}

// Release lets counsel see one document or cluster of a case.
func (p *People) Release(ctx context.Context, tx *store.Tx, by Person, caseID int64, kind Kind, id int64) error {
	if kind != OfDocument && kind != OfCluster {
		return fault.New(fault.Invalid, "what is released is a document or a cluster")
	}
	of, err := p.Check(ctx, tx, by, Ask{Need: Investigate, Kind: kind, ID: id, As: Lead})
	if err == nil && of != caseID {
		err = fault.New(fault.NotFound, "there is no such %s in case %d", kind, caseID)
	}
	if err != nil {
		return err
	}
	var known int
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM case_release WHERE object = $1 AND object_id = $2 AND withdrawn_at = 0", string(kind), id).Scan(&known); err != nil || known > 0 {
		return err
	}
	_, err = p.log.Insert(ctx, tx, "case_release", "case.released", time.Time{}, record.Fields{"case_id": caseID, "object": string(kind), "object_id": id, "released_by": by.ID, "released_at": p.clock.Now()})
	return err
}
