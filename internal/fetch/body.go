package fetch

import (
	"compress/gzip"
	"io"
	"sync"

	"raksha.example/raksha/internal/fault"
)

// limited is a body that fails once more than limit bytes are read, where io.LimitReader would end as if complete.
type limited struct {
	body        io.ReadCloser
	left, limit int64
}

func (l *limited) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.body.Read(p)
	if int64(n) > l.left {
		n, l.left = int(l.left), 0
		return n, tooLarge(l.limit)
	}
	l.left -= int64(n)
	return n, err
}

func (l *limited) Close() error { return l.body.Close() }

// unpacked is a gzip body. If bounded, what comes out may be at most keepPacked times what went in, beyond the first MiB:
// a bomb is noticed long before it reaches the limit of a body.
type unpacked struct {
	packed  io.ReadCloser
	z       *gzip.Reader
	in, out int64
	bounded bool
}

const freelyPacked = 1 << 20 // bytes that may come out whatever went in

// Read implements io.Reader.
func (u *unpacked) Read(p []byte) (int, error) {
	if u.z == nil {
		z, err := gzip.NewReader(counter{u})
		if err != nil {
			return 0, err
		}
		u.z = z
	}
	n, err := u.z.Read(p)
	u.out += int64(n)
	if u.bounded && u.out > freelyPacked && u.out/keepPacked > u.in {
		return 0, fault.New(fault.TooLarge, "the answer grows more than %d times when it is unpacked; it is not read further", keepPacked)
	}
	return n, err
}

// Close closes the packed body.
func (u *unpacked) Close() error { return u.packed.Close() }

// counter reads the packed body and counts it.
type counter struct{ u *unpacked }

func (c counter) Read(p []byte) (int, error) {
	n, err := c.u.packed.Read(p)
	c.u.in += int64(n)
	return n, err
}

// leaving gives up the place at the host when the body is done with.
type leaving struct {
	io.ReadCloser
	leave func()
}

// Read implements io.Reader.
func (l *leaving) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if err != nil {
		l.leave()
	}
	return n, err
}

// Close implements io.Closer.
func (l *leaving) Close() error {
	l.leave()
	return l.ReadCloser.Close()
}

// once makes a function that runs fn the first time only.
func once(fn func()) func() {
	var o sync.Once
	return func() { o.Do(fn) }
}
