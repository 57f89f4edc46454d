package story

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"
)

// operation makes the accounts that the clearinghouse's scan of the month can find: each posts listed media, and each says
// in its profile something by which a bureau can route it. The first of them play a part in the complaint too.
func (b *builder) operation() {
	for i := range b.scanned() {
		rng := source(b.f.Seed, "scanned", i)
		a := b.account(rng, between(rng, b.from.AddDate(-1, 0, 0), b.from))
		a.Phone = b.v.phone()
		a.Bio = strings.TrimSpace(a.Bio + " " + b.whereabouts(rng, a.Phone))
		a.GoneAt = b.gone(rng)
		b.logins(rng, a, b.until, 10)
		at := b.during(rng)
		for range 1 + rng.IntN(2) {
			text, language := ordinaryText(rng)
			specs := []mediaSpec{listed(rng)}
			if chance(rng, 30) {
				specs = append(specs, harmless(rng, 0))
			}
			b.post(a, at, text, language, specs...)
			at = between(rng, at, b.until.Add(-6*time.Hour))
		}
		if chance(rng, 50) {
			text, language := ordinaryText(rng)
			b.post(a, b.during(rng), text, language)
		}
		b.w.truth.Scanned = append(b.w.truth.Scanned, a.ID)
	}
}

// scanned gives how many accounts the scan can find: a share of the cases, and at least those that come back in the complaint.
func (b *builder) scanned() int {
	cases := b.f.Operation.Cases
	return min(cases, max((cases*scanShare+50)/100, b.reappearing()+b.reused()))
}

// reappearing gives how many gone accounts of the complaint were among the operation's cases.
func (b *builder) reappearing() int { return min(2, b.f.Complaint.Gone, b.f.Operation.Cases) }

// reused gives how many undetermined accounts carry the handle of one of the operation's accounts.
func (b *builder) reused() int {
	return min(1, b.f.Complaint.Undetermined, b.f.Operation.Cases-b.reappearing())
}

// gone gives an instant of deletion between the operation and the complaint.
func (b *builder) gone(rng *rand.Rand) time.Time { return between(rng, b.after(0.2), b.after(0.6)) }

// whereabouts is a hint in a profile that a person lives in India.
func (b *builder) whereabouts(rng *rand.Rand, phone string) string {
	place := pick(rng, places)
	return pick(rng, []string{place + ", India.", "WhatsApp " + typedPhone(rng, phone), place + " IN · " + typedPhone(rng, phone)})
}

// stream makes the ordinary posts among which the scan must find the others.
func (b *builder) stream() {
	people := make([]*Account, streamAccounts)
	for i := range people {
		rng := source(b.f.Seed, "person", i)
		people[i] = b.account(rng, between(rng, b.from.AddDate(-2, 0, 0), b.from))
		b.logins(rng, people[i], b.until, 15)
		if chance(rng, 15) {
			people[i].RealName = personName(rng)
		}
	}
	for i := range streamPosts {
		rng := source(b.f.Seed, "stream", i)
		text, language := ordinaryText(rng)
		var specs []mediaSpec
		if chance(rng, 45) {
			specs = append(specs, harmless(rng, 12))
		}
		b.post(people[i%streamAccounts], b.during(rng), text, language, specs...)
	}
}

// given posts the pictures that came from outside, one account each, unchanged and without any hint of where it is.
func (b *builder) given() {
	for i, path := range b.w.pictures {
		rng := source(b.f.Seed, "given", i)
		a := b.account(rng, between(rng, b.from.AddDate(0, -2, 0), b.from))
		a.Bio = ""
		b.logins(rng, a, b.until, 0)
		name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		b.post(a, b.during(rng), "Picture: "+name, "en", mediaSpec{kind: givenPicture, index: i})
	}
}
