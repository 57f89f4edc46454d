#include "textflag.h"

// Cosines of two coefficients, as pairs of 16 bits: of 0 and 4 and of 2 and 6 for the even part, of 1 and 5 and of 3 and 7 for the odd part of
// values 0 (a), 1 (b), 2 (c) and 3 (d).
DATA c04<>+0(SB)/8, $0x16a116a116a116a1
DATA c04<>+8(SB)/8, $0x16a116a116a116a1
DATA c04<>+16(SB)/8, $0x16a116a116a116a1
DATA c04<>+24(SB)/8, $0x16a116a116a116a1
GLOBL c04<>(SB), RODATA|NOPTR, $32

DATA d04<>+0(SB)/8, $0xe95f16a1e95f16a1
DATA d04<>+8(SB)/8, $0xe95f16a1e95f16a1
DATA d04<>+16(SB)/8, $0xe95f16a1e95f16a1
DATA d04<>+24(SB)/8, $0xe95f16a1e95f16a1
GLOBL d04<>(SB), RODATA|NOPTR, $32

DATA c26<>+0(SB)/8, $0x0c3f1d900c3f1d90
DATA c26<>+8(SB)/8, $0x0c3f1d900c3f1d90
DATA c26<>+16(SB)/8, $0x0c3f1d900c3f1d90
DATA c26<>+24(SB)/8, $0x0c3f1d900c3f1d90
GLOBL c26<>(SB), RODATA|NOPTR, $32

DATA d26<>+0(SB)/8, $0xe2700c3fe2700c3f
DATA d26<>+8(SB)/8, $0xe2700c3fe2700c3f
DATA d26<>+16(SB)/8, $0xe2700c3fe2700c3f
DATA d26<>+24(SB)/8, $0xe2700c3fe2700c3f
GLOBL d26<>(SB), RODATA|NOPTR, $32

DATA a15<>+0(SB)/8, $0x11c71f6311c71f63
DATA a15<>+8(SB)/8, $0x11c71f6311c71f63
DATA a15<>+16(SB)/8, $0x11c71f6311c71f63
DATA a15<>+24(SB)/8, $0x11c71f6311c71f63
GLOBL a15<>(SB), RODATA|NOPTR, $32

DATA a37<>+0(SB)/8, $0x063e1a9b063e1a9b
DATA a37<>+8(SB)/8, $0x063e1a9b063e1a9b
DATA a37<>+16(SB)/8, $0x063e1a9b063e1a9b
DATA a37<>+24(SB)/8, $0x063e1a9b063e1a9b
GLOBL a37<>(SB), RODATA|NOPTR, $32

DATA b15<>+0(SB)/8, $0xe09d1a9be09d1a9b
DATA b15<>+8(SB)/8, $0xe09d1a9be09d1a9b
DATA b15<>+16(SB)/8, $0xe09d1a9be09d1a9b
DATA b15<>+24(SB)/8, $0xe09d1a9be09d1a9b
GLOBL b15<>(SB), RODATA|NOPTR, $32

DATA b37<>+0(SB)/8, $0xee39f9c2ee39f9c2
DATA b37<>+8(SB)/8, $0xee39f9c2ee39f9c2
DATA b37<>+16(SB)/8, $0xee39f9c2ee39f9c2
DATA b37<>+24(SB)/8, $0xee39f9c2ee39f9c2
GLOBL b37<>(SB), RODATA|NOPTR, $32

DATA c15<>+0(SB)/8, $0x063e11c7063e11c7
DATA c15<>+8(SB)/8, $0x063e11c7063e11c7
DATA c15<>+16(SB)/8, $0x063e11c7063e11c7
DATA c15<>+24(SB)/8, $0x063e11c7063e11c7
GLOBL c15<>(SB), RODATA|NOPTR, $32

DATA c37<>+0(SB)/8, $0x1a9be09d1a9be09d
DATA c37<>+8(SB)/8, $0x1a9be09d1a9be09d
DATA c37<>+16(SB)/8, $0x1a9be09d1a9be09d
DATA c37<>+24(SB)/8, $0x1a9be09d1a9be09d
GLOBL c37<>(SB), RODATA|NOPTR, $32

DATA d15<>+0(SB)/8, $0x1a9b063e1a9b063e
DATA d15<>+8(SB)/8, $0x1a9b063e1a9b063e
DATA d15<>+16(SB)/8, $0x1a9b063e1a9b063e
DATA d15<>+24(SB)/8, $0x1a9b063e1a9b063e
GLOBL d15<>(SB), RODATA|NOPTR, $32

DATA d37<>+0(SB)/8, $0xe09dee39e09dee39
DATA d37<>+8(SB)/8, $0xe09dee39e09dee39
DATA d37<>+16(SB)/8, $0xe09dee39e09dee39
DATA d37<>+24(SB)/8, $0xe09dee39e09dee39
GLOBL d37<>(SB), RODATA|NOPTR, $32

// What is added before the shifts that end the two passes: round1 and round2.
DATA half1<>+0(SB)/8, $0x0000040000000400
DATA half1<>+8(SB)/8, $0x0000040000000400
DATA half1<>+16(SB)/8, $0x0000040000000400
DATA half1<>+24(SB)/8, $0x0000040000000400
GLOBL half1<>(SB), RODATA|NOPTR, $32

DATA half2<>+0(SB)/8, $0x0101000001010000
DATA half2<>+8(SB)/8, $0x0101000001010000
DATA half2<>+16(SB)/8, $0x0101000001010000
DATA half2<>+24(SB)/8, $0x0101000001010000
GLOBL half2<>(SB), RODATA|NOPTR, $32

// The greatest and the least value of 16 bits.
DATA most<>+0(SB)/8, $0x7fff7fff7fff7fff
DATA most<>+8(SB)/8, $0x7fff7fff7fff7fff
DATA most<>+16(SB)/8, $0x7fff7fff7fff7fff
DATA most<>+24(SB)/8, $0x7fff7fff7fff7fff
GLOBL most<>(SB), RODATA|NOPTR, $32

DATA least<>+0(SB)/8, $0x8000800080008000
DATA least<>+8(SB)/8, $0x8000800080008000
DATA least<>+16(SB)/8, $0x8000800080008000
DATA least<>+24(SB)/8, $0x8000800080008000
GLOBL least<>(SB), RODATA|NOPTR, $32

// Turns four times four bytes.
DATA turn<>+0(SB)/8, $0x0d0905010c080400
DATA turn<>+8(SB)/8, $0x0f0b07030e0a0602
DATA turn<>+16(SB)/8, $0x0d0905010c080400
DATA turn<>+24(SB)/8, $0x0f0b07030e0a0602
GLOBL turn<>(SB), RODATA|NOPTR, $32

// EIGHT makes eight values (Y0 to Y7, before the shift) of eight coefficients in pairs: Y8 holds 0 and 4, Y9 1 and 5, Y10 2 and 6, Y11 3 and 7.
#define EIGHT(half) \
	VPMADDWD c04<>(SB), Y8, Y0; \
	VPMADDWD d04<>(SB), Y8, Y1; \
	VPMADDWD c26<>(SB), Y10, Y2; \
	VPMADDWD d26<>(SB), Y10, Y3; \
	VPADDD   half<>(SB), Y0, Y0; \
	VPADDD   half<>(SB), Y1, Y1; \
	VPSUBD   Y2, Y0, Y12; \
	VPADDD   Y2, Y0, Y0; \
	VPSUBD   Y3, Y1, Y13; \
	VPADDD   Y3, Y1, Y1; \
	VPMADDWD a15<>(SB), Y9, Y2; \
	VPMADDWD a37<>(SB), Y11, Y3; \
	VPMADDWD b15<>(SB), Y9, Y4; \
	VPMADDWD b37<>(SB), Y11, Y5; \
	VPADDD   Y3, Y2, Y2; \
	VPADDD   Y5, Y4, Y4; \
	VPSUBD   Y2, Y0, Y7; \
	VPADDD   Y2, Y0, Y0; \
	VPSUBD   Y4, Y1, Y6; \
	VPADDD   Y4, Y1, Y1; \
	VPMADDWD c15<>(SB), Y9, Y2; \
	VPMADDWD c37<>(SB), Y11, Y3; \
	VPMADDWD d15<>(SB), Y9, Y4; \
	VPMADDWD d37<>(SB), Y11, Y14; \
	VPADDD   Y3, Y2, Y2; \
	VPADDD   Y14, Y4, Y14; \
	VPSUBD   Y2, Y13, Y5; \
	VPADDD   Y2, Y13, Y2; \
	VPSUBD   Y14, Y12, Y4; \
	VPADDD   Y14, Y12, Y3

#define SHIFT(n) \
	VPSRAD n, Y0, Y0; \
	VPSRAD n, Y1, Y1; \
	VPSRAD n, Y2, Y2; \
	VPSRAD n, Y3, Y3; \
	VPSRAD n, Y4, Y4; \
	VPSRAD n, Y5, Y5; \
	VPSRAD n, Y6, Y6; \
	VPSRAD n, Y7, Y7

// func transform8AVX2(f *[64]int32, out *byte, stride int) bool
// It gives false, and writes nothing, if a value between the passes does not fit 16 bits.
TEXT ·transform8AVX2(SB), NOSPLIT, $0-25
	MOVQ f+0(FP), SI
	MOVQ out+8(FP), DI
	MOVQ stride+16(FP), DX
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	VMOVDQU 64(SI), Y2
	VMOVDQU 96(SI), Y3
	VMOVDQU 128(SI), Y4
	VMOVDQU 160(SI), Y5
	VMOVDQU 192(SI), Y6
	VMOVDQU 224(SI), Y7
	VPSLLD $16, Y4, Y4
	VPSLLD $16, Y5, Y5
	VPSLLD $16, Y6, Y6
	VPSLLD $16, Y7, Y7
	VPBLENDW $0xaa, Y4, Y0, Y8
	VPBLENDW $0xaa, Y5, Y1, Y9
	VPBLENDW $0xaa, Y6, Y2, Y10
	VPBLENDW $0xaa, Y7, Y3, Y11
	EIGHT(half1)
	SHIFT($11)

	// Row y of the values between the passes is in Y(y), a column in each lane: to 16 bits, columns 0 to 3 of two rows below, 4 to 7 above.
	VPACKSSDW Y1, Y0, Y0
	VPACKSSDW Y3, Y2, Y2
	VPACKSSDW Y5, Y4, Y4
	VPACKSSDW Y7, Y6, Y6
	VPMAXSW Y0, Y2, Y8
	VPMINSW Y0, Y2, Y9
	VPMAXSW Y4, Y6, Y10
	VPMINSW Y4, Y6, Y11
	VPMAXSW Y8, Y10, Y8
	VPMINSW Y9, Y11, Y9
	VPCMPEQW most<>(SB), Y8, Y8
	VPCMPEQW least<>(SB), Y9, Y9
	VPOR Y8, Y9, Y8
	VPTEST Y8, Y8
	JNZ beyond

	// A row becomes four pairs of columns, 0 and 4 to 3 and 7; then the pairs of all rows come together, a row in each lane.
	VPERM2I128 $0x20, Y4, Y0, Y8
	VPERM2I128 $0x31, Y4, Y0, Y9
	VPERM2I128 $0x20, Y6, Y2, Y10
	VPERM2I128 $0x31, Y6, Y2, Y11
	VPUNPCKLWD Y9, Y8, Y0
	VPUNPCKHWD Y9, Y8, Y1
	VPUNPCKLWD Y11, Y10, Y2
	VPUNPCKHWD Y11, Y10, Y3
	VPUNPCKLDQ Y1, Y0, Y4
	VPUNPCKHDQ Y1, Y0, Y5
	VPUNPCKLDQ Y3, Y2, Y6
	VPUNPCKHDQ Y3, Y2, Y7
	VPUNPCKLQDQ Y6, Y4, Y8
	VPUNPCKHQDQ Y6, Y4, Y9
	VPUNPCKLQDQ Y7, Y5, Y10
	VPUNPCKHQDQ Y7, Y5, Y11
	EIGHT(half2)
	SHIFT($17)

	// Column x is in Y(x), a row in each lane: to bytes, which saturates, and turned.
	VPACKSSDW Y1, Y0, Y0
	VPACKSSDW Y3, Y2, Y2
	VPACKSSDW Y5, Y4, Y4
	VPACKSSDW Y7, Y6, Y6
	VPACKUSWB Y2, Y0, Y0
	VPACKUSWB Y6, Y4, Y4
	VMOVDQU turn<>(SB), Y8
	VPSHUFB Y8, Y0, Y0
	VPSHUFB Y8, Y4, Y4
	VPUNPCKLDQ Y4, Y0, Y1
	VPUNPCKHDQ Y4, Y0, Y2
	VMOVQ X1, (DI)
	VMOVHPS X1, (DI)(DX*1)
	LEAQ (DI)(DX*2), DI
	VMOVQ X2, (DI)
	VMOVHPS X2, (DI)(DX*1)
	LEAQ (DI)(DX*2), DI
	VEXTRACTI128 $1, Y1, X1
	VEXTRACTI128 $1, Y2, X2
	VMOVQ X1, (DI)
	VMOVHPS X1, (DI)(DX*1)
	LEAQ (DI)(DX*2), DI
	VMOVQ X2, (DI)
	VMOVHPS X2, (DI)(DX*1)
	VZEROUPPER
	MOVB $1, ret+24(FP)
	RET

beyond:
	VZEROUPPER
	MOVB $0, ret+24(FP)
	RET
