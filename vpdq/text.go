package vpdq

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"raksha.example/raksha/pdq"
)

// Limits of the text form: a day of film at one frame a second, and lines that fit any number they may hold.
const (
	MaxFrames = 86400
	maxLine   = 256                   // bytes
	maxIndex  = math.MaxInt32         // as in the reference
	maxAt     = 1000 * 24 * time.Hour // beyond it a time is a mistake
)

// ErrText is wrapped by the errors of Parse that are about the text, not about reading it.
var ErrText = errors.New("not a vPDQ text")

// Parse reads the text form: a line index,quality,hash,timestamp for each frame, the timestamp in seconds. Spaces around a field,
// a carriage return, empty lines and fields after the fourth are ignored. A text without frames, with more than MaxFrames, with
// a line over 256 bytes or with a value out of range is refused with ErrText and the number of the line.
func Parse(r io.Reader) ([]Frame, error) {
	var frames []Frame
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	n := 0
	for lines.Scan() {
		n++
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		if len(frames) == MaxFrames {
			return nil, fmt.Errorf("%w: more than %d frames", ErrText, MaxFrames)
		}
		f, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrText, n, err)
		}
		frames = append(frames, f)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("%w: line %d is over %d bytes", ErrText, n+1, maxLine)
	case err != nil:
		return nil, err
	case len(frames) == 0:
		return nil, fmt.Errorf("%w: no frames", ErrText)
	}
	return frames, nil
}

func parseLine(line string) (Frame, error) {
	fields := strings.SplitN(line, ",", 5)
	if len(fields) < 4 {
		return Frame{}, errors.New("want index,quality,hash,timestamp")
	}
	for i, f := range fields {
		fields[i] = strings.TrimSpace(f)
	}
	index, err := strconv.Atoi(fields[0])
	if err != nil || index < 0 || index > maxIndex {
		return Frame{}, fmt.Errorf("the index %q is no number from 0", fields[0])
	}
	quality, err := strconv.Atoi(fields[1])
	if err != nil || quality < 0 || quality > 100 {
		return Frame{}, fmt.Errorf("the quality %q is not 0 to 100", fields[1])
	}
	hash, err := pdq.Parse(fields[2])
	if err != nil {
		return Frame{}, err
	}
	seconds, err := strconv.ParseFloat(fields[3], 64)
	if err != nil || !(seconds >= 0 && seconds <= maxAt.Seconds()) { // the comparison also refuses NaN
		return Frame{}, fmt.Errorf("the timestamp %q is no time in seconds", fields[3])
	}
	at := time.Duration(math.Round(seconds*1000)) * time.Millisecond
	return Frame{Index: index, Hash: hash, Quality: quality, At: at}, nil
}

// Write writes the text form, one line for each frame, timestamps with three decimals as the reference prints them.
func Write(w io.Writer, frames []Frame) error {
	b := bufio.NewWriter(w)
	for _, f := range frames {
		fmt.Fprintln(b, f) // errors are kept for Flush
	}
	return b.Flush()
}

// String gives the frame's line of the text form, without a line end.
func (f Frame) String() string {
	return fmt.Sprintf("%d,%d,%s,%.3f", f.Index, f.Quality, f.Hash, f.At.Seconds())
}
