"""The parts of the comparison that a wrong figure could come from, without measuring anything."""

from __future__ import annotations

import json

import numpy as np
import pytest

from report import Circumstances, Run, compare, json_lines, markdown
from sides import Test as Case

NAMES = {"shape": "toy", "format": "ternary", "peer": "llama.cpp", "peer_type": "TQ2_0"}
PEERS = {"TQ2_0": NAMES, "Q2_K": NAMES | {"peer_type": "Q2_K"}}
AT = Circumstances("today", "machine", "0", "python x", "0")
RUN = Run(AT, "avx2", 10**6, "peer", {"TQ2_0": 2 * 10**6}, 3)
TG, FIRST = Case.parse("tg128"), Case.parse("first128")


def test_rows_hold_medians_and_their_ratio() -> None:
    (row,) = compare(PEERS, 2, TG, [30.0, 90.0, 40.0], {"TQ2_0": [20.0, 19.0, 21.0]})
    assert (row.ours, row.theirs, row.ratio, row.unit) == (40.0, 20.0, 2.0, "tokens/s")
    assert row.ours_sd == pytest.approx(np.std([30, 90, 40], ddof=1), abs=0.01)
    assert row.theirs_sd == 1.0


def test_one_repetition_has_no_deviation() -> None:
    assert compare(PEERS, 1, TG, [3.0], {"TQ2_0": [2.0]})[0].ours_sd == 0.0


def test_the_ratio_is_above_1_where_we_are_faster() -> None:
    assert (TG.unit, TG.value(2.0), TG.ratio(60.0, 30.0)) == ("tokens/s", 64.0, 2.0)
    assert (FIRST.unit, FIRST.value(2.0), FIRST.ratio(30.0, 60.0)) == ("ms", 2000.0, 2.0)


@pytest.mark.parametrize(("case", "best"), [(TG, "Q2_K"), (FIRST, "TQ2_0")])
def test_the_fastest_peer_is_marked(case: Case, best: str) -> None:
    rows = compare(PEERS, 1, case, [9.0], {"TQ2_0": [2.0], "Q2_K": [3.0]})
    assert {row.peer_type: row.best for row in rows} == {
        kind: kind == best for kind in ("TQ2_0", "Q2_K")
    }
    least = min(row.ratio for row in rows)
    assert [r.peer_type for r in rows if f"**{r.ratio:.2f}**" in markdown(RUN, rows)] == [best]
    assert next(row.ratio for row in rows if row.best) == least


def test_json_has_a_line_per_row_and_the_run_in_each() -> None:
    (row,) = compare(PEERS, 2, TG, [3.0], {"TQ2_0": [2.0]})
    line, other = map(json.loads, json_lines(RUN, [row, row]).splitlines())
    assert line == other
    assert line.pop("run")["command"] == "python x"
    assert line == {
        **NAMES,
        **{"threads": 2, "test": "tg128", "ours": 3.0, "theirs": 2.0, "ratio": 1.5},
        **{"unit": "tokens/s", "ours_sd": 0.0, "theirs_sd": 0.0, "best": True},
    }
    assert "| tokens/s | 3.00 ± 0.00 | 2.00 ± 0.00 | **1.50** |" in markdown(RUN, [row])


@pytest.mark.parametrize("name", ["", "pp", "tg0", "pp-1", "tg128x", "first", "xx5"])
def test_unknown_tests_are_refused(name: str) -> None:
    assert str(Case.parse("pp512")) == "pp512"
    assert Case.parse("first9") == Case("first", 9)
    with pytest.raises(ValueError, match="no ppN, tgN or firstN"):
        Case.parse(name)


def test_peers_have_a_type_and_a_setting() -> None:
    pytest.importorskip("gguf", reason="the peer's file format needs the extra 'bench'")
    from gguf_model import BLOCK_TYPES
    from peers import Peer, parse_peers, peers_beside

    tiled = Peer("Q4_K", repack=False)
    assert parse_peers("Q4_K,Q4_K:no-repack,Q4_K") == [Peer("Q4_K"), tiled]
    assert str(tiled) == "Q4_K, no repack"
    assert tiled in peers_beside("i4g128")
    for quantizer in ("ternary", "absmean", "i2g32", "i3g64", "i6g128", "i8g64"):
        assert all(peer.kind in BLOCK_TYPES for peer in peers_beside(quantizer))
    for wrong in ("Q9_K", "Q4_K:", "Q4_K:repack", ""):
        with pytest.raises(ValueError, match="no TYPE or TYPE:no-repack; types: TQ1_0"):
            Peer.parse(wrong)
    with pytest.raises(ValueError, match="beside f16; choose some with --peers"):
        peers_beside("f16")


@pytest.mark.parametrize("kind", ["TQ1_0", "TQ2_0", "Q2_K", "Q3_K", "Q4_0", "Q4_K", "Q6_K", "Q8_0"])
def test_random_blocks_decode_to_sane_weights(kind: str) -> None:
    gguf = pytest.importorskip("gguf", reason="the peer's file format needs the extra 'bench'")
    from gguf_model import random_blocks

    rows, columns = 64, 512
    blocks = random_blocks(kind, rows, columns, np.random.default_rng(1))
    weights = gguf.dequantize(blocks, gguf.GGMLQuantizationType[kind])
    assert weights.shape == (rows, columns)
    # Integer codes have one more negative level than positive ones: half a step off the middle,
    # which is most in Q3_K, of 8 levels.
    assert abs(weights.mean()) < 0.25 * weights.std()
    assert weights.std() * columns**0.5 == pytest.approx(1, rel=0.1)
