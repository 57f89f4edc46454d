package media

import (
	"context"
	"image"
	"testing"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/pdq"
)

// TestSurvey asks for every profile of every format, and finds a turned copy by the orientations of the original.
func TestSurvey(t *testing.T) {
	p := newPool(t, 1)
	m := pattern(700, 560, 3)
	back := image.NewNRGBA(m.Rect) // half a turn
	for y := range 560 {
		for x := range 700 {
			back.SetNRGBA(x, y, m.NRGBAAt(699-x, 559-y))
		}
	}
	other, err := p.Hash(context.Background(), encodePNG(t, back))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := pdq.Parse(other.PDQ)
	for format, file := range map[string][]byte{"png": encodePNG(t, m), "jpeg": encodeJPEG(t, m), "gif": encodeGIF(t, m)} {
		plain, err := p.Hash(context.Background(), file)
		if err != nil {
			t.Fatal(err)
		}
		for _, profile := range surveyProfiles {
			r, err := p.Survey(context.Background(), file, profile)
			if err != nil {
				t.Fatalf("%s, %s: %v", format, profile, err)
			}
			if format == "gif" {
				profile = pdq.Meta512
			}
			if r.Format != format || r.Width != 700 || r.Height != 560 || r.Profile != string(profile) || len(r.Orientations) != 8 ||
				r.Orientations[pdq.Upright] != r.PDQ || r.SHA256 != plain.SHA256 || r.MD5 != plain.MD5 {
				t.Errorf("%s, %s: %+v", format, profile, r)
			}
			if profile == pdq.Meta512 && (r.PDQ != plain.PDQ || r.Quality != plain.Quality) {
				t.Errorf("%s: %s, but Hash gives %s", format, r.PDQ, plain.PDQ)
			}
			turned, err := pdq.Parse(r.Orientations[pdq.Rotate180])
			if d := turned.Distance(want); err != nil || d > pdq.Threshold {
				t.Errorf("%s, %s: half a turn is %d bits away (%v)", format, profile, d, err)
			}
		}
	}
	if _, err := p.Survey(context.Background(), encodePNG(t, m), "full-size"); fault.Of(err) != fault.Invalid {
		t.Errorf("an unknown profile: %v", err)
	}
	for _, b := range [][]byte{[]byte("a kite on the river"), encodeJPEG(t, m)[:900], lyingPNG(t, 60_000, 60_000), lyingJPEG(t, 60_000, 60_000)} {
		if r, err := p.Survey(context.Background(), b, pdq.Fast); err == nil {
			t.Errorf("%d bytes were decoded: %+v", len(b), r)
		}
	}
}
