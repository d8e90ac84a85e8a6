"""No shape is special: models of random sizes, from one column to thousands, give exactly the reference's logits."""

import numpy as np
import pytest

import checkpoints
from lutwerk.defs import FORMATS
from lutwerk.layouts import compatible
from test_bit_identity import assert_same_everywhere

#: Weights of the greatest matrix, so that a case takes about a second.
BUDGET = 2_000_000


def log_uniform(rng, low, high):
    return int(np.exp(rng.uniform(np.log(low), np.log(high + 1))))


def random_config(rng):
    hidden = log_uniform(rng, 1, 5000)
    kv_heads = log_uniform(rng, 1, 5)
    head_dim = 2 * log_uniform(rng, 1, 70)
    heads = kv_heads * log_uniform(rng, 1, 4)
    vocab = log_uniform(rng, 7, min(200001, max(7, BUDGET // hidden)))
    return {
        "hidden_size": hidden,
        "intermediate_size": log_uniform(rng, 1, max(1, min(5000, BUDGET // hidden))),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "vocab_size": vocab,
        "num_hidden_layers": 1,
        "bos_token_id": vocab - 2,
        "eos_token_id": vocab - 1,
    }


@pytest.mark.parametrize("seed", range(16))
def test_random_shapes(monkeypatch, tmp_path, bundles, model_files, seed):
    rng = np.random.default_rng(seed)
    config = random_config(rng)
    fmt = rng.choice([f.name for f in FORMATS.values() if not f.is_float])
    layout = rng.choice(compatible(FORMATS[fmt]))
    quantizer = "absmean" if fmt == "ternary" else str(fmt)
    print(f"seed {seed}: {fmt} in {layout}, {config}")
    bundle = bundles(
        checkpoints.llama(tmp_path / "llama", seed, tied=bool(rng.integers(2)), **config),
        quant=quantizer,
        head=quantizer,
        embedding=quantizer,
        layouts=(("*", str(layout)),),
        chunk=log_uniform(rng, 1, 20),
    )
    tokens = rng.integers(0, config["vocab_size"], 11).tolist()
    splits = {"whole": (10**6,), "few": (2, 1, 8, 3)}
    assert_same_everywhere(monkeypatch, bundle, model_files(bundle), tokens, splits)


@pytest.mark.parametrize(("hidden", "vocab"), [(1, 7), (5000, 7), (3, 200001), (4999, 263)])
def test_extreme_shapes(monkeypatch, tmp_path, bundles, model_files, hidden, vocab):
    config = {"hidden_size": hidden, "vocab_size": vocab, "intermediate_size": 9}
    config |= {"num_hidden_layers": 1, "bos_token_id": 0, "eos_token_id": 1}
    bundle = bundles(checkpoints.llama(tmp_path / "llama", 0, **config), quant="i4g32")
    tokens = [vocab - 1, 0, vocab // 2]
    assert_same_everywhere(monkeypatch, bundle, model_files(bundle), tokens, {"whole": (3,)})
