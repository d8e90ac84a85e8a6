"""Text: streams never cut a character, stop strings, and what a bundle may store as its tokeniser."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from checkpoints import byte_tokenizer
from lutwerk.errors import BundleError
from lutwerk.text import REPLACEMENT, StopFilter, StreamDecoder, TextCodec

BYTES = TextCodec(Tokenizer.from_str(byte_tokenizer()), 256, [257], True)


def llama_style() -> TextCodec:
    """Pieces with a leading space, and bytes for what the vocabulary lacks, as SentencePiece has them."""
    pieces = ["<unk>", "▁Once", "▁upon", "▁a", "<0xE2>", "<0x82>", "<0xAC>"]
    tokenizer = Tokenizer(models.WordLevel({p: i for i, p in enumerate(pieces)}, "<unk>"))
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return TextCodec(tokenizer, None, [], False)


def streamed(codec: TextCodec, ids: list[int], prompt: list[int] = ()) -> list[str]:
    decoder = StreamDecoder(codec, prompt)
    return [*(decoder.feed(token) for token in ids), decoder.flush()]


@given(st.text())
def test_pieces_are_whole_characters(text):
    pieces = streamed(BYTES, BYTES.encode(text))
    assert "".join(pieces) == text
    if REPLACEMENT not in text:
        assert REPLACEMENT not in "".join(pieces)


def test_a_character_of_four_bytes_comes_at_once():
    assert streamed(BYTES, BYTES.encode("a🦙b")[1:]) == ["a", "", "", "", "🦙", "b", ""]


@given(st.lists(st.integers(0, 255), max_size=40))
def test_bytes_that_are_no_text_stream_as_they_decode(ids):
    assert "".join(streamed(BYTES, ids)) == BYTES.decode(ids)


@given(st.text(min_size=1), st.data())
def test_a_prompt_may_end_inside_a_character(text, data):
    ids = BYTES.encode(text)[1:]
    cut = data.draw(st.integers(0, len(ids)))
    after = "".join(streamed(BYTES, ids[cut:], ids[:cut]))
    whole_before = BYTES.decode(ids[:cut]).rstrip(REPLACEMENT)
    if REPLACEMENT not in text:
        assert whole_before + after == text


def test_leading_spaces_survive_after_a_prompt():
    codec = llama_style()
    assert streamed(codec, [1, 2]) == ["Once", " upon", ""]
    assert streamed(codec, [2, 3], prompt=[1]) == [" upon", " a", ""]
    assert streamed(codec, [4, 5, 6, 2], prompt=[1]) == ["", "", "€", " upon", ""]


def test_text_that_is_not_unicode_is_refused():
    with pytest.raises(BundleError, match="not valid Unicode at character 1"):
        BYTES.encode("a\udcff")


def test_bos_comes_once():
    assert BYTES.encode("a")[0] == 256
    assert BYTES.encode("<s>a") == BYTES.encode("a")


@pytest.mark.parametrize(
    ("section", "missing"),
    [(b"not json", "Expecting"), (b"{}", "tokenizer"), (b'{"tokenizer": "{}"}', "TOKN")],
)
def test_a_section_that_holds_no_tokeniser_is_named(section, missing):
    with pytest.raises(BundleError, match=missing):
        TextCodec.from_section(section, "bundle/model.lw")


def test_stored_truncation_never_cuts_a_prompt():
    stored = json.loads(byte_tokenizer())
    stored["truncation"] = {
        "direction": "Right",
        "max_length": 4,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    section = {"tokenizer": json.dumps(stored), "bos": None, "eos": [], "add_bos": False}
    codec = TextCodec.from_section(json.dumps(section).encode(), "bundle/model.lw")
    assert len(codec.encode("a long prompt")) == 13


def stopped(text: str, stops: list[str]) -> tuple[str, bool]:
    """What a filter lets through when the text comes character by character."""
    stop_filter = StopFilter(stops)
    out = ""
    for character in text:
        out += stop_filter.feed(character)
        if stop_filter.hit:
            break
    return out + stop_filter.flush(), stop_filter.hit


def test_text_ends_before_the_first_stop_string():
    assert stopped("one\n\ntwo", ["\n\n"]) == ("one", True)
    assert stopped("abcabd", ["abd", "zz"]) == ("abc", True)
    assert stopped("ababac", ["abac"]) == ("ab", True)


def test_the_beginning_of_a_stop_string_is_held_back_until_it_is_none():
    stop_filter = StopFilter(["<end>"])
    assert [stop_filter.feed(piece) for piece in ("a<", "en", "d", "b")] == ["a", "", "", "<endb"]


@given(st.text("ab"), st.lists(st.text("ab", min_size=1), max_size=3))
def test_stop_strings_agree_with_a_search_of_the_whole_text(text, stops):
    found = [text.find(stop) + len(stop) for stop in stops if stop in text]
    # The filter acts on the first moment at which any stop string is complete.
    seen = text[: min(found)] if found else text
    begins = [seen.find(stop) for stop in stops if stop in seen]
    expected = seen[: min(begins)] if begins else seen
    assert stopped(text, stops) == (expected, bool(found))


def test_an_empty_stop_string_is_refused():
    with pytest.raises(ValueError, match="stop string"):
        StopFilter([""])
