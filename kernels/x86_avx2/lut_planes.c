/* Tables of layout planes: T-MAC's table of subset sums (arXiv 2407.00088, section 3), kept exact
 * as the digits that planes.h describes: 16 low ones, then 16 high ones. */
#include "../kernels.h"
#include "../planes.h"
#include "codes.h"

void lw_lut_planes_avx2(const lw_q8 *x, void *lut, int32_t begin, int32_t end) {
    const __m256i entry = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m256i has[4]; /* all ones in the entries that contain column j */
    for (int j = 0; j < 4; j++) {
        const __m256i bit = _mm256_set1_epi16((short)(1 << j));
        has[j] = _mm256_cmpeq_epi16(_mm256_and_si256(entry, bit), bit);
    }
    for (int32_t i = begin; i < end; i++) {
        __m256i sum = _mm256_set1_epi16(LW_PLANES_BIAS);
        for (int j = 0; j < 4; j++) {
            const __m256i column = _mm256_set1_epi16(x->codes[(size_t)i * 4 + (size_t)j]);
            sum = _mm256_add_epi16(sum, _mm256_and_si256(column, has[j]));
        }
        const __m256i low = _mm256_and_si256(sum, _mm256_set1_epi16(LW_PLANES_BASE - 1));
        const __m256i high = _mm256_srli_epi16(sum, LW_PLANES_BASE_BITS);
        const __m256i table = _mm256_permute4x64_epi64(_mm256_packus_epi16(low, high), 0xd8);
        _mm256_store_si256((__m256i *)lut + i, table);
    }
}
