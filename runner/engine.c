#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "report.h"

/* With less, a conversation ends before it has begun. */
enum { LEAST_CONTEXT = 512 };

const char *size_text(uint64_t bytes) {
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    static char texts[4][32];
    static unsigned next;
    char *text = texts[next++ % 4];
    double size = (double)bytes / 1024;
    int unit = 0;
    for (; size >= 1024 && unit < 3; unit++)
        size /= 1024;
    if (bytes < 1024)
        snprintf(text, sizeof texts[0], "%u B", (unsigned)bytes);
    else
        snprintf(text, sizeof texts[0], "%.1f %s", size, units[unit]);
    return text;
}

int engine_isa_limit(uint32_t *limit) {
    const uint32_t best = lw_cpu_isa();
    const char *name = getenv("LUTWERK_ISA");
    char accepted[128] = "";
    *limit = best + 1;
    if (!name || !*name)
        return CODE_DONE;
    for (uint32_t isa = 0; isa < LW_ISA_COUNT; isa++) {
        if (!lw_isa_includes(best, isa))
            continue;
        if (strcmp(name, lw_isa_name(isa)) == 0) {
            *limit = isa + 1;
            return CODE_DONE;
        }
        const size_t used = strlen(accepted);
        snprintf(accepted + used, sizeof accepted - used, "%s%s", used > 0 ? ", " : "",
                 lw_isa_name(isa));
    }
    return fail(CODE_FAILED, "LUTWERK_ISA is '%s'; accepted on this processor: %s", name, accepted);
}

size_t engine_bytes(const run_bundle *bundle, uint32_t context, uint32_t threads) {
    const lw_session_options options = {.context = context, .threads = threads};
    size_t bytes;
    return lw_session_bytes(&bundle->model, &options, &bytes) == LW_OK ? bytes : 0;
}

uint32_t engine_fitting_context(const run_bundle *bundle, uint32_t threads, uint64_t bytes) {
    uint32_t fits = 1, beyond = bundle->info.max_context + 1;
    while (beyond - fits > 1) {
        const uint32_t middle = fits + (beyond - fits) / 2;
        const size_t needed = engine_bytes(bundle, middle, threads);
        if (needed > 0 && needed <= bytes)
            fits = middle;
        else
            beyond = middle;
    }
    return fits;
}

/* Free memory beside the weights, which stay there as they are read, or a quarter of it where they
 * do not fit anyway. */
static uint32_t default_context(const run_bundle *bundle, uint32_t threads, uint64_t available) {
    const uint32_t most = bundle->info.max_context;
    const uint32_t least = most < LEAST_CONTEXT ? most : LEAST_CONTEXT;
    if (available == 0)
        return most;
    uint64_t budget = available / 4;
    if (available > budget + bundle->bytes)
        budget = available - bundle->bytes;
    const uint32_t fits = engine_fitting_context(bundle, threads, budget);
    return fits > least ? fits : least;
}

static bool map_workspace(const run_bundle *bundle, run_engine *engine) {
    engine->bytes = engine_bytes(bundle, engine->context, engine->threads);
    if (engine->bytes == 0)
        return false;
    void *memory =
        mmap(NULL, engine->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    engine->workspace = memory;
#ifdef MADV_HUGEPAGE
    /* Fewer misses of the translation buffer on the KV cache; a kernel without it costs only speed.
     */
    madvise(memory, engine->bytes, MADV_HUGEPAGE);
#endif
    return true;
}

static int place_workspace(const run_bundle *bundle, const engine_options *options,
                           run_engine *engine) {
    const uint32_t most = bundle->info.max_context;
    if (options->context > most)
        return fail(CODE_FAILED, "context is %u; this model accepts 1 to %u; give a smaller -c",
                    options->context, most);
    device_memory memory;
    device_read_memory("", &memory);
    engine->context = options->context ? options->context
                                       : default_context(bundle, engine->threads, memory.available);
    const size_t needed = engine_bytes(bundle, engine->context, engine->threads);
    const bool hopeless = memory.total > 0 && needed > memory.total;
    bool mapped = !hopeless && map_workspace(bundle, engine);
    while (!mapped && !options->context && engine->context > LEAST_CONTEXT) {
        engine->context = engine->context / 2 > LEAST_CONTEXT ? engine->context / 2 : LEAST_CONTEXT;
        mapped = map_workspace(bundle, engine);
    }
    if (!mapped)
        return fail(CODE_MISFIT,
                    "%s for a context of %u tokens on %u threads are not available; close other "
                    "programs, raise the limit of memory (ulimit -v), or give a smaller -c",
                    size_text(needed), engine->context, engine->threads);
    if (!bundle->copied && memory.available > 0 && bundle->bytes > memory.available)
        note("the weights take %s and %s of memory are free: they will be read from the disk again "
             "and again, which is slow; close other programs, or use a smaller model",
             size_text(bundle->bytes), size_text(memory.available));
    if (!options->context && engine->context < most)
        note("the context is %u tokens instead of %u, which is what free memory holds; -c sets it",
             engine->context, most);
    return CODE_DONE;
}

int engine_start(const run_bundle *bundle, const engine_options *options, run_engine *engine) {
    memset(engine, 0, sizeof *engine);
    int code = bundle_fits(bundle);
    lw_session_options session = {.isa_limit = options->isa_limit, .pin = options->pin};
    if (code == CODE_DONE && session.isa_limit == 0)
        code = engine_isa_limit(&session.isa_limit);
    if (code != CODE_DONE)
        return code;
    device_read_cores(&engine->cores);
    engine->threads = options->threads ? options->threads : device_default_threads(&engine->cores);
    code = place_workspace(bundle, options, engine);
    if (code != CODE_DONE)
        return code;
    device_use_fast_cores(&engine->cores, engine->threads);
    session.context = engine->context;
    session.threads = engine->threads;
    const lw_status status = lw_session_start(&bundle->model, &session, engine->workspace,
                                              engine->bytes, &engine->session);
    if (status != LW_OK) {
        engine->session = NULL;
        engine_stop(engine);
        return bundle_fault(bundle, status, UINT32_MAX);
    }
    engine->isa = lw_session_isa(engine->session);
    return CODE_DONE;
}

void engine_stop(run_engine *engine) {
    if (engine->session)
        lw_session_stop(engine->session);
    if (engine->workspace) {
        device_use_all_cores(&engine->cores);
        munmap(engine->workspace, engine->bytes);
    }
    engine->session = NULL;
    engine->workspace = NULL;
}
