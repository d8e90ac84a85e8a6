"""The arithmetic of where a token's time goes, and that it can be measured; times are not judged."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import contention
import lutwerk
import overhead
from lutwerk import defs
from lutwerk.demo import CHECKPOINT
from lutwerk.native_types import Profile
from overhead import Token, summarise

#: 100 a token, of which 70 are products.
TOKEN = Token(products=70.0, tables=10.0, attention=6.0, waiting=4.0, sampling=5.0, rest=5.0)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("overhead") / "bundle"
    lutwerk.compile(CHECKPOINT, path, layouts=[("*", "base3"), ("*", "planes")])
    return path


def test_the_parts_are_the_token() -> None:
    seconds = dict.fromkeys(defs.OPS, 0.5) | {"tables": 10.0, "attention": 6.0, "waiting": 4.0}
    seconds |= {"matmul": 60.0, "matmul_float": 7.0, "redone": 3.0}
    token = Token.of(evaluation=95.0, sampling=5.0, profile=Profile(seconds))
    assert token == TOKEN
    assert token.total == 100.0
    assert token.share == pytest.approx(0.3)


def test_the_share_is_the_median_of_the_tokens() -> None:
    busy = replace(TOKEN, waiting=304.0, products=60.0, attention=16.0)
    idle = replace(TOKEN, waiting=0.0, products=90.0, attention=0.0, sampling=0.0, rest=0.0)
    figures = summarise([TOKEN, busy, idle])
    assert figures["share"] == 0.3
    assert figures["share_sd"] == pytest.approx(0.3884)
    assert (figures["token_us"], figures["products_us"], figures["rest_us"]) == (1e8, 7e7, 5e6)
    assert summarise([TOKEN])["share_sd"] == 0.0


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
        parts = [row[f"{part}_us"] for part in asdict(TOKEN)]
        # Medians of two tokens are means, so the parts add up.
        assert sum(parts) == pytest.approx(row["token_us"], abs=0.4)
        assert row["attention_us"] > 0
        assert (row["waiting_us"] > 0) == (row["threads"] > 1)
        assert row["run"]["command"].startswith("python")
    assert overhead.main([str(bundle), "-t", "1", "--positions", "20", "-r", "1"]) == 0
    assert "all but the products" in capsys.readouterr().out


def test_contention_compares_with_one_thread() -> None:
    one, two, busy = contention.rows(
        "m", dict(zip(contention.CASES, ([2.0, 4.0], [6.0], [2.7]), strict=True))
    )
    assert (one["tokens_per_second"], one["of_1_thread"], one["sd"]) == (3.0, 1.0, 1.41)
    assert (two["of_1_thread"], busy["of_1_thread"]) == (2.0, 0.9)
