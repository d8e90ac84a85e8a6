#include "fuzz_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "model_bytes.h"

fuzz_options parse_fuzz_options(int argc, char **argv, const char *input) {
    fuzz_options o = {.seed = (uint64_t)time(NULL), .count = 1000};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--count") == 0 && i + 1 < argc)
            o.count = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            o.seed = strtoull(argv[++i], NULL, 10);
        else if (argv[i][0] != '-' && !o.path)
            o.path = argv[i];
        else {
            fprintf(stderr, "usage: %s [--count N] [--seed S] [%s]\n", argv[0], input);
            exit(2);
        }
    }
    printf("seed %llu\n", (unsigned long long)o.seed);
    fflush(stdout);
    return o;
}

uint8_t *read_file(const char *path, size_t *bytes) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    CHECK(fseek(file, 0, SEEK_END) == 0);
    const long size = ftell(file);
    CHECK(size >= 0);
    rewind(file);
    uint8_t *contents = allocate_aligned((size_t)size);
    CHECK(fread(contents, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    *bytes = (size_t)size;
    return contents;
}

void damage_word(uint64_t *random, uint8_t *bytes, size_t count) {
    static const uint32_t values[] = {0, 1, 2, 255, 256, 1u << 24, UINT32_MAX - 1, UINT32_MAX};
    const size_t at = random_below(random, (uint32_t)count / 4) * 4;
    uint32_t word;
    memcpy(&word, bytes + at, sizeof word);
    switch (random_below(random, 4)) {
    case 0:
        word ^= 1u << random_below(random, 32);
        break;
    case 1:
        word += random_below(random, 5) - 2;
        break;
    case 2:
        word = values[random_below(random, sizeof values / sizeof *values)];
        break;
    default:
        word ^= (random_below(random, 255) + 1) << 8 * random_below(random, 4);
    }
    memcpy(bytes + at, &word, sizeof word);
}
