/* Tables of 16 subset sums for bit planes: entry e of table i is the sum of x[4i + j] for the bits
 * j set in e, |sum| <= 508. It is stored as sum + 508 = low + 32 * high with 0 <= low, high <= 31:
 * 16 bytes of low, then 16 bytes of high. gemv_planes_lut.c adds bytes of 8 tables (one column
 * tile) without a carry, 8 * 31 < 256.
 *
 *   x     zmm = the 4 columns of a table in every dword
 *   bits  zmm = dword e holds the bits of e, a byte each
 *
 * `vpdpbusd` of the two is the table in int32; its digits are picked by `vpmovdb`.
 */
#include "../kernels.h"
#include "../planes.h"
#include "vec.h"

#include <string.h>

void lw_lut_planes_avx512(const lw_q8 *x, void *lut, int32_t begin, int32_t end) {
    uint8_t entry_bits[4 * LW_PLANES_ENTRIES];
    for (int e = 0; e < LW_PLANES_ENTRIES; e++) {
        for (int j = 0; j < 4; j++) {
            entry_bits[4 * e + j] = (uint8_t)(e >> j & 1);
        }
    }
    const __m512i bits = _mm512_loadu_si512(entry_bits);
    const __m512i bias = _mm512_set1_epi32(LW_PLANES_BIAS);
    const __m512i digit = _mm512_set1_epi32(LW_PLANES_BASE - 1);
    for (int32_t i = begin; i < end; i++) {
        int32_t four;
        memcpy(&four, x->codes + (size_t)i * LW_PLANES_COLS, sizeof four);
        const __m512i entries = _mm512_dpbusd_epi32(bias, bits, _mm512_set1_epi32(four));
        const __m512i low = _mm512_and_si512(entries, digit);
        const __m512i high = _mm512_srli_epi32(entries, LW_PLANES_BASE_BITS);
        uint8_t *table = (uint8_t *)lut + (size_t)i * LW_PLANES_TABLE;
        _mm_store_si128((__m128i *)(void *)table, _mm512_cvtepi32_epi8(low));
        _mm_store_si128((__m128i *)(void *)(table + LW_PLANES_ENTRIES), _mm512_cvtepi32_epi8(high));
    }
}
