package lists_test

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

// picture is a file as it was hashed; the same seed gives the same one.
func picture(seed uint64) media.Result {
	text := fmt.Sprint("picture ", seed)
	r := media.Result{Kind: media.Image, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(text))), MD5: fmt.Sprintf("%x", md5.Sum([]byte(text))), Quality: 100}
	r.PDQ = hash(seed).String()
	return r
}

func hash(seed uint64) (h pdq.Hash) {
	rng := rand.New(rand.NewPCG(seed, 7))
	for i := range h {
		h[i] = byte(rng.Uint64())
	}
	return h
}

// near changes bits of a picture: it is another file that looks alike.
func near(r media.Result, bits int) media.Result {
	h, err := pdq.Parse(r.PDQ)
	if err != nil {
		panic(err)
	}
	for i := range bits {
		h[(i*5)%32] ^= 1 << (i * 5 / 32 % 8)
	}
	other := picture(uint64(bits) + 10_000)
	other.PDQ = h.String()
	return other
}

func film(seed uint64, n int) (frames []vpdq.Frame) {
	for i := range n {
		frames = append(frames, vpdq.Frame{Index: i, Quality: 100, Hash: hash(seed + uint64(i)*1000), At: time.Duration(i) * time.Second})
	}
	return frames
}

func filmText(frames []vpdq.Frame) string {
	var b strings.Builder
	for _, f := range frames {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}

func newList(n *apptest.Node, entries ...lists.Entry) (id int64) {
	n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
		if id, err = n.Lists.Create(ctx, tx, "kites", n.Agency); err != nil {
			return err
		}
		return n.Lists.Add(ctx, tx, id, 0, entries)
	})
	return id
}

// keep enters a picture of no post, with its match if there is one.
func keep(t *testing.T, n *apptest.Node, r media.Result) (mediaID int64, m *lists.Match) {
	t.Helper()
	n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
		row := platforms.HashedRow(r, nil)
		if mediaID, err = n.Register.AddMedia(ctx, tx, row); err != nil {
			return err
		}
		if _, err = n.Lists.KeepMatches(ctx, tx, mediaID, r); err != nil {
			return err
		}
		m, err = lists.MatchOf(ctx, tx, mediaID)
		return err
	})
	return mediaID, m
}

// What is imported matches from the commit on, by every kind of hash, and after a restart as before.
func TestImportAndMatch(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		a, b, c := picture(1), picture(2), picture(3)
		frames := film(4, 6)
		id := newList(n, lists.Entry{Kind: lists.SHA256, Value: strings.ToUpper(a.SHA256), Label: " A1 "}, lists.Entry{Kind: lists.MD5, Value: b.MD5},
			lists.Entry{Kind: lists.PDQ, Value: c.PDQ, Label: "B2"}, lists.Entry{Kind: lists.VPDQ, Value: filmText(frames)})
		check := func(when string) {
			t.Helper()
			all, err := lists.All(context.Background(), n.DB.Reader())
			if err != nil || len(all) != 1 || all[0].ID != id || !all[0].Own || all[0].Entries != 4 {
				t.Errorf("%s: lists %+v, %v", when, all, err)
			}
			for name, c := range map[string]struct {
				file media.Result
				want string // kind distance share label
			}{
				"by SHA-256":             {a, "sha256 0 0 A1"},
				"by MD5":                 {b, "md5 0 0 "},
				"the picture itself":     {c, "pdq 0 0 B2"},
				"31 bits away":           {near(c, 31), "pdq 31 0 B2"},
				"32 bits away":           {near(c, 32), ""},
				"another":                {picture(9), ""},
				"a blurred one":          {media.Result{PDQ: c.PDQ, Quality: 10}, ""},
				"turned":                 {media.Result{PDQ: picture(8).PDQ, Upright: c.PDQ, Quality: 100}, "pdq 0 0 B2"},
				"a film":                 {media.Result{Kind: media.Video, Frames: frames}, "vpdq 0 100 "},
				"a film of other frames": {media.Result{Kind: media.Video, Frames: film(77, 6)}, ""},
			} {
				got := ""
				if hits := n.Lists.Match(c.file); len(hits) > 0 {
					got = fmt.Sprintf("%s %d %d %s", hits[0].Kind, hits[0].Distance, hits[0].Share, hits[0].Label)
				}
				if got != c.want {
					t.Errorf("%s, %s: %q, want %q", when, name, got, c.want)
				}
			}
		}
		check("at once")
		n.Restart()
		check("after a restart")
	})
}

// An import with an entry that is none leaves nothing behind, nor does one whose transaction is undone.
func TestImportWholeOrNotAtAll(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		id := newList(n, lists.Entry{Kind: lists.MD5, Value: picture(1).MD5})
		for name, bad := range map[string]lists.Entry{
			"short":    {Kind: lists.SHA256, Value: "abc"},
			"no hex":   {Kind: lists.MD5, Value: strings.Repeat("x", 32)},
			"no kind":  {Kind: "crc", Value: "0"},
			"no frame": {Kind: lists.VPDQ, Value: ""},
		} {
			err := n.Try(func(ctx context.Context, tx *store.Tx) error {
				return n.Lists.Add(ctx, tx, id, 0, []lists.Entry{{Kind: lists.SHA256, Value: picture(5).SHA256}, bad})
			})
			if fault.Of(err) != fault.Invalid || !strings.Contains(fault.Message(err), "entry 2") {
				t.Errorf("%s: %v", name, err)
			}
		}
		undone := errors.New("undone")
		err := n.Try(func(ctx context.Context, tx *store.Tx) error {
			if err := n.Lists.Add(ctx, tx, id, 0, []lists.Entry{{Kind: lists.SHA256, Value: picture(5).SHA256}}); err != nil {
				return err
			}
			return undone
		})
		if !errors.Is(err, undone) {
			t.Error(err)
		}
		if hits := n.Lists.Match(picture(5)); len(hits) != 0 {
			t.Errorf("an undone entry matches: %v", hits)
		}
		if rows := n.Int("SELECT COUNT(*) FROM list_entry"); rows != 1 {
			t.Errorf("%d rows", rows)
		}
	})
}

// An exact match is decided from metadata. A perceptual one is a suggestion until a person decides, and that decision holds for the
// same file wherever it is.
func TestDecisions(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		listed, exact := picture(1), picture(2)
		newList(n, lists.Entry{Kind: lists.PDQ, Value: listed.PDQ}, lists.Entry{Kind: lists.SHA256, Value: exact.SHA256})
		if _, m := keep(t, n, exact); m == nil || m.State != lists.Exact || !m.Stands() {
			t.Errorf("exact: %+v", m)
		}
		alike := near(listed, 20)
		_, first := keep(t, n, alike)
		_, elsewhere := keep(t, n, alike)
		_, other := keep(t, n, near(listed, 10))
		if first == nil || elsewhere == nil || other == nil || first.State != lists.Unconfirmed || first.Stands() || first.Distance != 20 {
			t.Fatalf("alike: %+v %+v %+v", first, elsewhere, other)
		}
		decide := func(id int64, state, reason string) error {
			return n.Try(func(ctx context.Context, tx *store.Tx) error { return n.Lists.Decide(ctx, tx, id, 7, state, reason) })
		}
		for name, err := range map[string]error{"without a reason": decide(first.ID, lists.Confirmed, " "), "with no decision": decide(first.ID, lists.Exact, "x")} {
			if fault.Of(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := decide(first.ID, lists.Confirmed, "seen"); err != nil {
			t.Fatal(err)
		}
		if err := decide(first.ID, lists.Rejected, "again"); fault.Of(err) != fault.Conflict {
			t.Errorf("decided twice: %v", err)
		}
		if err := decide(9999, lists.Rejected, "none"); fault.Of(err) != fault.Conflict {
			t.Errorf("no match: %v", err)
		}
		if err := decide(other.ID, lists.Rejected, "a kite"); err != nil {
			t.Fatal(err)
		}
		_, later := keep(t, n, alike)
		for _, c := range []struct {
			id            int64
			state, reason string
		}{{first.ID, lists.Confirmed, "seen"}, {elsewhere.ID, lists.Confirmed, "decided before for the same file"},
			{later.ID, lists.Confirmed, "decided before for the same file"}, {other.ID, lists.Rejected, "a kite"}} {
			m, err := lists.MatchByID(context.Background(), n.DB.Reader(), c.id)
			if err != nil || m.State != c.state || m.Reason != c.reason || m.DecidedBy != 7 {
				t.Errorf("match %d: %+v, %v; want %s, %q", c.id, m, err, c.state, c.reason)
			}
		}
		open, err := lists.Matches(context.Background(), n.DB.Reader(), lists.Unconfirmed)
		if err != nil || len(open) != 0 {
			t.Errorf("still open: %v %v", open, err)
		}
	})
}

// A list goes to another node as a document; a later share adds what is new, once; the receiver passes nothing on.
func TestShare(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		holder, taker := apptest.New(t, fresh(), "clearinghouse"), apptest.New(t, fresh(), "unit")
		holder.Know(taker)
		taker.Know(holder, courier.ListShare)
		id := newList(holder, lists.Entry{Kind: lists.PDQ, Value: picture(1).PDQ, Label: "A1"})
		share := func(from *apptest.Node, list int64, to string) error {
			return from.Try(func(ctx context.Context, tx *store.Tx) error {
				f, err := from.Lists.Share(ctx, tx, list, to, 0)
				if err != nil {
					return err
				}
				_, err = from.Office.Seal(ctx, tx, f.ID, "", 0, nil)
				return err
			})
		}
		for i := range 3 {
			if err := share(holder, id, "unit"); err != nil {
				t.Fatal(err)
			}
			holder.Delivered()
			want := int64(min(i+1, 2))
			if got := taker.Int("SELECT COUNT(*) FROM list_entry"); got != want {
				t.Errorf("after share %d: %d entries, want %d", i+1, got, want)
			}
			if i == 0 {
				holder.Write(func(ctx context.Context, tx *store.Tx) error {
					return holder.Lists.Add(ctx, tx, id, 0, []lists.Entry{{Kind: lists.SHA256, Value: picture(2).SHA256}})
				})
			}
		}
		if hits := taker.Lists.Match(near(picture(1), 5)); len(hits) != 1 || hits[0].Label != "A1" {
			t.Errorf("the taker finds %v", hits)
		}
		if err := share(taker, taker.Int("SELECT id FROM hash_list"), "clearinghouse"); fault.Of(err) != fault.Refused {
			t.Errorf("passed on: %v", err)
		}
		if n := holder.Int("SELECT COUNT(*) FROM document WHERE state = 'acknowledged'"); n != 3 {
			t.Errorf("%d of 3 shares are acknowledged", n)
		}
	})
}

func TestParseEntries(t *testing.T) {
	text := "# comment\n\n" + picture(1).PDQ + ", kite\n" + picture(2).MD5 + "\triver\n"
	entries, err := lists.ParseEntries(text)
	if err != nil || len(entries) != 2 || entries[0] != (lists.Entry{Kind: lists.PDQ, Value: picture(1).PDQ, Label: "kite"}) ||
		entries[1] != (lists.Entry{Kind: lists.MD5, Value: picture(2).MD5, Label: "river"}) {
		t.Errorf("%+v, %v", entries, err)
	}
	if _, err := lists.ParseEntries("kite\n"); fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("got %v", err)
	}
}

func FuzzParseEntries(f *testing.F) {
	f.Add(picture(1).PDQ + ",a\n" + picture(2).MD5 + "\n# c\n")
	f.Add("\t,\n,,")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := lists.ParseEntries(text)
		if err != nil && fault.Of(err) != fault.Invalid {
			t.Errorf("kind of %v", err)
		}
		if len(entries) > strings.Count(text, "\n")+1 {
			t.Errorf("%d entries", len(entries))
		}
	})
}
