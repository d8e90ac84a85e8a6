"""The cost model: bounded by its parts, monotone, and choosing what it should on machines made up for it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machines import machine

import checkpoints
from lutwerk.cost import Product, exceeds_cache, least_share, predict, rank
from lutwerk.defs import FORMATS, LAYOUTS
from lutwerk.frontends import read_checkpoint
from lutwerk.layouts import compatible
from lutwerk.passes import PassContext, run_passes
from lutwerk.targets import list_targets, load_target

PAIRS = [(f.name, layout) for f in FORMATS.values() for layout in compatible(f)]
LOOKUP_WINS = machine(
    base3__tables=0.1,
    base3__decode__ternary=200.0,
    fields__decode__ternary=50.0,
    planes__decode__ternary=50.0,
)
LOOKUP_LOSES = machine(base3__tables=0.5, fields__decode__ternary=200.0, base3__stream=0.6)


@given(
    pair=st.sampled_from(PAIRS),
    rows=st.integers(1, 20000),
    cols=st.integers(1, 20000),
    more_rows=st.integers(0, 500),
    more_cols=st.integers(0, 500),
    threads=st.integers(1, 4),
    tokens=st.integers(1, 300),
    from_memory=st.booleans(),
)
def test_more_work_takes_longer_and_more_threads_do_not(
    pair, rows, cols, more_rows, more_cols, threads, tokens, from_memory
):
    where = machine(base3__tables=0.5, planes__tables=0.2, fields__stream=0.9)

    def seconds(rows, cols, tokens, threads):
        product = Product(rows, cols, *pair)
        return predict(where, product, tokens, threads, from_memory=from_memory).seconds

    here = seconds(rows, cols, tokens, threads)
    assert here > 0
    alone = seconds(rows, cols, tokens, 1)
    assert seconds(rows + more_rows, cols, tokens, 1) >= alone
    assert seconds(rows, cols + more_cols, tokens, 1) >= alone
    assert seconds(rows, cols, tokens, threads + 1) <= here + where.hand_over * 1e-6
    if tokens > 1:
        assert seconds(rows, cols, tokens + 1, 1) >= alone


@pytest.mark.parametrize(("fmt", "layout"), PAIRS)
def test_a_product_takes_its_greatest_part_and_no_more_than_all(fmt, layout):
    product = Product(6400, 2560, fmt, layout)
    stored = product.rows * product.cols * FORMATS[fmt].bits / 8
    least = 1.6 / 2 if layout == "base3" else 1
    assert least * stored <= product.bytes <= 1.5 * stored
    memory, work = product.bytes / 20e9, product.padded_weights / 100e9
    predicted = predict(machine(), product, 1, 1, from_memory=True)
    assert predicted.seconds == pytest.approx(max(memory, work))
    assert predicted.bound == ("memory" if memory > work else "multiply")
    cached = predict(machine(), product, 1, 1, from_memory=False)
    assert cached.seconds == pytest.approx(work)
    many = predict(machine(), product, 1000, 1, from_memory=True)
    assert (many.seconds, many.bound) == (pytest.approx(1000 * work + 0.35 * memory), "multiply")
    few = predict(machine(), product, 2, 1, from_memory=True)
    assert few.seconds == pytest.approx(max(memory, 2 * work) + 0.35 * min(memory, 2 * work))


def test_the_bound_is_named():
    product = Product(6400, 2560, "ternary", "base3")
    slow = machine(base3__tables=0.5, base3__decode__ternary=1.0)
    assert predict(slow, product, 1, 1, from_memory=True).bound == "lookup"
    tables = machine(base3__tables=1e5)
    built = predict(tables, product, 1, 1, from_memory=True)
    assert built.bound == "tables"
    assert built.seconds > 2560 * 1e5 * 1e-9
    assert predict(tables, product, 2, 1, from_memory=False).bound == "multiply"


def test_a_matrix_of_one_tile_keeps_one_core_busy():
    product = Product(1, 2560, "ternary", "base3")
    one, two = (predict(machine(), product, 128, n, from_memory=False).seconds for n in (1, 2))
    assert one == two
    wide = replace(product, rows=6400)
    one, two = (predict(machine(), wide, 128, n, from_memory=False).seconds for n in (1, 2))
    assert two == pytest.approx(one / 2 + machine().hand_over * 1e-6)


def test_time_grows_evenly_between_the_tokens_that_were_measured():
    where = machine(fields__two__i3=50.0, fields__four__i3=80.0, fields__prefill__i3=160.0)
    product = Product(6400, 2560, "i3g64", "fields")
    weights = product.padded_weights
    for tokens, seconds in ((2, 2 / 50), (3, (2 / 50 + 4 / 80) / 2), (4, 4 / 80), (256, 256 / 160)):
        found = predict(where, product, tokens, 1, from_memory=False).seconds
        assert found == pytest.approx(weights * seconds * 1e-9)


def test_a_share_takes_as_long_as_handing_it_over():
    slow = replace(machine(), hand_over=4.0)
    tile = 16 * 2560 / 100e9
    product = Product(6400, 2560, "i4g64", "fields")
    assert least_share(slow, product) == round(4e-6 / tile)
    assert least_share(machine(fields__decode__i4=0.1), product) == 1


def test_a_product_shorter_than_two_hand_overs_runs_on_one_thread():
    slow = replace(machine(), hand_over=4.0)
    product = Product(256, 2560, "i4g64", "fields")
    assert product.row_tiles < 2 * least_share(slow, product) < 4 * product.row_tiles
    assert predict(slow, product, 2, 2, from_memory=False).threads == 2
    alone = predict(slow, product, 1, 2, from_memory=False)
    assert (alone.threads, alone.bound) == (1, "multiply")
    assert predict(slow, product, 128, 2, from_memory=False).threads == 2
    dear = replace(machine(), hand_over=1e3)
    shared = predict(dear, Product(128256, 2560, "i4g64", "fields"), 1, 2, from_memory=False)
    assert (shared.threads, shared.bound) == (2, "multiply")


def test_lookup_is_chosen_exactly_where_it_wins():
    for where, first in ((LOOKUP_WINS, "base3"), (LOOKUP_LOSES, "fields")):
        ranked = rank(where, 6912, 2560, "ternary", 1, from_memory=True)
        assert ranked[0].product.layout == first
        assert {c.product.layout for c in ranked} == {"base3", "fields", "planes"}
        times = [c.decode.seconds for c in ranked]
        assert times == sorted(times)


def test_prefill_breaks_ties():
    where = machine(planes__prefill__i4=101.0)
    ranked = rank(where, 64, 64, "i4g64", 1, from_memory=False)
    assert [c.product.layout for c in ranked] == ["planes", "fields"]
    assert ranked[0].decode.seconds == ranked[1].decode.seconds


def test_weights_exceed_a_cache_of_their_size_plus_one():
    assert not exceeds_cache(machine(cache_mib=2), 2 << 20)
    assert exceeds_cache(machine(cache_mib=2), (2 << 20) + 1)


def _weights(folder, where, layouts=(), quantizers=None):
    checkpoint = read_checkpoint(str(folder), max_context=None, seed=0)
    target = replace(load_target("x86-64-v4"), speed=where)
    chosen = checkpoint.default_quantizers | (quantizers or {})
    context = PassContext(target, chosen, (), layouts, chunk=16)
    return run_passes(checkpoint.graph, context, lambda stage, graph: None).weights


def test_the_pass_follows_the_machine_and_the_user_first(tmp_path):
    folder = checkpoints.bitnet(tmp_path / "bitnet")
    name = "model.layers.0.mlp.down_proj.weight"
    assert _weights(folder, LOOKUP_WINS)[name].layout == "base3"
    assert _weights(folder, LOOKUP_LOSES)[name].layout == "fields"
    forced = _weights(folder, LOOKUP_WINS, layouts=(("*down_proj*", "planes"),))
    assert forced[name].layout == "planes"


def test_a_table_that_is_only_looked_up_takes_the_smallest_layout(tmp_path):
    folder = checkpoints.llama(tmp_path / "llama")
    slow = machine(base3__decode__ternary=1e-3)
    weights = _weights(folder, slow, quantizers={"embedding": "absmean", "linear": "absmean"})
    looked_up = [w for w in weights.values() if w.role == "embedding"]
    assert [w.layout for w in looked_up] == ["base3"]
    linear = [w.layout for w in weights.values() if w.role == "linear"]
    assert linear
    assert "base3" not in linear


@pytest.mark.parametrize("name", [target.name for target in list_targets()])
def test_targets_know_every_rate(name):
    speed = load_target(name).speed
    assert speed.missing() == []
    assert all(0 < speed.rates[f"{layout}.stream"] <= 2 for layout in LAYOUTS)
    assert list(speed.bandwidth) == sorted(speed.bandwidth)


@pytest.mark.parametrize("shape", [(3840, 2560), (2560, 2560), (13824, 2560), (2560, 6912)])
def test_avx512_decodes_ternary_from_base3(shape):
    """What tests/bench/RESULTS.md measured as the fastest."""
    speed = load_target("x86-64-v4").speed
    for threads in (1, 2):
        ranked = rank(speed, *shape, "ternary", threads, from_memory=True)
        assert ranked[0].product.layout == "base3"
