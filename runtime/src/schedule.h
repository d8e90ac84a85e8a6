/* Which operations run without a barrier between them.
 *
 * Token-wise operations (norms, quantize, rope, ...) in a row form a chain: a work item is a token,
 * and one thread runs the whole chain for it. In decode, with its single token, this leaves about
 * two barriers for each matrix product. */
#ifndef LW_SCHEDULE_H
#define LW_SCHEDULE_H

#include "model.h"

/* fused[i] = 1 when operation i continues the chain of operation i - 1, else 0. */
void lw_schedule(const lw_model_view *model, uint8_t *fused);

#endif
