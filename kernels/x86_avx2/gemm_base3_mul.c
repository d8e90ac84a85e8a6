/* Layout base3, 2 or more tokens: a row tile is unpacked once, as four blocks of 16 rows in the
 * order of gemm.h, but with columns in another order, which sums over whole rows do not mind.
 *
 *   bytes   of 8 rows, four column tiles in the dword of each row, so that a digit of all of them
 *           is a step of gemm.h: columns j, j + 5, j + 10 and j + 15 of 20
 *   digits  3 and 4 by the part u of a byte, 0 to 2 by its part v (base3.h), by table
 *   x       in the same order, packed once a call
 */
#include "../kernels.h"
#include "base3.h"
#include "tokens.h"

enum {
    STEP_TILES = 4,
    STEP_COLS = STEP_TILES * LW_BASE3_COLS,
    TILE_BLOCKS = LW_BASE3_ROWS / LW_BLOCK_ROWS,
    PACKED_TOKENS = 44, /* at a time, behind which the starts lie */
};
_Static_assert((LW_MAX_TILE_ROWS - LW_BLOCK_ROWS - PACKED_TOKENS) * 64 >=
                   PACKED_TOKENS * (int)sizeof(int32_t),
               "lw_gemm_scratch_bytes: lw_q8_stride is 64 or more, and starts are one a token");

LW_BLOCK_READER(unpacked, 2, false)

/* 20 columns of one token in the order of the steps. */
LW_INLINE void pack_columns(const int8_t *x, int8_t *packed) {
    const __m128i from_0 = _mm_setr_epi8(0, 5, 10, 15, 1, 6, 11, -1, 2, 7, 12, -1, 3, 8, 13, -1);
    const __m128i from_4 =
        _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, 12, -1, -1, -1, 13, -1, -1, -1, 14);
    const __m128i last =
        _mm_setr_epi8(0, 5, 10, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m128i low = _mm_loadu_si128((const __m128i *)(const void *)x);
    const __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(x + 4));
    const __m128i first =
        _mm_or_si128(_mm_shuffle_epi8(low, from_0), _mm_shuffle_epi8(high, from_4));
    const int32_t rest = _mm_cvtsi128_si32(_mm_shuffle_epi8(high, last));
    _mm_storeu_si128((__m128i *)(void *)packed, first);
    memcpy(packed + 16, &rest, sizeof rest);
}

/* Whole steps of `cols` columns, then zeros, for `count` tokens `stride` bytes apart. */
static void pack(const int8_t *x, size_t stride, int32_t cols, int32_t count, int8_t *packed) {
    for (int32_t t = 0; t < count; t++, x += stride, packed += stride) {
        int32_t k = 0;
        for (; k < cols; k += STEP_COLS) {
            pack_columns(x + k, packed + k);
        }
        memset(packed + k, 0, stride - (size_t)k);
    }
}

/* Five steps of 8 rows, at every other 32 bytes of codes. */
LW_INLINE void unpack_bytes(__m256i bytes, uint8_t *codes) {
    /* digits less 1 of |v|, digits of u */
    const __m128i of_v[LW_BASE3_V_COLS] = {
        _mm_setr_epi8(0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1, 0, 0),
        _mm_setr_epi8(0, 0, 1, 1, 1, -1, -1, -1, 0, 0, 0, 1, 1, 1, 0, 0),
        _mm_setr_epi8(0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0)};
    const __m128i of_u[LW_BASE3_COLS - LW_BASE3_V_COLS] = {
        _mm_setr_epi8(0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0),
        _mm_setr_epi8(0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0)};
    const __m256i u = lw_base3_part_u(bytes);
    const __m256i v = lw_base3_part_v(bytes, u);
    const __m256i index = _mm256_abs_epi8(v);
#pragma GCC unroll 5
    for (int i = 0; i < LW_BASE3_COLS; i++) {
        const bool by_v = i < LW_BASE3_V_COLS;
        const __m256i table =
            _mm256_broadcastsi128_si256(by_v ? of_v[i] : of_u[i - LW_BASE3_V_COLS]);
        const __m256i found = _mm256_shuffle_epi8(table, by_v ? index : u);
        const __m256i digit =
            by_v ? _mm256_add_epi8(_mm256_sign_epi8(found, v), _mm256_set1_epi8(1)) : found;
        _mm256_store_si256((__m256i *)(void *)(codes + i * LW_STEP_BYTES), digit);
    }
}

/* 20 columns of 16 rows; `tiles` of the 4 column tiles exist, the others read as zero. */
LW_INLINE void unpack_step(const uint8_t *packed, int32_t tiles, uint8_t *codes) {
    __m128i of[STEP_TILES];
    for (int i = 0; i < STEP_TILES; i++) {
        const uint8_t *at = packed + i * LW_BASE3_ROWS;
        of[i] = i < tiles ? _mm_load_si128((const __m128i *)(const void *)at) : _mm_setzero_si128();
    }
    const __m128i low01 = _mm_unpacklo_epi8(of[0], of[1]);
    const __m128i low23 = _mm_unpacklo_epi8(of[2], of[3]);
    const __m128i high01 = _mm_unpackhi_epi8(of[0], of[1]);
    const __m128i high23 = _mm_unpackhi_epi8(of[2], of[3]);
    unpack_bytes(
        _mm256_set_m128i(_mm_unpackhi_epi16(low01, low23), _mm_unpacklo_epi16(low01, low23)),
        codes);
    unpack_bytes(
        _mm256_set_m128i(_mm_unpackhi_epi16(high01, high23), _mm_unpacklo_epi16(high01, high23)),
        codes + LW_STEP_BYTES / 2);
}

/* Block `block` of 16 rows of a row tile, whose bytes begin at `packed`. Of the next row tile, each
 * block fetches one of four lines ahead. */
static void unpack_block(const uint8_t *packed, int32_t column_tiles, int32_t block,
                         uint8_t *codes) {
    const uint8_t *rows = packed + block * LW_BLOCK_ROWS;
    const uint8_t *next = packed + (size_t)(column_tiles + block) * LW_BASE3_ROWS;
    int32_t left = column_tiles;
    for (; left >= STEP_TILES; left -= STEP_TILES) {
        _mm_prefetch((const char *)next, _MM_HINT_T1);
        unpack_step(rows, STEP_TILES, codes);
        rows += STEP_TILES * LW_BASE3_ROWS;
        next += STEP_TILES * LW_BASE3_ROWS;
        codes += STEP_COLS * LW_BLOCK_ROWS;
    }
    if (left > 0) {
        unpack_step(rows, left, codes);
    }
}

void lw_gemm_base3_mul_avx2(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                            size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch) {
    const size_t stride = (size_t)x->stride;
    const int32_t column_tiles = (int32_t)(((uint32_t)w->cols + LW_BASE3_COLS - 1) / LW_BASE3_COLS);
    lw_matrix steps = *w; /* of whole steps */
    steps.cols = (w->cols + STEP_COLS - 1) / STEP_COLS * STEP_COLS;
    uint8_t *codes = scratch;
    int8_t *packed = (int8_t *)codes + LW_BLOCK_ROWS * stride;
    for (int32_t t = 0; t < tokens; t += PACKED_TOKENS) {
        const int32_t count = lw_min_i32(tokens - t, PACKED_TOKENS);
        lw_tokens some =
            lw_tokens_from(w, x, t, count, y, y_stride, packed + PACKED_TOKENS * stride);
        pack(some.codes, stride, steps.cols, count, packed);
        some.codes = packed;
        for (int32_t i = tile_begin * TILE_BLOCKS; i < tile_end * TILE_BLOCKS; i++) {
            const int32_t row = i * LW_BLOCK_ROWS;
            if (row >= w->rows) {
                break;
            }
            const int32_t tile = i / TILE_BLOCKS;
            const lw_row_block rows = {codes,
                                       lw_tile_scales(w, LW_BASE3_ROWS, tile, row % LW_BASE3_ROWS),
                                       NULL, LW_BASE3_ROWS, w->rows - row};
            unpack_block(w->codes + (size_t)tile * (size_t)column_tiles * LW_BASE3_ROWS,
                         column_tiles, i % TILE_BLOCKS, codes);
            lw_multiply_rows(unpacked, &steps, &rows, &some, count, row);
        }
    }
}
