/* Base-3 codes, many tokens: a row tile of 64 rows is a panel (gemm.h). Four column tiles are 20
 * columns, five steps of the panel.
 *
 *   code     zmm = 64 rows, its dwords transposed 4 x 4 so that rows come out in order below
 *   packed   digits 0..3 in two bits each, looked up in 256 bytes (two vpermi2b)
 *   digit    shift and mask; digit 4 counts the comparisons code >= 81 and code >= 162
 *   panel    four columns interleaved by byte and word unpacks: zmm = 16 rows x 4 columns
 */
#include "../kernels.h"
#include "gemm.h"

enum { COLS = 5, VECTOR = 64, STEP_TILES = 4, STEP_COLS = STEP_TILES * COLS };

/* clang-format off */
#define DIGITS(c) (uint8_t)((c) % 3 | (c) / 3 % 3 << 2 | (c) / 9 % 3 << 4 | (c) / 27 % 3 << 6)
#define DIGITS4(c) DIGITS(c), DIGITS(c + 1), DIGITS(c + 2), DIGITS(c + 3)
#define DIGITS16(c) DIGITS4(c), DIGITS4(c + 4), DIGITS4(c + 8), DIGITS4(c + 12)
#define DIGITS64(c) DIGITS16(c), DIGITS16(c + 16), DIGITS16(c + 32), DIGITS16(c + 48)
/* clang-format on */
static const uint8_t digits[4 * 64] __attribute__((aligned(64))) = {
    DIGITS64(0),
    DIGITS64(64),
    DIGITS64(128),
    DIGITS64(192),
};

/* The five columns of 64 codes. */
LW_INLINE void unpack_codes(__m512i column[COLS], __m512i code) {
    const __m512i three = _mm512_set1_epi8(3);
    const __m512i one = _mm512_set1_epi8(1);
    const __mmask64 above = _mm512_movepi8_mask(code);
    const __m512i half = _mm512_mask2_permutex2var_epi8(_mm512_load_si512(digits), code, ~above,
                                                        _mm512_load_si512(digits + 64));
    const __m512i packed = _mm512_mask2_permutex2var_epi8(_mm512_load_si512(digits + 128), half,
                                                          above, _mm512_load_si512(digits + 192));
    column[0] = _mm512_and_si512(packed, three);
    column[1] = _mm512_and_si512(_mm512_srli_epi16(packed, 2), three);
    column[2] = _mm512_and_si512(_mm512_srli_epi16(packed, 4), three);
    column[3] = _mm512_and_si512(_mm512_srli_epi16(packed, 6), three);
    const __mmask64 ge1 = _mm512_cmpge_epu8_mask(code, _mm512_set1_epi8(81));
    const __mmask64 ge2 = _mm512_cmpge_epu8_mask(code, _mm512_set1_epi8((char)162));
    const __m512i first = _mm512_maskz_mov_epi8(ge1, one);
    column[4] = _mm512_mask_add_epi8(first, ge2, first, one);
}

/* Four columns to one step of the panel. */
LW_INLINE void store_step(uint8_t *codes, const __m512i column[4]) {
    const __m512i low01 = _mm512_unpacklo_epi8(column[0], column[1]);
    const __m512i high01 = _mm512_unpackhi_epi8(column[0], column[1]);
    const __m512i low23 = _mm512_unpacklo_epi8(column[2], column[3]);
    const __m512i high23 = _mm512_unpackhi_epi8(column[2], column[3]);
    _mm512_store_si512(codes, _mm512_unpacklo_epi16(low01, low23));
    _mm512_store_si512(codes + 64, _mm512_unpackhi_epi16(low01, low23));
    _mm512_store_si512(codes + 128, _mm512_unpacklo_epi16(high01, high23));
    _mm512_store_si512(codes + 192, _mm512_unpackhi_epi16(high01, high23));
}

static void unpack(uint8_t *codes, const uint8_t *packed, int32_t tiles) {
    const __m512i transpose =
        _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    for (int32_t c = 0; c < tiles; c += STEP_TILES) {
        __m512i column[STEP_COLS];
#pragma GCC unroll 4
        for (int i = 0; i < STEP_TILES; i++, packed += VECTOR) {
            const __m512i code =
                c + i < tiles ? _mm512_load_si512((const void *)packed) : _mm512_setzero_si512();
            unpack_codes(column + i * COLS, _mm512_permutexvar_epi32(transpose, code));
        }
#pragma GCC unroll 5
        for (int i = 0; i < STEP_COLS; i += 4, codes += LW_PANEL_STEP) {
            store_step(codes, column + i);
        }
    }
}

void lw_gemm_base3_mul_avx512(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                              size_t y_stride, int32_t tile_begin, int32_t tile_end,
                              void *scratch) {
    const int32_t tiles = lw_ceil_div(w->cols, COLS);
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        unpack(scratch, w->codes + (size_t)tile * (size_t)tiles * VECTOR, tiles);
        const lw_panel panel = lw_panel_of_tile(w, scratch, tile);
        lw_panel_multiply(&panel, x, tokens, y, y_stride);
    }
}
