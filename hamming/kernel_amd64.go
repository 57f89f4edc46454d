package hamming

// kernels are those that this processor can run, the fastest first.
var kernels = []kernel{portable}
