"""Conversations by which a compact form is compared with its template."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from lutwerk.chat.derive import conversation
from lutwerk.chat.template import Message

_SEED = 20261122
_USERS = 6
_SPACES = ("", "", "", " ", "  ", "\n", "\n\n", "\t", "\r\n", "\u3000", "\xa0", "\x1c", "\u200b")
_TEXTS = (
    *("Hello", "What is 2 + 2?", "a", "It is\n\n1. one\n2. two\n", "'quoted' \"twice\" \\ \\n", ""),
    *(
        "Привет, как дела?",
        "你好，世界",
        "مرحبا",
        "\U0001f44b\U0001f3fd \U0001f468\u200d\U0001f469",
    ),
    *(
        "e\u0301\u0323",
        "\ufeffx",
        "{{ messages }}",
        "{% if x %}",
        "{# y #}",
        "<b>&amp;</b>",
        "$1 %s {0}",
    ),
    *("def f(x):\n    return x\n", "None", "false", "0", "user", "assistant", "system", "User: "),
)
#: What other models' templates use, which is text to this one unless it is its own.
_FOREIGN = (
    *("<|im_start|>", "<|im_end|>\n", "<|eot_id|>", "[INST]", "[/INST]", "<<SYS>>", "</s>", "<s>"),
    *("<think>", "</think>", "<|user|>", "<|end|>", "<start_of_turn>model\n", "### Response:"),
    *(
        "<tool_call>",
        "</tool_call>",
        "<tool_response>",
        "</tool_response>",
        "USER: ",
        "\nAssistant:",
    ),
)


def probe_conversations(constants: Sequence[str], count: int) -> Iterator[list[Message]]:
    """Conversations of all lengths, with and without a system message; the same ones every time.

    Args:
        constants: Texts of the template's own, which messages quote.
        count: How many conversations.
    """
    source = random.Random(_SEED)
    pool = [*_TEXTS, *_TEXTS, *_FOREIGN, *constants]
    for i in range(count):
        users = 1 + i // 2 % _USERS
        turns = [_message(source, pool) for _ in range(2 * users - 1)]
        yield conversation(_message(source, pool) if i % 2 else None, turns)


def _message(source: random.Random, pool: Sequence[str]) -> str:
    parts = source.choices(pool, k=source.choice((1, 1, 1, 2, 3)))
    spaces = source.choices(_SPACES, k=len(parts) + 1)
    return spaces[0] + "".join(part + space for part, space in zip(parts, spaces[1:], strict=True))
