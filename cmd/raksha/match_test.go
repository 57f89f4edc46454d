package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestReadList(t *testing.T) {
	const a, b = "d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22", "6227401F601FF4CCAFCC9FAD4B0D95D371A2EB7265A3285234D228CA94DEEB2D"
	got, err := readList(strings.NewReader("\ufeff# two\r\n\n" + a + "\r\n" + b + " , kite, red\t1\n" + a + "\triver"))
	if err != nil || len(got.hashes) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	for i, want := range []listEntry{{label: ""}, {label: "kite, red\t1"}, {label: "river"}} {
		if got.hashes[i].label != want.label {
			t.Errorf("label %d is %q, want %q", i, got.hashes[i].label, want.label)
		}
	}
	if got.hashes[1].hash.String() != strings.ToLower(b) {
		t.Errorf("hash %v, want %s", got.hashes[1].hash, b)
	}
}

// TestReadFilms reads frames: a film ends where another begins or the time goes back.
func TestReadFilms(t *testing.T) {
	const h = "d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22"
	got, err := readList(strings.NewReader("0,100," + h + ",0.000\n30,99," + h + ",1.000\n0,98," + h + ",0.000\n\nfilm red kite\n0,97," + h + ",5\n" +
		h + ",river\n0,96," + h + ",6\n"))
	if err != nil || len(got.hashes) != 1 || len(got.films) != 4 {
		t.Fatalf("%v, %v", got, err)
	}
	for i, want := range []struct {
		label   string
		frames  int
		quality int
	}{{"", 2, 100}, {"", 1, 98}, {"red kite", 1, 97}, {"", 1, 96}} {
		if f := got.films[i]; f.label != want.label || len(f.frames) != want.frames || f.frames[0].Quality != want.quality {
			t.Errorf("film %d: %v, want %v", i, f, want)
		}
	}
	for _, text := range []string{"0,101," + h + ",0", "0,100," + h[1:] + ",0", "0,100," + h + ",x", "film kite"} {
		if got, err := readList(strings.NewReader(text)); err == nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func FuzzReadList(f *testing.F) {
	f.Add([]byte("# a list\nd8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22,kite\n"))
	f.Add([]byte("\t,\n"))
	f.Add([]byte("film kite\n0,100,d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22,0.000\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readList(bytes.NewReader(b))
		if (err == nil) != (len(got.hashes)+len(got.films) > 0) {
			t.Fatalf("%d hashes, %d films, %v", len(got.hashes), len(got.films), err)
		}
	})
}
