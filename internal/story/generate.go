package story

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
)

// Sizes that no story file sets.
const (
	streamAccounts = 60  // ordinary people who post in the operation's month
	streamPosts    = 300 // what they post then
	scanShare      = 40  // of 100 cases of the operation, how many the scan of the stream finds
	maxPictures    = 1000
)

// builder makes one world. Its steps run in a fixed order, so that one file gives one world.
type builder struct {
	f        File
	w        *World
	v        *inventor
	accounts []*Account
	posts    []Post
	lines    []locator       // of the complaint, one for each distinct account
	held     map[string]bool // phones that a holder already knows
	proxies  []string
	shops    []string

	// The story's times: the operation's month, then what lies between it and the start.
	from, until time.Time
	gap         time.Duration
}

// Generate makes the world of a story: the same one for the same file and pictures. Media are made when asked for, except the
// listed originals, which take most of the time (under half a second).
func Generate(f File, o Options) (*World, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	pictures, err := findPictures(o.PicturesDir)
	if err != nil {
		return nil, err
	}
	originals, err := makeOriginals(f.Seed)
	if err != nil {
		return nil, err
	}
	b := &builder{f: f, v: newInventor(f.Seed), held: map[string]bool{},
		w: &World{File: f, originals: originals, pictures: pictures, media: map[string]mediaSpec{}}}
	b.from, b.until = f.Operation.Period.Span(f.Start.Location())
	b.gap = f.Start.Sub(b.until)
	b.proxies = []string{"203.0.113.251", "198.51.100.252"} // beyond what ip gives out
	for range 3 {
		b.shops = append(b.shops, b.v.payment())
	}
	b.w.truth.Proxies, b.w.truth.Shops = b.proxies, b.shops
	for i := range originals {
		b.w.List = append(b.w.List, originals[i].list...)
	}

	b.operation()
	b.stream()
	b.given()
	b.complaint()
	b.reports()
	b.shopHoldings()
	b.arrests()
	b.finish()
	return b.w, nil
}

// findPictures lists the *.jpg of a folder, sorted, and refuses too many or too large ones before anything is built.
func findPictures(dir string) ([]string, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "the folder of pictures %s cannot be read: %v", dir, err)
	}
	var paths []string
	for _, e := range entries { // ReadDir sorts
		if !strings.HasSuffix(strings.ToLower(e.Name()), ".jpg") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if info.Size() > maxPictureBytes {
			return nil, fault.New(fault.TooLarge, "the picture %s is over %d MiB; take it out of the folder", path, maxPictureBytes>>20)
		}
		paths = append(paths, path)
	}
	if len(paths) > maxPictures {
		return nil, fault.New(fault.TooLarge, "the folder %s has %d pictures; at most %d can be posted", dir, len(paths), maxPictures)
	}
	return paths, nil
}

// after gives an instant at a part of the time between the operation's month and the start.
func (b *builder) after(part float64) time.Time {
	return b.until.Add(time.Duration(part * float64(b.gap)))
}

// during gives an instant of the operation's month, a little inside so that all of it is seen by the month's end.
func (b *builder) during(rng *rand.Rand) time.Time {
	return between(rng, b.from.Add(time.Hour), b.until.Add(-6*time.Hour))
}

// account adds an account with a handle, created between two instants, and its registration.
func (b *builder) account(rng *rand.Rand, created time.Time) *Account {
	a := &Account{ID: b.v.id(created), Handle: b.v.handle(), CreatedAt: created, Bio: ordinaryBio(rng), Email: b.v.email()}
	a.DisplayName = title(pick(rng, adjectives)) + " " + title(pick(rng, nouns))
	if chance(rng, 40) {
		a.Phone = b.v.phone()
	}
	a.Logins = append(a.Logins, b.v.login(created, ip(rng), "registration"))
	b.accounts = append(b.accounts, a)
	return a
}

// logins adds uses of an account before an instant; some of them through a public proxy.
func (b *builder) logins(rng *rand.Rand, a *Account, until time.Time, proxied int) {
	home := []string{ip(rng), ip(rng), ip(rng)}
	for range 2 + rng.IntN(5) {
		a.Logins = append(a.Logins, b.v.login(between(rng, a.CreatedAt.Add(time.Second), until), pick(rng, home), "login"))
	}
	if chance(rng, proxied) {
		a.Logins = append(a.Logins, b.v.login(between(rng, a.CreatedAt.Add(time.Second), until), pick(rng, b.proxies), "login"))
	}
}

// post adds a post with the media that specs describe, and gives it.
func (b *builder) post(a *Account, at time.Time, text, language string, specs ...mediaSpec) Post {
	if !at.After(a.CreatedAt) {
		at = a.CreatedAt.Add(time.Millisecond)
	}
	p := Post{ID: b.v.id(at), AccountID: a.ID, CreatedAt: at, Text: text, Language: language}
	for _, m := range specs {
		p.Media = append(p.Media, b.media(at, m))
	}
	b.posts = append(b.posts, p)
	return p
}

// media registers a file and gives its id.
func (b *builder) media(at time.Time, m mediaSpec) string {
	id := b.v.id(at)
	b.w.media[id] = m
	switch m.kind {
	case exactCopy, alteredCopy:
		b.w.truth.Listed = append(b.w.truth.Listed, id)
	case lookAlike:
		b.w.truth.LookAlike = append(b.w.truth.LookAlike, id)
	case givenPicture:
		b.w.truth.Pictures = append(b.w.truth.Pictures, id)
	}
	return id
}

// listed picks a listed file: one in three unchanged, one in six motion media.
func listed(rng *rand.Rand) mediaSpec {
	m := mediaSpec{kind: alteredCopy, index: rng.IntN(listedPictures), seed: rng.Uint64()}
	if chance(rng, 33) {
		m.kind = exactCopy
	}
	if chance(rng, 17) {
		m.index = listedPictures + rng.IntN(listedClips)
	}
	return m
}

// harmless picks a file that no list holds; resembling is how many in a hundred resemble a listed one.
func harmless(rng *rand.Rand, resembling int) mediaSpec {
	switch {
	case chance(rng, resembling):
		return mediaSpec{kind: lookAlike, index: rng.IntN(listedPictures), seed: rng.Uint64()}
	case chance(rng, 6):
		return mediaSpec{kind: ordinaryClip, seed: rng.Uint64()}
	}
	return mediaSpec{kind: ordinaryPicture, seed: rng.Uint64()}
}

// arrests draws which of the operation's cases end with an arrest.
func (b *builder) arrests() {
	b.w.arrested = make([]bool, b.f.Operation.Cases)
	for _, i := range source(b.f.Seed, "arrests", 0).Perm(b.f.Operation.Cases)[:b.f.Operation.Arrests] {
		b.w.arrested[i] = true
	}
}

// finish puts everything in the order of time.
func (b *builder) finish() {
	slices.SortFunc(b.accounts, func(x, y *Account) int { return compareIDs(x.ID, y.ID) })
	for _, a := range b.accounts {
		slices.SortStableFunc(a.Logins, func(x, y Login) int { return x.At.Compare(y.At) })
		b.w.Accounts = append(b.w.Accounts, *a)
	}
	slices.SortFunc(b.posts, func(x, y Post) int { return compareIDs(x.ID, y.ID) })
	b.w.Posts = b.posts
	slices.SortFunc(b.w.holdings, func(x, y Holding) int { return strings.Compare(x.Selector, y.Selector) })
	slices.SortStableFunc(b.w.Reports, func(x, y Report) int { return x.SentAt.Compare(y.SentAt) })
}

// compareIDs orders decimal ids by value.
func compareIDs(x, y string) int {
	if len(x) != len(y) {
		return len(x) - len(y)
	}
	return strings.Compare(x, y)
}
