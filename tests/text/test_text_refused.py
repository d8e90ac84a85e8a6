"""What has no exact form in the tables is refused by name, and a tokeniser that differs is refused."""

import json

import pytest

from families import family
from lutwerk.errors import CompileError
from lutwerk.text_check import check_device_text
from lutwerk.tokenizer import build_section
from pairs import make_pair


def changed(name: str, **parts) -> str:
    """A tokenizer.json with some parts replaced; a dict for ``model`` changes its fields."""
    stored = json.loads(family(name).to_str())
    for part, value in parts.items():
        stored[part] = stored[part] | value if part == "model" else value
    return json.dumps(stored)


def split(behavior: str, text: str = "a") -> dict:
    return {"type": "Split", "pattern": {"String": text}, "behavior": behavior, "invert": False}


BYTE_LEVEL = {
    "type": "ByteLevel",
    "add_prefix_space": True,
    "trim_offsets": True,
    "use_regex": True,
}
METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
REPLACE = {"type": "Replace", "pattern": {"Regex": "a"}, "content": "b"}
STRIP = {"type": "Strip", "content": "x", "start": 1, "stop": 0}
REFUSED = {
    "normalizer": ({"normalizer": {"type": "NFKC"}}, "normalizer is 'NFKC'"),
    "normalizer that searches": ({"normalizer": REPLACE}, "'Replace' has a regular expression"),
    "pre-tokeniser": ({"pre_tokenizer": {"type": "BertPreTokenizer"}}, "'BertPreTokenizer'"),
    "behaviour": ({"pre_tokenizer": split("MergedWithNext", "ab")}, "behavior of 'Split'"),
    "too many steps": (
        {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}] * 17}},
        "17 is too much",
    ),
    "ByteLevel first": (
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [BYTE_LEVEL, split("Isolated")]}},
        "'Split' comes after 'ByteLevel'",
    ),
    "late prefix": (
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [split("Isolated"), METASPACE]}},
        "'Metaspace' changes pieces",
    ),
    "half byte-level": ({"pre_tokenizer": None}, "'ByteLevel' is only one of"),
    "no decoder": ({"decoder": None}, "decoder is None"),
    "decoder": ({"decoder": {"type": "WordPiece", "prefix": "#", "cleanup": True}}, "'WordPiece'"),
    "decoder that searches": (
        {"decoder": {"type": "Sequence", "decoders": [REPLACE, {"type": "Fuse"}]}},
        "decoder 'Replace' has a regular expression",
    ),
    "decoder that strips letters": (
        {"decoder": {"type": "Sequence", "decoders": [{"type": "Fuse"}, STRIP]}},
        "decoder: 'Strip'",
    ),
    "post-processor": (
        {"post_processor": {"type": "BertProcessing", "sep": ["a", 0], "cls": ["b", 1]}},
        "'BertProcessing'",
    ),
    "dropout": ({"model": {"dropout": 0.1}}, "model: dropout"),
    "suffix": ({"model": {"end_of_word_suffix": "</w>"}}, "model: end_of_word_suffix"),
    "byte fallback": ({"model": {"byte_fallback": True}}, "byte_fallback with 'ByteLevel'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_component_without_a_table_is_named(name):
    parts, named = REFUSED[name]
    with pytest.raises(CompileError, match="--no-device-tokenizer") as caught:
        build_section(changed("gpt_2", **parts), None, [], "folder/tokenizer.json")
    assert named in str(caught.value)
    assert str(caught.value).startswith("folder/tokenizer.json: ")


def test_models_of_other_kinds_are_named():
    model = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}
    stored = json.loads(family("gpt_2").to_str()) | {"model": model, "added_tokens": []}
    with pytest.raises(CompileError, match="model is 'WordLevel'"):
        build_section(json.dumps(stored), None, [])


def test_byte_fallback_needs_every_byte():
    stored = json.loads(family("llama_2").to_str())
    del stored["model"]["vocab"]["<0x7F>"]
    with pytest.raises(CompileError, match="without the token <0x7F>"):
        build_section(json.dumps(stored), None, [])


def test_merged_words_need_byte_level():
    with pytest.raises(CompileError, match="ignore_merges without 'ByteLevel'"):
        build_section(changed("llama_2", model={"ignore_merges": True}), None, [])


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("llama_3", {"model": {"ignore_merges": False}}),
        ("qwen_2", {"normalizer": None}),
        ("llama_2", {"post_processor": None}),
        ("mistral", {"pre_tokenizer": METASPACE}),
        ("gpt_2", {"added_tokens": []}),
    ],
)
def test_tables_of_another_tokenizer_are_refused(name, parts):
    """The comparison notices each of these differences."""
    with pytest.raises(CompileError, match="otherwise on a device"):
        check_device_text(make_pair(name).section, changed(name, **parts), None, "folder")


def test_the_same_tokenizer_gives_the_same_bytes():
    stored = family("mistral").to_str()
    assert build_section(stored, 1, [2]) == build_section(stored, 1, [2])
