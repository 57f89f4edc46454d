package vpdq_test

import (
	"fmt"
	"os"
	"strings"
	"time"

	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

// kite is a film of four seconds, in the text form.
const kite = `0,100,0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f,0.000
25,100,00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff,1.000
50,98,3333333333333333333333333333333333333333333333333333333333333333,2.000
75,12,0000000000000000000000000000000000000000000000000000000000000000,3.000
`

func ExampleParse() {
	frames, err := vpdq.Parse(strings.NewReader(kite))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range frames {
		fmt.Println(f.At, f.Index, f.Quality)
	}
	// Output:
	// 0s 0 100
	// 1s 25 100
	// 2s 50 98
	// 3s 75 12
}

func ExampleWrite() {
	err := vpdq.Write(os.Stdout, []vpdq.Frame{{Index: 30, Hash: pdq.Hash{0: 0xd8}, Quality: 100, At: time.Second}})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// 30,100,d800000000000000000000000000000000000000000000000000000000000000,1.000
}

// A clip of the second and third second is all found in the film, of which two of three frames are found in the clip: the last frame
// is too flat to count.
func ExampleMatch() {
	film, err := vpdq.Parse(strings.NewReader(kite))
	if err != nil {
		fmt.Println(err)
		return
	}
	query, target := vpdq.Match(film[1:3], film, vpdq.MaxDistance, vpdq.MinQuality)
	fmt.Printf("%.2f %.2f\n", query, target)
	// Output:
	// 1.00 0.67
}

func ExampleIndex() {
	film, err := vpdq.Parse(strings.NewReader(kite))
	if err != nil {
		fmt.Println(err)
		return
	}
	x := vpdq.NewIndex(vpdq.Common())
	x.Add(7, film)
	clip := film[1:3]
	clip[0].Hash[4] ^= 0b111 // three bits differ
	for _, hit := range x.Query(clip) {
		fmt.Printf("film %d: %.2f of the clip, %.2f of the film\n", hit.ID, hit.Query, hit.Target)
		for _, p := range hit.Pairs {
			fmt.Printf("%v is at %v, %d bits away\n", p.Query.At, p.Target.At, p.Distance)
		}
	}
	// Output:
	// film 7: 1.00 of the clip, 0.67 of the film
	// 1s is at 1s, 3 bits away
	// 2s is at 2s, 0 bits away
}
