/* Records of model.lw, read in place: FORMAT.md specifies every byte. Records are little-endian,
 * and sections start at multiples of 64 in a 64-byte aligned mapping, so that each member is
 * naturally aligned. */
#ifndef LW_RECORDS_H
#define LW_RECORDS_H

#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "lutwerk reads its little-endian files in place and does not support big-endian processors"
#endif

#define LW_ALIGN 64u            /* of sections, tensors, q8 operands and the parts of a workspace */
#define LW_NO_TENSOR UINT32_MAX /* lw_op_record.tensor of operations without one */
#define LW_NO_TOKEN UINT32_MAX  /* lw_conf_record.bos of models without one */
#define LW_LOGITS_OFFSET UINT64_MAX /* lw_operand.offset of the caller's logits */

enum {
    LW_KV_F16,
    LW_KV_Q8,
    LW_KV_TYPES
}; /* lw_conf_record.kv_type: keys and values in the cache */
enum {
    LW_CONF,
    LW_TENS,
    LW_PLAN,
    LW_STRS,
    LW_TOKN,
    LW_TEXT,
    LW_CHAT,
    LW_GOLD,
    LW_DATA,
    LW_SECTION_COUNT
};

typedef struct {
    char magic[8];
    uint32_t version;
    uint32_t sections;
    uint64_t bytes;
    uint32_t table_crc;
    uint32_t header_crc;
    uint8_t zero[32];
} lw_header_record;

typedef struct {
    char tag[4];
    uint32_t crc;
    uint64_t offset;
    uint64_t bytes;
    uint64_t zero;
} lw_section_record;

typedef struct {
    uint32_t vocab;
    uint32_t hidden;
    uint32_t layers;
    uint32_t heads;
    uint32_t kv_heads;
    uint32_t head_dim;
    uint32_t max_context;
    uint32_t chunk;
    uint32_t head_begin;
    uint32_t isa;
    uint32_t bos;
    uint32_t tensors;
    uint32_t ops;
    uint32_t kv_type; /* LW_KV_* */
    uint64_t arena_bytes;
    uint8_t zero1[64];
} lw_conf_record;

typedef struct {
    uint32_t name_offset;
    uint32_t name_bytes;
    uint32_t format;
    uint32_t layout;
    uint32_t fingerprint;
    uint32_t rows;
    uint32_t cols;
    uint32_t zero;
    uint64_t codes_offset;
    uint64_t codes_bytes;
    uint64_t scales_offset;
    uint64_t scales_bytes;
} lw_tensor_record;

typedef struct {
    uint64_t offset;
    uint32_t stride;
    uint32_t width;
} lw_operand;

typedef struct {
    uint32_t op;
    uint32_t layer;
    uint32_t tensor;
    float param;
    lw_operand dst;
    lw_operand src[2];
    uint32_t share; /* row tiles that a thread takes at once at least, for one token */
    uint8_t zero[28];
} lw_op_record;

_Static_assert(sizeof(lw_header_record) == 64, "header record");
_Static_assert(sizeof(lw_section_record) == 32, "section record");
_Static_assert(sizeof(lw_conf_record) == 128, "CONF record");
_Static_assert(sizeof(lw_tensor_record) == 64, "TENS record");
_Static_assert(sizeof(lw_op_record) == 96, "PLAN record");

static inline uint64_t lw_kv_element_bytes(const lw_conf_record *conf) {
    return conf->kv_type == LW_KV_Q8 ? sizeof(int8_t) : sizeof(uint16_t);
}

/* Bytes of the key or value of one position and head. */
static inline uint64_t lw_kv_position_bytes(const lw_conf_record *conf) {
    const uint64_t scale = conf->kv_type == LW_KV_Q8 ? sizeof(float) : 0;
    return conf->head_dim * lw_kv_element_bytes(conf) + scale;
}

static inline uint64_t lw_round_up(uint64_t bytes, uint64_t multiple) {
    return (bytes + multiple - 1) / multiple * multiple;
}

#endif
