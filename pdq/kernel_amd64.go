package pdq

var best = &portable

var kernels = []*kernel{&portable}
