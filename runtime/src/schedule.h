/* Which operations run without waiting between them.
 *
 * Token-wise operations (norms, quantize, rope, ...) in a row form a chain: a work item is a token,
 * and one thread runs the whole chain for it. In decode, with its single token, this leaves about
 * two stages for each matrix product. */
#ifndef LW_SCHEDULE_H
#define LW_SCHEDULE_H

#include "model.h"

/* For how many tokens an operation continues the chain of the one before it. */
enum { LW_FUSED_NEVER, LW_FUSED_ONE_TOKEN, LW_FUSED_ALWAYS };

/* Fill fused[ops]. */
void lw_schedule(const lw_model_view *model, uint8_t *fused);

#endif
