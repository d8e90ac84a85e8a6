"""The comparison's command line, with a peer that answers from a script instead of llama.cpp."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("gguf", reason="the peer's file format needs the extra 'bench'")

import versus
from sides import Side, SideError
from sides import Test as Case

SHAPE = ["--shape", "bitnet-0.73B"]
#: Says its settings, then takes as many milliseconds as there are threads for each test.
ECHO = """
import os, sys, time
from sides import serve
serve(" ".join([*sys.argv[1:], os.environ.get("LUTWERK_ISA", "any")]),
      lambda test, threads: time.sleep(threads / 1000))
"""


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    script = tmp_path / "side_echo.py"
    script.write_text(f"import sys; sys.path.append({str(Path(versus.__file__).parent)!r})\n{ECHO}")
    return script


def test_a_side_gets_its_options_and_instruction_set(echo: Path) -> None:
    with Side(echo, Path("model"), 8, "off", LUTWERK_ISA="avx2") as side:
        assert side.description == "model 8 off avx2"
        assert 0 < side.measure(Case("tg", 4), threads=1) <= 4000


def test_a_side_that_ends_early_is_named(tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text("raise SystemExit(3)")
    with pytest.raises(SideError, match=r"broken\.py ended with status 3"):
        Side(script, Path("model"), 8)


@pytest.mark.parametrize("repack", ["on", "off"])
def test_json_lines_have_the_keys_of_the_interface(
    repack: str,
    tmp_path: Path,
    echo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for side in ("side_lutwerk.py", "side_llamacpp.py"):
        (tmp_path / side).write_text(echo.read_text())
    monkeypatch.setattr(versus, "HERE", tmp_path)
    monkeypatch.setattr("sides.SETTLE_SECONDS", 0.0)
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "model.lw").touch()
    used = {"quantization": {"linear": "ternary", "head": "i6g64"}}
    (bundle / "manifest.json").write_text(json.dumps(used))
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "bitnet-0.73B-Q4_K-Q6_K.gguf").touch()

    arguments = [*SHAPE, "--threads", "1,2", "-o", "json", "-r", "2", "--tests", "pp8,tg4"]
    arguments += ["--cache", str(cache), "--bundle", str(bundle), "--isa", "avx2"]
    assert versus.main([*arguments, "--peer-type", "Q4_K", "--peer-repack", repack]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [(line["threads"], line["test"]) for line in lines] == [
        (threads, test) for threads in (1, 2) for test in ("pp8", "tg4")
    ]
    keys = {"shape", "format", "peer", "peer_type", "threads", "test", "ours", "theirs", "ratio"}
    assert all(set(line) == keys | {"ours_sd", "theirs_sd", "run"} for line in lines)
    expected = "Q4_K, head Q6_K" + (", no repack" if repack == "off" else "")
    assert {line["peer_type"] for line in lines} == {expected}
    assert lines[0]["run"]["lutwerk"].split("(")[1].startswith(f"{bundle} 8 avx2)")
    assert lines[0]["run"]["peer"].endswith(f" 8 {repack} any")


def test_files_go_to_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert versus._arguments(SHAPE).cache == tmp_path / "lutwerk/versus"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert versus._arguments(SHAPE).cache == tmp_path / ".cache/lutwerk/versus"
