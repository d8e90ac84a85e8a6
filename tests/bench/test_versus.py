"""The comparison's command line, with a peer that answers from a script instead of llama.cpp."""

from __future__ import annotations

import json
import subprocess
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


@pytest.fixture
def files(tmp_path: Path, echo: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments for sides that echo, a bundle and a cache with the peer's file."""
    for side in ("side_lutwerk.py", "side_llamacpp.py"):
        (tmp_path / side).write_text(echo.read_text())
    monkeypatch.setattr(versus, "HERE", tmp_path)
    monkeypatch.setattr("sides.SETTLE_SECONDS", 0.0)
    bundle, cache = tmp_path / "bundle", tmp_path / "cache"
    bundle.mkdir()
    cache.mkdir()
    (bundle / "model.lw").touch()
    used = {"target": "made-up", "quantization": {"linear": "i2g64", "head": "i6g64"}}
    (bundle / "manifest.json").write_text(json.dumps(used))
    (cache / "bitnet-0.73B-Q2_K-Q6_K.gguf").touch()
    return [*SHAPE, "--cache", str(cache), "--bundle", str(bundle), "-o", "json", "-r", "2"]


def test_json_lines_have_the_keys_of_the_interface(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--threads", "1,2", "--tests", "pp8,tg4,first8", "--isa", "avx2"]
    assert versus.main([*files, *arguments]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    kinds = ["Q2_K, head Q6_K", "Q2_K, head Q6_K, no repack"]
    assert [(line["threads"], line["test"], line["peer_type"]) for line in lines] == [
        (n, test, kind) for n in (1, 2) for test in ("pp8", "tg4", "first8") for kind in kinds
    ]
    keys = {"shape", "format", "peer", "peer_type", "threads", "test", "ours", "theirs", "ratio"}
    keys |= {"unit", "ours_sd", "theirs_sd", "best", "run"}
    assert all(set(line) == keys for line in lines)
    assert {line["unit"] for line in lines if line["test"] == "first8"} == {"ms"}
    pairs = zip(lines[::2], lines[1::2], strict=True)
    assert all(one["best"] != other["best"] for one, other in pairs)
    bundle = Path(files[files.index("--bundle") + 1])
    run = lines[0]["run"]
    assert run["ours"] == f"{bundle} 8 avx2, for made-up"
    assert run["peer"].endswith(" 8 on any")
    assert run["theirs_bytes"] == {"Q2_K": 0, "Q2_K, no repack": 0}


def test_a_peer_that_is_not_limited_is_refused(files: list[str], tmp_path: Path) -> None:
    peer = tmp_path / "side_llamacpp.py"
    peer.write_text(peer.read_text().replace('serve("', 'serve("AVX2 AVX512" + "'))
    with pytest.raises(SideError, match="holds us, but not the peer, which has AVX2 AVX512"):
        versus.main([*files, "--isa", "avx2"])
    assert versus.main([*files, "--threads", "1", "--tests", "tg1", "--isa", "avx512"]) == 0


def test_an_instruction_set_means_a_target_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command[command.index("--target") + 1])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    for more in ([], ["--isa", "avx2"], ["--isa", "avx2", "--target", "generic"]):
        versus._compile(versus._arguments([*SHAPE, *more]))
    assert commands == ["host", "x86-64-v3", "generic"]


def test_files_go_to_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert versus._arguments(SHAPE).cache == tmp_path / "lutwerk/versus"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert versus._arguments(SHAPE).cache == tmp_path / ".cache/lutwerk/versus"
