package media

import (
	"image"
	"os"
	"testing"
	"time"

	"raksha.example/raksha/vpdq"
)

func writeFile(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFilmCopies changes films in the ways in which people change them, and looks the copies up among all originals.
func TestFilmCopies(t *testing.T) {
	const w, h, rate, seconds = 320, 240, 10, 12
	p := filmPool(t)
	x := vpdq.NewIndex(vpdq.Common())
	originals := make([][]byte, 2)
	for i := range originals {
		originals[i] = clip(t, w, h, rate, rate*seconds, scenes(w, h, rate, uint64(100+i)), small("mp4")...)
		r, err := p.Hash(t.Context(), originals[i])
		if err != nil {
			t.Fatal(err)
		}
		x.Add(uint64(i), r.Frames)
	}
	for name, output := range map[string][]string{
		"re-encoded":          {"-c:v", "libx264", "-crf", "38", "-pix_fmt", "yuv420p", "mp4"},
		"another codec":       {"-c:v", "mpeg4", "-b:v", "150k", "avi"},
		"smaller":             small("-vf", "scale=160:120", "mp4"),
		"squeezed":            small("-vf", "scale=240:240,setsar=1", "mp4"),
		"faster":              small("-vf", "setpts=PTS/1.25", "mp4"),
		"slower":              small("-vf", "setpts=PTS*1.25", "mp4"),
		"other frame rate":    small("-r", "24", "mkv"),
		"moved by half":       small("-ss", "0.5", "mp4"),
		"bars above":          small("-vf", "pad=320:400:0:80", "mp4"),
		"bars at the sides":   small("-vf", "pad=480:240:80:0", "mp4"),
		"white frame":         small("-vf", "pad=400:320:40:40:white", "mp4"),
		"cut to a third":      small("-ss", "4", "-t", "4", "mp4"),
		"brighter":            small("-vf", "eq=brightness=0.08:contrast=1.1", "mp4"),
		"bars and re-encoded": {"-vf", "scale=240:180,pad=240:320:0:70", "-c:v", "libx264", "-crf", "34", "-pix_fmt", "yuv420p", "mp4"},
	} {
		for i, b := range originals {
			r, err := p.Hash(t.Context(), again(t, b, output...))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			hits := append(x.Query(r.Frames), x.Query(vpdq.Cropped(r.Frames, r.Inner))...)
			best := 0.0
			for _, hit := range hits {
				if hit.ID != uint64(i) {
					t.Errorf("%s of %d: matches %d", name, i, hit.ID)
				}
				best = max(best, hit.Query)
			}
			t.Logf("%-20s of %d: %d frames, %d with borders, share %.2f", name, i, len(r.Frames), len(r.Inner), best)
			if len(hits) == 0 {
				t.Errorf("%s of %d is not found", name, i)
			}
		}
	}
}

// TestFilmFalseMatches compares 100 films with 100 others, drawn here and hashed as those that ffmpeg decodes.
func TestFilmFalseMatches(t *testing.T) {
	const w, h, n = 96, 72, 100
	draw := func(seed uint64) filmSamples {
		s := filmSamples{order: filmOrder{Every: time.Second}}
		frame := scenes(w, h, 1, seed)
		for i := range 8 {
			if err := s.add(drawn(frame(i))); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	listed := make([]filmSamples, n)
	for i := range listed {
		listed[i] = draw(uint64(1000 + i))
	}
	pairs, wrong, near := 0, 0, 0
	for i := range n {
		q := draw(uint64(5000 + i))
		for _, l := range listed {
			pairs++
			share, target := vpdq.Match(q.frames, l.frames, vpdq.MaxDistance, vpdq.MinQuality)
			if share > 0 {
				near++
			}
			if (vpdq.Shares{Query: share, Target: target}).Reach(vpdq.Common()) {
				wrong++
			}
		}
	}
	t.Logf("%d pairs of unrelated films: %d match, %d have a frame in common", pairs, wrong, near)
	if wrong > 0 {
		t.Errorf("%d of %d unrelated pairs match", wrong, pairs)
	}
	if share, _ := vpdq.Match(draw(1000).frames, listed[0].frames, vpdq.MaxDistance, vpdq.MinQuality); share != 1 {
		t.Errorf("a film matches itself by %.2f", share)
	}
}

// drawn gives a picture as readPicture does.
func drawn(m image.Image) picture {
	b := m.Bounds()
	p := picture{width: b.Dx(), height: b.Dy()}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := m.At(x, y).RGBA()
			p.pixels = append(p.pixels, byte(r>>8), byte(g>>8), byte(bl>>8))
		}
	}
	return p
}
