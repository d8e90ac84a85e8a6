"""The chat template of a checkpoint as section CHAT, which ``runtime/text/`` executes.

`template` runs the template as transformers does, `derive` renders conversations of marks and reads the
strings between messages off them, `form` holds these and says what they mean, `probes` are conversations
by which form and template are compared, and `section` writes the form. A template that differs from
every such form is not carried, and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tokenizers import Tokenizer

from lutwerk.chat.derive import derive
from lutwerk.chat.form import Form
from lutwerk.chat.probes import probe_conversations
from lutwerk.chat.refusal import NotCarried
from lutwerk.chat.section import build
from lutwerk.chat.template import ChatTemplate

_PROBES = 600


@dataclass(frozen=True)
class Chat:
    """A template that is carried.

    Attributes:
        template: what it was made from.
        form: the strings between its messages.
        section: section CHAT.
    """

    template: ChatTemplate
    form: Form
    section: bytes


def build_chat(source: str, special_tokens: Mapping[str, str | None], tokenizer_json: str) -> Chat:
    """The compact form of a template, compared with it on many conversations.

    Args:
        source: The template.
        special_tokens: Names such as ``bos_token`` and their texts; None for one that the tokenizer
            says it does not have.
        tokenizer_json: What finds the tokens in the form's strings.

    Raises:
        NotCarried: The template has no such form, or differs from it on a conversation.
    """
    template = ChatTemplate(source, special_tokens)
    form = derive(template)
    for messages in probe_conversations(template.constants, _PROBES):
        if form.refuses(messages):
            continue
        try:
            expected = template.render(messages)
        except NotCarried as error:
            raise NotCarried(f"for {messages!r:.300} it fails: {error}") from None
        found = form.render(messages)
        if found != expected:
            raise NotCarried(_difference(messages, found, expected))
    return Chat(template, form, build(form, Tokenizer.from_str(tokenizer_json)))


def _difference(messages: object, found: str, expected: str) -> str:
    pairs = zip(found, expected, strict=False)
    same = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(found), len(expected)))
    begin = max(same - 10, 0)
    return (
        f"for {messages!r:.300} it gives {expected[begin : begin + 40]!r} from character {begin} on, "
        f"not {found[begin : begin + 40]!r}"
    )


__all__ = ["Chat", "ChatTemplate", "NotCarried", "build_chat", "probe_conversations"]
