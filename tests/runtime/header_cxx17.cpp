#include "lutwerk/chat.h"
#include "lutwerk/lutwerk.h"
#include "lutwerk/text.h"

/* Proves that the headers stand alone in C++17, with C linkage. */
static_assert(sizeof(lw_model) == 256, "the size of lw_model is part of the ABI");
static_assert(sizeof(lw_text) == 512, "so is that of lw_text");
extern "C" lw_status lw_eval(lw_session *, const uint32_t *, size_t, float *, size_t);
