package media

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Between parent and child everything is a message: a byte that says what it is, the length of what follows as four bytes, most
// significant first, and that many bytes. A child begins with a hello and then answers each request with one message.
const (
	msgHello   = 'h' // child: hello as JSON
	msgHash    = 'H' // parent: limits and a file, see request
	msgPreview = 'P' // parent: likewise
	msgSurvey  = 'S' // parent: likewise; instead of the longer side, the place of a profile in surveyProfiles
	msgProbe   = 'O' // parent: likewise; the answer is an empty result or a failure
	msgResult  = 'r' // child: Result as JSON, without what the parent computes itself
	msgPixels  = 'p' // child: width and height as four bytes each, then three bytes a pixel: red, green, blue
	msgFailure = 'f' // child: failure as JSON
)

// Lengths that a side accepts.
const (
	maxRequest = maxBytes + requestHeader
	maxText    = 1 << 16 // a result with 120 frames takes 20 KiB
	maxRaster  = 8 + 3*MaxPreview*MaxPreview
)

// errWire says that the other side does not keep to the protocol.
var errWire = errors.New("not the protocol of the media child")

// hello is what a child says before it is sent anything.
type hello struct {
	Protections Protections `json:"protections"`
	Peak        int64       `json:"peak"` // bytes of memory, as peakMemory counts them
}

func writeMessage(w io.Writer, kind byte, parts ...[]byte) error {
	head := [5]byte{kind}
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	binary.BigEndian.PutUint32(head[1:], uint32(n))
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// readMessage reads one message, of which limit gives the longest length for its kind. At the end of the input, between two
// messages, it returns io.EOF. The buffer grows with what really arrives, not with what the header promises.
func readMessage(r io.Reader, limit func(kind byte) int) (byte, []byte, error) {
	var head [5]byte
	switch _, err := io.ReadFull(r, head[:]); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return 0, nil, fmt.Errorf("%w: ends within a header", errWire)
	case err != nil:
		return 0, nil, err
	}
	kind, n := head[0], int64(binary.BigEndian.Uint32(head[1:]))
	if n > int64(limit(kind)) {
		return 0, nil, fmt.Errorf("%w: message %q of %d bytes", errWire, kind, n)
	}
	const atOnce = 1 << 20
	b := make([]byte, 0, min(n, atOnce))
	for int64(len(b)) < n {
		part := int(min(n-int64(len(b)), max(atOnce, int64(len(b)))))
		if cap(b)-len(b) < part {
			b = append(make([]byte, 0, len(b)+part), b...)
		}
		read, err := io.ReadFull(r, b[len(b):len(b)+part])
		b = b[:len(b)+read]
		if err != nil {
			return 0, nil, fmt.Errorf("%w: ends %d bytes into a message of %d: %w", errWire, len(b), n, err)
		}
	}
	return kind, b, nil
}

// request is what a parent asks about one file.
type request struct {
	pixels  int64 // limit
	maxSide int   // of a preview
	file    []byte
}

const requestHeader = 12

func (q request) header() []byte {
	h := binary.BigEndian.AppendUint64(nil, uint64(q.pixels))
	return binary.BigEndian.AppendUint32(h, uint32(q.maxSide))
}

func parseRequest(b []byte) (request, error) {
	if len(b) < requestHeader {
		return request{}, fmt.Errorf("%w: request of %d bytes", errWire, len(b))
	}
	pixels, side := binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:])
	if pixels > maxPixels || side > MaxPreview {
		return request{}, fmt.Errorf("%w: limits out of range", errWire)
	}
	return request{int64(pixels), int(side), b[requestHeader:]}, nil
}

// failure is why a file was not decoded, in a form from which the parent makes its own words: those of a child that has been taken
// over must not reach a person.
type failure struct {
	Code   string `json:"code"`
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
	cause  error  // stays in the child
}

// Codes of failures; they are the codes of the faults too.
const (
	failMalformed = "malformed"       // the bytes are not what the format asks for
	failTruncated = "truncated"       // the file ends early
	failPixels    = "too_many_pixels" // width and height are given
	failFrames    = "too_many_frames" // more frames, or more pixels in all of them, than are worth the time
	failFormat    = "format"          // the format, or this variant of it, is not decoded
)

func (f *failure) Error() string {
	if f.cause != nil {
		return f.Code + ": " + f.cause.Error()
	}
	return f.Code
}

// decodeStrict reads JSON that one of our own processes wrote: nothing unknown, nothing behind.
func decodeStrict(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", errWire, err)
	}
	if d.More() {
		return fmt.Errorf("%w: more than one value", errWire)
	}
	return nil
}
