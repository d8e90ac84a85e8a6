#include "info.h"

#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "output.h"
#include "report.h"

enum { MAX_KINDS = 64 };

/* All tensors of one format in one layout. */
typedef struct {
    const char *format, *layout;
    uint32_t tensors;
    uint64_t bytes;
} tensor_kind;

/* What is shown, gathered once for both forms. */
typedef struct {
    const run_bundle *bundle;
    tensor_kind kinds[MAX_KINDS];
    uint32_t kind_count;
    device_cores cores;
    device_memory memory;
    uint32_t threads, context, isa;
    size_t workspace;
    bool fits;
} facts;

static void add_tensor(facts *f, const lw_tensor_info *tensor) {
    uint32_t i = 0;
    while (i < f->kind_count && (strcmp(f->kinds[i].format, tensor->format_name) != 0 ||
                                 strcmp(f->kinds[i].layout, tensor->layout_name) != 0))
        i++;
    if (i == MAX_KINDS)
        return;
    if (i == f->kind_count)
        f->kinds[f->kind_count++] = (tensor_kind){tensor->format_name, tensor->layout_name, 0, 0};
    f->kinds[i].tensors++;
    f->kinds[i].bytes += tensor->bytes;
}

static void gather(const run_bundle *bundle, const run_options *options, facts *f) {
    memset(f, 0, sizeof *f);
    f->bundle = bundle;
    for (uint32_t i = 0; i < bundle->info.tensors; i++) {
        lw_tensor_info tensor;
        if (lw_model_get_tensor(&bundle->model, i, &tensor) == LW_OK)
            add_tensor(f, &tensor);
    }
    device_read_cores(&f->cores);
    device_read_memory("", &f->memory);
    f->threads = options->threads ? options->threads : device_default_threads(&f->cores);
    const uint32_t most = bundle->info.max_context;
    f->context = options->context && options->context < most ? options->context : most;
    f->workspace = engine_bytes(bundle, f->context, f->threads);
    f->isa = lw_cpu_isa();
    f->fits = lw_isa_includes(f->isa, bundle->info.isa);
}

static void add_words(const facts *f, text_buffer *text) {
    const run_bundle *b = f->bundle;
    const lw_model_info *i = &b->info;
    text_format(text, "model      %s, %.2f M parameters\n", b->name[0] ? b->name : b->path,
                (double)bundle_parameters(b) / 1e6);
    text_format(
        text, "shape      %u layers, hidden %u, heads %u (%u of keys and values), vocabulary %u\n",
        i->layers, i->hidden, i->heads, i->kv_heads, i->vocab);
    text_format(text, "bundle     %s, format version %d, compiled for %s (%s)\n", b->path,
                LW_FORMAT_VERSION, b->target[0] ? b->target : "?", lw_isa_name(i->isa));
    for (uint32_t k = 0; k < f->kind_count; k++)
        text_format(text, "%s %s in layout %s: %u tensors, %s\n",
                    k == 0 ? "weights   " : "          ", f->kinds[k].format, f->kinds[k].layout,
                    f->kinds[k].tensors, size_text(f->kinds[k].bytes));
    text_format(text, "text       tokeniser %s, chat template %s\n", b->has_text ? "yes" : "no",
                b->has_chat ? "yes" : "no");
    text_format(text, "memory     weights %s, KV cache %s per 1k tokens\n",
                size_text(i->weight_bytes), size_text(1024 * i->kv_bytes_per_token));
    text_format(text, "           %s more for a context of %u tokens on %u threads\n",
                size_text(f->workspace), f->context, f->threads);
    text_format(text, "device     %s, %u processors allowed, %u of them fast, page size %ld\n",
                lw_isa_name(f->isa), f->cores.allowed_count, f->cores.fast_count,
                sysconf(_SC_PAGESIZE));
    text_format(text, "           memory %s, %s free\n", size_text(f->memory.total),
                size_text(f->memory.available));
    text_format(text, "fits       %s", f->fits ? "yes" : "no");
}

static void add_json(const facts *f, text_buffer *text) {
    const run_bundle *b = f->bundle;
    const lw_model_info *i = &b->info;
    text_format(text, "{\"lutwerk\": \"%s\", \"name\": ", lw_version());
    text_add_json(text, b->name, strlen(b->name));
    text_format(text, ", \"path\": ");
    text_add_json(text, b->path, strlen(b->path));
    text_format(text, ", \"target\": ");
    text_add_json(text, b->target, strlen(b->target));
    text_format(
        text,
        ", \"format_version\": %d, \"isa\": \"%s\", \"parameters\": %llu, \"layers\": %u, "
        "\"hidden\": %u, \"heads\": %u, \"kv_heads\": %u, \"vocab\": %u, \"max_context\": %u, "
        "\"tokenizer\": %s, \"chat_template\": %s, \"weights\": [",
        LW_FORMAT_VERSION, lw_isa_name(i->isa), (unsigned long long)bundle_parameters(b), i->layers,
        i->hidden, i->heads, i->kv_heads, i->vocab, i->max_context, b->has_text ? "true" : "false",
        b->has_chat ? "true" : "false");
    for (uint32_t k = 0; k < f->kind_count; k++)
        text_format(text,
                    "%s{\"format\": \"%s\", \"layout\": \"%s\", \"tensors\": %u, \"bytes\": %llu}",
                    k > 0 ? ", " : "", f->kinds[k].format, f->kinds[k].layout, f->kinds[k].tensors,
                    (unsigned long long)f->kinds[k].bytes);
    text_format(text,
                "], \"memory\": {\"weights_bytes\": %llu, \"kv_bytes_per_1k_tokens\": %llu, "
                "\"workspace_bytes\": %zu, \"context\": %u, \"threads\": %u}, ",
                (unsigned long long)i->weight_bytes,
                (unsigned long long)(1024 * i->kv_bytes_per_token), f->workspace, f->context,
                f->threads);
    text_format(text,
                "\"device\": {\"isa\": \"%s\", \"processors\": %u, \"fast_processors\": %u, "
                "\"page_bytes\": %ld, \"memory_bytes\": %llu, \"available_bytes\": %llu}, "
                "\"fits\": %s}",
                lw_isa_name(f->isa), f->cores.allowed_count, f->cores.fast_count,
                sysconf(_SC_PAGESIZE), (unsigned long long)f->memory.total,
                (unsigned long long)f->memory.available, f->fits ? "true" : "false");
}

int info_main(const run_bundle *bundle, const run_options *options) {
    facts f;
    text_buffer text = {0};
    gather(bundle, options, &f);
    if (options->json)
        add_json(&f, &text);
    else
        add_words(&f, &text);
    const int code = output_line(&text);
    return code == CODE_DONE ? bundle_fits(bundle) : code;
}
