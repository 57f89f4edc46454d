package vpdq

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/pdq"
)

// near gives a hash with the first n bits of h flipped.
func near(h pdq.Hash, n int) pdq.Hash {
	for i := range n {
		h[i/8] ^= 1 << (i % 8)
	}
	return h
}

// film makes frames of good quality, one a second, each far from the others.
func film(n int) []Frame {
	frames := make([]Frame, n)
	for i := range frames {
		for j := range frames[i].Hash {
			frames[i].Hash[j] = byte(i*37 + j*i*101)
		}
		frames[i].Index, frames[i].Quality, frames[i].At = 30*i, 100, time.Duration(i)*time.Second
	}
	return frames
}

func TestMatch(t *testing.T) {
	whole := film(10)
	noisy, poor, far := slices.Clone(whole), slices.Clone(whole), slices.Clone(whole)
	for i := range whole {
		noisy[i].Hash, far[i].Hash = near(whole[i].Hash, MaxDistance), near(whole[i].Hash, MaxDistance+1)
		poor[i].Quality = MinQuality - 1
	}
	half := slices.Clone(whole)
	for i := range 5 {
		half[i].Quality = 0
	}
	for name, c := range map[string]struct {
		query, target     []Frame
		inQuery, inTarget float64
	}{
		"itself":                  {whole, whole, 1, 1},
		"noise within distance":   {noisy, whole, 1, 1},
		"noise beyond":            {far, whole, 0, 0},
		"a clip":                  {whole[2:5], whole, 1, 0.3},
		"a film with the clip":    {whole, whole[2:5], 0.3, 1},
		"half of another":         {append(slices.Clone(whole[:2]), far[2:4]...), whole, 0.5, 0.2},
		"order does not matter":   {[]Frame{whole[3], whole[1]}, whole, 1, 0.2},
		"poor frames":             {poor, whole, 0, 0},
		"poor frames not counted": {half, whole, 1, 0.5},
		"nothing":                 {nil, whole, 0, 0},
		"against nothing":         {whole, nil, 0, 0},
	} {
		q, a := Match(c.query, c.target, MaxDistance, MinQuality)
		if q != c.inQuery || a != c.inTarget {
			t.Errorf("%s: %v, %v; want %v, %v", name, q, a, c.inQuery, c.inTarget)
		}
	}
}

const hashText = "d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22"

func TestParse(t *testing.T) {
	text := "0,100," + hashText + ",0.000\n30,98," + strings.ToUpper(hashText) + ",1.001\r\n\n 60 , 0 , " + hashText + " , 2,more\n"
	frames, err := Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	h, err := pdq.Parse(hashText)
	if err != nil {
		t.Fatal(err)
	}
	want := []Frame{{0, h, 100, 0}, {30, h, 98, 1001 * time.Millisecond}, {60, h, 0, 2 * time.Second}}
	if !slices.Equal(frames, want) {
		t.Errorf("%v, want %v", frames, want)
	}
	var b bytes.Buffer
	if err := Write(&b, frames); err != nil {
		t.Fatal(err)
	}
	if got := "0,100," + hashText + ",0.000\n30,98," + hashText + ",1.001\n60,0," + hashText + ",2.000\n"; b.String() != got {
		t.Errorf("%q", b.String())
	}
}

func TestParseRefuses(t *testing.T) {
	line := "0,100," + hashText + ",0.000\n"
	for name, text := range map[string]string{
		"nothing":        "",
		"blank":          "\n \n",
		"three fields":   "0,100," + hashText + "\n",
		"no index":       "x,100," + hashText + ",0\n",
		"below zero":     "-1,100," + hashText + ",0\n",
		"large index":    "99999999999,100," + hashText + ",0\n",
		"large quality":  "0,101," + hashText + ",0\n",
		"hash first":     "0," + hashText + ",100,0\n",
		"short hash":     "0,100," + hashText[1:] + ",0\n",
		"no time":        "0,100," + hashText + ",soon\n",
		"not a number":   "0,100," + hashText + ",NaN\n",
		"endless":        "0,100," + hashText + ",Inf\n",
		"time below":     "0,100," + hashText + ",-1\n",
		"second line":    line + "kite\n",
		"long line":      line + strings.Repeat(" ", maxLine) + line,
		"too many lines": strings.Repeat(line, MaxFrames+1),
	} {
		if frames, err := Parse(strings.NewReader(text)); !errors.Is(err, ErrText) || frames != nil {
			t.Errorf("%s: %d frames, %v; want ErrText", name, len(frames), err)
		}
	}
	if frames, err := Parse(strings.NewReader(strings.Repeat(line, MaxFrames))); err != nil || len(frames) != MaxFrames {
		t.Errorf("a day: %d frames, %v", len(frames), err)
	}
	if _, err := Parse(brokenReader{}); err == nil || errors.Is(err, ErrText) {
		t.Errorf("a reader that fails: %v", err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

// FuzzParse sees that what is accepted is in range and comes back the same after writing.
func FuzzParse(f *testing.F) {
	f.Add([]byte("0,100," + hashText + ",0.000\n"))
	f.Add([]byte("0,100," + hashText + ",1e3\r\n\n 7, 3 ," + hashText + ",.5,x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		frames, err := Parse(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, ErrText) {
				t.Fatal(err)
			}
			return
		}
		for _, f := range frames {
			if f.Index < 0 || f.Quality < 0 || f.Quality > 100 || f.At < 0 || f.At > maxAt {
				t.Fatalf("out of range: %v", f)
			}
		}
		var out bytes.Buffer
		if err := Write(&out, frames); err != nil {
			t.Fatal(err)
		}
		again, err := Parse(&out)
		if err != nil || !slices.Equal(frames, again) {
			t.Fatalf("%v came back as %v, %v", frames, again, err)
		}
	})
}
