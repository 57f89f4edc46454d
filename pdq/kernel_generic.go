//go:build !amd64

package pdq

// best is the fastest kernel for this processor.
var best = &portable

var kernels = []*kernel{&portable}
