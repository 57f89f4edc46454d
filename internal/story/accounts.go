package story

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// locator is what the complaint says about one account: a post of it, or itself.
type locator struct{ handle, post string }

func (l locator) String() string {
	if l.post == "" {
		return "https://" + Host + "/@" + l.handle
	}
	return "https://" + Host + "/@" + l.handle + "/" + l.post
}

// complaint makes the accounts that the commission names, and the file in which it names them.
func (b *builder) complaint() {
	b.offending()
	for i := range b.f.Complaint.Undetermined {
		b.undetermined(i)
	}
	for i := range b.f.Complaint.Gone {
		b.goneAccount(i)
	}
	b.w.complaint = b.csv()
}

// name adds the account to the complaint: one in four by a post.
func (b *builder) name(rng *rand.Rand, a *Account, posts []Post) {
	l := locator{handle: a.Handle}
	if len(posts) > 0 && chance(rng, 25) {
		l.post = pick(rng, posts).ID
	}
	b.lines = append(b.lines, l)
}

// undetermined makes an account that must not be blocked: it posts ordinary things, some of which look like something else.
func (b *builder) undetermined(i int) {
	rng := source(b.f.Seed, "undetermined", i)
	a := b.account(rng, between(rng, b.from.AddDate(-1, 0, 0), b.after(0.74)))
	b.logins(rng, a, b.f.Start, 20)
	if chance(rng, 10) {
		a.RealName = personName(rng)
	}
	if i < b.reused() {
		b.reuse(rng, a)
	}
	resembling, shop := 0, ""
	switch rng.IntN(5) {
	case 0, 1:
		resembling = 45
	case 2:
		shop = pick(rng, b.shops)
	}
	var posts []Post
	for n := range 2 + rng.IntN(5) {
		text, language := ordinaryText(rng)
		if shop != "" && n == 0 {
			text, language = shopText(rng, shop), "en"
		}
		var specs []mediaSpec
		if chance(rng, 60) {
			specs = append(specs, harmless(rng, resembling))
		}
		at := between(rng, b.after(0.75), b.after(0.99))
		posts = append(posts, b.post(a, at, text, language, specs...))
	}
	b.w.truth.Undecided = append(b.w.truth.Undecided, a.ID)
	b.name(rng, a, posts)
}

// reuse gives a new account the handle of an account that the operation had found and that is gone: an order that
// names the handle and the old id must not touch the new one.
func (b *builder) reuse(rng *rand.Rand, a *Account) {
	i := b.reappearing() // the scanned accounts before it are gone ones of the complaint
	old := b.find(b.w.truth.Scanned[i])
	created := between(rng, b.after(0.65), b.after(0.74))
	a.ID, a.CreatedAt, a.Handle = b.v.id(created), created, old.Handle
	a.Logins = nil
	a.Logins = append(a.Logins, b.v.login(created, ip(rng), "registration"))
	b.logins(rng, a, b.f.Start, 0)
	b.w.truth.Reused = append(b.w.truth.Reused, Reuse{a.Handle, old.ID, a.ID})
}

func (b *builder) find(id string) *Account {
	i := slices.IndexFunc(b.accounts, func(a *Account) bool { return a.ID == id })
	return b.accounts[i]
}

// goneAccount names an account that was deleted before the complaint. The first ones were among the operation's cases.
func (b *builder) goneAccount(i int) {
	rng := source(b.f.Seed, "gone", i)
	if i < b.reappearing() {
		a := b.find(b.w.truth.Scanned[i])
		b.w.truth.Gone = append(b.w.truth.Gone, a.ID)
		var posts []Post
		for _, p := range b.posts {
			if p.AccountID == a.ID {
				posts = append(posts, p)
			}
		}
		b.name(rng, a, posts)
		return
	}
	a := b.account(rng, between(rng, b.from.AddDate(-1, 0, 0), b.after(0.1)))
	a.GoneAt = b.gone(rng)
	b.logins(rng, a, a.GoneAt, 10)
	var posts []Post
	for range 1 + rng.IntN(3) {
		text, language := ordinaryText(rng)
		var specs []mediaSpec
		if chance(rng, 50) {
			specs = append(specs, harmless(rng, 10))
		}
		posts = append(posts, b.post(a, between(rng, a.CreatedAt, a.GoneAt), text, language, specs...))
	}
	b.w.truth.Gone = append(b.w.truth.Gone, a.ID)
	b.name(rng, a, posts)
}

// csv writes the complaint as people type: a line for each account, some lines again in another spelling, in no order.
func (b *builder) csv() []byte {
	rng := source(b.f.Seed, "complaint", 0)
	var links []string
	for _, l := range b.lines {
		link := l.String()
		if chance(rng, 15) {
			link = respell(rng, l)
		}
		links = append(links, link)
	}
	for range b.f.Complaint.DuplicateLines {
		links = append(links, respell(rng, pick(rng, b.lines)))
	}
	rng.Shuffle(len(links), func(i, j int) { links[i], links[j] = links[j], links[i] })
	var out strings.Builder
	out.WriteString("S.No,Link,Remarks\r\n")
	for i, link := range links {
		if strings.ContainsAny(link, ",\"\r\n") {
			link = `"` + strings.ReplaceAll(link, `"`, `""`) + `"`
		}
		fmt.Fprintf(&out, "%d,%s,%s\r\n", i+1, link, pick(rng, []string{
			"", "", "", "objectionable video", "please remove urgently", "seen by complainant on phone", "\"sent to us, see letter\"",
		}))
	}
	return []byte(out.String())
}

// respell types an address in another way that leads to the same place.
func respell(rng *rand.Rand, l locator) string {
	canonical := l.String()
	for {
		scheme, host, handle := pick(rng, []string{"https://", "http://", "HTTPS://", ""}), pick(rng, []string{Host, "Chirp.Example", "www." + Host, "CHIRP.EXAMPLE"}), l.handle
		switch rng.IntN(3) {
		case 0:
			handle = strings.ToUpper(handle)
		case 1:
			handle = strings.ToLower(handle)
		}
		s := scheme + host + "/@" + handle
		if l.post != "" {
			s += "/" + l.post
		}
		s += pick(rng, []string{"", "", "/", "?lang=en", "?utm_source=share", "/?s=20"})
		s = pick(rng, []string{"", "", " ", "  "}) + s + pick(rng, []string{"", "", " "})
		if s != canonical {
			return s
		}
	}
}
