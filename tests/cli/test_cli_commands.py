"""What the commands print, for people and for scripts."""

import json
import re

import pytest

from lutwerk.demo import CHECKPOINT


def run_json(lutwerk, *arguments, **environment):
    done = lutwerk(*arguments, "--json", **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_demo_tells_a_story_and_what_it_did(demo):
    done, bundle = demo
    assert done.returncode == 0
    assert done.stdout.startswith("Once upon a time")
    assert len(done.stdout) > 60
    for label in ("compiled", "plan", "memory", "speed"):
        assert re.search(f"^{label} ", done.stderr, re.MULTILINE)
    assert "tokens/s" in done.stderr
    assert (bundle / "model.lw").is_file()


def test_the_demo_leaves_nothing_behind(lutwerk, tmp_path):
    done = lutwerk("demo", "-n", 2, "-p", "The dog", "--seed", 3, TMPDIR=str(tmp_path))
    assert done.stdout.startswith("The dog")
    assert not list(tmp_path.iterdir())


def test_run_prints_prompt_and_text_and_tells_times_apart(lutwerk, bundle):
    done = lutwerk("run", bundle, "-p", "Once upon", "-n", 5, "--seed", 1, "-t", 1)
    assert done.returncode == 0
    assert done.stdout.startswith("Once upon")
    assert re.fullmatch(
        r"prompt: 3 tokens, [\d.]+ tokens/s; eval: 5 tokens, [\d.]+ tokens/s; "
        r"\w+, threads 1, seed 1; ended because .*\n",
        done.stderr,
    )


def test_run_json_is_one_object(lutwerk, bundle):
    result = run_json(lutwerk, "run", bundle, "-p", "Once upon", "-n", 6, "--seed", 1)
    assert result["prompt"] == "Once upon"
    assert len(result["tokens"]) == 6
    assert result["finish_reason"] == "length"
    assert result["prompt_tokens_per_second"] > 0
    plain = lutwerk("run", bundle, "-p", "Once upon", "-n", 6, "--seed", 1, "--no-display-prompt")
    assert plain.stdout == result["text"] + "\n"


def test_run_takes_m_a_file_standard_input_and_model_lw(lutwerk, bundle, tmp_path):
    file = tmp_path / "prompt.txt"
    file.write_text("Once upon", encoding="utf-8")
    sampling = ("-n", 4, "--temp", 0)
    outputs = {
        lutwerk("run", "-m", bundle, "-p", "Once upon", *sampling).stdout,
        lutwerk("run", bundle / "model.lw", "-f", file, *sampling).stdout,
        lutwerk("run", bundle, "-f", "-", *sampling, stdin="Once upon").stdout,
    }
    assert len(outputs) == 1
    assert outputs.pop().startswith("Once upon")


def test_run_stops_at_a_text_and_at_a_full_context(lutwerk, bundle):
    common = ("run", bundle, "-p", "Once upon", "--temp", 0)
    text = run_json(lutwerk, *common, "-n", 30)["text"]
    word = text.split()[3]
    stopped = run_json(lutwerk, *common, "-n", 30, "--stop", word)
    assert stopped["text"] == text[: text.index(word)]
    assert stopped["finish_reason"] == "stop"
    assert run_json(lutwerk, *common, "-n", -1, "-c", 8)["finish_reason"] == "context"


def test_bench_prints_a_table_like_llama_bench(lutwerk, bundle):
    done = lutwerk("bench", bundle, "-p", "16,8", "-n", 4, "-r", 2, "-t", "1,2")
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()]
    assert rows[0] == ["model", "size", "params", "isa", "threads", "test", "t/s"]
    tests = [(row[4], row[5]) for row in rows[2:]]
    assert tests == [(t, test) for t in "12" for test in ("pp16", "pp8", "tg4")]
    assert all(re.fullmatch(r"\d+\.\d\d ± \d+\.\d\d", row[6]) for row in rows[2:])


def test_output_survives_a_narrow_encoding(lutwerk, bundle):
    done = lutwerk("bench", bundle, "-p", 4, "-n", 0, "-r", 1, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert " ? 0.00 |" in done.stdout


def test_bench_json_is_one_object_per_row(lutwerk, bundle):
    done = lutwerk("bench", "-m", bundle, "-p", 16, "-n", 4, "-r", 3, "-t", 1, "-o", "json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["test"] for row in rows] == ["pp16", "tg4"]
    for row in rows:
        assert len(row["samples_ts"]) == 3
        assert min(row["samples_ts"]) <= row["avg_ts"] <= max(row["samples_ts"])
        assert row["n_threads"] == 1
        assert row["model"] == "tinystories-bitnet"


def test_inspect_shows_tensors_kernels_and_memory(lutwerk, bundle):
    done = lutwerk("inspect", bundle, LUTWERK_ISA="scalar")
    assert done.returncode == 0
    assert "6 layers, hidden 256, vocabulary 1024" in done.stdout
    assert "KV cache" in done.stdout
    projections = [line for line in done.stdout.splitlines() if "mlp.down_proj" in line]
    assert len(projections) == 6
    assert all("256 x 688" in line and "ternary" in line for line in projections)


def test_inspect_json_adds_up(lutwerk, bundle):
    described = run_json(lutwerk, "inspect", bundle, "-c", 100)
    assert described["architecture"] == "bitnet"
    stored = sum(tensor["bytes"] for tensor in described["tensors"])
    assert stored <= described["memory"]["weights_bytes"] < 1.01 * stored
    assert described["session"]["kv_bytes"] == 100 * described["memory"]["kv_bytes_per_token"]
    multiplied = [t for t in described["tensors"] if t["format"] == "ternary"]
    assert len(multiplied) == 24
    assert all(t["kernel_one"] and t["kernel_many"] for t in multiplied)


def test_verify_reports_the_hash_that_the_bundle_states(lutwerk, bundle):
    stated = json.loads((bundle / "manifest.json").read_text())["golden"]["logits_sha256"]
    for isa in ("scalar", ""):
        result = run_json(lutwerk, "verify", bundle, LUTWERK_ISA=isa)
        assert result["ok"]
        assert result["logits_sha256"] == stated
    assert lutwerk("verify", bundle).stdout.startswith("ok      files\nok      model\n")


def test_verify_of_a_damaged_bundle_exits_with_1(lutwerk, bundle, tmp_path):
    data = bytearray((bundle / "model.lw").read_bytes())
    data[-1] ^= 1
    (tmp_path / "model.lw").write_bytes(data)
    (tmp_path / "manifest.json").write_bytes((bundle / "manifest.json").read_bytes())
    done = lutwerk("verify", tmp_path)
    assert done.returncode == 1
    assert "FAILED  files" in done.stdout
    assert "ERR_CHECKSUM" in done.stdout
    done = lutwerk("verify", tmp_path, "--json")
    assert done.returncode == 1
    assert [check["status"] for check in json.loads(done.stdout)["checks"]] == [
        None,
        "ERR_CHECKSUM",
    ]


def test_targets_mark_this_machine(lutwerk):
    listed = run_json(lutwerk, "targets")
    assert [target["host"] for target in listed].count(True) == 1
    assert all(target["fits"] for target in listed if target["host"])
    done = lutwerk("targets")
    for target in listed:
        row = rf"^(\w+)? +{target['name']} +{target['isa']} "
        assert re.search(row, done.stdout, re.MULTILINE)


def test_compile_summarises_and_says_what_is_next(lutwerk, tmp_path):
    done = lutwerk("compile", CHECKPOINT, "-o", tmp_path / "b", "-c", 64, "--check")
    assert done.returncode == 0, done.stderr
    assert "bits per weight" in done.stdout
    assert "at the full context of 64" in done.stdout
    assert f"next: lutwerk run {tmp_path / 'b'}" in done.stdout
    assert "ok      self-test" in done.stderr
    assert "100%" in done.stderr


@pytest.mark.parametrize(
    ("options", "pattern", "expected"),
    [
        (["--head", "i8g32"], "embed_tokens", {"format": "i8g32"}),
        (["--rule", "*down_proj*=i4g64"], "down_proj", {"format": "i4g64"}),
        (["--layout", "*o_proj*=planes"], "o_proj", {"layout": "planes"}),
    ],
)
def test_compile_obeys_its_options(lutwerk, tmp_path, options, pattern, expected):
    manifest = run_json(lutwerk, "compile", CHECKPOINT, "-o", tmp_path / "b", *options)
    assert manifest["target"] in {t["name"] for t in run_json(lutwerk, "targets")}
    tensors = run_json(lutwerk, "inspect", tmp_path / "b")["tensors"]
    chosen = [t for t in tensors if pattern in t["name"]]
    assert chosen
    assert all(expected.items() <= tensor.items() for tensor in chosen)


def test_compile_prints_graphs_on_request(lutwerk, tmp_path):
    done = lutwerk("compile", CHECKPOINT, "-o", tmp_path / "b", "--dump-after", "all")
    assert done.stderr.count("# after ") > 3
    assert "rmsnorm" in done.stderr
