package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestReadList(t *testing.T) {
	const a, b = "d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22", "6227401F601FF4CCAFCC9FAD4B0D95D371A2EB7265A3285234D228CA94DEEB2D"
	got, err := readList(strings.NewReader("\ufeff# two\r\n\n" + a + "\r\n" + b + " , kite, red\t1\n" + a + "\triver"))
	if err != nil || len(got) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	for i, want := range []listEntry{{label: ""}, {label: "kite, red\t1"}, {label: "river"}} {
		if got[i].label != want.label {
			t.Errorf("label %d is %q, want %q", i, got[i].label, want.label)
		}
	}
	if got[1].hash.String() != strings.ToLower(b) {
		t.Errorf("hash %v, want %s", got[1].hash, b)
	}
}

func FuzzReadList(f *testing.F) {
	f.Add([]byte("# a list\nd8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22,kite\n"))
	f.Add([]byte("\t,\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readList(bytes.NewReader(b))
		if (err == nil) != (len(got) > 0) {
			t.Fatalf("%d entries, %v", len(got), err)
		}
	})
}
