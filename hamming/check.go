package hamming

// checker checks the blocks of a mapped file when they are first used.
type checker struct{}
