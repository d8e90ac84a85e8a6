#include "lutwerk/lutwerk.h"

/* Proves that the header stands alone in C++17, with C linkage. */
static_assert(sizeof(lw_model) == 256, "the size of lw_model is part of the ABI");
extern "C" lw_status lw_eval(lw_session *, const uint32_t *, size_t, float *, size_t);
