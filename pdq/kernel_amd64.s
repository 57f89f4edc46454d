#include "textflag.h"

// Byte places of red, green and blue of four pixels, widened to 32 bits, in each half.
DATA red<>+0(SB)/8, $0x8080800380808000
DATA red<>+8(SB)/8, $0x8080800980808006
DATA red<>+16(SB)/8, $0x8080800380808000
DATA red<>+24(SB)/8, $0x8080800980808006
GLOBL red<>(SB), RODATA|NOPTR, $32

DATA green<>+0(SB)/8, $0x8080800480808001
DATA green<>+8(SB)/8, $0x8080800a80808007
DATA green<>+16(SB)/8, $0x8080800480808001
DATA green<>+24(SB)/8, $0x8080800a80808007
GLOBL green<>(SB), RODATA|NOPTR, $32

DATA blue<>+0(SB)/8, $0x8080800580808002
DATA blue<>+8(SB)/8, $0x8080800b80808008
DATA blue<>+16(SB)/8, $0x8080800580808002
DATA blue<>+24(SB)/8, $0x8080800b80808008
GLOBL blue<>(SB), RODATA|NOPTR, $32

// 0.299, 0.587, 0.114, 100 and 255 as float32.
DATA weight<>+0(SB)/4, $0x3e991687
DATA weight<>+4(SB)/4, $0x3f1645a2
DATA weight<>+8(SB)/4, $0x3de978d5
DATA weight<>+12(SB)/4, $0x42c80000
DATA weight<>+16(SB)/4, $0x437f0000
GLOBL weight<>(SB), RODATA|NOPTR, $20

// All lanes but the first.
DATA notfirst<>+0(SB)/8, $0xffffffff00000000
DATA notfirst<>+8(SB)/8, $0xffffffffffffffff
DATA notfirst<>+16(SB)/8, $0xffffffffffffffff
DATA notfirst<>+24(SB)/8, $0xffffffffffffffff
GLOBL notfirst<>(SB), RODATA|NOPTR, $32

// func lumaAVX2(dst *float32, rgb *byte, groups int)
// Groups of 8 pixels; 4 bytes behind the last are read too.
TEXT ·lumaAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ rgb+8(FP), SI
	MOVQ groups+16(FP), CX
	VMOVDQU red<>(SB), Y10
	VMOVDQU green<>(SB), Y11
	VMOVDQU blue<>(SB), Y12
	VBROADCASTSS weight<>+0(SB), Y13
	VBROADCASTSS weight<>+4(SB), Y14
	VBROADCASTSS weight<>+8(SB), Y15

group:
	VMOVDQU (SI), X0
	VINSERTI128 $1, 12(SI), Y0, Y0
	VPSHUFB Y10, Y0, Y1
	VPSHUFB Y11, Y0, Y2
	VPSHUFB Y12, Y0, Y3
	VCVTDQ2PS Y1, Y1
	VCVTDQ2PS Y2, Y2
	VCVTDQ2PS Y3, Y3
	VMULPS  Y13, Y1, Y1
	VMULPS  Y14, Y2, Y2
	VMULPS  Y15, Y3, Y3
	VADDPS  Y2, Y1, Y1
	VADDPS  Y3, Y1, Y1
	VMOVUPS Y1, (DI)
	ADDQ $24, SI
	ADDQ $32, DI
	DECQ CX
	JNZ  group
	VZEROUPPER
	RET

// FOUR turns four vectors of four values, twice side by side, into their columns.
#define FOUR(a0, a1, a2, a3, t0, t1, t2, t3) \
	VUNPCKLPS a1, a0, t0; \
	VUNPCKHPS a1, a0, t1; \
	VUNPCKLPS a3, a2, t2; \
	VUNPCKHPS a3, a2, t3; \
	VSHUFPS $0x44, t2, t0, a0; \
	VSHUFPS $0xee, t2, t0, a1; \
	VSHUFPS $0x44, t3, t1, a2; \
	VSHUFPS $0xee, t3, t1, a3

// func transposeAVX2(dst *float32, dstStride, dstStep int, src *float32, srcStride, srcStep, blocks int)
// It transposes blocks of 8x8 values. Strides are between the rows of a block, steps between blocks, in bytes.
TEXT ·transposeAVX2(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), AX
	MOVQ src+24(FP), SI
	MOVQ srcStride+32(FP), BX
	MOVQ blocks+48(FP), CX
	LEAQ (AX)(AX*2), R8             // 3*dstStride
	LEAQ (BX)(BX*2), R9             // 3*srcStride

block:
	LEAQ (SI)(BX*4), DX
	LEAQ (DI)(AX*4), R10
	VMOVUPS (SI), X0
	VMOVUPS (SI)(BX*1), X1
	VMOVUPS (SI)(BX*2), X2
	VMOVUPS (SI)(R9*1), X3
	VINSERTF128 $1, (DX), Y0, Y0
	VINSERTF128 $1, (DX)(BX*1), Y1, Y1
	VINSERTF128 $1, (DX)(BX*2), Y2, Y2
	VINSERTF128 $1, (DX)(R9*1), Y3, Y3
	VMOVUPS 16(SI), X4
	VMOVUPS 16(SI)(BX*1), X5
	VMOVUPS 16(SI)(BX*2), X6
	VMOVUPS 16(SI)(R9*1), X7
	VINSERTF128 $1, 16(DX), Y4, Y4
	VINSERTF128 $1, 16(DX)(BX*1), Y5, Y5
	VINSERTF128 $1, 16(DX)(BX*2), Y6, Y6
	VINSERTF128 $1, 16(DX)(R9*1), Y7, Y7
	FOUR(Y0, Y1, Y2, Y3, Y8, Y9, Y10, Y11)
	FOUR(Y4, Y5, Y6, Y7, Y12, Y13, Y14, Y15)
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, (DI)(AX*1)
	VMOVUPS Y2, (DI)(AX*2)
	VMOVUPS Y3, (DI)(R8*1)
	VMOVUPS Y4, (R10)
	VMOVUPS Y5, (R10)(AX*1)
	VMOVUPS Y6, (R10)(AX*2)
	VMOVUPS Y7, (R10)(R8*1)
	ADDQ dstStep+16(FP), DI
	ADDQ srcStep+40(FP), SI
	DECQ CX
	JNZ  block
	VZEROUPPER
	RET

#define ENTER \
	VADDPS (SI), Y0, Y0; \
	VADDPS 32(SI), Y1, Y1; \
	ADDQ $64, SI

#define LEAVE \
	VSUBPS (BX), Y0, Y0; \
	VSUBPS 32(BX), Y1, Y1; \
	ADDQ $64, BX

#define MEAN \
	VDIVPS Y4, Y0, Y2; \
	VDIVPS Y4, Y1, Y3; \
	VMOVUPS Y2, (DI); \
	VMOVUPS Y3, 32(DI); \
	ADDQ $64, DI

// func boxAVX2(dst, src *float32, first, growing, steady, shrinking int, inverse float32)
// It filters 16 lanes along steps of 64 bytes: first values enter, then growing more with a mean each, then steady with one
// leaving each time, then shrinking leave. If inverse is not 0, the steady means are products with it, which is exact.
TEXT ·boxAVX2(SB), NOSPLIT, $0-52
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ SI, BX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	XORQ AX, AX                     // size
	MOVQ first+16(FP), CX
	TESTQ CX, CX
	JZ   grow

enter:
	ENTER
	INCQ AX
	DECQ CX
	JNZ  enter

grow:
	MOVQ growing+24(FP), CX         // at least 1

growing1:
	ENTER
	INCQ AX
	VCVTSI2SSL AX, X4, X4
	VBROADCASTSS X4, Y4
	MEAN
	DECQ CX
	JNZ  growing1
	MOVQ steady+32(FP), CX
	TESTQ CX, CX
	JZ   shrink
	MOVL inverse+48(FP), DX
	TESTL DX, DX
	JZ   steady1
	VBROADCASTSS inverse+48(FP), Y5

steady2:
	ENTER
	LEAVE
	VMULPS Y5, Y0, Y2
	VMULPS Y5, Y1, Y3
	VMOVUPS Y2, (DI)
	VMOVUPS Y3, 32(DI)
	ADDQ $64, DI
	DECQ CX
	JNZ  steady2
	JMP  shrink

steady1:
	ENTER
	LEAVE
	MEAN
	DECQ CX
	JNZ  steady1

shrink:
	MOVQ shrinking+40(FP), CX
	TESTQ CX, CX
	JZ   end

shrink1:
	LEAVE
	DECQ AX
	VCVTSI2SSL AX, X4, X4
	VBROADCASTSS X4, Y4
	MEAN
	DECQ CX
	JNZ  shrink1

end:
	VZEROUPPER
	RET

// func columnAVX2(sum, in, leave, dst *float32, n int, divisor, inverse float32)
// n is a multiple of 8, in values. If inverse is not 0, means are products with it, which is exact.
TEXT ·columnAVX2(SB), NOSPLIT, $0-48
	MOVQ sum+0(FP), AX
	MOVQ in+8(FP), SI
	MOVQ leave+16(FP), BX
	MOVQ dst+24(FP), DI
	MOVQ n+32(FP), CX
	SHLQ $2, CX
	XORQ DX, DX
	MOVL inverse+44(FP), R8
	TESTL R8, R8
	JZ   divide
	VBROADCASTSS inverse+44(FP), Y5

eight:
	VMOVUPS (AX)(DX*1), Y0
	VADDPS (SI)(DX*1), Y0, Y0
	VSUBPS (BX)(DX*1), Y0, Y0
	VMOVUPS Y0, (AX)(DX*1)
	VMULPS Y5, Y0, Y0
	VMOVUPS Y0, (DI)(DX*1)
	ADDQ $32, DX
	CMPQ DX, CX
	JB   eight
	VZEROUPPER
	RET

divide:
	VBROADCASTSS divisor+40(FP), Y5

eight1:
	VMOVUPS (AX)(DX*1), Y0
	VADDPS (SI)(DX*1), Y0, Y0
	VSUBPS (BX)(DX*1), Y0, Y0
	VMOVUPS Y0, (AX)(DX*1)
	VDIVPS Y5, Y0, Y0
	VMOVUPS Y0, (DI)(DX*1)
	ADDQ $32, DX
	CMPQ DX, CX
	JB   eight1
	VZEROUPPER
	RET

#define MADD(at, acc) \
	VMULPS at(SI), Y8, Y9; \
	VADDPS Y9, acc, acc

// func leftAVX2(t *[16][64]float32, basis *[16][64]float32, b *block)
// t = basis * b.
TEXT ·leftAVX2(SB), NOSPLIT, $0-24
	MOVQ t+0(FP), DI
	MOVQ basis+8(FP), BX
	MOVQ $16, CX

row:
	MOVQ b+16(FP), SI
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	MOVQ $64, DX

term:
	VBROADCASTSS (BX), Y8
	MADD(0, Y0)
	MADD(32, Y1)
	MADD(64, Y2)
	MADD(96, Y3)
	MADD(128, Y4)
	MADD(160, Y5)
	MADD(192, Y6)
	MADD(224, Y7)
	ADDQ $4, BX
	ADDQ $256, SI
	DECQ DX
	JNZ  term
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	VMOVUPS Y4, 128(DI)
	VMOVUPS Y5, 160(DI)
	VMOVUPS Y6, 192(DI)
	VMOVUPS Y7, 224(DI)
	ADDQ $256, DI
	DECQ CX
	JNZ  row
	VZEROUPPER
	RET

#define MADD2(at, lo, hi) \
	VBROADCASTSS at(SI), Y8; \
	VMULPS Y10, Y8, Y9; \
	VADDPS Y9, lo, lo; \
	VMULPS Y11, Y8, Y9; \
	VADDPS Y9, hi, hi

// func rightAVX2(out *coefficients, t *[16][64]float32, columns *[64][16]float32)
// out = t * columns, four rows at a time.
TEXT ·rightAVX2(SB), NOSPLIT, $0-24
	MOVQ out+0(FP), DI
	MOVQ t+8(FP), SI
	MOVQ $4, CX

rows:
	MOVQ columns+16(FP), BX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	MOVQ $64, DX

term:
	VMOVUPS (BX), Y10
	VMOVUPS 32(BX), Y11
	MADD2(0, Y0, Y1)
	MADD2(256, Y2, Y3)
	MADD2(512, Y4, Y5)
	MADD2(768, Y6, Y7)
	ADDQ $64, BX
	ADDQ $4, SI
	DECQ DX
	JNZ  term
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	VMOVUPS Y4, 128(DI)
	VMOVUPS Y5, 160(DI)
	VMOVUPS Y6, 192(DI)
	VMOVUPS Y7, 224(DI)
	ADDQ $256, DI
	ADDQ $768, SI                   // the term loop went through one row
	DECQ CX
	JNZ  rows
	VZEROUPPER
	RET

// PERCENT adds to acc the whole percents of 255 in Y0-Y1.
#define PERCENT(acc) \
	VSUBPS Y1, Y0, Y0; \
	VMULPS Y13, Y0, Y0; \
	VDIVPS Y14, Y0, Y0; \
	VCVTTPS2DQ Y0, Y0; \
	VPABSD Y0, Y0; \
	VPADDD Y0, acc, acc

// RIGHT takes the differences of neighbours within a row, from values 0 to 62 to values 1 to 63.
#define RIGHT(at) \
	VMOVUPS at(SI), Y0; \
	VMOVUPS at+4(SI), Y1; \
	PERCENT(Y11)

#define DOWN(at) \
	VMOVUPS at(SI), Y0; \
	VMOVUPS at+256(SI), Y1; \
	PERCENT(Y10)

// func gradientsAVX2(b *block) int32
TEXT ·gradientsAVX2(SB), NOSPLIT, $0-12
	MOVQ b+0(FP), SI
	VBROADCASTSS weight<>+12(SB), Y13
	VBROADCASTSS weight<>+16(SB), Y14
	VPXOR Y10, Y10, Y10
	VPXOR Y11, Y11, Y11
	MOVQ $64, CX

row:
	RIGHT(0)
	RIGHT(32)
	RIGHT(64)
	RIGHT(96)
	RIGHT(128)
	RIGHT(160)
	RIGHT(192)
	VMOVUPS 220(SI), Y0             // values 55 to 62; the difference of 55 is counted already
	VMOVUPS 224(SI), Y1
	VSUBPS Y1, Y0, Y0
	VPAND notfirst<>(SB), Y0, Y0
	VMULPS Y13, Y0, Y0
	VDIVPS Y14, Y0, Y0
	VCVTTPS2DQ Y0, Y0
	VPABSD Y0, Y0
	VPADDD Y0, Y11, Y11
	CMPQ CX, $1
	JEQ  last
	DOWN(0)
	DOWN(32)
	DOWN(64)
	DOWN(96)
	DOWN(128)
	DOWN(160)
	DOWN(192)
	DOWN(224)
	ADDQ $256, SI
	DECQ CX
	JMP  row

last:
	VPADDD Y10, Y11, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0x4e, X0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0xb1, X0, X1
	VPADDD X1, X0, X0
	VMOVD X0, AX
	MOVL AX, ret+8(FP)
	VZEROUPPER
	RET
