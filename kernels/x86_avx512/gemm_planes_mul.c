/* Bit planes, many tokens: a row tile of 64 rows is a panel (gemm.h). Of a vector of one plane,
 * 64 rows x 8 columns, each byte is copied to the 4 bytes of its row; the bit of a column is tested
 * in its byte, and where it is set 2^plane is added to the code (2 for codes of 1 bit).
 *
 *   vector    64 bytes, byte n = columns 0..7 of row n
 *   rows      zmm = the bytes of 16 rows, four times each (vpermb)
 *   code      zmm = 16 rows x 4 columns: two for each `rows`, from the lower and the upper nibble
 */
#include "../kernels.h"
#include "gemm.h"

enum { COLS = 32, VECTOR = 64, PLANE = 256, VECTOR_COLS = 8 };

/* 8 columns: one vector of each plane to two steps of the panel. */
static void unpack_vector(uint8_t *codes, const uint8_t *vector, int32_t bits) {
    const __m512i lower = _mm512_set1_epi32(0x08040201);
    const __m512i upper = _mm512_set1_epi32((int32_t)0x80402010);
    /* byte i holds i / 4 */
    const __m512i four_times =
        _mm512_mullo_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                           _mm512_set1_epi32(0x01010101));
    __m512i code[2][LW_PANEL_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < LW_PANEL_VECTORS; v++) {
        code[0][v] = _mm512_setzero_si512();
        code[1][v] = _mm512_setzero_si512();
    }
    for (int32_t p = 0; p < bits; p++) {
        const __m512i bytes = _mm512_load_si512((const void *)(vector + (size_t)p * PLANE));
        const __m512i weight = _mm512_set1_epi8((char)(lw_code_step(bits) << p));
#pragma GCC unroll 4
        for (int v = 0; v < LW_PANEL_VECTORS; v++) {
            const __m512i index = _mm512_add_epi8(four_times, _mm512_set1_epi8((char)(16 * v)));
            const __m512i rows = _mm512_permutexvar_epi8(index, bytes);
            const __mmask64 set0 = _mm512_test_epi8_mask(rows, lower);
            const __mmask64 set1 = _mm512_test_epi8_mask(rows, upper);
            code[0][v] = _mm512_mask_add_epi8(code[0][v], set0, code[0][v], weight);
            code[1][v] = _mm512_mask_add_epi8(code[1][v], set1, code[1][v], weight);
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < LW_PANEL_VECTORS; v++) {
        _mm512_store_si512(codes + v * 64, code[0][v]);
        _mm512_store_si512(codes + LW_PANEL_STEP + v * 64, code[1][v]);
    }
}

void lw_gemm_planes_mul_avx512(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                               size_t y_stride, int32_t tile_begin, int32_t tile_end,
                               void *scratch) {
    const int32_t tiles = lw_ceil_div(w->cols, COLS);
    const size_t tile_bytes = (size_t)w->bits * PLANE;
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        const uint8_t *packed = w->codes + (size_t)tile * (size_t)tiles * tile_bytes;
        uint8_t *codes = scratch;
        for (int32_t c = 0; c < tiles; c++, packed += tile_bytes) {
            for (int v = 0; v < PLANE / VECTOR; v++, codes += VECTOR_COLS / 4 * LW_PANEL_STEP) {
                unpack_vector(codes, packed + v * VECTOR, w->bits);
            }
        }
        const lw_panel panel = lw_panel_of_tile(w, scratch, tile);
        lw_panel_multiply(&panel, x, tokens, y, y_stride);
    }
}
