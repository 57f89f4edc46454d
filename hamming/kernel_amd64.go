package hamming

import "golang.org/x/sys/cpu"

//go:noescape
func filterAVX2(next *byte, spans *span, from, to, total int, found *uint32, room int, ids *byte, idWidth int) (n, done int)

//go:noescape
func filterAVX512(next *byte, spans *span, from, to, total int, found *uint32, room int, ids *byte, idWidth int) (n, done int)

//go:noescape
func nearPOPCNT(hashes *byte, q *[32]byte, radius, total int, places *uint32, n int, found *uint32) int

//go:noescape
func scanAVX2(hashes *byte, q *[32]byte, radius, from, to int, found *uint32, room int) (n, done int)

//go:noescape
func scanAVX512(hashes *byte, q *[32]byte, radius, from, to int, found *uint32, room int) (n, done int)

// kernels are those that this processor can run, the fastest first.
var kernels = func() (out []kernel) {
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BITALG && cpu.X86.HasAVX512VPOPCNTDQ {
		if k := (kernel{"avx512", wide(filterAVX512), nearWide, wideScan(scanAVX512)}); tried(k) {
			out = append(out, k)
		}
	}
	if cpu.X86.HasAVX2 {
		out = append(out, kernel{"avx2", wide(filterAVX2), nearWide, wideScan(scanAVX2)})
	}
	return append(out, portable)
}()

// wide wraps a filter in assembly. It checks what the assembly takes for granted: that every span lies within the entries.
func wide(f func(next *byte, spans *span, from, to, total int, found *uint32, room int, ids *byte, idWidth int) (int, int)) filterFunc {
	return func(g *segment, spans []span, from, to int, found []uint32) (int, int) {
		if from >= to {
			return 0, from
		}
		_, _ = spans[to-1], g.next[chunks*2*g.n+overrun-1]
		return f(&g.next[0], &spans[0], from, to, len(spans), &found[0], len(found), &g.ids[0], g.idWidth)
	}
}

// nearWide needs POPCNT, which every processor with AVX2 has.
func nearWide(hashes []byte, q *[32]byte, radius int, places, found []uint32) int {
	if len(places) == 0 || len(hashes) == 0 {
		return 0
	}
	_ = found[len(places)-1]
	return nearPOPCNT(&hashes[0], q, radius, len(hashes)/hashSize, &places[0], len(places), &found[0])
}

func wideScan(f func(hashes *byte, q *[32]byte, radius, from, to int, found *uint32, room int) (int, int)) scanFunc {
	return func(hashes []byte, q *[32]byte, radius, from int, found []uint32) (n, done int) {
		whole := from + (len(hashes)/hashSize-from)&^3
		if done = from; from < whole {
			if n, done = f(&hashes[0], q, min(radius, 256), from, whole, &found[0], len(found)); done < whole {
				return n, done
			}
		}
		more, done := scanGo(hashes, q, radius, done, found[n:])
		return n + more, done
	}
}
