/* Examples of FIPS 180-2, appendix B, in pieces of several sizes. */
#include <string.h>

#include "check.h"
#include "sha256.h"

static void check(const char *text, size_t count, size_t step, const char *expected) {
    sha256 hash;
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    sha256_start(&hash);
    for (size_t at = 0; at < count; at += step)
        sha256_add(&hash, text + at, count - at < step ? count - at : step);
    sha256_end(&hash, digest);
    sha256_text(digest, hex);
    if (strcmp(hex, expected) != 0)
        fprintf(stderr, "%s, expected %s\n", hex, expected);
    CHECK(strcmp(hex, expected) == 0);
}

int main(void) {
    static char million[1000000];
    static const size_t steps[] = {1, 3, 55, 56, 64, 65, 1000000};
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    memset(million, 'a', sizeof million);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        check("", 0, steps[i], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        check("abc", 3, steps[i],
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        check(two_blocks, sizeof two_blocks - 1, steps[i],
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        check(million, sizeof million, steps[i],
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
    return 0;
}
