"""inspect --plan and tune: what they say and keep. Times are not judged: the machine may be busy."""

import hashlib
import json
import tomllib

import pytest

from lutwerk.architectures import ARCHITECTURES, host_architecture
from lutwerk.demo import CHECKPOINT

QUICK = ("--seconds", "0.001", "--memory", "1")


BOUNDS = ("memory", "lookup", "multiply", "tables", "hand-over")


def run_json(lutwerk, *arguments, **environment):
    done = lutwerk(*arguments, "--json", **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def record(lutwerk, tmp_path_factory):
    """A record of this machine with the portable kernels."""
    path = tmp_path_factory.mktemp("tune") / "machine.toml"
    done = lutwerk("tune", "-o", path, "--target", "generic", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "prediction against measurement" in done.stdout
    assert f"--tuning {path}" in done.stdout
    assert "measure: 50%" in done.stderr
    return path


def test_the_plan_explains_every_product(lutwerk, bundle):
    plan = run_json(lutwerk, "inspect", bundle, "--plan", "-t", 2)
    assert plan["threads"] == 2
    assert sum(product["count"] for product in plan["products"]) == 6 * 4 + 1
    assert sum(product["prefill_count"] for product in plan["products"]) == 6 * 4
    for product in plan["products"]:
        for phase in ("decode", "few", "prefill"):
            assert product[phase]["us"] > 0
            assert product[phase]["bound"] in BOUNDS
            assert 1 <= product[phase]["threads"] <= 2
        assert product["decode"]["kernel"].startswith(f"gemv_{product['layout']}_")
        assert product["prefill"]["kernel"].startswith(f"gemm_{product['layout']}_")
        assert product["share"] >= 1
        if product["share"] >= product["row_tiles"]:
            assert product["decode"]["threads"] == 1
        slower = [other["decode"]["us"] for other in product["lost"]]
        assert slower == sorted(slower)
        assert slower[0] >= product["decode"]["us"]
    total = sum(p["count"] * p["decode"]["us"] for p in plan["products"])
    assert plan["tokens_per_second"]["decode"] == pytest.approx(1e6 / total)


#: A target of another architecture than this machine's, and how the names of its kernels may end.
FOREIGN = (
    ("x86-64-v4", ("scalar", "avx2", "avx512"))
    if host_architecture() == ARCHITECTURES["aarch64"]
    else ("rpi5", ("scalar", "neon", "dotprod"))
)


@pytest.fixture(scope="module")
def foreign(lutwerk, tmp_path_factory):
    """A bundle of another architecture."""
    output = tmp_path_factory.mktemp("foreign") / "bundle"
    options = ("--target", FOREIGN[0], "--no-runner")
    assert lutwerk("compile", CHECKPOINT, "-o", output, *options).returncode == 0
    return output


def test_kernels_of_another_architecture_are_those_of_its_instruction_set(lutwerk, foreign):
    best = FOREIGN[1][-1]
    plan = run_json(lutwerk, "inspect", foreign, "--plan")
    assert plan["isa"] == best
    for product in plan["products"]:
        kernels = [product[phase]["kernel"] for phase in ("decode", "few", "prefill")]
        assert {kernel.rsplit("_", 1)[1] for kernel in kernels} <= set(FOREIGN[1]) - {"scalar"}
        assert kernels[2].endswith(best)
    shown = run_json(lutwerk, "inspect", foreign)
    assert not shown["session"]["runs_here"]
    named = {t["name"]: (t["kernel_one"], t["kernel_many"]) for t in shown["tensors"]}
    for product in plan["products"]:
        one, many = (product[phase]["kernel"] for phase in ("decode", "prefill"))
        assert named[product["name"]] == (one, many)
    assert f"{best} does not run here" in lutwerk("inspect", foreign).stdout


def test_kernels_of_another_architecture_are_not_measured(lutwerk, foreign):
    done = lutwerk("inspect", foreign, "--plan", "--measure")
    assert done.returncode == 1
    assert "lacks an instruction set" in done.stderr


def test_the_plan_as_text_names_winners_and_losers(lutwerk, bundle):
    done = lutwerk("inspect", bundle, "--plan", "--measure")
    assert done.returncode == 0, done.stderr
    assert "6 x model.layers.0.mlp.down_proj.weight" in done.stdout
    assert "not planes" in done.stdout
    assert "predicted: matrix products alone give" in done.stdout
    assert "measured with" in done.stdout


def test_the_plan_measures_beside_its_predictions(lutwerk, bundle):
    plan = run_json(lutwerk, "inspect", bundle, "--plan", "--measure")
    for product in plan["products"]:
        for phase in ("decode", "few", "prefill"):
            times = product[phase]
            assert times["measured_us"] > 0
            assert times["ratio"] == pytest.approx(times["measured_us"] / times["us"])
    assert plan["measured_tokens_per_second"]["prefill"] > 0


def test_the_plan_predicts_any_few_tokens(lutwerk, bundle):
    two, eight = (run_json(lutwerk, "inspect", bundle, "--plan", "--tokens", n) for n in (2, 8))
    for product, more in zip(two["products"], eight["products"], strict=True):
        assert 2 * product["few"]["us"] <= 8 * more["few"]["us"]
        assert product["decode"] == more["decode"]
    done = lutwerk("inspect", bundle, "--plan", "--tokens", 100000)
    assert done.returncode == 2
    assert "evaluates at most" in done.stderr


def test_a_record_is_complete_and_kept(lutwerk, record):
    before = record.read_text()
    assert tomllib.loads(before)["isa"] == "scalar"
    again = run_json(lutwerk, "tune", "-o", record, "--target", "generic", *QUICK)
    assert again["checks"] == []
    assert record.read_text() == before
    assert [path.name for path in record.parent.iterdir()] == [record.name]


def test_tune_measures_only_what_is_missing(lutwerk, record, tmp_path):
    shortened = [
        line for line in record.read_text().splitlines() if not line.startswith("base3.decode")
    ]
    path = tmp_path / "half.toml"
    path.write_text("\n".join(shortened) + "\n")
    finished = run_json(lutwerk, "tune", "-o", path, "--target", "generic", *QUICK)
    assert {check["product"]["layout"] for check in finished["checks"]} == {"base3"}
    kept = [line for line in path.read_text().splitlines() if not line.startswith("base3.decode")]
    assert kept == shortened
    assert finished["rates"]["base3.decode.ternary"] > 0


def test_compile_uses_the_record(lutwerk, record, tmp_path):
    text = record.read_text()
    options = ("--target", "generic", "--tuning")
    for fast, slow in (("base3", "fields"), ("fields", "base3")):
        lines = []
        for line in text.splitlines():
            name = line.partition(" = ")[0]
            speeds = {f"{fast}.decode.ternary": "1e5", f"{slow}.decode.ternary": "1e-3"}
            lines.append(f"{name} = {speeds[name]}" if name in speeds else line)
        tuned = tmp_path / f"{fast}.toml"
        tuned.write_text("\n".join(lines))
        done = lutwerk("compile", CHECKPOINT, "-o", tmp_path / fast, *options, tuned)
        assert done.returncode == 0, done.stderr
        plan = run_json(lutwerk, "inspect", tmp_path / fast, "--plan", "--tuning", tuned)
        ternary = [p["layout"] for p in plan["products"] if p["format"] == "ternary"]
        assert set(ternary) == {fast}
        stated = run_json(lutwerk, "inspect", tmp_path / fast)["tuning"]
        assert stated["file"] == tuned.name
        assert stated["sha256"] == hashlib.sha256(tuned.read_bytes()).hexdigest()
        assert stated["machine"] == tomllib.loads(text)["speed"]["source"]
        shown = lutwerk("inspect", tmp_path / fast).stdout
        assert f"tuning   {tuned.name} (SHA-256 {stated['sha256'][:12]}): lutwerk tune on" in shown


def test_without_a_record_nothing_is_shown(lutwerk, bundle):
    assert run_json(lutwerk, "inspect", bundle)["tuning"] is None
    assert "tuning" not in lutwerk("inspect", bundle).stdout


def test_a_record_of_other_kernels_is_refused(lutwerk, record, tmp_path):
    done = lutwerk(
        *("compile", CHECKPOINT, "-o", tmp_path / "b"),
        *("--target", "x86-64-v3", "--tuning", record),
    )
    assert done.returncode == 1
    assert "measured with the kernels of scalar" in done.stderr
    assert not list(tmp_path.iterdir())


def test_tune_refuses_what_cannot_run_and_what_is_not_its_own(lutwerk, record, tmp_path):
    lower = {"LUTWERK_ISA": "scalar"}
    done = lutwerk("tune", "-o", tmp_path / "r", "--target", "x86-64-v3", *QUICK, **lower)
    assert done.returncode == 1
    assert "needs avx2, but scalar is what runs here" in done.stderr
    other = tmp_path / "other.toml"
    other.write_text(record.read_text().replace("lutwerk tune on", "lutwerk tune not on"))
    done = lutwerk("tune", "-o", other, "--target", "generic", *QUICK)
    assert done.returncode == 1
    assert "measured with another machine" in done.stderr
