"""Cases for the two-stage head: a head, a state and a number of logits wanted, answered by the C library both ways."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import oracle
from head_model import CHUNK, write_head_model
from heads import HEADS, STATES, draw_head, draw_states
from lutwerk import split
from lutwerk.native import Model, Session
from lutwerk.quantize import QUANTIZERS

TOPS = (1, 2, 8, 40, 64)
#: Vocabularies.
SMALL, LARGE = (300, 12_000), (40_000, 131_072)
#: Of so many setups one has a large vocabulary.
LARGE_EVERY = 16


@dataclass(frozen=True)
class Setup:
    """One head and how it is asked; everything random follows from ``seed``."""

    seed: tuple[int, ...]
    kind: str
    states: str
    rows: int
    cols: int
    count: int
    top: int
    threads: int = 1


def draw_setup(seed: int, index: int) -> Setup:
    """A setup of a small vocabulary with wide rows, or now and then of a real one with narrow rows."""
    rng = np.random.default_rng((seed, index))
    large = index % LARGE_EVERY == LARGE_EVERY - 1
    if large:
        rows, cols = int(rng.integers(LARGE[0], LARGE[1] + 1)), int(rng.choice([64, 100, 128]))
    else:
        rows = int(np.exp(rng.uniform(*np.log(SMALL))))
        cols = int(rng.choice([32, 64, 100, 256, 576] if rows < 3000 else [32, 64, 100]))
    # Mostly what two stages pay for, and sometimes more.
    paying = [top for top in TOPS if 300 * top <= rows]
    top = int(rng.choice(paying if rng.random() < 0.9 else TOPS))
    return Setup(
        (seed, index),
        HEADS[index % len(HEADS)],
        STATES[index // len(HEADS) % len(STATES)],
        rows,
        cols,
        min(rows, 1024 if large else 512),
        top,
        1 + index % 2,
    )


@dataclass
class Tally:
    """What happened. ``shares`` are survivors relative to the vocabulary, by kind of head, size and number wanted."""

    cases: int = 0
    failures: int = 0
    full: int = 0
    unlike_oracle: int = 0
    worst_error: float = 0.0
    shares: dict[tuple[str, str, int], list[float]] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        self.cases += other.cases
        self.failures += other.failures
        self.full += other.full
        self.unlike_oracle += other.unlike_oracle
        self.worst_error = max(self.worst_error, other.worst_error)
        for key, shares in other.shares.items():
            self.shares.setdefault(key, []).extend(shares)


def run(setup: Setup, folder: Path, *, answered: int | None = None, compared: int = 8) -> Tally:
    """Answer the first ``answered`` cases of a setup, by default all.

    The first ``compared`` are also compared with the oracle, row by row.
    """
    rng = np.random.default_rng((*setup.seed, 1))
    weights = draw_head(setup.kind, rng, setup.rows, setup.cols)
    quantized = QUANTIZERS["i57g64"].quantize(weights, "head")
    head = oracle.Head.of(quantized, split.draw_dither(quantized.codes, quantized.scales))
    states = draw_states(setup.states, rng, setup.count, setup.cols, head)
    table = np.resize(states, (setup.rows, setup.cols))
    model = Model(write_head_model(folder / "model.lw", table, weights), check_weights=True)
    try:
        with Session(model, threads=setup.threads) as session:
            tally = answer(session, setup, answered or setup.count)
            _compare(session, setup, head, oracle.Tokens.of(states[:compared]), tally)
    finally:
        model.close()
    return tally


def answer(session: Session, setup: Setup, count: int) -> Tally:
    """Evaluate each of the first ``count`` states both ways and compare."""
    tally = Tally()
    for begin in range(0, count, CHUNK):
        ids = np.arange(begin, min(begin + CHUNK, count))
        session.truncate(0)
        expected = session.eval(ids, rows=len(ids))
        for token, logits in zip(ids, expected, strict=True):
            session.truncate(0)
            before = session.head_stats()
            got = session.eval_top([token], setup.top)
            record(tally, setup.kind, setup.top, got, logits, session.head_stats() - before)
    return tally


def record(tally: Tally, kind: str, top: int, got, expected, stats) -> None:
    """Count one case."""
    tally.cases += 1
    tally.failures += not agree(got, expected, top)
    tally.full += stats.full
    if not stats.full:
        key = kind, _size(got.size), top
        tally.shares.setdefault(key, []).append(stats.survivors / got.size)


def _size(vocab: int) -> str:
    return f"{LARGE[0]} to {LARGE[1]}" if vocab >= LARGE[0] else f"up to {SMALL[1]}"


def agree(got, expected, top: int) -> bool:
    """Whether the ``top`` first logits (of equals the lowest ids) are there, and all that are there are right."""
    missing = np.isneginf(got)
    if ((got.view(np.uint32) != expected.view(np.uint32)) & ~missing).any():
        return False
    top = min(top, expected.size)
    least = np.partition(expected, expected.size - top)[expected.size - top]
    above = expected > least
    ties = np.flatnonzero(expected == least)[: top - np.count_nonzero(above)]
    return not (missing & above).any() and not missing[ties].any()


def _compare(session: Session, setup: Setup, head, tokens, tally: Tally) -> None:
    """Compare counts and the error of the estimate with the oracle."""
    found = oracle.bounds(head, tokens, setup.top)
    logits = oracle.full_product(head, tokens)
    reach = found.upper - found.estimate * tokens.scale[:, None]
    error = np.abs(logits - found.estimate * tokens.scale[:, None])
    tally.worst_error = float((error / np.maximum(reach, 1e-30)).max())
    for token in range(len(tokens.q)):
        session.truncate(0)
        before = session.head_stats()
        session.eval_top([token], setup.top)
        stats = session.head_stats() - before
        if not stats.full:
            expected = tuple(map(len, oracle.survive(found, token, setup.top)))
            tally.unlike_oracle += (stats.survivors, stats.candidates) != expected
