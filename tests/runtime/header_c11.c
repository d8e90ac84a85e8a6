#include "lutwerk/chat.h"
#include "lutwerk/lutwerk.h"
#include "lutwerk/text.h"

/* Proves that the headers stand alone in C11 and that their names can be used. */
_Static_assert(sizeof(lw_model) == 256, "the size of lw_model is part of the ABI");
_Static_assert(sizeof(lw_text) == 512, "so is that of lw_text");
_Static_assert(sizeof(lw_chat) == 768, "so is that of lw_chat");
_Static_assert(LW_OK == 0, "success is zero");
