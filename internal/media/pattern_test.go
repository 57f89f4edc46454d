package media

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"testing"
)

// pattern paints waves: a picture with enough in it for a hash of good quality, the same for the same seed.
func pattern(width, height int, seed uint64) *image.NRGBA {
	r := rand.New(rand.NewPCG(seed, 0))
	type wave struct{ across, down, phase float64 }
	waves := make([]wave, 12)
	for i := range waves {
		waves[i] = wave{(r.Float64() - 0.5) * 40, (r.Float64() - 0.5) * 40, r.Float64() * 6}
	}
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			var v [3]float64
			for i, w := range waves {
				v[i%3] += math.Sin(w.across*float64(x)/float64(width) + w.down*float64(y)/float64(height) + w.phase)
			}
			m.SetNRGBA(x, y, color.NRGBA{level(v[0]), level(v[1]), level(v[2]), 255})
		}
	}
	return m
}

// detailed paints many fine waves, so that no bit of the hash hangs on rounding.
func detailed(width, height int, seed uint64) *image.NRGBA {
	r := rand.New(rand.NewPCG(seed, 1))
	type wave struct{ across, down, phase float64 }
	waves := make([]wave, 60)
	for i := range waves {
		waves[i] = wave{(r.Float64() - 0.5) * 110, (r.Float64() - 0.5) * 110, r.Float64() * 6}
	}
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			v := 0.0
			for _, w := range waves {
				v += math.Sin(w.across*float64(x)/float64(width) + w.down*float64(y)/float64(height) + w.phase)
			}
			m.SetNRGBA(x, y, color.NRGBA{level(v / 4), level(v/4 + 0.5), level(0.5 - v/8), 255})
		}
	}
	return m
}

func level(v float64) uint8 { return uint8(max(0, min(255, 127+40*v))) }

func encodePNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeGIF(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeFilm(t testing.TB, g *gif.GIF) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func paletted(m image.Image) *image.Paletted {
	p := image.NewPaletted(m.Bounds(), palette.WebSafe)
	draw.Draw(p, p.Rect, m, m.Bounds().Min, draw.Src)
	return p
}

// lyingPNG states a size that its pixels do not have.
func lyingPNG(t testing.TB, width, height uint32) []byte {
	b := encodePNG(t, pattern(8, 8, 1))
	binary.BigEndian.PutUint32(b[16:], width)
	binary.BigEndian.PutUint32(b[20:], height)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

// lyingJPEG is lyingPNG for a JPEG.
func lyingJPEG(t testing.TB, width, height uint16) []byte {
	b := encodeJPEG(t, pattern(8, 8, 1))
	i := bytes.Index(b, []byte{0xff, 0xc0}) // the frame header: length, precision, height, width
	if i < 0 {
		t.Fatal("no frame header")
	}
	binary.BigEndian.PutUint16(b[i+5:], height)
	binary.BigEndian.PutUint16(b[i+7:], width)
	return b
}

// lyingGIF is lyingPNG for a GIF.
func lyingGIF(t testing.TB, width, height uint16) []byte {
	b := encodeGIF(t, pattern(8, 8, 1))
	binary.LittleEndian.PutUint16(b[6:], width)
	binary.LittleEndian.PutUint16(b[8:], height)
	return b
}

// endlessGIF has n frames of the same side and no end.
func endlessGIF(n int, side uint16) []byte {
	b := []byte("GIF89a")
	b = binary.LittleEndian.AppendUint16(b, side)
	b = binary.LittleEndian.AppendUint16(b, side)
	b = append(b, 0x80, 0, 0, 0, 0, 0, 255, 255, 255)
	frame := []byte{0x2c, 0, 0, 0, 0}
	frame = binary.LittleEndian.AppendUint16(frame, side)
	frame = binary.LittleEndian.AppendUint16(frame, side)
	frame = append(frame, 0, 2, 2, 0x44, 0x01, 0) // one pixel, packed
	return append(b, bytes.Repeat(frame, n)...)
}

func zlibbed(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
