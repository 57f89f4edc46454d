package media

import (
	"encoding/binary"
	"fmt"
	"image"
	"slices"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

// A child may have been taken over by what it decoded. What it answers is checked here, so that it can lie about a hash but can
// neither harm its parent nor speak to a person.

// longestPlay is the play time of a film beyond which an answer is taken for a lie: 10,000 frames of eleven minutes.
const longestPlay = maxGIFFrames * 11 * time.Minute

// check tells whether a child's answer is one that the format and the limits allow.
func (r Result) check(format string, pixels int64, profile pdq.Profile) error {
	wrong := func(what string) error { return fmt.Errorf("%w: %s", errWire, what) }
	if r.Format != format || r.Bytes != 0 || r.SHA256 != "" || r.SHA1 != "" || r.MD5 != "" {
		return wrong("fields that are not the child's")
	}
	if r.Kind == Container {
		return r.checkContainer()
	}
	if r.Entries != nil {
		return wrong("entries")
	}
	if r.Width <= 0 || r.Height <= 0 || int64(r.Width) > pixels/int64(r.Height) {
		return wrong("size")
	}
	if r.Profile != string(profile) || r.Quality < 0 || r.Quality > 100 {
		return wrong("profile or quality")
	}
	if len(r.Orientations) > 0 && (r.Kind != Image || len(r.Orientations) != 8 || slices.ContainsFunc(r.Orientations, func(s string) bool { return !isHash(s) })) {
		return wrong("orientations")
	}
	switch {
	case r.Kind == Image && len(r.Frames) == 0:
		if !isHash(r.PDQ) || r.Upright != "" && !isHash(r.Upright) {
			return wrong("hash")
		}
	case r.Kind == Video && (format == "gif" || format == "webp") && r.PDQ == "" && r.Upright == "" && len(r.Frames) >= 1 && len(r.Frames) <= maxFrames:
		return checkFrames(r.Frames)
	default:
		return wrong("kind")
	}
	return nil
}

func (r Result) checkContainer() error {
	if containers[r.Format] == nil || r.Width != 0 || r.Height != 0 || r.Profile != "" || r.PDQ != "" || r.Upright != "" || r.Quality != 0 ||
		len(r.Orientations) > 0 || len(r.Frames) > 0 {
		return fmt.Errorf("%w: a container with hashes", errWire)
	}
	for name, n := range r.Entries {
		if n <= 0 || !slices.Contains(entryNames(), name) {
			return fmt.Errorf("%w: entries of a container", errWire)
		}
	}
	return nil
}

func checkFrames(frames []vpdq.Frame) error {
	for i, f := range frames {
		if f.Index < 0 || f.Index >= maxGIFFrames || f.Quality < 0 || f.Quality > 100 || f.At < 0 || f.At > longestPlay ||
			i > 0 && (f.Index < frames[i-1].Index || f.At < frames[i-1].At) {
			return fmt.Errorf("%w: frame %d", errWire, i)
		}
	}
	return nil
}

func isHash(s string) bool {
	h, err := pdq.Parse(s)
	return err == nil && h.String() == s
}

// parseRaster reads a preview's pixels.
func parseRaster(b []byte, maxSide int) (image.Image, error) {
	if len(b) < 8 {
		return nil, fmt.Errorf("%w: pixels without a size", errWire)
	}
	w, h := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	b = b[8:]
	if w == 0 || h == 0 || w > uint32(maxSide) || h > uint32(maxSide) || uint64(len(b)) != 3*uint64(w)*uint64(h) {
		return nil, fmt.Errorf("%w: %d bytes of pixels for %dx%d", errWire, len(b), w, h)
	}
	m := image.NewRGBA(image.Rect(0, 0, int(w), int(h)))
	for i := 0; len(b) > 0; i, b = i+4, b[3:] {
		m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3] = b[0], b[1], b[2], 0xff
	}
	return m, nil
}

// fault puts a child's failure into words.
func (f failure) fault(format string, l Limits) error {
	switch f.Code {
	case failPixels:
		return fault.Coded(fault.TooLarge, f.Code, "the picture has %d x %d pixels; at most %d in all are decoded", f.Width, f.Height, l.Pixels)
	case failFrames:
		return fault.Coded(fault.TooLarge, f.Code, "the film has more frames or larger ones than are decoded here")
	case failTruncated:
		return fault.Coded(fault.Invalid, f.Code, "the %s file ends early", format)
	case failFormat:
		return fault.Coded(fault.NotSupported, f.Code, "this variant of the type %s is not decoded here; only its exact hashes are known", format)
	}
	return fault.Coded(fault.Invalid, failMalformed, "the file begins like a %s file but is not a sound one", format)
}
