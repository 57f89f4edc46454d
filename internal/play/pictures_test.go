package play

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/pdq"
)

// realPictures is a folder of neutral pictures and their expected hashes that may lie beside the repository; it is not part of it.
const realPictures = "../../../shared/data/pdq"

// waves draws a grey pattern: no hue, so that whoever looks at it cannot tell what it is.
func waves(seed float64, w, h int) image.Image {
	m := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			u, v := float64(x)/float64(w), float64(y)/float64(h)
			s := math.Sin(seed+7*u+3*math.Sin(5*v*seed)) + math.Sin(2*seed+9*v*u+4*math.Cos(6*u+seed)) + math.Cos(11*v-seed*u)
			m.SetGray(x, y, color.Gray{Y: uint8(128 + 40*s)})
		}
	}
	return m
}

func writeJPEG(t *testing.T, path string, m image.Image, quality int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := jpeg.Encode(f, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
}

// gallery makes a folder of pictures and a list with the hashes of two of them. It gives the names of those that are copies of a
// listed one.
func gallery(t *testing.T) (dir, list string, copies []string) {
	t.Helper()
	dir, list = t.TempDir(), filepath.Join(t.TempDir(), "list.txt")
	original := waves(1.3, 640, 480)
	writeJPEG(t, filepath.Join(dir, "kite.jpg"), original, 92)
	writeJPEG(t, filepath.Join(dir, "kite-coarse.jpg"), original, 35)
	writeJPEG(t, filepath.Join(dir, "kite-small.jpg"), waves(1.3, 400, 300), 80)
	writeJPEG(t, filepath.Join(dir, "basket.jpg"), waves(2.9, 640, 480), 92)
	copies = []string{"kite", "kite-coarse", "kite-small"}
	hashes := fmt.Sprintf("# a picture of our own\n%s, kite\n", pdq.FromImage(original).Hash)
	if expected, err := os.ReadFile(filepath.Join(realPictures, "expected.csv")); err == nil {
		for _, line := range strings.Fields(string(expected)) {
			cells := strings.Split(line, ",")
			b, err := os.ReadFile(filepath.Join(realPictures, cells[0]))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, cells[0]), b, 0o600); err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(cells[0], ".jpg")
			if name == "aaa-orig" {
				hashes += cells[1] + ", bridge\n"
			}
			if name != "wee" && name != "small" { // other pictures
				copies = append(copies, name)
			}
		}
	}
	if err := os.WriteFile(list, []byte(hashes), 0o600); err != nil {
		t.Fatal(err)
	}
	slices.Sort(copies)
	return dir, list, copies
}

// TestPictures posts pictures from outside beside the story's own, with the hash of an original on the list: its altered copies are
// found in the stream and become tips, and, as nobody who looks can tell, stay in the queue: nothing is built on them.
func TestPictures(t *testing.T) {
	if testing.Short() {
		t.SkipNow()
	}
	dir, list, copies := gallery(t)
	d := begun(t, Config{Dir: t.TempDir(), Story: small, Pictures: dir, List: list})
	s, err := d.Play(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkFigures(t, d.Story(), s)
	checkActs(t, d)
	name := map[string]string{} // by the number of the post
	for _, p := range d.world.Posts {
		if text, ok := strings.CutPrefix(p.Text, "Picture: "); ok {
			name[p.ID] = text
		}
	}
	found, err := tips(t.Context(), d.who("clearinghouse", "owen"), url.Values{"source": {intake.FromScan}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tip := range found {
		if n := name[tip.Locator[strings.LastIndex(tip.Locator, "/")+1:]]; n != "" {
			got = append(got, n)
			if tip.State != "received" || tip.OnwardID != 0 {
				t.Errorf("the tip on %s is %s", n, tip.State)
			}
		}
	}
	if slices.Sort(got); !slices.Equal(got, copies) {
		t.Errorf("tips on %v, want %v", got, copies)
	}
}
