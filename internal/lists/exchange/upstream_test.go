package exchange

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/lists/ncmec"
)

// post is an entry of the upstream.
type post struct {
	member int
	id     string
	md5    string
	class  string
	at     int64 // seconds
	gone   bool
	raw    string // instead of all that
}

func (p post) xml() string {
	switch when := time.Unix(p.at, 0).UTC().Format(ncmec.TimeForm); {
	case p.raw != "":
		return p.raw
	case p.gone:
		return fmt.Sprintf(`<deletedVideo><member id="%d"/><id>%s</id><timestamp>%s</timestamp></deletedVideo>`, p.member, p.id, when)
	default:
		return fmt.Sprintf(`<video><member id="%d">Member</member><timestamp>%s</timestamp><id>%s</id><classification>%s</classification><fingerprints><md5>%s</md5></fingerprints></video>`,
			p.member, when, p.id, p.class, p.md5)
	}
}

// upstream is a server of the protocol that was written for these tests alone, from its description: it does not share code with ours.
type upstream struct {
	*httptest.Server
	size int // entries of a page

	mu    sync.Mutex
	posts []post
	asked []string // paths, in order
	// bad may answer a question for entries itself; inRange are those of the page.
	bad func(w http.ResponseWriter, r *http.Request, inRange []post) bool
	// down answers every question itself.
	down http.HandlerFunc
}

func newUpstream(t testing.TB) *upstream {
	u := &upstream{size: 100}
	u.Server = httptest.NewServer(http.HandlerFunc(u.serve))
	t.Cleanup(u.Server.Close)
	return u
}

func (u *upstream) serve(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.asked = append(u.asked, r.URL.String())
	down := u.down
	u.mu.Unlock()
	if down != nil {
		down(w, r)
		return
	}
	if user, password, _ := r.BasicAuth(); user != "kite" || password != "basket" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch r.URL.Path {
	case "/base/v2/status":
		io.WriteString(w, `<status xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><ipAddress>127.0.0.1</ipAddress><username>kite</username><member id="7">Kite</member></status>`)
	case "/base/v2/entries":
		u.entries(w, r)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (u *upstream) entries(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	from, err1 := time.Parse(ncmec.TimeForm, q.Get("from"))
	to, err2 := time.Parse(ncmec.TimeForm, q.Get("to"))
	if err1 != nil || err2 != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	begin := 0
	if text := q.Get("start"); text != "" {
		n, _ := strconv.Atoi(text)
		begin = n - 1
	}
	u.mu.Lock()
	var all []post
	for _, p := range u.posts {
		if p.at > from.Unix() && p.at <= to.Unix() {
			all = append(all, p)
		}
	}
	bad := u.bad
	u.mu.Unlock()
	part := all[min(begin, len(all)):min(begin+u.size, len(all))]
	if bad != nil && bad(w, r, part) {
		return
	}
	next := ""
	if begin+u.size < len(all) {
		next = fmt.Sprintf("<paging><next>/v2/entries?from=%s&amp;to=%s&amp;start=%d&amp;size=%d&amp;max=%d</next></paging>", q.Get("from"), q.Get("to"), begin+u.size+1, u.size, len(all))
	}
	io.WriteString(w, answer(part, next))
}

func answer(part []post, next string) string {
	if len(part) == 0 {
		return `<queryResult><images count="0"/><videos count="0"/>` + next + `</queryResult>`
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0"?><queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><images count="0"/><videos count="%d" maxTimestamp="2026-01-01T00:00:00Z">`, len(part))
	for _, p := range part {
		b.WriteString(p.xml())
	}
	return b.String() + "</videos>" + next + "</queryResult>"
}

func (u *upstream) set(fn func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	fn()
}

func md5Of(n int) string { return fmt.Sprintf("%032x", n+1) }

// many makes n entries whose times are spread over the days before start and do not come in order.
func many(n int) (out []post) {
	for i := range n {
		out = append(out, post{member: 42, id: fmt.Sprint("e", i), md5: md5Of(i), class: "A1", at: start.Unix() - 3600 - int64(i*7919%100_000)})
	}
	return out
}

var credentials = Secret{"user": "kite", "password": "basket"}

func (u *upstream) make() Make {
	return Make{Name: "KITES", Kind: NCMEC, Address: u.URL + "/base", Holder: "kite.example"}
}

// has says whether one of the entries bears a number.
func has(part []post, id string) bool {
	for _, p := range part {
		if p.id == id {
			return true
		}
	}
	return false
}
