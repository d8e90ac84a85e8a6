/* Sessions on a processor that pretends: which instruction set they run, which bundles they refuse.
 * No kernel is called, so this runs anywhere. */
#include "check.h"
#include "lutwerk/lutwerk.h"
#include "model_bytes.h"
#include "toy_model.h"

static uint32_t pretended;

/* Takes the place of the library's: the linker needs nothing of cpu.c any more. */
uint32_t lw_cpu_isa(void) {
    return pretended;
}

/* Start a session with `limit` on a model for `needed`; compare status and instruction set. */
static void expect(const lw_model *model, uint32_t needed, uint32_t limit) {
    const lw_session_options options = {.isa_limit = limit};
    size_t bytes;
    CHECK_EQUAL(lw_session_bytes(model, &options, &bytes), LW_OK);
    void *workspace = allocate_aligned(bytes);
    lw_session *session;
    const lw_status status = lw_session_start(model, &options, workspace, bytes, &session);
    CHECK_EQUAL(status, lw_isa_includes(pretended, needed) ? LW_OK : LW_ERR_ISA);
    if (status == LW_OK) {
        const uint32_t lower =
            limit && lw_isa_includes(pretended, limit - 1) ? limit - 1 : pretended;
        CHECK_EQUAL(lw_session_isa(session), lower);
        lw_session_stop(session);
    }
    free(workspace);
}

int main(void) {
    size_t bytes;
    uint8_t *file = toy_model_build(1, TOY_HEAD_FIELDS, &bytes);
    for (uint32_t needed = 0; needed < LW_ISA_COUNT; needed++) {
        ((lw_conf_record *)section_of(file, LW_CONF))->isa = needed;
        fix_checksums(file, bytes);
        lw_model model;
        CHECK_EQUAL(lw_model_open(file, bytes, 1, &model, NULL), LW_OK);
        for (pretended = 0; pretended < LW_ISA_COUNT; pretended++)
            for (uint32_t limit = 0; limit <= LW_ISA_COUNT; limit++)
                expect(&model, needed, limit);
    }
    free(file);
    return 0;
}
