#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, sigaction */

#include "harness.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_REPORTS = 20 };

static uint64_t stream;
static uint8_t *regions[MEM_COUNT];
static char description[512];
static const char *kernel = "";
static uint64_t checked;
static uint64_t failed;

static int32_t one_of = 1;

void set_share(int32_t share) {
    one_of = share;
}

bool skip_case(void) {
    return random_range(1, one_of) != 1;
}

void random_seed(uint64_t seed) {
    stream = seed;
}

uint64_t random_u64(void) {
    stream += 0x9e3779b97f4a7c15u;
    uint64_t z = stream;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int32_t random_range(int32_t low, int32_t high) {
    const uint64_t span = (uint64_t)((int64_t)high - low) + 1;
    return (int32_t)(low + (int64_t)(random_u64() % span));
}

float random_float(void) {
    return (float)random_range(-(1 << 23), 1 << 23) * 0x1p-23f;
}

float random_special(void) {
    static const uint32_t bits[] = {
        0x7fc00000u, 0xffc00001u, 0x7f800000u, 0xff800000u, /* NaN, infinity */
        0x00000000u, 0x80000000u, 0x00000001u, 0x807fffffu, /* zero, subnormal */
        0x7f7fffffu, 0xff7fffffu, 0x00800000u, 0x42b00000u, /* huge, tiny, 88 */
    };
    const uint64_t draw = random_u64();
    uint32_t pattern = (uint32_t)(draw >> 32);
    if (draw % 2 == 0) {
        pattern = bits[(draw >> 1) % (sizeof bits / sizeof *bits)];
    }
    float value;
    memcpy(&value, &pattern, sizeof value);
    return value;
}

void random_floats(float *values, size_t n, bool special) {
    const float magnitude = (float[]){1e-3f, 1.0f, 20.0f}[random_range(0, 2)];
    for (size_t i = 0; i < n; i++) {
        values[i] =
            special && random_range(0, 3) == 0 ? random_special() : random_float() * magnitude;
    }
}

static uint8_t *map_region(size_t page) {
    uint8_t *base =
        mmap(NULL, REGION_BYTES + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mprotect(base + page, REGION_BYTES, PROT_READ | PROT_WRITE) != 0) {
        perror("mapping memory between guard pages");
        exit(EXIT_FAILURE);
    }
    return base + page;
}

void *guarded(region where, side at, size_t bytes, size_t align) {
    if (regions[where] == NULL) {
        regions[where] = map_region((size_t)sysconf(_SC_PAGESIZE));
    }
    if (bytes > REGION_BYTES) {
        fprintf(stderr, "a case needs %zu bytes of guarded memory, REGION_BYTES is %d\n", bytes,
                REGION_BYTES);
        exit(EXIT_FAILURE);
    }
    const size_t offset = at == AT_BEGIN ? 0 : (REGION_BYTES - bytes) & ~(align - 1);
    memset(regions[where] + offset, 0xa5, bytes);
    return regions[where] + offset;
}

void describe(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(description, sizeof description, format, arguments);
    va_end(arguments);
}

static void write_text(const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        const ssize_t written = write(STDERR_FILENO, text, left);
        if (written <= 0) {
            return;
        }
        text += written;
        left -= (size_t)written;
    }
}

/* Only async-signal-safe calls. Returning repeats the access, now with the default action. */
static void on_fault(int signal_number) {
    (void)signal_number;
    write_text("FAULT in ");
    write_text(kernel);
    write_text(": ");
    write_text(description);
    write_text("\n");
}

void running(const char *name) {
    static bool installed;
    if (!installed) {
        struct sigaction action = {.sa_handler = on_fault, .sa_flags = (int)SA_RESETHAND};
        sigaction(SIGSEGV, &action, NULL);
        sigaction(SIGBUS, &action, NULL);
        installed = true;
    }
    kernel = name;
}

static bool report(const char *name, const char *what) {
    failed++;
    if (failed <= MAX_REPORTS) {
        fprintf(stderr, "FAILED %s: %s; %s", name, what, description);
    }
    return failed <= MAX_REPORTS;
}

void expect_bytes(const char *name, const char *what, const void *found, const void *wanted,
                  size_t bytes) {
    checked++;
    if (memcmp(found, wanted, bytes) == 0) {
        return;
    }
    const uint8_t *f = found;
    const uint8_t *w = wanted;
    size_t i = 0;
    while (f[i] == w[i]) {
        i++;
    }
    if (report(name, what)) {
        fprintf(stderr, "; byte %zu is 0x%02x, should be 0x%02x\n", i, f[i], w[i]);
    }
}

static bool same(float a, float b) {
    return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}

void expect_floats(const char *name, const char *what, const float *found, const float *wanted,
                   size_t n) {
    checked++;
    for (size_t i = 0; i < n; i++) {
        if (!same(found[i], wanted[i])) {
            if (report(name, what)) {
                fprintf(stderr, "; element %zu is %a, should be %a\n", i, (double)found[i],
                        (double)wanted[i]);
            }
            return;
        }
    }
}

void expect_true(const char *name, const char *what, bool holds) {
    checked++;
    if (!holds && report(name, what)) {
        fputc('\n', stderr);
    }
}

uint64_t checks(void) {
    return checked;
}

uint64_t failures(void) {
    return failed;
}
