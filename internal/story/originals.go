package story

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"time"

	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

// How many originals the clearinghouse has listed.
const (
	listedPictures = 24
	listedClips    = 4
)

// Size of motion media.
const clipW, clipH = 256, 192

// original is a listed file, with what copies are drawn from.
type original struct {
	label  string
	frames []*grid // one for a picture
	prints []pdq.Hash
	bytes  []byte
	list   []ListEntry
}

func (o *original) moving() bool { return len(o.frames) > 1 }

// makeOriginals draws and lists the originals; index below listedPictures are pictures, the rest clips.
func makeOriginals(seed uint64) ([]original, error) {
	all := make([]original, listedPictures+listedClips)
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range all {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			all[i], errs[i] = makeOriginal(source(seed, "original", i), i)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("draw the listed originals: %w", err)
		}
	}
	return all, nil
}

func makeOriginal(rng *rand.Rand, i int) (original, error) {
	o := original{label: fmt.Sprintf("series %c, item %d", 'A'+i%4, i/4+1)}
	a := drawPattern(rng)
	var err error
	if i < listedPictures {
		o.frames = []*grid{a}
		o.bytes, err = encodeJPEG(a, pictureW, pictureH, crop{}, violet, 88)
	} else {
		b := drawPattern(rng)
		for step := range clipFrames {
			o.frames = append(o.frames, blend(a, b, step))
		}
		o.bytes, err = encodeGIF(o.frames, clipW, clipH, violet)
	}
	if err != nil {
		return o, err
	}
	for _, g := range o.frames {
		o.prints = append(o.prints, g.fingerprint(crop{}))
	}
	o.list, err = o.entries()
	return o, err
}

// entries hashes the original as anybody would: from its encoded bytes.
func (o *original) entries() ([]ListEntry, error) {
	sha, sum := sha256.Sum256(o.bytes), md5.Sum(o.bytes)
	list := []ListEntry{
		{"sha256", hex.EncodeToString(sha[:]), o.label},
		{"md5", hex.EncodeToString(sum[:]), o.label},
	}
	if !o.moving() {
		img, err := jpeg.Decode(bytes.NewReader(o.bytes))
		if err != nil {
			return nil, err
		}
		return append(list, ListEntry{"pdq", pdq.FromImage(img).Hash.String(), o.label}), nil
	}
	m, err := gif.DecodeAll(bytes.NewReader(o.bytes))
	if err != nil {
		return nil, err
	}
	var lines []string
	for i, img := range m.Image {
		r := pdq.FromImage(opaque(img))
		at := time.Duration(float64(i) * clipSeconds * float64(time.Second))
		lines = append(lines, vpdq.Frame{Index: i, Hash: r.Hash, Quality: r.Quality, At: at}.String())
	}
	return append(list, ListEntry{"vpdq", strings.Join(lines, "\n"), o.label}), nil
}

// opaque spreads a paletted frame, which hashes faster.
func opaque(m *image.Paletted) *image.NRGBA {
	out := image.NewNRGBA(m.Bounds())
	for i, p := range m.Pix { // a full frame has no gaps between lines
		r, g, b, _ := m.Palette[p].RGBA()
		out.Pix[4*i], out.Pix[4*i+1], out.Pix[4*i+2], out.Pix[4*i+3] = uint8(r>>8), uint8(g>>8), uint8(b>>8), 255
	}
	return out
}
