/* What this machine can do at most: reading memory, and multiplying bytes in registers. */
#ifndef CEILINGS_H
#define CEILINGS_H

#include <stddef.h>
#include <stdint.h>

/* Bytes a second that `threads` threads together read of `region` (64-byte aligned, already
 * written, `bytes` long), each its own part from the beginning to the end. */
double read_rate(const uint8_t *region, size_t bytes, int threads, int repeats);

/* Multiply-adds of bytes a second, of `threads` threads together, on registers alone: vpdpbusd for
 * LW_ISA_avx512, vpmaddubsw and the sum in 16 bits (without the widening) for LW_ISA_avx2; 0 for an
 * instruction set that has no such instruction. */
double multiply_rate(uint32_t isa, int threads, int repeats);

#endif
