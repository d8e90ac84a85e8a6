"""What the planner knows about a machine's speed: a table of TOML files, and its checks.

Targets carry one (targets/README.md explains the keys), and `lutwerk tune` measures one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lutwerk.defs import FORMATS, LAYOUTS, Format
from lutwerk.errors import TargetError
from lutwerk.layouts import compatible

#: Tokens at which rates of products of several are known, and the names of these phases.
ANCHORS = {2: "two", 4: "four", 128: "prefill"}
#: Threads whose read bandwidth may be stated; as many as a session may have.
MAX_THREADS = 256
#: No rate is above this; what is above it is a slip of units.
_GREATEST = 1e6
_PARTS = ("source", "cache_mib", "bandwidth", "hand_over", "rates")
#: What a target may leave out, and the key whose value then counts.
_DEFAULTS = {"two": "decode", "four": "prefill"}


def family(fmt: Format) -> str:
    """Formats that a kernel runs at about one speed: ``ternary``, ``i1`` to ``i8``, ``f16``, ``f32``.

    Groups and zero points make little difference; ``i1`` is the codebook BINARY.
    """
    named = fmt.is_float or fmt.codebook == "TERNARY"
    return fmt.name if named else f"i{fmt.bits}"


def families(layout: str) -> tuple[str, ...]:
    """Families that a layout can hold."""
    return tuple(dict.fromkeys(family(f) for f in FORMATS.values() if layout in compatible(f)))


def layout_rates(layout: str) -> tuple[str, ...]:
    """Names of the rates of one layout, in the order of the files."""
    tables = (f"{layout}.tables",) if LAYOUTS[layout].lut_cols else ()
    phases = ("decode", *ANCHORS.values())
    rates = [f"{layout}.{phase}.{f}" for phase in phases for f in families(layout)]
    return (f"{layout}.stream", *tables, *rates)


#: Names of all rates.
RATES: tuple[str, ...] = tuple(rate for layout in LAYOUTS for rate in layout_rates(layout))


@dataclass(frozen=True)
class Machine:
    """Speed of a machine with the kernels of one instruction set.

    Attributes:
        source: Where the numbers come from, for people.
        cache_mib: Size of the last-level cache. Weights that exceed it come from memory.
        bandwidth: GB/s (10^9 bytes) that 1, 2, ... cores together read from memory.
        rates: By name: ``L.stream``, share of the bandwidth that the decode kernel of layout L
            reaches; ``L.tables``, nanoseconds that one core takes to build the lookup tables of one
            column (0: its decode kernel multiplies); ``L.decode.F``, ``L.two.F``, ``L.four.F``
            and ``L.prefill.F``, 10^9 weights (times tokens) a second of one core for 1, 2, 4 and
            128 tokens, weights in its cache, for format family F.
        hand_over: Microseconds that a product takes longer because threads share it.
    """

    source: str
    cache_mib: float
    bandwidth: tuple[float, ...]
    rates: dict[str, float]
    hand_over: float = 1.0

    @property
    def cores(self) -> int:
        """Cores whose bandwidth is known; more threads than that are not taken to be faster."""
        return len(self.bandwidth)

    def missing(self) -> list[str]:
        """Names of the rates that are not there; a tuning record lacks some until it is complete."""
        return [name for name in RATES if name not in self.rates]


def parse_machine(table: Any, where: str, *, partial: bool = False) -> Machine:
    """Check a table of a TOML file. ``partial``: rates may be missing.

    Raises TargetError, naming ``where`` and the key, for what is unknown, missing or out of range.
    """
    if not isinstance(table, dict) or table.keys() | {"hand_over"} != set(_PARTS):
        found = sorted(table) if isinstance(table, dict) else table
        raise TargetError(
            f"{where}: [speed] holds {found!r:.200}; needs {', '.join(_PARTS)} and nothing else; "
            "see targets/README.md"
        )
    bandwidth = table["bandwidth"]
    if not isinstance(bandwidth, list) or not 1 <= len(bandwidth) <= MAX_THREADS:
        raise TargetError(
            f"{where}: speed.bandwidth is {bandwidth!r:.80}; accepted: a list of 1 to {MAX_THREADS} "
            "numbers, GB/s of 1, 2, ... cores"
        )
    if not isinstance(table["source"], str):
        raise TargetError(f"{where}: speed.source is {table['source']!r:.80}; accepted: a text")
    rates = _flatten(table["rates"])
    if not partial:
        rates = _with_defaults(rates)
    unknown = [name for name in rates if name not in RATES]
    absent = [] if partial else [name for name in RATES if name not in rates]
    for problem, names in (("unknown", unknown), ("missing", absent)):
        if names:
            listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            raise TargetError(
                f"{where}: {problem} in [speed.rates]: {listed}; see targets/README.md"
            )
    return Machine(
        table["source"],
        _number(table["cache_mib"], "cache_mib", where),
        tuple(_number(b, "bandwidth", where) for b in bandwidth),
        {name: _number(value, f"rates.{name}", where) for name, value in rates.items()},
        _number(table.get("hand_over", Machine.hand_over), "hand_over", where),
    )


def _with_defaults(rates: dict[str, Any]) -> dict[str, Any]:
    found = dict(rates)
    for name in RATES:
        layout, _, rest = name.partition(".")
        phase, _, of = rest.partition(".")
        other = f"{layout}.{_DEFAULTS.get(phase)}.{of}"
        if name not in rates and other in rates:
            found[name] = rates[other]
    return found


def _flatten(table: Any, prefix: str = "") -> dict[str, Any]:
    """Leaves of nested tables by dotted name."""
    if not isinstance(table, dict):
        return {prefix: table}
    return {
        name: value
        for key, inner in table.items()
        for name, value in _flatten(inner, f"{prefix}.{key}" if prefix else key).items()
    }


def _number(value: Any, key: str, where: str) -> float:
    may_be_zero = key.endswith(".tables")
    good = isinstance(value, int | float) and not isinstance(value, bool)
    # Written so that nan fails it.
    if not (good and 0 <= value <= _GREATEST and (value > 0 or may_be_zero)):
        least = "0" if may_be_zero else "above 0"
        raise TargetError(
            f"{where}: speed.{key} is {value!r:.80}; accepted: a number, {least} to {_GREATEST:.0f}"
        )
    return float(value)
