#include "model.h"

static bool within(uint64_t value, uint64_t least, uint64_t most) {
    return least <= value && value <= most;
}

lw_status lw_check_config(const lw_conf_record *conf) {
    bool in_range = within(conf->vocab, 1, 1u << 24) && within(conf->hidden, 1, 1u << 20) &&
                    within(conf->layers, 1, 4096) && within(conf->heads, 1, 4096) &&
                    within(conf->kv_heads, 1, conf->heads) && within(conf->head_dim, 2, 4096) &&
                    within(conf->max_context, 1, 1u << 24) && within(conf->chunk, 1, 4096) &&
                    conf->isa < LW_ISA_COUNT && conf->kv_type < LW_KV_TYPES &&
                    conf->tensors <= 1u << 20 && within(conf->ops, 1, 1u << 20) &&
                    conf->arena_bytes <= UINT64_C(1) << 40;
    if (!in_range || conf->heads % conf->kv_heads != 0 || conf->head_dim % 2 != 0 ||
        conf->arena_bytes % LW_ALIGN != 0)
        return LW_ERR_CONFIG;
    if (conf->bos >= conf->vocab && conf->bos != LW_NO_TOKEN)
        return LW_ERR_CONFIG;
    /* The last operation writes the logits, which exist only for wanted tokens: it belongs to the
     * head. */
    if (conf->head_begin >= conf->ops)
        return LW_ERR_CONFIG;
    for (size_t i = 0; i < sizeof conf->zero1; i++)
        if (conf->zero1[i] != 0)
            return LW_ERR_CONFIG;
    return LW_OK;
}
