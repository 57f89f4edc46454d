package hamming_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"raksha.example/raksha/hamming"
)

func Example() {
	kite, river := [32]byte{0: 0xd8, 31: 0x22}, [32]byte{0: 0x27, 16: 0xff}
	x := hamming.Build([][32]byte{kite, river}, []uint64{100, 200})

	query := kite
	query[5] ^= 0b111 // three bits differ
	for _, hit := range x.Search(query, 31, nil) {
		fmt.Println(hit.ID, hit.Distance)
	}
	// Output:
	// 100 3
	// 200 21
}

func ExampleIndex_Add() {
	var x hamming.Index // empty, and ready
	basket := [32]byte{1, 2, 3}
	x.Add(basket, 7)
	fmt.Println(x.Search(basket, 0, nil))
	fmt.Println(x.Remove(7), x.Search(basket, 0, nil))
	// Output:
	// [{7 0}]
	// 1 []
}

// The eight orientations of a picture are asked together: their waits for memory overlap.
func ExampleIndex_SearchBatch() {
	x := hamming.Build([][32]byte{{0: 1}, {0: 0xff, 1: 0xff, 2: 0xff, 3: 0xff, 4: 0xff}}, nil)
	for _, hit := range x.SearchBatch([][32]byte{{}, {4: 0xff, 3: 0xff, 2: 0xff}}, 20, nil) {
		fmt.Printf("query %d: id %d at %d bits\n", hit.Query, hit.ID, hit.Distance)
	}
	// Output:
	// query 0: id 0 at 1 bits
	// query 1: id 1 at 16 bits
}

// A file is written as a stream and mapped, so that a program starts at once with a list of any size.
func ExampleWriteFile() {
	dir, err := os.MkdirTemp("", "hashes")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "list")
	if err := hamming.WriteFile(path, maps.All(map[[32]byte]uint64{{9: 1}: 42})); err != nil {
		fmt.Println(err)
		return
	}
	x, err := hamming.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(x.Search([32]byte{}, 31, nil))
	fmt.Println(x.Err()) // whether the part of the file that was read is sound
	// Output:
	// [{42 1}]
	// <nil>
}
