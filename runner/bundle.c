#include "bundle.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "lutwerk/chat.h"
#include "report.h"
#include "weights.h"

enum { MAX_MANIFEST_BYTES = 1 << 16 };

/* The folder of the running program, also when it was started through a link or from PATH. */
static bool own_folder(char *folder, size_t capacity) {
    const ssize_t count = readlink("/proc/self/exe", folder, capacity - 1);
    if (count <= 0)
        return false;
    folder[count] = '\0';
    char *slash = strrchr(folder, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

static int find_model(const char *given, run_bundle *bundle) {
    char folder[MAX_PATH_BYTES];
    struct stat status;
    if (!given && !own_folder(folder, sizeof folder))
        return fail(
            CODE_DAMAGED,
            "cannot tell where this program lies (is /proc mounted?); name the bundle with -m");
    const char *base = given ? given : folder;
    const bool is_file = given && stat(given, &status) == 0 && !S_ISDIR(status.st_mode);
    const int length =
        snprintf(bundle->path, sizeof bundle->path, is_file ? "%s" : "%s/model.lw", base);
    if (length < 0 || (size_t)length >= sizeof bundle->path)
        return fail(CODE_DAMAGED, "the path of the bundle is longer than %d bytes; move it",
                    MAX_PATH_BYTES);
    return CODE_DONE;
}

/* What the manifest beside the model says is shown to people; nothing depends on it. */
static void read_names(run_bundle *bundle) {
    char path[MAX_PATH_BYTES];
    static char manifest[MAX_MANIFEST_BYTES];
    snprintf(path, sizeof path, "%s", bundle->path);
    char *slash = strrchr(path, '/');
    const size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    if (folder + sizeof "manifest.json" > sizeof path)
        return;
    snprintf(path + folder, sizeof path - folder, "manifest.json");
    FILE *file = fopen(path, "rb");
    if (!file)
        return;
    const size_t count = fread(manifest, 1, sizeof manifest, file);
    fclose(file);
    json_string(manifest, count, "name", bundle->name, sizeof bundle->name);
    json_string(manifest, count, "target", bundle->target, sizeof bundle->target);
    json_string(manifest, count, "chat.reason", bundle->chat_reason, sizeof bundle->chat_reason);
}

static bool has_two_stage_head(const run_bundle *bundle) {
    for (uint32_t i = 0; i < bundle->info.tensors; i++) {
        lw_tensor_info tensor;
        if (lw_model_get_tensor(&bundle->model, i, &tensor) == LW_OK &&
            strcmp(tensor.layout_name, "split") == 0 && tensor.rows == bundle->info.vocab)
            return true;
    }
    return false;
}

int bundle_open(const char *given, bool check_weights, bool copy, run_bundle *bundle) {
    memset(bundle, 0, sizeof *bundle);
    int code = find_model(given, bundle);
    if (code == CODE_DONE)
        code = weights_open(bundle->path, copy, &bundle->data, &bundle->bytes);
    bundle->copied = copy;
    if (code != CODE_DONE)
        return code;
    uint32_t detail;
    const lw_status status =
        lw_model_open(bundle->data, bundle->bytes, check_weights, &bundle->model, &detail);
    if (status != LW_OK) {
        code = bundle_fault(bundle, status, detail);
        bundle_close(bundle);
        return code;
    }
    lw_model_get_info(&bundle->model, &bundle->info);
    bundle->has_text = lw_model_get_text(&bundle->model, &bundle->text) == LW_OK;
    if (bundle->has_text)
        lw_text_get_info(&bundle->text, &bundle->text_info);
    lw_chat chat;
    bundle->has_chat = lw_model_get_chat(&bundle->model, &chat) == LW_OK;
    bundle->two_stages = has_two_stage_head(bundle);
    read_names(bundle);
    return CODE_DONE;
}

void bundle_close(run_bundle *bundle) {
    if (bundle->data)
        munmap(bundle->data, bundle->bytes);
    bundle->data = NULL;
}

/* Where in the file a fault lies, as the end of a clause. */
static void place_text(lw_status status, uint32_t detail, char *text, size_t capacity) {
    const char *section = lw_section_name(detail);
    *text = '\0';
    if (detail == UINT32_MAX)
        return;
    if (status == LW_ERR_CHECKSUM || status == LW_ERR_SECTION || status == LW_ERR_TEXT ||
        status == LW_ERR_CHAT)
        snprintf(text, capacity, " in section %s", section ? section : "?");
    else
        snprintf(text, capacity, " at %s %u", status == LW_ERR_OP ? "operation" : "tensor", detail);
}

int bundle_fault(const run_bundle *bundle, lw_status status, uint32_t detail) {
    char place[64];
    const char *message = lw_status_message(status);
    const bool says_step = strchr(message, ';') != NULL;
    const char *step = says_step ? NULL : "copy the bundle again, or compile the checkpoint again";
    int code = CODE_DAMAGED;
    place_text(status, detail, place, sizeof place);
    if (status == LW_ERR_MAGIC)
        step = "give the folder that `lutwerk compile` wrote";
    else if (status == LW_ERR_ISA || status == LW_ERR_WORKSPACE || status == LW_ERR_THREAD) {
        code = CODE_MISFIT;
        step = status == LW_ERR_THREAD      ? "give fewer threads with -t"
               : status == LW_ERR_WORKSPACE ? "give a smaller context with -c"
                                            : "compile it with --target for this device";
    }
    return fail(code, "%s: %s (%s%s)%s%s", bundle->path, message, lw_status_name(status), place,
                step ? "; " : "", step ? step : "");
}

/* The processors that an instruction set belongs to, as `uname -m` calls them. */
static const char *architecture(uint32_t isa) {
    static const char *const names[] = {
#define LW_ISA(number, name, architecture) [number] = #architecture,
#include "lutwerk/isas.def"
#undef LW_ISA
    };
    return isa < sizeof names / sizeof *names ? names[isa] : "unknown";
}

int bundle_fits(const run_bundle *bundle) {
    const uint32_t needed = bundle->info.isa, best = lw_cpu_isa();
    if (lw_isa_includes(best, needed))
        return CODE_DONE;
    return fail(CODE_MISFIT,
                "%s: needs %s (%s); this processor has %s (%s); compile it with --target for this "
                "device (`lutwerk targets` lists them)",
                bundle->path, lw_isa_name(needed), architecture(needed), lw_isa_name(best),
                architecture(best));
}

uint64_t bundle_parameters(const run_bundle *bundle) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < bundle->info.tensors; i++) {
        lw_tensor_info tensor;
        if (lw_model_get_tensor(&bundle->model, i, &tensor) != LW_OK)
            continue;
        const bool rotary = tensor.rows == bundle->info.max_context &&
                            tensor.cols == bundle->info.head_dim &&
                            strcmp(tensor.format_name, "f32") == 0;
        sum += rotary ? 0 : (uint64_t)tensor.rows * tensor.cols;
    }
    return sum;
}
