package story

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// source gives the random choices of one object. Each object has its own, so that one may be made without the others.
func source(seed uint64, kind string, index int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(kind))
	return rand.New(rand.NewPCG(seed, h.Sum64()+uint64(index)*0x9e3779b97f4a7c15))
}

// between gives an instant from a up to b, to the millisecond that Mastodon's times and ids have.
func between(rng *rand.Rand, a, b time.Time) time.Time {
	d := b.Sub(a)
	if d <= 0 {
		return a.UTC().Truncate(time.Millisecond)
	}
	return a.Add(time.Duration(rng.Int64N(int64(d)))).UTC().Truncate(time.Millisecond)
}

// pick gives one of a list.
func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

// chance is true about p times in a hundred.
func chance(rng *rand.Rand, p int) bool { return rng.IntN(100) < p }
