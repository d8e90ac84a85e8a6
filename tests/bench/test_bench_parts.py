"""The parts of the comparison that a wrong figure could come from, without measuring anything."""

from __future__ import annotations

import json

import numpy as np
import pytest
from report import Row, Run, json_lines, markdown
from sides import Test as Case

NAMES = {"shape": "toy", "format": "ternary", "peer": "llama.cpp", "peer_type": "TQ2_0"}
RUN = Run("today", "machine", "0", "python x", "0", "peer", 10**6, 2 * 10**6, 3)


def test_rows_hold_medians_and_their_ratio() -> None:
    row = Row.from_speeds(NAMES, 2, "tg128", ours=[30.0, 90.0, 40.0], theirs=[20.0, 19.0, 21.0])
    assert (row.ours, row.theirs, row.ratio) == (40.0, 20.0, 2.0)
    assert row.ours_sd == pytest.approx(np.std([30, 90, 40], ddof=1), abs=0.01)
    assert row.theirs_sd == 1.0


def test_one_repetition_has_no_deviation() -> None:
    assert Row.from_speeds(NAMES, 1, "pp512", ours=[3.0], theirs=[2.0]).ours_sd == 0.0


def test_json_has_the_run_and_then_a_line_per_row() -> None:
    row = Row.from_speeds(NAMES, 2, "tg128", ours=[3.0], theirs=[2.0])
    run, line = map(json.loads, json_lines(RUN, [row]).splitlines())
    assert run["run"]["command"] == "python x"
    assert line == {
        **NAMES,
        **{"threads": 2, "test": "tg128", "ours": 3.0, "theirs": 2.0, "ratio": 1.5},
        **{"ours_sd": 0.0, "theirs_sd": 0.0},
    }
    assert "| 3.00 ± 0.00 | 2.00 ± 0.00 | 1.50 |" in markdown(RUN, [row])


@pytest.mark.parametrize("name", ["", "pp", "tg0", "pp-1", "tg128x", "xx5"])
def test_unknown_tests_are_refused(name: str) -> None:
    assert str(Case.parse("pp512")) == "pp512"
    with pytest.raises(ValueError, match="neither ppN nor tgN"):
        Case.parse(name)


@pytest.mark.parametrize("kind", ["TQ1_0", "TQ2_0", "Q4_0", "Q6_K", "Q8_0"])
def test_random_blocks_decode_to_sane_weights(kind: str) -> None:
    gguf = pytest.importorskip("gguf", reason="the peer's file format needs the extra 'bench'")
    from gguf_model import random_blocks

    rows, columns = 64, 512
    blocks = random_blocks(kind, rows, columns, np.random.default_rng(1))
    weights = gguf.dequantize(blocks, gguf.GGMLQuantizationType[kind])
    assert weights.shape == (rows, columns)
    # Integer codes have one more negative level than positive ones: half a step off the middle.
    assert abs(weights.mean()) < 0.15 * weights.std()
    assert weights.std() * columns**0.5 == pytest.approx(1, rel=0.1)
