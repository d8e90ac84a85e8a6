"""Conversations in C: the text of the template, the ids of the tokenizers library, and nothing from a message."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from chats import CHATS, ChatPair, make_chat
from lutwerk.chat import probe_conversations
from lutwerk.chat.derive import conversation
from scripts import generated


@pytest.fixture(params=CHATS)
def pair(request) -> ChatPair:
    return make_chat(request.param)


def carried(pair: ChatPair, count: int):
    probes = probe_conversations(pair.chat.template.constants, count)
    return (messages for messages in probes if not pair.chat.form.refuses(messages))


def library_ids(library: Tokenizer, text: str) -> list[int]:
    return library.encode(text, add_special_tokens=False).ids


def spells_a_token(library: Tokenizer, messages) -> bool:
    added = [t.content for t in library.get_added_tokens_decoder().values() if t.content.strip()]
    return any(token in m["content"] for m in messages for token in added)


def assert_exact(pair: ChatPair, messages) -> None:
    text = pair.chat.template.render(messages)
    assert pair.device.render(messages) == text
    if not spells_a_token(pair.library, messages):
        assert pair.device.encode(messages) == library_ids(pair.library, text)


def test_probes(pair):
    checked = 0
    for messages in carried(pair, 400):
        assert_exact(pair, messages)
        checked += 1
    assert checked > 100


@pytest.mark.parametrize("name", CHATS)
@given(
    turns=st.lists(st.text(max_size=20), min_size=1, max_size=7),
    system=st.none() | st.text(max_size=20),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text(name, turns, system):
    pair = make_chat(name)
    messages = conversation(system, turns[: len(turns) - 1 | 1])
    if not pair.chat.form.refuses(messages):
        assert_exact(pair, messages)


def test_long_messages_in_many_scripts(pair):
    turns = [generated(seed, 3000) for seed in range(5)]
    messages = conversation(generated(9, 500) if pair.device.info.system else None, turns)
    assert_exact(pair, messages)
