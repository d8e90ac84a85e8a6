"""One answer everywhere: the reference, every instruction set, every number of threads, every split of the prompt."""

from itertools import cycle

import numpy as np
import pytest

import checkpoints
from lutwerk.defs import FORMATS
from lutwerk.graph import KV_TYPES
from lutwerk.layouts import compatible
from lutwerk.native import Model, Session, best_isa, included
from lutwerk.reference import ReferenceSession

HERE = included(best_isa())
#: Sizes of the parts, over and over. Kernels differ by the number of tokens up to eight.
SPLITS = {"whole": (10**6,), "few": (2, 3, 4, 5, 6, 7, 8), "single": (1,)}

#: Every format with every layout that can hold it; of those with zero points one for each width, groups taking turns.
STORED = [
    (fmt.name, layout)
    for fmt in FORMATS.values()
    for layout in compatible(fmt)
    if not fmt.has_zeros or fmt.group == (32, 64, 128)[fmt.bits % 3]
]


def evaluate(model: Model, tokens, threads: int, split: tuple[int, ...]) -> np.ndarray:
    rest = list(tokens)
    logits = []
    with Session(model, threads=threads, context=len(tokens)) as session:
        for size in cycle(split):
            part, rest = rest[:size], rest[size:]
            logits.append(session.eval(part, rows=len(part)))
            if not rest:
                return np.concatenate(logits)


def assert_same_everywhere(monkeypatch, bundle, model_file, tokens, splits=SPLITS):
    expected = ReferenceSession(model_file).eval(tokens)
    assert np.isfinite(expected).all()
    with_model = Model(bundle / "model.lw", check_weights=True)
    for isa in HERE:
        monkeypatch.setenv("LUTWERK_ISA", isa)
        for threads in (1, 2):
            for name, split in splits.items():
                got = evaluate(with_model, tokens, threads, split)
                same = (got.view(np.uint32) == expected.view(np.uint32)).all()
                assert same, f"{isa}, {threads} threads, prompt {name}: logits differ"
    with_model.close()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("tinystories-bitnet/offline", {}),
        ("tinystories-bitnet/offline", {"layouts": (("*", "base3"),)}),
        ("tinystories-bitnet/online", {"layouts": (("*", "planes"),), "kv": "q8"}),
        ("stories260K", {"quant": "i8g32", "head": "i8g32"}),
        ("stories260K", {"quant": "i4g64", "layouts": (("*", "planes"),)}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())),
)
def test_real_models(monkeypatch, shared_data, bundles, model_files, name, options):
    bundle = bundles(shared_data / name, **options)
    golden = np.load(shared_data / "golden" / f"{name.replace('/', '-')}.npz")
    assert_same_everywhere(monkeypatch, bundle, model_files(bundle), golden["greedy0"].tolist())


@pytest.mark.parametrize(("fmt", "layout"), STORED, ids="-".join)
def test_every_format_on_an_odd_sized_model(
    monkeypatch, tmp_path, bundles, model_files, fmt, layout
):
    quantizer = "absmean" if fmt == "ternary" else fmt
    checkpoint = checkpoints.llama(tmp_path / "llama", seed=len(fmt))
    bundle = bundles(
        checkpoint,
        quant=quantizer,
        head=quantizer,
        embedding=quantizer,
        layouts=(("*", layout),),
        chunk=11,
    )
    tensors = {t.name: t for t in model_files(bundle).tensors}
    down = tensors["model.layers.0.mlp.down_proj.weight"]
    assert (down.format.name, down.layout.name) == (fmt, layout)
    tokens = np.random.default_rng(0).integers(0, 263, 36).tolist()
    assert_same_everywhere(monkeypatch, bundle, model_files(bundle), tokens)


@pytest.mark.parametrize("kv", KV_TYPES)
def test_odd_sized_bitnet(monkeypatch, tmp_path, bundles, model_files, kv):
    bundle = bundles(checkpoints.bitnet(tmp_path / "bitnet"), chunk=5, kv=kv)
    tokens = np.random.default_rng(1).integers(0, 263, 40).tolist()
    assert_same_everywhere(monkeypatch, bundle, model_files(bundle), tokens)


def test_truncated_context_gives_the_same_again(tmp_path, bundles, model_files):
    bundle = bundles(checkpoints.bitnet(tmp_path / "bitnet"))
    with Session(Model(bundle / "model.lw"), threads=2) as session:
        first = session.eval([5, 6, 7, 8, 9], rows=5)
        session.truncate(2)
        assert session.length == 2
        np.testing.assert_array_equal(session.eval([7, 8, 9], rows=3), first[2:])
