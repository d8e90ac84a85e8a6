"""Where the time of a decoded token goes: into matrix products, and into everything around them.

    python tests/bench/overhead.py bundle/ --threads 1,2 -o json

Evaluates and samples tokens at one position as `lutwerk run` does by default, while the runtime
keeps count of what the calling thread does (lw_session_profile). Products are their kernels, all
stages of a two-stage head included, and shares of them that this thread did because another one was
late with them. Lookup tables, which each thread builds for itself, attention,
waiting for other threads and sampling count apart. The rest is norms, quantisation, rotation, sums
and calls from Python.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass

import numpy as np

from decoding import read_options, run, show
from lutwerk.manifest import Folder, read_folder
from lutwerk.native import Model, Session
from lutwerk.native_types import Profile
from lutwerk.sampling import Sampler, Sampling
from report import Circumstances

#: Kinds of work that are matrix products.
PRODUCTS = ("matmul", "matmul_float", "redone")


@dataclass(frozen=True)
class Token:
    """Seconds of one token, by part."""

    products: float
    tables: float
    attention: float
    waiting: float
    sampling: float
    rest: float

    @classmethod
    def of(cls, evaluation: float, sampling: float, profile: Profile) -> Token:
        """Deal out the seconds of an evaluation and of the sampling after it."""
        seconds = profile.seconds
        products = sum(seconds[name] for name in PRODUCTS)
        apart = [seconds[name] for name in ("tables", "attention", "waiting")]
        return cls(products, *apart, sampling, rest=evaluation - products - sum(apart))

    @property
    def total(self) -> float:
        """Seconds from one token to the next."""
        return sum(asdict(self).values())

    @property
    def share(self) -> float:
        """Part of the token, 0 to 1, that is not matrix products."""
        return 1 - self.products / self.total


@dataclass(frozen=True)
class Row:
    """Medians over tokens in microseconds; ``share`` is the median of the tokens' shares."""

    model: str
    target: str
    isa: str
    threads: int
    positions: int
    token_us: float
    products_us: float
    tables_us: float
    attention_us: float
    waiting_us: float
    sampling_us: float
    rest_us: float
    share: float
    share_sd: float
    rounds: int


def summarise(tokens: list[Token]) -> dict[str, float]:
    """Return the figures of a :class:`Row` by name."""
    times = {"token": [t.total for t in tokens]}
    times |= {name: [asdict(t)[name] for t in tokens] for name in asdict(tokens[0])}
    shares = [t.share for t in tokens]
    return {
        **{f"{name}_us": round(1e6 * statistics.median(t), 1) for name, t in times.items()},
        "share": round(statistics.median(shares), 4),
        "share_sd": round(statistics.stdev(shares), 4) if len(shares) > 1 else 0.0,
    }


class Meter:
    """A bundle at one position of its context, with some threads."""

    def __init__(self, model: Model, positions: int, threads: int) -> None:
        self._session = Session(model, context=positions + 1, threads=threads)
        self._positions = positions
        self._sampler = Sampler(model.info.vocab, Sampling(), seed=0)
        self._top = Sampling().logits_needed([])
        self.isa = self._session.isa
        draw = np.random.default_rng(0)
        if positions:
            self._session.eval(draw.integers(0, model.info.vocab, positions), rows=0)
        self.token()  # maps what only decoding touches

    def token(self) -> Token:
        """Measure one token."""
        self._session.truncate(self._positions)
        with self._session.profile() as profile:
            begin = time.perf_counter()
            logits = self._session.eval_top([0], self._top)
            middle = time.perf_counter()
            self._sampler.sample(logits, recent=[])
            end = time.perf_counter()
        return Token.of(middle - begin, end - middle, profile)

    def close(self) -> None:
        """Stop the threads."""
        self._session.close()


def measure(folder: Folder, model: Model, positions: int, threads: int, rounds: int) -> Row:
    """Measure so many tokens, one after the other."""
    meter = Meter(model, positions, threads)
    figures = summarise([meter.token() for _ in range(rounds)])
    meter.close()
    return Row(
        model=folder.name,
        target=folder.manifest["target"],
        isa=meter.isa,
        threads=threads,
        positions=positions,
        rounds=rounds,
        **figures,
    )


def text(row: Row) -> str:
    """Return the row as lines for people."""
    parts = {
        "matrix products": row.products_us,
        "lookup tables": row.tables_us,
        "attention": row.attention_us,
        "waiting": row.waiting_us,
        "sampling": row.sampling_us,
        "norms and the rest": row.rest_us,
    }
    lines = [
        f"{row.model} for {row.target}, {row.isa}, {row.threads} thread(s), "
        f"{row.positions} positions: {row.token_us:.0f} us a token"
    ]
    lines += [f"  {name:22} {us:9.1f} us  {us / row.token_us:6.1%}" for name, us in parts.items()]
    lines.append(
        f"  all but the products {row.share:.1%} ± {row.share_sd:.1%} of {row.rounds} tokens"
    )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    options = read_options(__doc__, arguments, positions=512, rounds=100)
    where = Circumstances.here()
    folder = read_folder(options.bundle)
    model = Model(folder.model, resident=True)
    try:
        for threads in options.threads:
            row = measure(folder, model, options.positions, threads, options.rounds)
            show(row, text, where, as_json=options.as_json)
    finally:
        model.close()
    return 0


if __name__ == "__main__":
    run(main, "overhead.py")
