#include "profile.h"

#include <time.h>

#include "session.h"
#include "signature.h"

#define LW_OP(id, name)                                                                            \
    _Static_assert((id) > LW_PROFILE_WAITING && (id) < LW_PROFILE_REDONE, #name);
#include "lutwerk/ops.def"
#undef LW_OP

uint64_t lw_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void lw_end_lap(lw_laps *laps, uint32_t kind) {
    const uint64_t now = lw_clock_ns();
    laps->profile->ns[kind] += now - laps->began;
    laps->profile->count[kind]++;
    laps->began = now;
}

void lw_session_profile(lw_session *session, lw_profile *profile) {
    session->laps.profile = profile;
}
