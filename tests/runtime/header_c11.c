#include "lutwerk/lutwerk.h"

/* Proves that the header stands alone in C11 and that its names can be used. */
_Static_assert(sizeof(lw_model) == 256, "the size of lw_model is part of the ABI");
_Static_assert(LW_OK == 0, "success is zero");
