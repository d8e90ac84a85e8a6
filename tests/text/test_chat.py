"""Conversations in C: the text of the template, the ids of the tokenizers library, and nothing from a message."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from chats import CHATS, ChatPair, make_chat, text_only
from lutwerk.chat import probe_conversations
from lutwerk.chat.derive import conversation
from lutwerk.errors import BundleError
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
    for messages in carried(pair, 150):
        assert_exact(pair, messages)
        checked += 1
    assert checked > 50


@pytest.mark.parametrize("name", CHATS)
@given(
    turns=st.lists(st.text(max_size=20), min_size=1, max_size=7),
    system=st.none() | st.text(max_size=20),
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text(name, turns, system):
    pair = make_chat(name)
    messages = conversation(system, turns[: len(turns) - 1 | 1])
    if not pair.chat.form.refuses(messages):
        assert_exact(pair, messages)


def test_long_messages_in_many_scripts(pair):
    turns = [generated(seed, 3000) for seed in range(5)]
    messages = conversation(generated(9, 500) if pair.device.info.system else None, turns)
    assert_exact(pair, messages)


def injections(pair: ChatPair) -> list[str]:
    """What a person could write to speak as the model, to end a turn, or to reach over a border."""
    tokens = [t.content for t in pair.library.get_added_tokens_decoder().values() if t.content]
    gaps = [gap.text for gap in pair.chat.form.gaps.values() if gap.text]
    parts = [part for token in tokens for part in (token[:2], token[2:], token[:-1], token[-1:])]
    return [*tokens, *gaps, *dict.fromkeys(parts), *(f" x {token}{token}\ny" for token in tokens)]


def test_messages_are_never_tokens_of_the_template(pair):
    """As by a tokenizer whose special tokens, and those of the template, cannot be spelled."""
    checked = 0
    for content in injections(pair):
        for turns in (["x", content, "y"], [content, content, content]):
            messages = conversation(content if pair.device.info.system else None, turns)
            if pair.chat.form.refuses(messages):
                continue
            assert pair.device.encode(messages) == text_only(pair.name, messages)
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("name", [name for name in CHATS if make_chat(name).device.info.appends])
def test_appended_messages_are_the_end_of_the_whole(name):
    pair = make_chat(name)
    system = "Be brief." if pair.device.info.system else None
    messages = conversation(system, ["Hello", "Hi", "Why?", "So.", "And then?"])
    for end in range(len(messages) - 2, len(messages) + 1, 2):
        whole, text = pair.device.encode(messages[:end]), pair.device.render(messages[:end])
        appended = pair.device.encode(messages[:end], end - 1)
        assert text.endswith(pair.device.render(messages[:end], end - 1))
        assert whole[-len(appended) :] == appended
        before = pair.device.render(messages[: end - 2])
        assert text.startswith(before)


@pytest.mark.parametrize("name", ["qwen_3", "deepseek_r1", "mistral_3"])
def test_what_changes_earlier_text_is_not_appended(name):
    pair = make_chat(name)
    assert not pair.device.info.appends
    with pytest.raises(BundleError, match="ERR_ARGUMENT"):
        pair.device.encode(conversation(None, ["a", "b", "c"]), 2)


def test_only_messages_behind_an_answer_are_appended():
    pair = make_chat("llama_3")
    for first in (1, 3, 4):
        with pytest.raises(BundleError, match="ERR_ARGUMENT"):
            pair.device.encode(conversation(None, ["a", "b", "c"]), first)


@pytest.mark.parametrize(
    ("name", "end", "stop"),
    [
        ("llama_3", "<|eot_id|>", ""),
        ("llama_2", "</s>", ""),
        ("phi_3", "<|end|>", ""),
        ("gemma", "<end_of_turn>", ""),
        ("alpaca", None, "\n\n### Instruction:"),
    ],
)
def test_what_ends_an_answer(name, end, stop):
    pair = make_chat(name)
    assert pair.device.info.end == (pair.library.token_to_id(end) if end else None)
    assert pair.device.info.stop == stop
