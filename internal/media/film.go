package media

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/image/draw"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

// Why the reading of a film's frames ended before the film did.
var (
	errEnough = errors.New("enough frames")
	errRepeat = errors.New("a frame came twice")
)

// isFilm tells whether ffmpeg is asked about files of the format.
func isFilm(format string) bool { return demuxers[format] != "" }

// film hashes a film: a frame at each step of play time, as a whole and within its borders. exact is what is known of the file already.
//
// The first try leaves out frames that no other refers to, which takes half the time. If then two frames in a row are one and the same,
// it is not known whether the picture stands still or whether all that happened was in what was left out (which a film can be made to
// do), and everything is decoded instead.
func (p *Pool) film(ctx context.Context, b []byte, exact Result) (Result, error) {
	program, err := findFFmpeg()
	if err != nil {
		return exact, err
	}
	s, err := p.turn(ctx)
	if err != nil {
		return exact, err
	}
	defer func() { p.slots <- s }()
	limits := p.Limits.withDefaults()
	until, cancel := p.until(ctx)
	defer cancel()
	until, cancelTime := context.WithTimeoutCause(until, limits.Play, errTime)
	defer cancelTime()
	o := filmOrder{Program: program, Demuxer: demuxers[exact.Format], Pixels: min(limits.Pixels, maxFilmPixels), Frames: vpdq.MaxFrames + 1,
		Every: limits.Every, Time: limits.Play, Quick: !limits.EveryFrame}
	got := filmSamples{order: o}
	facts, err := p.play(until, b, o, got.add)
	if errors.Is(err, errRepeat) {
		o.Quick = false
		got = filmSamples{order: o}
		facts, err = p.play(until, b, o, got.add)
	}
	switch {
	case len(got.frames) == 0 || ctx.Err() != nil || p.ended.Err() != nil || fault.Code(err) == "weak_confinement":
		return exact, p.noFilm(ctx, exact.Format, facts, err)
	case errors.Is(err, errEnough), errors.Is(err, errTime):
		exact.Cut = true
	case err != nil, facts.errors > 0:
		exact.Damaged = true
	}
	exact.Kind, exact.Profile, exact.Width, exact.Height = Video, string(pdq.Full), got.width, got.height
	exact.Frames, exact.Inner = got.frames, got.inner
	for _, frames := range [][]vpdq.Frame{exact.Frames, exact.Inner} {
		for i, f := range frames {
			if facts.rate > 0 {
				frames[i].Index = int(math.Round(f.At.Seconds() * facts.rate))
			}
		}
	}
	return exact, nil
}

// filmPreview gives the first frame of a film.
func (p *Pool) filmPreview(ctx context.Context, b []byte, format string, maxSide int) ([]byte, error) {
	program, err := findFFmpeg()
	if err != nil {
		return nil, err
	}
	s, err := p.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { p.slots <- s }()
	limits := p.Limits.withDefaults()
	until, cancel := p.until(ctx)
	defer cancel()
	until, cancelTime := context.WithTimeoutCause(until, limits.Time, errTime)
	defer cancelTime()
	var out bytes.Buffer
	o := filmOrder{program, demuxers[format], min(limits.Pixels, maxFilmPixels), 1, limits.Every, limits.Time, false}
	facts, err := p.play(until, b, o, func(m picture) error {
		whole := image.NewRGBA(image.Rect(0, 0, m.width, m.height))
		for i := range m.width * m.height {
			copy(whole.Pix[4*i:], m.pixels[3*i:3*i+3])
			whole.Pix[4*i+3] = 0xff
		}
		w, h := m.width, m.height
		if longer := max(w, h); longer > maxSide {
			w, h = max(1, w*maxSide/longer), max(1, h*maxSide/longer)
		}
		small := image.NewRGBA(image.Rect(0, 0, w, h))
		draw.BiLinear.Scale(small, small.Rect, whole, whole.Rect, draw.Src, nil)
		return errors.Join(png.Encode(&out, small), errEnough)
	})
	if out.Len() == 0 {
		return nil, p.noFilm(ctx, format, facts, err)
	}
	return out.Bytes(), nil
}

// filmSamples collects the hashes of frames.
type filmSamples struct {
	order         filmOrder
	frames, inner []vpdq.Frame
	width, height int
	last          picture // as it was read before
}

func (s *filmSamples) add(m picture) error {
	if len(s.frames) == vpdq.MaxFrames {
		return errEnough
	}
	if len(s.frames) == 0 {
		s.width, s.height = m.width, m.height
	} else if s.order.Quick && m.same(s.last) {
		return errRepeat
	}
	s.last = m
	h, err := m.hash()
	if err != nil {
		return err
	}
	f := vpdq.Frame{Index: len(s.frames), Hash: h.Hash, Quality: h.Quality, At: time.Duration(len(s.frames)) * s.order.Every}
	s.frames = append(s.frames, f)
	if r, ok := m.inner(); ok {
		if h, err = m.hashWithin(r); err != nil {
			return err
		}
		f.Hash, f.Quality = h.Hash, h.Quality
		s.inner = append(s.inner, f)
	}
	return nil
}

// play lets a child become ffmpeg and gives each frame to use, in order; a frame stays valid until the second after it. It ends with
// the film, with the context (whose cause is the error) or with an error of use.
func (p *Pool) play(ctx context.Context, b []byte, o filmOrder, use func(picture) error) (filmFacts, error) {
	c, err := startFilm(ctx, p.exe, b, o)
	if err != nil {
		return filmFacts{}, err
	}
	defer c.stop()
	if missing := c.obtained.Missing(); len(missing) > 0 {
		if !p.AllowWeak {
			return filmFacts{}, missing.fault()
		}
		p.log().Warn("ffmpeg lacks protections", "missing", missing)
	}
	var buffers [2]picture
	for n := 0; err == nil; n++ {
		var m picture
		if m, err = readPicture(c.out, maxFilmFrame+maxFilmFrame/8, buffers[n%2]); err == nil {
			buffers[n%2] = m
			err = use(m)
		}
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	ended := err == io.EOF
	if !ended {
		c.stop()
	}
	status := c.wait()
	facts := c.words.end()
	if !ended {
		return facts, err
	}
	if status != nil {
		p.log().Warn("ffmpeg failed", "status", status, "last_words", c.words.last.String())
		return facts, status
	}
	return facts, nil
}

// filmProcess is a child that becomes ffmpeg, for one film.
type filmProcess struct {
	cmd      *exec.Cmd
	out      *bufio.Reader
	words    *filmWords
	obtained Protections
	status   error
	waited   bool
}

func (c *filmProcess) stop() { c.cmd.Process.Kill(); c.wait() }

func (c *filmProcess) wait() error {
	if !c.waited {
		c.waited = true
		io.Copy(io.Discard, c.out) // a program that is still writing would never end
		c.status = c.cmd.Wait()
	}
	return c.status
}

// startFilm starts a child with an order and a film, and waits for its hello.
func startFilm(ctx context.Context, exe string, b []byte, o filmOrder) (*filmProcess, error) {
	film, err := memoryFile(b)
	if err != nil {
		return nil, err
	}
	defer film.Close()
	order, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	path, err := exec.LookPath(exe)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the process that decodes films could not be started: %v", err)
	}
	c := &filmProcess{cmd: exec.CommandContext(ctx, path, childArgument, filmDecoder), words: &filmWords{last: head{left: maxLastWords}}}
	c.cmd.Env, c.cmd.Dir, c.cmd.Stderr, c.cmd.WaitDelay = []string{}, "/", c.words, waitTime
	c.cmd.Stdin, c.cmd.ExtraFiles = bytes.NewReader(order), []*os.File{film}
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fault.Wrap(err, fault.Internal, "the process that decodes films could not be started: %v", err)
	}
	c.out = bufio.NewReaderSize(out, 1<<16)
	var h hello
	kind, answer, err := readMessage(c.out, func(byte) int { return maxText })
	if err == nil && kind != msgHello {
		err = fmt.Errorf("%w: %q instead of a hello", errWire, kind)
	}
	if err == nil {
		err = decodeStrict(answer, &h)
	}
	if err != nil {
		c.stop()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fault.Wrap(fmt.Errorf("%w: %s", err, c.words.last.String()), fault.Internal, "the process that decodes films did not start; the log of this node has the details")
	}
	c.obtained = h.Protections
	return c, nil
}

// noFilm makes the fault for a film of which no frame came.
func (p *Pool) noFilm(ctx context.Context, format string, facts filmFacts, err error) error {
	var exit *exec.ExitError
	signal := syscall.Signal(0)
	if errors.As(err, &exit) {
		if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
			signal = s.Signal()
		}
	}
	switch {
	case p.ended.Err() != nil, ctx.Err() != nil:
		return p.failed(ctx, nil, context.Cause(ctx))
	case errors.Is(err, errTime), signal == syscall.SIGXCPU:
		return fault.Coded(fault.TooLarge, "time", "no frame of the film was decoded within %v", p.Limits.withDefaults().Play)
	case facts.memory:
		return fault.Coded(fault.TooLarge, "memory", "decoding the film took more than %d MiB of memory and was stopped", dataLimit>>20)
	case signal != 0, errors.Is(err, errWire):
		return fault.Coded(fault.Invalid, "decoder_failed", "the film made the decoder fail; it may be an attack on it")
	case facts.pixels:
		return fault.Coded(fault.TooLarge, failPixels, "the film's frames have more than %d pixels", min(p.Limits.withDefaults().Pixels, maxFilmPixels))
	case facts.nothing, facts.audio && !facts.video:
		return fault.Coded(fault.NotSupported, "no_picture", "the %s file holds no moving picture, such as a sound recording; only its exact hashes are known", format)
	case facts.codec && facts.video:
		return fault.Coded(fault.NotSupported, failFormat, "the way in which this %s film is coded is not decoded here; only its exact hashes are known", format)
	case err != nil && exit == nil:
		p.log().Error("film not decoded", "error", err)
		return err
	}
	return fault.Coded(fault.Invalid, failMalformed, "the file begins like a %s film but no frame of it can be decoded", format)
}

// FilmProtections gives what ffmpeg gives up on this machine before it sees a film, as Protections does for the other children.
func (p *Pool) FilmProtections(ctx context.Context) (Protections, error) {
	program, err := findFFmpeg()
	if err != nil {
		return nil, err
	}
	// The order is one for nothing, so that ffmpeg starts and ends at once: only then is it known that it can.
	c, err := startFilm(ctx, p.exe, nil, filmOrder{Program: program, Demuxer: "avi", Pixels: 1, Frames: 1, Every: time.Second, Time: p.Limits.withDefaults().Play})
	if err != nil {
		return nil, err
	}
	c.wait()
	return c.obtained, nil
}

// turn waits until one more file may be decoded.
func (p *Pool) turn(ctx context.Context) (slot, error) {
	if p.ended.Err() != nil {
		return nil, p.failed(ctx, nil, errClosed)
	}
	select {
	case s := <-p.slots:
		return s, nil
	case <-ctx.Done():
		return nil, p.failed(ctx, nil, context.Cause(ctx))
	case <-p.ended.Done():
		return nil, p.failed(ctx, nil, errClosed)
	}
}
