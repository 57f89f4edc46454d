package console

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/pdq"
)

// fileLimit is the most bytes of a form with a file that is tried.
const fileLimit = 64 << 20

// tryView is the page that tries a hash or a file, with the answer once something was tried.
type tryView struct {
	hash    string // what was written; of a file nothing is shown
	what    string // what was tried, in words; empty: nothing yet
	hits    []tried
	caveats []string
	problem string
	probe   bool // distances and numbers may be told
	manage  bool // and contents shown
}

// tried is one entry that matches.
type tried struct {
	lists.Hit
	list lists.List
}

func (o *console) try(r *request) (string, templ.Component, error) {
	return "Try", tryPage(tryView{}), nil
}

// answer is a result page; it has no address, so that neither hash nor answer stands in a log or a history.
func (r *request) answer(v tryView, status int) error {
	v.probe, v.manage = r.person.May(identity.ProbeLists), r.person.May(identity.ManageLists)
	return shown{"Try", tryPage(v), status}
}

func (o *console) tryHash(r *request) (string, error) {
	v := tryView{hash: strings.TrimSpace(r.PostForm.Get("hash"))}
	q, kinds, err := asked(v.hash)
	if err != nil {
		v.problem = fault.Message(err)
		return "", r.answer(v, http.StatusUnprocessableEntity)
	}
	v.what = "The hash, as " + strings.Join(kinds, " and as ") + ","
	v.hits = o.found(r, q)
	return "", r.answer(v, 0)
}

// asked makes the question of a hash, by its length; 64 digits may be of two kinds.
func asked(text string) (q lists.Query, kinds []string, err error) {
	h, err := lists.CheckHash(lists.Hash{Kind: lists.KindByLength(text), Value: text})
	if err != nil {
		return q, nil, fault.New(fault.Invalid, "a hash is 32 (MD5), 40 (SHA-1) or 64 (PDQ, SHA-256) hexadecimal digits")
	}
	q.Whole = true
	if h.Kind != lists.PDQ {
		q.Exact = []lists.Hash{h}
		return q, []string{hashKind(h.Kind)}, nil
	}
	one, err := pdq.Parse(h.Value)
	if err != nil {
		return q, nil, err
	}
	q.PDQ, q.Exact = []pdq.Hash{one}, []lists.Hash{{Kind: lists.SHA256, Value: h.Value}}
	return q, []string{hashKind(lists.PDQ), hashKind(lists.SHA256)}, nil
}

// tryFile hashes a file and asks for it. Its bytes stand in memory until the answer is made, and nowhere else.
func (o *console) tryFile(r *request) (string, error) {
	b, err := fileOf(r.Request)
	if err != nil {
		status := http.StatusUnprocessableEntity
		if fault.Of(err) == fault.TooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		return "", r.answer(tryView{problem: fault.Message(err)}, status)
	}
	result, err := o.Media.Survey(r.ctx, b, pdq.Meta512) // as lists are hashed, and turned and mirrored too
	if err != nil && (result.SHA256 == "" || fault.Of(err) == fault.Internal || fault.Of(err) == fault.Unavailable) {
		return "", err
	}
	v := tryView{what: "The file"}
	switch {
	case err != nil:
		v.caveats = append(v.caveats, "It could not be read as a picture or film, so only the file itself was looked for, not what looks like it: "+fault.Message(err))
	case result.Kind == media.Container:
		v.caveats = append(v.caveats, "It holds other files, which are not opened. Only the file itself was looked for; unpack it and try what it holds.")
	case result.Kind == media.Image && result.Quality < pdq.MinQuality:
		v.caveats = append(v.caveats, "The picture is too plain to be told from others by its look. Only the file itself was looked for.")
	}
	if result.Damaged {
		v.caveats = append(v.caveats, "The file is damaged; only its readable part was compared by look.")
	}
	q := lists.QueryOf(result)
	q.Whole = true
	v.hits = o.found(r, q)
	return "", r.answer(v, 0)
}

// fileOf reads the one file of a form, up to the limit that was set on the body.
func fileOf(r *http.Request) ([]byte, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, fault.New(fault.Invalid, "choose a file")
	}
	part, err := parts.NextPart()
	if err != nil || part.FormName() != "file" {
		return nil, cutShort(err)
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, part); err != nil {
		return nil, cutShort(err)
	}
	if b.Len() == 0 {
		return nil, fault.New(fault.Invalid, "choose a file that is not empty")
	}
	return b.Bytes(), nil
}

func cutShort(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return fault.New(fault.TooLarge, "the file is larger than %d MiB; look it up with raksha hash on your own machine and try its hashes", int64(fileLimit)>>20)
	}
	return fault.New(fault.Invalid, "the form could not be read; choose the file again")
}

// found asks all lists, also those that look-ups ask in part or not at all, and tells each entry; without the permission to be told
// how many there are, each list and label once.
func (o *console) found(r *request, q lists.Query) []tried {
	var out []tried
	probe := r.person.May(identity.ProbeLists)
	told := map[string]bool{}
	for _, h := range o.Lists.Find(q) {
		v, there := o.Lists.List(h.ListID)
		key := fmt.Sprint(h.ListID, " ", h.Kind, " ", h.Label)
		if !there || !probe && told[key] {
			continue
		}
		told[key] = true
		out = append(out, tried{h, v})
	}
	return out
}

// how says in words how sure a match is, and with the permission how near.
func (t tried) how(probe bool) string {
	switch {
	case t.Exact():
		return "the same file, by " + hashKind(t.Kind)
	case !probe:
		return "looks alike, by " + hashKind(t.Kind)
	case t.Kind == lists.VPDQ:
		return fmt.Sprintf("looks alike: %d %% of its frames", t.Share)
	}
	return fmt.Sprintf("looks alike: distance %d of 256 bits", t.Distance)
}

// label writes a label with its scheme.
func (t tried) label() string {
	if t.Label == "" {
		return ""
	}
	return strings.TrimSpace(schemeOf(t.list) + " " + t.Label)
}

// onLists counts the lists that were hit.
func (v tryView) onLists() int {
	seen := map[int64]bool{}
	for _, t := range v.hits {
		seen[t.ListID] = true
	}
	return len(seen)
}

// alike says whether a match is only a suggestion.
func (v tryView) alike() bool {
	return slices.ContainsFunc(v.hits, func(t tried) bool { return !t.Exact() })
}

// answered says in a sentence what was found, or not.
func (v tryView) answered() string {
	switch len(v.hits) {
	case 0:
		return v.what + " matches nothing on this node's lists."
	case 1:
		return v.what + " matches what is below."
	}
	return v.what + " matches what is below, the same file first and then the nearest."
}
