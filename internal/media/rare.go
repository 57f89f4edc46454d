package media

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"os"
	"slices"

	"github.com/gen2brain/avif"
	"github.com/gen2brain/heic"
)

// The decoders that children are started for. Those for AVIF and HEIC are C libraries compiled to WebAssembly, which is translated to
// machine code when the child starts, before it is confined: afterwards it may make no new code. That takes about a second of one
// core, so that each has children of its own, which start with the first file that needs them.
const (
	commonDecoder = "common"
	avifDecoder   = "avif"
	heicDecoder   = "heic"
)

// decoderOf names the decoder of a format.
func decoderOf(format string) string {
	if format == avifDecoder || format == heicDecoder {
		return format
	}
	return commonDecoder
}

// prepare does what a decoder needs and what can no longer be done once the process is confined.
func prepare(decoder string) error {
	// Both packages open the system's library, if it is there, when the program starts: code in C, in this address space.
	if avif.Dynamic() == nil || heic.Dynamic() == nil {
		return errors.New("this program was built so that it loads system libraries for AVIF and HEIC into the process that decodes; build it again with: go build -tags nodynamic")
	}
	// What the libraries print must not get between the messages to the parent.
	os.Stdout = os.Stderr
	switch decoder {
	case commonDecoder:
	case avifDecoder:
		avif.InitDecoder()
	case heicDecoder:
		heic.Init()
	default:
		return fmt.Errorf("no decoder %q", decoder)
	}
	return nil
}

func avifPixels(b []byte) (image.Image, error) {
	m, err := avif.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	h, err := parseHEIF(b)
	if err != nil {
		return nil, err
	}
	if !avifDecoded(m, h.alpha) {
		return nil, errors.New("no picture was decoded")
	}
	return m, nil
}

// avifDecoded tells whether the decoder filled the pixels: it does not say so when it fails on them. A picture without transparency
// is opaque, and one with it is not black and transparent everywhere.
func avifDecoded(m image.Image, alpha bool) bool {
	switch m := m.(type) {
	case *image.RGBA:
		if !alpha {
			return m.Opaque()
		}
		return slices.ContainsFunc(m.Pix, func(v uint8) bool { return v != 0 })
	case *image.RGBA64:
		if !alpha {
			return m.Opaque()
		}
		return slices.ContainsFunc(m.Pix, func(v uint8) bool { return v != 0 })
	}
	return false
}

func heicPixels(b []byte) (image.Image, error) { return heic.Decode(bytes.NewReader(b)) }
