/* A plugin for QEMU's user mode that counts how often each translated block runs, as lines
 * `address instructions executions` in the file named by out=FILE. The declarations are those of
 * the plugin API, version 1 (QEMU documentation, "QEMU TCG Plugins"), which Debian packages without
 * a header. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

extern int qemu_plugin_version;
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*callback)(qemu_plugin_id_t,
                                                            struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, enum qemu_plugin_op op,
                                              void *counter, uint64_t add);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t, void *),
                                    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

int qemu_plugin_version = 1;

typedef struct counted {
    struct counted *next;
    uint64_t address;
    uint64_t instructions;
    uint64_t executions;
} counted;

static counted *blocks;
static const char *path;

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
    (void)id;
    counted *c = malloc(sizeof *c);
    if (c == NULL) {
        abort();
    }
    *c = (counted){blocks, qemu_plugin_tb_vaddr(block), qemu_plugin_tb_n_insns(block), 0};
    blocks = c;
    qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, &c->executions, 1);
}

static void finished(qemu_plugin_id_t id, void *data) {
    (void)id;
    (void)data;
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        abort();
    }
    for (const counted *c = blocks; c != NULL; c = c->next) {
        fprintf(file, "%llx %llu %llu\n", (unsigned long long)c->address,
                (unsigned long long)c->instructions, (unsigned long long)c->executions);
    }
    fclose(file);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv) {
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4) != 0) {
        return 1;
    }
    path = strdup(argv[0] + 4);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, finished, NULL);
    return 0;
}
