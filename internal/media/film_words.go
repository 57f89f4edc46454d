package media

import (
	"bytes"
	"regexp"
	"strconv"
	"sync"
)

// maxWord is the length in bytes of a line of ffmpeg's of which more is not looked at.
const maxWord = 1 << 10

// filmWords are what ffmpeg writes to its standard error, of which only facts are kept: numbers and which of the known complaints
// there were. The lines are not for people, since the film speaks in them too (titles, comments).
type filmWords struct {
	mu       sync.Mutex // guards what follows: exec copies from another goroutine
	line     []byte     // not ended yet
	overlong bool       // the rest of the line is passed over
	facts    filmFacts
	last     head // complaints, for the log
}

// filmFacts are what the words say.
type filmFacts struct {
	rate    float64 // frames a second of the first video stream; 0 if not said
	video   bool    // there is a video stream, a cover picture included
	audio   bool
	errors  int  // lines that are complaints
	pixels  bool // frames are larger than allowed
	codec   bool // the codec is not among those allowed
	nothing bool // no stream fits
	memory  bool
}

var (
	wordStream = regexp.MustCompile(`^\[info\]\s+Stream #0:\d+[^:]*: (Video|Audio): (.*)`)
	wordRate   = regexp.MustCompile(`, ([0-9.]{1,12})(k?) fps\b`)
	wordError  = regexp.MustCompile(`^(\[[^\]]{1,60} @ 0x[0-9a-f]+\] )*\[(error|fatal|panic)\] `)
)

// Write takes the next part and never fails.
func (w *filmWords) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(b)
	for len(b) > 0 {
		part, rest, ended := bytes.Cut(b, []byte("\n"))
		b = rest
		if room := maxWord - len(w.line); !w.overlong {
			w.overlong = len(part) > room
			w.line = append(w.line, part[:min(len(part), room)]...)
		}
		if ended {
			w.take()
		}
	}
	return n, nil
}

// end gives the facts, after the last write.
func (w *filmWords) end() filmFacts {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.take()
	return w.facts
}

// take reads the line that has ended.
func (w *filmWords) take() {
	if w.facts.read(w.line); len(w.line) > 0 && (w.line[0] != '[' || wordError.Match(w.line)) {
		w.last.Write(append(w.line, '\n'))
	}
	w.line, w.overlong = w.line[:0], false
}

// read takes one line.
func (f *filmFacts) read(line []byte) {
	if m := wordStream.FindSubmatch(line); m != nil {
		if string(m[1]) == "Audio" {
			f.audio = true
			return
		}
		if r := wordRate.FindSubmatch(m[2]); r != nil && !f.video {
			f.rate, _ = strconv.ParseFloat(string(r[1]), 64)
			if len(r[2]) > 0 {
				f.rate *= 1000
			}
			if !(f.rate > 0 && f.rate <= maxRate) {
				f.rate = 0
			}
		}
		f.video = true
		return
	}
	said := func(s string) bool { return bytes.Contains(line, []byte(s)) }
	switch {
	case !wordError.Match(line):
	case said("not on whitelist"):
		f.codec = true // of sound too, which is not wanted: a complaint only if no frame comes
	case said("exceeds specified max pixel count"), said("is invalid") && said("Picture size"):
		f.pixels = true
	case said("matches no streams"):
		f.nothing = true
	case said("Cannot allocate memory"):
		f.memory = true
		f.errors++
	default:
		f.errors++
	}
}

// maxRate is the most frames a second that a film is believed to have.
const maxRate = 100_000
