"""Each rule of section TEXT: a table that breaks it is refused before anything runs."""

import numpy as np
import pytest

from lutwerk.device_text import DeviceText
from lutwerk.errors import BundleError
from pairs import make_pair
from tables import FIELDS, Tables

NONE = 2**32 - 1


def element(table: str, at: int, value: int):
    def change(tables: Tables) -> None:
        tables[table][at] = value

    return change


def swap(table: str, at: int):
    def change(tables: Tables) -> None:
        tables[table][[at, at + 1]] = tables[table][[at + 1, at]]

    return change


def field(name: str, value: int):
    return lambda tables: tables.put(name, value)


def fill(table: str, value: int):
    return element(table, slice(None), value)


def second_edge_of_the_root(tables: Tables) -> None:
    node = int(np.flatnonzero(np.diff(tables["raw_begins"]) > 1)[0])
    swap("raw_labels", int(tables["raw_begins"][node]))(tables)


def bad_byte_of_a_piece(tables: Tables) -> None:
    tables["pieces"][int(tables["piece_begins"][0])] = 0xFF


#: Family -> what is done to its tables.
HOSTILE = {
    "llama_3": {
        "unk outside": field("unk", 10**6),
        "alphabet": field("alphabet", 2),
        "flags": field("flags", 8),
        "growth too small": field("growth", 2),
        "growth too large": field("growth", 65),
        "strip": field("strip", 256),
        "word map": field("word_map", 1),
        "zero": field("zero1", 1),
        "prefix": element("prefix", 0, 10**6),
        "piece offsets that fall": swap("piece_begins", 5),
        "piece offsets that end late": element("piece_begins", -1, 10**6),
        "byte id": element("byte_ids", 65, 10**6),
        "words without an end": fill("words", 3),
        "word id": element("words", 0, 10**6),
        "merge offsets": element("merge_begins", 1, 10**6),
        "rank": element("merge_ranks", 0, 10**6),
        "result": element("merge_results", 0, 10**6),
        "state": element("cells", 20, 0x7FFF),
        "columns": element("stages", 1, 300),
        "keep": element("stages", 2, 3),
        "class": fill("blocks", 200),
        "block": element("index", 7, 60000),
        "edges out of order": second_edge_of_the_root,
        "edge upwards": element("raw_targets", 3, 0),
        "edge outside": element("raw_targets", 3, 10**6),
        "root that matches": element("raw_tokens", 0, 1),
        "added id": element("raw_tokens", 5, 10**6),
        "trie offsets": element("raw_begins", 1, 10**6),
    },
    "qwen_2": {
        "step": element("steps", 0, 9),
        "NFC without a map": field("nfc_map", NONE),
        "decompositions out of order": swap("decompositions", 0),
        "decomposition offsets": element("decomposed_begins", 2, 10**6),
        "decomposed": element("decomposed", 0, 0x110000),
        "composite": element("compositions", 2, 0x110000),
        "compositions out of order": element("compositions", 0, 0x10FFFF),
    },
    "mistral": {
        "replacement of nothing": element("steps", 1, 0),
        "step text": element("step_texts", 1, 0xFF),
        "step beyond the texts": element("steps", 2, 10**6),
        "characters out of order": swap("characters", 0),
        "character id": element("character_ids", 0, 10**6),
        "part of the fallback": element("byte_ids", 65, NONE),
        "byte of two bytes": element("piece_begins", 4, 20),
        "text that is none": bad_byte_of_a_piece,
        "flags without a map": field("word_map", NONE),
    },
}
CASES = [(family, name) for family, changes in HOSTILE.items() for name in changes]


@pytest.mark.parametrize(("family", "name"), CASES)
def test_refused(family, name):
    tables = Tables(make_pair(family).section)
    HOSTILE[family][name](tables)
    with pytest.raises(BundleError, match="tokeniser") as caught:
        DeviceText(bytes(tables.section), "model.lw")
    assert caught.value.status == "ERR_TEXT"


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in ("bos", "strip", "unk")])
def test_no_count_can_be_other_than_it_is(name):
    tables = Tables(make_pair("mistral").section)
    for value in (2**32 - 2, 2**31, 2**24 + 1):
        tables.put(name, value)
        with pytest.raises(BundleError):
            DeviceText(bytes(tables.section), "model.lw")


def test_the_tables_are_found(pair):
    tables = Tables(pair.section)
    assert bytes(tables.section) == pair.section
    begins = tables["piece_begins"]
    token = pair.library.get_vocab_size() - 1
    piece = tables["pieces"][begins[token] : begins[token + 1]].tobytes().decode("utf-8", "replace")
    # Decoders take a space from the beginning.
    assert piece.lstrip(" ") == pair.library.decode([token], False).lstrip(" ")
