//go:build !amd64

package jpegluma

func transform8Wide(*[64]int32, []byte, int) bool { return false }
