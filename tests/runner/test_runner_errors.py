"""What can go wrong ends with one sentence on stderr, nothing on stdout, and the exit code of README.md."""

import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from hostile import Parts
from lutwerk.defs import ISAS

FAILED, USAGE, DAMAGED, MISFIT, WRONG = 1, 2, 3, 4, 5


def assert_refused(done, code: int, *words: str) -> None:
    """One sentence, which says what to do: a part after a semicolon."""
    errors = done.stderr.decode()
    assert done.returncode == code, errors
    assert not done.stdout
    assert errors.startswith("run: error: ")
    assert errors.count("\n") == 1
    assert "; " in errors
    for word in words:
        assert word in errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--temp", "-1"], "--temp: -1 is out of range; accepted: 0 to 100"),
        (["--top-p", "nan"], "--top-p: nan is out of range; accepted: 0 to 1"),
        (
            ["--top-k", "2147483649"],
            "--top-k: 2147483649 is out of range; accepted: 0 to 2147483648",
        ),
        (["-n", "many"], "-n: 'many' is not an integer"),
        (["-n", "-2"], "-n: -2 is out of range; accepted: -1 and above"),
        (["-c", "0"], "-c: 0 is out of range; accepted: 1 to"),
        (["-t", "257"], "-t: 257 is out of range; accepted: 1 to 256"),
        (["--seed", "-1"], "--seed: -1 is out of range; accepted: 0 to 2^64 - 1"),
        (["--seed", "18446744073709551616"], "--seed: 18446744073709551616 is out of range"),
        (["--seed", "1x"], "--seed: '1x' is not an integer"),
        (["--stop", ""], "--stop: a stop text is empty"),
        (["--seed"], "--seed needs a value: N"),
        (["--json=yes"], "--json takes no value"),
        (["--tmep", "1"], "--tmep is not an option"),
        (["Once"], "'Once' stands alone; give a text with -p"),
        (["-p", "x", "-f", "y"], "-p and -f do not go together"),
        (["--system", "x"], "--system goes with --chat"),
        (["--bench", "--info"], "--bench and --info do not go together"),
        (["--bench", "--temp", "1"], "--temp does not go with --bench"),
        (["--bench", "-p", "0", "-n", "0"], "no test is left; give -p or -n above 0"),
        (["--bench", "-t", "1,0"], "-t: 0 is out of range; accepted: 1 to 256"),
        (["--bench", "-o", "csv"], "-o: 'csv' is not md or json"),
        (["--bench", "-p", ",".join("1" * 17)], "give at most 16 numbers"),
    ],
    ids=" ".join,
)
def test_wrong_usage(run, bundle, arguments, words):
    done = run(bundle, *arguments)
    errors = done.stderr.decode()
    assert done.returncode == USAGE
    assert errors.count("\n") == 1
    assert words in errors


@pytest.mark.parametrize(
    "mode", [["-p", "x"], ["--bench"], ["--self-test"], ["--info"], ["--check"]]
)
def test_a_missing_model(run, bundle, tmp_path, mode):
    shutil.copy2(bundle / "run", tmp_path / "run")
    assert_refused(run(tmp_path, *mode), DAMAGED, "model.lw: No such file", "copy the whole bundle")
    assert_refused(run(tmp_path, *mode, "-m", "nowhere"), DAMAGED, "nowhere/model.lw: No such file")


def test_things_that_are_no_model(run, bundle, tmp_path, changed):
    assert_refused(run(bundle, "-p", "x", "-m", "/dev/null"), DAMAGED, "not a regular file")
    (tmp_path / "empty.lw").touch()
    assert_refused(run(bundle, "-p", "x", "-m", tmp_path / "empty.lw"), DAMAGED, "is empty")
    assert_refused(run(bundle, "-p", "x", "-m", bundle / "run"), DAMAGED, "ERR_MAGIC")


@pytest.mark.parametrize(
    ("mutate", "words"),
    [
        (lambda d: d[: len(d) // 2], "ERR_TRUNCATED"),
        (lambda d: d[:-1], "ERR_TRUNCATED"),
        (lambda d: d + b"\0", "ERR_OVERSIZED"),
        (lambda d: d[:8] + b"\2" + d[9:], "ERR_VERSION"),
        (lambda d: d[:700] + bytes([d[700] ^ 1]) + d[701:], "ERR_CHECKSUM in section"),
    ],
    ids=["half", "a byte short", "a byte long", "another version", "a flipped bit"],
)
def test_a_damaged_model_is_refused_at_the_start(run, changed, mutate, words):
    assert_refused(run(changed(mutate), "-p", "x"), DAMAGED, words, "model.lw: ")


def flip_last(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("mode", ["--self-test", "--check"])
def test_damaged_weights_are_found_by_the_checks(run, changed, mode):
    done = run(changed(flip_last), mode)
    assert_refused(done, DAMAGED, "ERR_CHECKSUM in section DATA", "copy or compile it again")
    assert done.stderr.count(b" again") == 1


def test_wrong_bits_fail_the_self_test(run, changed):
    def other_hash(parts: Parts) -> None:
        parts.other["GOLD"][-1] ^= 1

    folder = changed(records=other_hash)
    done = run(folder, "--self-test")
    assert done.returncode == WRONG
    assert done.stdout.count(b"FAILED") == 2
    assert b"this device computes wrong results" in done.stderr
    done = run(folder, "--self-test", "--json")
    assert done.returncode == WRONG
    assert b'"ok": false' in done.stdout


def test_a_bundle_for_other_processors_is_refused_by_name(run, changed):
    foreign = "dotprod" if os.uname().machine == "x86_64" else "avx2"

    def need(parts: Parts) -> None:
        parts.conf["isa"] = list(ISAS).index(foreign)

    folder = changed(records=need)
    for mode in (["-p", "x"], ["--bench"], ["--self-test"]):
        done = run(folder, *mode)
        errors = done.stderr.decode()
        assert done.returncode == MISFIT
        assert f"needs {foreign} (" in errors
        assert "this processor has " in errors
        assert "compile it with --target for this device" in errors
    done = run(folder, "--info")
    assert done.returncode == MISFIT
    assert b"fits       no" in done.stdout


def test_an_unknown_instruction_set_in_the_environment(run, bundle):
    done = run(bundle, "-p", "x", environment={"LUTWERK_ISA": "mmx"})
    assert_refused(done, FAILED, "LUTWERK_ISA is 'mmx'", "scalar")


def test_a_bundle_without_tables_of_the_tokeniser(run, changed):
    def drop(parts: Parts) -> None:
        parts.other["TEXT"].clear()

    folder = changed(records=drop)
    assert_refused(run(folder, "-p", "x"), FAILED, "no tables for the tokeniser", "--bench")
    assert run(folder, "--self-test").returncode == 0
    assert run(folder, "--bench", "-p", 4, "-n", 2, "-r", 1).returncode == 0


def test_prompts_that_cannot_be_answered(run, bundle, tmp_path):
    assert_refused(run(bundle, "-f", "absent.txt"), FAILED, "absent.txt: No such file")
    assert_refused(run(bundle, "-f", tmp_path), FAILED, "Is a directory")
    (tmp_path / "latin.txt").write_bytes("né".encode("latin-1"))
    assert_refused(run(bundle, "-f", tmp_path / "latin.txt"), FAILED, "not UTF-8 at byte 1")
    assert_refused(run(bundle, "-p", b"\xff".decode(errors="surrogateescape")), FAILED, "byte 0")
    assert_refused(run(bundle), FAILED, "standard input: the prompt is empty")
    assert_refused(run(bundle, "-f", "/dev/null"), FAILED, "/dev/null: the prompt is empty")


def test_a_prompt_that_exceeds_the_context(run, bundle):
    assert_refused(
        *(run(bundle, "-p", "a b c d e f", "-c", 3), FAILED),
        *("the context holds 3; shorten the prompt", "this model allows 1024"),
    )
    megabyte = b"All of this is a story. " * (1 << 20) + b"end"
    assert_refused(run(bundle, stdin=megabyte[: 1 << 20]), FAILED, "the context holds 1024")
    assert_refused(run(bundle, "-p", "x", "-c", 5000), FAILED, "this model accepts 1 to 1024")


def test_a_full_disk(run, bundle):
    for mode in (
        ["-p", "x"],
        ["--json", "-p", "x"],
        ["--bench", "-r", "1"],
        ["--self-test"],
        ["--help"],
    ):
        with Path("/dev/full").open("w") as full:
            done = run(bundle, *mode, stdout=full)
        assert done.returncode == FAILED
        assert b"standard output: No space left on device; make room" in done.stderr


@pytest.mark.parametrize("mode", [["-p", "x", "-n", "9"], ["--info"], ["--self-test"], ["--bench"]])
def test_a_reader_that_goes_away_ends_the_program_quietly(run, bundle, mode):
    reader, writer = os.pipe()
    os.close(reader)
    done = run(bundle, *mode, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def limited(megabytes: int):
    """A limit of address space for the child."""
    size = megabytes << 20
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size))


def test_too_little_memory_is_said(run, bundle, program):
    """At any limit the program works or ends with a sentence; it never crashes."""
    if program.sanitized:
        pytest.skip("sanitizers reserve more address space than any limit leaves")
    shrunk = False
    for megabytes in range(2, 14):
        limit = limited(megabytes)
        whole = run(bundle, "-p", "x", "-n", 2, "-t", 1, "-c", 1024, preexec_fn=limit)
        some = run(bundle, "-p", "x", "-n", 2, "-t", 1, preexec_fn=limit)
        for done in (whole, some):
            if done.returncode != 0:
                assert_refused(done, MISFIT)
        # A context that nobody asked for shrinks to what there is; one that somebody asked for does not.
        if whole.returncode != 0 and some.returncode == 0:
            assert b"run: note: the context is 512 tokens instead of 1024" in some.stderr
            shrunk = True
    assert shrunk
    assert whole.returncode == 0


def test_a_context_that_exceeds_the_memory(run, bundle, changed):
    """The rotary tables of the demo cover 1024 positions; CONF alone cannot claim more."""

    def many_layers(parts: Parts) -> None:
        parts.conf["arena_bytes"] = 1 << 40

    done = run(changed(records=many_layers), "-p", "x")
    assert_refused(done, MISFIT, "1.0 TiB for a context of", "give a smaller -c")


def test_a_model_that_shrinks_while_it_runs(bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "copy")
    model = tmp_path / "copy/model.lw"
    with subprocess.Popen(
        [tmp_path / "copy/run", "--bench", "-t", "1", "-r", "1000000", "-p", "64", "-n", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        os.truncate(model, 4096)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == DAMAGED
    assert b"model.lw could not be read to its end" in errors


def test_a_read_only_folder_and_any_working_folder(run, bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "read only")
    folder = tmp_path / "read only"
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555)
    for working in ("/", folder):
        done = run(folder, "-p", "x", "-n", 1, cwd=working)
        assert done.returncode == 0, done.stderr
    link = tmp_path / "link"
    link.symlink_to(folder / "run")
    done = subprocess.run([link, "--check"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    folder.chmod(0o755)
