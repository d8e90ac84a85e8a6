/* Damage a model file at random, open it, and run what opens. Nothing may crash, whatever the file
 * says; build with AddressSanitizer and UndefinedBehaviorSanitizer to see what a crash alone would
 * not show.
 *
 *     lw_fuzz_open [--count N] [--seed S] [model.lw]
 *
 * Without a file, the model is the toy model of these tests, with a head in layout split. In half
 * of the cases the checksums are made right again, so that the damage reaches the validation behind
 * them. The seed is printed; with it a run can be repeated. */
#include <string.h>

#include "check.h"
#include "fuzz_options.h"
#include "lutwerk/lutwerk.h"
#include "model_bytes.h"
#include "toy_model.h"

enum { MAX_STATUS = 32, TOKENS = 3, MAX_EXTENSION = 256 };
static const size_t max_workspace = (size_t)256 << 20;

typedef struct {
    uint64_t random;
    const uint8_t *original;
    size_t original_bytes;
    uint8_t *bytes; /* exactly `count` of them */
    size_t count;
} fuzzer;

static uint64_t interesting_value(fuzzer *f, uint64_t old) {
    static const uint64_t values[] = {0,          1,          2,          3,          63,
                                      64,         65,         127,        255,        256,
                                      4095,       4096,       4097,       65535,      1u << 20,
                                      1u << 22,   1u << 24,   0x7FFFFFFF, 0x80000000, 0xFFFFFFFE,
                                      0xFFFFFFFF, 1ull << 40, 1ull << 63, UINT64_MAX};
    const uint32_t choice = random_below(&f->random, 32);
    if (choice < sizeof values / sizeof *values)
        return values[choice];
    const uint64_t step = 1ull << random_below(&f->random, 33);
    return choice % 2 ? old + step : old - step;
}

/* Most damage goes to records: those of the original's header, table, CONF, TENS and PLAN come
 * first in the file. */
static size_t pick_place(fuzzer *f, size_t size) {
    const lw_section_record *table =
        (const lw_section_record *)(const void *)(f->original + sizeof(lw_header_record));
    size_t limit = f->count;
    if (random_below(&f->random, 8) != 0 && table[LW_STRS].offset < limit)
        limit = (size_t)table[LW_STRS].offset;
    if (limit < size)
        return 0;
    const uint64_t places = (limit - size) / size + 1;
    return (size_t)(random_u64(&f->random) % places) * size;
}

static void damage_once(fuzzer *f) {
    const uint32_t kind = random_below(&f->random, 4);
    const size_t size = kind == 0 ? 1 : kind == 1 ? 8 : 4;
    if (f->count < size)
        return;
    uint8_t *place = f->bytes + pick_place(f, size);
    if (size == 1) {
        *place = (uint8_t)(*place ^ 1u << random_below(&f->random, 8));
        return;
    }
    uint64_t value = 0;
    memcpy(&value, place, size);
    value = interesting_value(f, value);
    memcpy(place, &value, size);
}

/* A damaged copy of the original: now and then shorter or longer, with the length in the header
 * made to agree. */
static void make_case(fuzzer *f) {
    f->count = f->original_bytes;
    const uint32_t length = random_below(&f->random, 16);
    if (length == 0)
        f->count = (size_t)(random_u64(&f->random) % (f->original_bytes + 1));
    if (length == 1)
        f->count += 1 + random_below(&f->random, MAX_EXTENSION);
    f->bytes = allocate_aligned(f->count);
    memset(f->bytes, 0, f->count);
    memcpy(f->bytes, f->original, f->count < f->original_bytes ? f->count : f->original_bytes);

    const uint32_t damages = random_below(&f->random, 4) + (length > 1);
    for (uint32_t i = 0; i < damages; i++)
        damage_once(f);
    if (random_below(&f->random, 2) == 0) {
        if (f->count >= sizeof(lw_header_record))
            ((lw_header_record *)(void *)f->bytes)->bytes = f->count;
        fix_checksums(f->bytes, f->count);
    }
}

static void run_model(fuzzer *f, const lw_model *model) {
    lw_model_info info;
    lw_model_get_info(model, &info);
    for (uint32_t i = 0; i < info.tensors; i++) {
        lw_tensor_info tensor;
        const char *kernel;
        volatile char sum = 0;
        CHECK_EQUAL(lw_model_get_tensor(model, i, &tensor), LW_OK);
        for (uint32_t c = 0; c < tensor.name_bytes; c++)
            sum = (char)(sum ^ tensor.name[c]);
        if (i < 4)
            CHECK_EQUAL(lw_model_get_kernel(model, i, LW_ISA_scalar, 1 + i, &kernel), LW_OK);
    }
    const lw_session_options options = {.context = info.max_context < 8 ? 0 : 8,
                                        .threads = 1 + random_below(&f->random, 2),
                                        .isa_limit = random_below(&f->random, LW_ISA_COUNT + 1)};
    size_t bytes;
    CHECK_EQUAL(lw_session_bytes(model, &options, &bytes), LW_OK);
    if (bytes > max_workspace || info.vocab > 1u << 20)
        return;
    void *workspace = allocate_aligned(bytes);
    float *logits = allocate_aligned(sizeof(float) * info.vocab * 2);
    lw_session *session;
    const lw_status status = lw_session_start(model, &options, workspace, bytes, &session);
    CHECK(status == LW_OK || (status == LW_ERR_ISA && !lw_isa_includes(lw_cpu_isa(), info.isa)));
    if (status == LW_OK) {
        uint32_t tokens[TOKENS];
        for (int i = 0; i < TOKENS; i++)
            tokens[i] = random_below(&f->random, info.vocab);
        const lw_status expected = info.max_context >= TOKENS ? LW_OK : LW_ERR_CONTEXT;
        if (random_below(&f->random, 2) == 0) {
            CHECK_EQUAL(lw_eval(session, tokens, TOKENS, logits, 2), expected);
        } else {
            lw_eval(session, tokens, 2, NULL, 0);
            lw_eval_top(session, tokens + 2, 1, random_below(&f->random, 13), logits);
        }
        lw_session_stop(session);
    }
    free(logits);
    free(workspace);
}

int main(int argc, char **argv) {
    const fuzz_options options = parse_fuzz_options(argc, argv, "model.lw");
    fuzzer f = {.random = options.seed * 2 + 1};
    uint8_t *original = options.path ? read_file(options.path, &f.original_bytes)
                                     : toy_model_build(1, TOY_HEAD_SPLIT, &f.original_bytes);
    f.original = original;
    lw_model model;
    const lw_status undamaged = lw_model_open(original, f.original_bytes, 1, &model, NULL);
    if (undamaged != LW_OK) {
        fprintf(stderr, "lw_fuzz_open: %s: %s\n", options.path ? options.path : "the toy model",
                lw_status_message(undamaged));
        free(original);
        return 2;
    }
    unsigned long outcomes[MAX_STATUS] = {0};
    for (unsigned long i = 0; i < options.count; i++) {
        make_case(&f);
        const int check_weights = (int)random_below(&f.random, 2);
        const lw_status status = lw_model_open(f.bytes, f.count, check_weights, &model, NULL);
        CHECK((unsigned)status < MAX_STATUS);
        outcomes[status]++;
        if (status == LW_OK)
            run_model(&f, &model);
        free(f.bytes);
    }
    for (uint32_t status = 0; status < MAX_STATUS; status++)
        if (outcomes[status] > 0)
            printf("%8lu %s\n", outcomes[status], lw_status_name(status));
    free(original);
    return 0;
}
