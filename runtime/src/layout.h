/* Rows of formats.def and layouts.def as constants, and the sizes that follow from them (FORMAT.md,
 * "Layouts"). */
#ifndef LW_LAYOUT_H
#define LW_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    LW_CODEBOOK_FLOAT,
    LW_CODEBOOK_TERNARY,
    LW_CODEBOOK_INT,
    LW_CODEBOOK_INT57,
    LW_CODEBOOK_BINARY,
    LW_CODEBOOK_UINT
} lw_codebook;
typedef enum { LW_SCALE_NONE, LW_SCALE_ROW_F32, LW_SCALE_GROUP_F16 } lw_scale;

enum {
#define LW_FORMAT(id, name, codebook, bits, scale, group) LW_FORMAT_##name = id,
#include "lutwerk/formats.def"
#undef LW_FORMAT
};

enum {
#define LW_LAYOUT(id, name, tile_rows, tile_cols, lut_cols, lut_bytes) LW_LAYOUT_##name = id,
#include "lutwerk/layouts.def"
#undef LW_LAYOUT
};

typedef struct {
    const char *name;
    lw_codebook codebook;
    uint32_t bits; /* of a code, or of a float */
    lw_scale scale;
    uint32_t group; /* columns per scale; 0: the whole row */
} lw_format;

typedef struct {
    const char *name;
    const char *text; /* what the fingerprint is taken of */
    uint32_t tile_rows;
    uint32_t tile_cols;
    uint32_t lut_cols; /* 0: the layout has no lookup tables */
    uint32_t lut_bytes;
} lw_layout;

/* The row of an id, or NULL when there is none. */
const lw_format *lw_find_format(uint32_t id);
const lw_layout *lw_find_layout(uint32_t id);

/* CRC-32 of the layout's row as text. */
uint32_t lw_layout_fingerprint(const lw_layout *layout);

/* Whether tensors of this format may lie in this layout. Ids must exist. */
bool lw_layout_accepts(uint32_t layout, uint32_t format);

/* Zero point of an integer format; 0 where each group has its own. */
int32_t lw_format_offset(const lw_format *format);

/* Whether int32 sums over so many columns are exact (FORMAT.md, "Limits"). */
bool lw_sums_exact(uint32_t format, uint32_t cols);

/* Bytes of the codes of a matrix, of the scales with the zero points behind them, and of the zero
 * points alone, which end there; rows up to 2^24 and cols up to 2^22 cannot overflow. */
uint64_t lw_codes_bytes(uint32_t layout, uint32_t format, uint32_t rows, uint32_t cols);
uint64_t lw_scales_bytes(uint32_t layout, uint32_t format, uint32_t rows, uint32_t cols);
uint64_t lw_zeros_bytes(uint32_t layout, uint32_t format, uint32_t rows, uint32_t cols);

/* Row tiles of a matrix; and lookup tables of one token (kernel.h, lw_lut_fn), 0 for layouts
 * without. */
uint32_t lw_row_tiles(const lw_layout *layout, uint32_t rows);
uint32_t lw_lut_tables(const lw_layout *layout, uint32_t cols);

#endif
