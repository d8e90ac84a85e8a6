/* The time of a thread, dealt out to kinds of work without gaps: each lap begins where the one
 * before it ended, so that the laps of a job add up to its time. */
#ifndef LW_PROFILE_H
#define LW_PROFILE_H

#include "lutwerk/lutwerk.h"

typedef struct {
    lw_profile *profile; /* NULL: off */
    uint64_t began;      /* the lap */
} lw_laps;

/* Nanoseconds of a clock that only goes forward. */
uint64_t lw_clock_ns(void);

/* Count the time since the lap before as `kind`, the id of an operation or LW_PROFILE_*. */
void lw_end_lap(lw_laps *laps, uint32_t kind);

/* Without laps, nothing but a branch. */
static inline void lw_lap(lw_laps *laps, uint32_t kind) {
    if (laps)
        lw_end_lap(laps, kind);
}

#endif
