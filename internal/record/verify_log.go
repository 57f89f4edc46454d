package record

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"math/bits"
	"runtime"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"raksha.example/raksha/internal/store"
)

// logCheck recomputes the tree from the leaves, with no more of it in memory than its right edge.
type logCheck struct {
	*Report
	verifier note.Verifier
	edge     []tlog.Hash // whole subtrees from left to right, one for each bit of the size
	sum      hash.Hash
	suspects []int64        // leaves whose stored hash is another than the recomputed, not yet blamed
	odd      map[int64]bool // stored hashes that differ, for telling what follows from them
	follows  int64          // stored hashes above those
	last     string         // recorded_at of the newest entry, as text
	sealed   int64          // size that the newest checkpoint covers
	spoilt   int64          // checkpoints over other entries than these
	tasks    chan rawCheckpoint
	wait     sync.WaitGroup
	mu       sync.Mutex
	wrong    map[int64]string // guarded by mu: what is wrong with a checkpoint's signature, by size
}

// verifyLog checks the log. It is not whole if it ended at a gap.
func verifyLog(ctx context.Context, q, hashes store.Queryer, verifier note.Verifier) (r Report, whole bool, err error) {
	r.Verified = true
	c := &logCheck{Report: &r, verifier: verifier, sum: sha256.New(), odd: map[int64]bool{}, tasks: make(chan rawCheckpoint, 1024), wrong: map[int64]string{}}
	for range runtime.GOMAXPROCS(0) { // signatures are most of the work where each checkpoint covers few entries
		c.wait.Go(c.signatures)
	}
	whole, err = c.run(ctx, q, hashes)
	close(c.tasks)
	c.wait.Wait()
	if err != nil {
		return r, false, err
	}
	for size, what := range c.wrong {
		r.Problem("checkpoint of size %d: %s", size, what)
	}
	if !whole {
		return r, false, nil
	}
	return r, true, c.finish(ctx, q)
}

// run reads ahead while it checks.
func (c *logCheck) run(ctx context.Context, q, hashes store.Queryer) (whole bool, err error) {
	free, full := make(chan *chunk, 3), make(chan *chunk)
	stop := make(chan struct{})
	done := make(chan struct{})
	for range 3 {
		free <- &chunk{}
	}
	go func() {
		defer close(done)
		defer close(full)
		for first := int64(0); ; first += chunkSize {
			var k *chunk
			select {
			case k = <-free:
			case <-stop:
				return
			}
			k.err = k.read(ctx, q, hashes, first)
			ended := k.err != nil || len(k.entries) == 0
			select {
			case full <- k:
			case <-stop:
				return
			}
			if ended {
				return
			}
		}
	}()
	defer func() { close(stop); <-done }() // the connection is free again
	for k := range full {
		if k.err != nil {
			return false, k.err
		}
		if len(k.entries) > 0 {
			if !c.chunk(k) {
				return false, nil
			}
		} else {
			break
		}
		free <- k
	}
	return true, nil
}

// chunk checks one stretch; false says that the log has a gap.
func (c *logCheck) chunk(k *chunk) bool {
	h, p := 0, 0
	for _, e := range k.entries {
		if e.odd || e.leaf != c.Entries {
			c.Problem("leaf %d stands where leaf %d belongs: an entry is missing or doubled", e.leaf, c.Entries)
			return false
		}
		c.seal(k, e)
		h = c.grow(k, e, h)
		c.Entries++
		c.last = e.recorded
		for ; p < len(k.checkpoints) && (k.checkpoints[p].odd || k.checkpoints[p].size <= c.Entries); p++ {
			c.checkpoint(k.checkpoints[p])
		}
	}
	return true
}

// seal checks the sealed part of an entry against its hash.
func (c *logCheck) seal(k *chunk, e rawEntry) {
	inner := k.bytes(e.sealedHash)
	if e.sealed.from < 0 && e.salt.from < 0 {
		if string(inner) != string(noSeal[:]) {
			c.dropped = append(c.dropped, e.leaf) // the fold says whether by an erasure
		}
		return
	}
	var want [32]byte
	c.sum.Reset()
	c.sum.Write(k.bytes(e.salt))
	c.sum.Write(k.bytes(e.sealed))
	if string(c.sum.Sum(want[:0])) != string(inner) {
		p, _ := parsePublic(string(k.bytes(e.public)))
		c.Problem("entry %d (%s): its sealed part is not what was recorded", e.leaf, p.Kind)
	}
}

// grow adds a leaf to the tree and compares the hashes that it completes with the stored ones, from k.hashes[at] on.
func (c *logCheck) grow(k *chunk, e rawEntry, at int) int {
	var now tlog.Hash
	c.sum.Reset()
	c.sum.Write([]byte{0}) // RFC 6962 s.2.1: the leaf hash
	c.sum.Write(k.bytes(e.public))
	c.sum.Write(k.bytes(e.sealedHash))
	c.sum.Sum(now[:0])
	id := tlog.StoredHashIndex(0, e.leaf)
	at = c.compare(k, at, id, 0, e.leaf, now)
	for level := 0; e.leaf>>level&1 == 1; level++ {
		c.sum.Reset()
		c.sum.Write([]byte{1})
		c.sum.Write(c.edge[len(c.edge)-1][:])
		c.sum.Write(now[:])
		c.edge = c.edge[:len(c.edge)-1]
		c.sum.Sum(now[:0])
		id++
		at = c.compare(k, at, id, level+1, e.leaf>>(level+1), now)
	}
	c.edge = append(c.edge, now)
	return at
}

// compare looks for the stored hash id in order.
func (c *logCheck) compare(k *chunk, at int, id int64, level int, n int64, want tlog.Hash) int {
	for at < len(k.hashes) && k.hashes[at].id < id {
		c.Problem("stored hash %d: the entries give no such hash", k.hashes[at].id)
		at++
	}
	if at == len(k.hashes) || k.hashes[at].id != id {
		c.Problem("stored hash %d is missing", id)
		return at
	}
	if h := k.hashes[at].hash; string(k.below[h.from:h.to]) != string(want[:]) {
		c.differs(id, level, n)
	}
	return at + 1
}

// differs takes note of a stored hash that is another. Over a leaf, the next checkpoint tells whether the entry was changed or
// the hash; higher up, it may follow from one below.
func (c *logCheck) differs(id int64, level int, n int64) {
	if len(c.odd) < 1<<20 {
		c.odd[id] = true
	}
	switch {
	case level == 0:
		c.suspects = append(c.suspects, n)
	case c.odd[tlog.StoredHashIndex(level-1, 2*n)] || c.odd[tlog.StoredHashIndex(level-1, 2*n+1)]:
		c.follows++
	default:
		c.Problem("stored hash %d (level %d): not what the entries give", id, level)
	}
}

// checkpoint checks one against the tree as it is now; its signature is checked meanwhile.
func (c *logCheck) checkpoint(p rawCheckpoint) {
	c.Checkpoints++
	if p.odd || p.size != c.Entries {
		c.Problem("checkpoint of size %d: its size is no number of entries", p.size)
		return
	}
	root := c.root()
	text, _, ok := cutSignature(p.note)
	if want := fmt.Sprintf("%s\n%d\n%s\n", c.verifier.Name(), c.Entries, root); ok && text != want {
		if c.spoilt++; c.spoilt == 1 {
			c.blame(true)
			c.Problem("checkpoint of size %d: the entries before it are not those it was signed over", c.Entries)
		}
	} else if ok {
		c.blame(false)
	}
	if p.signed != c.last {
		c.Problem("checkpoint of size %d: its time is not that of its newest entry", c.Entries)
	}
	c.sealed = c.Entries
	c.tasks <- p
}

// blame names what the suspects are: entries that were changed, or hashes.
func (c *logCheck) blame(entries bool) {
	for _, n := range c.suspects {
		if entries {
			c.Problem("entry %d: its bytes are not what was recorded", n)
		} else {
			c.Problem("stored hash %d (of entry %d): not what the entry gives", tlog.StoredHashIndex(0, n), n)
		}
	}
	c.suspects = c.suspects[:0]
}

// root is the root of the tree of the entries so far.
func (c *logCheck) root() tlog.Hash {
	h := c.edge[len(c.edge)-1]
	for i := bits.OnesCount64(uint64(c.Entries)) - 2; i >= 0; i-- {
		h = tlog.NodeHash(c.edge[i], h)
	}
	return h
}

// signatures checks the checkpoints' signatures and spelling.
func (c *logCheck) signatures() {
	for p := range c.tasks {
		what := ""
		n, err := note.Open([]byte(p.note), note.VerifierList(c.verifier))
		switch {
		case err != nil:
			what = fmt.Sprintf("its signature is wrong (%v)", err)
		case !canonical(n, p.note):
			what = "its text is not as the node wrote it"
		default:
			continue
		}
		c.mu.Lock()
		c.wrong[p.size] = what
		c.mu.Unlock()
	}
}

// finish looks at what lies outside the log's range, which only somebody else can have put there.
func (c *logCheck) finish(ctx context.Context, q store.Queryer) error {
	c.blame(c.sealed < c.Entries || c.spoilt > 0)
	if c.spoilt > 1 {
		c.Problem("%d later checkpoints cover the same change", c.spoilt-1)
	}
	if c.follows > 0 {
		c.Problem("%d stored hashes above follow from those", c.follows)
	}
	if c.Entries > 0 {
		c.Root = c.root().String()
	}
	err := eachRow(ctx, q, `SELECT id, leaf, kind FROM record_entry WHERE leaf IS NULL
		UNION ALL SELECT id, leaf, kind FROM record_entry WHERE leaf < 0 UNION ALL SELECT id, leaf, kind FROM record_entry WHERE leaf >= $1`, func(row Row) error {
		if row["leaf"] == nil {
			c.Problem("entry with id %v (%v): it is in no tree: it was not written by the node", row["id"], row["kind"])
		} else {
			c.Problem("leaf %v stands where leaf %d belongs: an entry is missing or doubled", row["leaf"], c.Entries)
		}
		return nil
	}, c.Entries)
	if err != nil {
		return err
	}
	err = eachRow(ctx, q, `SELECT id FROM record_hash WHERE id IS NULL
		UNION ALL SELECT id FROM record_hash WHERE id < 0 UNION ALL SELECT id FROM record_hash WHERE id >= $1`, func(row Row) error {
		c.Problem("stored hash %v: the entries give no such hash", row["id"])
		return nil
	}, tlog.StoredHashCount(c.Entries))
	if err != nil {
		return err
	}
	var all int64
	if err := q.QueryRowContext(ctx, "SELECT COUNT(*) FROM record_checkpoint").Scan(&all); err != nil {
		return err
	}
	if all != c.Checkpoints {
		err = eachRow(ctx, q, "SELECT size FROM record_checkpoint WHERE size IS NULL OR size < 1 OR size > $1 ORDER BY size", func(row Row) error {
			c.Problem("checkpoint of size %v: the log has %d entries", row["size"], c.Entries)
			return nil
		}, c.Entries)
		if err != nil {
			return err
		}
	}
	if c.sealed != c.Entries {
		c.Problem("the newest checkpoint covers %d of %d entries", c.sealed, c.Entries)
	}
	return nil
}
