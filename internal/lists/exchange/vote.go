package exchange

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/ncmec"
	"raksha.example/raksha/internal/lists/stopncii"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// The votes on a hash.
const (
	Affirmative = "affirmative" // it does what the list says of it
	Negative    = "negative"    // it does not; the reasons say why
)

// voteTypes are the protocol's names of hashes in votes. SHA256 is what nodes of this program say to each other.
var voteTypes = map[string]string{lists.MD5: "MD5", lists.SHA1: "SHA1", lists.PhotoDNA: "PDNA", lists.PDQ: "PDQ", lists.TMK: "TMK_PDQF", lists.SHA256: "SHA256"}

// KindOfVote gives the kind of entry that a protocol's name of a hash stands for.
func KindOfVote(name string) (string, bool) {
	for kind, v := range voteTypes {
		if v == name {
			return kind, true
		}
	}
	return "", false
}

// Sent is a vote of this node's on an entry of another party.
type Sent struct {
	ID         int64  `json:"id"`
	ExchangeID int64  `json:"exchange_id"`
	Content    int64  `json:"content"`
	Upstream   string `json:"upstream"` // the entry, in the other party's words
	Kind       string `json:"kind"`
	Vote       string `json:"vote"`
	Reasons    string `json:"reasons,omitempty"` // with spaces between them
	State      string `json:"state"`             // "waiting", "sent" or "refused"
	Failure    string `json:"failure,omitempty"`
	VotedAt    int64  `json:"voted_at"`
	SentAt     int64  `json:"sent_at,omitempty"`
}

// Vote keeps a vote on a content of an exchange's list and has it sent until the other party has taken or refused it. reasons are the other
// party's own: see Reasons.
func (x *Exchanges) Vote(ctx context.Context, tx *store.Tx, id, content int64, kind, vote string, reasons []string) (int64, error) {
	e, err := ByID(ctx, tx, id)
	if err != nil {
		return 0, err
	}
	if e.Kind == File {
		return 0, fault.New(fault.Invalid, "a file takes no votes")
	}
	if vote != Affirmative && vote != Negative {
		return 0, fault.New(fault.Invalid, "a vote is %s or %s", Affirmative, Negative)
	}
	for _, r := range reasons {
		if r == "" || strings.ContainsAny(r, " \t\n") || len(r) > 100 {
			return 0, fault.New(fault.Invalid, "a reason is named in one word of at most 100 characters, as the other party names it")
		}
	}
	if e.Kind == NCMEC && (vote == Negative) != (len(reasons) > 0) {
		return 0, fault.New(fault.Invalid, "a negative vote needs a reason of the other party's, an affirmative one takes none")
	}
	c, err := lists.ContentByID(ctx, tx, e.ListID, content)
	if err != nil {
		return 0, err
	}
	if !slices.ContainsFunc(c.Entries, func(v lists.Entry) bool { return v.Kind == kind }) {
		return 0, fault.New(fault.Invalid, "content %d has no %s", content, kind)
	}
	var upstream string
	err = tx.QueryRowContext(ctx, "SELECT upstream FROM exchange_key WHERE content = $1 AND exchange_id = $2 ORDER BY id DESC LIMIT 1", content, id).Scan(&upstream)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "content %d did not come by this exchange", content)
	}
	if err != nil {
		return 0, err
	}
	vid, err := x.Log.Insert(ctx, tx, "exchange_vote", "exchange.voted", time.Time{}, record.Fields{"exchange_id": id, "content": content, "upstream": upstream, "kind": kind,
		"vote": vote, "reasons": strings.Join(reasons, " "), "state": "waiting", "voted_at": x.Clock.Now()})
	if err != nil {
		return 0, err
	}
	return vid, x.Jobs.Enqueue(ctx, tx, voteArgs{vid})
}

// SentVotes reads this node's votes of an exchange, newest first.
func SentVotes(ctx context.Context, q store.Queryer, id int64, limit int) ([]Sent, error) {
	return store.Collect(ctx, q, scanSent, sentColumns+"WHERE exchange_id = $1 ORDER BY id DESC LIMIT $2", id, limit)
}

const sentColumns = "SELECT id, exchange_id, content, upstream, kind, vote, reasons, state, failure, voted_at, sent_at FROM exchange_vote "

func scanSent(rows *sql.Rows) (v Sent, err error) {
	return v, rows.Scan(&v.ID, &v.ExchangeID, &v.Content, &v.Upstream, &v.Kind, &v.Vote, &v.Reasons, &v.State, &v.Failure, &v.VotedAt, &v.SentAt)
}

// Reasons asks the other party which reasons a negative vote on a kind of hash may give.
func (x *Exchanges) Reasons(ctx context.Context, id int64, kind string) ([]ncmec.Reason, error) {
	e, err := ByID(ctx, x.DB.Reader(), id)
	if err != nil {
		return nil, err
	}
	if e.Kind != NCMEC || voteTypes[kind] == "" {
		return nil, fault.New(fault.Invalid, "the exchange %s has no list of reasons for %s", e.Name, kind)
	}
	secret, err := x.secret(ctx, x.DB.Reader(), e)
	if err != nil {
		return nil, err
	}
	return x.ncmecClient(e, secret).Reasons(ctx, voteTypes[kind])
}

type voteArgs struct {
	ID int64 `json:"id"`
}

// Kind implements jobs.Args.
func (voteArgs) Kind() string { return "list_vote" }

func (x *Exchanges) voteJob(ctx context.Context, a voteArgs) error {
	all, err := store.Collect(ctx, x.DB.Reader(), scanSent, sentColumns+"WHERE id = $1 AND state = 'waiting'", a.ID)
	if err != nil || len(all) == 0 {
		return err
	}
	v := all[0]
	f := record.Fields{"state": "sent", "sent_at": x.Clock.Now()}
	switch err := x.send(ctx, v); {
	case err == nil:
	case ctx.Err() != nil:
		return ctx.Err()
	case fault.Of(err) == fault.Unavailable, fault.Of(err) == fault.Unsigned, fault.Of(err) == fault.Internal:
		return err // tried again
	default:
		f = record.Fields{"state": "refused", "failure": fault.Message(err)}
	}
	return x.DB.Write(record.WithActor(ctx, "exchange"), func(ctx context.Context, tx *store.Tx) error {
		return x.Log.Update(ctx, tx, "exchange_vote", "exchange.vote_"+f["state"].(string), time.Time{}, v.ID, f)
	})
}

func (x *Exchanges) send(ctx context.Context, v Sent) error {
	e, err := ByID(ctx, x.DB.Reader(), v.ExchangeID)
	if err != nil {
		return err
	}
	secret, err := x.secret(ctx, x.DB.Reader(), e)
	if err != nil {
		return err
	}
	reasons := strings.Fields(v.Reasons)
	if e.Kind == StopNCII {
		_, value, _ := strings.Cut(v.Upstream, ":")
		says := "Blocked"
		if v.Vote == Negative {
			says = "NotBlocked"
		}
		return x.stopnciiClient(e, secret).Submit(ctx, []stopncii.Feedback{{Hash: value, Tags: reasons, Value: says}})
	}
	member, entry, err := memberOf(v.Upstream)
	if err != nil {
		return err
	}
	return x.ncmecClient(e, secret).Vote(ctx, member, entry, voteTypes[v.Kind], ncmec.Feedback{Negative: v.Vote == Negative, Reasons: reasons})
}

// VoteReasons are what a member may say against a hash of a list that this node offers. Their numbers never change.
var VoteReasons = []ncmec.Reason{
	{GUID: "5f0c1d52-6f0b-4a53-9a3e-0f1f5f2a7b01", Name: "The file does not belong to the classification"},
	{GUID: "5f0c1d52-6f0b-4a53-9a3e-0f1f5f2a7b02", Name: "The file is no longer considered unlawful by the member"},
	{GUID: "5f0c1d52-6f0b-4a53-9a3e-0f1f5f2a7b03", Name: "The hash matches files that are unlike"},
	{GUID: "5f0c1d52-6f0b-4a53-9a3e-0f1f5f2a7b04", Name: "The hash is not that of the file"},
	{GUID: "5f0c1d52-6f0b-4a53-9a3e-0f1f5f2a7b05", Name: "The file is empty, damaged or of one colour"},
}

// Cast is a vote of a member on a hash of a list that this node offers.
type Cast struct {
	Member  string   `json:"member"`
	Content int64    `json:"content"`
	Kind    string   `json:"kind"`
	Vote    string   `json:"vote"`
	Reasons []string `json:"reasons,omitempty"` // in words
	VotedAt int64    `json:"voted_at"`
}

// CastVote takes a member's vote on a content of an offered list, instead of the member's earlier one on the same hash. reasons are GUIDs of
// VoteReasons.
func (x *Exchanges) CastVote(ctx context.Context, tx *store.Tx, bank, member string, content int64, kind string, f ncmec.Feedback) error {
	var listID int64
	err := tx.QueryRowContext(ctx, "SELECT b.list_id FROM list_entry e JOIN list_batch b ON b.id = e.batch_id WHERE e.id = $1", content).Scan(&listID)
	notFound := fault.New(fault.NotFound, "there is no entry %d", content)
	if errors.Is(err, sql.ErrNoRows) {
		return notFound
	}
	if err != nil {
		return err
	}
	all, err := Offered(ctx, tx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(o Offering) bool { return o.ListID == listID && o.Ended == 0 && (bank == "" || o.Bank == bank) }) {
		return notFound
	}
	c, err := lists.ContentByID(ctx, tx, listID, content)
	if fault.Of(err) == fault.NotFound {
		return notFound
	}
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(c.Entries, func(e lists.Entry) bool { return e.Kind == kind }) {
		return fault.New(fault.NotFound, "entry %d has no such hash", content)
	}
	vote := Affirmative
	if f.Negative {
		vote = Negative
	}
	for _, guid := range f.Reasons {
		if reasonName(guid) == "" {
			return fault.New(fault.Invalid, "there is no reason %.60q", guid)
		}
	}
	_, err = x.Log.Insert(ctx, tx, "list_vote", "list.vote", time.Time{}, record.Fields{"list_id": listID, "content": content, "kind": kind, "member": member,
		"vote": vote, "reasons": strings.Join(f.Reasons, " "), "voted_at": x.Clock.Now()})
	return err
}

func reasonName(guid string) string {
	for _, r := range VoteReasons {
		if strings.EqualFold(r.GUID, guid) {
			return r.Name
		}
	}
	return ""
}

// Votes reads what members say of a list's contents, the newest vote of each member on each hash, by content.
func Votes(ctx context.Context, q store.Queryer, listID int64) ([]Cast, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (v Cast, err error) {
		var reasons string
		err = rows.Scan(&v.Member, &v.Content, &v.Kind, &v.Vote, &reasons, &v.VotedAt)
		for _, guid := range strings.Fields(reasons) {
			v.Reasons = append(v.Reasons, reasonName(guid))
		}
		return v, err
	}, `SELECT v.member, v.content, v.kind, v.vote, v.reasons, v.voted_at FROM list_vote v WHERE v.list_id = $1
		AND NOT EXISTS (SELECT 1 FROM list_vote n WHERE n.list_id = v.list_id AND n.content = v.content AND n.kind = v.kind AND n.member = v.member AND n.id > v.id)
		ORDER BY v.content, v.id`, listID)
}
