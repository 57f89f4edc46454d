package paper

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/store"
)

// Standing is what anybody who holds a paper may learn of it.
type Standing string

// The standings. Unknown is one answer: whether the number or the code is wrong is not told.
const (
	Genuine    Standing = "genuine"
	Withdrawn  Standing = "withdrawn"
	Superseded Standing = "superseded"
	Unknown    Standing = "unknown"
)

// standing says how a document that was issued stands. A later version counts once it is signed.
func standing(state string, later int64) Standing {
	switch {
	case state == "withdrawn", state == "revoked":
		return Withdrawn
	case later > 0:
		return Superseded
	}
	return Genuine
}

const maxTyped = 100 // characters of a number or code

// Check says how the paper with a number and a code stands. It does the same whatever was typed.
func (p *Printer) Check(ctx context.Context, number, code string) (Standing, error) {
	number, code = strings.ToUpper(strings.TrimSpace(number)), tidy(code)
	if len(number) > maxTyped || len(code) > maxTyped {
		number, code = "", ""
	}
	type issued struct {
		sha256, state string
		later         int64
	}
	found, err := store.Collect(ctx, p.c.DB.Reader(), func(rows *sql.Rows) (i issued, err error) { return i, rows.Scan(&i.sha256, &i.state, &i.later) },
		`SELECT d.sha256, d.state, (SELECT COUNT(*) FROM document l WHERE l.supersedes_id = d.id AND l.sha256 <> '') FROM document d
			WHERE d.number = $1 AND d.direction = $2 AND d.sha256 <> '' ORDER BY d.id LIMIT 1`, number, courier.Out)
	if err != nil {
		return Unknown, err
	}
	d := issued{sha256: strings.Repeat("0", 64)} // of no document: its code is made and compared all the same
	if len(found) > 0 {
		d = found[0]
	}
	if fits := p.codes.fits(number, d.sha256, code); !fits || len(found) == 0 {
		return Unknown, nil
	}
	return standing(d.state, d.later), nil
}

// Limit lets a few questions a minute through, from one address and from all together, so that codes cannot be guessed: at
// its rate, one of 2^60 codes would be hit in ten thousand million years.
type Limit struct {
	now func() time.Time

	mu   sync.Mutex
	all  bucket            // guarded by mu
	from map[string]bucket // guarded by mu
}

type bucket struct {
	left float64
	at   time.Time
}

const (
	burstEach, perSecondEach = 20.0, 1.0 / 6
	burstAll, perSecondAll   = 200.0, 2.0
	addresses                = 10000
)

// NewLimit makes a limit by a clock that really goes on: a demonstration's stands still.
func NewLimit(now func() time.Time) *Limit {
	return &Limit{now: now, all: bucket{burstAll, now()}, from: map[string]bucket{}}
}

// Allow takes one question of an address; "" stands for all whose address is not known. Of IPv6, 64 bits count.
func (l *Limit) Allow(address string) bool {
	if strings.Count(address, ":") >= 2 {
		address = prefix64(address)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	all := l.all.fill(now, burstAll, perSecondAll)
	each, known := l.from[address]
	if !known {
		if len(l.from) >= addresses {
			for a, b := range l.from {
				if b.fill(now, burstEach, perSecondEach).left >= burstEach {
					delete(l.from, a)
				}
			}
		}
		each = bucket{burstEach, now}
	}
	each = each.fill(now, burstEach, perSecondEach)
	ok := all.left >= 1 && each.left >= 1 && (known || len(l.from) < addresses)
	if ok {
		all.left--
		each.left--
	}
	l.all = all
	if known || len(l.from) < addresses {
		l.from[address] = each
	}
	return ok
}

func (b bucket) fill(now time.Time, burst, perSecond float64) bucket {
	return bucket{min(burst, b.left+perSecond*max(0, now.Sub(b.at).Seconds())), now}
}
