#include "running.h"

#include <string.h>

#include "check.h"
#include "session.h"

running start(const lw_model *model, lw_session_options options) {
    running r;
    size_t bytes;
    CHECK_EQUAL(lw_session_bytes(model, &options, &bytes), LW_OK);
    r.workspace = allocate_aligned(bytes);
    memset(r.workspace, 0xA5, bytes);
    CHECK_EQUAL(lw_session_start(model, &options, r.workspace, bytes - 1, &r.session),
                LW_ERR_WORKSPACE);
    CHECK_EQUAL(lw_session_start(model, &options, r.workspace, bytes, &r.session), LW_OK);
    if (options.threads == IMPATIENT_THREADS)
        atomic_store(&r.session->pool.spin_ns, 1);
    return r;
}

void stop(running r) {
    lw_session_stop(r.session);
    free(r.workspace);
}
