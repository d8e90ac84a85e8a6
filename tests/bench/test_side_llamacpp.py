"""The peer's side with llama.cpp itself, on files as small as it takes: that figures are of sane models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llama_cpp", reason="the peer needs the extra 'bench'")

import llama_cpp

from gguf_model import BLOCK_TYPES, write_gguf
from lutwerk.graph import ModelConfig
from side_llamacpp import LlamaCpp
from sides import Test as Case

CONTEXT = 32


def config(architecture: str) -> ModelConfig:
    return ModelConfig(
        architecture=architecture,
        name="toy",
        vocab=512,
        hidden=256,
        intermediate=512,
        layers=2,
        heads=4,
        kv_heads=2,
        head_dim=64,
        max_context=CONTEXT,
        rope_theta=1e4,
        rms_eps=1e-5,
        tied_embeddings=True,
    )


@pytest.mark.parametrize("kind", BLOCK_TYPES)
@pytest.mark.parametrize("architecture", ["bitnet", "llama"])
def test_every_type_gives_finite_logits_in_every_test(
    kind: str, architecture: str, tmp_path: Path
) -> None:
    path = tmp_path / "toy.gguf"
    write_gguf(path, config(architecture), kind, "Q6_K")
    side = LlamaCpp(str(path), CONTEXT, repack=True)
    found = []
    for name in ("pp8", "tg8", "first8"):
        side.measure(Case.parse(name), 1)
        logits = llama_cpp.llama_get_logits_ith(side._context, -1)
        found.append(np.ctypeslib.as_array(logits, (512,)).copy())
        assert np.isfinite(found[-1]).all()
        # The head is the embedding, of deviation 1, and the norm in front of it gives 1 too.
        assert found[-1].std() == pytest.approx(config(architecture).hidden ** 0.5, rel=0.5)
    # The same tokens, all at once or one by one.
    assert np.corrcoef(found)[0] == pytest.approx(1, abs=0.05)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.gguf"
    path.write_bytes(b"GGUF?")
    with pytest.raises(SystemExit, match=r"llama\.cpp cannot load .*none\.gguf"):
        LlamaCpp(str(path), CONTEXT, repack=False)
