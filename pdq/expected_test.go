package pdq_test

import (
	"encoding/csv"
	"image"
	_ "image/jpeg"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"raksha.example/raksha/pdq"
)

// pictures gives the folder of reference pictures and expected.csv: RAKSHA_PDQ_DATA, or beside the repository. They are not part
// of it.
func pictures(t testing.TB) string {
	dir := os.Getenv("RAKSHA_PDQ_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data", "pdq")
	}
	if _, err := os.Stat(filepath.Join(dir, "expected.csv")); err != nil {
		t.Skip("no reference pictures here: set RAKSHA_PDQ_DATA to a folder with expected.csv to compare with the reference program")
	}
	return dir
}

func decode(t testing.TB, path string) image.Image {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return img
}

func TestReferencePictures(t *testing.T) {
	dir := pictures(t)
	f, err := os.Open(filepath.Join(dir, "expected.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("expected.csv: %d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		want, err := pdq.Parse(row[1])
		if err != nil {
			t.Fatal(err)
		}
		quality, _ := strconv.Atoi(row[2])
		got := pdq.FromImage(decode(t, filepath.Join(dir, row[0])))
		d := got.Hash.Distance(want)
		t.Logf("%-22s distance %2d quality %3d (reference %3d)", row[0], d, got.Quality, quality)
		if d > 10 || got.Reliable() != (quality >= pdq.MinQuality) {
			t.Errorf("%s: hash %v is %d bits from the reference's %v, quality %d against %d", row[0], got.Hash, d, want, got.Quality, quality)
		}
	}
}
