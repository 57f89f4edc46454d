package media

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
	"time"
)

// FuzzPictures reads anything as the frames that a child that was taken over writes, and hashes them.
func FuzzPictures(f *testing.F) {
	f.Add([]byte("P6\n2 1\n255\nabcdef"))
	f.Add([]byte("P6\n1 1\n255\nabcP6\n1 1\n255\nabc"))
	f.Add([]byte("P6\n99999 99999\n255\n"))
	f.Add([]byte("P6\n-1 0\n255\n"))
	f.Add(append([]byte("P6\n24 16\n255\n"), make([]byte, 3*24*16)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := filmSamples{order: filmOrder{Every: time.Second, Quick: true}}
		r := bufio.NewReader(bytes.NewReader(b))
		read := 0
		for {
			m, err := readPicture(r, fuzzPixels, picture{})
			if err == io.EOF {
				break
			}
			if err != nil {
				if !errors.Is(err, errWire) {
					t.Fatal(err)
				}
				return
			}
			if m.width <= 0 || m.height <= 0 || m.width*m.height > fuzzPixels || len(m.pixels) != 3*m.width*m.height {
				t.Fatalf("%dx%d with %d bytes", m.width, m.height, len(m.pixels))
			}
			if read += len(m.pixels); read > len(b) {
				t.Fatal("more than there is")
			}
			if err := s.add(m); err != nil {
				if !errors.Is(err, errRepeat) {
					t.Fatal(err)
				}
				return
			}
		}
		if len(s.inner) > len(s.frames) {
			t.Fatal("more inner frames than frames")
		}
	})
}

// FuzzFilmWords reads anything as what ffmpeg says, in two parts: the facts do not depend on where it is parted.
func FuzzFilmWords(f *testing.F) {
	f.Add([]byte("[info]   Stream #0:0[0x1](und): Video: h264 (High), yuv420p, 1280x720, 2397 kb/s, 29.97 fps, 30 tbr\n"), 20)
	f.Add([]byte("[info]   Stream #0:1: Audio: aac\n[h264 @ 0x5] [IMGUTILS @ 0x7] [error] Picture size 1x1 exceeds specified max pixel count 1\n"), 40)
	f.Add([]byte("[fatal] Stream map '0:V:0' matches no streams.\n[error] x"), 3)
	f.Add([]byte("[info] Stream #0:0: Video: x, 1e9k fps\n[info] Stream #0:0: Video: x, 90k fps"), 3)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		var whole, parted filmWords
		whole.Write(b)
		at = min(max(at, 0), len(b))
		parted.Write(b[:at])
		parted.Write(b[at:])
		facts := whole.end()
		if facts != parted.end() {
			t.Fatalf("%+v, in parts %+v", facts, parted.facts)
		}
		if !(facts.rate >= 0 && facts.rate <= maxRate) || facts.errors > len(b) {
			t.Fatalf("%+v", facts)
		}
	})
}

// TestPictures reads what is no picture.
func TestPictures(t *testing.T) {
	for name, text := range map[string]string{
		"another kind": "P5\n1 1\n255\na", "ends at once": "P", "no width": "P6\n 1\n255\nabc", "a word": "P6\nkite 1\n255\nabc", "zero": "P6\n0 1\n255\n",
		"too large": "P6\n300 300\n255\n", "a long number": "P6\n100000 1\n255\n", "16 bits": "P6\n1 1\n65535\nabcabc", "short": "P6\n2 1\n255\nabcde",
		"ends in a number": "P6\n1 1\n25",
	} {
		if _, err := readPicture(bufio.NewReader(bytes.NewReader([]byte(text))), fuzzPixels, picture{}); !errors.Is(err, errWire) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
