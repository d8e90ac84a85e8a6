"""The sampler of the C library: logits in, one token out (lw_sample in runtime/include/lutwerk/lutwerk.h)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lutwerk._native import ffi, lib
from lutwerk.graph import F32
from lutwerk.native_status import status_error

#: Divided by it, no logit of a real model overflows.
_LEAST_TEMPERATURE = 1e-6


@dataclass(frozen=True)
class Sampling:
    """How to choose the next token, applied in the order: repeat penalty, temperature, top-k, top-p, min-p, draw.

    Args:
        temperature: 0 takes the most likely token, greater values vary more.
        top_k: keep the k most likely; 0 keeps all.
        top_p: keep the smallest set whose probability reaches this; 1 keeps all.
        min_p: drop what is less likely than this times the most likely; 0 drops nothing.
        repeat_penalty: make recent tokens less likely; 1 is off.

    Raises:
        ValueError: a setting is out of range.
    """

    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.0

    def __post_init__(self) -> None:
        ranges = {
            "temperature": (0, 100),
            "top_k": (0, 2**31),
            "top_p": (0, 1),
            "min_p": (0, 1),
            "repeat_penalty": (0.01, 100),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}; accepted: {low} to {high}")

    def logits_needed(self, recent: Sequence[int]) -> int:
        """How many of the greatest logits decide the choice, whatever they are; 0 when all do.

        The sampler reorders tokens only by the repeat penalty. One above 1 lets recent tokens fall,
        so that as many more logits are needed as there are recent tokens; one below 1 lets tokens
        rise from anywhere. Dividing by a minute temperature makes all logits infinite, and so equal.
        """
        kept = 1 if self.temperature == 0 else self.top_k
        if kept == 0 or self.repeat_penalty < 1 or 0 < self.temperature < _LEAST_TEMPERATURE:
            return 0
        return kept + len(set(recent)) if self.repeat_penalty > 1 else kept


class Sampler:
    """Draws tokens from logits; the same seed and logits give the same tokens on every machine."""

    def __init__(self, vocab: int, sampling: Sampling, seed: int):
        if not 0 <= seed < 2**64:
            raise ValueError(f"seed is {seed}; accepted: 0 to 2^64 - 1")
        self._vocab = vocab
        self._settings = ffi.new(
            "lw_sampling *",
            [
                sampling.temperature,
                sampling.top_k,
                sampling.top_p,
                sampling.min_p,
                sampling.repeat_penalty,
            ],
        )
        self._state = ffi.new("uint64_t *", seed)
        self._scratch = ffi.new("uint64_t[]", vocab)
        self._token = ffi.new("uint32_t *")

    def sample(self, logits: F32, recent: Sequence[int]) -> int:
        """Choose a token from float32 ``[vocab]``, which is changed; ``recent`` feels the repeat penalty."""
        code = lib.lw_sample(
            ffi.from_buffer("float[]", logits, require_writable=True),
            self._vocab,
            self._settings,
            ffi.new("uint32_t[]", list(recent)),
            len(recent),
            self._state,
            self._scratch,
            self._token,
        )
        if code != lib.LW_OK:
            raise status_error("sampling", code)
        return int(self._token[0])
