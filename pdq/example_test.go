package pdq_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"

	"raksha.example/raksha/pdq"
)

// waves draws a synthetic picture.
func waves(w, h int) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetGray(x, y, color.Gray{Y: byte(x*x/300 + 3*y/2)})
		}
	}
	return m
}

func ExampleFromImage() {
	r := pdq.FromImage(waves(320, 240))
	fmt.Println(r.Profile, r.Quality, r.Reliable())
	// Output: meta-512 100 true
}

// A mirrored copy is found among the eight orientations of the picture, and only there.
func ExampleDihedralFromImage() {
	m := waves(320, 240)
	mirrored := image.NewGray(m.Rect)
	for y := range 240 {
		for x := range 320 {
			mirrored.SetGray(x, y, m.GrayAt(319-x, y))
		}
	}
	listed := pdq.FromImage(m).Hash
	_, all := pdq.DihedralFromImage(mirrored)
	for o, h := range all {
		if h.Distance(listed) <= pdq.Threshold {
			fmt.Println(pdq.Orientation(o))
		}
	}
	// Output: flipy
}

func ExampleFromJPEG() {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, waves(2000, 1500), nil); err != nil {
		fmt.Println(err)
		return
	}
	r, err := pdq.FromJPEG(file.Bytes()) // decoded at half its size
	fmt.Println(r.Profile, r.Reliable(), err)
	// Output: fast true <nil>
}

func ExampleParse() {
	h, err := pdq.Parse("d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22")
	if err != nil {
		fmt.Println(err)
		return
	}
	near := h
	near[0] ^= 0b11
	fmt.Println(h.Distance(near), near)
	_, err = pdq.Parse("kite")
	fmt.Println(err)
	// Output:
	// 2 dbf8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22
	// not a PDQ hash: want 64 hexadecimal digits, got 4 characters
}
