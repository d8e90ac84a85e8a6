#include "model.h"

#include "crc32.h"

enum { GOLD_MAX_TOKENS = 4096, SHA256_BYTES = 32 };

static const char magic[8] = "lutwerk\n";
static const char tags[LW_SECTION_COUNT][5] = {"CONF", "TENS", "PLAN", "STRS", "TOKN",
                                               "TEXT", "CHAT", "GOLD", "DATA"};

const char *lw_section_name(uint32_t section) {
    return section < LW_SECTION_COUNT ? tags[section] : NULL;
}

static bool all_zero(const uint8_t *bytes, uint64_t count) {
    for (uint64_t i = 0; i < count; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Magic, version, header checksum, file size, checksum of the section table: in this order
 * (FORMAT.md, "Header"). */
static lw_status check_header(const uint8_t *file, size_t bytes) {
    const lw_header_record *header = (const lw_header_record *)(const void *)file;
    if (memcmp(file, magic, bytes < sizeof magic ? bytes : sizeof magic) != 0)
        return LW_ERR_MAGIC;
    if (bytes < sizeof *header)
        return LW_ERR_TRUNCATED;
    if (header->version != LW_FORMAT_VERSION)
        return LW_ERR_VERSION;
    if (header->header_crc != lw_crc32(header, offsetof(lw_header_record, header_crc)))
        return LW_ERR_CHECKSUM;
    if (bytes < header->bytes)
        return LW_ERR_TRUNCATED;
    if (bytes > header->bytes)
        return LW_ERR_OVERSIZED;
    size_t table_bytes = LW_SECTION_COUNT * sizeof(lw_section_record);
    if (header->sections != LW_SECTION_COUNT || bytes < sizeof *header + table_bytes ||
        !all_zero(header->zero, sizeof header->zero))
        return LW_ERR_SECTION;
    if (header->table_crc != lw_crc32(file + sizeof *header, table_bytes))
        return LW_ERR_CHECKSUM;
    return LW_OK;
}

/* Order, position and padding of the sections. Positions are computed, never trusted. */
static lw_status check_sections(const uint8_t *file, size_t bytes,
                                const lw_section_record *sections, uint32_t *detail) {
    uint64_t end = sizeof(lw_header_record) + LW_SECTION_COUNT * sizeof *sections;
    for (uint32_t i = 0; i < LW_SECTION_COUNT; i++) {
        const lw_section_record *section = &sections[i];
        uint64_t begin = lw_round_up(end, LW_ALIGN);
        *detail = i;
        if (memcmp(section->tag, tags[i], sizeof section->tag) != 0 || section->zero != 0 ||
            section->offset != begin || begin > bytes || section->bytes > bytes - begin ||
            !all_zero(file + end, begin - end))
            return LW_ERR_SECTION;
        end = begin + section->bytes;
    }
    return end == bytes ? LW_OK : LW_ERR_SECTION;
}

static lw_status check_checksums(const uint8_t *file, const lw_section_record *sections,
                                 bool check_weights, uint32_t *detail) {
    for (uint32_t i = 0; i < LW_SECTION_COUNT; i++) {
        *detail = i;
        if (i == LW_DATA && !check_weights)
            continue;
        if (sections[i].crc != lw_crc32(file + sections[i].offset, (size_t)sections[i].bytes))
            return LW_ERR_CHECKSUM;
    }
    return LW_OK;
}

static lw_status check_record_counts(const lw_section_record *sections, const lw_conf_record *conf,
                                     uint32_t *detail) {
    *detail = LW_TENS;
    if (sections[LW_TENS].bytes != (uint64_t)conf->tensors * sizeof(lw_tensor_record))
        return LW_ERR_SECTION;
    *detail = LW_PLAN;
    if (sections[LW_PLAN].bytes != (uint64_t)conf->ops * sizeof(lw_op_record))
        return LW_ERR_SECTION;
    return LW_OK;
}

static lw_status check_golden(const uint8_t *file, const lw_section_record *section,
                              const lw_conf_record *conf) {
    const uint32_t *words = (const uint32_t *)(const void *)(file + section->offset);
    if (section->bytes < sizeof *words)
        return LW_ERR_SECTION;
    uint32_t count = words[0];
    if (count < 1 || count > GOLD_MAX_TOKENS || count > conf->max_context ||
        section->bytes != (1 + (uint64_t)count) * sizeof *words + SHA256_BYTES)
        return LW_ERR_SECTION;
    for (uint32_t i = 0; i < count; i++)
        if (words[1 + i] >= conf->vocab)
            return LW_ERR_TOKEN;
    return LW_OK;
}

/* The tokeniser's tables, and whether its ids are the model's. An empty section is none. */
static lw_status check_text(const lw_model_view *model) {
    if (model->text_bytes == 0)
        return LW_OK;
    lw_text text;
    const lw_status status = lw_text_open(model->text, (size_t)model->text_bytes, &text);
    if (status != LW_OK)
        return status;
    lw_text_info info;
    lw_text_get_info(&text, &info);
    const uint32_t vocab = model->conf->vocab;
    bool fits = info.tokens <= vocab && (info.bos < vocab || info.bos == LW_NO_TOKEN);
    for (uint32_t i = 0; i < info.eos_count; i++)
        fits = fits && info.eos[i] < vocab;
    return fits ? LW_OK : LW_ERR_TEXT;
}

/* The chat template's tables, which name tokens of the tokeniser. An empty section is none. */
static lw_status check_chat(const lw_model_view *model) {
    lw_text text;
    lw_chat chat;
    if (model->chat_bytes == 0)
        return LW_OK;
    if (model->text_bytes == 0 ||
        lw_text_open(model->text, (size_t)model->text_bytes, &text) != LW_OK)
        return LW_ERR_CHAT;
    return lw_chat_open(model->chat, (size_t)model->chat_bytes, &text, &chat);
}

static lw_status check_file(const uint8_t *file, size_t bytes, bool check_weights,
                            lw_model_view *model, uint32_t *detail) {
    lw_status status = check_header(file, bytes);
    if (status != LW_OK)
        return status;
    const lw_section_record *sections =
        (const lw_section_record *)(const void *)(file + sizeof(lw_header_record));
    status = check_sections(file, bytes, sections, detail);
    if (status == LW_OK)
        status = check_checksums(file, sections, check_weights, detail);
    if (status != LW_OK)
        return status;

    *detail = LW_CONF;
    if (sections[LW_CONF].bytes != sizeof(lw_conf_record))
        return LW_ERR_SECTION;
    *model = (lw_model_view){
        .conf = (const void *)(file + sections[LW_CONF].offset),
        .tensors = (const void *)(file + sections[LW_TENS].offset),
        .ops = (const void *)(file + sections[LW_PLAN].offset),
        .strings = (const void *)(file + sections[LW_STRS].offset),
        .strings_bytes = sections[LW_STRS].bytes,
        .text = file + sections[LW_TEXT].offset,
        .text_bytes = sections[LW_TEXT].bytes,
        .chat = file + sections[LW_CHAT].offset,
        .chat_bytes = sections[LW_CHAT].bytes,
        .golden = (const void *)(file + sections[LW_GOLD].offset),
        .data = file + sections[LW_DATA].offset,
        .data_bytes = sections[LW_DATA].bytes,
    };
    status = lw_check_config(model->conf);
    if (status == LW_OK)
        status = check_record_counts(sections, model->conf, detail);
    if (status == LW_OK)
        status = lw_check_tensors(model, check_weights, detail);
    if (status == LW_OK)
        status = lw_check_ops(model, detail);
    if (status == LW_OK) {
        *detail = LW_GOLD;
        status = check_golden(file, &sections[LW_GOLD], model->conf);
    }
    if (status == LW_OK) {
        *detail = LW_TEXT;
        status = check_text(model);
    }
    if (status == LW_OK) {
        *detail = LW_CHAT;
        status = check_chat(model);
    }
    return status;
}

lw_status lw_model_open(const void *data, size_t bytes, int check_weights, lw_model *model,
                        uint32_t *detail) {
    uint32_t where = UINT32_MAX;
    lw_model_view view;
    lw_status status = LW_ERR_ARGUMENT;
    if (data && model && (uintptr_t)data % LW_ALIGN == 0)
        status = check_file(data, bytes, check_weights != 0, &view, &where);
    if (status == LW_OK) {
        memset(model->opaque, 0, sizeof model->opaque);
        memcpy(model->opaque, &view, sizeof view);
        where = UINT32_MAX;
    }
    if (detail)
        *detail = where;
    return status;
}

lw_status lw_model_get_text(const lw_model *model, lw_text *text) {
    if (!model || !text)
        return LW_ERR_ARGUMENT;
    const lw_model_view view = lw_view_model(model);
    return view.text_bytes > 0 ? lw_text_open(view.text, (size_t)view.text_bytes, text)
                               : LW_ERR_ARGUMENT;
}

void lw_model_get_golden(const lw_model *model, const uint32_t **tokens, uint32_t *count,
                         const uint8_t **sha256) {
    const lw_model_view view = lw_view_model(model);
    *count = view.golden[0];
    *tokens = view.golden + 1;
    *sha256 = (const uint8_t *)(*tokens + *count);
}

lw_status lw_model_get_chat(const lw_model *model, lw_chat *chat) {
    lw_text text;
    if (!model || !chat)
        return LW_ERR_ARGUMENT;
    const lw_model_view view = lw_view_model(model);
    const lw_status status = lw_model_get_text(model, &text);
    if (status != LW_OK || view.chat_bytes == 0)
        return LW_ERR_ARGUMENT;
    return lw_chat_open(view.chat, (size_t)view.chat_bytes, &text, chat);
}
