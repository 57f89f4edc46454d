package media

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"slices"
	"strings"
	"testing"

	xbmp "golang.org/x/image/bmp"
	xtiff "golang.org/x/image/tiff"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/pdq"
)

func near(t *testing.T, name, got string, want image.Image, most int) {
	t.Helper()
	h, err := pdq.Parse(got)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	d := h.Distance(pdq.FromImage(overWhite(want)).Hash)
	t.Logf("%-28s %2d bits", name, d)
	if d > most {
		t.Errorf("%s: %d bits from the original, at most %d are expected", name, d, most)
	}
}

// TestFormats decodes what other people's encoders made of one picture, in every format and variant.
func TestFormats(t *testing.T) {
	p := newPool(t, 2)
	m := detailed(320, 240, 30)
	transparent, err := png.Decode(bytes.NewReader(fixture(t, "alpha.png")))
	if err != nil {
		t.Fatal(err)
	}
	small, err := png.Decode(bytes.NewReader(fixture(t, "small.png")))
	if err != nil {
		t.Fatal(err)
	}
	grey := image.NewGray(m.Rect)
	draw.Draw(grey, m.Rect, m, image.Point{}, draw.Src)
	for _, c := range []struct {
		name, format  string
		width, height int
		want          image.Image
	}{
		{"pattern.png", "png", 320, 240, m},
		{"alpha.png", "png", 320, 240, transparent},
		{"grey.jpg", "jpeg", 320, 240, grey},
		{"progressive.jpg", "jpeg", 320, 240, m},
		{"444.jpg", "jpeg", 320, 240, m},
		{"cmyk.jpg", "jpeg", 320, 240, m},
		{"ycck.jpg", "jpeg", 320, 240, m},
		{"interlaced.gif", "gif", 320, 240, m},
		{"palette.bmp", "bmp", 160, 120, small},
		{"rgb.bmp", "bmp", 160, 120, small},
		{"lzw.tif", "tiff", 160, 120, small},
		{"zip.tif", "tiff", 160, 120, small},
		{"packbits.tif", "tiff", 160, 120, small},
		{"tiles.tif", "tiff", 160, 120, small},
		{"big-endian.tif", "tiff", 160, 120, small},
		{"alpha.tif", "tiff", 160, 120, transparent}, // scaled
		{"lossy.webp", "webp", 320, 240, m},
		{"lossless.webp", "webp", 160, 120, small},
		{"alpha.webp", "webp", 320, 240, transparent},
		{"420.avif", "avif", 320, 240, m},
		{"444-10bit.avif", "avif", 320, 240, m},
		{"grey.avif", "avif", 320, 240, grey},
		{"alpha.avif", "avif", 320, 240, transparent},
		{"film.avif", "avif", 160, 120, small},
		{"420.heic", "heic", 320, 240, m},
		{"444.heic", "heic", 320, 240, m},
		{"alpha.heic", "heic", 320, 240, m}, // the decoder gives no transparency
		{"odd.heic", "heic", 317, 239, m},
	} {
		r, err := p.Hash(t.Context(), fixture(t, c.name))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if r.Kind != Image || r.Format != c.format || r.Width != c.width || r.Height != c.height || r.Quality < 50 || r.Upright != "" || r.Damaged {
			t.Errorf("%s: %+v", c.name, r)
		}
		near(t, c.name, r.PDQ, c.want, 16)
		b, err := p.Preview(t.Context(), fixture(t, c.name), 320)
		if err != nil {
			t.Errorf("%s: preview: %v", c.name, err)
			continue
		}
		shown, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		near(t, "preview of "+c.name, pdq.FromImage(shown).Hash.String(), c.want, 16)
		s, err := p.Survey(t.Context(), fixture(t, c.name), pdq.Full)
		if err != nil || len(s.Orientations) != 8 {
			t.Errorf("%s: survey: %+v, %v", c.name, s, err)
		}
	}
}

// TestDepths stores one picture in all depths and models that the standard encoders know, and interlaced.
func TestDepths(t *testing.T) {
	m := pattern(160, 120, 31)
	bitmap := func(levels int) image.Image {
		var p color.Palette
		for i := range levels {
			p = append(p, color.Gray{uint8(i * 255 / (levels - 1))})
		}
		q := image.NewPaletted(m.Rect, p)
		draw.FloydSteinberg.Draw(q, m.Rect, m, image.Point{})
		return q
	}
	models := map[string]draw.Image{"8-bit grey": image.NewGray(m.Rect), "16-bit grey": image.NewGray16(m.Rect), "16-bit colour": image.NewRGBA64(m.Rect),
		"16-bit transparent": image.NewNRGBA64(m.Rect)}
	pictures := map[string]image.Image{"1-bit palette": bitmap(2), "2-bit palette": bitmap(4), "4-bit palette": bitmap(16), "8-bit palette": paletted(m), "8-bit colour": m}
	for name, into := range models {
		draw.Draw(into, m.Rect, m, image.Point{}, draw.Src)
		pictures[name] = into
	}
	see := models["16-bit transparent"].(*image.NRGBA64)
	for i := 0; i < len(see.Pix); i += 8 {
		see.Pix[i+6], see.Pix[i+7] = see.Pix[i], see.Pix[i+1]
	}
	for name, m := range pictures {
		var tiffs, bmps bytes.Buffer
		files := map[string][]byte{"png": encodePNG(t, m), "interlaced png": interlacedPNG(t, m)}
		if err := xtiff.Encode(&tiffs, m, &xtiff.Options{Compression: xtiff.Deflate, Predictor: true}); err == nil {
			files["tiff"] = tiffs.Bytes()
		} else {
			t.Errorf("%s: %v", name, err)
		}
		if err := xbmp.Encode(&bmps, m); err == nil && name != "16-bit transparent" {
			files["bmp"] = bmps.Bytes()
		}
		for format, b := range files {
			r, err := hash(b, 1<<20)
			if err != nil {
				t.Errorf("%s %s: %v", name, format, err)
				continue
			}
			near(t, name+" "+format, r.PDQ, m, 4)
		}
	}
}

// interlacedPNG stores a picture in seven passes. Source: PNG specification, s.8.2.
func interlacedPNG(t *testing.T, m image.Image) []byte {
	var raw bytes.Buffer
	size := m.Bounds().Size()
	for _, pass := range [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		for y := pass[1]; y < size.Y; y += pass[3] {
			raw.WriteByte(0)
			for x := pass[0]; x < size.X; x += pass[2] {
				c := color.NRGBA64Model.Convert(m.At(x, y)).(color.NRGBA64)
				for _, v := range []uint16{c.R, c.G, c.B, c.A} {
					raw.Write([]byte{byte(v >> 8), byte(v)})
				}
			}
		}
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(size.X))
	head = binary.BigEndian.AppendUint32(head, uint32(size.Y))
	head = append(head, 16, 6, 0, 0, 1)
	return slices.Concat([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", head), pngChunk("IDAT", zlibbed(t, raw.Bytes())), pngChunk("IEND", nil))
}

func pngChunk(kind string, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(append(b, kind...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// TestOrientationOfFormats sees that every format that can ask to be turned is.
func TestOrientationOfFormats(t *testing.T) {
	p := newPool(t, 2)
	m := pattern(160, 120, 32)
	lossy := fixture(t, "lossy.webp")
	wide := detailed(320, 240, 30)
	for o := mirrored; o <= quarterLeft; o++ {
		inverse := map[orientation]orientation{quarterRight: quarterLeft, quarterLeft: quarterRight}[o]
		if inverse == 0 {
			inverse = o
		}
		exif := exifOf(byte(o))
		stored := encodePNG(t, turned(m, inverse))
		for name, c := range map[string]struct {
			b    []byte
			want image.Image
		}{
			"png":  {slices.Concat(stored[:33], pngChunk("eXIf", exif), stored[33:]), m},
			"tiff": {plainTIFF(turned(m, inverse), o), m},
			"webp": {withEXIF(lossy, 320, 240, exif), turned(wide, o)},
		} {
			r, err := p.Hash(t.Context(), c.b)
			if err != nil || r.Format != name {
				t.Errorf("%s %d: %+v, %v", name, o, r, err)
				continue
			}
			if s := c.want.Bounds().Size(); r.Width != s.X || r.Height != s.Y {
				t.Errorf("%s %d: %dx%d", name, o, r.Width, r.Height)
			}
			near(t, name, r.Upright, c.want, 12)
		}
	}
	small, err := png.Decode(bytes.NewReader(fixture(t, "small.png")))
	if err != nil {
		t.Fatal(err)
	}
	for angle := range 4 {
		for _, mirror := range []string{"", "-mirrored-0", "-mirrored-1"} {
			name := "turned-" + string(rune('0'+angle)) + mirror + ".avif"
			var want image.Image = small
			for range angle { // a quarter anticlockwise
				want = turned(want, quarterLeft)
			}
			switch mirror {
			case "-mirrored-0":
				want = turned(want, mirroredUpsideDown)
			case "-mirrored-1":
				want = turned(want, mirrored)
			}
			r, err := p.Hash(t.Context(), fixture(t, name))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			shown := r.Upright
			if angle == 0 && mirror == "" {
				shown = r.PDQ
			}
			if (r.Width < r.Height) != (angle%2 == 1) {
				t.Errorf("%s: %dx%d", name, r.Width, r.Height)
			}
			near(t, name, shown, want, 12)
		}
	}
	var quarter image.Image = wide
	for angle := 1; angle < 4; angle++ {
		quarter = turned(quarter, quarterLeft)
		b := bytes.Replace(fixture(t, "420.heic"), []byte("pixi\x00"), append([]byte("irot"), byte(angle)), 1) // another property in its place
		r, err := p.Hash(t.Context(), b)
		if s := quarter.Bounds().Size(); err != nil || r.Width != s.X || r.Height != s.Y || r.Upright != "" {
			t.Errorf("heic, %d quarters: %+v, %v", angle, r, err)
			continue
		}
		near(t, "heic", r.PDQ, quarter, 12)
	}
}

// exifOf is an Exif structure that holds an orientation and nothing else.
func exifOf(o byte) []byte {
	return append([]byte("MM\x00*\x00\x00\x00\x08\x00\x01"), 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, o, 0, 0, 0, 0, 0, 0)
}

// withEXIF makes an extended WebP file of a simple one.
func withEXIF(file []byte, width, height int, exif []byte) []byte {
	head := []byte{8, 0, 0, 0, byte(width - 1), byte((width - 1) >> 8), 0, byte(height - 1), byte((height - 1) >> 8), 0}
	return riff(riffChunk("VP8X", head), file[webpHeader:], riffChunk("EXIF", exif))
}

func riff(parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body)+4))
	return append(append(b, "WEBP"...), body...)
}

func riffChunk(kind string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(body)))
	b = append(b, body...)
	return append(b, make([]byte, len(body)&1)...)
}

// plainTIFF stores a picture in one strip that is not packed.
func plainTIFF(m image.Image, o orientation) []byte {
	size := m.Bounds().Size()
	pixels := 3 * size.X * size.Y
	const directory = 8 + 6 // after the header and the depths
	b := []byte("II*\x00")
	b = binary.LittleEndian.AppendUint32(b, directory)
	b = append(b, 8, 0, 8, 0, 8, 0)
	fields := [][3]int{{256, 4, size.X}, {257, 4, size.Y}, {258, 3, 8}, {259, 3, 1}, {262, 3, 2}, {273, 4, directory + 2 + 10*12 + 4}, {274, 3, int(o)},
		{277, 3, 3}, {278, 4, size.Y}, {279, 4, pixels}}
	b = binary.LittleEndian.AppendUint16(b, uint16(len(fields)))
	for _, f := range fields {
		b = binary.LittleEndian.AppendUint16(b, uint16(f[0]))
		b = binary.LittleEndian.AppendUint16(b, uint16(f[1]))
		n := 1
		if f[0] == 258 {
			n = 3
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
		b = binary.LittleEndian.AppendUint32(b, uint32(f[2]))
	}
	b = append(b, 0, 0, 0, 0)
	for y := range size.Y {
		for x := range size.X {
			c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			b = append(b, c.R, c.G, c.B)
		}
	}
	return b
}

// TestWebPFilm compares the frames of a film that another encoder made with the pictures it was made of.
func TestWebPFilm(t *testing.T) {
	b := fixture(t, "film.webp")
	r, err := newPool(t, 1).Hash(t.Context(), b)
	if err != nil || r.Kind != Video || r.Format != "webp" || r.Width != 160 || r.Height != 120 || len(r.Frames) != 3 || r.Damaged {
		t.Fatalf("%+v, %v", r, err)
	}
	for i, name := range []string{"small.png", "film-1.png", "film-2.png"} {
		want, err := png.Decode(bytes.NewReader(fixture(t, name)))
		if err != nil {
			t.Fatal(err)
		}
		near(t, name, r.Frames[i].Hash.String(), want, 12)
	}
	damaged := 0
	for n := 0; n < len(b); n += len(b) / 100 {
		r, err := hash(b[:n], 1<<20)
		if err == nil && !r.Damaged {
			t.Errorf("cut at %d: not said to be damaged", n)
		}
		if err == nil {
			damaged++
		}
	}
	if damaged == 0 {
		t.Error("nothing was hashed of a film that ends early")
	}
}

// TestVariants sees that variants which are not decoded are named as such, and not called broken.
func TestVariants(t *testing.T) {
	jpeg12 := fixture(t, "444.jpg")
	jpeg12[bytes.Index(jpeg12, []byte{0xff, 0xc0})+4] = 12 // bits of a sample
	arithmetic := fixture(t, "444.jpg")
	arithmetic[bytes.Index(arithmetic, []byte{0xff, 0xc0})+1] = 0xc9
	rle := fixture(t, "palette.bmp")
	rle[30] = 1
	fax := bytes.Replace(plainTIFF(pattern(8, 8, 1), upright), []byte{3, 1, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0}, []byte{3, 1, 3, 0, 1, 0, 0, 0, 7, 0, 0, 0}, 1)
	for name, b := range map[string][]byte{"12-bit JPEG": jpeg12, "arithmetic JPEG": arithmetic, "packed BMP": rle, "JPEG in TIFF": fax} {
		_, err := newPool(t, 1).Hash(t.Context(), b)
		if fault.Of(err) != fault.NotSupported || fault.Code(err) != failFormat || !strings.Contains(fault.Message(err), "variant") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSniff(t *testing.T) {
	box := func(brands string) []byte {
		return append(append([]byte{0, 0, 0, byte(8 + len(brands))}, "ftyp"...), brands...)
	}
	for want, all := range map[string][][]byte{
		"avif":      {box("avif\x00\x00\x00\x00"), box("mif1\x00\x00\x00\x00mif1avif")},
		"heic":      {box("heic\x00\x00\x00\x00"), box("mif1\x00\x00\x00\x00heic"), box("msf1\x00\x00\x00\x00msf1hevc")},
		"mp4":       {box("isom\x00\x00\x00\x00avif"), box("M4V \x00\x00\x00\x00")},
		"quicktime": {box("qt  \x00\x00\x00\x00")},
		"unknown":   {nil, []byte("BM"), []byte("BM by the river, a kite"), []byte("ftypavif"), make([]byte, 600)},
		"webp":      {[]byte("RIFF\x00\x00\x00\x00WEBPVP8 ")},
		"tar":       {append(make([]byte, 257), "ustar\x00"...)},
	} {
		for _, b := range all {
			if got := Sniff(b); got != want {
				t.Errorf("%.40q: %s, want %s", b, got, want)
			}
		}
	}
}
