package sandbox

import (
	"strconv"
	"strings"
	"time"

	"raksha.example/raksha/internal/story"
)

// index finds things of the world. It does not change.
type index struct {
	world    *story.World
	accounts map[string]int   // by id
	handles  map[string][]int // by handle in lower case: several may have carried it, one after the other
	posts    map[string]int   // by id
	ids      []uint64         // of the posts, in order
	all      []int            // every post
	authored map[string][]int // posts by account, in order
	media    map[string]int   // post by media
}

func newIndex(w *story.World) index {
	x := index{world: w, accounts: map[string]int{}, handles: map[string][]int{}, posts: map[string]int{}, authored: map[string][]int{}, media: map[string]int{}}
	for i, a := range w.Accounts {
		x.accounts[a.ID] = i
		key := strings.ToLower(a.Handle)
		x.handles[key] = append(x.handles[key], i)
	}
	for i, p := range w.Posts {
		x.posts[p.ID] = i
		x.ids = append(x.ids, number(p.ID))
		x.all = append(x.all, i)
		x.authored[p.AccountID] = append(x.authored[p.AccountID], i)
		for _, m := range p.Media {
			x.media[m] = i
		}
	}
	return x
}

// number gives the value of a decimal id, 0 for what is none.
func number(id string) uint64 {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// view is the world at one instant: what exists and is not suspended.
type view struct {
	*index
	now       time.Time
	suspended map[string]bool
}

// view gives the world as it is now. The set of suspended accounts is replaced, never changed, so that a view stays one.
func (s *Server) view() view {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return view{&s.index, s.cfg.Clock.Now(), s.acts.suspended}
}

// exists gives an account that exists now, suspended or not.
func (v view) exists(id string) (story.Account, bool) {
	i, ok := v.accounts[id]
	if !ok || !v.world.Accounts[i].Exists(v.now) {
		return story.Account{}, false
	}
	return v.world.Accounts[i], true
}

// carrier gives the account that carries a handle now.
func (v view) carrier(handle string) (story.Account, bool) {
	for _, i := range v.handles[strings.ToLower(handle)] {
		if a := v.world.Accounts[i]; a.Exists(v.now) {
			return a, true
		}
	}
	return story.Account{}, false
}

// shown tells whether the i-th post can be seen now.
func (v view) shown(i int) bool {
	p := v.world.Posts[i]
	if p.CreatedAt.After(v.now) || v.suspended[p.AccountID] {
		return false
	}
	_, ok := v.exists(p.AccountID)
	return ok
}
