// Package pdq computes PDQ perceptual hashes of pictures: 256 bits that change little when a picture is recompressed,
// resized or slightly edited, and a quality from 0 to 100 that says how much a match of it can be trusted.
//
// The results are bit-equal to Meta's reference implementation for the same pixels: every sum of 32-bit floats is taken in
// the reference's order, on every processor. What differs between programs is what happens before: the decoder, and how a
// large picture is brought to the size that is hashed. That choice is a [Profile] and is part of every [Result]; hashes of
// different profiles of one picture differ by some bits.
//
// A hash survives neither rotation nor mirroring. To find a turned or mirrored copy, ask for the hashes of all eight
// orientations with [DihedralFromImage] and look each of them up.
//
// Two pictures are usually taken to be the same when their distance is at most 31 and both qualities are at least 50.
//
// Source: "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", Facebook, 2019.
package pdq

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
)

// Hash is a PDQ hash of 256 bits. Its bytes are those of its hex text from left to right: coefficient (row i, column j) of the
// 16x16 transform is bit (16i+j)%8 of byte 31-(16i+j)/8.
type Hash [32]byte

// Threshold is the distance at or below which two hashes of good quality are commonly taken to match, in bits.
const Threshold = 31

// MinQuality is the quality below which a hash is commonly not used: flat pictures all resemble each other.
const MinQuality = 50

// ErrHash is wrapped by the errors of Parse.
var ErrHash = errors.New("not a PDQ hash")

// Parse reads the text form: 64 hexadecimal digits, in either case.
func Parse(s string) (Hash, error) {
	var h Hash
	if len(s) != 2*len(h) {
		return Hash{}, fmt.Errorf("%w: want 64 hexadecimal digits, got %d characters", ErrHash, len(s))
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, fmt.Errorf("%w: a character is not a hexadecimal digit", ErrHash)
	}
	return h, nil
}

// String gives the text form: 64 lower-case hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText gives the text form.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads the text form.
func (h *Hash) UnmarshalText(b []byte) error {
	got, err := Parse(string(b))
	if err == nil {
		*h = got
	}
	return err
}

// Distance gives the Hamming distance to g: the number of bits that differ, 0 to 256.
func (h Hash) Distance(g Hash) int {
	n := 0
	for i := 0; i < len(h); i += 8 {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(h[i:]) ^ binary.LittleEndian.Uint64(g[i:]))
	}
	return n
}

// Profile says how a picture is brought to the size that is hashed.
type Profile string

// The profiles.
const (
	// Meta512 squashes a picture to 512x512 by nearest neighbour, without keeping its proportions, if either side is larger:
	// what the reference C++ program does, and the right choice for comparing with lists that others made.
	Meta512 Profile = "meta-512"
	// Full filters every pixel at full resolution, as the Python library does.
	Full Profile = "full"
	// Fast is Full over a JPEG file decoded at a half, quarter or eighth of its size while the shorter side stays at least 512.
	// From pixels it equals Full.
	Fast Profile = "fast"
)

// ParseProfile reads a profile's name.
func ParseProfile(s string) (Profile, error) {
	switch p := Profile(s); p {
	case Meta512, Full, Fast:
		return p, nil
	}
	return "", fmt.Errorf("no such profile %q: choose meta-512, full or fast", s)
}

// Result is the hash of one picture. A picture with a side under 5 pixels has a zero hash and quality 0, as in the reference.
type Result struct {
	Hash    Hash
	Quality int // 0 to 100
	Profile Profile
}

// Reliable tells whether the quality is at least MinQuality.
func (r Result) Reliable() bool { return r.Quality >= MinQuality }
