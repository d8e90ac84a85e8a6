"""The two-stage head on the command line: the text, the counts and the switch."""

import json

import pytest

from lutwerk.demo import CHECKPOINT


@pytest.fixture(scope="module")
def split(lutwerk, tmp_path_factory):
    """The demo's checkpoint with a two-stage head, which its small vocabulary would not get by itself."""
    output = tmp_path_factory.mktemp("split") / "bundle"
    done = lutwerk(
        "compile", CHECKPOINT, "-o", output, "--head", "i57g64", "--layout", "*embed*=split"
    )
    assert done.returncode == 0, done.stderr
    return output


def test_run_counts_rows_and_full_head_gives_the_same_text(lutwerk, split):
    arguments = ("run", split, "-p", "Once upon a time", "-n", 30, "--temp", 0, "--json")
    found = json.loads(lutwerk(*arguments).stdout)
    whole = json.loads(lutwerk(*arguments, "--full-head").stdout)
    assert (found["text"], found["tokens"]) == (whole["text"], whole["tokens"])
    assert whole["head"] is None
    assert found["head"]["tokens"] == found["eval_tokens"] + 1
    assert found["head"]["full"] < found["head"]["tokens"]
    assert found["head"]["survivors"] >= found["head"]["candidates"] > 0


def test_the_last_line_says_what_the_head_did(lutwerk, split, bundle):
    arguments = ("-p", "Once", "-n", 5, "--temp", 0)
    assert "rows rescored" in lutwerk("run", split, *arguments).stderr
    for other in (("run", split, *arguments, "--full-head"), ("run", bundle, *arguments)):
        done = lutwerk(*other)
        assert done.returncode == 0, done.stderr
        assert "rescored" not in done.stderr


def test_bench_decodes_as_run_does(lutwerk, split):
    arguments = ("bench", split, "-p", 4, "-n", 6, "-r", 2, "-t", 1, "-o", "json")

    def heads(*more):
        done = lutwerk(*arguments, *more)
        assert done.returncode == 0, done.stderr
        return [json.loads(line)["head"] for line in done.stdout.splitlines()]

    prompt, generated = heads("--top-k", 1)
    assert prompt is None
    assert generated["tokens"] == 3 * 6
    assert generated["full"] < generated["tokens"]
    assert heads("--top-k", 0)[1]["full"] == 3 * 6
    assert heads("--full-head") == [None, None]


def test_the_plan_explains_both_stages(lutwerk, split):
    plan = json.loads(lutwerk("inspect", split, "--plan", "--json").stdout)
    (head,) = (p for p in plan["products"] if p["two_stage"])
    assert head["layout"] == "split"
    assert 0 < head["two_stage"]["bytes"] < head["two_stage"]["of_bytes"]
    assert plan["tokens_per_second"]["decode_two_stage"] > 0
    text = lutwerk("inspect", split, "--plan").stdout
    assert "first stage" in text
    assert "the head is read in two stages in decode" in text
    measured = json.loads(lutwerk("inspect", split, "--plan", "--measure", "--json").stdout)
    (head,) = (p for p in measured["products"] if p["two_stage"])
    for stages in ("first", "both"):
        times = head["two_stage"][stages]
        assert times["ratio"] == pytest.approx(times["measured_us"] / times["us"])
    assert measured["measured_tokens_per_second"]["decode_two_stage"] > 0


def test_verify_computes_every_logit(lutwerk, split):
    done = lutwerk("verify", split)
    assert done.returncode == 0, done.stderr
