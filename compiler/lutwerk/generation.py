"""Generation: evaluate a prompt, then sample and evaluate token by token, as an iterator of text."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Literal, TypedDict

import numpy as np

from lutwerk.errors import BundleError
from lutwerk.graph import F32
from lutwerk.native import Session
from lutwerk.native_types import HeadStats
from lutwerk.sampling import Sampler, Sampling
from lutwerk.text import StopFilter, StreamDecoder

#: Why a generation ended: an end-of-sequence token, a stop string, max_tokens, or a full context.
FinishReason = Literal["eos", "stop", "length", "context"]

#: Tokens back from the end to which the repeat penalty applies, as in llama.cpp (penalty_last_n).
PENALTY_WINDOW = 64


class Settings(TypedDict, total=False):
    """Keyword arguments of ``Bundle.generate`` that conversations take, too."""

    max_tokens: int
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    repeat_penalty: float
    seed: int | None
    stop: Sequence[str]
    full_head: bool


class Generation(Iterator[str]):
    """Pieces of text as a model writes them; whole characters only, and the pieces joined are the text.

    The first ``held`` tokens of the prompt, which are fewer than all, are in the session's context.

    Attributes:
        tokens: ids generated so far, without the end-of-sequence token.
        finish_reason: why it ended; None while it has not.
        text: what was given out so far.
        prompt_tokens: tokens of the prompt that were evaluated; ``held`` ones were not.
        prompt_seconds: time to evaluate the prompt.
        eval_tokens: tokens evaluated after the prompt; the last one generated never needs to be.
        eval_seconds: time to evaluate and sample, without the time that the caller takes between
            pieces.
        head: what the two-stage head did; None with the full head, and for a model that has no other.
    """

    def __init__(
        self,
        session: Session,
        prompt: Sequence[int],
        max_tokens: int,
        eos: frozenset[int],
        sampling: Sampling,
        sampler: Sampler,
        decoder: StreamDecoder,
        stops: StopFilter,
        *,
        full_head: bool = False,
        held: int = 0,
    ):
        if len(prompt) > session.context:
            raise BundleError(
                f"the prompt has {len(prompt)} tokens, but the context holds {session.context}; "
                f"shorten the prompt or load the bundle with a greater context "
                f"(this model allows {session.model.info.max_context})",
                "ERR_CONTEXT",
            )
        self.tokens: list[int] = []
        self.finish_reason: FinishReason | None = None
        self.text = ""
        self.prompt_tokens = len(prompt) - held
        self.eval_tokens = 0
        self.prompt_seconds = self.eval_seconds = 0.0
        self._session = session
        self._prompt = list(prompt)
        self._held = held
        self._begun = False
        self._max_tokens = max_tokens
        self._eos = eos
        self._sampling = sampling
        self._sampler = sampler
        self._decoder = decoder
        self._stops = stops
        self._superseded = False
        two_stages = not full_head and session.model.has_two_stage_head
        self.head: HeadStats | None = HeadStats() if two_stages else None
        self._pieces = self._run()

    def __next__(self) -> str:
        if self._superseded:
            raise BundleError(
                "this generation was ended by a later call on the same bundle; "
                "load the bundle twice to run two at a time"
            )
        piece = next(self._pieces)
        self.text += piece
        return piece

    @property
    def context(self) -> list[int]:
        """The tokens in the session's context, until another generation takes it."""
        evaluated = self._session.length if self._begun else self._held
        return (self._prompt + self.tokens)[:evaluated]

    @property
    def history(self) -> list[int]:
        """The prompt and the tokens generated."""
        return self._prompt + self.tokens

    def supersede(self) -> None:
        """Give the session to someone else: taking another piece is an error from now on."""
        self._superseded = self.finish_reason is None

    def _run(self) -> Iterator[str]:
        logits = self._evaluate_prompt()
        while True:
            reason = self._next_token(logits)
            if reason:
                break
            text = self._stops.feed(self._decoder.feed(self.tokens[-1]))
            if self._stops.hit:
                self.finish_reason = "stop"
                yield from filter(None, [text])
                return
            if text:
                yield text
            reason = self._limit()
            if reason:
                break
            began = time.perf_counter()
            logits = self._evaluate(self.tokens[-1:])
            self.eval_tokens += 1
            self.eval_seconds += time.perf_counter() - began
        rest = self._stops.feed(self._decoder.flush()) + self._stops.flush()
        self.finish_reason = "stop" if self._stops.hit else reason
        if rest:
            yield rest

    def _evaluate_prompt(self) -> F32:
        """Evaluate the prompt chunk by chunk, so that Ctrl-C is answered between two."""
        began = time.perf_counter()
        chunk = self._session.model.info.chunk
        self._session.truncate(self._held)
        self._begun = True
        rest = self._prompt[self._held :]
        last = (len(rest) - 1) // chunk * chunk
        for start in range(0, last, chunk):
            self._session.eval(rest[start : start + chunk], rows=0)
        logits = self._evaluate(rest[last:])
        self.prompt_seconds = time.perf_counter() - began
        return logits

    def _evaluate(self, ids: Sequence[int]) -> F32:
        """The logits that the next choice needs, float32 ``[vocab]``."""
        if self.head is None:
            return np.asarray(self._session.eval(ids)[0])
        before = self._session.head_stats()
        logits = self._session.eval_top(ids, self._sampling.logits_needed(self._recent()))
        self.head += self._session.head_stats() - before
        return logits

    def _recent(self) -> list[int]:
        """The tokens that the repeat penalty applies to."""
        return (self._prompt[-PENALTY_WINDOW:] + self.tokens[-PENALTY_WINDOW:])[-PENALTY_WINDOW:]

    def _next_token(self, logits: F32) -> FinishReason | None:
        if len(self.tokens) == self._max_tokens:
            return "length"
        began = time.perf_counter()
        token = self._sampler.sample(logits, self._recent())
        self.eval_seconds += time.perf_counter() - began
        if token in self._eos:
            return "eos"
        self.tokens.append(token)
        return None

    def _limit(self) -> FinishReason | None:
        """Whether evaluating the token just generated would be in vain or impossible."""
        if len(self.tokens) == self._max_tokens:
            return "length"
        return "context" if self._session.length == self._session.context else None
