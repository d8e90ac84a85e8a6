#include "option_rows.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "report.h"

#define FIELD(name) offsetof(run_options, name)
#define GEN MODE_GENERATE
#define MACHINE (MODE_GENERATE | MODE_SELF_TEST | MODE_INFO)
#define WITH_BUNDLE (MACHINE | MODE_BENCH | MODE_CHECK)
#define MODE(name, mode, group, help) {{name}, ALL_MODES, TAKES_MODE, 0, mode, 0, "", group, help}

/* clang-format off */
const option_row option_rows[] = {
    {{"-p", "--prompt"}, GEN, TAKES_TEXT, FIELD(prompt), 0, 0, "TEXT", "what to write",
     "text to continue; with --chat: your message"},
    {{"-f", "--file"}, GEN, TAKES_TEXT, FIELD(file), 0, 0, "FILE", NULL,
     "file with the text; - for standard input"},
    {{"-n", "--n-predict", "--predict"}, GEN, TAKES_LIMIT, FIELD(predict), -1, HUGE_VAL, "N", NULL,
     "tokens to write at most; -1: until the model ends or the\ncontext is full (default: 128; with --chat -1)"},
    {{"--chat", "-cnv"}, GEN, TAKES_NOTHING, FIELD(chat), 0, 0, "", NULL,
     "a conversation, in the form that the model was trained on"},
    {{"--system", "-sys"}, GEN, TAKES_TEXT, FIELD(system), 0, 0, "TEXT", NULL,
     "with --chat: instructions before the first message"},
    {{"--stop"}, GEN, TAKES_STOP, FIELD(stops), 0, 0, "TEXT", NULL,
     "end before this text; repeatable"},
    {{"--ignore-eos"}, GEN, TAKES_NOTHING, FIELD(ignore_eos), 0, 0, "", NULL,
     "write on where the model would end"},
    {{"--no-display-prompt"}, GEN, TAKES_NOTHING, FIELD(hide_prompt), 0, 0, "", NULL,
     "do not print the prompt before its continuation"},
    {{"--json"}, GEN | MODE_SELF_TEST | MODE_INFO, TAKES_NOTHING, FIELD(json), 0, 0, "", NULL,
     "print one JSON object for each answer; also with --info and\n--self-test"},

    {{"--repeat-penalty"}, GEN, TAKES_REAL, FIELD(repeat_penalty), 0.01, 100, "X",
     "sampling, applied in this order",
     "make the last 64 tokens less likely; 1 is off (default: 1)"},
    {{"--temp", "--temperature"}, GEN, TAKES_REAL, FIELD(temperature), 0, 100, "X", NULL,
     "0 takes the most likely token, more varies more\n(default: 0.8)"},
    {{"--top-k"}, GEN | MODE_BENCH, TAKES_COUNT, FIELD(top_k), 0, 2147483648.0, "N", NULL,
     "keep the N most likely tokens; 0 keeps all (default: 40)"},
    {{"--top-p"}, GEN, TAKES_REAL, FIELD(top_p), 0, 1, "X", NULL,
     "keep the fewest tokens that reach probability X; 1 keeps all\n(default: 0.95)"},
    {{"--min-p"}, GEN, TAKES_REAL, FIELD(min_p), 0, 1, "X", NULL,
     "drop tokens less likely than X times the most likely;\n0 drops none (default: 0.05)"},
    {{"--seed", "-s"}, GEN, TAKES_SEED, 0, 0, 0, "N", NULL,
     "of the random choice (default: a new one, printed at the end)"},

    {{"-m", "--model"}, WITH_BUNDLE, TAKES_TEXT, FIELD(model), 0, 0, "BUNDLE",
     "bundle and device",
     "bundle folder, or model.lw (default: beside this program)"},
    {{"-c", "--ctx-size"}, GEN | MODE_INFO, TAKES_COUNT, FIELD(context), 1, 16777216, "N", NULL,
     "context, which prompt and answer share (default: the bundle's\ngreatest that free memory holds)"},
    {{"-t", "--threads"}, MACHINE, TAKES_COUNT, FIELD(threads), 1, 256, "N", NULL,
     "threads (default: one for each fast processor that this\nprocess may use)"},
    {{"--full-head"}, GEN | MODE_BENCH, TAKES_NOTHING, FIELD(full_head), 0, 0, "", NULL,
     "compute all logits of each token, where the bundle has a\ntwo-stage head; the text is the same"},
    {{"--pin"}, GEN | MODE_BENCH, TAKES_NOTHING, FIELD(pin), 0, 0, "", NULL,
     "pin each thread to a processor"},
    {{"--no-mmap"}, GEN | MODE_BENCH, TAKES_NOTHING, FIELD(copy), 0, 0, "", NULL,
     "copy the weights into huge pages: starts later, takes the room\nof a copy, and may read weights faster"},

    MODE("--self-test", MODE_SELF_TEST, "instead of writing",
         "prove that this device computes the right bits"),
    MODE("--check", MODE_CHECK, NULL, "compare every checksum, those of all weights included"),
    MODE("--info", MODE_INFO, NULL, "the bundle, what it needs, and what this device has"),
    MODE("--bench", MODE_BENCH, NULL, "measure tokens per second, as llama-bench does"),
    MODE("--version", MODE_VERSION, NULL, "print the version"),
    {{"--help", "-h"}, ALL_MODES, TAKES_MODE, 0, MODE_HELP, 0, "", NULL, "print this"},

    {{"-p", "--n-prompt"}, MODE_BENCH, TAKES_LIST, FIELD(bench_prompts), 0, 16777216, "N,...",
     "with --bench", "prompt lengths; 0 for none (default: 512)"},
    {{"-n", "--n-gen"}, MODE_BENCH, TAKES_LIST, FIELD(bench_generated), 0, 16777216, "N,...", NULL,
     "numbers of generated tokens; 0 for none (default: 128)"},
    {{"-t", "--threads"}, MODE_BENCH, TAKES_LIST, FIELD(bench_threads), 1, 256, "N,...", NULL,
     "numbers of threads"},
    {{"-r", "--repetitions"}, MODE_BENCH, TAKES_COUNT, FIELD(repetitions), 1, 1000000, "N", NULL,
     "runs (default: 5)"},
    {{"-o", "--output"}, MODE_BENCH, TAKES_STYLE, FIELD(output), 0, 0, "FORM", NULL,
     "md, a table, or json, one object for each row (default: md)"},
};
/* clang-format on */
const size_t option_row_count = sizeof option_rows / sizeof *option_rows;

static const char beginning[] =
    "usage: run [OPTIONS]                 answer standard input, typed or piped\n"
    "       run -p TEXT [OPTIONS]         continue a text\n"
    "       run --chat [OPTIONS]          talk\n"
    "       run --self-test|--check|--info|--bench [OPTIONS]\n"
    "\n"
    "Run the model of this bundle. Text goes to standard output as it is written; times, the seed\n"
    "and the reason for the end go to standard error. The same seed gives the same text on every\n"
    "machine. Ctrl-C ends the answer, a second one the program.\n"
    "\n"
    "  ./run --self-test                            is this device computing right?\n"
    "  ./run -p \"Once upon a time\" -n 200           continue a text\n"
    "  ./run -p \"Once upon a time\" --temp 0         always the most likely token\n"
    "  ./run --chat --system \"Answer briefly.\"      talk; end with Ctrl-D\n"
    "  ./run -f notes.txt -n -1 > out.txt           a long text from a file\n"
    "  ./run -p \"Hello\" --seed 7 --json | jq .text  for programs\n";

static const char ending[] =
    "\n"
    "LUTWERK_ISA=NAME uses a lower instruction set; results are the same bit for bit.\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 bundle missing or damaged, 4 device does not\n"
    "fit the bundle, 5 device computes wrong bits, 130 Ctrl-C, 141 the reader of the output "
    "left.\n";

static void add_row(text_buffer *help, const option_row *row) {
    enum { COLUMN = 28 };
    if (row->group)
        text_format(help, "\n%s:\n", row->group);
    size_t begin = help->count;
    text_format(help, "  ");
    for (int i = 0; i < 3 && row->names[i]; i++)
        text_format(help, "%s%s", i > 0 ? ", " : "", row->names[i]);
    text_format(help, "%s%s", row->metavar[0] ? " " : "", row->metavar);
    for (const char *line = row->help; *line;) {
        const size_t length = strcspn(line, "\n");
        const size_t used = help->count - begin;
        if (used + 1 < COLUMN)
            text_format(help, "%*s", (int)(COLUMN - used), "");
        else
            text_format(help, "\n%*s", COLUMN, "");
        text_format(help, "%.*s\n", (int)length, line);
        begin = help->count;
        line += length + (line[length] == '\n');
    }
}

int options_help(void) {
    text_buffer help = {0};
    text_format(&help, "%s", beginning);
    for (size_t i = 0; i < option_row_count; i++)
        add_row(&help, &option_rows[i]);
    text_add(&help, ending, sizeof ending - 2); /* output_line ends the last line */
    return output_line(&help);
}

const char *option_mode_name(run_mode mode) {
    for (size_t i = 0; i < option_row_count; i++)
        if (option_rows[i].kind == TAKES_MODE && (run_mode)option_rows[i].low == mode)
            return option_rows[i].names[0];
    return "writing text";
}
