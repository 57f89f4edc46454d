package story

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// piece is a part of an operator's accounts that public posts alone tie together: all name one payment handle.
type piece struct {
	accounts []*Account
	payment  Holding // what the payment service knows of that handle
	phone    string  // published by some; may be empty
	invite   string
	wallet   string
}

// join is how two pieces of one operator hang together behind the scenes.
type join int

const (
	joinHolder join = iota // the payment service knows one name and phone behind both handles
	joinPhone              // the platform knows one phone for an account of each
	joinLogin              // one address and port within one minute
	joinEmail              // one e-mail
)

// platformJoins are those that the platform's data shows.
var platformJoins = []join{joinPhone, joinLogin, joinEmail}

// offending makes the accounts of the complaint that offend. Public posts alone leave an operator in several pieces; what the
// platform holds joins some of them and what the payment service holds the others, so that only both give the whole.
func (b *builder) offending() {
	total, n := b.f.Complaint.Offending, b.f.Operators
	if n == 0 {
		return
	}
	sizes := shares(source(b.f.Seed, "operators", 0), total, n)
	for op, size := range sizes {
		rng := source(b.f.Seed, "operator", op)
		pieces := b.pieces(rng, size)
		if op < 2 {
			pieces[0].payment.Name = commonName // borne by different people with different phones: a name alone joins nobody
		}
		for i := 1; i < len(pieces); i++ {
			how := joinHolder
			if (op+i)%2 == 0 {
				how = platformJoins[(op+i)/2%len(platformJoins)]
			}
			b.join(rng, &pieces[i-1], &pieces[i], how)
		}
		var ids []string
		for i := range pieces {
			for _, a := range pieces[i].accounts {
				b.furnish(rng, a, &pieces[i])
				ids = append(ids, a.ID)
			}
			b.holdings(rng, &pieces[i])
		}
		b.w.truth.Operators = append(b.w.truth.Operators, ids)
		b.w.truth.Offending = append(b.w.truth.Offending, ids...)
	}
}

// shares splits total into n parts of at least one.
func shares(rng *rand.Rand, total, n int) []int {
	parts := make([]int, n)
	for i := range total {
		if i < n {
			parts[i]++
		} else {
			parts[rng.IntN(n)]++
		}
	}
	return parts
}

// pieces makes an operator's accounts, bare yet, in pieces of about three; an operator of two or more has at least two pieces.
func (b *builder) pieces(rng *rand.Rand, size int) []piece {
	n := max(min(size, 2), (size+2)/3)
	var out []piece
	for _, count := range shares(rng, size, n) {
		var p piece
		for range count {
			a := b.account(rng, between(rng, b.after(0.62), b.after(0.73)))
			a.Phone = ""
			p.accounts = append(p.accounts, a)
		}
		p.payment = Holding{Selector: b.v.payment(), Kind: "payment", Name: personName(rng), Phone: b.v.phone()}
		if chance(rng, 50) {
			p.phone = b.v.phone()
		}
		if chance(rng, 60) {
			p.invite = b.v.invite()
		}
		if chance(rng, 35) {
			p.wallet = b.v.wallet()
		}
		out = append(out, p)
	}
	return out
}

// join hangs the next piece on the one before.
func (b *builder) join(rng *rand.Rand, before, next *piece, how join) {
	x, y := before.accounts[len(before.accounts)-1], next.accounts[0]
	switch how {
	case joinHolder:
		next.payment.Name, next.payment.Phone = before.payment.Name, before.payment.Phone
	case joinPhone:
		if x.Phone == "" {
			x.Phone = b.v.phone()
		}
		y.Phone = x.Phone
	case joinEmail:
		y.Email = x.Email
	case joinLogin:
		l := b.v.login(between(rng, b.after(0.75), b.after(0.98)).Truncate(60e9), ip(rng), "login")
		x.Logins = append(x.Logins, l)
		l.At = l.At.Add(17e9) // within the minute
		y.Logins = append(y.Logins, l)
	}
}

// furnish gives an account its profile, its posts and what else the platform holds on it.
func (b *builder) furnish(rng *rand.Rand, a *Account, p *piece) {
	if a.Phone == "" && chance(rng, 70) {
		a.Phone = b.v.phone()
	}
	b.logins(rng, a, b.f.Start, 35)
	offers := []string{p.payment.Selector}
	if p.phone != "" && chance(rng, 60) {
		offers = append(offers, typedPhone(rng, p.phone))
	}
	if p.invite != "" && chance(rng, 70) {
		offers = append(offers, p.invite)
	}
	if p.wallet != "" && chance(rng, 60) {
		offers = append(offers, p.wallet)
	}
	a.Bio = ""
	if chance(rng, 40) { // the profile names the way to pay, and the posts need not
		a.Bio = title(pick(rng, adjectives)) + " " + pick(rng, nouns) + ". " + title(p.payment.Selector[:strings.IndexByte(p.payment.Selector, '.')]) + " → " + p.payment.Selector
		if len(offers) > 1 {
			offers = offers[1:]
		}
	}
	count := 4 + rng.IntN(6)
	withListed := 2 + rng.IntN(count-2)
	var posts []Post
	for n := range count {
		text, language := ordinaryText(rng)
		if n < len(offers) {
			text, language = offerText(rng, offers[n]), "en"
		}
		var specs []mediaSpec
		switch {
		case n < withListed:
			specs = append(specs, listed(rng))
			if chance(rng, 25) {
				specs = append(specs, listed(rng))
			}
		case chance(rng, 40):
			specs = append(specs, harmless(rng, 0))
		}
		posts = append(posts, b.post(a, between(rng, b.after(0.75), b.after(0.99)), text, language, specs...))
	}
	b.name(rng, a, posts)
}

// holdings records what payment service and telecom know of a piece.
func (b *builder) holdings(rng *rand.Rand, p *piece) {
	b.hold(rng, p.payment)
	b.holdPhone(rng, p.payment.Phone, p.payment.Name)
	b.holdPhone(rng, p.phone, personName(rng))
	for _, a := range p.accounts {
		b.holdPhone(rng, a.Phone, personName(rng))
	}
}

// hold completes and keeps what a holder knows.
func (b *builder) hold(rng *rand.Rand, h Holding) {
	h.OpenedAt = between(rng, b.from.AddDate(-3, 0, 0), b.after(0.6))
	h.Account = digits(rng, 12)
	if h.Kind == "payment" {
		h.BankRef = "XMPL0" + digits(rng, 6) // the shape of an IFSC, of a bank that does not exist
	}
	for range 1 + rng.IntN(3) {
		h.Logins = append(h.Logins, b.v.login(between(rng, h.OpenedAt, b.f.Start), ip(rng), "login"))
	}
	slices.SortFunc(h.Logins, func(x, y Login) int { return x.At.Compare(y.At) })
	b.w.holdings = append(b.w.holdings, h)
}

func (b *builder) holdPhone(rng *rand.Rand, number, name string) {
	if number == "" || b.held[number] {
		return
	}
	b.held[number] = true
	b.hold(rng, Holding{Selector: number, Kind: "phone", Name: name, Phone: number})
}

// shopHoldings records what holders know of ordinary shops and of some ordinary people.
func (b *builder) shopHoldings() {
	for i, s := range b.shops {
		rng := source(b.f.Seed, "shop", i)
		h := Holding{Selector: s, Kind: "payment", Name: personName(rng), Phone: b.v.phone()}
		b.hold(rng, h)
		b.holdPhone(rng, h.Phone, h.Name)
	}
	rng := source(b.f.Seed, "subscribers", 0)
	for _, a := range b.accounts {
		if a.Phone != "" && chance(rng, 30) {
			b.holdPhone(rng, a.Phone, personName(rng))
		}
	}
}

func digits(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '0' + byte(rng.IntN(10))
	}
	return string(b)
}
