"""When the compiler chooses a two-stage head, and what the plan says about it."""

import pytest
from machines import machine

import checkpoints
from lutwerk import two_stage
from lutwerk.cost import Product
from lutwerk.cost import predict as predict_product
from lutwerk.errors import CompileError
from lutwerk.frontends import read_checkpoint
from lutwerk.model_file import read_model_file
from lutwerk.pipeline import CompileOptions, compile_bundle
from lutwerk.plan import explain
from lutwerk.targets import load_target
from lutwerk.tuning_record import Record, write_record

HEAD = "lm_head.weight"
SMALL_CACHE, LARGE_CACHE = machine(cache_mib=0.01), machine(cache_mib=100)


@pytest.fixture(params=[False, True], ids=["own head", "tied head"])
def llama(request, tmp_path):
    """A checkpoint and the name of its head."""
    name = "model.embed_tokens.weight" if request.param else HEAD
    return checkpoints.llama(tmp_path / "llama", tied=request.param), name


def compiled(folder, checkpoint, speed, **options):
    record = folder / "machine.toml"
    write_record(record, Record("scalar", speed))
    output = folder / "bundle"
    compile_bundle(
        CompileOptions(
            str(checkpoint), output, target="generic", tuning=record, force=True, **options
        )
    )
    model = read_model_file(output / "model.lw")
    return model, {t.name: (t.format.name, t.layout.name) for t in model.tensors}


def test_a_head_that_exceeds_the_cache_is_read_in_two_stages(tmp_path, llama):
    checkpoint, head = llama
    model, stored = compiled(tmp_path, checkpoint, SMALL_CACHE)
    assert stored[head] == ("i57g64", "split")
    assert [layout for _, layout in stored.values()].count("split") == 1
    plan = explain(model, SMALL_CACHE, 1)
    (planned,) = (p for p in plan.products if p.two_stage)
    assert planned.name == head
    whole = planned.chosen.product.bytes
    assert 0.4 * whole < planned.two_stage.bytes < 0.75 * whole
    stages = planned.two_stage
    assert stages.first.seconds < stages.both.seconds
    saved = planned.chosen.decode.seconds - stages.both.seconds
    assert plan.two_stage_seconds == pytest.approx(plan.decode_seconds - saved)


def test_a_head_that_the_cache_holds_is_read_whole(tmp_path, llama):
    checkpoint, head = llama
    model, stored = compiled(tmp_path, checkpoint, LARGE_CACHE)
    assert stored[head] in (("i6g64", "fields"), ("i6g64", "planes"))
    plan = explain(model, LARGE_CACHE, 1)
    assert plan.two_stage_seconds is None
    assert not any(p.two_stage for p in plan.products)


def test_a_machine_that_is_slow_at_3_bits_reads_the_head_whole(tmp_path, llama):
    checkpoint, head = llama
    slow = machine(cache_mib=0.01, fields__decode__i3=0.1, planes__decode__i3=0.1)
    _, stored = compiled(tmp_path, checkpoint, slow)
    assert stored[head][0] == "i6g64"


@pytest.mark.parametrize("target", ["x86-64-v3", "x86-64-v4"])
def test_targets_with_vectors_read_a_large_vocabulary_in_two_stages(target):
    graph = read_checkpoint("synthetic:bitnet-b1.58-2B-4T", max_context=None, seed=0).graph
    speed = load_target(target).speed
    assert two_stage.default_head_quantizer(graph, "i6g64", speed) == "i57g64"


@pytest.mark.parametrize("quantizer", ["i8g64", "i6g64", "f16"])
def test_the_head_that_the_user_names_is_kept(tmp_path, llama, quantizer):
    checkpoint, head = llama
    _, stored = compiled(tmp_path, checkpoint, SMALL_CACHE, head=quantizer)
    assert stored[head][0] == quantizer


def test_the_format_alone_does_not_make_two_stages(tmp_path, llama):
    checkpoint, head = llama
    _, stored = compiled(tmp_path, checkpoint, LARGE_CACHE, head="i57g64", quant="i57g64")
    assert {layout for fmt, layout in stored.values() if fmt == "i57g64"} <= {"fields", "planes"}
    assert stored[head][0] == "i57g64"


def test_only_the_head_is_split_unless_the_user_says_so(tmp_path, llama):
    checkpoint, head = llama
    options = {"head": "i57g64", "quant": "i57g64", "embedding": "i57g64"}
    _, stored = compiled(tmp_path, checkpoint, SMALL_CACHE, **options)
    assert [name for name, (_, layout) in stored.items() if layout == "split"] == [head]
    _, stored = compiled(tmp_path, checkpoint, SMALL_CACHE, layouts=(("*", "planes"),))
    assert stored[head] == ("i57g64", "planes")
    down = "model.layers.0.mlp.down_proj.weight"
    _, stored = compiled(tmp_path, checkpoint, LARGE_CACHE, layouts=((down, "split"),), **options)
    assert stored[down] == ("i57g64", "split")


def test_layout_split_holds_no_other_format(tmp_path, llama):
    checkpoint, _ = llama
    with pytest.raises(CompileError, match=r"--layout \*=split: fits no matrix of the model"):
        compiled(tmp_path, checkpoint, LARGE_CACHE, layouts=(("*", "split"),))
    with pytest.raises(CompileError, match="i57g64"):
        compiled(tmp_path, checkpoint, LARGE_CACHE, head="i57g99")


@pytest.mark.parametrize("from_memory", [True, False])
def test_the_first_stage_is_predicted_from_its_bytes_and_work(from_memory):
    rows, cols = 128256, 2560
    whole = Product(rows, cols, "i57g64", "split")
    for threads in (1, 2):
        found = two_stage.predict(machine(), rows, cols, threads, from_memory=from_memory)
        full = predict_product(machine(), whole, 1, threads, from_memory=from_memory)
        assert 0.5 * whole.bytes < found.bytes < 0.56 * whole.bytes
        if from_memory:
            assert found.first.bound == "memory"
            assert found.first.seconds == pytest.approx(0.52 * full.seconds, rel=0.02)
        else:
            assert found.first.bound == "multiply"
            assert found.first.seconds == pytest.approx(full.seconds)
