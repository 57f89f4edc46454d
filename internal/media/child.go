package media

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
)

// handler answers one request with a message.
type handler func(body []byte) (kind byte, answer []byte, err error)

// ChildMain is the whole life of a child: it confines the process, says what it obtained, and then serves requests from in until
// it ends. decoder is the argument that a Pool gave. The confinement holds for the process for good. An error means that the parent
// does not keep to the protocol, or that the binary was built so that no child may run.
func ChildMain(in io.Reader, out io.Writer, decoder string) error {
	if decoder == filmDecoder {
		return filmMain(in, out)
	}
	if err := prepare(decoder); err != nil {
		return err
	}
	return serve(in, out, confine(), map[byte]handler{msgHash: answerHash, msgPreview: answerPreview, msgSurvey: answerSurvey, msgProbe: answerProbe})
}

func serve(in io.Reader, out io.Writer, obtained Protections, handlers map[byte]handler) error {
	greeting, err := json.Marshal(hello{obtained, ownPeak()})
	if err != nil {
		return err
	}
	if err := writeMessage(out, msgHello, greeting); err != nil {
		return err
	}
	for {
		kind, body, err := readMessage(in, func(byte) int { return maxRequest })
		if errors.Is(err, io.EOF) && !errors.Is(err, errWire) {
			return nil
		}
		if err != nil {
			return err
		}
		handle, ok := handlers[kind]
		if !ok {
			return fmt.Errorf("%w: request %q", errWire, kind)
		}
		answerKind, answer, err := handle(body)
		if err != nil {
			return err
		}
		if err := writeMessage(out, answerKind, answer); err != nil {
			return err
		}
	}
}

func answerHash(body []byte) (byte, []byte, error) {
	q, err := parseRequest(body)
	if err != nil {
		return 0, nil, err
	}
	r, err := hash(q.file, q.pixels)
	if err != nil {
		return answerFailure(err)
	}
	answer, err := json.Marshal(r)
	return msgResult, answer, err
}

// answerProbe reads the headers and decodes nothing.
func answerProbe(body []byte) (byte, []byte, error) {
	q, err := parseRequest(body)
	if err != nil {
		return 0, nil, err
	}
	if _, err := pixelSize(q.file, q.pixels); err != nil {
		return answerFailure(err)
	}
	return msgResult, nil, nil
}

func answerPreview(body []byte) (byte, []byte, error) {
	q, err := parseRequest(body)
	if err != nil {
		return 0, nil, err
	}
	m, err := preview(q.file, q.pixels, q.maxSide)
	if err != nil {
		return answerFailure(err)
	}
	return msgPixels, raster(m), nil
}

func answerFailure(err error) (byte, []byte, error) {
	f := &failure{Code: failMalformed}
	errors.As(err, &f)
	answer, err := json.Marshal(f)
	return msgFailure, answer, err
}

// raster lays an opaque picture out as msgPixels carries it.
func raster(m *image.RGBA) []byte {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	b := make([]byte, 0, 8+3*w*h)
	b = binary.BigEndian.AppendUint32(b, uint32(w))
	b = binary.BigEndian.AppendUint32(b, uint32(h))
	for y := range h {
		for row := m.Pix[y*m.Stride:][:4*w]; len(row) > 0; row = row[4:] {
			b = append(b, row[0], row[1], row[2])
		}
	}
	return b
}
