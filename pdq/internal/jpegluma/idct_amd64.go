package jpegluma

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2

//go:noescape
func transform8AVX2(f *[64]int32, out *byte, stride int) bool

// transform8Wide is transform8 for the blocks that pictures have; it gives false, and writes nothing, for others and on processors
// that cannot. Coefficients are at most maxCoefficient, in 16 bits; so must be the values between the passes.
func transform8Wide(f *[64]int32, out []byte, stride int) bool {
	if !hasAVX2 || stride < 0 {
		return false
	}
	_ = out[7*stride+7]
	return transform8AVX2(f, &out[0], stride)
}
