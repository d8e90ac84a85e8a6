/* The program of a bundle: `run`. */
#include "answer.h"
#include "bench.h"
#include "info.h"
#include "interrupt.h"
#include "report.h"
#include "self_test.h"

static int print_version(void) {
    text_buffer text = {0};
    text_format(&text, "lutwerk run %s", lw_version());
    return output_line(&text);
}

static int check_main(const run_options *options) {
    run_bundle bundle;
    int code = bundle_open(options->model, true, false, &bundle);
    if (code != CODE_DONE)
        return code;
    text_buffer text = {0};
    text_format(&text, "ok      %s: all checksums", bundle.path);
    code = output_line(&text);
    bundle_close(&bundle);
    return code;
}

static int run_with_bundle(const run_options *options) {
    run_bundle bundle;
    int code = bundle_open(options->model, false, options->copy, &bundle);
    if (code != CODE_DONE)
        return code;
    if (options->mode == MODE_BENCH)
        code = bench_main(&bundle, options);
    else if (options->mode == MODE_INFO)
        code = info_main(&bundle, options);
    else
        code = generate_main(&bundle, options);
    bundle_close(&bundle);
    return code;
}

int main(int argc, char **argv) {
    run_options options;
    const int code = options_parse(argc, argv, &options);
    if (code != CODE_DONE)
        return code;
    interrupt_start();
    switch (options.mode) {
    case MODE_HELP:
        return options_help();
    case MODE_VERSION:
        return print_version();
    case MODE_CHECK:
        return check_main(&options);
    case MODE_SELF_TEST:
        return self_test_main(&options);
    default:
        return run_with_bundle(&options);
    }
}
