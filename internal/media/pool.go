package media

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image/png"
	"io"
	"log/slog"
	"sync"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/pdq"
)

// retireAfter is the busy time after which a child is replaced, well before it runs into its limit of processor time.
const retireAfter = 5 * time.Minute

// Pool keeps children that decode. It is safe for concurrent use; as many files are decoded at once as it has children, and further
// callers wait. Each child may use 2 GiB of memory.
type Pool struct {
	Limits Limits       // of every file; set before the first use
	Log    *slog.Logger // for children that fail; set before the first use, nil for none

	// AllowWeak lets children work that lack a protection because the kernel does not offer it. Set before the first use; without it
	// nothing is decoded on such a machine.
	AllowWeak bool

	exe   string
	slots chan slot // as many files as are decoded at once
	ended context.Context
	end   context.CancelCauseFunc

	closing sync.Once

	retired func(*process) // for tests: sees each child that was stopped, by the caller's goroutine

	mu       sync.Mutex  // guards obtained
	obtained Protections // of the child that started last
}

// slot is one turn in a pool: the running children by their decoder, of which one at most has work. Whoever took the slot out of the
// channel owns it.
type slot map[string]*process

// NewPool makes a pool that decodes size files at once. exe is our own binary (os.Executable): a child is exe with the arguments
// "media-child" and a decoder, which must do nothing but call ChildMain. Children start when they are first needed, one for the usual
// formats and one each for AVIF and HEIC.
func NewPool(exe string, size int) *Pool {
	p := &Pool{exe: exe, slots: make(chan slot, max(1, size))}
	p.ended, p.end = context.WithCancelCause(context.Background())
	for range cap(p.slots) {
		p.slots <- slot{}
	}
	return p
}

// Hash gives what is known of a file. Size, SHA-256 and MD5 are those of the bytes and are set even with an error, unless the file is
// empty or over the size limit: a file that cannot be decoded can still be looked up exactly.
//
// Errors are faults, with these codes. Of the kind TooLarge: too_many_bytes, too_many_pixels, too_many_frames, time, memory.
// Invalid: empty, malformed, truncated, decoder_failed (the child died of it). NotSupported: format, no_picture, no_ffmpeg. Unavailable: closed, or
// the context's error as the cause, or weak_confinement, see AllowWeak. Internal: no child could be started.
func (p *Pool) Hash(ctx context.Context, b []byte) (Result, error) {
	return p.result(ctx, b, msgHash, 0, pdq.Meta512)
}

// result asks a child for a Result.
func (p *Pool) result(ctx context.Context, b []byte, kind byte, argument int, profile pdq.Profile) (Result, error) {
	format, err := p.accept(b)
	if fault.Of(err) == fault.TooLarge || len(b) == 0 {
		return Result{Format: format, Bytes: int64(len(b))}, err
	}
	exact := Result{Format: format, Bytes: int64(len(b))}
	sha, sha160, old := sha256.Sum256(b), sha1.Sum(b), md5.Sum(b)
	exact.SHA256, exact.SHA1, exact.MD5 = hex.EncodeToString(sha[:]), hex.EncodeToString(sha160[:]), hex.EncodeToString(old[:])
	if err != nil {
		return exact, err
	}
	if isFilm(format) {
		return p.film(ctx, b, exact)
	}
	if err := p.probe(ctx, format, b); err != nil {
		return exact, err
	}
	var r Result
	err = p.exchange(ctx, decoderOf(format), kind, argument, b, msgResult, func(answer []byte) error {
		if err := decodeStrict(answer, &r); err != nil {
			return err
		}
		return r.check(format, p.Limits.withDefaults().Pixels, profile)
	})
	if err != nil {
		return exact, err
	}
	r.Bytes, r.SHA256, r.SHA1, r.MD5 = exact.Bytes, exact.SHA256, exact.SHA1, exact.MD5
	return r, nil
}

// Preview gives the first frame as a PNG whose longer side has at most maxSide pixels (1 to MaxPreview): what one trained officer may
// look at under the opening rules. The child hands over bare pixels and the PNG is made here, so that no byte of the file's own
// making reaches the officer's browser. Errors are those of Hash.
func (p *Pool) Preview(ctx context.Context, b []byte, maxSide int) ([]byte, error) {
	if maxSide < 1 || maxSide > MaxPreview {
		return nil, fault.New(fault.Invalid, "a preview's longer side must be 1 to %d pixels", MaxPreview)
	}
	format, err := p.accept(b)
	if err != nil {
		return nil, err
	}
	if isFilm(format) {
		return p.filmPreview(ctx, b, format, maxSide)
	}
	if err := p.probe(ctx, format, b); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = p.exchange(ctx, decoderOf(format), msgPreview, maxSide, b, msgPixels, func(answer []byte) error {
		m, err := parseRaster(answer, maxSide)
		if err != nil {
			return err
		}
		return png.Encode(&out, m)
	})
	if err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Protections gives what the children of this machine gave up before they read anything. It starts a child if none has run yet.
func (p *Pool) Protections(ctx context.Context) (Protections, error) {
	p.mu.Lock()
	obtained := p.obtained
	p.mu.Unlock()
	if obtained != nil {
		return obtained, nil
	}
	s, c, err := p.take(ctx, commonDecoder)
	if err != nil {
		return nil, err
	}
	p.slots <- s
	return c.obtained, nil
}

// Close kills the children. Calls that are under way, and later ones, fail with Unavailable.
func (p *Pool) Close() error {
	p.closing.Do(func() {
		p.end(errClosed)
		for range cap(p.slots) {
			for _, c := range <-p.slots {
				c.stop()
			}
		}
		for range cap(p.slots) {
			p.slots <- slot{} // for those who came through the gate before it closed
		}
	})
	return nil
}

// accept refuses what needs no child to be refused.
func (p *Pool) accept(b []byte) (format string, err error) {
	limit := p.Limits.withDefaults().Bytes
	switch format = Sniff(b); {
	case len(b) == 0:
		return format, fault.Coded(fault.Invalid, "empty", "the file is empty")
	case int64(len(b)) > limit:
		return format, fault.Coded(fault.TooLarge, "too_many_bytes", "the file has %d bytes; at most %d are decoded", len(b), limit)
	case !decodable(format):
		return format, fault.Coded(fault.NotSupported, failFormat, "a file of the type %s is not decoded here; only its exact hashes are known", format)
	}
	return format, nil
}

// take waits for a turn and gives it with a running child of the decoder in it.
func (p *Pool) take(ctx context.Context, decoder string) (slot, *process, error) {
	if p.ended.Err() != nil {
		return nil, nil, p.failed(ctx, nil, errClosed)
	}
	var s slot
	select {
	case s = <-p.slots:
	case <-ctx.Done():
		return nil, nil, p.failed(ctx, nil, context.Cause(ctx))
	case <-p.ended.Done():
		return nil, nil, p.failed(ctx, nil, errClosed)
	}
	if c := s[decoder]; c != nil {
		return s, c, nil
	}
	start, cancel := p.until(ctx)
	defer cancel()
	c, err := startProcess(start, p.exe, decoder)
	if err == nil {
		err = p.admit(c)
	}
	if err != nil {
		p.slots <- s
		if ctx.Err() != nil || p.ended.Err() != nil {
			return nil, nil, p.failed(ctx, nil, context.Cause(start))
		}
		if fault.Of(err) != fault.Internal {
			return nil, nil, err
		}
		p.log().Error("media child did not start", "decoder", decoder, "error", err)
		return nil, nil, fault.Wrap(err, fault.Internal, "the process that decodes media could not be started; the log of this node has the details")
	}
	s[decoder] = c
	return s, c, nil
}

// admit lets a child work if it is confined as it must be.
func (p *Pool) admit(c *process) error {
	p.mu.Lock()
	p.obtained = c.obtained
	p.mu.Unlock()
	missing := c.obtained.Missing()
	switch {
	case len(missing) == 0:
		return nil
	case !p.AllowWeak:
		c.stop()
		return missing.fault()
	}
	p.log().Warn("media child lacks protections", "missing", missing)
	return nil
}

// until gives a context that ends with the caller's or with the pool.
func (p *Pool) until(ctx context.Context) (context.Context, context.CancelFunc) {
	both, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(p.ended, func() { cancel(errClosed) })
	return both, func() { stop(); cancel(nil) }
}

// exchange lets one child answer one request and gives the answer, which must be of the wanted kind, to use. A child of which
// anything failed is never used again.
func (p *Pool) exchange(ctx context.Context, decoder string, kind byte, maxSide int, b []byte, wanted byte, use func(answer []byte) error) error {
	s, c, err := p.take(ctx, decoder)
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if !keep {
			c.stop()
			delete(s, c.decoder)
			if p.retired != nil {
				p.retired(c)
			}
		}
		p.slots <- s
	}()
	limits := p.Limits.withDefaults()
	until, cancel := p.until(ctx)
	defer cancel()
	until, cancelTime := context.WithTimeoutCause(until, limits.Time, errTime)
	defer cancelTime()
	got, answer, err := c.ask(until, kind, request{limits.Pixels, maxSide, b})
	switch {
	case err != nil:
	case got == msgFailure:
		var f failure
		if err = decodeStrict(answer, &f); err == nil {
			return f.fault(Sniff(b), limits)
		}
	case got != wanted:
		err = fmt.Errorf("%w: answer %q to %q", errWire, got, kind)
	default:
		err = use(answer)
	}
	if err != nil {
		return p.failed(ctx, c, err)
	}
	keep = c.items < limits.Items && c.busy < retireAfter
	return nil
}

// probe lets a child of the usual kind look at the structure of a file whose own decoder is slow to start, so that a file that is cut
// off, or too large, does not cost a start.
func (p *Pool) probe(ctx context.Context, format string, b []byte) error {
	if decoderOf(format) == commonDecoder {
		return nil
	}
	return p.exchange(ctx, commonDecoder, msgProbe, 0, b, msgResult, func([]byte) error { return nil })
}

// failed makes the fault for a request that got no proper answer.
func (p *Pool) failed(ctx context.Context, c *process, err error) error {
	switch {
	case errors.Is(err, errClosed):
		return fault.Coded(fault.Unavailable, "closed", "media are no longer decoded here: the program is ending")
	case ctx.Err() != nil:
		return fault.Wrap(ctx.Err(), fault.Unavailable, "the file was not decoded: the request was given up")
	case errors.Is(err, errTime):
		return fault.Coded(fault.TooLarge, "time", "decoding the file took more than %s and was stopped", p.Limits.withDefaults().Time)
	}
	c.stop() // so that its last words are complete
	p.log().Warn("media child failed", "error", err, "last_words", c.lastWords.String())
	if c.outOfMemory() {
		return fault.Coded(fault.TooLarge, "memory", "decoding the file took more than %d MiB of memory and was stopped", dataLimit>>20)
	}
	return fault.Coded(fault.Invalid, "decoder_failed", "the file made the decoder fail; it may be an attack on it")
}

func (p *Pool) log() *slog.Logger {
	if p.Log == nil {
		return slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return p.Log
}
