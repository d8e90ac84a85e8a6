/* A conversation in the form of the model's chat template. */
#ifndef RUNNER_CONVERSATION_H
#define RUNNER_CONVERSATION_H

#include "lutwerk/chat.h"
#include "output.h"
#include "writer.h"

typedef struct {
    run_writer *writer;
    lw_chat chat;
    lw_chat_info info;
    lw_chat_message *messages; /* whose texts belong to this conversation */
    size_t count, capacity;
    bool rewrite; /* the context is not that of the messages: compare all ids */
} conversation;

/* Begin one, with a system message when the options have it. Returns CODE_DONE, or the exit code of
 * a fault that was reported: the bundle carries no template, or one without a system message. */
int conversation_start(run_writer *writer, conversation *talk);
void conversation_stop(conversation *talk);

/* Add a message of the user, and its ids to the writer's context. On a fault, which is reported,
 * the conversation is as before. */
int conversation_ask(conversation *talk, const char *utf8, size_t bytes);

/* Add the answer that the writer gave. */
int conversation_answered(conversation *talk, const run_answer *answer, const text_buffer *text);

#endif
