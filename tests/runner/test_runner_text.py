"""The program writes what `lutwerk run` writes: the same tokens, the same text, the same reason to end."""

import itertools
import json
import re
import socket
import subprocess

import numpy as np
import pytest

import lutwerk
from hostile import Parts

PROMPT = "Once upon a time"


def answer(run, bundle, *arguments, **options) -> dict:
    done = run(bundle, *arguments, "--json", **options)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    return json.loads(done.stdout)


def in_python(loaded, prompt: str, **settings) -> tuple[list[int], str, str]:
    generation = loaded.generate(prompt, **settings)
    text = "".join(generation)
    return generation.tokens, text, generation.finish_reason


def as_triple(result: dict) -> tuple[list[int], str, str]:
    return result["tokens"], result["text"], result["finish_reason"]


SAMPLING = [
    {},
    {"temperature": 0},
    {"temperature": 1.7, "top_k": 0, "top_p": 1, "min_p": 0},
    {"temperature": 1, "top_k": 7, "top_p": 0.5, "min_p": 0.2},
    {"temperature": 0.6, "repeat_penalty": 1.3},
    {"temperature": 0.6, "repeat_penalty": 0.8},
]


def flags(settings: dict) -> list[str]:
    spelled = {"temperature": "temp"}
    pairs = ((f"--{spelled.get(k, k).replace('_', '-')}", str(v)) for k, v in settings.items())
    return list(itertools.chain.from_iterable(pairs))


@pytest.mark.parametrize("kind", ["demo", "bytes", "split"])
def test_tokens_and_text_equal_those_of_python(bundles, run, kind):
    bundle = bundles[kind]
    with lutwerk.load(bundle, threads=1) as loaded:
        for settings, seed in itertools.product(SAMPLING, (1, 2**64 - 1)):
            expected = in_python(loaded, PROMPT, max_tokens=48, seed=seed, **settings)
            for threads in (1, 2):
                result = answer(
                    *(run, bundle, "-p", PROMPT, "-n", 48, "-s", seed, "-t", threads),
                    *flags(settings),
                )
                assert as_triple(result) == expected, settings


def test_copied_weights_are_those_of_the_file(run, bundle):
    arguments = (run, bundle, "-p", PROMPT, "-n", 24, "--seed", 5)
    assert as_triple(answer(*arguments, "--no-mmap")) == as_triple(answer(*arguments))


@pytest.mark.parametrize("kind", ["demo", "bytes"])
@pytest.mark.parametrize(
    "prompt",
    ["The  cat", " leading", "naïve 漢字 🙂", "<s>x</s>", "a\n\n\tb", "", "x" * 80],
    ids=repr,
)
def test_prompts_of_all_kinds_are_read_as_python_reads_them(bundles, run, kind, prompt):
    bundle = bundles[kind]
    with lutwerk.load(bundle, threads=1) as loaded:
        expected = in_python(loaded, prompt, max_tokens=24, seed=5)
    assert as_triple(answer(run, bundle, "-p", prompt, "-n", 24, "--seed", 5)) == expected


def test_a_two_stage_head_gives_the_text_of_the_full_head(run, split_bundle):
    common = (run, split_bundle, "-p", PROMPT, "-n", 60, "--seed", 3)
    two, full = answer(*common), answer(*common, "--full-head")
    assert as_triple(two) == as_triple(full)
    assert full["head"] is None
    assert two["head"]["tokens"] == two["eval_tokens"] + 1


def test_lower_instruction_sets_write_the_same(run, bundle):
    common = (run, bundle, "-p", PROMPT, "-n", 20, "--seed", 3)
    best = answer(*common)
    scalar = answer(*common, environment={"LUTWERK_ISA": "scalar"})
    assert scalar["isa"] == "scalar"
    assert as_triple(scalar) == as_triple(best)


def test_json_has_the_keys_of_lutwerk_run(run, bundle):
    result = answer(run, bundle, "-p", PROMPT, "-n", 3, "--seed", 1)
    assert list(result) == [
        *("prompt", "text", "tokens", "finish_reason", "seed", "isa", "threads", "context"),
        *("prompt_tokens", "prompt_seconds", "prompt_tokens_per_second"),
        *("eval_tokens", "eval_seconds", "eval_tokens_per_second", "head"),
    ]
    assert result["prompt"] == PROMPT
    assert (result["seed"], result["context"], result["eval_tokens"]) == (1, 1024, 2)


def test_json_escapes_what_json_must(run, bytes_bundle):
    prompt = 'quote " backslash \\ newline \n bell \x07 é'
    assert answer(run, bytes_bundle, "-p", prompt, "-n", 1)["prompt"] == prompt


def test_stop_texts_end_the_answer(run, bundle):
    common = ("-p", PROMPT, "--temp", "0", "-n", "40")
    text = answer(run, bundle, *common)["text"]
    word = text.split()[5]
    stopped = answer(run, bundle, *common, "--stop", "never there", "--stop", word)
    assert (stopped["text"], stopped["finish_reason"]) == (text[: text.index(word)], "stop")
    with lutwerk.load(bundle, threads=1) as loaded:
        expected = in_python(loaded, PROMPT, temperature=0, max_tokens=40, stop=[word, "x y"])
    assert as_triple(stopped) == expected


def test_an_answer_ends_with_the_context_and_with_n(run, bundle):
    common = (run, bundle, "-p", PROMPT, "--temp", 0)
    assert answer(*common, "-n", -1, "-c", 9)["finish_reason"] == "context"
    none = answer(*common, "-n", 0)
    assert (none["text"], none["tokens"], none["finish_reason"]) == ("", [], "length")


def test_the_models_own_end_can_be_ignored(run, bundle, changed):
    common = ("-p", PROMPT, "--seed", 4, "-n", 30, "--temp", 1)
    free = answer(run, bundle, *common)["tokens"]
    end = free[12]

    def end_with_that(parts: Parts) -> None:
        text = parts.other["TEXT"]
        prefix, suffix, ends = np.frombuffer(text[36:48], "<u4").tolist()
        assert ends == 1
        at = 128 + 4 * (prefix + suffix)
        text[at : at + 4] = end.to_bytes(4, "little")

    folder = changed(records=end_with_that)
    ended = answer(run, folder, *common)
    assert (ended["tokens"], ended["finish_reason"]) == (free[: free.index(end)], "eos")
    on = answer(run, folder, *common, "--ignore-eos")
    assert on["finish_reason"] == "length"
    assert end not in on["tokens"]
    assert len(on["tokens"]) == 30


def test_the_prompt_can_come_from_a_file_and_from_a_pipe(run, bundle, tmp_path):
    file = tmp_path / "prompt.txt"
    file.write_text(PROMPT)
    common = ("-n", 8, "--temp", 0)
    outputs = {
        run(bundle, "-p", PROMPT, *common).stdout,
        run(bundle, f"--prompt={PROMPT}", *common).stdout,
        run(bundle, "-f", file, *common).stdout,
        run(bundle, "-f", "-", *common, stdin=PROMPT.encode()).stdout,
        run(bundle, *common, stdin=PROMPT.encode() + b"\n").stdout,
    }
    assert len(outputs) == 1
    assert outputs.pop().startswith(PROMPT.encode() + b", there")


def test_words_go_to_stdout_and_times_to_stderr(run, bundle):
    done = run(bundle, "-p", PROMPT, "-n", 5, "--seed", 1, "-t", 1)
    shown = run(bundle, "-p", PROMPT, "-n", 5, "--seed", 1, "--no-display-prompt").stdout
    assert done.stdout == PROMPT.encode() + shown
    assert shown.endswith(b"\n")
    assert done.stderr.startswith(b"prompt: 5 tokens, ")
    assert b"threads 1, seed 1; ended because the number of tokens asked for" in done.stderr


def test_a_seed_is_made_up_and_printed(run, bundle):
    common = (run, bundle, "-p", PROMPT, "-n", 30, "--temp", 1.5)
    first, second = answer(*common), answer(*common)
    assert first["seed"] != second["seed"]
    assert as_triple(answer(*common, "--seed", first["seed"])) == as_triple(first)
    arguments = ("-p", PROMPT, "-n", 30, "--temp", 1.5)
    done = run(bundle, *arguments)
    seed = re.search(rb"seed (\d+);", done.stderr)[1].decode()
    assert run(bundle, *arguments, "--seed", seed).stdout == done.stdout


@pytest.mark.parametrize("kind", ["demo", "bytes"])
def test_each_write_is_whole_characters_and_each_token_is_written_at_once(bundles, kind):
    """A datagram is one write."""
    bundle = bundles[kind]
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with here, there:
        arguments = ["-p", "é", "-n", "80", "--seed", "2", "--ignore-eos", "--temp", "2"]
        with subprocess.Popen(
            [bundle / "run", *arguments], stdout=there.fileno(), stderr=subprocess.DEVNULL
        ) as process:
            there.close()
            pieces = list(iter(lambda: here.recv(1 << 16), b""))
        assert process.returncode == 0
    texts = [piece.decode() for piece in pieces]
    assert texts[0] == "é"
    assert texts[-1] == "\n"
    assert len(texts) > 40
