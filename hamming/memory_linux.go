package hamming

import "syscall"

// hugeFrom is the size from which memory is mapped by itself and asked for in large pages: a search touches hundreds of places, and
// each would miss the address cache with small ones.
const hugeFrom = 4 << 20

// allocate gives zeroed memory that release returns.
func allocate(n int) []byte {
	if n >= hugeFrom {
		const huge = 2 << 20
		b, err := syscall.Mmap(-1, 0, (n+huge-1)&^(huge-1), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err == nil {
			_ = syscall.Madvise(b, syscall.MADV_HUGEPAGE) // slower without, still right
			return b[:n]
		}
	}
	return make([]byte, n)
}

// release gives memory back. Memory below hugeFrom is the collector's.
func release(b []byte) {
	if len(b) >= hugeFrom {
		_ = syscall.Munmap(b[:cap(b)])
	}
}
