"""Before a bundle is written, its chat template must give what jinja2 and the tokenizers library give."""

from __future__ import annotations

from tokenizers import Tokenizer

from lutwerk.chat import Chat, NotCarried, probe_conversations
from lutwerk.device_chat import DeviceChat
from lutwerk.device_text import DeviceText

_PROBES = 200


def check_device_chat(text: bytes, chat: Chat, tokenizer_json: str, where: str) -> None:
    """Compare the C library with the template, and its ids with those of the template's text.

    Messages that spell a token are compared as text only: there, the library takes it for the token.

    Args:
        text: Section TEXT.
        chat: Section CHAT and what it was made from.
        tokenizer_json: What section TEXT was made from.
        where: Name of the checkpoint, for errors.

    Raises:
        NotCarried: They differ; the message quotes the conversation.
    """
    device = DeviceChat(chat.section, DeviceText(text, where), where)
    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    added = [t.content for t in tokenizer.get_added_tokens_decoder().values() if t.content]
    for messages in probe_conversations(chat.template.constants, _PROBES):
        if chat.form.refuses(messages):
            continue
        expected = chat.template.render(messages)
        found = device.render(messages)
        if found != expected:
            raise NotCarried(f"for {messages!r:.300} a device gives {found!r}, not {expected!r}")
        if any(token in message["content"] for message in messages for token in added):
            continue
        ids = tokenizer.encode(expected, add_special_tokens=False).ids
        if device.encode(messages) != ids:
            raise NotCarried(f"for {messages!r:.300} a device gives other tokens than {ids!r:.300}")
