"""Small random checkpoints in Hugging Face form, with sizes that fit no tile."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

BASE = {
    "vocab_size": 263,
    "hidden_size": 76,
    "intermediate_size": 132,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 14,
    "max_position_embeddings": 96,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "bos_token_id": 256,
    "eos_token_id": 257,
}


def byte_tokenizer(vocab: int = 258) -> str:
    """A tokenizer.json of at most ``vocab`` tokens: the 256 bytes, or the first of them, and two special ones."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())[: vocab - 2]
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    return tokenizer.to_str()


def linear_shapes(config: dict) -> dict[str, tuple[int, int]]:
    hidden, inter = config["hidden_size"], config["intermediate_size"]
    q = config["num_attention_heads"] * config["head_dim"]
    kv = config["num_key_value_heads"] * config["head_dim"]
    return {
        "self_attn.q_proj": (q, hidden),
        "self_attn.k_proj": (kv, hidden),
        "self_attn.v_proj": (kv, hidden),
        "self_attn.o_proj": (hidden, q),
        "mlp.gate_proj": (inter, hidden),
        "mlp.up_proj": (inter, hidden),
        "mlp.down_proj": (hidden, inter),
    }


def random_tensors(config: dict, rng: np.random.Generator, sub_norms: bool) -> dict:
    hidden = config["hidden_size"]
    q = config["num_attention_heads"] * config["head_dim"]

    def norm(n):
        return (1 + 0.1 * rng.standard_normal(n)).astype(np.float32)

    tensors = {
        "model.embed_tokens.weight": rng.standard_normal((config["vocab_size"], hidden)) * 0.5,
        "model.norm.weight": norm(hidden),
    }
    if not config["tie_word_embeddings"]:
        tensors["lm_head.weight"] = rng.standard_normal((config["vocab_size"], hidden)) * 0.1
    for i in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{i}."
        tensors[prefix + "input_layernorm.weight"] = norm(hidden)
        tensors[prefix + "post_attention_layernorm.weight"] = norm(hidden)
        if sub_norms:
            tensors[prefix + "self_attn.attn_sub_norm.weight"] = norm(q)
            tensors[prefix + "mlp.ffn_sub_norm.weight"] = norm(config["intermediate_size"])
        for name, shape in linear_shapes(config).items():
            tensors[f"{prefix}{name}.weight"] = rng.standard_normal(shape) / np.sqrt(shape[1])
    return {k: np.ascontiguousarray(v, np.float32) for k, v in tensors.items()}


def pack_offline(tensors: dict, rng: np.random.Generator) -> dict:
    """Pack linear weights as ternary: row o lies in byte row o % (rows / 4), bit pair o // (rows / 4)."""
    packed = {}
    for name, tensor in tensors.items():
        if "_proj." not in name:
            packed[name] = tensor
            continue
        rows = tensor.shape[0] // 4
        codes = rng.integers(0, 3, tensor.shape, dtype=np.uint8)
        packed[name] = sum(codes[i * rows : (i + 1) * rows] << (2 * i) for i in range(4))
        packed[f"{name}_scale"] = np.array([rng.uniform(0.02, 0.2)], np.float32)
    return packed


def write(folder: Path, config: dict, tensors: dict) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(byte_tokenizer(config["vocab_size"]))
    (folder / "tokenizer_config.json").write_text(json.dumps({"add_bos_token": True}))
    save_file(tensors, folder / "model.safetensors")
    return folder


def llama(folder: Path, seed: int = 0, tied: bool = False, **changes) -> Path:
    config = BASE | {"model_type": "llama", "hidden_act": "silu", "tie_word_embeddings": tied}
    config |= changes
    return write(folder, config, random_tensors(config, np.random.default_rng(seed), False))


def bitnet(folder: Path, seed: int = 0, **changes) -> Path:
    config = BASE | {
        "model_type": "bitnet",
        "hidden_act": "relu2",
        "tie_word_embeddings": True,
        "quantization_config": {
            "quant_method": "bitnet",
            "linear_class": "autobitlinear",
            "quantization_mode": "offline",
        },
    }
    config |= changes
    rng = np.random.default_rng(seed)
    return write(folder, config, pack_offline(random_tensors(config, rng, True), rng))
