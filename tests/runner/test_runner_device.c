/* Threads and memory on devices that this machine is not: a made-up /sys and /proc. */
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "device.h"

static char root[64];

/* Write a file below the root, and the folders that lead to it. */
static void put(const char *path, const char *text) {
    char full[256];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0755);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    CHECK(file);
    fputs(text, file);
    CHECK_EQUAL(fclose(file), 0);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static void remove_root(void) {
    if (root[0])
        nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void new_root(void) {
    remove_root();
    static int count;
    snprintf(root, sizeof root, "/tmp/lutwerk-device-%d-%d", (int)getpid(), count++);
    CHECK_EQUAL(mkdir(root, 0755), 0);
}

/* Processors 0 .. count - 1 with these figures in a file of each. */
static device_cores rate(const char *file, const char *const *figures, unsigned count) {
    device_cores cores;
    memset(&cores, 0, sizeof cores);
    for (unsigned cpu = 0; cpu < count; cpu++) {
        char path[128];
        snprintf(path, sizeof path, "sys/devices/system/cpu/cpu%u/%s", cpu, file);
        if (figures)
            put(path, figures[cpu]);
        CPU_SET(cpu, &cores.allowed);
    }
    device_rate_cores(root, &cores);
    return cores;
}

static void test_big_and_little(void) {
    /* RK3588: four A55, four A76. */
    static const char *const rk3588[] = {"530",  "530",  "530",  "530",
                                         "1024", "1024", "1024", "1024"};
    new_root();
    device_cores cores = rate("cpu_capacity", rk3588, 8);
    CHECK_EQUAL(device_default_threads(&cores), 4);
    for (unsigned cpu = 0; cpu < 8; cpu++)
        CHECK_EQUAL(CPU_ISSET(cpu, &cores.fast) != 0, cpu >= 4);

    /* One prime processor, three nearly as fast, four slow: by frequency, without capacities. */
    static const char *const phone[] = {"1785600", "1785600", "1785600", "1785600",
                                        "2419200", "2419200", "2419200", "2841600"};
    new_root();
    cores = rate("cpufreq/cpuinfo_max_freq", phone, 8);
    CHECK_EQUAL(device_default_threads(&cores), 4);

    /* Raspberry Pi: four alike; and a device that tells nothing. */
    static const char *const pi[] = {"1024", "1024", "1024", "1024"};
    new_root();
    cores = rate("cpu_capacity", pi, 4);
    CHECK_EQUAL(device_default_threads(&cores), 4);
    new_root();
    cores = rate("cpu_capacity", NULL, 4);
    CHECK_EQUAL(device_default_threads(&cores), 4);
}

static void test_quotas(void) {
    /* Version 2: a group and the one above it; the lower quota counts, rounded up. */
    new_root();
    put("proc/self/cgroup", "0::/user/job\n");
    put("sys/fs/cgroup/user/job/cpu.max", "max 100000\n");
    put("sys/fs/cgroup/user/cpu.max", "250000 100000\n");
    device_cores cores = rate("cpu_capacity", NULL, 8);
    CHECK_EQUAL(device_default_threads(&cores), 3);

    /* Version 1; in a container the path is the host's, and only the root is there. */
    new_root();
    put("proc/self/cgroup", "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    cores = rate("cpu_capacity", NULL, 8);
    CHECK_EQUAL(device_default_threads(&cores), 2);
    put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    cores = rate("cpu_capacity", NULL, 8);
    CHECK_EQUAL(device_default_threads(&cores), 8);
}

static void test_memory(void) {
    device_memory memory;
    new_root();
    put("proc/meminfo", "MemTotal:        8000 kB\nMemFree:  10 kB\nMemAvailable:    6000 kB\n"
                        "SwapTotal:       1000 kB\n");
    device_read_memory(root, &memory);
    CHECK_EQUAL(memory.total, 9000 * 1024);
    CHECK_EQUAL(memory.available, 6000 * 1024);

    put("proc/self/cgroup", "0::/a/b\n");
    put("sys/fs/cgroup/a/memory.max", "4096000\n");
    put("sys/fs/cgroup/a/memory.current", "1096000\n");
    put("sys/fs/cgroup/a/b/memory.max", "max\n");
    put("sys/fs/cgroup/a/b/memory.current", "1000\n");
    device_read_memory(root, &memory);
    CHECK_EQUAL(memory.total, 4096000);
    CHECK_EQUAL(memory.available, 3000000);

    new_root();
    device_read_memory(root, &memory);
    CHECK_EQUAL(memory.total, 0);
    CHECK_EQUAL(memory.available, 0);
}

static void test_affinity(void) {
    cpu_set_t before, after;
    CHECK_EQUAL(sched_getaffinity(0, sizeof before, &before), 0);
    device_cores cores;
    device_read_cores(&cores);
    CHECK_EQUAL(cores.allowed_count, CPU_COUNT(&before));
    CHECK(device_default_threads(&cores) >= 1);
    if (cores.allowed_count < 2)
        return;
    /* Only the first is fast: one thread goes there, two use all. */
    unsigned first = 0;
    while (!CPU_ISSET(first, &cores.allowed))
        first++;
    CPU_ZERO(&cores.fast);
    CPU_SET(first, &cores.fast);
    cores.fast_count = 1;
    device_use_fast_cores(&cores, 2);
    CHECK_EQUAL(sched_getaffinity(0, sizeof after, &after), 0);
    CHECK(CPU_EQUAL(&before, &after));
    device_use_fast_cores(&cores, 1);
    CHECK_EQUAL(sched_getaffinity(0, sizeof after, &after), 0);
    CHECK(CPU_EQUAL(&cores.fast, &after));
    device_use_all_cores(&cores);
    CHECK_EQUAL(sched_getaffinity(0, sizeof after, &after), 0);
    CHECK(CPU_EQUAL(&before, &after));
}

int main(void) {
    test_big_and_little();
    test_quotas();
    test_memory();
    test_affinity();
    remove_root();
    return 0;
}
