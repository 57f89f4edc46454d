package jpegluma

import (
	"bytes"
	"image/jpeg"
	"testing"
)

func BenchmarkDecode12MP(b *testing.B) {
	file := encode(b, draw(4000, 3000), 85)
	b.Run("luma", func(b *testing.B) {
		for range b.N {
			if _, err := Decode(file, 512, 1<<26); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("image-jpeg", func(b *testing.B) {
		for range b.N {
			if _, err := jpeg.Decode(bytes.NewReader(file)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Logf("%d bytes", len(file))
}
