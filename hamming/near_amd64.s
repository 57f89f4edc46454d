#include "textflag.h"

// How many hashes ahead of the one being compared are asked of memory.
#define AHEAD 32

// ADD adds to AX the bits that differ between the word at R14+at and want.
#define ADD(at, want) \
	MOVQ at(R14), R15; \
	XORQ want, R15; \
	POPCNTQ R15, R15; \
	ADDQ R15, AX

// func nearPOPCNT(hashes *byte, q *[32]byte, radius, total int, places *uint32, n int, found *uint32) int
// It compares the hashes at n places, and writes which of them are within radius. Places from total on are passed over.
TEXT ·nearPOPCNT(SB), NOSPLIT, $0-64
	MOVQ hashes+0(FP), DI
	MOVQ q+8(FP), AX
	MOVQ radius+16(FP), BX
	MOVQ places+32(FP), SI
	MOVQ n+40(FP), CX
	MOVQ found+48(FP), R8
	MOVQ 0(AX), R9
	MOVQ 8(AX), R10
	MOVQ 16(AX), R11
	MOVQ 24(AX), R12
	XORQ R13, R13                   // number written
	XORQ DX, DX                     // place being compared
	XORQ AX, AX

warm:                                   // ask for the first ones
	CMPQ AX, CX
	JGE  place
	CMPQ AX, $AHEAD
	JGE  place
	MOVL (SI)(AX*4), R14
	SHLQ $5, R14
	PREFETCHT0 (DI)(R14*1)
	INCQ AX
	JMP  warm

place:
	CMPQ DX, CX
	JGE  end
	LEAQ AHEAD(DX), AX
	CMPQ AX, CX
	JGE  compare
	MOVL (4*AHEAD)(SI)(DX*4), R14
	SHLQ $5, R14
	PREFETCHT0 (DI)(R14*1)

compare:
	MOVL (SI)(DX*4), R14
	CMPQ R14, total+24(FP)
	JGE  next
	SHLQ $5, R14
	ADDQ DI, R14
	MOVQ 0(R14), AX
	XORQ R9, AX
	POPCNTQ AX, AX
	MOVL DX, (R8)(R13*4)            // overwritten if it does not count
	ADD(8, R10)
	ADD(16, R11)
	ADD(24, R12)
	CMPQ AX, BX
	JGT  next
	INCQ R13

next:
	INCQ DX
	JMP  place

end:
	MOVQ R13, ret+56(FP)
	RET
