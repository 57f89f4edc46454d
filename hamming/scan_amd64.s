#include "textflag.h"

// Population counts of 0 to 15, twice, and a mask of low nibbles.
DATA nibbles<>+0(SB)/8, $0x0302020102010100
DATA nibbles<>+8(SB)/8, $0x0403030203020201
DATA nibbles<>+16(SB)/8, $0x0302020102010100
DATA nibbles<>+24(SB)/8, $0x0403030203020201
GLOBL nibbles<>(SB), RODATA|NOPTR, $32

DATA lownibble<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL lownibble<>(SB), RODATA|NOPTR, $8

// COUNT gives in s the bits that differ between the hash at BX+at and Y0, as four sums of 64 bits each.
#define COUNT(at, s, t) \
	VPXOR   at(BX), Y0, s; \
	VPAND   Y13, s, t; \
	VPSRLW  $4, s, s; \
	VPAND   Y13, s, s; \
	VPSHUFB t, Y12, t; \
	VPSHUFB s, Y12, s; \
	VPADDB  t, s, s; \
	VPSADBW Y14, s, s

// func scanAVX2(hashes *byte, q *[32]byte, radius, from, to int, found *uint32, room int) (n, done int)
// It compares four hashes at a time, while four fit into found; to-from is a multiple of four.
TEXT ·scanAVX2(SB), NOSPLIT, $0-72
	MOVQ hashes+0(FP), BX
	MOVQ q+8(FP), AX
	MOVQ radius+16(FP), CX
	MOVQ from+24(FP), DX
	MOVQ to+32(FP), SI
	MOVQ found+40(FP), R8
	MOVQ room+48(FP), R9
	XORQ R10, R10
	SUBQ $4, R9                     // room for four more if R10 <= R9
	MOVQ DX, R11
	SHLQ $5, R11
	ADDQ R11, BX
	VMOVDQU (AX), Y0
	VMOVDQU nibbles<>(SB), Y12
	VPBROADCASTQ lownibble<>(SB), Y13
	VPXOR Y14, Y14, Y14
	INCL CX
	MOVQ CX, X11
	VPBROADCASTW X11, X11           // radius+1 in each lane

	PCALIGN $32
four:
	CMPQ DX, SI
	JAE  end
	CMPQ R10, R9
	JG   end
	PREFETCHT0 2048(BX)
	PREFETCHT0 2112(BX)
	COUNT(0, Y1, Y5)
	COUNT(32, Y2, Y6)
	COUNT(64, Y3, Y7)
	COUNT(96, Y4, Y8)
	VPSLLQ  $16, Y2, Y2             // the four hashes' sums side by side in 16 bits each
	VPSLLQ  $32, Y3, Y3
	VPSLLQ  $48, Y4, Y4
	VPOR    Y1, Y2, Y1
	VPOR    Y3, Y4, Y3
	VPOR    Y1, Y3, Y1
	VEXTRACTI128 $1, Y1, X2
	VPADDW  X1, X2, X1
	VPSRLDQ $8, X1, X2
	VPADDW  X1, X2, X1
	VPCMPGTW X1, X11, X1            // radius+1 > distance
	VPACKSSWB X1, X1, X1
	VMOVD   X1, AX
	TESTL   AX, AX
	JNZ     hit

next:
	ADDQ $128, BX
	ADDQ $4, DX
	JMP  four

hit:
	BSFL AX, CX                     // the lanes are bytes of all ones or zero
	SHRL $3, CX
	LEAL (DX)(CX*1), R11
	MOVL R11, (R8)(R10*4)
	INCQ R10
	SHLL $3, CX
	MOVL $0xff, R11
	SHLL CX, R11
	NOTL R11
	ANDL R11, AX
	JNZ  hit
	JMP  next

end:
	VZEROUPPER
	MOVQ R10, n+56(FP)
	MOVQ DX, done+64(FP)
	RET

// func scanAVX512(hashes *byte, q *[32]byte, radius, from, to int, found *uint32, room int) (n, done int)
TEXT ·scanAVX512(SB), NOSPLIT, $0-72
	MOVQ hashes+0(FP), BX
	MOVQ q+8(FP), AX
	MOVQ radius+16(FP), CX
	MOVQ from+24(FP), DX
	MOVQ to+32(FP), SI
	MOVQ found+40(FP), R8
	MOVQ room+48(FP), R9
	XORQ R10, R10
	SUBQ $4, R9
	MOVQ DX, R11
	SHLQ $5, R11
	ADDQ R11, BX
	VBROADCASTI64X4 (AX), Z0
	INCL CX
	MOVQ CX, X11
	VPBROADCASTW X11, X11

	PCALIGN $32
four:
	CMPQ DX, SI
	JAE  end
	CMPQ R10, R9
	JG   end
	PREFETCHT0 2048(BX)
	PREFETCHT0 2112(BX)
	VPXORQ   (BX), Z0, Z1           // hashes 0 and 1
	VPXORQ   64(BX), Z0, Z2         // hashes 2 and 3
	VPOPCNTQ Z1, Z1
	VPOPCNTQ Z2, Z2
	VPSLLQ   $32, Z2, Z2
	VPORQ    Z1, Z2, Z1             // low halves: 0 | 2<<32, high halves: 1 | 3<<32
	VEXTRACTI64X4 $1, Z1, Y2
	VPSLLQ   $16, Y2, Y2
	VPOR     Y1, Y2, Y1             // 0, 1, 2, 3 in 16 bits each
	VEXTRACTI128 $1, Y1, X2
	VPADDW   X1, X2, X1
	VPSRLDQ  $8, X1, X2
	VPADDW   X1, X2, X1
	VPCMPGTW X1, X11, X1
	VPACKSSWB X1, X1, X1
	VMOVD    X1, AX
	TESTL    AX, AX
	JNZ      hit

next:
	ADDQ $128, BX
	ADDQ $4, DX
	JMP  four

hit:
	BSFL AX, CX
	SHRL $3, CX
	LEAL (DX)(CX*1), R11
	MOVL R11, (R8)(R10*4)
	INCQ R10
	SHLL $3, CX
	MOVL $0xff, R11
	SHLL CX, R11
	NOTL R11
	ANDL R11, AX
	JNZ  hit
	JMP  next

end:
	VZEROUPPER
	MOVQ R10, n+56(FP)
	MOVQ DX, done+64(FP)
	RET
