/* Tables of layout base3 (base3.h): the 16 sums of a part in 16 bits, cut into digits. */
#include "../kernels.h"
#include "base3.h"

/* code - 1 of column j in entry e; entries that no byte leads to have no columns. */
#define DIGIT(code, j) ((code) / ((j) == 0 ? 1 : (j) == 1 ? 3 : 9) % 3 - 1)
#define V_WEIGHT(e, j) ((e) < LW_BASE3_V_ENTRIES ? DIGIT(LW_BASE3_V_ZERO + (e), j) : 0)
#define U_WEIGHT(e, j) ((e) < LW_BASE3_U_ENTRIES ? DIGIT(e, j) : 0)
#define EACH_4(f, e, j) f(e, j), f((e) + 1, j), f((e) + 2, j), f((e) + 3, j)
#define EACH_16(f, j) {EACH_4(f, 0, j), EACH_4(f, 4, j), EACH_4(f, 8, j), EACH_4(f, 12, j)}
static const _Alignas(32) int16_t weights[LW_BASE3_COLS][16] = {
    EACH_16(V_WEIGHT, 0), EACH_16(V_WEIGHT, 1), EACH_16(V_WEIGHT, 2), EACH_16(U_WEIGHT, 0),
    EACH_16(U_WEIGHT, 1)};

LW_INLINE __m256i product(const int8_t *x, int column) {
    return _mm256_mullo_epi16(_mm256_load_si256((const __m256i *)weights[column]),
                              _mm256_set1_epi16(x[column]));
}

/* 16 low digits, then 16 high ones. */
LW_INLINE void store_digits(uint8_t *table, __m256i sums) {
    /* exact: a sum of at most 381 over the base is 0.02 from a tie, or more */
    const __m256i high = _mm256_mulhrs_epi16(sums, _mm256_set1_epi16(32768 / LW_BASE3_BASE + 1));
    const __m256i whole = _mm256_mullo_epi16(high, _mm256_set1_epi16(LW_BASE3_BASE));
    const __m256i digits = _mm256_packs_epi16(_mm256_sub_epi16(sums, whole), high);
    _mm256_store_si256((__m256i *)(void *)table, _mm256_permute4x64_epi64(digits, 0xd8));
}

void lw_lut_base3_avx2(const lw_q8 *x, void *lut, int32_t begin, int32_t end) {
    for (int32_t i = begin; i < end; i++) {
        const int8_t *columns = x->codes + (size_t)i * LW_BASE3_COLS;
        uint8_t *table = (uint8_t *)lut + (size_t)i * LW_BASE3_TABLE;
        const __m256i v = _mm256_add_epi16(
            _mm256_add_epi16(product(columns, 0), product(columns, 1)), product(columns, 2));
        const __m256i u = _mm256_add_epi16(product(columns, 3), product(columns, 4));
        store_digits(table + LW_BASE3_V_LOW, v);
        store_digits(table + LW_BASE3_U_LOW, u);
    }
}
