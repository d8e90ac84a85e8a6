"""Where the time of a decoded token goes: into matrix products, and into everything around them.

    python tests/bench/overhead.py bundle/ --threads 1,2 -o json

Evaluates and samples tokens at one position as `lutwerk run` does by default, in turns with the plan's
matrix products alone (lw_measure_product) and with the same token and all its logits, which ends with
such a product: what that takes beyond the products is the rest of both. So the stages of a two-stage
head count as its product. These products build their lookup tables, whose time is measured apart: two
matrices with few and with many rows, in the cache, show what does not grow with the rows. Each
thread builds tables of its own, so their time does not shrink with more threads. The rest is norms,
quantisation, rotation, attention and sums, calls from Python, and the time that threads wait.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lutwerk import LutwerkError
from lutwerk.defs import LAYOUTS
from lutwerk.manifest import Folder, read_folder
from lutwerk.model_file import read_model_file
from lutwerk.native import ISAS, Model, Session
from lutwerk.plan import PlannedProduct, explain
from lutwerk.probe import Matrix, write_probe
from lutwerk.progress import NoProgress
from lutwerk.sampling import Sampler, Sampling
from lutwerk.targets import load_target
from lutwerk.timing import time_product
from report import Circumstances

#: Tokens of a round, of which the first is not counted: it comes after other work.
TOKENS = 5
#: Products alone are repeated for about so long.
PRODUCT_SECONDS = 0.02
#: Row tiles of the two matrices that show the time of tables; both stay in a core's cache.
TILES = (1, 9)
TABLES_SECONDS = 0.1


@dataclass(frozen=True)
class Token:
    """Seconds of one token: to evaluate it, to sample the next, to evaluate it for all logits, and of its products.

    ``products`` includes ``tables``, and is of all logits.
    """

    evaluation: float
    sampling: float
    all_logits: float
    products: float
    tables: float

    @property
    def total(self) -> float:
        """Seconds from one token to the next."""
        return self.evaluation + self.sampling

    def parts(self) -> dict[str, float]:
        """Seconds by part; together they are the total. The rest may be below 0 by noise."""
        rest = self.all_logits - self.products
        return {
            "products": self.evaluation - rest - self.tables,
            "tables": self.tables,
            "sampling": self.sampling,
            "rest": rest,
        }

    @property
    def share(self) -> float:
        """Part of the token, 0 to 1, that is not matrix products: tables, sampling and the rest."""
        return 1 - self.parts()["products"] / self.total


@dataclass(frozen=True)
class Row:
    """Medians over rounds in microseconds a token; ``share`` is the median of the rounds' shares."""

    model: str
    target: str
    isa: str
    threads: int
    positions: int
    token_us: float
    products_us: float
    tables_us: float
    sampling_us: float
    rest_us: float
    share: float
    share_sd: float
    rounds: int


def summarise(rounds: list[Token]) -> dict[str, float]:
    """Return the figures of a :class:`Row` by name."""
    times = {"token": [r.total for r in rounds]}
    times |= {name: [r.parts()[name] for r in rounds] for name in rounds[0].parts()}
    shares = [r.share for r in rounds]
    return {
        **{f"{name}_us": round(1e6 * statistics.median(t), 1) for name, t in times.items()},
        "share": round(statistics.median(shares), 4),
        "share_sd": round(statistics.stdev(shares), 4) if len(shares) > 1 else 0.0,
    }


def without_rows(few: float, many: float, few_rows: int, many_rows: int) -> float:
    """Return the seconds of a product beyond the work that grows with its rows, at least 0."""
    return max(0.0, few - (many - few) / (many_rows - few_rows) * few_rows)


class Meter:
    """A bundle at one position of its context, with some threads."""

    def __init__(self, folder: Folder, model: Model, positions: int, threads: int) -> None:
        target = load_target(folder.manifest["target"])
        self._session = Session(model, context=positions + 1, threads=threads)
        self._products = explain(read_model_file(folder.model), target.speed, threads).products
        self._tables = sum(
            product.count * _table_seconds(folder, model, product, self._session.isa)
            for product in self._products
        )
        self._positions = positions
        self._sampler = Sampler(model.info.vocab, Sampling(), seed=0)
        self._top = Sampling().logits_needed([])
        self._logits = np.empty((1, model.info.vocab), np.float32)
        draw = np.random.default_rng(0)
        self._session.eval(draw.integers(0, model.info.vocab, positions), rows=0)
        self._repetitions = {p.tensor: self._repeat(p) for p in self._products}
        self.isa = self._session.isa

    def _repeat(self, product: PlannedProduct) -> int:
        """How often to run a product; the first run also maps what the kernels touch."""
        seconds = product.count * self._session.measure_product(product.tensor, self._logits, 1)
        return max(1, int(PRODUCT_SECONDS / seconds))

    def round(self) -> Token:
        """Measure once: tokens, then all products of a token."""
        evaluation, sampling, all_logits = [], [], []
        for _ in range(TOKENS):
            self._session.truncate(self._positions)
            begin = time.perf_counter()
            logits = self._session.eval_top([0], self._top)
            middle = time.perf_counter()
            self._sampler.sample(logits, recent=[])
            end = time.perf_counter()
            self._session.truncate(self._positions)
            again = time.perf_counter()
            self._session.eval([0])
            all_logits.append(time.perf_counter() - again)
            evaluation.append(middle - begin)
            sampling.append(end - middle)
        products = sum(
            p.count
            * self._session.measure_product(p.tensor, self._logits, self._repetitions[p.tensor])
            for p in self._products
        )
        of_token = (statistics.median(times[1:]) for times in (evaluation, sampling, all_logits))
        return Token(*of_token, products=products, tables=self._tables)

    def close(self) -> None:
        """Stop the threads."""
        self._session.close()


def _table_seconds(folder: Folder, model: Model, product: PlannedProduct, isa: str) -> float:
    """Return what the tables of one product take on one thread; 0 where its kernel has none."""
    kernel = model.kernel(product.tensor, ISAS.index(isa), 1)
    if "_lut_" not in kernel:
        return 0.0
    shape = product.chosen.product
    rows = [tiles * LAYOUTS[shape.layout].tile_rows for tiles in TILES]
    names = ("few", "many")
    matrices = [Matrix(name, n, shape.format) for name, n in zip(names, rows, strict=True)]
    target = load_target(folder.manifest["target"])
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "model.lw"
        write_probe(path, target, shape.layout, shape.cols, 1, matrices, NoProgress())
        probe = Model(path)
        index = {tensor.name: i for i, tensor in enumerate(probe.tensors())}
        try:
            with Session(probe, isa_limit=isa) as session:
                few, many = (time_product(session, index[n], 1, TABLES_SECONDS) for n in names)
        finally:
            probe.close()
    return without_rows(few, many, *rows)


def text(row: Row) -> str:
    """Return the row as lines for people."""
    parts = {
        "matrix products": row.products_us,
        "lookup tables": row.tables_us,
        "sampling": row.sampling_us,
        "norms, attention, idle": row.rest_us,
    }
    lines = [
        f"{row.model} for {row.target}, {row.isa}, {row.threads} thread(s), "
        f"{row.positions} positions: {row.token_us:.0f} us a token"
    ]
    lines += [f"  {name:22} {us:9.1f} us  {us / row.token_us:6.1%}" for name, us in parts.items()]
    lines.append(
        f"  all but the products {row.share:.1%} ± {row.share_sd:.1%} of {row.rounds} rounds"
    )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("bundle", type=Path)
    add("-t", "--threads", default="1,2", help="1,2")
    add("--positions", type=int, default=512, help="tokens before those that are measured (512)")
    add("-r", "--rounds", type=int, default=20, help="20")
    add("-o", "--output", choices=("text", "json"), default="text", help="text")
    options = parser.parse_args(arguments)
    where = Circumstances.here()
    folder = read_folder(options.bundle)
    model = Model(folder.model, resident=True)
    try:
        for threads in map(int, options.threads.split(",")):
            meter = Meter(folder, model, options.positions, threads)
            figures = summarise([meter.round() for _ in range(options.rounds)])
            meter.close()
            target = folder.manifest["target"]
            row = Row(
                model=folder.name,
                target=target,
                isa=meter.isa,
                threads=threads,
                positions=options.positions,
                rounds=options.rounds,
                **figures,
            )
            as_json = options.output == "json"
            print(json.dumps(asdict(row) | {"run": asdict(where)}) if as_json else text(row))
    finally:
        model.close()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LutwerkError as error:
        sys.exit(f"overhead.py: {error}")
