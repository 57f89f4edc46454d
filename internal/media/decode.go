package media

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"

	"raksha.example/raksha/pdq"
)

// hash decodes a file and hashes it. It runs in the child, and its errors are failures.
func hash(b []byte, limit int64) (Result, error) {
	if Sniff(b) == "gif" {
		return hashGIF(b, limit)
	}
	m, format, err := decode(b, limit)
	if err != nil {
		return Result{}, err
	}
	turn := upright
	if format == "jpeg" {
		turn = exifOrientation(b)
	}
	r := Result{Kind: Image, Format: format}
	r.setHash(pdq.FromImage(overWhite(m)))
	shown := turned(m, turn)
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
func decode(b []byte, limit int64) (image.Image, string, error) {
	format := Sniff(b)
	if _, err := pixelSize(b, limit); err != nil {
		return nil, format, err
	}
	pixels := jpeg.Decode
	if format == "png" {
		pixels = png.Decode
	}
	m, err := pixels(bytes.NewReader(b))
	if err != nil {
		return nil, format, decodeFailure(err)
	}
	return m, format, nil
}

// pixelSize reads the size that the header of a JPEG or PNG file states and checks it against limit.
func pixelSize(b []byte, limit int64) (image.Point, error) {
	config := jpeg.DecodeConfig
	switch Sniff(b) {
	case "jpeg":
	case "png":
		config = png.DecodeConfig
	default:
		return image.Point{}, &failure{Code: failFormat}
	}
	c, err := config(bytes.NewReader(b))
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

func decodeFailure(err error) error {
	var jpegVariant jpeg.UnsupportedError
	var pngVariant png.UnsupportedError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &failure{Code: failTruncated, cause: err}
	case errors.As(err, &jpegVariant), errors.As(err, &pngVariant):
		return &failure{Code: failFormat, cause: err}
	}
	return &failure{Code: failMalformed, cause: err}
}

// preview decodes a file's first frame and brings its longer side down to maxSide; smaller pictures keep their size.
func preview(b []byte, limit int64, maxSide int) (*image.RGBA, error) {
	var m image.Image
	var err error
	turn := upright
	switch Sniff(b) {
	case "gif":
		m, err = firstFrame(b, limit)
	case "jpeg":
		turn = exifOrientation(b)
		fallthrough
	default:
		m, _, err = decode(b, limit)
	}
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
