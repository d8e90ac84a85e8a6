/* lutwerk: execute a compiled model file (model.lw) on this machine.
 *
 * The library opens and validates a mapped model file and runs its plan. It never allocates memory
 * (the caller owns every byte, see lw_session_bytes), never prints and never exits. It does not
 * read files; text.h turns text into tokens and back.
 *
 * The five calls that most programs need, in order: lw_model_open, lw_session_bytes,
 * lw_session_start, lw_eval, lw_sample.
 *
 * Sizes end in _bytes, everything else counts elements. Functions that return lw_status return
 * LW_OK or name the fault; on failure outputs are untouched unless stated. Nothing is thread-safe
 * on one session; models are read-only and may be shared by sessions.
 */
#ifndef LUTWERK_H
#define LUTWERK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LW_VERSION "0.1.0"
#define LW_FORMAT_VERSION 1

typedef enum {
#define LW_STATUS(code, name, message) LW_##name = code,
#include "status.def"
#undef LW_STATUS
} lw_status;

/* Instruction sets: numbers of isas.def, which are ordered within an architecture only; see
 * lw_isa_includes. */
enum {
#define LW_ISA(number, name, architecture) LW_ISA_##name = number,
#include "isas.def"
#undef LW_ISA
    LW_ISA_COUNT
};

/* --- begin cffi --- */

/* ---- models ---- */

/* An open model: pointers into the caller's mapping, which must outlive it. Fields are private. */
typedef struct {
    uint64_t opaque[32];
} lw_model;

/* Constants of a model, and what it needs. */
typedef struct {
    uint32_t vocab;  /* tokens */
    uint32_t hidden; /* width of the residual stream */
    uint32_t layers;
    uint32_t heads;
    uint32_t kv_heads;
    uint32_t head_dim;
    uint32_t max_context; /* positions that the stored rotary tables cover */
    uint32_t chunk;       /* tokens evaluated together at most */
    uint32_t isa;         /* least LW_ISA_* that the bundle was compiled for */
    uint32_t tensors;
    uint32_t ops;
    uint32_t bos;          /* token id, or UINT32_MAX */
    uint64_t weight_bytes; /* bytes of all tensors */
    uint64_t arena_bytes;  /* activations of one chunk, from the static memory plan */
    uint64_t kv_bytes_per_token;
} lw_model_info;

/* One stored tensor. Strings live as long as the mapping (name: not terminated, name_bytes long) or
 * forever. */
typedef struct {
    const char *name;
    uint32_t name_bytes;
    uint32_t rows;
    uint32_t cols;
    uint32_t format; /* id in formats.def */
    uint32_t layout; /* id in layouts.def */
    const char *format_name;
    const char *layout_name;
    uint64_t bytes; /* codes and scales */
} lw_tensor_info;

/* Validate the `bytes` at `data` (64-byte aligned; a mapping of model.lw) and fill *model.
 * check_weights: also compare the checksum of the DATA section, which reads every weight once.
 * Returns ERR_ARGUMENT, or any code from ERR_TRUNCATED to ERR_CONFIG; *detail, when not NULL, then
 * holds the index of the offending section, tensor or operation, or UINT32_MAX. Safe on hostile
 * files. */
lw_status lw_model_open(const void *data, size_t bytes, int check_weights, lw_model *model,
                        uint32_t *detail);

/* Fill *info; the model must be open. */
void lw_model_get_info(const lw_model *model, lw_model_info *info);

/* Tensor `index` of the file. Returns ERR_ARGUMENT when there is none. */
lw_status lw_model_get_tensor(const lw_model *model, uint32_t index, lw_tensor_info *info);

/* Name of the kernel that a processor with `isa` runs for tensor `index` and so many tokens (at
 * least 1) together, also where this library is for another architecture; NULL for tensors that no
 * kernel multiplies. */
lw_status lw_model_get_kernel(const lw_model *model, uint32_t index, uint32_t isa, uint32_t tokens,
                              const char **name);

/* The golden test: *tokens points to *count ids whose logits, evaluated from an empty context, have
 * the SHA-256 at *sha256 (32 bytes) as float32 [count][vocab]. All live as long as the mapping.
 */
void lw_model_get_golden(const lw_model *model, const uint32_t **tokens, uint32_t *count,
                         const uint8_t **sha256);

/* ---- sessions ---- */

/* Settings of a session. Zero means the default given. */
typedef struct {
    uint32_t context; /* positions in the KV cache; default and maximum: the model's max_context */
    uint32_t threads; /* default 1; at most 256 */
    uint32_t isa_limit; /* highest LW_ISA_* to use plus 1; 0, and one that this processor lacks: the
                           best that it has */
    uint32_t pin;       /* 1: pin thread i to the i-th processor that this process may use */
} lw_session_options;

typedef struct lw_session lw_session;

/* Bytes of workspace for a session: KV cache, activations, tables, thread scratch. */
lw_status lw_session_bytes(const lw_model *model, const lw_session_options *options, size_t *bytes);

/* Start a session in caller-owned memory (64-byte aligned, lw_session_bytes long) and its threads
 * (threads - 1 of them). Returns ERR_ARGUMENT, ERR_ISA (the processor lacks what the bundle needs),
 * ERR_WORKSPACE or ERR_THREAD. */
lw_status lw_session_start(const lw_model *model, const lw_session_options *options,
                           void *workspace, size_t bytes, lw_session **session);

/* Stop the threads; afterwards the workspace may be freed. */
void lw_session_stop(lw_session *session);

/* Append `count` tokens (at least 1) at the end of the context and evaluate them in chunks.
 * logits: float32 [rows][vocab] for the last `rows` tokens, 0 <= rows <= count; NULL when rows is
 * 0. The result does not depend on how a prompt is split over calls, nor on threads or instruction
 * set. Returns ERR_ARGUMENT, ERR_TOKEN or ERR_CONTEXT; then nothing was evaluated and the context
 * is as before. */
lw_status lw_eval(lw_session *session, const uint32_t *tokens, size_t count, float *logits,
                  size_t rows);

/* Like lw_eval with rows = 1, for who needs only the greatest logits: less of a large head is read.
 * logits: float32 [vocab] of the last token; exact, bit for bit those of lw_eval, for the first
 * `top` tokens in the order of lw_sample (greatest logit, then lowest id) and maybe for more;
 * -INFINITY for tokens that were ruled out. All are exact when top is 0, and whenever two stages
 * would not pay. The chance that a token of the first `top` is ruled out is below 1e-12 per call
 * for activations that do not depend on the file's dither: docs/two-stage-head.md. Returns what
 * lw_eval returns. */
lw_status lw_eval_top(lw_session *session, const uint32_t *tokens, size_t count, uint32_t top,
                      float *logits);

/* What lw_eval_top did since the session started. */
typedef struct {
    uint64_t tokens;     /* answered by lw_eval_top */
    uint64_t full;       /* of these, by reading the whole head */
    uint64_t survivors;  /* of the others: rows whose low bits were read */
    uint64_t candidates; /* of these: rows that could not be ruled out */
} lw_head_stats;

void lw_session_head_stats(const lw_session *session, lw_head_stats *stats);

/* Positions in the context; and forget all positions from `length` on (no-op when there are fewer).
 */
uint32_t lw_session_length(const lw_session *session);
void lw_session_truncate(lw_session *session, uint32_t length);

/* LW_ISA_* that the session runs. */
uint32_t lw_session_isa(const lw_session *session);

/* ---- sampling ---- */

/* How to choose the next token. The order is: repeat penalty, temperature, top-k, top-p, min-p,
 * draw. */
typedef struct {
    float temperature; /* 0: greedy (the lowest id among equals) */
    uint32_t top_k;    /* keep the k most likely; 0: all */
    float top_p;       /* keep the smallest set whose probability reaches top_p; 1: all */
    float min_p;       /* drop what is less likely than min_p times the most likely; 0: none */
    float
        repeat_penalty; /* divide positive and multiply negative logits of recent tokens; 1: off */
} lw_sampling;

/* Choose a token; never one whose logit is -INFINITY, unless all are. logits: float32 [vocab],
 * changed in place; recent: the tokens that the repeat penalty applies to; state: of the random
 * generator (SplitMix64), advanced by one draw; scratch: uint64 [vocab]. Returns ERR_ARGUMENT for a
 * setting out of range. The same inputs give the same token on every machine. */
lw_status lw_sample(float *logits, uint32_t vocab, const lw_sampling *sampling,
                    const uint32_t *recent, size_t recent_count, uint64_t *state, uint64_t *scratch,
                    uint32_t *token);

/* ---- experimental: may change in any version ---- */

/* Time the matrix products of the plan whose matrix has the shape, format and layout of tensor
 * `tensor`: all of them, one after the other in the order of the plan, `repetitions` times, by the
 * session's threads, for `tokens` tokens (1 .. the model's chunk; 1: the kernels of decode,
 * building of tables included; more: those of prefill). A model's equal layers so come from where
 * they come from in decode: memory, when they exceed the caches together. The activations are
 * zeros, and the context stays as it is. logits: float32 [tokens][vocab], overwritten when the
 * product gives the logits, else it may be NULL. *seconds: mean of one product; with one thread, of
 * processor time. Returns ERR_ARGUMENT, also for a tensor that the plan does not multiply by. */
lw_status lw_measure_product(lw_session *session, uint32_t tensor, uint32_t tokens,
                             uint32_t repetitions, float *logits, double *seconds);

/* Time what lw_eval_top does for the head, `repetitions` times, for made-up activations; estimates
 * not 0: its first stage alone, which reads the high bits of all rows. The context stays as it is.
 * logits: float32 [vocab], overwritten. *seconds: as above. Returns ERR_ARGUMENT, also where
 * two stages would not serve `top` tokens of this model. */
lw_status lw_measure_head(lw_session *session, uint32_t top, int estimates, uint32_t repetitions,
                          float *logits, double *seconds);

/* What the thread that calls lw_eval and lw_eval_top spends its time on there. Places of the arrays
 * are ids of operations in ops.def, and those of this enum. Products include all stages of a
 * two-stage head, and no lookup tables. */
enum {
    LW_PROFILE_WAITING,     /* for other threads, and to wake them */
    LW_PROFILE_REDONE = 30, /* shares of products that another thread is late with, done in its
                               stead, with their lookup tables */
    LW_PROFILE_TABLES,
    LW_PROFILE_KINDS
};
typedef struct {
    uint64_t ns[LW_PROFILE_KINDS];    /* nanoseconds; together almost all of the calls' */
    uint64_t count[LW_PROFILE_KINDS]; /* how often this thread did or shared it: token-wise
                                         operations per token, others per chunk and stage */
} lw_profile;

/* From now on add to *profile, until the next call; NULL: measure nothing, which is how sessions
 * start. The clock is read at the end of each operation and wait; nothing else changes. */
void lw_session_profile(lw_session *session, lw_profile *profile);

/* ---- names ---- */

const char *lw_version(void);                   /* LW_VERSION as built */
const char *lw_status_name(uint32_t status);    /* "ERR_MAGIC" */
const char *lw_status_message(uint32_t status); /* one sentence */
const char *lw_section_name(uint32_t section);  /* "CONF", in the order of the file, or NULL */
const char *lw_isa_name(uint32_t isa);          /* "avx512" */
uint32_t lw_cpu_isa(void);                      /* the best LW_ISA_* of this processor */
/* 1 if a processor whose best instruction set is `isa` runs programs for `other`, else 0. */
int lw_isa_includes(uint32_t isa, uint32_t other);
uint32_t lw_cpu_count(void); /* processors that this process may use */

/* --- end cffi --- */

#ifdef __cplusplus
}
#endif

#endif
