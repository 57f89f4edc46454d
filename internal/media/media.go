// Package media turns hostile bytes of pictures and films into hashes. Nothing of a file is decoded in the calling process: a Pool
// keeps child processes that have given up every right before they read a byte, sends them one file at a time, and replaces
// them after any failure.
//
// Understood are JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF and HEIC, told apart by their first bytes. An animated GIF or WebP is a film; of
// an animated PNG or AVIF only the still picture is seen. Archives and PDF files are listed and not opened.
package media

import (
	"time"

	"raksha.example/raksha/vpdq"
)

// Kinds of media.
const (
	Image     = "image"
	Video     = "video"
	Container = "container" // an archive or a document that may hold pictures; what it holds was not hashed
)

// Result is what is known of one file.
type Result struct {
	Kind   string `json:"kind,omitempty"`   // Image, Video or Container; empty when the file could not be decoded
	Format string `json:"format,omitempty"` // "jpeg", "png", "gif" or what the first bytes say
	Width  int    `json:"width,omitempty"`  // pixels, as shown: a turned picture counts turned
	Height int    `json:"height,omitempty"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // of the whole file, lower-case hexadecimal
	SHA1   string `json:"sha1,omitempty"`
	MD5    string `json:"md5"` // likewise

	// Of an image. PDQ is taken from the pixels as stored, over white where they are transparent, like the field's tools do;
	// Upright is set when the file asks to be shown turned or mirrored, and is the hash of what people see: copies that a
	// platform has turned for good match that one. A matcher looks up both.
	PDQ     string `json:"pdq,omitempty"`
	Upright string `json:"upright,omitempty"`
	Quality int    `json:"quality,omitempty"` // 0 to 100, of PDQ
	Profile string `json:"profile,omitempty"` // of every hash here

	// Orientations are the hashes of the image in its eight orientations, in the order of pdq.Orientation. Only Survey sets them.
	Orientations []string `json:"orientations,omitempty"`

	// Of a video: frames at one per second of play time. Of an animated picture they are at least 2 and at most 120, spread evenly if
	// it is longer; of a film that ffmpeg decodes see Limits.Every. Inner are those frames again that have borders of one colour,
	// hashed without them: see vpdq.Cropped.
	Frames []vpdq.Frame `json:"frames,omitempty"`
	Inner  []vpdq.Frame `json:"inner,omitempty"`

	// Entries says how many files of each format a container holds, as far as it can be seen without opening it: the formats are those
	// of Format, "unknown", or "encrypted". Nil if the container does not tell.
	Entries map[string]int `json:"entries,omitempty"`

	// Damaged says that the file ends early or goes wrong, and that the hashes are those of the part before.
	Damaged bool `json:"damaged,omitempty"`

	// Cut says that a film goes on after the last of its frames here: its time was over (see Limits.Play), or it is longer than a day.
	Cut bool `json:"cut,omitempty"`
}

// Limits bound one file. A zero field means its default.
type Limits struct {
	Bytes  int64         // size of the file; default 64 MiB
	Pixels int64         // width times height, read from the header before decoding; default 100 million
	Time   time.Duration // wall-clock time in the child; default 30 seconds
	Items  int           // files after which a child is replaced; default 500

	// Of films that ffmpeg decodes.
	Play       time.Duration // wall-clock time for one; what was hashed until then is the result; default 2 minutes
	Every      time.Duration // play time between frames, at least 10 milliseconds; default 1 second
	EveryFrame bool          // decode all frames, also those that no other refers to: twice the time, and always the exact frame
}

// MaxPreview is the longest side that a preview may have, in pixels.
const MaxPreview = 2048

// Bounds that do not depend on the caller.
const (
	minFrames  = 2
	maxFrames  = 120
	maxBytes   = 1 << 30 // of a file, whatever the limits say
	maxPixels  = 1 << 30
	maxEntries = 10_000 // of a container that are looked at; the others count as unknown
	paintTimes = 8      // all frames of a film together may have this many times the pixel limit
)

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 64 << 20
	}
	if l.Pixels <= 0 {
		l.Pixels = 100_000_000
	}
	if l.Time <= 0 {
		l.Time = 30 * time.Second
	}
	if l.Items <= 0 {
		l.Items = 500
	}
	if l.Play <= 0 {
		l.Play = 2 * time.Minute
	}
	if l.Every <= 0 {
		l.Every = time.Second
	}
	l.Every = max(l.Every, 10*time.Millisecond)
	l.Bytes, l.Pixels = min(l.Bytes, maxBytes), min(l.Pixels, maxPixels)
	return l
}
