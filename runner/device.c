#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 8192, MAX_PATH = 1024 };

/* The beginning of a small file, terminated; false when it cannot be read. */
static bool read_text(const char *path, char text[MAX_FILE_BYTES]) {
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    const size_t count = fread(text, 1, MAX_FILE_BYTES - 1, file);
    fclose(file);
    text[count] = '\0';
    return count > 0;
}

static uint64_t read_number(const char *path) {
    char text[MAX_FILE_BYTES];
    return read_text(path, text) ? strtoull(text, NULL, 10) : 0;
}

/* ---- control groups ---- */

/* Path of this process's group: of version 2 when `controller` is NULL. Lines are
 * "number:controllers:path". */
static bool own_group(const char *root, const char *controller, char path[MAX_PATH]) {
    char file[MAX_PATH], text[MAX_FILE_BYTES];
    snprintf(file, sizeof file, "%s/proc/self/cgroup", root);
    if (!read_text(file, text))
        return false;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *names = strchr(line, ':');
        char *group = names ? strchr(names + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        names++;
        bool found = !controller && *names == '\0';
        for (char *name = names; controller && *name; name += strcspn(name, ",")) {
            name += *name == ',';
            const size_t length = strcspn(name, ",");
            found =
                found || (strlen(controller) == length && memcmp(name, controller, length) == 0);
        }
        if (found) {
            snprintf(path, MAX_PATH, "%s", group);
            return true;
        }
    }
    return false;
}

typedef void group_reader(const char *folder, void *into);

/* Visit the folders of this process's group and of those above it. Inside a container the path may
 * be one of the host, and only its root be mounted. */
static void visit_groups(const char *root, const char *controller, group_reader *read, void *into) {
    char group[MAX_PATH], folder[3 * MAX_PATH];
    if (!own_group(root, controller, group))
        return;
    for (;;) {
        char *slash = strrchr(group, '/');
        const bool top = !slash || slash[1] == '\0';
        snprintf(folder, sizeof folder, "%s/sys/fs/cgroup%s%s%s", root, controller ? "/" : "",
                 controller ? controller : "", top ? "" : group);
        read(folder, into);
        if (top)
            return;
        *slash = '\0';
        if (slash == group)
            strcpy(group, "/");
    }
}

static void lower(uint64_t *limit, uint64_t value) {
    if (value > 0 && value < *limit)
        *limit = value;
}

/* cpu.max is "quota period" or "max period", in microseconds. */
static void read_quota_2(const char *folder, void *into) {
    char path[4 * MAX_PATH], text[MAX_FILE_BYTES];
    unsigned long long quota, period;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (read_text(path, text) && sscanf(text, "%llu %llu", &quota, &period) == 2 && period > 0)
        lower(into, (quota + period - 1) / period);
}

static void read_quota_1(const char *folder, void *into) {
    char path[4 * MAX_PATH], text[MAX_FILE_BYTES];
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    const long long quota = read_text(path, text) ? strtoll(text, NULL, 10) : -1;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    const uint64_t period = read_number(path);
    if (quota > 0 && period > 0)
        lower(into, ((uint64_t)quota + period - 1) / period);
}

typedef struct {
    uint64_t limit, left;
} group_memory;

static void read_group_memory(const char *folder, const char *limit_name, const char *usage_name,
                              group_memory *memory) {
    char path[4 * MAX_PATH];
    snprintf(path, sizeof path, "%s/%s", folder, limit_name);
    const uint64_t limit = read_number(path); /* "max" reads as 0 */
    snprintf(path, sizeof path, "%s/%s", folder, usage_name);
    const uint64_t usage = read_number(path);
    lower(&memory->limit, limit);
    if (limit > 0)
        lower(&memory->left, limit > usage ? limit - usage : 1);
}

static void read_memory_2(const char *folder, void *into) {
    read_group_memory(folder, "memory.max", "memory.current", into);
}

static void read_memory_1(const char *folder, void *into) {
    read_group_memory(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", into);
}

/* ---- processors ---- */

/* How fast a processor is beside the others: the scheduler's figure, or its greatest frequency; 0
 * when the system does not tell. */
static uint64_t capacity_of(const char *root, unsigned cpu) {
    char path[MAX_PATH];
    snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%u/cpu_capacity", root, cpu);
    const uint64_t capacity = read_number(path);
    if (capacity > 0)
        return capacity;
    snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%u/cpufreq/cpuinfo_max_freq", root,
             cpu);
    return read_number(path);
}

void device_read_cores(device_cores *cores) {
    memset(cores, 0, sizeof *cores);
    if (sched_getaffinity(0, sizeof cores->allowed, &cores->allowed) != 0)
        CPU_SET(0, &cores->allowed);
    device_rate_cores("", cores);
}

void device_rate_cores(const char *root, device_cores *cores) {
    uint64_t capacities[CPU_SETSIZE], greatest = 0;
    CPU_ZERO(&cores->fast);
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &cores->allowed)) {
            capacities[cpu] = capacity_of(root, cpu);
            greatest = capacities[cpu] > greatest ? capacities[cpu] : greatest;
        }
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &cores->allowed) && 3 * capacities[cpu] >= 2 * greatest)
            CPU_SET(cpu, &cores->fast);
    cores->allowed_count = (uint32_t)CPU_COUNT(&cores->allowed);
    cores->fast_count = (uint32_t)CPU_COUNT(&cores->fast);
    uint64_t quota = UINT64_MAX;
    visit_groups(root, NULL, read_quota_2, &quota);
    visit_groups(root, "cpu", read_quota_1, &quota);
    cores->quota = quota < cores->allowed_count ? (uint32_t)quota : 0;
}

uint32_t device_default_threads(const device_cores *cores) {
    enum { MOST_THREADS = 256 }; /* of lw_session_options */
    uint32_t threads = cores->fast_count;
    if (cores->quota > 0 && cores->quota < threads)
        threads = cores->quota;
    return threads < MOST_THREADS ? threads : MOST_THREADS;
}

void device_use_fast_cores(const device_cores *cores, uint32_t threads) {
    if (threads <= cores->fast_count && cores->fast_count < cores->allowed_count)
        sched_setaffinity(0, sizeof cores->fast, &cores->fast);
}

void device_use_all_cores(const device_cores *cores) {
    if (cores->fast_count < cores->allowed_count)
        sched_setaffinity(0, sizeof cores->allowed, &cores->allowed);
}

/* ---- memory ---- */

static uint64_t meminfo(const char *text, const char *name) {
    const char *line = strstr(text, name);
    return line ? 1024 * strtoull(line + strlen(name), NULL, 10) : 0;
}

void device_read_memory(const char *root, device_memory *memory) {
    char path[MAX_PATH], text[MAX_FILE_BYTES];
    *memory = (device_memory){0};
    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    if (read_text(path, text)) {
        memory->total = meminfo(text, "MemTotal:") + meminfo(text, "SwapTotal:");
        memory->available = meminfo(text, "MemAvailable:");
    }
    group_memory group = {UINT64_MAX, UINT64_MAX};
    visit_groups(root, NULL, read_memory_2, &group);
    visit_groups(root, "memory", read_memory_1, &group);
    if (memory->total > 0)
        lower(&memory->total, group.limit);
    if (memory->available > 0)
        lower(&memory->available, group.left);
}
