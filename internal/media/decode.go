package media

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	"golang.org/x/image/tiff"

	"raksha.example/raksha/pdq"
)

// still is how a format of still pictures is decoded. All functions take the whole file, and their errors may be of any kind.
type still struct {
	size        func([]byte) (image.Config, error) // from the headers alone
	pixels      func([]byte) (image.Image, error)
	orientation func([]byte) orientation // how the decoded pixels are to be shown
}

var stills = map[string]still{
	"jpeg": {reading(jpeg.DecodeConfig), reading(jpeg.Decode), jpegOrientation},
	"png":  {reading(png.DecodeConfig), reading(png.Decode), pngOrientation},
	"bmp":  {reading(bmp.DecodeConfig), reading(bmp.Decode), func([]byte) orientation { return upright }},
	"tiff": {reading(tiff.DecodeConfig), reading(tiff.Decode), tiffOrientation},
	"webp": {webpSize, webpPixels, webpOrientation},
	"avif": {heifSize, avifPixels, heifOrientation},
	"heic": {heifSize, heicPixels, func([]byte) orientation { return upright }}, // the decoder turns the picture itself
}

func reading[T any](decode func(io.Reader) (T, error)) func([]byte) (T, error) {
	return func(b []byte) (T, error) { return decode(bytes.NewReader(b)) }
}

// hash decodes a file and hashes it. It runs in the child, and its errors are failures.
func hash(b []byte, limit int64) (Result, error) {
	format := Sniff(b)
	if list, ok := containers[format]; ok {
		return listContainer(b, format, list)
	}
	if film, ok := asFilm(b, format); ok {
		return film(b, limit)
	}
	m, err := decode(b, limit)
	if err != nil {
		return Result{}, err
	}
	turn := stills[format].orientation(b)
	r := Result{Kind: Image, Format: format}
	r.setHash(pdq.FromImage(overWhite(m)))
	shown := turned(overWhite(m), turn)
	r.Width, r.Height = shown.Bounds().Dx(), shown.Bounds().Dy()
	if turn != upright {
		r.Upright = pdq.FromImage(shown).Hash.String()
	}
	return r, nil
}

func (r *Result) setHash(h pdq.Result) {
	r.PDQ, r.Quality, r.Profile = h.Hash.String(), h.Quality, string(h.Profile)
}

// decode reads the header, checks the size that it states against limit, and only then decodes the pixels.
func decode(b []byte, limit int64) (image.Image, error) {
	stated, err := pixelSize(b, limit)
	if err != nil {
		return nil, err
	}
	format := Sniff(b)
	m, err := stills[format].pixels(b)
	if err != nil {
		return nil, pixelFailure(b, format, err)
	}
	if got := m.Bounds().Size(); got.X*got.Y > max(stated.X*stated.Y, int(limit)) {
		return nil, &failure{Code: failMalformed, cause: errors.New("larger than its header says")}
	}
	return m, nil
}

// pixelSize reads the size that the header of a still picture states and checks it against limit.
func pixelSize(b []byte, limit int64) (image.Point, error) {
	format, ok := stills[Sniff(b)]
	if !ok {
		return image.Point{}, &failure{Code: failFormat}
	}
	c, err := format.size(b)
	if err != nil {
		return image.Point{}, decodeFailure(err)
	}
	return image.Pt(c.Width, c.Height), checkSize(c.Width, c.Height, limit)
}

func checkSize(width, height int, limit int64) error {
	switch {
	case width <= 0 || height <= 0:
		return &failure{Code: failMalformed, cause: errors.New("no pixels")}
	case int64(width) > limit/int64(height):
		return &failure{Code: failPixels, Width: width, Height: height}
	}
	return nil
}

// pixelFailure says of a file that has no end that it ends early, whatever the decoder took offence at.
func pixelFailure(b []byte, format string, err error) error {
	last := map[string]string{"jpeg": "\xff\xd9", "png": "IEND"}[format]
	failed := decodeFailure(err)
	var f *failure
	if errors.As(failed, &f) && f.Code == failMalformed && last != "" && !bytes.Contains(b[max(0, len(b)-1024):], []byte(last)) {
		return &failure{Code: failTruncated, cause: err}
	}
	return failed
}

// decodeFailure sorts the errors of all decoders.
func decodeFailure(err error) error {
	var known *failure
	var jpegVariant jpeg.UnsupportedError
	var pngVariant png.UnsupportedError
	var tiffVariant tiff.UnsupportedError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &failure{Code: failTruncated, cause: err}
	case errors.As(err, &jpegVariant), errors.As(err, &pngVariant), errors.As(err, &tiffVariant), errors.Is(err, bmp.ErrUnsupported):
		return &failure{Code: failFormat, cause: err}
	}
	return &failure{Code: failMalformed, cause: err}
}

// preview decodes a file's first frame and brings its longer side down to maxSide; smaller pictures keep their size.
func preview(b []byte, limit int64, maxSide int) (*image.RGBA, error) {
	m, turn, err := firstPicture(b, limit)
	if err != nil {
		return nil, err
	}
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	if longer := max(w, h); longer > maxSide {
		w, h = max(1, w*maxSide/longer), max(1, h*maxSide/longer)
	}
	small := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.BiLinear.Scale(small, small.Rect, m, m.Bounds(), draw.Src, nil) // knows the decoders' types; then few pixels are left
	shown := turned(overWhite(small), turn)
	out := image.NewRGBA(shown.Bounds())
	draw.Draw(out, out.Rect, shown, image.Point{}, draw.Src)
	return out, nil
}

// firstPicture decodes a still picture or the first frame of a film, and says how it is to be turned.
func firstPicture(b []byte, limit int64) (image.Image, orientation, error) {
	format := Sniff(b)
	if format == "gif" {
		m, err := firstFrame(b, limit)
		return m, upright, err
	}
	if _, ok := asFilm(b, format); ok {
		m, err := firstWebP(b, limit)
		return m, upright, err
	}
	m, err := decode(b, limit)
	if err != nil {
		return nil, upright, err
	}
	return m, stills[format].orientation(b), nil
}

// asFilm tells whether a file is to be hashed as a film, or decoded like one, and how.
func asFilm(b []byte, format string) (film func(b []byte, limit int64) (Result, error), ok bool) {
	switch {
	case format == "gif":
		return hashGIF, true
	case format == "webp" && webpAnimated(b):
		return hashWebP, true
	}
	return nil, false
}

// overWhite gives a picture as it looks on a white page. Pixels are computed when they are asked for: the hash of a large
// picture looks at few of them.
func overWhite(m image.Image) image.Image {
	if o, ok := m.(interface{ Opaque() bool }); ok && o.Opaque() {
		return m
	}
	return onWhite{m}
}

type onWhite struct{ image.Image }

func (onWhite) ColorModel() color.Model { return color.RGBAModel }

func (o onWhite) At(x, y int) color.Color {
	r, g, b, a := o.Image.At(x, y).RGBA() // premultiplied, 16 bits each
	rest := 0xffff - a
	return color.RGBA{uint8((r + rest) >> 8), uint8((g + rest) >> 8), uint8((b + rest) >> 8), 0xff}
}
