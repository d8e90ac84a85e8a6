"""Where the tables of section TEXT lie, by runtime/FORMAT.md and nothing else."""

import numpy as np

FIELDS = (
    *("tokens", "alphabet", "flags", "unk", "bos", "growth", "strip", "word_map", "nfc_map"),
    *("prefix", "suffix", "eos", "piece_bytes", "characters", "words", "merges"),
    *("normalizer_steps", "split_steps", "step_bytes", "stages", "maps", "blocks", "cells"),
    *("decompositions", "decomposed", "compositions", "raw_nodes", "raw_edges"),
    *("normal_nodes", "normal_edges", "zero0", "zero1"),
)


class Tables:
    """A mutable section; ``tables[name]`` is an array that writes through."""

    def __init__(self, section: bytes):
        self.section = bytearray(section)
        self.header = np.frombuffer(self.section, "<u4", len(FIELDS))
        n = {name: int(self.header[i]) for i, name in enumerate(FIELDS)}
        rows = [(name, "<u4", n[name]) for name in ("prefix", "suffix", "eos")]
        rows += [("token_flags", "u1", n["tokens"]), ("piece_begins", "<u4", n["tokens"] + 1)]
        rows += [("pieces", "u1", n["piece_bytes"]), ("byte_ids", "<u4", 256)]
        rows += [("characters", "<u4", n["characters"]), ("character_ids", "<u4", n["characters"])]
        rows += [("words", "<u4", n["words"]), ("merge_begins", "<u4", n["tokens"] + 1)]
        rows += [(f"merge_{name}", "<u4", n["merges"]) for name in ("rights", "ranks", "results")]
        rows += [("steps", "<u4", 3 * (n["normalizer_steps"] + n["split_steps"]))]
        rows += [("step_texts", "u1", n["step_bytes"]), ("stages", "<u4", 3 * n["stages"])]
        rows += [("index", "<u2", n["maps"] * 4352), ("blocks", "u1", n["blocks"] * 256)]
        rows += [("cells", "<u2", n["cells"]), ("decompositions", "<u4", n["decompositions"])]
        rows += [("decomposed_begins", "<u4", n["decompositions"] + 1)]
        rows += [
            ("decomposed", "<u4", n["decomposed"]),
            ("compositions", "<u4", 3 * n["compositions"]),
        ]
        for trie in ("raw", "normal"):
            nodes, edges = n[f"{trie}_nodes"], n[f"{trie}_edges"]
            rows += [(f"{trie}_begins", "<u4", nodes + 1), (f"{trie}_tokens", "<u4", nodes)]
            rows += [(f"{trie}_targets", "<u4", edges), (f"{trie}_labels", "u1", edges)]
        self._arrays = {}
        end = 4 * len(FIELDS)
        for name, kind, count in rows:
            self._arrays[name] = np.frombuffer(self.section, kind, count, end)
            end += -(-count * np.dtype(kind).itemsize // 4) * 4
        assert end == len(section)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def put(self, field: str, value: int) -> None:
        """Set a number of the header."""
        self.header[FIELDS.index(field)] = value
