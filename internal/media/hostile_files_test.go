package media

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image"
	"io"
	"slices"
	"strings"
	"testing"
)

// hostileFile makes one file of the corpus when it is needed, so that the parent's own memory stays small. All are the same in each run.
type hostileFile struct {
	name string
	make func(t testing.TB) []byte
}

// hostileFiles are files that want to cost more than they should, or to be what they are not.
func hostileFiles() []hostileFile {
	files := []hostileFile{
		{"nothing but zero bytes", func(testing.TB) []byte { return make([]byte, 1<<20) }},
		{"one byte", func(testing.TB) []byte { return []byte{0xff} }},
	}
	add := func(name string, make func(t testing.TB) []byte) { files = append(files, hostileFile{name, make}) }
	for _, part := range []func(add func(string, func(testing.TB) []byte)){addPNGs, addJPEGs, addGIFs, addWebPs, addTIFFs, addBMPs, addHEIFs, addContainers, addPolyglots} {
		part(add)
	}
	return files
}

func addPNGs(add func(string, func(testing.TB) []byte)) {
	add("PNG of 100,000x100,000", func(t testing.TB) []byte { return lyingPNG(t, 100_000, 100_000) })
	add("PNG of overflow", func(t testing.TB) []byte { return lyingPNG(t, 1<<31-1, 1<<31-1) })
	add("PNG of 0x0", func(t testing.TB) []byte { return lyingPNG(t, 0, 0) })
	add("PNG of 1x1", func(t testing.TB) []byte { return encodePNG(t, image.NewGray(image.Rect(0, 0, 1, 1))) })
	add("PNG of 100,000x1", func(t testing.TB) []byte { return encodePNG(t, image.NewGray(image.Rect(0, 0, 100_000, 1))) })
	add("PNG of 1x100,000", func(t testing.TB) []byte { return encodePNG(t, image.NewGray(image.Rect(0, 0, 1, 100_000))) })
	add("PNG that unpacks to 80 MB", func(t testing.TB) []byte { return bombPNG(t, 9000, 8, 0, 1) })
	add("PNG that unpacks to 640 MB", func(t testing.TB) []byte { return bombPNG(t, 9000, 16, 6, 8) })
	add("PNG whose comment unpacks to 100 MB", func(t testing.TB) []byte {
		b := encodePNG(t, pattern(64, 64, 1))
		return slices.Concat(b[:33], pngChunk("zTXt", append([]byte("kite\x00\x00"), zeros(t, 100<<20)...)), b[33:])
	})
	add("PNG with a chunk of 4 GiB", func(t testing.TB) []byte {
		b := encodePNG(t, pattern(64, 64, 1))
		return slices.Concat(b[:33], []byte("\xff\xff\xff\xffeXIf"), b[33:])
	})
}

// bombPNG is black and well packed.
func bombPNG(t testing.TB, side, depth, model, pixel int) []byte {
	head := binary.BigEndian.AppendUint32(nil, uint32(side))
	head = binary.BigEndian.AppendUint32(head, uint32(side))
	head = append(head, byte(depth), byte(model), 0, 0, 0)
	return slices.Concat([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", head), pngChunk("IDAT", zeros(t, side*(1+pixel*side))), pngChunk("IEND", nil))
}

// zeros packs n zero bytes, without having them.
func zeros(t testing.TB, n int) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := io.CopyN(w, zero{}, int64(n)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type zero struct{}

func (zero) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func addJPEGs(add func(string, func(testing.TB) []byte)) {
	add("JPEG of 65,535x65,535", func(t testing.TB) []byte { return lyingJPEG(t, 65535, 65535) })
	add("JPEG of 10,000x10,000 without pixels", func(t testing.TB) []byte { return lyingJPEG(t, 10_000, 10_000) })
	add("JPEG of 0 lines", func(t testing.TB) []byte { return lyingJPEG(t, 100, 0) })
	add("JPEG of 60,000x1", func(t testing.TB) []byte { return encodeJPEG(t, image.NewGray(image.Rect(0, 0, 60_000, 1))) })
	add("JPEG of a thousand scans", func(t testing.TB) []byte {
		b := fixture(t, "progressive.jpg")
		i := bytes.Index(b, []byte{0xff, 0xc2})
		binary.BigEndian.PutUint16(b[i+5:], 9000)
		binary.BigEndian.PutUint16(b[i+7:], 9000)
		scan := []byte{0xff, 0xda, 0, 8, 1, 1, 0x11, 1, 5, 0x02} // refine coefficients that are not there
		return slices.Concat(b[:len(b)-2], bytes.Repeat(append(scan, make([]byte, 64)...), 1000), []byte{0xff, 0xd9})
	})
	add("JPEG with segments to its end", func(testing.TB) []byte {
		return append([]byte{0xff, 0xd8}, bytes.Repeat([]byte{0xff, 0xe1, 0, 2}, 1<<20)...)
	})
}

func addGIFs(add func(string, func(testing.TB) []byte)) {
	add("GIF of 65,535x65,535", func(t testing.TB) []byte { return lyingGIF(t, 65535, 65535) })
	add("GIF of 10,000x10,000 with a pixel", func(t testing.TB) []byte { return lyingGIF(t, 10_000, 10_000) })
	add("GIF without end", func(testing.TB) []byte { return endlessGIF(9_999, 1) })
	add("GIF with a million frames", func(testing.TB) []byte { return endlessGIF(1_000_000, 1) })
	add("GIF of large frames without end", func(testing.TB) []byte { return endlessGIF(9_000, 3000) })
	add("GIF of blocks that never end", func(testing.TB) []byte {
		return append([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00\x21\xfe"), bytes.Repeat([]byte{1, 'k'}, 1<<20)...)
	})
}

func addWebPs(add func(string, func(testing.TB) []byte)) {
	huge := []byte{webpAnimation, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	add("WebP of 16,777,216x16,777,216", func(t testing.TB) []byte { return riff(riffChunk("VP8X", huge), fixture(t, "lossy.webp")[12:]) })
	add("WebP of 16,384x16,384", func(testing.TB) []byte { return riff(riffChunk("VP8L", []byte{0x2f, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0})) })
	add("WebP of 10,000x10,000 without pixels", func(testing.TB) []byte {
		n := 9_999 | 9_999<<14
		return riff(riffChunk("VP8L", []byte{0x2f, byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}))
	})
	add("WebP with another picture than its header says", func(t testing.TB) []byte {
		return riff(riffChunk("VP8X", []byte{0, 0, 0, 0, 1, 0, 0, 1, 0, 0}), fixture(t, "lossy.webp")[12:])
	})
	add("WebP of a thousand large frames", func(t testing.TB) []byte {
		frame := riffChunk("ANMF", append([]byte{0, 0, 0, 0, 0, 0, 0x0f, 0x27, 0, 0x0f, 0x27, 0, 100, 0, 0, 0}, fixture(t, "lossy.webp")[12:]...))
		return riff(riffChunk("VP8X", []byte{webpAnimation, 0, 0, 0, 0x0f, 0x27, 0, 0x0f, 0x27, 0}), bytes.Repeat(frame, 1000))
	})
}

func addTIFFs(add func(string, func(testing.TB) []byte)) {
	tag := func(b []byte, tag uint16, value uint32) []byte {
		head := binary.LittleEndian.AppendUint16(nil, tag)
		i := bytes.Index(b[14:], head) + 14
		binary.LittleEndian.PutUint16(b[i+2:], 4)
		binary.LittleEndian.PutUint32(b[i+8:], value)
		return b
	}
	small := func() []byte { return plainTIFF(pattern(32, 24, 1), upright) }
	add("TIFF of 100,000x100,000", func(testing.TB) []byte { return tag(tag(small(), 256, 100_000), 257, 100_000) })
	add("TIFF of 10,000x10,000 in one strip", func(testing.TB) []byte { return tag(tag(small(), 256, 10_000), 257, 10_000) })
	add("TIFF of 10,000 strips that are not there", func(testing.TB) []byte { return tag(tag(small(), 257, 10_000), 278, 1) })
	add("TIFF with a strip of 4 GiB", func(testing.TB) []byte { return tag(small(), 279, 0xffffffff) })
	add("TIFF with a strip behind its end", func(testing.TB) []byte { return tag(small(), 273, 0xfffffff0) })
	add("TIFF with a directory behind its end", func(testing.TB) []byte { return []byte("II*\x00\xff\xff\xff\xff\x00\x00") })
	add("TIFF with 65,535 tags", func(testing.TB) []byte {
		return append([]byte("II*\x00\x08\x00\x00\x00\xff\xff"), bytes.Repeat([]byte{0, 1, 4, 0, 1, 0, 0, 0, 9, 0, 0, 0}, 65535)...)
	})
	add("TIFF with a tag of 4 billion numbers", func(testing.TB) []byte {
		b := small()
		i := bytes.Index(b[14:], []byte{17, 1}) + 14 // where the strips are
		binary.LittleEndian.PutUint32(b[i+4:], 0xfffffff0)
		return b
	})
}

func addBMPs(add func(string, func(testing.TB) []byte)) {
	with := func(t testing.TB, width, height int32) []byte {
		b := fixture(t, "rgb.bmp")
		binary.LittleEndian.PutUint32(b[18:], uint32(width))
		binary.LittleEndian.PutUint32(b[22:], uint32(height))
		return b
	}
	add("BMP of 100,000x100,000", func(t testing.TB) []byte { return with(t, 100_000, 100_000) })
	add("BMP of 10,000x10,000 without pixels", func(t testing.TB) []byte { return with(t, 10_000, 10_000) })
	add("BMP upside down", func(t testing.TB) []byte { return with(t, 160, -120) })
	add("BMP of negative width", func(t testing.TB) []byte { return with(t, -160, 120) })
	add("BMP of the most negative height", func(t testing.TB) []byte { return with(t, 160, -1<<31) })
	add("BMP of no lines", func(t testing.TB) []byte { return with(t, 160, 0) })
}

func addHEIFs(add func(string, func(testing.TB) []byte)) {
	for _, format := range []string{"avif", "heic"} {
		sized := func(t testing.TB, width, height uint32) []byte {
			b := fixture(t, "420."+format)
			i := bytes.Index(b, []byte("ispe"))
			binary.BigEndian.PutUint32(b[i+8:], width)
			binary.BigEndian.PutUint32(b[i+12:], height)
			return b
		}
		add(format+" of 100,000x100,000", func(t testing.TB) []byte { return sized(t, 100_000, 100_000) })
		add(format+" of overflow", func(t testing.TB) []byte { return sized(t, 1<<32-1, 1<<32-1) })
		add(format+" of 10,000x10,000 without pixels", func(t testing.TB) []byte { return sized(t, 10_000, 10_000) })
		add(format+" of 1x1 with a larger picture", func(t testing.TB) []byte { return sized(t, 1, 1) })
		add(format+" with noise for pixels", func(t testing.TB) []byte {
			b := fixture(t, "420."+format)
			for i := bytes.Index(b, []byte("mdat")) + 8; i < len(b); i++ {
				b[i] = byte(i * i >> 3)
			}
			return b
		})
		add(format+" of properties", func(testing.TB) []byte {
			return box("ftyp", []byte(format), make([]byte, 4), box("meta", make([]byte, 4), box("iprp", box("ipco", bytes.Repeat(box("free"), 1<<17)))))
		})
		add(format+" with an endless box", func(t testing.TB) []byte {
			return append(fixture(t, "420."+format)[:40], "\x00\x00\x00\x01free\xff\xff\xff\xff\xff\xff\xff\xff"...)
		})
	}
}

func box(kind string, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), kind...), body...)
}

func addContainers(add func(string, func(testing.TB) []byte)) {
	add("ZIP that unpacks to 1 GB", func(t testing.TB) []byte {
		return zipped(t, func(z *zip.Writer) error {
			w, err := z.Create("kite.png")
			if err == nil {
				_, err = io.CopyN(w, zero{}, 1<<30)
			}
			return err
		})
	})
	add("ZIP of 65,000 files", func(t testing.TB) []byte {
		return zipped(t, func(z *zip.Writer) error {
			for i := range 65_000 {
				w, err := z.Create(fmt.Sprint(i))
				if err != nil {
					return err
				}
				if _, err := w.Write([]byte("\xff\xd8\xff\xe0")); err != nil {
					return err
				}
			}
			return nil
		})
	})
	add("ZIP that ends early", func(t testing.TB) []byte {
		b := zipped(t, func(z *zip.Writer) error { _, err := z.Create("river"); return err })
		return b[:len(b)-10]
	})
	add("TAR with a file of 8 GiB", func(t testing.TB) []byte {
		var b bytes.Buffer
		if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: "kite", Size: 8<<30 - 1, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	})
	add("RAR of noise", func(testing.TB) []byte {
		b := []byte(rar5Mark)
		for i := range 1 << 16 {
			b = append(b, byte(i*i>>4))
		}
		return b
	})
	add("RAR of empty blocks", func(testing.TB) []byte {
		return append([]byte(rar4Mark), bytes.Repeat([]byte{0, 0, 0x75, 0, 0, 7, 0}, 1<<18)...)
	})
	add("PDF of a million streams", func(testing.TB) []byte {
		return []byte("%PDF-1.7\n" + strings.Repeat("/Subtype/Image stream ", 1_000_000))
	})
	add("gzip that unpacks to nothing", func(testing.TB) []byte { return []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff") })
}

func zipped(t testing.TB, fill func(*zip.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if err := fill(z); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func addPolyglots(add func(string, func(testing.TB) []byte)) {
	zipFile := func(t testing.TB) []byte {
		return zipped(t, func(z *zip.Writer) error { _, err := z.Create("basket"); return err })
	}
	add("GIF that is a ZIP, too", func(t testing.TB) []byte { return append(encodeGIF(t, pattern(64, 48, 1)), zipFile(t)...) })
	add("PNG that is a ZIP, too", func(t testing.TB) []byte { return append(fixture(t, "small.png"), zipFile(t)...) })
	add("JPEG that is a PDF, too", func(t testing.TB) []byte { return append(fixture(t, "444.jpg"), "%PDF-1.7 stream %%EOF"...) })
	add("PDF that is a JPEG, too", func(t testing.TB) []byte {
		return append([]byte("%PDF-1.7 /Subtype/Image/Filter/DCTDecode stream\n"), fixture(t, "444.jpg")...)
	})
	add("ZIP that begins as a GIF", func(t testing.TB) []byte { return append([]byte("GIF89a"), zipFile(t)...) })
	add("BMP that is WebP inside", func(t testing.TB) []byte { return append(fixture(t, "rgb.bmp")[:54], fixture(t, "lossy.webp")...) })
	add("HEIC that says it is AVIF", func(t testing.TB) []byte {
		return bytes.Replace(fixture(t, "420.heic"), []byte("ftypheic"), []byte("ftypavif"), 1)
	})
	add("AVIF that says it is HEIC", func(t testing.TB) []byte {
		return bytes.Replace(fixture(t, "420.avif"), []byte("ftypavif"), []byte("ftypheic"), 1)
	})
}
