/* The kernel contract: types and prototypes shared by kernels/ and their callers; explained in
 * kernels/README.md.
 *
 * Kernels are pure functions on packed bytes: no allocation, threads, I/O or globals. Every kernel
 * of one kind returns the same bits on every instruction set (the numerics contract,
 * runtime/FORMAT.md "Numerics").
 */
#ifndef LW_KERNEL_H
#define LW_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* Kernels are specialised by constant arguments of such helpers; a call left standing would index
 * registers in memory. */
#define LW_INLINE static inline __attribute__((always_inline))

enum {
    LW_SUM_COLS = 32, /* columns per entry of lw_q8.sums; every group is a multiple of it */
    LW_LANES = 16,    /* virtual lanes of a float reduction */
    LW_MAX_TILE_ROWS = 64,
};

/* A packed matrix of integer codes: weight(n, k) = (step * code(n, k) - zero) * scale(n, k /
 * group), where step is lw_code_step(bits), and zero is zeros(n, k / group) or, without them,
 * offset. */
typedef struct {
    const uint8_t *codes; /* in the kernel's layout, 64-byte aligned */
    const void *scales;   /* 64-byte aligned. group == 0: float32 [rows padded to tile_rows];
                             else float16 [row tile][group index][row in tile]; padding is zero */
    int32_t rows;         /* N >= 1 */
    int32_t cols;         /* K >= 1; bits * cols limits: FORMAT.md "Limits" */
    int32_t bits;         /* width of a code, 1..8 */
    int32_t offset;       /* code of the value 0; 1 where bits is 1 */
    int32_t group;        /* columns per scale, a multiple of 32, or 0 for one scale per row */
    const uint8_t *zeros; /* NULL, or zero points in the order of the scales, for groups of at most
                             128 columns; 64-byte aligned */
} lw_matrix;

/* Codes of 1 bit stand for -1 and +1, 2 apart. */
static inline int32_t lw_code_step(int32_t bits) {
    return bits == 1 ? 2 : 1;
}

/* int8 activations of some tokens: activation(t, k) = codes[t * stride + k] * scales[t]. */
typedef struct {
    const int8_t *codes; /* [tokens][stride], -127..127, 0 from cols on; 64-byte aligned */
    const int32_t *sums; /* [tokens][stride / 32], sums of 32 consecutive codes */
    const float *scales; /* [tokens] */
    int32_t stride;      /* lw_q8_stride(cols), in codes */
} lw_q8;

/* Codes per token, padding included: a whole number of 64-byte vectors and of 20-column steps of
 * layout base3. */
static inline int32_t lw_q8_stride(int32_t cols) {
    return (cols + 19 + 63) / 64 * 64;
}

/* y[0..rows) of row tiles [tile_begin, tile_end) for one token (x->codes, ->sums, ->scales point at
 * that token). lut: tables that the layout's lut kernel built from the same x, or NULL for a kernel
 * of method "mul". y: float32 [rows]; only rows of the named tiles that exist are written. */
typedef void lw_gemv_fn(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                        int32_t tile_begin, int32_t tile_end);

/* The lookup tables [begin, end) of one token; table i covers columns [i * lut_cols, (i + 1) *
 * lut_cols) and lies at byte i * lut_bytes of lut (64-byte aligned). There are ceil(cols /
 * lut_cols) tables, rounded up to whole 32 columns for layout planes. */
typedef void lw_lut_fn(const lw_q8 *x, void *lut, int32_t begin, int32_t end);

/* y[t * y_stride + n] for tokens [0, tokens) and row tiles [tile_begin, tile_end).
 * scratch: lw_gemm_scratch_bytes(cols) bytes, 64-byte aligned, owned by the calling thread. */
typedef void lw_gemm_fn(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                        size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch);

static inline size_t lw_gemm_scratch_bytes(int32_t cols) {
    return (size_t)LW_MAX_TILE_ROWS * (size_t)lw_q8_stride(cols);
}

/* The two stages of a product in layout split (split.h), which find the rows with the greatest
 * results while most rows' low parts stay unread: docs/two-stage-head.md. Sums over q are over the
 * 64 columns of a group, of one token. */
typedef struct {
    int32_t high_start; /* sum of (7 - 2 * offset - 2 * dither) * q */
    int32_t low_start;  /* sum of -7 * q */
    float energy;       /* sum of q^2, exact */
} lw_split_group;

/* Fill groups[ceil(cols / 64)], once a token. */
typedef void lw_split_groups_fn(const lw_matrix *w, const lw_q8 *x, lw_split_group *groups);

/* For rows of row tiles [tile_begin, tile_end): estimate[n] = the sum over groups of scale *
 * (float)(16 * sum(high * q) + high_start), halved: the result with every low part at 3.5, before
 * the factor x->scales; radius[n] = square root of the sum of (scale * scale) * energy. */
typedef void lw_split_estimate_fn(const lw_matrix *w, const lw_q8 *x, const lw_split_group *groups,
                                  float *estimate, float *radius, int32_t tile_begin,
                                  int32_t tile_end);

/* low[i] = the sum over groups of scale * (float)(2 * sum(low * q) + low_start), halved, for row
 * rows[i], i < count: what the estimate lacks. */
typedef void lw_split_refine_fn(const lw_matrix *w, const lw_q8 *x, const lw_split_group *groups,
                                const uint32_t *rows, int32_t count, float *low);

/* y[n] = sum over k of w[n][k] * x[k], rows [row_begin, row_end) of a row-major float matrix (f16
 * or f32 bits). */
typedef void lw_gemv_float_fn(const void *w, int32_t cols, const float *x, float *y,
                              int32_t row_begin, int32_t row_end);

/* One row of a packed matrix as float32 [cols]: y[k] = (step * code - zero) * scale. */
typedef void lw_gather_fn(const lw_matrix *w, int32_t row, float *y);

/* y = x / sqrt(mean(x^2) + eps) * w, float32 [n]; y may be x. RMSNorm: Zhang and Sennrich, arXiv
 * 1910.07467, eq. 4. */
typedef void lw_rmsnorm_fn(float *y, const float *x, const float *w, int32_t n, float eps);

/* codes[k] = rint(clamp(x[k] * (127 / m), -127, 127)), *scale = m / 127, m = max(|x|, 1e-5); pads
 * codes to lw_q8_stride(n) with zeros and fills sums. BitNet b1.58's absmax per token: arXiv
 * 2402.17764, section 2. */
typedef void lw_quantize_fn(const float *x, int32_t n, int8_t *codes, int32_t *sums, float *scale);

/* y = a + b, or y = act(gate) * up, float32 [n]; y may be an input. */
typedef void lw_binary_fn(float *y, const float *a, const float *b, int32_t n);

/* Rotate the pairs (i, i + head_dim / 2) of each head in place; cos_sin is float32 [head_dim]:
 * cosines, then sines. RoPE, half-split order: arXiv 2104.09864, eq. 34. */
typedef void lw_rope_fn(float *x, const float *cos_sin, int32_t heads, int32_t head_dim);

/* dst[i] = float16(src[i]), round to nearest even. */
typedef void lw_to_f16_fn(uint16_t *dst, const float *src, int32_t n);

enum { LW_ATTENTION_TOKENS = 16 }; /* of one call, at most */

/* Attention of `queries` heads that share one key/value head, for consecutive tokens: the first
 * sees `positions` positions, each later one a position more. q, out: float32
 * [tokens][queries][head_dim], q_stride and out_stride elements from token to token; k, v:
 * [positions
 * + tokens - 1][head_dim], float16 (slot attention), or int8 with a float32 scale for each position
 * (slot attention_q8); scores: float32 scratch [tokens][queries][scores_stride], scores_stride >=
 * positions + tokens - 1 rounded up to 16. */
typedef struct {
    const float *q;
    const void *k;
    const void *v;
    const float *k_scales; /* attention_q8 only */
    const float *v_scales;
    const void *next; /* keys that this thread is likely to read next, which may be fetched ahead,
                         or NULL */
    float *out;
    float *scores;
    size_t q_stride;
    size_t out_stride;
    int32_t scores_stride;
    int32_t tokens;
    int32_t queries;
    int32_t head_dim;
    int32_t positions;
    float scale;
} lw_attention_args;
typedef void lw_attention_fn(const lw_attention_args *a);

/* The kernels of one instruction set, filled from kernels.def tables: scalar first, then overridden
 * row by row. */
enum { LW_LAYOUT_SLOTS = 8 }; /* layout ids are below this */
typedef struct {
    lw_gemv_fn *gemv[LW_LAYOUT_SLOTS];
    lw_lut_fn *lut[LW_LAYOUT_SLOTS]; /* NULL where the layout's gemv needs no tables */
    lw_gemm_fn *gemm[LW_LAYOUT_SLOTS];
    int32_t gemm_tokens[LW_LAYOUT_SLOTS]; /* for fewer tokens one gemv each is faster */
    lw_gather_fn *gather[LW_LAYOUT_SLOTS];
    lw_gemv_float_fn *gemv_f16;
    lw_gemv_float_fn *gemv_f32;
    lw_rmsnorm_fn *rmsnorm;
    lw_quantize_fn *quantize;
    lw_binary_fn *add;
    lw_binary_fn *relu2_mul;
    lw_binary_fn *silu_mul;
    lw_rope_fn *rope;
    lw_to_f16_fn *to_f16;
    lw_attention_fn *attention;
    lw_attention_fn *attention_q8;
    lw_split_groups_fn *split_groups;
    lw_split_estimate_fn *split_estimate;
    lw_split_refine_fn *split_refine;
} lw_kernels;

#endif
