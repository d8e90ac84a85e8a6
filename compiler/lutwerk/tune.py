"""Measure this machine for the cost model: ``lutwerk tune``.

For each layout a small model is made (lutwerk.probe) and its products are timed: matrices that fit a core's cache give
the rates of the kernels, and many alike that exceed all caches together give the bandwidth that they reach.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lutwerk.cost import Product, predict
from lutwerk.defs import FORMATS, LAYOUTS
from lutwerk.errors import TargetError
from lutwerk.layouts import compatible
from lutwerk.machine import ANCHORS, Machine, families, family, layout_rates
from lutwerk.native import Model, Session, best_isa, default_threads, included
from lutwerk.probe import Matrix, rows_for, write_probe
from lutwerk.progress import NoProgress, Progress
from lutwerk.targets import ISAS, Target
from lutwerk.timing import time_product
from lutwerk.tuning_record import Record, read_record, write_record

#: Bytes of matrices that stay in a core's second-level cache, and of each that does not.
_CACHED_BYTES, _STREAMED_BYTES = 1 << 19, 1 << 22
#: A kernel that takes so many times longer from memory than from the cache is held up by memory.
_HELD_UP = 1.1
#: Seconds that tables take at least, where noise hides them: a rate of 0 says that a kernel has none.
_LEAST_TABLES = 1e-8
#: Microseconds of a hand-over, where noise hides them.
_LEAST_HAND_OVER = 0.1
#: Shares of the work of one layout, in units of its bytes: packing, the reference, measuring.
_SHARES = 3


@dataclass(frozen=True)
class TuneOptions:
    """How to measure.

    Attributes:
        seconds: Time of each measurement.
        memory_mib: Size together of the matrices that are read from memory.
        cols: Columns of all matrices.
    """

    seconds: float
    memory_mib: int
    cols: int = 2560


@dataclass(frozen=True)
class Check:
    """Predicted and measured seconds of a product that the rates were not taken from."""

    product: Product
    tokens: int
    threads: int
    predicted: float
    measured: float


def cache_mib() -> float | None:
    """Size of the last-level cache; None where the system does not say."""
    sizes = []
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = path.read_text(encoding="ascii", errors="replace").strip()
        if text.endswith("K") and text[:-1].isdigit():
            sizes.append(int(text[:-1]) / 1024)
    return max(sizes, default=None)


def machine_name() -> str:
    """What the system calls the processor, and how many of it this process may use."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{default_threads()} x {next(names, platform.machine())}"


def tune(
    target: Target, path: Path, source: str, options: TuneOptions, progress: Progress
) -> tuple[Machine, list[Check]]:
    """Measure what the record at ``path`` lacks, and keep each result there as soon as it is known.

    Returns the machine, and checks of the layouts that were measured now.

    Raises:
        TargetError: this machine cannot run the target, or the record is damaged or of another
            machine or instruction set.
    """
    if target.isa not in included(best_isa()):
        raise TargetError(
            f"target {target.name} needs {target.isa}, but {ISAS[best_isa()]} is what runs here; "
            "choose another --target, or unset LUTWERK_ISA"
        )
    known = _resume(target, path, source)
    cache = cache_mib() or target.speed.cache_mib
    machine = known or Machine(source, cache, (), {})
    todo = [name for name in LAYOUTS if set(layout_rates(name)) - machine.rates.keys()]
    probes = {layout: _matrices(layout, options) for layout in todo}
    total = sum(_product(m, layout, options).bytes for layout in todo for m in probes[layout])
    checks: list[Check] = []
    progress.start("measure", _SHARES * total)
    try:
        for layout in todo:
            with _opened(target, layout, probes[layout], options, progress) as model:
                probe = _Probe(model, target.isa, layout, probes[layout], options)
                if not machine.bandwidth:
                    machine = replace(
                        machine, bandwidth=probe.bandwidth(), hand_over=probe.hand_over()
                    )
                for name, value in probe.rates(machine):
                    machine = replace(machine, rates=machine.rates | {name: value})
                    write_record(path, Record(target.isa, machine))
                    progress.advance(probe.bytes // len(layout_rates(layout)))
                checks += probe.checks(machine)
    finally:
        progress.finish()
    return machine, checks


def _resume(target: Target, path: Path, source: str) -> Machine | None:
    if not path.exists():
        return None
    record = read_record(path)
    for what, found, wanted in (
        ("the kernels of", record.isa, target.isa),
        ("another machine:", record.machine.source, source),
    ):
        if found != wanted:
            raise TargetError(
                f"{path}: measured with {what} {found}, not {wanted}; choose another -o"
            )
    return record.machine


def _matrices(layout: str, options: TuneOptions) -> list[Matrix]:
    """What the model of one layout multiplies by; the names say what for."""
    first = families(layout)[0]
    quantizer = _quantizer(layout, first)
    tile = max(LAYOUTS[layout].tile_rows, 1)
    found = [Matrix("small", tile, quantizer)]
    for name in families(layout):
        rows = rows_for(layout, _bits(name), options.cols, _CACHED_BYTES)
        found.append(Matrix(f"cached.{name}", rows, _quantizer(layout, name)))
    total = options.memory_mib << 20
    rows = rows_for(layout, _bits(first), options.cols, min(_STREAMED_BYTES, total))
    # Whatever the sizes, no matrix that is streamed is like one that is cached.
    rows += tile
    one = _product(Matrix("streamed.0", rows, quantizer), layout, options)
    count = max(1, total // one.bytes)
    return found + [Matrix(f"streamed.{i}", rows, quantizer) for i in range(count)]


def _bits(name: str) -> float:
    return 2 if name == "ternary" else int(name[1:])


def _quantizer(layout: str, name: str) -> str:
    """A quantiser of a family that the layout can hold, with groups of 64 where it has groups."""
    fitting = (f for f in FORMATS.values() if family(f) == name and layout in compatible(f))
    return next(f.name for f in fitting if f.group in (0, 64))


def _product(matrix: Matrix, layout: str, options: TuneOptions) -> Product:
    return Product(matrix.rows, options.cols, matrix.quantizer, layout)


class _Part:
    """Forwards what a piece of the work reports to the bar of the whole work."""

    def __init__(self, advance: Callable[[int], None]):
        self.advance = advance
        self.start = NoProgress().start
        self.finish = NoProgress().finish


@contextmanager
def _opened(
    target: Target, layout: str, matrices: list[Matrix], options: TuneOptions, progress: Progress
) -> Iterator[Model]:
    """The model of one layout, in a temporary file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.lw"
        part = _Part(progress.advance)
        write_probe(path, target, layout, options.cols, max(ANCHORS), matrices, part)
        model = Model(path)
        try:
            yield model
        finally:
            model.close()


class _Probe:
    """An open model of one layout, and what is measured on it."""

    def __init__(
        self, model: Model, isa: str, layout: str, matrices: list[Matrix], options: TuneOptions
    ):
        self._model, self._isa, self._layout, self._options = model, isa, layout, options
        self._products = {m.name: _product(m, layout, options) for m in matrices}
        self._first = families(layout)[0]
        self._index = {tensor.name: i for i, tensor in enumerate(model.tensors())}
        self.bytes = sum(product.bytes for product in self._products.values())

    def bandwidth(self) -> tuple[float, ...]:
        """GB/s that 1, 2, ... threads read from memory."""
        size = self._products["streamed.0"].bytes
        counts = range(1, default_threads() + 1)
        return tuple(size / self._time("streamed.0", 1, n) / 1e9 for n in counts)

    def hand_over(self) -> float:
        """Microseconds that a product of two threads takes beyond half of what one takes."""
        if default_threads() == 1:
            return Machine.hand_over
        alone, together = (self._time(f"cached.{self._first}", 1, n) for n in (1, 2))
        return max(_LEAST_HAND_OVER, (together - alone / 2) * 1e6)

    def rates(self, machine: Machine) -> Iterator[tuple[str, float]]:
        """Each rate of the layout that ``machine`` lacks, by name."""
        tables = self._table_seconds()
        rates: dict[str, Callable[[], float]] = {
            f"{self._layout}.stream": lambda: self._stream(machine, tables),
            f"{self._layout}.tables": lambda: tables / self._options.cols * 1e9,
        }
        for name in families(self._layout):
            cached = f"cached.{name}"
            rates[f"{self._layout}.decode.{name}"] = partial(self._rate, cached, 1, tables)
            for tokens, phase in ANCHORS.items():
                many = partial(self._rate, cached, tokens, 0.0)
                rates[f"{self._layout}.{phase}.{name}"] = many
        for name in layout_rates(self._layout):
            if name not in machine.rates:
                yield name, rates[name]()

    def checks(self, machine: Machine) -> Iterator[Check]:
        """Products by all cores, from memory."""
        product = self._products["streamed.0"]
        for tokens in (1, *ANCHORS):
            predicted = predict(machine, product, tokens, machine.cores, from_memory=True)
            measured = self._time("streamed.0", tokens, machine.cores)
            yield Check(product, tokens, machine.cores, predicted.seconds, measured)

    def _time(self, matrix: str, tokens: int, threads: int = 1) -> float:
        with Session(self._model, threads=threads, isa_limit=self._isa) as session:
            return time_product(session, self._index[matrix], tokens, self._options.seconds)

    def _rate(self, matrix: str, tokens: int, tables: float) -> float:
        """10^9 weights (times tokens) a second, tables already built."""
        weights = self._products[matrix].padded_weights * tokens
        seconds = self._time(matrix, tokens)
        return weights / (seconds - min(tables, 0.9 * seconds)) / 1e9

    def _table_seconds(self) -> float:
        """What a product of one token takes beyond the work that grows with its rows."""
        kernel = self._model.kernel(self._index["small"], ISAS.index(self._isa), 1)
        if "_lut_" not in kernel:
            return 0.0
        names = "small", f"cached.{self._first}"
        (few, least), (many, most) = ((self._products[n].rows, self._time(n, 1)) for n in names)
        return max(_LEAST_TABLES, least - (most - least) / (many - few) * few)

    def _stream(self, machine: Machine, tables: float) -> float:
        """Share of the bandwidth that decode reaches; 1 where memory does not hold it up."""
        product = self._products["streamed.0"]
        seconds = self._time("streamed.0", 1) - tables
        rate = self._rate(f"cached.{self._first}", 1, tables)
        if seconds < _HELD_UP * product.padded_weights / rate / 1e9:
            return 1.0
        return product.bytes / seconds / 1e9 / machine.bandwidth[0]
