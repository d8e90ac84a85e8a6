"""The C tokeniser gives the ids of the tokenizers library, on any bytes."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from families import FAMILIES
from lutwerk.device_text import DeviceText
from lutwerk.text_check import check_device_text, library_encode
from lutwerk.tokenizer import build_section
from pairs import make_pair
from scripts import generated

#: Characters for each family, of which there are more than ten.
_GENERATED = 100_000


def assert_same(library: Tokenizer, device: DeviceText, text: bytes, special: bool = True) -> None:
    expected = library_encode(library, text, None, special=special)
    found = device.encode(text, special=special)
    if found != expected:
        at = next(i for i, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b)
        pytest.fail(f"at {at}: {found[at : at + 5]} instead of {expected[at : at + 5]}")


def test_what_every_compilation_checks(pair):
    check_device_text(pair.section, pair.library.to_str(), None, "family")


def test_generated_scripts(pair):
    text = generated(1, _GENERATED).encode()
    assert_same(pair.library, pair.device, text)
    assert pair.device.decode(pair.device.encode(text)) == pair.library.decode(
        pair.library.encode(text.decode()).ids
    )


def test_added_tokens_amid_text_that_is_partly_no_utf8(pair):
    source = random.Random(3)
    added = [t.content.encode() for t in pair.library.get_added_tokens_decoder().values()]
    text = bytearray(generated(2, 20_000).encode())
    for _ in range(500):
        at = source.randrange(len(text))
        text[at:at] = source.choice([*added, b"  ", b"x", source.randbytes(2)])
    for special in (True, False):
        assert_same(pair.library, pair.device, bytes(text), special)


def test_without_the_template(pair):
    text = "Once upon a time, the 3 caf\u00e9s."
    ids = pair.library.encode(text, add_special_tokens=False).ids
    assert pair.device.encode(text.encode(), template=False) == ids


@pytest.mark.parametrize("name", FAMILIES)
@given(
    text=st.one_of(
        st.text().map(str.encode),
        st.binary(),
        st.text(" \n'sStT1\u00e9\u0301a\u2581<|>/").map(str.encode),
    ),
    special=st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes(name, text, special):
    pair = make_pair(name)
    assert_same(pair.library, pair.device, text, special)


@pytest.mark.parametrize("name", ["llama_3", "gpt_2", "qwen_2", "llama_2"])
@pytest.mark.parametrize("file", ["tinyshakespeare.txt", "tinystories-ru.txt"])
def test_published_texts(shared_data, name, file):
    pair = make_pair(name)
    assert_same(pair.library, pair.device, (shared_data / "text" / file).read_bytes()[:500_000])


@pytest.mark.parametrize("name", ["stories260K", "tinystories-bitnet/offline"])
@pytest.mark.parametrize("file", ["wikitext2-test.raw", "tinystories-ru.txt"])
def test_published_tokenizers(shared_data, name, file):
    stored = (shared_data / name / "tokenizer.json").read_text()
    check_device_text(build_section(stored, 1, [2]), stored, 1, name)
    device = DeviceText(build_section(stored, None, []), name)
    text = (shared_data / "text" / file).read_bytes()[:500_000]
    assert_same(Tokenizer.from_str(stored), device, text)


@pytest.mark.parametrize("name", ["llama_3", "qwen_2", "llama_2", "mistral"])
@pytest.mark.parametrize("unit", ["a", "ab", "the", " ", "\u4e00", "\U0001f642", "\U000e0100"])
def test_one_endless_word(name, unit):
    pair = make_pair(name)
    assert_same(pair.library, pair.device, (unit * (60_000 // len(unit))).encode())


def test_endless_runs_of_combining_marks():
    marks = "".join(
        random.Random(4).choices("\u0301\u0323\u0345\u05b0\u0e38\u302a\u093c", k=40_000)
    )
    pair = make_pair("qwen_2")
    assert_same(pair.library, pair.device, f"a{marks}e\u0301".encode())


@pytest.mark.parametrize("bos", [1, 5])
@pytest.mark.parametrize("text", [b"", b"<s>x", b"x<s>", b"x"])
def test_bos_comes_once(bos, text):
    library = FAMILIES["unfused"]()
    device = DeviceText(build_section(library.to_str(), bos, []), "unfused")
    assert device.encode(text) == library_encode(library, text, bos, special=True)


def test_ids_beyond_the_capacity_are_counted():
    """More ids than bytes: the binding asks again with the room that the first answer names."""
    pair = make_pair("roberta_style")
    assert_same(pair.library, pair.device, b"\xff" * 4000)
