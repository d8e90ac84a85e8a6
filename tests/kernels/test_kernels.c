/* test_kernels [seed [share]]: every kernel of every instruction set that this processor has
 * against plain definitions. Results must be equal bit for bit. A failing run is repeated by its
 * seed and share; seed 0 draws one. With a share, one of so many cases of the matrix kernels, for
 * machines that are slow or emulated. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "harness.h"
#include "lutwerk/lutwerk.h"
#include "rows.h"
#include "suites.h"

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(void);
    } suites[] = {
        {"registry", test_registry},   {"float16", test_f16},       {"vectors", test_vectors},
        {"attention", test_attention}, {"matrices", test_matrices}, {"split", test_split},
    };
    const uint64_t given = argc > 1 ? strtoull(argv[1], NULL, 0) : 0;
    const uint64_t seed = given != 0 ? given : (uint64_t)time(NULL);
    random_seed(seed);
    const int share = argc > 2 ? atoi(argv[2]) : 1;
    set_share(share);
    printf("seed %" PRIu64 ", kernels up to %s\n", seed, lw_isa_name(host_isa()));
    fflush(stdout);
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        const uint64_t before = checks();
        suites[i].run();
        printf("%-9s %8" PRIu64 " checks\n", suites[i].name, checks() - before);
        fflush(stdout);
    }
    if (failures() != 0) {
        fprintf(stderr,
                "%" PRIu64 " of %" PRIu64 " checks failed; repeat with: test_kernels %" PRIu64
                " %d\n",
                failures(), checks(), seed, share);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
