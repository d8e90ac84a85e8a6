#include "layout.h"

#include <stddef.h>
#include <string.h>

#include "crc32.h"
#include "records.h"
#include "split.h"

static const lw_format formats[] = {
#define LW_FORMAT(id, name, codebook, bits, scale, group)                                          \
    [id] = {#name, LW_CODEBOOK_##codebook, bits, LW_SCALE_##scale, group},
#include "lutwerk/formats.def"
#undef LW_FORMAT
};

static const lw_layout layouts[] = {
#define LW_LAYOUT(id, name, tile_rows, tile_cols, lut_cols, lut_bytes)                             \
    [id] = {#name,     #name ":" #tile_rows ":" #tile_cols ":" #lut_cols ":" #lut_bytes,           \
            tile_rows, tile_cols,                                                                  \
            lut_cols,  lut_bytes},
#include "lutwerk/layouts.def"
#undef LW_LAYOUT
};

static uint32_t ceil_div(uint32_t a, uint32_t b) {
    return (a + b - 1) / b;
}

const lw_format *lw_find_format(uint32_t id) {
    return id < sizeof formats / sizeof *formats && formats[id].name ? &formats[id] : NULL;
}

const lw_layout *lw_find_layout(uint32_t id) {
    return id < sizeof layouts / sizeof *layouts && layouts[id].name ? &layouts[id] : NULL;
}

uint32_t lw_layout_fingerprint(const lw_layout *layout) {
    return lw_crc32(layout->text, strlen(layout->text));
}

bool lw_layout_accepts(uint32_t layout, uint32_t format) {
    switch (lw_find_format(format)->codebook) {
    case LW_CODEBOOK_FLOAT:
        return layout == LW_LAYOUT_rows;
    case LW_CODEBOOK_TERNARY:
        return layout != LW_LAYOUT_rows && layout != LW_LAYOUT_split;
    case LW_CODEBOOK_INT:
    case LW_CODEBOOK_BINARY:
    case LW_CODEBOOK_UINT:
        return layout == LW_LAYOUT_fields || layout == LW_LAYOUT_planes;
    case LW_CODEBOOK_INT57:
        return layout == LW_LAYOUT_fields || layout == LW_LAYOUT_planes ||
               layout == LW_LAYOUT_split;
    }
    return false;
}

int32_t lw_format_offset(const lw_format *format) {
    switch (format->codebook) {
    case LW_CODEBOOK_TERNARY:
    case LW_CODEBOOK_BINARY:
        return 1;
    case LW_CODEBOOK_INT:
        return (int32_t)1 << (format->bits - 1);
    case LW_CODEBOOK_INT57:
        return 30;
    case LW_CODEBOOK_UINT:
    case LW_CODEBOOK_FLOAT:
        break;
    }
    return 0;
}

bool lw_sums_exact(uint32_t format, uint32_t cols) {
    const lw_format *f = lw_find_format(format);
    if (f->codebook != LW_CODEBOOK_INT || f->scale != LW_SCALE_ROW_F32)
        return true;
    return ((uint64_t)cols << (f->bits + 1)) * 127 < (uint64_t)1 << 31;
}

uint64_t lw_codes_bytes(uint32_t layout, uint32_t format, uint32_t rows, uint32_t cols) {
    const lw_layout *l = lw_find_layout(layout);
    uint64_t bits = lw_find_format(format)->bits;
    if (layout == LW_LAYOUT_split)
        return lw_split_bytes(rows, cols);
    /* base3 keeps the five codes of a tile's row in one byte. */
    uint64_t tile_bytes =
        layout == LW_LAYOUT_base3 ? l->tile_rows : l->tile_rows * l->tile_cols * bits / 8;
    return (uint64_t)ceil_div(rows, l->tile_rows) * ceil_div(cols, l->tile_cols) * tile_bytes;
}

static uint64_t padded_rows(uint32_t layout, uint32_t rows) {
    const lw_layout *l = lw_find_layout(layout);
    return (uint64_t)ceil_div(rows, l->tile_rows) * l->tile_rows;
}

uint64_t lw_scales_bytes(uint32_t layout, uint32_t format, uint32_t rows, uint32_t cols) {
    const lw_format *f = lw_find_format(format);
    const uint64_t zeros = lw_zeros_bytes(layout, format, rows, cols);
    uint64_t scales = 0;
    if (f->scale == LW_SCALE_ROW_F32)
        scales = padded_rows(layout, rows) * sizeof(float);
    if (f->scale == LW_SCALE_GROUP_F16)
        scales = padded_rows(layout, rows) * ceil_div(cols, f->group) * sizeof(uint16_t);
    return zeros > 0 ? lw_round_up(scales, LW_ALIGN) + zeros : scales;
}

uint64_t lw_zeros_bytes(uint32_t layout, uint32_t format, uint32_t rows, uint32_t cols) {
    const lw_format *f = lw_find_format(format);
    if (f->codebook != LW_CODEBOOK_UINT)
        return 0;
    return padded_rows(layout, rows) * ceil_div(cols, f->group);
}

uint32_t lw_row_tiles(const lw_layout *layout, uint32_t rows) {
    return ceil_div(rows, layout->tile_rows);
}

uint32_t lw_lut_tables(const lw_layout *layout, uint32_t cols) {
    if (layout->lut_cols == 0)
        return 0;
    return ceil_div(cols, layout->tile_cols) * (layout->tile_cols / layout->lut_cols);
}
