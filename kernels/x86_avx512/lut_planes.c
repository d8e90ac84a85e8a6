/* Tables of 16 subset sums for bit planes: entry e of table i is the sum of x[4i + j] for the bits
 * j set in e; 16 low bytes, then 16 high bytes.
 *
 *   x     zmm = the 4 columns of a table in every dword
 *   bits  zmm = dword e holds the bits of e, a byte each
 *
 * `vpdpbusd` of the two is the table in int32; its two low bytes are picked by `vpmovdb`.
 */
#include "../kernels.h"
#include "vec.h"

#include <string.h>

enum { COLS = 4, ENTRIES = 16, TABLE = 2 * ENTRIES };

void lw_lut_planes_avx512(const lw_q8 *x, void *lut, int32_t begin, int32_t end) {
    uint8_t entry_bits[4 * ENTRIES];
    for (int e = 0; e < ENTRIES; e++) {
        for (int j = 0; j < 4; j++) {
            entry_bits[4 * e + j] = (uint8_t)(e >> j & 1);
        }
    }
    const __m512i bits = _mm512_loadu_si512(entry_bits);
    for (int32_t i = begin; i < end; i++) {
        int32_t four;
        memcpy(&four, x->codes + (size_t)i * COLS, sizeof four);
        const __m512i entries =
            _mm512_dpbusd_epi32(_mm512_setzero_si512(), bits, _mm512_set1_epi32(four));
        uint8_t *table = (uint8_t *)lut + (size_t)i * TABLE;
        _mm_store_si128((__m128i *)(void *)table, _mm512_cvtepi32_epi8(entries));
        _mm_store_si128((__m128i *)(void *)(table + ENTRIES),
                        _mm512_cvtepi32_epi8(_mm512_srli_epi32(entries, 8)));
    }
}
