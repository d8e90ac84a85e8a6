"""Modes that write no text: what they print, for people and for scripts."""

import hashlib
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

import lutwerk
from lutwerk.model_file import read_golden, read_sections

README = Path(__file__).resolve().parents[2] / "runner/README.md"


def output(done) -> str:
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    return done.stdout.decode()


@pytest.mark.parametrize("kind", ["demo", "bytes", "split"])
def test_the_self_test_computes_the_golden_hash(bundles, run, kind):
    bundle = bundles[kind]
    tokens, expected = read_golden(read_sections(bundle / "model.lw"))
    with lutwerk.load(bundle, threads=1) as loaded:
        logits = loaded.logits(tokens).astype("<f4")
    assert hashlib.sha256(logits.tobytes()).hexdigest() == expected

    text = output(run(bundle, "--self-test"))
    assert text.count("ok      ") == 3
    assert text.endswith(f"golden logits: sha256 {expected}\n")
    for isa in ({}, {"LUTWERK_ISA": "scalar"}):
        for threads in (1, 2):
            result = json.loads(
                output(run(bundle, "--self-test", "--json", "-t", threads, environment=isa))
            )
            assert result["ok"]
            assert result["expected_sha256"] == expected
            assert [r["name"] for r in result["runs"]] == ["prompt", "token by token"]
            assert {r["logits_sha256"] for r in result["runs"]} == {expected}
            assert {r["threads"] for r in result["runs"]} == {threads}
            assert not isa or {r["isa"] for r in result["runs"]} == {"scalar"}


def test_check_reads_every_byte(run, bundle):
    assert output(run(bundle, "--check")) == f"ok      {bundle}/model.lw: all checksums\n"


def test_bench_prints_the_table_of_lutwerk_bench(run, bundle):
    text = output(run(bundle, "--bench", "-p", "16,8", "-n", 4, "-r", 2, "-t", "1,2"))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert rows[0] == ["model", "size", "params", "isa", "threads", "test", "t/s"]
    assert len({line.count("|") for line in text.splitlines()}) == 1
    assert len({len(line) for line in text.splitlines()}) == 1
    tests = [(row[4], row[5]) for row in rows[2:]]
    assert tests == [(t, test) for t in "12" for test in ("pp16", "pp8", "tg4")]
    assert all(re.fullmatch(r"\d+\.\d\d ± \d+\.\d\d", row[6]) for row in rows[2:])
    assert rows[2][:3] == ["tinystories-bitnet", "1.6 MiB", "4.62 M"]


@pytest.mark.parametrize(("option", "other"), [("-p", "-n"), ("-n", "-p")])
def test_bench_refuses_a_test_beyond_the_context_before_its_table(run, bundle, option, other):
    done = run(bundle, "--bench", option, "16,1025", other, 4)
    assert (done.returncode, done.stdout) == (1, b"")
    words = f"a test of 1025 tokens exceeds the context of 1024 that this model has; give a smaller {option}"
    assert words in done.stderr.decode()


def test_bench_json_has_the_keys_of_lutwerk_bench(run, bundle, split_bundle):
    common = ("--bench", "-o", "json", "-p", 16, "-n", 4, "-r", 3, "-t", 1)
    rows = [json.loads(line) for line in output(run(bundle, *common)).splitlines()]
    assert [row["test"] for row in rows] == ["pp16", "tg4"]
    for row in rows:
        assert list(row) == [
            *("model", "model_size", "model_n_params", "target", "isa", "n_threads", "test"),
            *("n_prompt", "n_gen", "avg_ts", "stddev_ts", "samples_ts", "head"),
        ]
        assert row["avg_ts"] == pytest.approx(np.mean(row["samples_ts"]))
        assert row["stddev_ts"] == pytest.approx(np.std(row["samples_ts"], ddof=1))
        assert row["head"] is None
    with lutwerk.load(bundle, threads=1) as loaded:
        assert rows[0]["model_n_params"] == loaded.manifest["model"]["parameters"]
        assert rows[0]["model_size"] == loaded.info.weight_bytes
        assert (rows[0]["model"], rows[0]["target"]) == (
            loaded.manifest["name"],
            loaded.manifest["target"],
        )
    rows = [json.loads(line) for line in output(run(split_bundle, *common)).splitlines()]
    assert [row["head"] is None for row in rows] == [True, False]
    # Three runs of 4 tokens, and one to warm up.
    assert rows[1]["head"]["tokens"] == 16


def test_info_adds_up(run, bundle):
    facts = json.loads(output(run(bundle, "--info", "--json", "-c", 100, "-t", 2)))
    manifest = json.loads((bundle / "manifest.json").read_text())
    with lutwerk.load(bundle, threads=1) as loaded:
        info = loaded.info
        tensors = loaded._model.tensors()
        workspace = loaded._model.workspace_bytes(100, 2)
    assert facts["lutwerk"] == lutwerk.__version__
    assert facts["name"] == manifest["name"]
    assert facts["isa"] == manifest["isa"]
    assert facts["parameters"] == manifest["model"]["parameters"]
    assert (facts["layers"], facts["vocab"]) == (info.layers, info.vocab)
    assert sum(w["tensors"] for w in facts["weights"]) == len(tensors)
    assert sum(w["bytes"] for w in facts["weights"]) == sum(t.bytes for t in tensors)
    assert facts["memory"]["workspace_bytes"] == workspace
    assert facts["device"]["page_bytes"] == os.sysconf("SC_PAGESIZE")
    assert facts["fits"]
    text = output(run(bundle, "--info"))
    assert "fits       yes" in text
    assert "ternary in layout" in text


def test_info_works_without_a_manifest(run, changed):
    folder = changed()
    facts = json.loads(output(run(folder, "--info", "--json")))
    assert facts["name"] == ""
    assert f"model      {folder}/model.lw" in output(run(folder, "--info"))


def test_default_threads_keep_to_the_processors_of_the_process(run, bundle):
    one = sorted(os.sched_getaffinity(0))[0]
    done = run(
        *(bundle, "--json", "-p", "x", "-n", 1),
        preexec_fn=lambda: os.sched_setaffinity(0, {one}),
    )
    assert json.loads(done.stdout)["threads"] == 1


def test_help_teaches(run, bundle):
    text = output(run(bundle, "--help"))
    assert text == output(run(bundle, "-h")) == output(run(bundle, "--bench", "--help"))
    assert text.startswith("usage: run ")
    assert max(map(len, text.splitlines())) <= 100
    options = {
        *("--prompt", "--file", "--n-predict", "--ctx-size", "--threads", "--model", "--chat"),
        *("--system", "--temp", "--top-k", "--top-p", "--min-p", "--repeat-penalty", "--seed"),
        *("--ignore-eos", "--json", "--stop", "--full-head", "--no-display-prompt", "--bench"),
        *("--self-test", "--check", "--info", "--version", "--repetitions", "--output"),
    }
    assert {option for option in options if option not in text} == set()


def test_version(run, bundle):
    assert output(run(bundle, "--version")) == f"lutwerk run {lutwerk.__version__}\n"


def test_the_readme_lists_the_exit_codes_of_the_program(run, bundle):
    header = (README.parent / "report.h").read_text()
    codes = {int(code) for code in re.findall(r"CODE_\w+ = (\d+)", header)}
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", README.read_text(), re.MULTILINE)}
    assert listed == codes
    shown = re.findall(r"\b(\d+) [a-zC]", output(run(bundle, "--help")).split("Exit codes: ")[1])
    assert {int(code) for code in shown} == codes
