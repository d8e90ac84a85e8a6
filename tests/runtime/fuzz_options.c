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
