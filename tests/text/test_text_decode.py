"""Streams of the C tokeniser: whole characters, and the text of the tokenizers library."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairs import make_pair
from scripts import generated

BYTE_LEVEL = ["llama_3", "gpt_2", "qwen_2", "o200k"]
FALLBACK = ["llama_2", "mistral"]


def pieces(device, ids, **flags) -> list[str]:
    stream = device.stream(**flags)
    return [*(stream.feed(i) for i in ids), stream.finish()]


def test_streams_hold_back_what_is_no_character_yet(pair):
    ids = pair.device.encode(generated(5, 400).encode())
    whole = pair.library.decode(ids)
    stream = pair.device.stream()
    before = ""
    for n, token in enumerate(ids, 1):
        before += stream.feed(token)
        assert whole.startswith(before)
        if pair.byte_level:
            # The library shows incomplete characters as U+FFFD, which no character of this text is.
            assert before == pair.library.decode(ids[:n]).rstrip("\ufffd")
    assert before + stream.finish() == whole


@pytest.mark.parametrize("name", BYTE_LEVEL)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_any_tokens_of_byte_level_vocabularies(name, seed):
    pair = make_pair(name)
    source = random.Random(seed)
    ids = [source.randrange(pair.device.tokens) for _ in range(30)]
    ids += source.choices(range(256), k=30)
    assert "".join(pieces(pair.device, ids)) == pair.library.decode(ids)


@pytest.mark.parametrize("name", FALLBACK)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_bytes_of_the_fallback_become_characters_as_soon_as_they_can(name, data):
    """The library gives up on a whole run of bytes; a stream, which has shown its characters, cannot."""
    pair = make_pair(name)
    first = pair.library.token_to_id("<0x00>")
    runs = data.draw(st.lists(st.binary(max_size=6), max_size=4))
    word = pair.library.token_to_id("▁t")
    ids = [i for run in runs for i in (*(first + byte for byte in run), word)]
    expected = " t".join([*(per_byte(run) for run in runs), ""]).removeprefix(" ")
    assert "".join(pieces(pair.device, ids)) == expected
    if "\ufffd" not in expected:
        assert pair.library.decode(ids) == expected


def per_byte(run: bytes) -> str:
    """Characters, and one U+FFFD for each byte that is in none."""
    return re.sub("[\udc80-\udcff]", "\ufffd", run.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("name", FALLBACK)
def test_only_the_beginning_of_a_text_loses_a_space(name):
    pair = make_pair(name)
    word = pair.library.token_to_id("▁t")
    assert pieces(pair.device, [word, word]) == ["t", " t", ""]
    assert pieces(pair.device, [word, word], continues=True) == [" t", " t", ""]
    special = pair.library.token_to_id("<s>")
    assert pieces(pair.device, [special, word]) == ["", "t", ""]


def test_a_character_of_four_bytes_comes_at_once():
    pair = make_pair("deepseek")
    emoji = pair.device.encode("\U00010348".encode(), template=False)
    shown = pieces(pair.device, emoji)
    assert "".join(shown) == "\U00010348"
    assert sum(map(bool, shown)) == 1


def test_special_tokens_show_on_request():
    pair = make_pair("qwen_2")
    ids = pair.device.encode(b"<|im_start|>user<think>")
    assert pair.device.decode(ids) == "user<think>"
    assert pair.device.decode(ids, special=True) == "<|im_start|>user<think>"


def test_ids_that_no_token_has_have_no_text(pair):
    assert pair.device.decode([pair.device.tokens, 2**32 - 1]) == ""
