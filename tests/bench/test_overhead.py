"""The arithmetic of where a token's time goes, and that it can be measured; times are not judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import contention
import lutwerk
import overhead
from lutwerk.demo import CHECKPOINT
from overhead import Token, summarise, without_rows

#: 100 a token, of which 70 are products without tables; the head of all logits takes 30 more.
ROUND = Token(evaluation=95.0, sampling=5.0, all_logits=125.0, products=110.0, tables=10.0)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("overhead") / "bundle"
    lutwerk.compile(CHECKPOINT, path, layouts=[("*", "base3"), ("*", "planes")])
    return path


def test_the_parts_are_the_token() -> None:
    parts = ROUND.parts()
    assert parts == {"products": 70.0, "tables": 10.0, "sampling": 5.0, "rest": 15.0}
    assert sum(parts.values()) == ROUND.total == 100.0
    assert ROUND.share == pytest.approx(0.3)


def test_the_share_is_the_median_of_the_rounds() -> None:
    busy = Token(evaluation=395.0, sampling=5.0, all_logits=395.0, products=80.0, tables=20.0)
    idle = Token(evaluation=95.0, sampling=5.0, all_logits=95.0, products=100.0, tables=10.0)
    figures = summarise([ROUND, busy, idle])
    assert figures["share"] == 0.3
    assert figures["share_sd"] == pytest.approx(0.3884)
    assert (figures["token_us"], figures["products_us"], figures["rest_us"]) == (1e8, 7e7, 1.5e7)
    assert summarise([ROUND])["share_sd"] == 0.0


def test_tables_are_what_does_not_grow_with_the_rows() -> None:
    assert without_rows(few=30.0, many=110.0, few_rows=64, many_rows=576) == 20.0
    assert without_rows(few=10.0, many=110.0, few_rows=64, many_rows=576) == 0.0


def test_a_bundle_is_measured(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        overhead.main([str(bundle), "-t", "1,2", "--positions", "20", "-r", "2", "-o", "json"]) == 0
    )
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["threads"], row["positions"], row["rounds"]) for row in rows] == [
        (1, 20, 2),
        (2, 20, 2),
    ]
    for row in rows:
        parts = [row[f"{part}_us"] for part in ("products", "tables", "sampling", "rest")]
        # Medians of two rounds are means, so the parts add up.
        assert sum(parts) == pytest.approx(row["token_us"], abs=0.3)
        assert row["run"]["command"].startswith("python")
    assert overhead.main([str(bundle), "-t", "1", "--positions", "20", "-r", "1"]) == 0
    assert "all but the products" in capsys.readouterr().out


def test_contention_compares_with_one_thread() -> None:
    one, two, busy = contention.rows(
        "m", dict(zip(contention.CASES, ([2.0, 4.0], [6.0], [2.7]), strict=True))
    )
    assert (one["tokens_per_second"], one["of_1_thread"], one["sd"]) == (3.0, 1.0, 1.41)
    assert (two["of_1_thread"], busy["of_1_thread"]) == (2.0, 0.9)
