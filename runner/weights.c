#include "weights.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

static int refuse(const char *path, const char *reason) {
    return fail(CODE_DAMAGED, "%s: %s; copy the whole bundle folder, or name another one with -m",
                path, reason);
}

static int check_file(const char *path, int file, size_t *bytes) {
    struct stat status;
    if (fstat(file, &status) != 0)
        return refuse(path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return refuse(path, "not a regular file");
    if (status.st_size == 0)
        return refuse(path, "the file is empty");
    if ((uint64_t)status.st_size > SIZE_MAX)
        return fail(CODE_MISFIT,
                    "%s: %llu bytes do not fit in this device's address space; "
                    "use a smaller model, or a 64-bit system",
                    path, (unsigned long long)status.st_size);
    *bytes = (size_t)status.st_size;
    return CODE_DONE;
}

static void ask_for_huge_pages(void *data, size_t bytes) {
#ifdef MADV_HUGEPAGE
    (void)madvise(data, bytes, MADV_HUGEPAGE); /* a kernel without them costs only speed */
#else
    (void)data;
    (void)bytes;
#endif
}

static int read_all(const char *path, int file, uint8_t *data, size_t bytes) {
    for (size_t done = 0; done < bytes;) {
        const ssize_t count = pread(file, data + done, bytes - done, (off_t)done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return refuse(path, count < 0 ? strerror(errno) : "the file became shorter");
        done += (size_t)count;
    }
    return CODE_DONE;
}

static int map_file(const char *path, int file, void **data, size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, file, 0);
    if (memory == MAP_FAILED)
        return fail(CODE_MISFIT,
                    "%s: %zu bytes cannot be mapped: %s; close other programs, raise the "
                    "limit of memory (ulimit -v), or use a smaller model",
                    path, bytes, strerror(errno));
    ask_for_huge_pages(memory, bytes);
    *data = memory;
    return CODE_DONE;
}

static int copy_file(const char *path, int file, void **data, size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return fail(CODE_MISFIT, "%s: no room for a copy of %zu bytes: %s; leave --no-mmap out",
                    path, bytes, strerror(errno));
    ask_for_huge_pages(memory, bytes);
    const int code = read_all(path, file, memory, bytes);
    if (code == CODE_DONE)
        *data = memory;
    else
        munmap(memory, bytes);
    return code;
}

int weights_open(const char *path, bool copy, void **data, size_t *bytes) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return refuse(path, strerror(errno));
    int code = check_file(path, file, bytes);
    if (code == CODE_DONE)
        code = (copy ? copy_file : map_file)(path, file, data, *bytes);
    close(file);
    return code;
}
