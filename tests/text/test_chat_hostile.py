"""Each rule of section CHAT: tables that break it are refused before anything runs."""

import numpy as np
import pytest

from chats import make_chat
from lutwerk.chat.derive import conversation
from lutwerk.device_chat import DeviceChat
from lutwerk.errors import BundleError

#: Fields of the header, by runtime/FORMAT.md.
FIELDS = ("flags", "end", "stop", "cut", "cut_strip", "literals", "marks", "reserved", "text_bytes")
NONE = 2**32 - 1
BIG = 10**6


class Tables:
    """A section as numbers, with the places of its tables."""

    def __init__(self, section: bytes):
        self.words = np.frombuffer(section, "<u4").copy()
        n = dict(zip(FIELDS, map(int, self.words), strict=False))
        self.at = {name: i for i, name in enumerate(FIELDS)} | {"blank": 9, "zero": 15, "gaps": 16}
        end = 16 + 2 * 6 * 5 * 2
        for name, size in (
            ("literal_begins", n["literals"] + 1),
            ("mark_begins", n["literals"] + 1),
            ("mark_table", 3 * n["marks"]),
            ("reserved_table", 2 * n["reserved"]),
            ("texts", 0),
        ):
            self.at[name] = end
            end += size


def word(name: str, offset: int, value: int):
    def change(tables: Tables) -> None:
        tables.words[tables.at[name] + offset] = value

    return change


HOSTILE = {
    "unknown flag": word("flags", 0, 8),
    "end outside the tokens": word("end", 0, BIG),
    "stop outside the literals": word("stop", 0, BIG),
    "cut outside the literals": word("cut", 0, BIG),
    "cut by nothing": word("cut", 0, 0),
    "unknown strip of a cut": word("cut_strip", 0, 32),
    "unknown rule for blank messages": word("blank", 2, 3),
    "a user message that is absent": word("blank", 2, 1),
    "zero": word("zero", 0, 1),
    "literal of a gap": word("gaps", 0, BIG),
    "strip of a gap": word("gaps", 1, 8),
    "literal of the last gap": word("gaps", 118, BIG),
    "literals that do not begin at the beginning": word("literal_begins", 0, 1),
    "literals that fall": word("literal_begins", 2, BIG),
    "marks that fall": word("mark_begins", 2, BIG),
    "mark outside its literal": word("mark_table", 0, BIG),
    "mark of no size": word("mark_table", 1, 0),
    "mark that is too long": word("mark_table", 1, BIG),
    "mark of no token": word("mark_table", 2, BIG),
    "reserved for nobody known": word("reserved_table", 0, 8),
    "reserved literal": word("reserved_table", 1, BIG),
    "reserved nothing": word("reserved_table", 1, 0),
    "text that is none": word("texts", 0, NONE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refused(name):
    pair = make_chat("qwen_3")
    tables = Tables(pair.chat.section)
    HOSTILE[name](tables)
    with pytest.raises(BundleError, match="chat template") as caught:
        DeviceChat(tables.words.tobytes(), pair.text, "model.lw")
    assert caught.value.status == "ERR_CHAT"


@pytest.mark.parametrize("name", ["literals", "marks", "reserved", "text_bytes"])
@pytest.mark.parametrize("value", [0, 1, 1025, 2**31, NONE])
def test_no_count_can_be_other_than_it_is(name, value):
    pair = make_chat("qwen_3")
    tables = Tables(pair.chat.section)
    word(name, 0, value)(tables)
    if np.array_equal(tables.words, Tables(pair.chat.section).words):
        return
    with pytest.raises(BundleError):
        DeviceChat(tables.words.tobytes(), pair.text, "model.lw")


@pytest.mark.parametrize("size", [0, 4, 540, -4])
def test_sections_of_another_size(size):
    pair = make_chat("qwen_3")
    with pytest.raises(BundleError):
        DeviceChat(pair.chat.section[:size], pair.text, "model.lw")


def test_what_can_be_changed_is_harmless():
    """Other strips, other places: another template, but one that runs."""
    pair = make_chat("qwen_3")
    tables = Tables(pair.chat.section)
    source = np.random.default_rng(0)
    gaps = tables.words[16 : 16 + 120].reshape(-1, 2)
    messages = conversation(" s ", [" a ", "x</think> \n y", "", " \u3000", "e\u0301 "])
    for _ in range(200):
        gaps[:, 0] = source.integers(tables.words[5], size=len(gaps))
        gaps[:, 1] = source.integers(8, size=len(gaps))
        device = DeviceChat(tables.words.tobytes(), pair.text, "model.lw")
        assert isinstance(device.render(messages), str)
        device.encode(messages)
