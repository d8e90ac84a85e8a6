#include "affinity.h"

#include <unistd.h>

#include "lutwerk/lutwerk.h"

#ifdef __linux__

bool lw_affinity_get(lw_affinity *allowed) {
    return pthread_getaffinity_np(pthread_self(), sizeof *allowed, allowed) == 0;
}

bool lw_affinity_set(pthread_t thread, const lw_affinity *allowed) {
    return pthread_setaffinity_np(thread, sizeof *allowed, allowed) == 0;
}

bool lw_affinity_pin(pthread_t thread, const lw_affinity *allowed, uint32_t index) {
    index %= (uint32_t)CPU_COUNT(allowed);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, allowed) && index-- == 0) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            return lw_affinity_set(thread, &one);
        }
    return false;
}

uint32_t lw_cpu_count(void) {
    lw_affinity allowed;
    if (lw_affinity_get(&allowed))
        return (uint32_t)CPU_COUNT(&allowed);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (uint32_t)online : 1;
}

#else

bool lw_affinity_get(lw_affinity *allowed) {
    (void)allowed;
    return false;
}

bool lw_affinity_set(pthread_t thread, const lw_affinity *allowed) {
    (void)thread;
    (void)allowed;
    return false;
}

bool lw_affinity_pin(pthread_t thread, const lw_affinity *allowed, uint32_t index) {
    (void)index;
    return lw_affinity_set(thread, allowed);
}

uint32_t lw_cpu_count(void) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (uint32_t)online : 1;
}

#endif
