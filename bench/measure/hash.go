package measure

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"time"

	"raksha.example/raksha/pdq"
)

// Hash are the figures of hashing pictures.
type Hash struct {
	RGB512MS      float64 `json:"rgb512_ms"`       // a picture of 512x512 from red, green and blue
	RGB64US       float64 `json:"rgb64_us"`        // one of 64x64, in microseconds
	Dihedral512MS float64 `json:"dihedral512_ms"`  // the eight orientations of 512x512
	JPEG12MPMS    float64 `json:"jpeg12mp_ms"`     // a JPEG file of 4000x3000 under the profile fast
	JPEG12MPStdMS float64 `json:"jpeg12mp_std_ms"` // the same file by image/jpeg and under the profile meta-512
	JPEGBytes     int     `json:"jpeg_bytes"`
	Kernel        string  `json:"kernel"`
}

// RunHash measures.
func RunHash() (h Hash, err error) {
	h.Kernel = pdq.Kernel()
	r := rand.New(rand.NewPCG(1, 1))
	pix := make([]byte, 3*512*512)
	for i := range pix {
		pix[i] = byte(r.Uint32())
	}
	try := func(_ pdq.Result, e error) {
		if e != nil {
			err = e
		}
	}
	median, _ := timed(20, time.Second, func(int) { try(pdq.FromRGB(pix, 512, 512, 3*512)) })
	h.RGB512MS = round(median * 1e3)
	median, _ = timed(500, time.Second, func(int) { try(pdq.FromRGB(pix, 64, 64, 3*64)) })
	h.RGB64US = round(median * 1e6)
	m := image.NewNRGBA(image.Rect(0, 0, 512, 512))
	copy(m.Pix, pix)
	median, _ = timed(20, time.Second, func(int) { pdq.DihedralFromImage(m) })
	h.Dihedral512MS = round(median * 1e3)

	var file bytes.Buffer
	if e := jpeg.Encode(&file, Photo(4000, 3000, 2), &jpeg.Options{Quality: 90}); e != nil {
		return h, e
	}
	h.JPEGBytes = file.Len()
	fast, std := alternating(8, func() { try(pdq.FromJPEG(file.Bytes())) }, func() {
		img, e := jpeg.Decode(bytes.NewReader(file.Bytes()))
		if e != nil {
			err = fmt.Errorf("image/jpeg: %w", e)
			return
		}
		pdq.FromImage(img)
	})
	h.JPEG12MPMS, h.JPEG12MPStdMS = round(fast*1e3), round(std*1e3)
	return h, err
}

// Photo draws a picture whose file is as large as that of a photograph: smooth light, edges, and the grain of a sensor.
func Photo(w, h int, seed uint64) image.Image {
	r := rand.New(rand.NewPCG(seed, 2))
	m := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	wave := func(n int, period float64) []float64 {
		t := make([]float64, n)
		for i := range t {
			t[i] = math.Sin(float64(i) / period)
		}
		return t
	}
	ax, ay, bx, by := wave(w, 311), wave(h, 257), wave(w, 23), wave(h, 31)
	for y := range h {
		for x := range w {
			v := 120 + 60*ax[x]*ay[y] + 25*bx[x]*by[y] + float64(r.IntN(13)) - 6
			if (x/170+y/210)%5 == 0 {
				v += 45
			}
			m.Y[m.YOffset(x, y)] = byte(max(0, min(255, v)))
			m.Cb[m.COffset(x, y)] = byte(128 + 30*ay[y])
			m.Cr[m.COffset(x, y)] = byte(128 + 40*ax[x])
		}
	}
	return m
}
