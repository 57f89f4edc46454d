#include "textflag.h"

// How many spans ahead of the one being filtered their entries are asked of memory, and of how many cache lines at most.
#define AHEAD 24
#define LINES (16*64)

// Registers of both filters:
//   DI next   DX span   SI end of the spans to filter   R12 end of all spans   R11 span to prefetch
//   R8 found  R10 number written   R14 ids   BX entry   R13 flat position of BX   CX entries left   AX, R9 spare

// PREFETCH asks for the entries of the span at R11, if there is one, and steps to the next.
#define PREFETCH(loop, none) \
	CMPQ R11, R12; \
	JAE  none; \
	MOVL 0(R11), AX; \
	MOVL 4(R11), R9; \
	LEAQ (DI)(AX*2), AX; \
	LEAQ -1(AX)(R9*2), R9; \
	ANDQ $~63, AX; \
	LEAQ LINES(AX), BX; \
	CMPQ R9, BX; \
	CMOVQHI BX, R9; \
	ADDQ $16, R11; \
loop: \
	PREFETCHT0 (AX); \
	ADDQ $64, AX; \
	CMPQ AX, R9; \
	JBE  loop; \
none:

// START loads the arguments and prefetches the first spans.
#define START \
	MOVQ next+0(FP), DI; \
	MOVQ spans+8(FP), DX; \
	MOVQ from+16(FP), AX; \
	MOVQ to+24(FP), SI; \
	MOVQ total+32(FP), R12; \
	MOVQ found+40(FP), R8; \
	MOVQ ids+56(FP), R14; \
	XORQ R10, R10; \
	SHLQ $4, R12; \
	ADDQ DX, R12; \
	SHLQ $4, SI; \
	ADDQ DX, SI; \
	SHLQ $4, AX; \
	ADDQ AX, DX; \
	MOVQ DX, R11; \
	MOVQ $AHEAD, CX; \
warm: \
	PREFETCH(warmline, warmed); \
	DECQ CX; \
	JNZ  warm

// NEXTSPAN takes the span at DX: it leaves for done at the end or if found has not enough room.
#define NEXTSPAN \
	CMPQ DX, SI; \
	JAE  done; \
	MOVL 4(DX), CX; \
	LEAQ (R10)(CX*1), AX; \
	CMPQ AX, room+48(FP); \
	JA   done; \
	PREFETCH(line, asked); \
	MOVL 0(DX), R13; \
	LEAQ (DI)(R13*2), BX

// EMIT writes the flat positions of the bits of AX, of which only the first CX count, and asks for their ids.
#define EMIT(loop, whole, empty) \
	CMPQ CX, $32; \
	JGE  whole; \
	MOVL $1, R9; \
	SHLL CX, R9; \
	DECL R9; \
	ANDL R9, AX; \
	JZ   empty; \
whole: \
loop: \
	BSFL AX, R9; \
	ADDL R13, R9; \
	MOVL R9, (R8)(R10*4); \
	INCQ R10; \
	IMULQ idWidth+64(FP), R9; \
	PREFETCHT0 (R14)(R9*1); \
	LEAL -1(AX), R9; \
	ANDL R9, AX; \
	JNZ  loop; \
empty:

#define STEP(loop) \
	ADDQ $64, BX; \
	ADDL $32, R13; \
	SUBQ $32, CX; \
	JG   loop; \
	ADDQ $16, DX; \
	JMP  spans

#define FINISH \
	VZEROUPPER; \
	MOVQ R10, n+72(FP); \
	SUBQ spans+8(FP), DX; \
	SHRQ $4, DX; \
	MOVQ DX, done+80(FP); \
	RET

// LOWEST clears the lowest set bit of each 16-bit lane of v: v & (v-1). Y15 is all ones.
#define LOWEST(v, t) \
	VPADDW Y15, v, t; \
	VPAND  t, v, v

// DIFFER loads 32 entries and keeps the bits that differ from Y0.
#define DIFFER \
	VPXOR (BX), Y0, Y1; \
	VPXOR 32(BX), Y0, Y2

// PASSED gives in AX a bit for each of the 32 lanes that are zero, in the order of a pack, which is enough to know whether any is.
#define PASSED(hit) \
	VPCMPEQW  Y14, Y1, Y1; \
	VPCMPEQW  Y14, Y2, Y2; \
	VPACKSSWB Y2, Y1, Y3; \
	VPMOVMSKB Y3, AX; \
	TESTL     AX, AX; \
	JNZ       hit

// ORDER puts the bits of AX in the order of the entries.
#define ORDER \
	VPERMQ    $0xD8, Y3, Y3; \
	VPMOVMSKB Y3, AX

// func filterAVX2(next *byte, spans *span, from, to, total int, found *uint32, room int, ids *byte, idWidth int) (n, done int)
TEXT ·filterAVX2(SB), NOSPLIT, $0-88
	VPCMPEQW Y15, Y15, Y15
	VPXOR    Y14, Y14, Y14
	START

spans:
	NEXTSPAN
	VPBROADCASTW 8(DX), Y0
	MOVWLZX      10(DX), AX
	CMPL         AX, $2
	JA           three
	JEQ          two
	TESTL        AX, AX
	JNZ          one

zero:
	DIFFER
	PASSED(hit0)

next0:
	STEP(zero)

one:
	DIFFER
	LOWEST(Y1, Y4)
	LOWEST(Y2, Y5)
	PASSED(hit1)

next1:
	STEP(one)

two:
	DIFFER
	LOWEST(Y1, Y4)
	LOWEST(Y2, Y5)
	LOWEST(Y1, Y4)
	LOWEST(Y2, Y5)
	PASSED(hit2)

next2:
	STEP(two)

three:
	DIFFER
	LOWEST(Y1, Y4)
	LOWEST(Y2, Y5)
	LOWEST(Y1, Y4)
	LOWEST(Y2, Y5)
	LOWEST(Y1, Y4)
	LOWEST(Y2, Y5)
	PASSED(hit3)

next3:
	STEP(three)

hit0:
	ORDER
	EMIT(bit0, whole0, empty0)
	JMP next0

hit1:
	ORDER
	EMIT(bit1, whole1, empty1)
	JMP next1

hit2:
	ORDER
	EMIT(bit2, whole2, empty2)
	JMP next2

hit3:
	ORDER
	EMIT(bit3, whole3, empty3)
	JMP next3

done:
	FINISH

// func filterAVX512(next *byte, spans *span, from, to, total int, found *uint32, room int, ids *byte, idWidth int) (n, done int)
TEXT ·filterAVX512(SB), NOSPLIT, $0-88
	START

spans:
	NEXTSPAN
	VPBROADCASTW 8(DX), Z0
	VPBROADCASTW 10(DX), Z2

entries:
	VPXORQ   (BX), Z0, Z1
	VPOPCNTW Z1, Z1
	VPCMPUW  $2, Z2, Z1, K1
	KMOVD    K1, AX
	TESTL    AX, AX
	JNZ      hit

next:
	STEP(entries)

hit:
	EMIT(bit, whole, empty)
	JMP next

done:
	FINISH
