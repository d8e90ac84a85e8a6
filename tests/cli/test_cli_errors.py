"""Failures: one sentence on stderr, nothing on stdout, and the exit code."""

import os
import signal
import subprocess

import pytest

from lutwerk.demo import CHECKPOINT


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["run", "-p", "x"], "bundle -m/--model is required"),
        (["run", "b"], "-p/--prompt -f/--file --chat is required"),
        (["run", "b", "-m", "b", "-p", "x"], "not allowed with"),
        (["run", "b", "-p", "x", "--temp", "-1"], "--temp: -1 is out of range; accepted: 0 to 100"),
        (["run", "b", "-p", "x", "-n", "many"], "-n/--n-predict: invalid integer value"),
        (["run", "b", "-p", "x", "--top-p", "nan"], "--top-p: nan is out of range"),
        (["run", "b", "-p", "x", "--stop", ""], "--stop: a stop text is empty"),
        (["bench", "b", "-p", "0", "-n", "0"], "no test is left"),
        (["bench", "b", "-t", "1,0"], "-t/--threads: 0 is out of range; accepted: 1 to 256"),
        (["bench", "b", "-o", "csv"], "invalid choice: 'csv'"),
        (["inspect", "b", "--measure"], "--measure, --tuning and --tokens go with --plan"),
        (["tune", "--memory", "0"], "--memory: 0 is out of range"),
        (["compile", "c"], "-o/--output"),
        (["compile", "c", "-o", "b", "--kv", "q4"], "argument --kv: invalid choice: 'q4'"),
        (["compile", "c", "-o", "b", "--kv-type", "q8"], "compile: error: unrecognized arguments"),
        (["compile", "c", "-o", "b", "--rule", "x"], "--rule: 'x' is not PATTERN=NAME"),
    ],
)
def test_wrong_usage_exits_with_2(lutwerk, arguments, words):
    done = lutwerk(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "nothing", "-p", "x"], "nothing: no such file or folder"),
        (["run", CHECKPOINT, "-p", "x"], "a checkpoint, not a bundle; compile it first"),
        (["inspect", "nothing"], "nothing: no such file or folder"),
        (["verify", "nothing"], "nothing: no such file or folder"),
        (["compile", "nothing", "-o", "b"], "nothing"),
        (["compile", "synthetic:gpt-9", "-o", "b"], "gpt-9"),
        (["compile", CHECKPOINT, "-o", "b", "--target", "toaster"], "'toaster' is not known"),
        (["compile", CHECKPOINT, "-o", "b", "--quant", "i5"], "quantiser 'i5' is not known"),
        (["compile", CHECKPOINT, "-o", "no/b"], "no"),
        (
            ["compile", CHECKPOINT, "-o", "b", "--tuning", "nothing.toml"],
            "nothing.toml: cannot be read: No such",
        ),
        (["compile", CHECKPOINT, "-o", "b", "--tuning", CHECKPOINT], "Is a directory"),
        (["tune", "-o", "no/record.toml"], "no: no such folder; create it first"),
    ],
)
def test_failures_exit_with_1_and_one_sentence(lutwerk, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    done = lutwerk(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lutwerk: error: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-p", "x", "-c", "5000"], "context is 5000; this model accepts 1 to 1024"),
        (["-p", "a b c d e f", "-c", "3"], "the context holds 3"),
        (["-f", "absent.txt"], "absent.txt: No such file or directory; give a file that"),
        (["-f", "latin.txt"], "latin.txt: not UTF-8 at byte 1"),
    ],
)
def test_a_prompt_that_cannot_run_is_named(lutwerk, bundle, tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latin.txt").write_bytes("né".encode("latin-1"))
    done = lutwerk("run", bundle, *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr


def test_an_unknown_instruction_set_is_an_error(lutwerk, bundle):
    done = lutwerk("run", bundle, "-p", "x", LUTWERK_ISA="mmx")
    assert done.returncode == 1
    assert "LUTWERK_ISA is 'mmx'; accepted on this processor: scalar" in done.stderr


def test_an_existing_bundle_is_replaced_only_with_force(lutwerk, tmp_path):
    output = tmp_path / "bundle"
    assert lutwerk("compile", CHECKPOINT, "-o", output).returncode == 0
    before = (output / "model.lw").read_bytes()
    again = lutwerk("compile", CHECKPOINT, "-o", output)
    assert again.returncode == 1
    assert "--force" in again.stderr
    assert lutwerk("compile", CHECKPOINT, "-o", output, "--force").returncode == 0
    assert (output / "model.lw").read_bytes() == before


def test_ctrl_c_ends_at_once_without_a_traceback(command, bundle):
    bench = [*command, "bench", str(bundle), "-t", "1", "-r", "1000000"]
    with subprocess.Popen(
        bench,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Shells start background jobs with SIGINT ignored, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "\n")


def test_the_request_to_end_leaves_nothing_half_written(command, tmp_path):
    compile = [*command, "compile", "synthetic:bitnet-0.73B", "-o", "b", "--no-runner"]
    with subprocess.Popen(compile, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        while "quantise and pack" not in process.stderr.readline():
            assert process.poll() is None
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 143
    assert not list(tmp_path.iterdir())


def test_bench_refuses_a_test_beyond_the_context_before_its_table(lutwerk, bundle):
    done = lutwerk("bench", bundle, "-p", "4", "-n", "8,1025")
    assert (done.returncode, done.stdout) == (1, "")
    assert "a test of 1025 tokens exceeds the context of 1024" in done.stderr
    assert done.stderr.endswith("give a smaller -n\n")


def test_a_command_that_is_shown_next_can_be_pasted(lutwerk, tmp_path):
    output = tmp_path / "a b"
    done = lutwerk("compile", CHECKPOINT, "-o", output, "--no-runner")
    assert f"next: lutwerk run '{output}' -p" in done.stdout


def test_a_reader_that_goes_away_is_no_error(command, bundle):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*command, "inspect", str(bundle)], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")
