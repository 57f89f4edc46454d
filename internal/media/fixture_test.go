package media

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "paint testdata/pattern.png again")

// fixture reads a picture that testdata/make.sh made of the pattern.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPattern(t *testing.T) {
	want := encodePNG(t, detailed(320, 240, 30))
	if *update {
		if err := os.WriteFile("testdata/pattern.png", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(fixture(t, "pattern.png"), want) {
		t.Error("the files in testdata are not of this pattern: run with -update, then testdata/make.sh")
	}
}
